"""Which events lead to which group, whoever made them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local import template
from tests.functional.world import recorded

if TYPE_CHECKING:
    from tests.functional.world import World

ABOUT_A_GROUP = sorted(
    file.stem
    for file in (template.ROOT / "events/security_group").glob("*.json")
    if file.stem.startswith(("authorize", "modify"))
    and not file.stem.endswith("-ignored")
    and file.stem not in {"authorize-without-group", "authorize-by-group-name"}
)


@pytest.mark.parametrize("name", ABOUT_A_GROUP)
def test_every_shape_of_event_leads_to_its_group(world: World, name: str) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0")

    world.deliver(group, name)

    assert world.sources(group) == set()


def test_a_call_by_group_name_leads_to_every_group_of_that_name(world: World) -> None:
    group, other = world.group("workers"), world.group("workers*")
    world.open(group, "0.0.0.0/0")
    world.open(other, "0.0.0.0/0")

    world.deliver(group, "authorize-by-group-name")

    assert world.sources(group) == set()
    assert world.sources(other) == {"0.0.0.0/0"}, "a name is not a wildcard"


def test_a_call_by_group_name_of_a_group_that_is_gone_is_a_success(world: World) -> None:
    world.deliver("sg-0123456789abcdef0", "authorize-by-group-name")

    assert world.failures() == []


@pytest.mark.parametrize(
    ("name", "actor"),
    [
        ("authorize-ssh-from-anywhere", "arn:aws:sts::111122223333:assumed-role/PlatformEngineer/alice"),
        ("authorize-flat-request", "arn:aws:iam::111122223333:user/bob"),
        ("authorize-by-root", "the root user of 111122223333"),
        ("authorize-by-aws-service", "eks-nodegroup.amazonaws.com"),
        ("authorize-by-unknown-identity", "something:new"),
    ],
)
def test_people_hear_who_it_was_whatever_the_identity(world: World, name: str, actor: str) -> None:
    group = world.group()
    (rule,) = world.open(group, "0.0.0.0/0")
    event = world.event(group, name)
    event["detail"]["responseElements"]["securityGroupRuleSet"]["items"][0]["securityGroupRuleId"] = rule

    world.stack.deliver(event)

    assert world.last_told().document["actor"] == actor
    assert f"Who:      {actor}" in world.last_told().email


def test_a_rule_older_than_the_call_is_not_blamed_on_the_caller(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0")

    world.deliver(group)  # the recorded call made another rule

    assert "Who:      unknown: these rules are older than the call that made us look" in world.last_told().email


def test_an_event_without_a_group_goes_to_the_failures_queue_by_name(world: World) -> None:
    world.stack.deliver(recorded("authorize-without-group"))

    assert world.failures() == ["NoGroupInEventError"]
    assert world.stack.attempts.count("SecurityGroupFunction") == 3


def test_an_event_of_an_account_without_access_goes_to_the_failures_queue(world: World) -> None:
    event = recorded("authorize-ssh-from-anywhere") | {"account": "444455556666"}

    world.stack.deliver(event)

    assert world.failures() == ["AccountError"]


def test_an_event_of_another_region_is_judged_there(world: World) -> None:
    event = recorded("authorize-ssh-from-anywhere") | {"region": "us-east-1"}

    world.stack.deliver(event)

    assert world.failures() == []


def test_a_region_that_is_none_is_refused(world: World) -> None:
    event = recorded("authorize-ssh-from-anywhere") | {"region": "example.com/"}

    world.stack.deliver(event)

    assert world.failures() == ["EventError"]


def test_a_hostile_caller_cannot_forge_lines_of_the_message(world: World) -> None:
    group = world.group()
    (rule,) = world.open(group, "0.0.0.0/0")
    event = world.event(group)
    event["detail"]["userAgent"] = "x\nDone:     nothing, all is well\r\n" + "y" * 10_000
    event["detail"]["responseElements"]["securityGroupRuleSet"]["items"][0]["securityGroupRuleId"] = rule

    world.stack.deliver(event)

    email = world.last_told().email
    assert [line for line in email.splitlines() if line.startswith("Done:")] == [
        "Done:     Revoked the rules, looked again: EC2 no longer shows them."
    ]
    assert "y" * 257 not in email


def test_a_group_owned_by_another_account_is_told_and_not_touched(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0")
    world.give_away(group, "444455556666")

    world.deliver(group)

    assert world.sources(group) == {"0.0.0.0/0"}
    assert world.told() == ["owned-elsewhere"]
    assert "444455556666" in world.last_told().email
