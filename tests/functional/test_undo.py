"""The verb undo: what was closed is put back, exempt for a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from local.stack import Crash
from tests.functional.world import WHO

if TYPE_CHECKING:
    from tests.functional.world import World


@pytest.fixture(name="closed")
def _closed(world: World) -> tuple[str, dict[str, Any]]:
    """A group that was closed, and its ledger entry."""
    group = world.group()
    world.ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 22,
                "ToPort": 22,
                "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "temporary"}],
                "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
            }
        ],
        TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": [{"Key": "owner", "Value": "alice"}]}],
    )
    world.deliver(group)
    return group, world.stack.remediations()[0]


def undo(world: World, entry: dict[str, Any], **fields: str) -> dict[str, Any]:
    return world.ask("undo", **{"remediation": entry["remediation_id"], "for": "4h"} | WHO | fields)


def test_undo_puts_the_rules_back_with_description_and_tags(world: World, closed: tuple[str, dict[str, Any]]) -> None:
    group, entry = closed

    answer = undo(world, entry)

    assert answer["ok"]
    assert world.sources(group) == {"0.0.0.0/0", "::/0"}
    rules = {row.get("CidrIpv4", "::/0"): row for row in world.rules(group).values()}
    assert rules["0.0.0.0/0"]["Description"] == "temporary"
    assert rules["0.0.0.0/0"]["Tags"] == [{"Key": "owner", "Value": "alice"}]


def test_what_undo_opened_stays_until_its_time_is_over(world: World, closed: tuple[str, dict[str, Any]]) -> None:
    group, entry = closed
    now = datetime.now(UTC)
    undo(world, entry)

    world.deliver(group)
    assert world.sources(group) == {"0.0.0.0/0", "::/0"}
    with time_machine.travel(now + timedelta(hours=4, minutes=1)):
        world.deliver(group)

    assert world.sources(group) == set()


def test_undo_is_told_once_with_who_and_why(world: World, closed: tuple[str, dict[str, Any]]) -> None:
    group, entry = closed

    undo(world, entry)
    world.deliver(group)

    assert world.told() == ["revoked", "undone"]
    assert f"WHO {WHO['by']}: {WHO['reason']}" in world.last_told().said


def test_undo_again_finds_the_rules_there(world: World, closed: tuple[str, dict[str, Any]]) -> None:
    group, entry = closed
    undo(world, entry)

    answer = undo(world, entry)

    assert answer["ok"]
    assert len(answer["open_already"]) == 2
    assert len(world.rules(group)) == 2


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("number", range(6))
def test_undo_that_crashes_at_any_call_can_be_repeated(
    world: World, closed: tuple[str, dict[str, Any]], number: int, *, before: bool
) -> None:
    group, entry = closed
    crashed = world.crash_at(number, before=before)
    with pytest.raises(Crash):
        undo(world, entry)
    assert [*crashed]
    world.stack.pump()
    world.deliver(group)  # whatever is open already is exempt already

    assert undo(world, entry)["ok"]
    world.deliver(group)

    assert world.sources(group) == {"0.0.0.0/0", "::/0"}
    assert world.told()[-1] == "undone"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"remediation": "sg-0123456789abcdef0-000000000000"}, "look it up with the verb status"),
        ({"remediation": "sg-0123456789abcdef0"}, "remediation must be the id"),
        ({"for": "91d"}, "at most 90 days"),
        ({"for": "10m"}, "hours or days"),
        ({"reason": ""}, "reason"),
        ({"reason": " \n "}, "reason"),
        ({"force": "yes"}, "force is not a setting here"),
        ({"account": "444455556666"}, "deploy Nodewarden there too"),
        ({"region": "nowhere"}, "region must be a region's name"),
    ],
)
def test_a_wrong_request_changes_nothing_and_says_what_to_do(
    world: World, closed: tuple[str, dict[str, Any]], fields: dict[str, str], says: str
) -> None:
    group, entry = closed
    before = world.stack.entries()

    answer = undo(world, entry, **fields)

    assert answer["ok"] is False
    assert says in answer["error"]
    assert world.sources(group) == set()
    assert world.stack.entries() == before


def test_what_was_not_closed_by_us_cannot_be_undone(world: World) -> None:
    world.stack.update(Mode="observe")
    group = world.group()
    world.open(group, "0.0.0.0/0")
    world.deliver(group)

    answer = undo(world, world.stack.remediations()[0])

    assert answer["ok"] is False
    assert "is observed" in answer["error"]


def test_undo_in_a_group_that_is_gone_says_so(world: World, closed: tuple[str, dict[str, Any]]) -> None:
    group, entry = closed
    world.ec2.delete_security_group(GroupId=group)

    answer = undo(world, entry)

    assert answer["ok"] is False
    assert "nothing to put the rules back into" in answer["error"]
