"""One node group from its look right before the start to its end, and every way in which that can surprise."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from nodewarden.launch_template import LaunchTemplate
from nodewarden.node_group import AMI_FAMILY, SELF_MANAGED, HealthIssue, NodeGroup, Target, Update
from nodewarden.rollout.advance import advance, started, wanted
from nodewarden.rollout.answer import Verb
from nodewarden.rollout.observed import Busy, NotAllowedYet, Observed, Refused, Seen, Started, StartRefresh, StartUpdate
from nodewarden.rollout.plan import Candidate, plan
from nodewarden.rollout.preflight import surge
from nodewarden.rollout.state import GroupState, Rollout, State
from nodewarden.rollout.step import Step, StepKind
from tests.unit.rollout_builders import (
    DAY,
    HOUR,
    MINUTE,
    NEW,
    NEWER,
    NOW,
    OLD,
    TICK,
    alone,
    answer,
    candidate,
    cluster,
    group,
    key,
    kinds,
    planned,
    policy,
    saw,
    seen,
    ticked,
    update,
    wave,
)

if TYPE_CHECKING:
    from datetime import timedelta

POLICY = policy(wave(max_failures=9))
ISSUE = HealthIssue(code="AsgInstanceLaunchFailures", message="no capacity", resource_ids=("asg-1",))
EVICTION = HealthIssue(code="PodEvictionFailure", message="a budget", resource_ids=("i-1",))


SELF = replace(
    group("asg:own"),
    ami_type=SELF_MANAGED,
    launch_template=LaunchTemplate(template_id="lt-0123456789abcdef0", version="1"),
)


def rolling(*groups: NodeGroup) -> Rollout:
    """Give a rollout whose first wave has begun."""
    begun, _ = advance(planned(*(groups or (group(),)), settings=POLICY), Observed(), POLICY, NOW)
    assert begun.state is State.ROLLING
    return begun


def intended(look: Seen | None = None) -> tuple[Rollout, StartUpdate]:
    """Give a rollout with the intent to start its one group written, and the call that follows."""
    rollout, (call,) = advance(rolling(), saw(look or seen(group())), POLICY, NOW)
    assert isinstance(call, StartUpdate)
    return rollout, call


def updating() -> Rollout:
    rollout, call = intended()
    return started(rollout, {call.key: Started("update-1")}, POLICY, NOW)


def after(rollout: Rollout, look: Seen, wait: timedelta = TICK) -> Rollout:
    """Give the rollout after a tick that saw the group like this."""
    looks = Observed(groups={key(): look})
    return advance(rollout, looks, POLICY, NOW + wait)[0]


def test_the_intent_is_written_before_the_call_and_the_call_names_minor_and_release_together() -> None:
    rollout, call = intended()

    assert alone(rollout).state is GroupState.STARTING
    assert call == StartUpdate(key=key(), token=alone(rollout).token, version="1.33", release_version=NEW, force=False)


def test_force_is_asked_for_by_the_groups_tag_alone() -> None:
    _, forced = intended(seen(group(tags={"nodewarden:force": "true"})))
    _, unforced = intended(seen(group(tags={"nodewarden:force": "false"})))

    assert (forced.force, unforced.force) == (True, False)


def test_the_token_is_the_same_for_an_attempt_and_another_for_the_next() -> None:
    first = alone(rolling())

    assert first.token == alone(rolling()).token
    assert first.token != replace(first, attempt=2).token
    assert first.token != replace(first, key=key("others")).token
    assert first.token != replace(first, target=replace(first.target, release_version=NEWER)).token
    assert first.token != replace(first, minor="1.34").token
    assert len(first.token) <= 64


def test_the_token_of_a_later_rollout_is_another_one() -> None:
    (later,) = plan([candidate(group())], (), POLICY, NOW + 3 * DAY)

    assert alone(later.rollout).token != alone(rolling()).token


def test_a_group_that_is_forced_meanwhile_is_called_with_another_token() -> None:
    rollout, call = intended()

    _, (forced,) = advance(
        rollout, Observed(groups={key(): seen(group(tags={"nodewarden:force": "true"}))}), POLICY, NOW + TICK
    )

    assert isinstance(forced, StartUpdate)
    assert (call.force, forced.force) == (False, True)
    assert forced.token != call.token


def test_an_update_that_brought_the_group_to_its_target_is_done() -> None:
    rollout = after(updating(), seen(group(release=NEW), update("Successful")), 25 * MINUTE)

    assert alone(rollout).state is GroupState.DONE
    assert alone(rollout).finished_at == NOW + 25 * MINUTE


def test_an_update_in_progress_is_waited_for_however_long_it_takes() -> None:
    rollout = after(updating(), seen(group(status="UPDATING"), update()), 9 * DAY)

    assert alone(rollout).state is GroupState.UPDATING


def test_a_failed_update_is_kept_with_its_errors_and_the_groups_issues() -> None:
    rollout = after(updating(), seen(group(issues=(ISSUE,)), update("Failed", EVICTION)))

    assert alone(rollout).state is GroupState.FAILED
    assert alone(rollout).errors == (EVICTION, ISSUE)
    assert alone(rollout).why == "the update failed: PodEvictionFailure"


def test_a_cancelled_update_is_a_failure() -> None:
    assert alone(after(updating(), seen(group(), update("Cancelled")))).state is GroupState.FAILED


def test_an_errors_length_is_bounded() -> None:
    many = HealthIssue(code="Unknown", message="x" * 9000, resource_ids=tuple(f"i-{n}" for n in range(900)))

    (error, *_) = alone(after(updating(), seen(group(), update("Failed", *[many] * 99)))).errors

    assert (len(error.message), len(error.resource_ids)) == (500, 20)


def test_success_is_believed_only_where_the_group_runs_the_target() -> None:
    rollout = after(updating(), seen(group(release=OLD), update("Successful")))

    assert alone(rollout).state is GroupState.FAILED
    assert alone(rollout).why == f"the update was successful, but it runs {OLD}"


def test_success_with_a_health_issue_is_waited_with_and_then_a_failure() -> None:
    look = seen(group(release=NEW, issues=(ISSUE,)), update("Successful"))

    early = after(updating(), look, HOUR)
    late = after(early, look, HOUR + DAY)

    assert alone(early).state is GroupState.UPDATING
    assert alone(late).state is GroupState.FAILED
    assert alone(late).errors == (ISSUE,)


def test_success_with_a_health_issue_that_passes_is_success() -> None:
    ill = after(updating(), seen(group(release=NEW, issues=(ISSUE,)), update("Successful")), HOUR)

    assert alone(after(ill, seen(group(release=NEW), update("Successful")), 2 * HOUR)).state is GroupState.DONE


def test_a_group_that_somebody_moved_on_after_our_update_is_left_alone() -> None:
    rollout = after(updating(), seen(group(release=NEWER), update("Successful")))

    assert alone(rollout).state is GroupState.LEFT_ALONE
    assert NEWER in alone(rollout).why


@pytest.mark.parametrize("rollout", [updating(), intended()[0]], ids=["updating", "starting"])
def test_a_group_that_was_deleted_is_left_alone(rollout: Rollout) -> None:
    gone = after(rollout, seen(None))

    assert alone(gone).state is GroupState.LEFT_ALONE
    assert alone(gone).may_return


# What becomes of an intent whose call's answer was lost.


def test_a_lost_start_that_came_about_is_adopted() -> None:
    rollout = after(intended()[0], seen(group(status="UPDATING"), update(at=NOW)))

    assert (alone(rollout).state, alone(rollout).update_id) == (GroupState.UPDATING, "update-1")


def test_a_lost_start_that_already_failed_is_adopted_and_not_called_again() -> None:
    lost, calls = advance(intended()[0], saw(seen(group(), update("Failed", EVICTION, at=NOW))), POLICY, NOW + HOUR)

    assert calls == ()
    assert alone(after(lost, seen(group(), update("Failed", EVICTION, at=NOW)), 2 * HOUR)).errors == (EVICTION,)


def test_an_earlier_attempts_failed_update_is_not_taken_for_this_one() -> None:
    earlier = update("Failed", EVICTION, at=NOW - HOUR)

    rollout, calls = advance(intended()[0], saw(seen(group(), earlier)), POLICY, NOW + TICK)

    assert len(calls) == 1
    assert alone(rollout).state is GroupState.STARTING


def test_a_lost_start_that_is_over_is_done() -> None:
    assert alone(after(intended()[0], seen(group(release=NEW)))).state is GroupState.DONE


def test_a_lost_start_that_did_not_come_about_is_called_again_with_the_same_token() -> None:
    rollout, first = intended()

    again, calls = advance(rollout, saw(seen(group())), POLICY, NOW + TICK)

    assert calls == (first,)
    assert alone(again).started_at == NOW
    assert alone(again).called_at == NOW + TICK


def test_a_lost_start_that_may_not_be_called_again_waits_once_nobody_can_call_any_more() -> None:
    paused = saw(seen(group()), answers=(answer(Verb.PAUSE),))

    soon, early_calls = advance(intended()[0], paused, POLICY, NOW + TICK)
    later, late_calls = advance(soon, saw(seen(group())), POLICY, NOW + 15 * MINUTE)

    assert (early_calls, late_calls) == ((), ())
    assert alone(soon).state is GroupState.STARTING
    assert alone(later).state is GroupState.WAITING


def test_a_lost_start_whose_group_is_updating_keeps_its_cluster() -> None:
    rollout = after(intended()[0], seen(group(status="UPDATING")), DAY)

    assert alone(rollout).state is GroupState.STARTING


# A refresh, which has no token.


def refreshed(was: Update | None = None) -> tuple[Rollout, StartRefresh]:
    """Give a rollout with the intent to refresh its one self-managed group, and the call; `was` is the latest refresh before."""
    golden = Target(release_version=NEW, parameter=f"{AMI_FAMILY}golden", released_at=NOW - 9 * DAY)
    (made,) = plan([Candidate(node_group=SELF, target=golden, family="golden")], (), POLICY, NOW)
    begun, _ = advance(made.rollout, Observed(), POLICY, NOW)
    rollout, (call,) = advance(begun, saw(seen(SELF, was)), POLICY, NOW)
    assert isinstance(call, StartRefresh)
    return rollout, call


def test_a_lost_refresh_is_not_called_again_before_nobody_makes_its_first_call_any_more() -> None:
    rollout, first = refreshed()
    look = saw(seen(SELF))

    soon, early_calls = advance(rollout, look, POLICY, NOW + TICK)
    _, late_calls = advance(soon, look, POLICY, NOW + 15 * MINUTE)

    assert (early_calls, late_calls) == ((), (first,))


def test_a_refresh_that_ended_is_this_attempts_where_it_is_not_the_one_from_before_whatever_its_time() -> None:
    before = update(update_id="before", status="RollbackSuccessful")
    rollout, call = refreshed(before)
    its = update(update_id="its", status="RollbackSuccessful", at=NOW - DAY)

    unchanged, adopted = (
        alone(advance(rollout, saw(seen(SELF, each)), POLICY, NOW + TICK)[0]) for each in (before, its)
    )

    assert call.after == "before"
    assert (unchanged.state, adopted.state, adopted.update_id) == (GroupState.STARTING, GroupState.UPDATING, "its")


def test_a_start_that_somebody_elses_refresh_came_before_waits_again() -> None:
    rollout, _ = refreshed()
    busy = replace(SELF, status="UPDATING")
    theirs = update(update_id="theirs", release=OLD)

    later, calls = advance(rollout, saw(seen(busy, theirs)), POLICY, NOW + TICK)

    assert (calls, alone(later).state) == ((), GroupState.WAITING)


def test_a_group_that_was_not_looked_at_stays_as_it_is() -> None:
    rollout, calls = advance(intended()[0], Observed(), POLICY, NOW + DAY)

    assert calls == ()
    assert alone(rollout).state is GroupState.STARTING


# What comes of the call.


def test_a_busy_group_is_looked_at_and_an_update_to_our_target_adopted() -> None:
    rollout, call = intended()
    busy = started(rollout, {call.key: Busy()}, POLICY, NOW)

    adopted = after(busy, seen(group(status="UPDATING"), update(update_id="theirs")))

    assert alone(busy).state is GroupState.STARTING
    assert (alone(adopted).state, alone(adopted).update_id) == (GroupState.UPDATING, "theirs")


def test_a_release_that_eks_does_not_take_yet_is_tried_later_and_told_the_third_time() -> None:
    rollout, call = intended()
    told: list[list[str]] = []
    now = NOW
    for _ in range(4):
        before = rollout.told
        rollout = started(rollout, {call.key: NotAllowedYet("Allowed release version is X")}, POLICY, now)
        told.append(kinds(rollout) if rollout.told > before else [])
        assert ticked(rollout, POLICY, now + 59 * MINUTE, lambda _: seen(group()))[1] == ()
        now += HOUR
        rollout, calls = ticked(rollout, POLICY, now, lambda _: seen(group()))
        assert calls == (call,)

    assert told == [[], [], ["not-allowed-yet"], []]


def test_a_release_that_eks_does_not_take_yet_is_told_once_for_a_wave_with_all_groups_it_was_refused_for() -> None:
    world = {each.key: each for each in (group(f"workers-{n}", f"cluster-{n}") for n in range(12))}
    rollout, told = rolling(*world.values()), list[Step]()
    now = NOW
    for _ in range(12 * 5):
        now += TICK
        rollout, calls = ticked(rollout, POLICY, now, lambda each: seen(world[each]))
        before = rollout.told
        refusals = {call.key: NotAllowedYet("Allowed release version is X") for call in calls}
        rollout = started(rollout, refusals, POLICY, now)
        told += rollout.steps if rollout.told > before else []

    (step,) = told
    assert step.kind is StepKind.NOT_ALLOWED_YET
    assert {each.key for each in step.groups} == set(world)
    assert step.counts == {GroupState.WAITING: 12}
    assert "Allowed release version is X" in step.why


def test_a_release_that_eks_never_takes_fails_the_group() -> None:
    rollout, call = intended()
    states = []
    for hours in range(24):
        now = NOW + hours * HOUR
        rollout, _ = ticked(rollout, POLICY, now, lambda _: seen(group()))
        rollout = started(rollout, {call.key: NotAllowedYet("Allowed release version is X")}, POLICY, now)
        states.append(alone(rollout).state)

    assert states == [*[GroupState.WAITING] * 23, GroupState.FAILED]
    assert "refused 24 times" in alone(rollout).why
    assert "Allowed release version is X" in alone(rollout).why


def test_a_refusal_fails_the_group_with_its_code() -> None:
    rollout, call = intended()

    refused = started(rollout, {call.key: Refused("InvalidRequestException", "not valid for 1.30")}, POLICY, NOW)

    assert alone(refused).state is GroupState.FAILED
    assert alone(refused).errors[0].code == "InvalidRequestException"


def test_a_late_answer_to_a_group_that_is_at_its_end_changes_nothing() -> None:
    ended = after(updating(), seen(group(), update("Failed", EVICTION)))

    assert started(ended, {key(): Started("update-1")}, POLICY, NOW) is ended


def test_a_late_refusal_does_not_fail_a_group_that_waits_again() -> None:
    waiting = rolling()

    assert started(waiting, {key(): Refused("x", "y")}, POLICY, NOW) is waiting
    assert alone(started(waiting, {key(): Started("update-1")}, POLICY, NOW)).state is GroupState.UPDATING


# The look right before the start.

HINDERED = {
    "an upgrading cluster": seen(group(), its_cluster=cluster(status="UPDATING")),
    "a group that somebody updates": seen(group(status="UPDATING")),
    "a degraded group": seen(group(status="DEGRADED")),
    "a health issue": seen(group(issues=(ISSUE,))),
    "a control plane that is older": seen(group(), its_cluster=cluster(version="1.9")),
    "too few addresses": seen(group(), free_addresses=3),
    "a zone without an address": replace(seen(group()), full_zones=("eu-central-1a",)),
    "addresses that nobody could read": seen(group(), free_addresses=None),
    "zones that nobody could read": seen(group(), zones=None),
    "somebody's update to another release": seen(group(status="UPDATING"), update(release=NEWER)),
}


@pytest.mark.parametrize("look", HINDERED.values(), ids=HINDERED)
def test_does_not_start_and_waits_with_the_reason_and_fails_after_a_day(look: Seen) -> None:
    waits, calls = advance(rolling(), saw(look), POLICY, NOW)
    still = stuck(waits, look, NOW, DAY - HOUR)
    still, more = advance(still, saw(look), POLICY, NOW + DAY - MINUTE)
    fails, most = advance(still, saw(look), POLICY, NOW + DAY)

    assert (calls, more, most) == ((), (), ())
    assert alone(waits).state is alone(still).state is GroupState.WAITING
    assert alone(waits).why
    assert alone(fails).state is GroupState.FAILED
    assert alone(waits).why in alone(fails).why


@pytest.mark.parametrize("free", [0, 3, None])
def test_a_group_without_hosts_needs_no_addresses(free: int | None) -> None:
    empty = replace(group(), desired=0)

    _, calls = advance(rolling(), saw(seen(empty, free_addresses=free)), POLICY, NOW)

    assert len(calls) == 1


CROWDED = seen(group(), free_addresses=0)


def stuck(rollout: Rollout, look: Seen, since: datetime, duration: timedelta) -> Rollout:
    """Look every hour, and find the same in the way."""
    for hours in range(1, duration // HOUR + 1):
        rollout, calls = advance(rollout, saw(look), POLICY, since + hours * HOUR)
        assert calls == ()
    return rollout


def test_hours_in_which_nobody_could_look_do_not_count_as_stuck() -> None:
    crowded, _ = advance(rolling(), saw(CROWDED), POLICY, NOW)

    after_days, calls = advance(crowded, saw(CROWDED), POLICY, NOW + 4 * DAY)
    later = stuck(after_days, CROWDED, NOW + 4 * DAY, 22 * HOUR)

    assert calls == ()
    assert alone(later).state is GroupState.WAITING
    assert alone(stuck(later, CROWDED, NOW + 4 * DAY + 22 * HOUR, HOUR)).state is GroupState.FAILED


def test_a_group_that_is_looked_at_seldom_is_stuck_in_the_end_too() -> None:
    rollout, _ = advance(rolling(), saw(CROWDED), POLICY, NOW)

    for looks in range(1, 25):
        assert alone(rollout).state is GroupState.WAITING
        rollout, _ = advance(rollout, saw(CROWDED), POLICY, NOW + looks * 3 * HOUR)

    assert alone(rollout).state is GroupState.FAILED


def test_a_group_that_was_hindered_at_the_end_of_a_window_is_not_failed_at_the_next_ones_first_look() -> None:
    thursday, monday = datetime(2026, 11, 26, 15, 45, tzinfo=UTC), datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
    days = policy(window=[{"days": ["mon", "thu"], "start": "09:00", "end": "16:00", "zone": "UTC"}])
    rollout, _ = ticked(planned(group(), settings=days), days, thursday, lambda _: CROWDED)
    rollout, _ = ticked(rollout, days, thursday + TICK, lambda _: CROWDED)
    assert alone(rollout).stuck_since

    rollout, _ = ticked(rollout, days, monday, lambda _: CROWDED)

    assert rollout.state is State.ROLLING
    assert alone(rollout).state is GroupState.WAITING


def test_a_group_that_was_hindered_before_a_pause_is_not_failed_at_its_end() -> None:
    rollout, _ = advance(rolling(), saw(CROWDED), POLICY, NOW)
    rollout, _ = advance(rollout, Observed(answers=(answer(Verb.PAUSE),)), POLICY, NOW + TICK)
    resume = Observed(answers=(answer(Verb.RESUME, NOW + 2 * DAY, number=2),))

    resumed, _ = ticked(rollout, POLICY, NOW + 2 * DAY, lambda _: CROWDED, resume)
    looked, _ = ticked(resumed, POLICY, NOW + 2 * DAY + TICK, lambda _: CROWDED)

    assert looked.state is State.ROLLING
    assert alone(looked).state is GroupState.WAITING


def test_a_refusal_before_a_weekend_and_one_after_it_are_two_and_not_days_of_them() -> None:
    rollout, call = intended()
    rollout = started(rollout, {call.key: NotAllowedYet("Allowed release version is X")}, POLICY, NOW)
    rollout, calls = ticked(rollout, POLICY, NOW + 4 * DAY, lambda _: seen(group()))
    assert calls == (call,)

    again = started(rollout, {call.key: NotAllowedYet("Allowed release version is X")}, POLICY, NOW + 4 * DAY)

    assert (alone(again).state, alone(again).refusals) == (GroupState.WAITING, 2)


def test_what_stood_in_the_way_before_is_forgotten_once_nothing_does() -> None:
    rollout, _ = advance(rolling(), saw(CROWDED), POLICY, NOW)

    rollout, calls = advance(rollout, saw(seen(group())), POLICY, NOW + 23 * HOUR)

    assert len(calls) == 1
    assert alone(rollout).stuck_since is None


LEFT_ALONE = {
    "held": (group(tags={"nodewarden:hold": "a migration"}), "a migration", True),
    "held without a reason": (group(tags={"nodewarden:hold": ""}), "no reason given", True),
    "pinned": (group(tags={"nodewarden:pin": OLD}), f"pinned to {OLD}", True),
    "in no wave": (group(of=""), "in no wave any more", True),
    "on another minor": (replace(group(), version="1.34"), "runs Kubernetes 1.34 now", True),
    "on a release of somebody's choice": (group(release=NEWER), f"somebody moved it to {NEWER}", False),
}


@pytest.mark.parametrize(("changed", "why", "may_return"), LEFT_ALONE.values(), ids=LEFT_ALONE)
def test_what_is_no_longer_what_was_planned_is_left_alone(changed: NodeGroup, why: str, *, may_return: bool) -> None:
    rollout, calls = advance(rolling(), saw(seen(changed)), POLICY, NOW)

    assert calls == ()
    assert alone(rollout).state is GroupState.LEFT_ALONE
    assert why in alone(rollout).why
    assert alone(rollout).may_return is may_return


def test_a_group_whose_wave_is_another_now_is_left_alone() -> None:
    two = policy(wave(), wave("prod"))
    rollout, _ = advance(planned(group(), settings=two), Observed(), two, NOW)

    moved, calls = advance(rollout, saw(seen(group(of="prod"))), two, NOW)

    assert calls == ()
    assert alone(moved).why == "in wave prod now: it was planned in dev"


@pytest.mark.parametrize(
    "look", [seen(None), replace(seen(group()), cluster=None)], ids=["the node group", "the cluster"]
)
def test_what_is_gone_is_left_alone(look: Seen) -> None:
    rollout, calls = advance(rolling(), Observed(groups={key(): look}), POLICY, NOW)

    assert calls == ()
    assert alone(rollout).state is GroupState.LEFT_ALONE


def test_a_group_that_somebody_brought_to_the_target_is_done() -> None:
    rollout, calls = advance(rolling(), saw(seen(group(release=NEW))), POLICY, NOW)

    assert calls == ()
    assert (alone(rollout).state, alone(rollout).why) == (GroupState.DONE, f"runs {NEW} already")


def test_somebodys_update_to_the_target_is_adopted() -> None:
    rollout, calls = advance(rolling(), saw(seen(group(status="UPDATING"), update(update_id="u"))), POLICY, NOW)

    assert calls == ()
    assert (alone(rollout).state, alone(rollout).update_id) == (GroupState.UPDATING, "u")


@pytest.mark.parametrize(
    ("changes", "zones", "hosts"),
    [
        ({}, 2, 4),
        ({}, 3, 6),
        ({"max_unavailable": 9}, 3, 9),
        ({"max_unavailable": 2}, 3, 6),
        ({"desired": 50, "max_unavailable_percentage": 33}, 3, 17),
        ({"desired": 0}, 1, 2),
    ],
)
def test_the_surge_is_two_for_each_zone_or_what_may_be_unavailable(
    changes: dict[str, int], zones: int, hosts: int
) -> None:
    assert surge(replace(group(), **changes), zones) == hosts  # type: ignore[arg-type]  # numbers by name


# Which are next.


def test_one_group_of_a_cluster_at_a_time() -> None:
    rollout = rolling(group("a"), group("b"), group("c", "other"))

    rollout, calls = ticked(rollout, POLICY, NOW, lambda each: seen(group(each.name, each.cluster)))
    _, more = ticked(rollout, POLICY, NOW + TICK, lambda each: seen(group(each.name, each.cluster), update()))

    assert [str(call.key) for call in calls] == ["demo/a", "other/c"]
    assert more == ()


def test_no_more_at_once_than_the_policy_says_over_all_rollouts() -> None:
    rollout = rolling(*(group("workers", f"cluster-{number}") for number in range(9)))

    _, calls = ticked(
        rollout, POLICY, NOW, lambda each: seen(group(each.name, each.cluster)), Observed(others_active=3)
    )

    assert len(calls) == 2


def test_a_cluster_that_another_rollout_updates_waits() -> None:
    rollout = rolling(group("a"), group("b", "other"))

    _, calls = ticked(
        rollout,
        POLICY,
        NOW,
        lambda each: seen(group(each.name, each.cluster)),
        Observed(others_active=1, busy_clusters=frozenset({"demo"})),
    )

    assert [str(call.key) for call in calls] == ["other/b"]


def test_a_group_that_cannot_start_holds_up_no_other_of_its_cluster() -> None:
    rollout = rolling(group("a"), group("b"))

    rollout, nothing = ticked(rollout, POLICY, NOW, lambda each: seen(group(each.name), free_addresses=0))
    _, calls = ticked(rollout, POLICY, NOW + TICK, lambda each: seen(group(each.name)))

    assert nothing == ()
    assert [str(call.key) for call in calls] == ["demo/b"]


def test_what_is_looked_at_grows_with_what_is_active_and_not_with_the_fleet() -> None:
    rollout = rolling(*(group(f"workers-{number}", f"cluster-{number % 40}") for number in range(1000)))

    looked = wanted(rollout, Observed(), POLICY, NOW)

    assert len(looked.next) == POLICY.max_concurrency
    assert (looked.watched, looked.checked, len(looked.targets)) == ((), (), 1)


def test_nothing_starts_where_a_look_of_the_same_tick_failed_too_many() -> None:
    strict = policy()
    begun, _ = advance(planned(group("a"), group("b", "other"), settings=strict), Observed(), strict, NOW)
    waits = begun
    for hours in range(24):
        waits, _ = advance(waits, saw(seen(group("a"), free_addresses=0)), strict, NOW + hours * HOUR)

    halted, calls = advance(
        waits, saw(seen(group("a"), free_addresses=0), seen(group("b", "other"))), strict, NOW + DAY
    )

    assert calls == ()
    assert halted.state is State.HALTED
