"""A rollout from wave to wave: what makes it go on, wait, ask, halt and end, and what people hear of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from nodewarden.node_group import HealthIssue
from nodewarden.rollout.advance import advance, wanted
from nodewarden.rollout.answer import Verb, refusal
from nodewarden.rollout.observed import Observed, Started
from nodewarden.rollout.start import started
from nodewarden.rollout.state import GroupState, HaltCause, State
from tests.unit.rollout_builders import (
    ALWAYS,
    DAY,
    HOUR,
    MINUTE,
    NEW,
    NOW,
    OLD,
    TICK,
    answer,
    group,
    key,
    kinds,
    planned,
    policy,
    seen,
    target,
    ticked,
    update,
    wave,
)

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from nodewarden.node_group import NodeGroup, NodeGroupKey
    from nodewarden.rollout.observed import Seen
    from nodewarden.rollout.policy import RolloutPolicy
    from nodewarden.rollout.state import Rollout

TWO = policy(wave("dev"), wave("prod", approval=True, soak="2h"))
EVICTION = HealthIssue(code="PodEvictionFailure", message="a budget", resource_ids=("i-1",))


class Story:
    """A rollout that is ticked through a world in which updates take half an hour, and those of `bad` groups fail."""

    def __init__(self, *groups: NodeGroup, settings: RolloutPolicy = TWO, at: datetime = NOW) -> None:
        self.settings, self.now = settings, at
        self.groups = {each.key: each for each in groups}
        self.rollout: Rollout = planned(*groups, settings=settings, at=at)
        self.bad: set[NodeGroupKey] = set()
        self.ends: dict[NodeGroupKey, datetime] = {}
        self.started: list[str] = []
        self.told: list[str] = kinds(self.rollout)

    def tick(self, extra: Observed | None = None) -> Rollout:
        before = self.rollout.told
        self.rollout, calls = ticked(self.rollout, self.settings, self.now, self.look, extra)
        for call in calls:
            self.started.append(call.key.name)
            self.ends[call.key] = self.now + 30 * MINUTE
            self.rollout = started(self.rollout, {call.key: Started(f"u-{call.token}")}, self.settings, self.now)
        self.told += kinds(self.rollout) if self.rollout.told > before else []
        return self.rollout

    def goes_on(self, duration: timedelta, extra: Observed | None = None, step: timedelta = 10 * MINUTE) -> Rollout:
        until = self.now + duration
        while self.now < until:
            self.now += step
            self.tick(extra)
        return self.rollout

    def look(self, each: NodeGroupKey) -> Seen:
        found, ends = self.groups.get(each), self.ends.get(each)
        if found is None or ends is None:
            return seen(found)
        if self.now < ends:
            return seen(replace(found, status="UPDATING"), update())
        if each in self.bad:
            return seen(found, update("Failed", EVICTION))
        self.groups[each] = replace(found, release_version=NEW)
        return seen(self.groups[each], update("Successful"))

    def says(self, verb: Verb, *, group: NodeGroupKey | None = None, wave: str | None = None) -> Rollout:
        number = len(self.rollout.answers) + 1
        return self.tick(Observed(answers=(answer(verb, self.now, number=number, group=group, wave=wave),)))


def two_waves() -> Story:
    return Story(group("a"), group("b", "other"), group("p", of="prod"))


def halted() -> Story:
    story = Story(group("a"), group("b"), group("p", of="prod"))
    story.bad = {key("a")}
    story.goes_on(HOUR)
    assert story.rollout.state is State.HALTED
    return story


def test_goes_from_wave_to_wave_with_soak_and_approval_and_tells_each_step_once() -> None:
    story = two_waves()

    asked = story.goes_on(DAY + 2 * HOUR)
    assert asked.state is State.AWAITING_APPROVAL
    assert story.started == ["a", "b"]
    story.says(Verb.APPROVE)
    story.goes_on(4 * HOUR)

    assert story.rollout.state is State.FINISHED
    assert story.started == ["a", "b", "p"]
    assert story.told == [
        "planned",
        "wave-started",
        "wave-done",
        "awaiting-approval",
        "wave-started",
        "wave-done",
        "finished",
    ]


def test_a_wave_that_begins_or_is_asked_for_tells_what_it_would_update() -> None:
    story = Story(group("a"), group("p", of="prod"), settings=policy(wave(), wave("prod", approval=True)))
    story.goes_on(5 * MINUTE)
    begun = story.rollout.steps

    story.goes_on(2 * DAY)

    named = [(step.kind.value, [each.key.name for each in step.groups], step.releases) for step in begun]
    assert named == [("wave-started", ["a"], (NEW,))]
    (asked,) = story.rollout.steps
    assert asked.kind == "awaiting-approval"
    assert [(each.key.name, each.previous_release) for each in asked.groups] == [("p", OLD)]


def test_a_rollout_that_is_finished_stays_as_it_is() -> None:
    story = two_waves()
    story.goes_on(DAY + 2 * HOUR)
    story.says(Verb.APPROVE)
    finished = story.goes_on(4 * HOUR)

    assert story.says(Verb.ABORT) is finished


def test_a_wave_that_is_done_is_told_with_its_durations() -> None:
    story = two_waves()
    story.goes_on(HOUR)

    (step,) = story.rollout.steps
    assert step.kind == "wave-done"
    assert step.counts == {GroupState.DONE: 2}
    assert step.durations
    assert step.durations.median == step.durations.longest == 30 * MINUTE
    assert step.durations.wave == 40 * MINUTE


def test_the_next_wave_waits_for_the_soak_to_the_minute() -> None:
    story = Story(group("a"), group("p", of="prod"), settings=policy(wave("dev"), wave("prod")))
    done = story.goes_on(HOUR).wave_done_at
    assert done

    story.now = done + DAY - MINUTE
    waiting = story.tick()
    story.now = done + DAY
    begun = story.tick()

    assert (waiting.state, waiting.why) == (State.SOAKING, f"wave dev soaks until {done + DAY:%A %Y-%m-%d %H:%M} UTC")
    assert begun.state is State.ROLLING


def test_a_wave_of_the_next_names_is_not_looked_at_before_it_begins() -> None:
    story = two_waves()
    story.tick()

    assert wanted(story.rollout, Observed(), TWO, NOW).next == (key("a"), key("b", "other"))


@pytest.mark.parametrize("asked", [False, True], ids=["before it is asked for", "while it is"])
def test_a_wave_whose_groups_are_all_skipped_asks_nobody_and_holds_nothing(*, asked: bool) -> None:
    settings = policy(wave("dev"), wave("prod", approval=True, alarms=["errors"], soak="7d"), wave("last"))
    story = Story(group("a"), group("p", of="prod"), group("z", of="last"), settings=settings)
    story.goes_on(DAY + 2 * HOUR if asked else HOUR)
    assert ("awaiting-approval" in story.told) is asked

    story.says(Verb.SKIP, group=key("p"))
    story.goes_on(DAY + 2 * HOUR)

    assert story.started == ["a", "z"]
    assert story.told.count("awaiting-approval") == asked


def test_a_last_wave_whose_groups_are_all_skipped_ends_the_rollout() -> None:
    story = two_waves()
    story.goes_on(HOUR)

    story.says(Verb.SKIP, group=key("p"))

    assert story.goes_on(DAY + HOUR).state is State.FINISHED
    assert "awaiting-approval" not in story.told


# The gate.


@pytest.mark.parametrize("state", ["ALARM", "INSUFFICIENT_DATA", None])
def test_an_alarm_that_is_not_ok_holds_the_next_wave_and_then_halts(state: str | None) -> None:
    settings = policy(wave("dev", alarms=["errors"]), wave("prod"))
    story = Story(group("a"), group("p", of="prod"), settings=settings)
    alarms = Observed(alarms={"errors": state} if state else {})

    held = story.goes_on(DAY + 2 * HOUR, alarms)
    stopped = story.goes_on(DAY, alarms)

    assert held.state is State.SOAKING
    assert f"errors is {state or 'not known'}" in held.why
    assert (stopped.state, stopped.halt and stopped.halt.cause) == (State.HALTED, HaltCause.GATE)
    assert story.started == ["a"]


def test_an_alarm_that_is_ok_again_lets_the_next_wave_begin() -> None:
    settings = policy(wave("dev", alarms=["errors"]), wave("prod"))
    story = Story(group("a"), group("p", of="prod"), settings=settings)
    story.goes_on(DAY + 2 * HOUR, Observed(alarms={"errors": "ALARM"}))

    story.goes_on(HOUR, Observed(alarms={"errors": "OK"}))

    assert story.started == ["a", "p"]


def test_a_person_resumes_over_an_alarm_of_the_wave_and_it_holds_nothing_any_more() -> None:
    settings = policy(wave("dev", alarms=["errors"]), wave("prod", alarms=["latency"]), wave("last"))
    story = Story(group("a"), group("p", of="prod"), group("z", of="last"), settings=settings)
    alarms = Observed(alarms={"errors": "ALARM"})
    story.goes_on(2 * DAY + 3 * HOUR, alarms)
    assert story.rollout.state is State.HALTED

    story.tick(replace(alarms, answers=(answer(Verb.RESUME, story.now),)))
    held = story.goes_on(DAY + 3 * HOUR, alarms)

    assert story.started == ["a", "p"]
    assert held.state is State.SOAKING
    assert "alarms of wave prod" in held.why


def test_an_alarm_of_the_last_wave_holds_nothing() -> None:
    story = Story(group("a"), settings=policy(wave("dev", alarms=["errors"])))

    story.goes_on(2 * HOUR)
    asked = wanted(story.rollout, Observed(), story.settings, story.now + DAY).alarms
    finished = story.goes_on(DAY, Observed(alarms={"errors": "ALARM"}))

    assert asked == ()
    assert finished.state is State.FINISHED


def test_an_alarm_is_not_asked_for_while_the_wave_soaks() -> None:
    settings = policy(wave("dev", alarms=["errors"]), wave("prod"))
    story = Story(group("a"), group("p", of="prod"), settings=settings)
    story.goes_on(2 * HOUR)

    assert wanted(story.rollout, Observed(), settings, story.now).alarms == ()
    assert wanted(story.rollout, Observed(), settings, story.now + DAY).alarms == ("errors",)


def test_a_group_that_fell_ill_after_its_update_holds_the_next_wave_and_then_halts() -> None:
    story = Story(group("a"), group("p", of="prod"), settings=policy(wave("dev"), wave("prod")))
    story.goes_on(HOUR)
    ill = HealthIssue(code="NodeCreationFailure", message="hosts left")
    story.groups[key("a")] = replace(story.groups[key("a")], issues=(ill,))

    held = story.goes_on(DAY + 2 * HOUR)
    stopped = story.goes_on(DAY)

    assert held.state is State.SOAKING
    assert "demo/a: the node group is ACTIVE (NodeCreationFailure: hosts left)" in held.why
    assert stopped.state is State.HALTED
    assert story.started == ["a"]


def test_a_person_resumes_over_a_group_that_fell_ill() -> None:
    story = Story(group("a"), group("p", of="prod"), settings=policy(wave("dev"), wave("prod")))
    story.goes_on(HOUR)
    story.groups[key("a")] = replace(story.groups[key("a")], release_version=OLD)
    story.ends = {}
    story.goes_on(2 * DAY + 3 * HOUR)
    assert "it runs 1.33.1-20261001 again" in story.rollout.why

    story.says(Verb.RESUME)
    story.goes_on(HOUR)

    assert story.started == ["a", "p"]


def test_each_group_of_a_wave_is_looked_at_once_after_the_soak_some_at_a_time() -> None:
    names = [f"workers-{number}" for number in range(100)]
    settings = policy(wave("dev", soak="1h"), max_concurrency=40)
    story = Story(*(group(name, name) for name in names), settings=settings)
    done = story.goes_on(4 * HOUR, step=TICK)

    soaking = replace(
        done, state=State.SOAKING, groups={k: replace(g, healthy_at=None) for k, g in done.groups.items()}
    )
    looks = []
    for _ in range(3):
        looks.append(len(wanted(soaking, Observed(), settings, story.now).checked))
        soaking, _ = ticked(soaking, settings, story.now, story.look)

    assert looks == [40, 40, 20]
    assert soaking.state is State.FINISHED


# Failures.


def test_a_failure_halts_and_says_which_group_and_why() -> None:
    story = halted()

    assert story.rollout.halt
    assert story.rollout.halt.cause is HaltCause.FAILURES
    assert story.rollout.halt.why == "1 of wave dev failed, 0 may: demo/a"
    (step,) = story.rollout.steps
    assert step.kind == "halted"
    assert [failed.errors for failed in step.groups] == [(EVICTION,)]
    story.goes_on(3 * DAY)
    assert story.started == ["a"]


def test_what_updates_is_watched_to_its_end_after_a_halt_and_a_further_failure_is_told() -> None:
    story = Story(group("a"), group("b", "other"), group("c", "third"), settings=policy(wave()))
    story.bad = {key("a"), key("b", "other")}
    story.goes_on(20 * MINUTE)
    story.ends[key("b", "other")] += HOUR
    story.ends[key("c", "third")] += HOUR

    story.goes_on(2 * HOUR)

    states = [progress.state for progress in story.rollout.groups.values()]
    assert states == [GroupState.FAILED, GroupState.FAILED, GroupState.DONE]
    assert story.told == ["planned", "wave-started", "halted", "halted"]


def test_failures_that_a_wave_bears_do_not_halt() -> None:
    story = Story(group("a"), group("b"), settings=policy(wave(max_failures=1)))
    story.bad = {key("a")}

    story.goes_on(2 * DAY)

    assert story.rollout.state is State.FINISHED
    (finished,) = story.rollout.steps
    assert finished.counts == {GroupState.FAILED: 1, GroupState.DONE: 1}
    assert [(each.key.name, each.state.value) for each in finished.groups] == [("a", "failed"), ("b", "done")]


def test_resume_goes_on_without_what_failed() -> None:
    story = halted()

    story.says(Verb.RESUME)
    story.goes_on(2 * HOUR)

    assert story.started == ["a", "b"]
    assert story.rollout.state is State.SOAKING


def test_retry_tries_what_failed_again_with_a_token_of_its_own_and_goes_on() -> None:
    story = halted()
    first = story.rollout.groups[key("a")]
    story.bad = set()
    story.ends = {}

    story.says(Verb.RETRY, group=key("a"))
    story.goes_on(2 * HOUR)

    assert story.rollout.groups[key("a")].state is GroupState.DONE
    assert story.rollout.groups[key("a")].attempt == 2
    assert story.rollout.groups[key("a")].token != first.token
    assert story.rollout.state is State.SOAKING


def test_skip_leaves_the_failed_group_and_goes_on() -> None:
    story = halted()

    story.says(Verb.SKIP, group=key("a"))
    story.goes_on(2 * HOUR)

    assert story.rollout.groups[key("a")].state is GroupState.SKIPPED
    assert story.rollout.groups[key("a")].why == "skipped by alice: said so"
    assert story.started == ["a", "b"]


def test_a_halt_stands_while_another_group_has_failed() -> None:
    story = Story(group("a"), group("b", "other"), group("c"), settings=policy(wave()))
    story.bad = {key("a"), key("b", "other")}
    story.goes_on(HOUR)

    story.says(Verb.SKIP, group=key("a"))
    story.goes_on(HOUR)

    assert story.rollout.state is State.HALTED
    assert story.started == ["a", "b"]


def test_retry_after_the_wave_was_done_makes_it_soak_once_more() -> None:
    story = Story(group("a"), group("p", of="prod"), settings=policy(wave("dev", max_failures=1), wave("prod")))
    story.bad = {key("a")}
    story.goes_on(3 * HOUR)
    assert story.rollout.state is State.SOAKING
    story.bad, story.ends = set(), {}

    story.says(Verb.RETRY)
    again = story.goes_on(HOUR)
    story.goes_on(DAY - HOUR)

    assert again.groups[key("a")].state is GroupState.DONE
    assert story.started == ["a", "a"]
    story.goes_on(2 * HOUR)
    assert story.started == ["a", "a", "p"]


# People.


def test_pause_stops_starts_and_resume_goes_on_where_it_was() -> None:
    story = Story(group("a"), group("b"), settings=policy(wave()))
    story.goes_on(20 * MINUTE)
    story.says(Verb.PAUSE)

    paused = story.goes_on(5 * HOUR)
    story.says(Verb.RESUME)
    story.goes_on(HOUR)

    assert paused.groups[key("a")].state is GroupState.DONE
    assert paused.state is State.PAUSED
    assert story.started == ["a", "b"]
    assert story.told == ["planned", "wave-started", "paused", "resumed", "wave-done"]


def test_reject_ends_the_rollout_and_says_who() -> None:
    story = two_waves()
    story.goes_on(DAY + 2 * HOUR)

    story.says(Verb.REJECT)

    assert story.rollout.state is State.ABORTED
    (step,) = story.rollout.steps
    assert (step.kind.value, step.by, step.why) == ("aborted", "alice", "said so")
    assert story.rollout.groups[key("p")].state is GroupState.WAITING


def test_abort_waits_for_what_updates() -> None:
    story = Story(group("a"), group("b"), settings=policy(wave()))
    story.goes_on(20 * MINUTE)

    aborting = story.says(Verb.ABORT)
    story.goes_on(HOUR)

    assert aborting.state is State.ABORTING
    assert story.rollout.state is State.ABORTED
    assert story.rollout.groups[key("a")].state is GroupState.DONE
    assert story.started == ["a"]


def test_an_approval_that_nobody_gives_halts_and_one_that_comes_late_is_taken() -> None:
    story = two_waves()
    story.goes_on(DAY + 2 * HOUR)

    halt = story.goes_on(7 * DAY, step=HOUR)
    story.says(Verb.APPROVE)
    story.goes_on(HOUR)

    assert halt.halt
    assert (halt.state, halt.halt.cause) == (State.HALTED, HaltCause.APPROVAL)
    assert story.started == ["a", "b", "p"]


def test_an_approval_is_asked_for_again_after_a_resume() -> None:
    story = two_waves()
    story.goes_on(DAY + 2 * HOUR)
    story.says(Verb.PAUSE)

    story.says(Verb.RESUME)

    assert story.rollout.state is State.AWAITING_APPROVAL
    assert story.told[-3:] == ["paused", "resumed", "awaiting-approval"]


def test_an_approved_wave_still_waits_for_its_window_and_the_question_says_when() -> None:
    fridays = {**ALWAYS, "days": ["fri"], "start": "09:00", "zone": "Europe/Berlin"}
    settings = policy(wave(approval=True), window=[fridays])
    story = Story(group("a"), settings=settings)

    story.goes_on(HOUR)
    (asked,) = story.rollout.steps
    story.says(Verb.APPROVE)

    assert asked.expected_at == NOW + 2 * DAY + 23 * HOUR
    assert story.rollout.state is State.PLANNED
    assert story.rollout.why == "outside the windows; starts Friday 2026-11-27 09:00 Europe/Berlin"


def test_an_answer_is_applied_once_however_often_it_is_seen() -> None:
    story = two_waves()
    story.tick()
    pause, resume = answer(Verb.PAUSE, number=1), answer(Verb.RESUME, NOW + MINUTE, number=2)

    story.tick(Observed(answers=(pause,)))
    story.tick(Observed(answers=(pause, resume)))
    story.tick(Observed(answers=(resume, pause)))

    assert story.rollout.state is State.ROLLING
    assert [done.answer.answer_id for done in story.rollout.answers] == ["answer-1", "answer-2"]


def test_an_answer_that_another_was_faster_than_is_told_as_refused() -> None:
    story = Story(group("p", of="prod"))
    story.tick()
    approve, reject = answer(Verb.APPROVE, NOW), answer(Verb.REJECT, NOW + MINUTE, number=2)

    story.tick(Observed(answers=(approve, reject)))

    assert story.told == ["planned", "awaiting-approval", "answer-refused", "wave-started"]
    told = story.rollout.steps[0]
    assert told.by == "alice"
    assert told.why == "reject (said so) was not applied: the rollout is planned: it does not wait for an approval"


def test_a_further_failure_after_a_halt_is_told_beside_an_answer_that_is_refused() -> None:
    story = Story(group("a"), group("b", "other"), settings=policy(wave()))
    story.bad = {key("a"), key("b", "other")}
    story.goes_on(20 * MINUTE)
    story.ends[key("b", "other")] = story.now + HOUR
    story.goes_on(50 * MINUTE)
    assert story.told[-1] == "halted"
    story.now += HOUR

    story.says(Verb.APPROVE)

    assert sorted(story.told[-2:]) == ["answer-refused", "halted"]


REFUSED = {
    "an approval that nobody asked for": (Verb.APPROVE, {}, "does not wait for an approval"),
    "a resume of what goes on": (Verb.RESUME, {}, "only a paused or halted one"),
    "a retry where nothing failed": (Verb.RETRY, {}, "no such group failed"),
    "a skip of no group": (Verb.SKIP, {}, "names a node group of the rollout"),
    "a skip of a group of another rollout": (Verb.SKIP, {"group": key("x")}, "names a node group of the rollout"),
    "a skip of a group that updates": (Verb.SKIP, {"group": key("a")}, "EKS cannot cancel an update"),
}


@pytest.mark.parametrize(("verb", "named", "why"), REFUSED.values(), ids=REFUSED)
def test_an_answer_that_does_not_fit_is_refused_with_what_to_do(
    verb: Verb, named: dict[str, NodeGroupKey], why: str
) -> None:
    story = two_waves()
    story.goes_on(20 * MINUTE)
    before = story.rollout.state

    story.says(verb, **named)  # type: ignore[arg-type]  # by name

    assert story.rollout.state is before
    assert why in story.rollout.answers[-1].refused


def test_an_approval_of_another_wave_than_the_one_asked_for_is_refused() -> None:
    story = two_waves()
    story.goes_on(DAY + 2 * HOUR)

    assert "waits for the approval of wave prod, not dev" in refusal(story.rollout, answer(Verb.APPROVE, wave="dev"))
    assert refusal(story.rollout, answer(Verb.APPROVE, wave="prod")) == ""
    assert refusal(story.rollout, answer(Verb.PAUSE)) == ""


def test_a_rollout_that_ended_takes_no_answer() -> None:
    story = two_waves()
    story.says(Verb.ABORT)

    assert all("the rollout is aborted" in refusal(story.rollout, answer(verb)) for verb in Verb)


# Recalls, stances, urgency, the policy.


def test_a_recall_halts_and_no_group_goes_to_it_any_more_and_none_back() -> None:
    story = Story(group("a"), group("b"), settings=policy(wave()))
    story.goes_on(20 * MINUTE)

    story.goes_on(HOUR, Observed(recalls={target(): "SSM went back"}))
    assert story.rollout.halt
    assert story.rollout.halt.cause is HaltCause.RECALL
    assert story.told.count("halted") == 1
    story.says(Verb.RESUME)
    story.goes_on(HOUR, Observed(recalls={target(): "SSM went back"}))

    states = {name.name: progress.state for name, progress in story.rollout.groups.items()}
    assert states == {"a": GroupState.DONE, "b": GroupState.LEFT_ALONE}
    assert story.started == ["a"]


def test_a_recall_of_a_paused_rollout_halts_it() -> None:
    story = two_waves()
    story.tick()
    story.says(Verb.PAUSE)

    assert story.tick(Observed(recalls={target(): "deprecated"})).state is State.HALTED


def test_the_end_of_a_halt_leaves_a_person_their_pause() -> None:
    story = two_waves()
    story.tick()
    story.says(Verb.PAUSE)
    story.tick(Observed(recalls={target(): "deprecated"}))

    still = story.says(Verb.RESUME)
    said = still.steps[-1]
    story.goes_on(HOUR)
    assert story.rollout.state is State.PAUSED
    assert story.started == []
    assert story.says(Verb.RESUME).state is not State.PAUSED

    assert story.told[2:6] == ["paused", "halted", "paused", "resumed"]
    assert said.by == "alice"
    assert "the halt meanwhile was ended by alice" in said.why


def test_a_group_that_fails_during_a_pause_halts_and_is_told_at_once() -> None:
    story = Story(group("a"), group("b", "other"), settings=policy(wave()))
    story.bad = {key("a")}
    story.goes_on(20 * MINUTE)
    story.says(Verb.PAUSE)

    halted = story.goes_on(HOUR)

    assert halted.state is State.HALTED
    assert story.told[-2:] == ["paused", "halted"]
    assert "demo/a" in halted.why
    assert story.says(Verb.RESUME).state is State.PAUSED
    assert story.says(Verb.RESUME).state is not State.PAUSED
    assert story.goes_on(2 * DAY).state is State.FINISHED


@pytest.mark.parametrize("stance", ["the mode is observe", "paused by bob: a migration"])
def test_a_stance_starts_nothing_begins_no_wave_and_asks_nobody(stance: str) -> None:
    story = Story(group("p", of="prod"))

    story.goes_on(3 * DAY, Observed(stance=stance), step=HOUR)

    assert story.rollout.state is State.PLANNED
    assert story.rollout.why == f"nothing is started: {stance}"
    assert story.told == ["planned"]


def test_a_stance_that_comes_meanwhile_starts_nothing_more() -> None:
    story = Story(group("a"), group("b"), settings=policy(wave()))
    story.goes_on(20 * MINUTE)

    story.goes_on(3 * HOUR, Observed(stance="the mode is observe"))

    assert story.started == ["a"]
    assert story.rollout.groups[key("a")].state is GroupState.DONE


def test_a_window_bounds_starts_and_not_what_has_started() -> None:
    mornings = {**ALWAYS, "start": "09:00", "end": "09:15"}
    story = Story(group("a"), group("b"), settings=policy(wave(), window=[mornings]))
    story.tick()
    story.goes_on(2 * HOUR, step=TICK)

    assert story.started == ["a"]
    assert story.rollout.groups[key("a")].state is GroupState.DONE
    assert story.rollout.why == "outside the windows; starts Wednesday 2026-11-25 09:00 UTC"


def test_a_rollout_waits_until_its_release_is_old_enough() -> None:
    story = Story(group("a"), settings=policy(wave(), minimum_age="10d"))

    early = story.goes_on(HOUR)
    story.goes_on(6 * DAY, step=HOUR)

    assert early.why == "the release is old enough on Monday 2026-11-30 09:00 UTC"
    assert story.started == ["a"]


def test_hastening_skips_what_the_waves_let_it() -> None:
    settings = policy(wave(urgent=["minimum_age"]), wave("prod"), minimum_age="30d")
    story = Story(group("a"), group("p", of="prod"), settings=settings)
    story.tick()
    assert story.started == []

    story.says(Verb.HASTEN)
    story.goes_on(3 * DAY, step=HOUR)

    assert story.rollout.urgent
    assert story.started == ["a"]
    assert story.rollout.why.startswith("the release is old enough on")


def test_a_wave_that_the_policy_no_longer_has_halts() -> None:
    story = two_waves()
    story.tick()
    story.settings = policy(wave("prod"))

    story.tick()

    assert story.rollout.halt
    assert story.rollout.halt.cause is HaltCause.POLICY
    assert story.rollout.halt.why == "the policy has no wave dev any more: put it back, or abort"


def test_a_tick_in_which_nothing_happens_changes_nothing() -> None:
    story = two_waves()
    story.goes_on(3 * HOUR)

    assert advance(story.rollout, Observed(), TWO, story.now + HOUR) == (story.rollout, ())
