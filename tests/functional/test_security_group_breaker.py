"""The breaker: so many groups of an account within an hour, and what is above that is held and said loudly."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import time_machine

from local import template
from local.stack import Crash
from tests.functional.world import WHO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.functional.world import World

TEN_PAST = datetime(2026, 11, 24, 9, 10, tzinfo=UTC)
NEXT_HOUR = datetime(2026, 11, 24, 10, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _two_an_hour_at_ten_past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the policy bear two groups an hour, and the clock not pass into the next."""
    shipped = (template.ROOT / "layers/policy/policy/security_group.toml").read_text("utf-8")
    narrow = shipped.replace("breaker_groups_an_hour = 20", "breaker_groups_an_hour = 2")
    (tmp_path / "security_group.toml").write_text(narrow, "utf-8")
    monkeypatch.setenv("NODEWARDEN_POLICY_FOLDER", str(tmp_path))
    with time_machine.travel(TEN_PAST):
        yield


def opened(world: World, *names: str) -> list[str]:
    """Open one group after the other, and let each event arrive."""
    groups = [world.group(name) for name in names]
    for group in groups:
        world.open(group, "0.0.0.0/0")
        world.deliver(group)
    return groups


def test_decoys_first_then_the_real_hole_is_held_and_said_loudly(world: World) -> None:
    *decoys, hole = opened(world, "decoy-1", "decoy-2", "production")

    assert [world.sources(group) for group in decoys] == [set(), set()]
    assert world.sources(hole) == {"0.0.0.0/0"}
    assert world.outcomes() == world.told() == ["revoked", "revoked", "held"]
    message = world.last_told()
    assert message.attributes["severity"] == "critical"
    assert message.subject.startswith("NOT closed, held by the breaker: tcp/22 from 0.0.0.0/0 on production")
    assert "held by the breaker until 10:00 UTC: more than 2 groups within an hour" in message.email
    assert '"verb": "resume", "what": "breaker"' in message.email


def test_the_hole_is_closed_by_the_sweep_after_the_hour_and_not_before(world: World) -> None:
    *_, hole = opened(world, "decoy-1", "decoy-2", "production")

    world.sweep()
    assert world.sources(hole) == {"0.0.0.0/0"}
    with time_machine.travel(NEXT_HOUR):
        world.sweep()

    assert world.sources(hole) == set()
    assert world.outcomes() == ["revoked"] * 3


def test_what_was_held_is_closed_after_the_hour_even_when_new_decoys_use_it_up(world: World) -> None:
    *_, hole, other = opened(world, "decoy-1", "decoy-2", "production", "staging")

    with time_machine.travel(NEXT_HOUR):
        opened(world, "decoy-3", "decoy-4")
        world.sweep()

    assert world.sources(hole) == world.sources(other) == set()


def test_a_rule_that_is_added_to_a_held_group_does_not_keep_it_held_for_longer(world: World) -> None:
    *_, hole = opened(world, "decoy-1", "decoy-2", "production")

    with time_machine.travel(NEXT_HOUR):
        opened(world, "decoy-3", "decoy-4")
        world.open(hole, "::/0")
        world.deliver(hole)

    assert world.sources(hole) == set()


def test_what_is_added_to_a_held_group_is_told_too(world: World) -> None:
    *_, hole = opened(world, "decoy-1", "decoy-2", "production")

    world.open(hole, "::/0")
    world.deliver(hole)

    assert world.told()[-2:] == ["held", "held"]
    assert "tcp/22 from ::/0" in world.last_told().email


def test_resume_lets_everything_through_until_the_hour_is_over_and_the_sweep_closes_what_was_held(
    world: World,
) -> None:
    *_, hole = opened(world, "decoy-1", "decoy-2", "production")

    assert world.ask("resume", what="breaker", **WHO) == {"ok": True, "what": "breaker", "paused": False}
    assert world.last_told().attributes == {"kind": "breaker", "severity": "medium", "outcome": "resumed"}
    world.sweep()
    (after,) = opened(world, "after")

    assert world.sources(hole) == world.sources(after) == set()


def test_the_breaker_holds_again_in_the_hour_after_it_was_resumed(world: World) -> None:
    opened(world, "decoy-1", "decoy-2", "production")
    world.ask("resume", what="breaker", **WHO)

    with time_machine.travel(NEXT_HOUR):
        *_, third = opened(world, "one", "two", "three")

    assert world.sources(third) == {"0.0.0.0/0"}


def test_the_breaker_cannot_be_paused(world: World) -> None:
    answer = world.ask("pause", what="breaker", **WHO)

    assert not answer["ok"]
    assert "what" in answer["error"]


def test_what_was_held_without_an_event_is_closed_after_the_hour_too(world: World) -> None:
    opened(world, "decoy-1", "decoy-2")
    hole = world.group("production")
    world.open(hole, "0.0.0.0/0")
    event = {"account": "111122223333", "region": "eu-central-1", "detail": {"requestParameters": {"groupId": hole}}}
    world.stack.invoke("SecurityGroupFunction", event)
    assert world.outcomes()[-1] == "held"

    with time_machine.travel(NEXT_HOUR):
        world.sweep()

    assert world.sources(hole) == set()


def test_what_is_held_is_listed_though_many_others_changed_since(world: World) -> None:
    *_, _hole = opened(world, "decoy-1", "decoy-2", "production")
    decoy = world.stack.remediations()[0]["group_id"]
    for _ in range(20):
        world.open(decoy, "0.0.0.0/0")
        world.deliver(decoy)

    listed = world.ask("status", outcome="held")["remediations"]

    assert [entry["group_name"] for entry in listed] == ["production"]


def test_what_is_held_is_told_once_and_listed(world: World) -> None:
    *_, hole = opened(world, "decoy-1", "decoy-2", "production")

    world.deliver(hole)
    world.sweep()
    world.deliver(hole)

    assert world.told().count("held") == 1
    listed = world.ask("status", outcome="held")["remediations"]
    assert [entry["group_name"] for entry in listed] == ["production"]


def test_a_retry_does_not_count_twice(world: World) -> None:
    first = world.group("first")
    world.open(first, "0.0.0.0/0")
    world.fault("dynamodb:UpdateItem", crash, before=False, times=2)

    world.deliver(first)
    (second,) = opened(world, "second")

    assert world.sources(first) == world.sources(second) == set()


def test_a_group_that_opens_again_counts_once(world: World) -> None:
    first = world.group("first")
    for _ in range(2):
        world.open(first, "0.0.0.0/0")
        world.deliver(first)
    (second,) = opened(world, "second")

    assert world.sources(second) == set()
    assert "held" not in world.outcomes()


def test_ten_groups_at_once_let_through_no_more_than_the_policy_says(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")  # one set of metrics a process
    groups = [
        world.group(f"cluster-{number}", {"aws:eks:cluster-name": "demo", "Name": "same"}) for number in range(10)
    ]
    for group in groups:
        world.open(group, "0.0.0.0/0")
    event = world.event(groups[0])
    made = event["detail"]["responseElements"]["securityGroupRuleSet"]["items"][0]
    event["detail"]["responseElements"]["securityGroupRuleSet"]["items"] = [made | {"groupId": g} for g in groups]

    world.stack.invoke_at_once("SecurityGroupFunction", event, copies=4)
    world.stack.pump()

    assert sorted(world.outcomes()) == ["held"] * 8 + ["revoked"] * 2
    assert sum(not world.sources(group) for group in groups) == 2
    assert world.told().count("held") == 8


def test_the_sweep_is_held_too_and_closes_the_rest_in_the_next_hour(world: World) -> None:
    world.stack.update(SweepMode="enforce")
    groups = [world.group(f"cluster-{number}") for number in range(4)]
    for group in groups:
        world.open(group, "0.0.0.0/0")

    world.sweep()
    assert sorted(world.outcomes()) == ["held", "held", "revoked", "revoked"]
    assert world.last_told().attributes["severity"] == "critical"
    with time_machine.travel(NEXT_HOUR):
        world.sweep()

    assert [world.sources(group) for group in groups] == [set()] * 4


@pytest.mark.parametrize("before", [True, False], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize("number", range(9))
def test_a_crash_at_any_call_ends_held_told_and_listed(world: World, number: int, *, before: bool) -> None:
    opened(world, "decoy-1", "decoy-2")
    hole = world.group("production")
    world.open(hole, "0.0.0.0/0")
    world.crash_at(number, before=before)

    world.deliver(hole)

    assert world.sources(hole) == {"0.0.0.0/0"}
    assert world.outcomes() == ["revoked", "revoked", "held"]
    assert "held" in world.told()
    assert world.failures() == []


def crash() -> None:
    raise Crash
