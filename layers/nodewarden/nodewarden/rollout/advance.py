"""One tick of a rollout: values in, the next rollout and the calls to make out.

The order of a tick is the protocol. The rollout that comes back is written first, as one transaction on the head's
version; whoever loses that makes no call. Then the calls are made, and what came of each is taken over by `started` and
written again. A tick that dies between leaves a group `starting`, and the next one finds out what became of it.

Two rollouts of one account and region share `max_concurrency` and their clusters. So a write that has calls is also
conditional on one count of such writes for both, read before `Observed` was: else two ticks at once could start too many.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nodewarden.rollout.answer import answered
from nodewarden.rollout.gate import alarms_of, to_check
from nodewarden.rollout.halt import halted, told_halted
from nodewarden.rollout.start import candidates, examined, may_start, started, with_intents
from nodewarden.rollout.state import FINAL, UNFINISHED, GroupState, HaltCause, State
from nodewarden.rollout.step import StepKind
from nodewarden.rollout.timing import soaked_at
from nodewarden.rollout.watch import watched
from nodewarden.rollout.wave import moved_on

if TYPE_CHECKING:
    from datetime import datetime

    from nodewarden.node_group import NodeGroupKey, Target
    from nodewarden.rollout.observed import Observed, Start
    from nodewarden.rollout.policy import RolloutPolicy, Wave
    from nodewarden.rollout.preflight import Go
    from nodewarden.rollout.state import Rollout

__all__ = ["Wanted", "advance", "started", "wanted"]

MOST_CHECKED = 40  # groups of a wave that one tick looks at after its soak; each is an item of the tick's transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a tick must look at, so that calls grow with what is active and not with the fleet.

    `watched` need their node group and update; `next` also their cluster, addresses and zones; `checked` their node group
    only. `alarms` are asked for when the gate is next. `targets` are looked at for a recall: all before something starts, or
    is started again; those of AMI families in every tick, as no look at releases remembers what became of them.
    """

    watched: tuple[NodeGroupKey, ...] = ()
    next: tuple[NodeGroupKey, ...] = ()
    checked: tuple[NodeGroupKey, ...] = ()
    alarms: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()


def wanted(rollout: Rollout, observed: Observed, policy: RolloutPolicy, now: datetime) -> Wanted:
    """Say what to look at; of `observed`, only the stance and what other rollouts do is read."""
    if rollout.state in FINAL:
        return Wanted()
    wave = policy.wave(rollout.current_wave) if rollout.current_wave else None
    check = to_check(rollout, wave, now) if wave and rollout.state is State.SOAKING else ()
    gate_is_next = wave is not None and _gate_is_next(rollout, wave, now)
    following = candidates(rollout, observed, policy, now) if may_start(rollout, observed, policy, now) else ()
    starts = bool(following) or any(group.state is GroupState.STARTING for group in rollout.active)
    return Wanted(
        watched=tuple(group.key for group in rollout.active),
        next=tuple(group.key for group in following),
        checked=tuple(group.key for group in check[:MOST_CHECKED]),
        alarms=alarms_of(rollout, wave) if wave and gate_is_next else (),
        targets=tuple(target for target in dict.fromkeys(_targets(rollout)) if starts or target.family),
    )


def advance(
    rollout: Rollout, observed: Observed, policy: RolloutPolicy, now: datetime
) -> tuple[Rollout, tuple[Start, ...]]:
    """Take one tick; write what comes back where it changed or has calls, then make the calls. A final one stays as it is."""
    if rollout.state in FINAL:
        return rollout, ()
    before = replace(rollout, steps=())
    after = answered(before, observed.answers, policy, now)
    after = _recalled(watched(after, observed, policy, now), observed, now)
    ready: tuple[Go, ...] = ()
    if may_start(after, observed, policy, now):
        after, ready = examined(after, observed, policy, now)
    after = _told_of_more_failures(before, moved_on(after, observed, policy, now), now)
    after, calls = with_intents(after, ready, observed, policy, now)
    return (after if after.steps else replace(after, steps=rollout.steps)), calls


def _gate_is_next(rollout: Rollout, wave: Wave, now: datetime) -> bool:
    soaked = soaked_at(rollout, wave)
    return rollout.state in {State.SOAKING, State.AWAITING_APPROVAL} and soaked is not None and soaked <= now


def _recalled(rollout: Rollout, observed: Observed, now: datetime) -> Rollout:
    """Halt over targets that were taken back, once for each; no group is downgraded."""
    news = {t: why for t, why in observed.recalls.items() if t in set(_targets(rollout)) - rollout.recalls}
    if not news:
        return rollout
    remembered = replace(rollout, recalls=rollout.recalls | news.keys())
    if rollout.state is State.ABORTING:
        return remembered
    why = "; ".join(f"{target.release_version} was recalled: {why}" for target, why in news.items())
    return halted(remembered, HaltCause.RECALL, why, now)


def _told_of_more_failures(before: Rollout, after: Rollout, now: datetime) -> Rollout:
    if before.state is not State.HALTED or after.state is not State.HALTED:
        return after
    if any(step.kind is StepKind.HALTED for step in after.steps):
        return after
    grew = {g.key for g in after.groups.values() if g.state is GroupState.FAILED and before.groups[g.key] != g}
    return told_halted(after, "more failed since", now) if grew else after


def _targets(rollout: Rollout) -> tuple[Target, ...]:
    aimed = UNFINISHED | {GroupState.DONE}
    return tuple(group.target for group in rollout.groups.values() if group.state in aimed)
