"""What comes back again and again: it is closed each time, and people hear once who opens it and what to change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local import template

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.world import World

TERRAFORM = "HashiCorp Terraform/1.9.0 terraform-provider-aws/5.60.0"


def reopen(world: World, group: str, times: int, agent: str = TERRAFORM) -> None:
    for _ in range(times):
        (rule,) = world.open(group, "0.0.0.0/0")
        event = world.event(group)
        event["detail"]["userAgent"] = agent
        event["detail"]["responseElements"]["securityGroupRuleSet"]["items"][0]["securityGroupRuleId"] = rule
        world.stack.deliver(event)


@pytest.fixture(name="stopping")
def _stopping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = (template.ROOT / "layers/policy/policy/security_group.toml").read_text("utf-8")
    stop = shipped.replace('\non_flapping = "close"', '\non_flapping = "stop"')
    (tmp_path / "security_group.toml").write_text(stop, "utf-8")
    monkeypatch.setenv("NODEWARDEN_POLICY_FOLDER", str(tmp_path))


def severities(world: World) -> list[str]:
    return [message.attributes["severity"] for message in world.stack.told()]


def test_the_third_opening_in_a_day_is_closed_and_escalated_with_who_by_what_and_what_to_change(world: World) -> None:
    group = world.group()

    reopen(world, group, 3)

    assert world.sources(group) == set()
    assert severities(world) == ["high", "high", "critical"]
    message = world.last_told()
    assert message.subject.startswith("FLAPPING, closed 3 times in a day: tcp/22 from 0.0.0.0/0")
    actor = world.event(group)["detail"]["userIdentity"]["arn"]
    assert f"Reopened: {actor} by AuthorizeSecurityGroupIngress with {TERRAFORM}, 3 times" in message.email
    assert "Terraform: change its code too" in message.email


def test_it_is_escalated_once_and_closed_on_and_on(world: World) -> None:
    group = world.group()

    reopen(world, group, 6)

    assert world.sources(group) == set()
    assert severities(world) == ["high", "high", "critical", "high", "high", "high"]


def test_it_is_escalated_again_when_it_still_flaps_a_day_later(world: World) -> None:
    group = world.group()
    reopen(world, group, 3)

    with world.later(days=1, minutes=1):
        reopen(world, group, 3)

    assert severities(world) == ["high", "high", "critical"] * 2


def test_openings_of_other_ports_and_older_ones_are_not_counted(world: World) -> None:
    group = world.group()
    reopen(world, group, 2)
    world.open(group, "0.0.0.0/0", ports="80")
    world.deliver(group)

    with world.later(days=1, minutes=1):
        reopen(world, group, 1)

    assert "critical" not in severities(world)


def test_all_who_open_it_are_named(world: World) -> None:
    group = world.group()

    reopen(world, group, 1)
    reopen(world, group, 2, agent="console.amazonaws.com")

    assert "with console.amazonaws.com, 2 times" in world.last_told().email
    assert f"with {TERRAFORM}" in world.last_told().email


def test_somebody_whose_call_added_other_rules_is_not_named(world: World) -> None:
    group = world.group()

    for _ in range(3):
        world.open(group, "0.0.0.0/0")
        world.deliver(group)  # about another rule

    assert "Reopened: somebody that no event named, 3 times" in world.last_told().email


def test_a_controller_that_opens_it_is_told_with_its_annotation(world: World) -> None:
    group = world.group()

    reopen(world, group, 3, agent="elbv2.k8s.aws/v2.8.0 aws-sdk-go/1.55.5")

    assert "alb.ingress.kubernetes.io/inbound-cidrs" in world.last_told().email


@pytest.mark.usefixtures("stopping")
def test_where_the_policy_says_stop_the_third_opening_stays_open_and_is_said_once(world: World) -> None:
    group = world.group()

    reopen(world, group, 3)
    world.deliver(group)
    world.sweep()

    assert world.sources(group) == {"0.0.0.0/0"}
    assert world.told() == ["revoked", "revoked", "flapping"]
    assert world.last_told().attributes["severity"] == "critical"
    assert "Reopened:" in world.last_told().email


@pytest.mark.usefixtures("stopping")
def test_what_was_left_open_as_flapping_is_closed_the_day_after(world: World) -> None:
    group = world.group()
    reopen(world, group, 3)

    with world.later(days=1, minutes=1):
        world.sweep()

    assert world.sources(group) == set()


def test_a_sweep_that_closes_it_a_third_time_escalates_in_its_digest(world: World) -> None:
    world.stack.update(SweepMode="enforce")
    group = world.group()
    reopen(world, group, 2)
    world.open(group, "0.0.0.0/0")

    world.sweep()

    assert world.last_told().attributes == {"kind": "sweep", "severity": "critical", "outcome": "revoked"}
    assert "3 times in a day" in world.last_told().email
    assert f"with {TERRAFORM}, 2 times" in world.last_told().email
