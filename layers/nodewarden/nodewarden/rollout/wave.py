"""Moving a rollout on: from wave to wave, by soak, gate, approval and calendar, to its end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nodewarden.rollout.answer import Verb
from nodewarden.rollout.calendar import spoken
from nodewarden.rollout.gate import gate, skipped
from nodewarden.rollout.halt import halted, resting, too_many_failures
from nodewarden.rollout.state import UNFINISHED, GroupState, HaltCause, State
from nodewarden.rollout.step import StepKind, tell
from nodewarden.rollout.timing import allowance, old_enough_at

if TYPE_CHECKING:
    from datetime import datetime

    from nodewarden.rollout.calendar import Allowance
    from nodewarden.rollout.observed import Observed
    from nodewarden.rollout.policy import RolloutPolicy, Wave
    from nodewarden.rollout.state import Rollout

NOT_DONE = frozenset({GroupState.FAILED, GroupState.SKIPPED, GroupState.LEFT_ALONE})


def moved_on(rollout: Rollout, observed: Observed, policy: RolloutPolicy, now: datetime) -> Rollout:
    """Take every step that can be taken now."""
    while (after := _next(rollout, observed, policy, now)) is not rollout:
        rollout = after
    return rollout


def _next(rollout: Rollout, observed: Observed, policy: RolloutPolicy, now: datetime) -> Rollout:
    match rollout.state:
        case State.PLANNED | State.SOAKING | State.AWAITING_APPROVAL:
            return _between(rollout, observed, policy, now)
        case State.ROLLING:
            return _rolling(rollout, observed, policy, now)
        case State.PAUSED if why := too_many_failures(rollout, policy):
            return halted(rollout, HaltCause.FAILURES, why, now)
        case State.ABORTING:
            return rollout if rollout.active else _aborted(rollout, now)
        case _:
            return rollout


def _rolling(rollout: Rollout, observed: Observed, policy: RolloutPolicy, now: datetime) -> Rollout:
    name = rollout.current_wave or ""
    wave = policy.wave(name)
    if wave is None:
        return _without_its_wave(rollout, name, now)
    if why := too_many_failures(rollout, policy):
        return halted(rollout, HaltCause.FAILURES, why, now)
    if _unfinished(rollout):
        allowed = allowance(rollout, wave, observed, policy, now)
        return rollout.waiting_for("" if allowed.allowed else allowed.why)
    over = replace(rollout, state=State.SOAKING, wave_done_at=now, trouble_since=None)
    return tell(over, StepKind.WAVE_DONE, now, wave=name, about=NOT_DONE)


def _between(rollout: Rollout, observed: Observed, policy: RolloutPolicy, now: datetime) -> Rollout:
    """Between two waves: the one before must have soaked and be healthy before the next is asked for, or begins."""
    if _unfinished(rollout):  # a person had a group tried again
        return replace(rollout, state=State.ROLLING, wave_done_at=None, asked_at=None)
    if rollout.state is State.AWAITING_APPROVAL:
        if skipped(rollout, rollout.next_wave or ""):
            return replace(rollout, state=resting(rollout), asked_at=None)
        return _unanswered(rollout, policy, now)
    if rollout.current_wave is None:
        return _to_next_wave(rollout, observed, policy, now)
    wave = policy.wave(rollout.current_wave)
    if wave is None:
        return _without_its_wave(rollout, rollout.current_wave, now)
    return _through_gate(rollout, wave, observed, policy, now)


def _through_gate(rollout: Rollout, wave: Wave, observed: Observed, policy: RolloutPolicy, now: datetime) -> Rollout:
    found = gate(rollout, wave, observed, now)
    if found.trouble:
        return _troubled(rollout, found.why, policy, now)
    if rollout.trouble_since:
        return replace(rollout, trouble_since=None)
    return rollout.waiting_for(found.why) if found.why else _to_next_wave(rollout, observed, policy, now)


def _to_next_wave(rollout: Rollout, observed: Observed, policy: RolloutPolicy, now: datetime) -> Rollout:
    if rollout.next_wave is None:
        return _finished(rollout, now)
    wave = policy.wave(rollout.next_wave)
    if wave is None:
        return _without_its_wave(rollout, rollout.next_wave, now)
    if skipped(rollout, wave.name):
        return _passed_over(rollout, now)
    return _to_wave(rollout, wave, observed, policy, now)


def _to_wave(rollout: Rollout, wave: Wave, observed: Observed, policy: RolloutPolicy, now: datetime) -> Rollout:
    if observed.stance:
        return rollout.waiting_for(f"nothing is started: {observed.stance}")
    waiting = [group for group in rollout.of_wave(wave.name) if group.state is GroupState.WAITING]
    old_enough = min((old_enough_at(group, rollout, policy) for group in waiting), default=now)
    if now < old_enough:
        return rollout.waiting_for(f"the release is old enough on {spoken(old_enough)}")
    allowed = allowance(rollout, wave, observed, policy, now)
    if wave.approval and wave.name not in rollout.approved:
        return _asked(rollout, wave, allowed, policy, now)
    return _begun(rollout, wave, allowed, now)


def _passed_over(rollout: Rollout, now: datetime) -> Rollout:
    """Leave out a wave of which people skipped each group: nobody is asked for it, and it has nothing to soak."""
    return replace(rollout, state=State.SOAKING, wave=rollout.wave + 1, wave_started_at=now, wave_done_at=now)


def _asked(rollout: Rollout, wave: Wave, allowed: Allowance, policy: RolloutPolicy, now: datetime) -> Rollout:
    """Ask for an approval, at any hour."""
    asked = replace(rollout, state=State.AWAITING_APPROVAL, asked_at=now, why=f"wave {wave.name} wants an approval")
    why = f"without an answer until {spoken(now + policy.approval_timeout)} the rollout halts"
    return tell(asked, StepKind.AWAITING_APPROVAL, now, wave=wave.name, why=why, expected_at=allowed.opens_at)


def _begun(rollout: Rollout, wave: Wave, allowed: Allowance, now: datetime) -> Rollout:
    if not allowed.allowed:
        return rollout.waiting_for(allowed.why)
    begun = replace(
        rollout,
        state=State.ROLLING,
        wave=rollout.wave + 1,
        wave_started_at=now,
        wave_done_at=None,
        trouble_since=None,
        why="",
    )
    return tell(begun, StepKind.WAVE_STARTED, now, wave=wave.name)


def _unanswered(rollout: Rollout, policy: RolloutPolicy, now: datetime) -> Rollout:
    if rollout.asked_at is not None and now - rollout.asked_at < policy.approval_timeout:
        return rollout
    why = f"nobody approved wave {rollout.next_wave} in {policy.approval_timeout}"
    return halted(rollout, HaltCause.APPROVAL, why, now)


def _troubled(rollout: Rollout, why: str, policy: RolloutPolicy, now: datetime) -> Rollout:
    """Wait while the gate finds trouble; halt where it lasts."""
    since = rollout.trouble_since or now
    if now - since >= policy.stuck_after:
        return halted(rollout, HaltCause.GATE, why, now)
    return (rollout if rollout.trouble_since else replace(rollout, trouble_since=now)).waiting_for(why)


def _without_its_wave(rollout: Rollout, name: str, now: datetime) -> Rollout:
    return halted(rollout, HaltCause.POLICY, f"the policy has no wave {name} any more: put it back, or abort", now)


def _finished(rollout: Rollout, now: datetime) -> Rollout:
    over = replace(rollout, state=State.FINISHED, finished_at=now, why="")
    return tell(over, StepKind.FINISHED, now, about=NOT_DONE | {GroupState.DONE})


def _aborted(rollout: Rollout, now: datetime) -> Rollout:
    """End an abort: the groups that wait stay waiting, and no tick looks at them again."""
    said = [
        done.answer for done in rollout.answers if done.answer.verb in {Verb.ABORT, Verb.REJECT} and not done.refused
    ]
    by, why = (said[-1].by, said[-1].reason) if said else ("", "")
    over = replace(rollout, state=State.ABORTED, finished_at=now, why=why)
    return tell(over, StepKind.ABORTED, now, why=why, by=by, about=NOT_DONE)


def _unfinished(rollout: Rollout) -> bool:
    """Tell whether a group of the waves that began is not at its end."""
    return any(group.state in UNFINISHED for group in rollout.of_wave(*rollout.begun_waves))
