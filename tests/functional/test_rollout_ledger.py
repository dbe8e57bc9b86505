"""The table that remembers rollouts: what two writers at once leave behind, and fleets that no transaction holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from nodewarden.aws.dynamodb import Items
from nodewarden.rollout.plan import plan
from nodewarden.rollout.state import GroupState, State
from nodewarden.rollout_ledger import MOST_WITH_HEAD, RolloutLedger
from tests.unit.rollout_builders import ACCOUNT, DAY, HOUR, NEWER, NOW, REGION, candidate, group, policy, target

if TYPE_CHECKING:
    from local.stack import Stack
    from nodewarden.errors import NodewardenError
    from nodewarden.rollout.plan import Planned
    from nodewarden.rollout.state import Rollout

SETTINGS = policy()
MANY = MOST_WITH_HEAD + 20


@pytest.fixture(name="ledger")
def _ledger(stack: Stack) -> RolloutLedger:
    items = Items(client=boto3.client("dynamodb"), table=stack.ids["LedgerTable"])
    return RolloutLedger(items=items, account=ACCOUNT, region=REGION, retention=400 * DAY)


def a_plan(*active: Rollout, groups: int = 2, release: Any = None, at: Any = NOW) -> Planned:
    candidates = [candidate(group(f"w{n:03}", f"c{n}"), release) for n in range(groups)]
    (planned,) = plan(candidates, active, SETTINGS, at)
    return planned


def stored(ledger: RolloutLedger, planned: Planned) -> Rollout:
    assert ledger.plan(planned, NOW)
    return current(ledger, planned.rollout.rollout_id)


def current(ledger: RolloutLedger, rollout_id: str) -> Rollout:
    found = ledger.read(rollout_id)
    assert found
    return found.rollout


def failing(rollout: Rollout) -> Rollout:
    return rollout.with_groups(replace(each, state=GroupState.FAILED) for each in rollout.groups.values())


def test_a_planned_rollout_is_read_as_it_was_planned(ledger: RolloutLedger) -> None:
    planned = a_plan()

    assert stored(ledger, planned) == replace(planned.rollout, version=1)
    assert [rollout.rollout_id for rollout in ledger.active()] == [planned.rollout.rollout_id]


def test_of_two_plans_for_a_family_at_once_one_is_made_and_nothing_of_the_other_stays(ledger: RolloutLedger) -> None:
    first, second = a_plan(), a_plan(at=NOW + timedelta(seconds=1))

    assert [ledger.plan(first, NOW), ledger.plan(second, NOW)] == [True, False]

    assert ledger.read(second.rollout.rollout_id) is None
    assert list(ledger.going().rollouts.values()) == [first.rollout.rollout_id]
    left = list(ledger.items.partition(f"rollout#{second.rollout.rollout_id}"))
    assert all("ttl" in item for item in left)


def test_a_plan_in_place_of_another_ends_that_one_with_the_same_write(ledger: RolloutLedger) -> None:
    old = stored(ledger, a_plan())
    newer = a_plan(old, release=target(NEWER))

    assert ledger.plan(newer, NOW)

    assert current(ledger, old.rollout_id).state is State.SUPERSEDED
    assert list(ledger.going().rollouts.values()) == [newer.rollout.rollout_id]
    assert [rollout.rollout_id for rollout in ledger.ended_since(NOW - DAY, NOW, [])] == [old.rollout_id]


def test_a_plan_in_place_of_one_that_moved_on_meanwhile_is_not_made(ledger: RolloutLedger) -> None:
    old = stored(ledger, a_plan())
    newer = a_plan(old, release=target(NEWER))
    ledger.write(old, replace(old, state=State.ROLLING, wave=0), NOW)

    assert ledger.plan(newer, NOW) is False

    assert current(ledger, old.rollout_id).state is State.ROLLING
    assert [rollout.rollout_id for rollout in ledger.active()] == [old.rollout_id]


def test_of_two_writes_over_the_same_the_second_changes_nothing(ledger: RolloutLedger) -> None:
    rollout = stored(ledger, a_plan())
    first = ledger.write(rollout, replace(rollout, why="first"), NOW)

    second = ledger.write(rollout, failing(rollout), NOW)

    assert second is None
    assert current(ledger, rollout.rollout_id) == first


def test_of_two_writes_with_starts_of_two_rollouts_the_second_is_refused(ledger: RolloutLedger) -> None:
    one = stored(ledger, a_plan())
    (other,) = plan([replace(candidate(group("r", "c9")), family="Bottlerocket")], (), SETTINGS, NOW)
    two = stored(ledger, other)
    starts = ledger.going().starts

    assert ledger.write(one, replace(one, why="starts"), NOW, starts=starts)
    assert ledger.write(two, replace(two, why="starts"), NOW, starts=starts) is None
    assert ledger.write(two, replace(two, why="starts"), NOW, starts=starts + 1)


def test_a_fleet_that_no_transaction_holds_is_planned_tried_again_and_ended_as_a_whole(ledger: RolloutLedger) -> None:
    rollout = stored(ledger, a_plan(groups=MANY))
    failed = ledger.write(rollout, failing(rollout), NOW)
    assert failed

    assert current(ledger, rollout.rollout_id) == failed
    over = ledger.write(failed, replace(rollout, state=State.FINISHED, version=failed.version), NOW)

    assert current(ledger, rollout.rollout_id) == over
    assert ledger.active() == ()
    assert all("ttl" in item for item in ledger.items.partition(f"rollout#{rollout.rollout_id}"))


def test_what_updates_is_written_with_the_head_however_many_others_change(ledger: RolloutLedger) -> None:
    rollout = stored(ledger, a_plan(groups=MANY))
    starting = next(iter(rollout.groups.values()))
    changed = failing(rollout).with_groups([replace(starting, state=GroupState.STARTING)])

    assert ledger.write(rollout, changed, NOW, starts=99) is None

    assert current(ledger, rollout.rollout_id).active == ()


def ended_and_lost_a_group(ledger: RolloutLedger, stack: Stack) -> Rollout:
    """End two rollouts one after the other, the first of which then loses a group; gives the second."""
    for at in (NOW, NOW + HOUR):
        rollout = stored(ledger, a_plan(at=at))
        assert ledger.write(rollout, replace(rollout, state=State.ABORTED), NOW)
        if at == NOW:
            lost = {"pk": {"S": f"rollout#{rollout.rollout_id}"}, "sk": {"S": "group#c0/w000"}}
            boto3.client("dynamodb").delete_item(TableName=stack.ids["LedgerTable"], Key=lost)
    return rollout


def test_an_ended_rollout_that_cannot_be_read_does_not_hide_the_others(ledger: RolloutLedger, stack: Stack) -> None:
    whole, failures = ended_and_lost_a_group(ledger, stack), list[Any]()

    found = ledger.ended_since(NOW - DAY, NOW + DAY, failures)

    assert [rollout.rollout_id for rollout in found] == [whole.rollout_id]
    assert ["has 1 of its 2 groups" in str(failure) for failure in failures] == [True]


def test_an_ended_rollout_whose_time_is_over_counts_as_gone_whatever_is_left_of_it(
    ledger: RolloutLedger, stack: Stack
) -> None:
    ended_and_lost_a_group(ledger, stack)
    failures: list[NodewardenError] = []

    assert ledger.ended_since(NOW - DAY, NOW + 401 * DAY, failures) == ()
    assert failures == []


def test_rollouts_are_listed_newest_change_first(ledger: RolloutLedger) -> None:
    one = stored(ledger, a_plan())
    (other,) = plan([replace(candidate(group("r", "c9")), family="Bottlerocket")], (), SETTINGS, NOW)
    two = stored(ledger, other)
    ledger.write(one, replace(one, why="moved on"), NOW + timedelta(minutes=5))

    assert [rollout.rollout_id for rollout in ledger.newest(2)] == [one.rollout_id, two.rollout_id]
    assert [rollout.why for rollout in ledger.newest(1)] == ["moved on"]
