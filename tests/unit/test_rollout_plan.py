"""Planning: what becomes a rollout, what waits for the next, and what takes the place of what."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nodewarden.rollout.advance import advance
from nodewarden.rollout.observed import Observed
from nodewarden.rollout.plan import Candidate, Why, plan, settled
from nodewarden.rollout.state import GroupState, Rollout, State
from nodewarden.rollout.step import PlannedWave
from tests.unit.rollout_builders import (
    ALWAYS,
    DAY,
    HOUR,
    NEW,
    NEWER,
    NOW,
    OLD,
    alone,
    candidate,
    group,
    key,
    kinds,
    planned,
    policy,
    saw,
    seen,
    target,
    wave,
)

if TYPE_CHECKING:
    from nodewarden.node_group import Target

POLICY = policy(wave("dev"), wave("prod", approval=True))
URGENT = Why(reason="CVE-2026-0001", urgent=True)


def behind(*names: str, to: Target | None = None) -> list[Candidate]:
    return [candidate(group(name), to) for name in names]


def ended(state: State, group_state: GroupState, *, may_return: bool = False) -> Rollout:
    rollout = planned(group(), settings=POLICY)
    progress = replace(alone(rollout), state=group_state, may_return=may_return, attempt=2)
    return replace(rollout, state=state, groups={progress.key: progress})


def test_all_that_is_behind_and_in_a_wave_is_one_rollout_of_the_family() -> None:
    (one,) = plan([*behind("b", "a"), candidate(group("p", of="prod"))], (), POLICY, NOW)

    assert one.rollout.state is State.PLANNED
    assert one.rollout.waves == ("dev", "prod")
    assert list(one.rollout.groups) == [key("a"), key("b"), key("p")]
    assert one.rollout.rollout_id.startswith("al2023-")
    assert kinds(one.rollout) == ["planned"]
    assert {progress.previous_release for progress in one.rollout.groups.values()} == {OLD}


def test_the_plan_tells_which_groups_go_where_in_which_waves() -> None:
    (one,) = plan([*behind("b", "a"), candidate(group("p", of="prod"), target(NEWER))], (), POLICY, NOW)

    (step,) = one.rollout.steps
    assert step.waves == (
        PlannedWave(name="dev", groups=2, soak=DAY, approval=False),
        PlannedWave(name="prod", groups=1, soak=DAY, approval=True),
    )
    assert [progress.key.name for progress in step.groups] == ["a", "b", "p"]
    assert step.releases == (NEW, NEWER)


def test_the_plan_of_an_urgent_rollout_tells_of_no_soak_that_it_skips() -> None:
    settings = policy(wave("dev", urgent=["soak"]), wave("prod"))

    (one,) = plan([*behind("a"), candidate(group("p", of="prod"))], (), settings, NOW, why=URGENT)

    (step,) = one.rollout.steps
    assert [(each.name, each.soak) for each in step.waves] == [("dev", 0 * DAY), ("prod", DAY)]


def test_waves_without_a_group_are_no_part_of_it() -> None:
    (one,) = plan([candidate(group("p", of="prod"))], (), POLICY, NOW)

    assert one.rollout.waves == ("prod",)


def test_families_accounts_and_regions_have_their_own() -> None:
    abroad = replace(group(), key=replace(key(), region="us-east-1"))
    others = replace(group(), key=replace(key(), account="444455556666"))
    windows = replace(candidate(group("w")), family="Windows")

    plans = plan([*behind("a"), candidate(abroad), candidate(others), windows], (), POLICY, NOW)

    wheres = [(each.rollout.account, each.rollout.region, each.rollout.family) for each in plans]
    assert wheres == [
        ("111122223333", "eu-central-1", "AL2023"),
        ("111122223333", "eu-central-1", "Windows"),
        ("111122223333", "us-east-1", "AL2023"),
        ("444455556666", "eu-central-1", "AL2023"),
    ]
    assert len({each.rollout.rollout_id for each in plans}) == 4


def test_each_group_has_the_target_of_its_own() -> None:
    older = replace(group("b"), version="1.32")

    (one,) = plan([*behind("a"), candidate(older, target("1.32.9-20261110"))], (), POLICY, NOW)

    targets = [(progress.minor, progress.target.release_version) for progress in one.rollout.groups.values()]
    assert targets == [("1.33", NEW), ("1.32", "1.32.9-20261110")]


def test_what_is_up_to_date_held_pinned_or_in_no_wave_is_not_planned() -> None:
    groups = [
        group("current", release=NEW),
        group("held", tags={"nodewarden:hold": ""}),
        group("pinned", tags={"nodewarden:pin": OLD}),
        group("nowhere", of="test"),
    ]

    assert plan(map(candidate, groups), (), POLICY, NOW) == ()


def test_a_family_that_has_a_rollout_gets_no_other_and_later_joiners_wait() -> None:
    rollout = planned(group("a"), settings=POLICY)

    assert plan(behind("a", "b"), [rollout], POLICY, NOW) == ()
    assert len(plan(behind("a", "b"), [replace(rollout, state=State.FINISHED)], POLICY, NOW)) == 1


def test_a_newer_release_takes_the_place_of_one_that_has_started_nothing() -> None:
    rollout = planned(group("a"), settings=POLICY)

    (one,) = plan(behind("a", "b", to=target(NEWER)), [rollout], POLICY, NOW + HOUR)

    assert list(one.rollout.groups) == [key("a"), key("b")]
    assert one.supersedes
    assert (one.supersedes.rollout_id, one.supersedes.state) == (rollout.rollout_id, State.SUPERSEDED)
    assert kinds(one.supersedes) == ["superseded"]


def test_a_rollout_that_has_started_carries_its_target_to_the_end() -> None:
    begun, _ = advance(planned(group("a"), settings=POLICY), Observed(), POLICY, NOW)
    starting, _ = advance(begun, saw(seen(group("a"))), POLICY, NOW)

    assert plan(behind("a", to=target(NEWER)), [begun], POLICY, NOW) == ()
    assert plan(behind("a", to=target(NEWER)), [starting], POLICY, NOW) == ()


def test_a_rollout_that_a_person_paused_is_not_replaced() -> None:
    paused = replace(planned(group("a"), settings=POLICY), state=State.PAUSED, held_from=State.PLANNED)

    assert plan(behind("a", to=target(NEWER)), [paused], POLICY, NOW) == ()


def test_an_urgent_reason_takes_the_place_of_a_plan_that_is_not_and_stays_urgent() -> None:
    rollout = planned(group("a"), settings=POLICY)

    (urgent,) = plan(behind("a"), [rollout], POLICY, NOW, why=URGENT)
    again = plan(behind("a"), [urgent.rollout], POLICY, NOW, why=URGENT)
    (newer,) = plan(behind("a", to=target(NEWER)), [urgent.rollout], POLICY, NOW)

    assert (urgent.rollout.urgent, urgent.rollout.reason) == (True, "CVE-2026-0001")
    assert again == ()
    assert (newer.rollout.urgent, newer.rollout.reason) == (True, "CVE-2026-0001")


def test_the_plan_says_when_the_first_start_is_expected() -> None:
    mornings = {**ALWAYS, "start": "09:00", "end": "10:00"}
    settings = policy(wave(urgent=["minimum_age", "window"]), minimum_age="4d", window=[mornings])
    young = target(released_at=NOW - DAY + HOUR)

    (normal,) = plan(behind("a", to=young), (), settings, NOW)
    (urgent,) = plan(behind("a", to=young), (), settings, NOW + 3 * HOUR, why=URGENT)

    assert normal.rollout.steps[0].expected_at == NOW + 4 * DAY
    assert urgent.rollout.steps[0].expected_at == NOW + 3 * HOUR


def test_what_a_former_rollout_is_through_with_is_not_planned_again_for_that_release() -> None:
    for state in (GroupState.DONE, GroupState.FAILED, GroupState.SKIPPED, GroupState.LEFT_ALONE):
        through = settled([ended(State.FINISHED, state)])

        assert through == {(key(), NEW): 2}
        assert plan(behind("workers"), (), POLICY, NOW, settled=through) == ()
        assert len(plan(behind("workers", to=target(NEWER)), (), POLICY, NOW, settled=through)) == 1


def test_an_aborted_rollout_is_not_planned_again_by_itself() -> None:
    assert settled([ended(State.ABORTED, GroupState.WAITING)]) == {(key(), NEW): 2}


def test_what_was_left_alone_for_what_may_pass_is_planned_again() -> None:
    assert settled([ended(State.FINISHED, GroupState.LEFT_ALONE, may_return=True)]) == {}


def test_rollouts_that_go_on_or_gave_way_settle_nothing() -> None:
    assert settled([ended(State.SUPERSEDED, GroupState.WAITING), ended(State.HALTED, GroupState.FAILED)]) == {}
