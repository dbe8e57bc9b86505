"""A person's verbs: check, status, exempt, pause, resume."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from local import hosts
from tests.functional.world import WHO, refuse

if TYPE_CHECKING:
    from tests.functional.world import World

GROUP = "sg-0123456789abcdef0"
EXEMPT = {
    "verb": "exempt",
    "group": GROUP,
    "protocol": "tcp",
    "ports": "22",
    "source": "203.0.113.0/24",
    "for": "2d",
    **WHO,
}


def test_check_says_what_would_be_done_and_why_and_changes_nothing(world: World) -> None:
    group = world.group()
    (rule,) = world.open(group, "0.0.0.0/0")

    answer = world.ask("check", group=group)

    assert answer["ok"]
    assert answer["open_to_the_internet"] == [
        {
            "rule": "tcp/22 from 0.0.0.0/0",
            "rule_id": rule,
            "would_be": "revoked",
            "why": "open to the internet, and the group is tagged for the EKS cluster demo",
        }
    ]
    assert world.sources(group) == {"0.0.0.0/0"}
    assert world.stack.entries() == []


def test_check_says_why_a_group_is_left_alone(world: World) -> None:
    group = world.group("web", {})
    hosts.start_host(world.ec2, group, hosts.WEB_SERVER)
    world.open(group, "0.0.0.0/0")

    (verdict,) = world.ask("check", group=group)["open_to_the_internet"]

    assert verdict["would_be"] == "out-of-scope"
    assert "no EKS host uses the group" in verdict["why"]


def test_status_lists_newest_first_and_pages(world: World) -> None:
    groups = [world.group(f"group-{i:02}") for i in range(25)]
    for group in groups:
        world.open(group, "0.0.0.0/0")
        world.deliver(group)

    first = world.ask("status")
    second = world.ask("status", next=first["next"])

    listed = [r["group_id"] for r in (*first["remediations"], *second["remediations"])]
    assert len(first["remediations"]) == 20
    assert listed == groups[::-1]
    assert second["next"] == ""


def test_status_of_one_shows_all_that_is_known(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0", Description="temporary")
    world.deliver(group)
    name = world.stack.remediations()[0]["remediation_id"]

    shown = world.ask("status", remediation=name)["remediation"]

    assert shown["outcome"] == "revoked"
    assert shown["rules"][0]["description"] == "temporary"
    assert shown["cause"]["actor_type"] == "AssumedRole"
    json.dumps(shown)


def test_status_of_another_region_lists_what_is_there(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0")
    world.deliver(group)

    assert world.ask("status", region="us-east-1")["remediations"] == []
    assert len(world.ask("status", region="eu-central-1")["remediations"]) == 1


def test_status_says_that_acting_is_paused_and_by_whom(world: World) -> None:
    world.ask("pause", what="acting", **WHO)

    assert world.ask("status")["acting"] == f"paused by {WHO['by']}: {WHO['reason']}"


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({"verb": "open"}, "verb must be one of check, status, exempt, revoke, pause, resume"),
        ({}, "verb is missing"),
        ([], "a request is a JSON object"),
        ({"verb": "check"}, "group is missing"),
        ({"verb": "check", "group": "web"}, "group must be a security group's id"),
        ({"verb": "check", "group": GROUP, "grup": "x"}, "grup is not a setting here"),
        ({"verb": "status", "next": "xyz"}, "next is not what an earlier answer gave"),
        ({"verb": "status", "remediation": f"{GROUP}-000000000000"}, "list them with the verb status"),
        (EXEMPT | {"for": "100d"}, "for must be hours or days"),
        (EXEMPT | {"for": "4"}, "for must be hours or days"),
        (EXEMPT | {"for": "0h"}, "for must be hours or days"),
        (EXEMPT | {"for": 4}, "for must be a text"),
        ({k: v for k, v in EXEMPT.items() if k != "reason"}, "reason is missing"),
        ({k: v for k, v in EXEMPT.items() if k != "by"}, "by is missing"),
        (EXEMPT | {"ports": "25-20"}, "ports '25-20' is not a port range"),
        (EXEMPT | {"protocol": "icmp", "ports": "8"}, "icmp has no ports"),
        (EXEMPT | {"protocol": "tpc"}, "protocol 'tpc' is not a protocol"),
        (EXEMPT | {"source": "everywhere"}, "source must be a CIDR block"),
        (EXEMPT | {"account": "444455556666"}, "deploy Nodewarden there too"),
        ({"verb": "pause", "what": "everything", **WHO}, "what must be a security group's id"),
        ({"verb": "pause", "what": "acting"}, "by is missing"),
        ({"verb": "resume", "what": "acting", "by": "alice@example.com"}, "reason is missing"),
    ],
)
def test_a_wrong_request_changes_nothing_and_says_what_to_do(world: World, request_: Any, says: str) -> None:
    answer = world.stack.invoke("OperatorFunction", request_)

    assert answer["ok"] is False
    assert says in answer["error"]
    assert world.stack.entries() == []


def test_an_exemption_is_recorded_as_claimed_and_told(world: World) -> None:
    group = world.group()

    answer = world.ask(**EXEMPT | {"group": group})

    (entry,) = world.stack.entries()
    assert answer["ok"]
    assert (entry["by"], entry["reason"], entry["source"]) == (WHO["by"], WHO["reason"], "203.0.113.0/24")
    assert f"WHO {WHO['by']}: {WHO['reason']}" in world.last_told().said


def test_a_pause_and_its_end_are_recorded_and_told(world: World) -> None:
    world.ask("pause", what="acting", **WHO)
    world.ask("resume", what="acting", **WHO)

    (entry,) = world.stack.entries()
    assert (entry["paused"], entry["by"]) == (False, WHO["by"])
    assert [m.subject for m in world.stack.told()] == [
        "Paused: acting, by alice@example.com",
        "Resumed: acting, by alice@example.com",
    ]


def test_what_aws_refuses_is_answered_with_the_missing_action(world: World) -> None:
    world.fault("ec2:DescribeSecurityGroupRules", refuse("UnauthorizedOperation", "DescribeSecurityGroupRules"))

    answer = world.ask("check", group=GROUP)

    assert answer["ok"] is False
    assert "ec2:DescribeSecurityGroupRules" in answer["error"]
