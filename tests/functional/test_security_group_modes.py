"""Observe, exemptions, pauses: what is left open on purpose, told when it changes, and acted on when that ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import time_machine

from tests.functional.world import WHO

if TYPE_CHECKING:
    from tests.functional.world import World


@pytest.fixture(name="observing")
def _observing(world: World) -> World:
    world.stack.update(Mode="observe")
    return world


def test_observe_tells_and_leaves_open(observing: World) -> None:
    group = observing.group()
    observing.open(group, "0.0.0.0/0")

    observing.deliver(group)

    assert observing.sources(group) == {"0.0.0.0/0"}
    assert observing.told() == ["observed"]
    assert observing.last_told().subject.startswith("Would close (observe mode)")


def test_observe_tells_when_the_outcome_changes_and_not_at_each_event(observing: World) -> None:
    group = observing.group()
    observing.open(group, "0.0.0.0/0")

    observing.deliver(group)
    observing.deliver(group)
    observing.open(group, "::/0")
    observing.deliver(group)

    assert observing.told() == ["observed", "observed"]
    assert "::/0" in observing.last_told().said
    assert "0.0.0.0/0" not in observing.last_told().said


def test_switching_to_enforce_acts_on_what_was_observed(observing: World) -> None:
    group = observing.group()
    observing.open(group, "0.0.0.0/0")
    observing.deliver(group)

    observing.stack.update(Mode="enforce")
    observing.deliver(group)

    assert observing.sources(group) == set()
    assert observing.outcomes() == ["revoked"]
    assert observing.told() == ["observed", "revoked"]


def test_what_was_observed_one_by_one_is_closed_as_one(observing: World) -> None:
    group = observing.group()
    for source in ("0.0.0.0/0", "::/0"):
        observing.open(group, source)
        observing.deliver(group)

    observing.stack.update(Mode="enforce")
    observing.deliver(group)

    assert observing.sources(group) == set()
    assert sorted(observing.outcomes()) == ["revoked", "superseded", "superseded"]
    assert observing.told() == ["observed", "observed", "revoked"]


def test_an_observed_opening_that_somebody_closes_is_told_as_gone(observing: World) -> None:
    group = observing.group()
    rules = observing.open(group, "0.0.0.0/0")
    observing.deliver(group)

    observing.ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=rules)
    observing.deliver(group)

    assert observing.told() == ["observed", "gone"]


def test_an_exempt_rule_stays_until_its_expiry_and_is_closed_after(world: World) -> None:
    group = world.group()
    now = datetime.now(UTC)
    world.ask("exempt", group=group, protocol="tcp", ports="20-25", source="0.0.0.0/0", **{"for": "4h"}, **WHO)
    world.open(group, "0.0.0.0/0")

    world.deliver(group)
    with time_machine.travel(now + timedelta(hours=3, minutes=59)):
        world.deliver(group)
    assert world.sources(group) == {"0.0.0.0/0"}
    with time_machine.travel(now + timedelta(hours=4, minutes=1)):
        world.deliver(group)

    assert world.sources(group) == set()
    assert world.told() == ["granted", "exempt", "revoked"]


@pytest.mark.parametrize(
    ("protocol", "ports", "source"),
    [("tcp", "22", "203.0.113.0/24"), ("udp", "22", "0.0.0.0/0"), ("tcp", "23-30", "0.0.0.0/0"), ("tcp", "22", "::/0")],
)
def test_an_exemption_of_something_else_does_not_cover(world: World, protocol: str, ports: str, source: str) -> None:
    group = world.group()
    world.ask("exempt", group=group, protocol=protocol, ports=ports, source=source, **{"for": "4h"}, **WHO)
    world.open(group, "0.0.0.0/0")

    world.deliver(group)

    assert world.sources(group) == set()


def test_an_exemption_of_another_group_does_not_cover(world: World) -> None:
    group, other = world.group(), world.group("other", {})
    world.ask("exempt", group=other, protocol="tcp", ports="22", source="0.0.0.0/0", **{"for": "4h"}, **WHO)
    world.open(group, "0.0.0.0/0")

    world.deliver(group)

    assert world.sources(group) == set()


def test_beside_an_exempt_rule_the_others_are_closed(world: World) -> None:
    group = world.group()
    world.ask("exempt", group=group, protocol="tcp", ports="22", source="0.0.0.0/0", **{"for": "4h"}, **WHO)
    world.open(group, "0.0.0.0/0", "::/0")

    world.deliver(group)

    assert world.sources(group) == {"0.0.0.0/0"}
    assert sorted(world.outcomes()) == ["exempt", "revoked"]


@pytest.mark.parametrize("what", ["acting", "group"])
def test_while_paused_nothing_is_closed_and_after_resume_it_is(world: World, what: str) -> None:
    group = world.group()
    what = group if what == "group" else what
    world.open(group, "0.0.0.0/0")

    world.ask("pause", what=what, **WHO)
    world.deliver(group)
    assert world.sources(group) == {"0.0.0.0/0"}
    world.ask("resume", what=what, **WHO)
    world.deliver(group)

    assert world.sources(group) == set()
    assert world.told() == ["paused", "paused", "resumed", "revoked"]


def test_the_pause_of_another_group_pauses_nothing_here(world: World) -> None:
    group, other = world.group(), world.group("other", {})
    world.open(group, "0.0.0.0/0")

    world.ask("pause", what=other, **WHO)
    world.deliver(group)

    assert world.sources(group) == set()
