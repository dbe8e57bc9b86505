"""Halting: no more starts until a person says how to go on; what updates is watched to its end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nodewarden.rollout.state import GroupState, Halt, HaltCause, State
from nodewarden.rollout.step import StepKind, tell

if TYPE_CHECKING:
    from datetime import datetime

    from nodewarden.rollout.policy import RolloutPolicy
    from nodewarden.rollout.state import Rollout


def halted(rollout: Rollout, cause: HaltCause, why: str, now: datetime) -> Rollout:
    """Halt, and tell which groups failed and why; a pause is gone back to, and stays a person's to end."""
    again = rollout.held_from if rollout.state is State.HALTED else None
    back = again or (resting(rollout) if rollout.state is State.AWAITING_APPROVAL else rollout.state)
    halt = Halt(cause=cause, why=why, at=now)
    stopped = replace(rollout, state=State.HALTED, halt=halt, held_from=back, asked_at=None, why=why)
    return told_halted(stopped, why, now)


def told_halted(rollout: Rollout, why: str, now: datetime) -> Rollout:
    """Tell that the rollout is halted: at first, and when more failed since; after a recall also what still goes to it."""
    recall = rollout.halt is not None and rollout.halt.cause is HaltCause.RECALL
    about = {GroupState.FAILED} | ({GroupState.UPDATING} if recall else set())
    return tell(rollout, StepKind.HALTED, now, wave=rollout.current_wave, why=why, about=about)


def too_many_failures(rollout: Rollout, policy: RolloutPolicy) -> str:
    """Say which wave has more failures than it may; empty where none has. Failures that a person accepted do not count."""
    for name in rollout.begun_waves:
        wave = policy.wave(name)
        failed = [g for g in rollout.of_wave(name) if g.state is GroupState.FAILED and not g.accepted]
        bearable = wave.max_failures if wave else 0
        if len(failed) > bearable:
            return f"{len(failed)} of wave {name} failed, {bearable} may: {', '.join(str(g.key) for g in failed[:5])}"
    return ""


def halt_is_over(rollout: Rollout, policy: RolloutPolicy) -> bool:
    """Tell whether a halt over failures has no ground any more."""
    if rollout.state is not State.HALTED or rollout.halt is None or rollout.halt.cause is not HaltCause.FAILURES:
        return False
    return not too_many_failures(rollout, policy)


def held(rollout: Rollout) -> State:
    """Give the state that a paused rollout goes back to, by how far it came: where its wave is not done, it rolls."""
    rolls = rollout.wave >= 0 and rollout.wave_done_at is None
    return State.ROLLING if rolls else resting(rollout)


def resting(rollout: Rollout) -> State:
    """Give the state between two waves: planned before the first, soaking after it."""
    return State.PLANNED if rollout.wave < 0 else State.SOAKING
