"""What people answer to a rollout, each answer applied once; one that does not fit is refused, with what to do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, assert_never

from nodewarden.rollout.halt import halt_is_over, held, resting
from nodewarden.rollout.state import FINAL, GroupState, HaltCause, State
from nodewarden.rollout.step import StepKind, tell

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from nodewarden.node_group import NodeGroupKey
    from nodewarden.rollout.policy import RolloutPolicy
    from nodewarden.rollout.state import GroupProgress, Rollout

SKIPPABLE = frozenset({GroupState.WAITING, GroupState.FAILED})


class Verb(StrEnum):
    """What can be answered."""

    APPROVE = "approve"  # the next wave may begin
    REJECT = "reject"  # it may not: the rollout ends
    PAUSE = "pause"
    RESUME = "resume"  # a halt too: what failed so far is accepted
    RETRY = "retry"  # the failed group, or all of them, once more
    SKIP = "skip"  # leave a group out of this rollout
    ABORT = "abort"
    HASTEN = "hasten"  # make it urgent: a finding on its hosts cannot wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A person's answer: `wave` for approve and reject where the question named one, `group` for skip and retry."""

    answer_id: str
    verb: Verb
    by: str
    reason: str
    at: datetime
    wave: str | None = None
    group: NodeGroupKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer that was dealt with; `refused` says why it was not applied, empty where it was."""

    answer: Answer
    refused: str = ""


def refusal(rollout: Rollout, answer: Answer) -> str:
    """Say why the answer does not fit and what to do; empty where it fits. For a person's request, before it is put."""
    if rollout.state in FINAL or rollout.state is State.ABORTING:
        return f"the rollout is {rollout.state}: the next release makes a new one"
    stands = rollout.state in {State.PAUSED, State.HALTED}
    match answer.verb:
        case Verb.APPROVE | Verb.REJECT:
            why = _not_asked(rollout, answer)
        case Verb.PAUSE:
            why = f"the rollout is {rollout.state} already: nothing starts" if stands else ""
        case Verb.RESUME:
            why = "" if stands else f"the rollout is {rollout.state}: only a paused or halted one can be resumed"
        case Verb.RETRY:
            why = "" if _to_retry(rollout, answer) else "no such group failed: name one that did, or none for all"
        case Verb.SKIP:
            why = _not_skippable(rollout, answer)
        case Verb.HASTEN:
            why = "the rollout is urgent already" if rollout.urgent else ""
        case Verb.ABORT:
            why = ""
        case _:
            assert_never(answer.verb)
    return why


def answered(rollout: Rollout, answers: Iterable[Answer], policy: RolloutPolicy, now: datetime) -> Rollout:
    """Apply each answer that was not dealt with yet, in the order they were given."""
    known = {done.answer.answer_id for done in rollout.answers}
    for answer in sorted(answers, key=lambda answer: (answer.at, answer.answer_id)):
        if answer.answer_id in known:
            continue
        known.add(answer.answer_id)
        refused = refusal(rollout, answer)
        rollout = replace(rollout, answers=(*rollout.answers, Answered(answer=answer, refused=refused)))
        rollout = _told_refused(rollout, answer, refused, now) if refused else _applied(rollout, answer, policy, now)
    return rollout


def _told_refused(rollout: Rollout, answer: Answer, why: str, now: datetime) -> Rollout:
    """Tell that an answer was not applied: it fitted when it was given, and who gave it takes it for done."""
    said = f"{answer.verb} ({answer.reason}) was not applied: {why}"
    return tell(rollout, StepKind.ANSWER_REFUSED, now, why=said, by=answer.by)


def _applied(rollout: Rollout, answer: Answer, policy: RolloutPolicy, now: datetime) -> Rollout:
    match answer.verb:
        case Verb.APPROVE:
            approved = rollout.approved | {wave for wave in (rollout.next_wave,) if wave}
            after = replace(
                rollout, approved=approved, state=resting(rollout), halt=None, asked_at=None, held_from=None
            )
        case Verb.REJECT | Verb.ABORT:
            after = replace(rollout, state=State.ABORTING, halt=None, held_from=None)
        case Verb.PAUSE:
            after = _paused(rollout, answer, now)
        case Verb.RESUME:
            after = _resumed(rollout, answer, now)
        case Verb.RETRY:
            again = rollout.with_groups(_once_more(group) for group in _to_retry(rollout, answer))
            after = _unhalted(again, answer, policy, now)
        case Verb.SKIP:
            after = _unhalted(_skipped(rollout, answer, now), answer, policy, now)
        case Verb.HASTEN:
            after = replace(rollout, urgent=True, reason=answer.reason)
        case _:
            assert_never(answer.verb)
    return after


def _paused(rollout: Rollout, answer: Answer, now: datetime) -> Rollout:
    """Pause; where an approval was asked for, it is asked for again after the pause."""
    back = resting(rollout) if rollout.state is State.AWAITING_APPROVAL else rollout.state
    paused = replace(rollout, state=State.PAUSED, held_from=back, asked_at=None)
    return tell(paused, StepKind.PAUSED, now, why=answer.reason, by=answer.by)


def _skipped(rollout: Rollout, answer: Answer, now: datetime) -> Rollout:
    why = f"skipped by {answer.by}: {answer.reason}"
    named = (group for group in rollout.groups.values() if group.key == answer.group)
    return rollout.with_groups(replace(g, state=GroupState.SKIPPED, why=why, finished_at=now) for g in named)


def _resumed(rollout: Rollout, answer: Answer, now: datetime) -> Rollout:
    """Go on; after a halt, with the groups that failed or were found ill, and with the wave's alarms, as they are."""
    if rollout.halt and rollout.halt.cause is HaltCause.GATE and rollout.current_wave:
        rollout = replace(rollout, accepted=rollout.accepted | {rollout.current_wave})
    if rollout.state is State.HALTED:
        rollout = rollout.with_groups(replace(group, accepted=True) for group in rollout.groups.values() if _bad(group))
    return _going_on(rollout, answer, now)


def _bad(group: GroupProgress) -> bool:
    return group.state is GroupState.FAILED or (group.state is GroupState.DONE and group.stuck_since is not None)


def _unhalted(rollout: Rollout, answer: Answer, policy: RolloutPolicy, now: datetime) -> Rollout:
    """End a halt over failures where a retry or a skip leaves no more of them than the wave may have."""
    return _going_on(rollout, answer, now) if halt_is_over(rollout, policy) else rollout


def _going_on(rollout: Rollout, answer: Answer, now: datetime) -> Rollout:
    if rollout.state is State.HALTED and rollout.held_from is State.PAUSED:
        return _paused_again(rollout, answer, now)
    went_on = replace(
        rollout,
        state=rollout.held_from or resting(rollout),
        halt=None,
        held_from=None,
        trouble_since=None,
        asked_at=None,
    )
    return tell(went_on, StepKind.RESUMED, now, why=answer.reason, by=answer.by)


def _paused_again(rollout: Rollout, answer: Answer, now: datetime) -> Rollout:
    """End a halt of a paused rollout: the pause of the person stands."""
    paused = replace(rollout, state=State.PAUSED, halt=None, held_from=held(rollout), trouble_since=None)
    pauses = (done.answer for done in rollout.answers if done.answer.verb is Verb.PAUSE and not done.refused)
    last = max(pauses, key=lambda pause: pause.at, default=answer)
    why = f"{last.reason} (the halt meanwhile was ended by {answer.by}: {answer.reason})"
    return tell(paused, StepKind.PAUSED, now, why=why, by=last.by)


def _not_asked(rollout: Rollout, answer: Answer) -> str:
    timed_out = rollout.halt is not None and rollout.halt.cause is HaltCause.APPROVAL
    if rollout.state is not State.AWAITING_APPROVAL and not (rollout.state is State.HALTED and timed_out):
        return f"the rollout is {rollout.state}: it does not wait for an approval"
    if answer.wave not in {None, rollout.next_wave}:
        return f"the rollout waits for the approval of wave {rollout.next_wave}, not {answer.wave}"
    return ""


def _not_skippable(rollout: Rollout, answer: Answer) -> str:
    group = rollout.groups.get(answer.group) if answer.group else None
    if group is None:
        return "a skip names a node group of the rollout"
    if group.state in SKIPPABLE:
        return ""
    return f"{group.key} is {group.state}: only a waiting or failed group can be skipped (EKS cannot cancel an update)"


def _to_retry(rollout: Rollout, answer: Answer) -> tuple[GroupProgress, ...]:
    failed = (group for group in rollout.groups.values() if group.state is GroupState.FAILED)
    return tuple(group for group in failed if answer.group in {None, group.key})


def _once_more(group: GroupProgress) -> GroupProgress:
    return type(group)(
        key=group.key,
        wave=group.wave,
        target=group.target,
        minor=group.minor,
        previous_release=group.previous_release,
        attempt=group.attempt + 1,
    )
