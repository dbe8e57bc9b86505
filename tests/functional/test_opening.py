"""A person's verbs about an opening on record: revoke closes what was only observed, exempt leaves all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from local.stack import Crash
from tests.functional.test_notice_digest import policies
from tests.functional.test_security_group_reach import open_to_list
from tests.functional.world import WHO, refuse

if TYPE_CHECKING:
    from pathlib import Path

    from local.stack import Call
    from tests.functional.world import World

FOR_A_DAY = {"for": "24h"}


def observed(world: World, *ports: str) -> tuple[str, str]:
    """Have a group opened in the mode observe; gives the group and the remediation."""
    world.stack.update(Mode="observe")
    group = world.group()
    for port in ports or ("22",):
        world.open(group, "0.0.0.0/0", ports=port)
    world.deliver(group)
    return group, str(world.stack.remediations()[-1]["remediation_id"])


def test_revoke_closes_what_was_only_observed_and_says_who_asked(world: World) -> None:
    group, name = observed(world, "22", "80")

    answer = world.ask("revoke", remediation=name, **WHO)

    (entry,) = world.stack.remediations()
    assert sorted(answer["closed"]) == ["tcp/22 from 0.0.0.0/0", "tcp/80 from 0.0.0.0/0"]
    assert world.sources(group) == set()
    assert entry["outcome"] == "revoked"
    assert entry["why"].endswith(f"; {WHO['by']} had it closed: {WHO['reason']}")
    assert world.told() == ["observed", "revoked"]


def test_revoke_closes_only_what_the_record_is_about(world: World) -> None:
    group, name = observed(world)
    world.open(group, "0.0.0.0/0", ports="80")
    world.deliver(group)
    before = [entry for entry in world.stack.remediations() if entry["remediation_id"] != name]

    world.ask("revoke", remediation=name, **WHO)

    assert [row["FromPort"] for row in world.rules(group).values()] == [80]
    assert [entry for entry in world.stack.remediations() if entry["remediation_id"] != name] == before


def test_to_revoke_twice_is_to_revoke_once(world: World) -> None:
    _, name = observed(world)

    first, second = (world.ask("revoke", remediation=name, **WHO) for _ in range(2))

    assert first == second
    assert world.told() == ["observed", "revoked"]


def open_to_a_list(world: World, group: str) -> None:
    """Open a group to a prefix list that holds the internet."""
    made = world.ec2.create_managed_prefix_list(
        PrefixListName="all", MaxEntries=1, AddressFamily="IPv4", Entries=[{"Cidr": "0.0.0.0/0"}]
    )
    open_to_list(world, group, made["PrefixList"]["PrefixListId"])


def test_revoke_says_so_where_it_cannot_read_what_the_record_is_about(world: World) -> None:
    world.stack.update(Mode="observe")
    group = world.group()
    open_to_a_list(world, group)
    world.deliver(group)
    (entry,) = world.stack.remediations()
    world.fault("ec2:GetManagedPrefixListEntries", refuse("InternalError", "GetManagedPrefixListEntries"))

    answer = world.ask("revoke", remediation=entry["remediation_id"], **WHO)

    assert "GetManagedPrefixListEntries" in answer["error"]
    assert world.outcomes() == ["observed"]
    assert len(world.rules(group)) == 1


def test_a_list_that_cannot_be_read_does_not_keep_another_opening_from_being_revoked(world: World) -> None:
    group, name = observed(world)
    open_to_a_list(world, group)
    world.fault("ec2:GetManagedPrefixListEntries", refuse("InternalError", "GetManagedPrefixListEntries"))

    assert world.ask("revoke", remediation=name, **WHO)["closed"] == ["tcp/22 from 0.0.0.0/0"]
    assert "0.0.0.0/0" not in world.sources(group)


def test_revoke_leaves_what_is_exempt_and_says_so(world: World) -> None:
    group, name = observed(world)
    world.ask("exempt", group=group, protocol="tcp", ports="22", source="0.0.0.0/0", **{"for": "1h"}, **WHO)

    answer = world.ask("revoke", remediation=name, **WHO)

    assert "exempt: exempt until" in answer["error"]
    assert world.sources(group) == {"0.0.0.0/0"}


def test_revoke_closes_nothing_while_acting_is_paused(world: World) -> None:
    group, name = observed(world)
    world.ask("pause", what="acting", **WHO)

    assert "paused" in world.ask("revoke", remediation=name, **WHO)["error"]
    assert world.sources(group) == {"0.0.0.0/0"}


def two_observed(world: World) -> list[tuple[str, str]]:
    """Have two groups opened in the mode observe; gives each with its remediation."""
    world.stack.update(Mode="observe")
    for number in range(2):
        group = world.group(f"workers-{number}")
        world.open(group, "0.0.0.0/0")
        world.deliver(group)
    return [(entry["group_id"], entry["remediation_id"]) for entry in world.stack.remediations()]


def full_breaker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the breaker let one group through in an hour."""
    policies(tmp_path, monkeypatch, security_group=("breaker_groups_an_hour = 20", "breaker_groups_an_hour = 1"))


def test_revoke_says_that_the_breaker_is_full_and_leaves_on_record_what_is_true(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_breaker(tmp_path, monkeypatch)
    (_, first), (group, second) = two_observed(world)
    assert world.ask("revoke", remediation=first, **WHO)["ok"]

    answer = world.ask("revoke", remediation=second, **WHO)

    assert "the breaker has let 1 groups through in this hour. Ask again after " in answer["error"]
    assert world.sources(group) == {"0.0.0.0/0"}
    assert sorted(world.outcomes()) == ["observed", "revoked"]
    assert world.told() == ["observed", "observed", "revoked"]
    with world.later(hours=1):
        assert world.ask("revoke", remediation=second, **WHO)["ok"]
    assert world.sources(group) == set()


def test_revoke_closes_what_the_breaker_refused_once_somebody_has_resumed_it(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_breaker(tmp_path, monkeypatch)
    (_, first), (group, second) = two_observed(world)
    for name in (first, second):
        world.ask("revoke", remediation=name, **WHO)
    world.ask("resume", what="breaker", **WHO)

    assert world.ask("revoke", remediation=second, **WHO)["ok"]
    assert world.sources(group) == set()


def test_revoke_closes_what_the_breaker_held_an_hour_later(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_breaker(tmp_path, monkeypatch)
    for number in range(2):
        group = world.group(f"workers-{number}")
        world.open(group, "0.0.0.0/0")
        world.deliver(group)
    name = next(entry["remediation_id"] for entry in world.stack.remediations() if entry["outcome"] == "held")
    assert "the breaker has let 1 groups through" in world.ask("revoke", remediation=name, **WHO)["error"]

    with world.later(hours=1):
        assert world.ask("revoke", remediation=name, **WHO)["ok"]

    assert world.outcomes() == ["revoked", "revoked"]


def test_revoke_closes_nothing_else_than_what_people_were_told_of(world: World) -> None:
    group, name = observed(world)
    (rule,) = world.rules(group)
    opens: Any = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIpv4": "0.0.0.0/0"}
    world.ec2.modify_security_group_rules(
        GroupId=group, SecurityGroupRules=[{"SecurityGroupRuleId": rule, "SecurityGroupRule": opens}]
    )

    answer = world.ask("revoke", remediation=name, **WHO)

    assert "changed meanwhile: tcp/22 from 0.0.0.0/0 is tcp/443 from 0.0.0.0/0 now" in answer["error"]
    assert world.sources(group) == {"0.0.0.0/0"}
    assert world.outcomes() == ["observed"]


@pytest.mark.parametrize("number", range(11))
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_crash_at_any_call_of_revoke_is_mended_by_asking_again(world: World, number: int, *, before: bool) -> None:
    group, name = observed(world)
    seen: list[Call] = []

    def die(call: Call) -> None:
        if call.function == "OperatorFunction" and call.before is before:
            seen.append(call)
            if len(seen) == number + 1:
                raise Crash

    world.stack.observers.append(die)
    world.stack.invoke_asynchronously("OperatorFunction", {"verb": "revoke", "remediation": name, **WHO})
    world.stack.pump()

    assert world.sources(group) == set()
    assert world.outcomes() == ["revoked"]
    assert world.told() == ["observed", "revoked"]


def test_exempt_of_a_record_covers_all_that_it_is_about_for_as_long_as_it_says(world: World) -> None:
    group, name = observed(world, "22", "80")

    world.ask("exempt", remediation=name, **FOR_A_DAY, **WHO)
    world.stack.update(Mode="enforce")
    world.deliver(group)

    assert len(world.rules(group)) == 2
    with world.later(hours=25):
        world.deliver(group)
    assert world.rules(group) == {}


UNKNOWN = "sg-0123456789abcdef0-000000000000"
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"verb": "revoke"}, "remediation is missing"),
    ({"verb": "revoke", "remediation": "x", **WHO}, "remediation must be the id"),
    ({"verb": "revoke", "remediation": UNKNOWN}, "by is missing"),
    ({"verb": "revoke", "remediation": UNKNOWN, **WHO}, "list them with the verb status"),
    ({"verb": "revoke", "remediation": UNKNOWN, "account": "444455556666", **WHO}, "deploy Nodewarden there too"),
    ({"verb": "exempt", "remediation": UNKNOWN, **WHO}, "for is missing"),
    ({"verb": "exempt", "remediation": UNKNOWN, "group": "sg-1", **FOR_A_DAY, **WHO}, "group is not a setting here"),
]


@pytest.mark.parametrize(("request_", "says"), WRONG)
def test_a_wrong_request_changes_nothing_and_says_what_to_do(world: World, request_: Any, says: str) -> None:
    answer = world.stack.invoke("OperatorFunction", request_)

    assert answer["ok"] is False
    assert says in answer["error"]
    assert world.stack.entries() == []
