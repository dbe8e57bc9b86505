"""What people can do at a step of a rollout: each way with its command, ready to run."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from nodewarden.message.message import TO_FILL_IN, Command, command
from nodewarden.rollout.state import FINAL, GroupState, HaltCause
from nodewarden.rollout.step import StepKind
from nodewarden.security_group.event import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nodewarden.rollout.state import Rollout
    from nodewarden.rollout.step import Step


def ways_on(rollout: Rollout, step: Step, stack: str) -> list[str]:
    """Give what a person can do now, each followed by its command; nothing where the rollout has ended."""
    ways = [] if rollout.state in FINAL else _ways(rollout, step)
    said = ((f"{what}:", command("OperatorFunction", request | TO_FILL_IN, None, stack)) for what, request in ways)
    return [line for way in (*_back_at_once(rollout, step), *said) for line in way]


def _back_at_once(rollout: Rollout, step: Step) -> Iterator[tuple[str, Command]]:
    """Show how an instance refresh to a recalled AMI is ended, which EKS's updates cannot be: Nodewarden leaves it to people."""
    recalled = step.kind is StepKind.HALTED and rollout.halt is not None and rollout.halt.cause is HaltCause.RECALL
    for group in step.groups if recalled else ():
        if group.state is GroupState.UPDATING and (name := group.key.auto_scaling_group):
            which = f"--auto-scaling-group-name {quote(name)} --region {quote(group.key.region)}"
            yield (
                f"to put {group.key} back at once:",
                Command(one_line(f"aws autoscaling rollback-instance-refresh {which}")),
            )
            yield "or to stop it as it is:", Command(one_line(f"aws autoscaling cancel-instance-refresh {which}"))


type Way = tuple[str, dict[str, str]]


def _ways(rollout: Rollout, step: Step) -> list[Way]:
    name = {"rollout": rollout.rollout_id}
    pause: Way = ("to stop it for a while", {"verb": "pause", "what": rollout.rollout_id})
    abort: Way = ("to end it", {"verb": "abort", **name})
    resume: dict[str, str] = {"verb": "resume", "what": rollout.rollout_id}
    match step.kind:
        case StepKind.PLANNED | StepKind.NOT_ALLOWED_YET:
            ways = [abort]
        case StepKind.WAVE_STARTED:
            ways = [pause]
        case StepKind.ANSWER_REFUSED:
            ways = [pause, abort]
        case StepKind.AWAITING_APPROVAL:
            ways = _answers(rollout)
        case StepKind.PAUSED:
            ways = [("to go on", resume), abort]
        case StepKind.HALTED:
            ways = [*_after_halt(rollout, step, resume), abort]
        case _:
            ways = []
    return ways


def _answers(rollout: Rollout) -> list[Way]:
    asked = {"rollout": rollout.rollout_id, "wave": rollout.next_wave or ""}
    return [
        ("to let it begin", {"verb": "approve", **asked}),
        ("to end the rollout here", {"verb": "reject", **asked}),
    ]


def _after_halt(rollout: Rollout, step: Step, resume: dict[str, str]) -> Iterator[Way]:
    name = {"rollout": rollout.rollout_id}
    match rollout.halt.cause if rollout.halt else None:
        case HaltCause.APPROVAL:
            yield from _answers(rollout)[:1]
        case HaltCause.FAILURES:
            yield "mend the cause, then to try what failed again", {"verb": "retry", **name}
            yield "to go on without what failed", resume
            yield from _skips(rollout, step)
        case HaltCause.RECALL:
            yield "to go on; what would go to the recalled release is left alone, and nothing is downgraded", resume
        case HaltCause.POLICY:
            yield "put the wave back into rollout.toml and deploy, then", resume
        case _:
            yield "mend the cause; then, or to go on in spite of it (the wave's alarms hold nothing any more)", resume


def _skips(rollout: Rollout, step: Step) -> Iterator[Way]:
    """Show how one is skipped, where several failed: with one, going on without it is the same."""
    failed = [group for group in step.groups if group.state is GroupState.FAILED]
    if len(failed) > 1:
        yield "to leave out one of them", {"verb": "skip", "rollout": rollout.rollout_id, "group": str(failed[0].key)}
