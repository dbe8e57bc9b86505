"""Watching what starts and updates to its end, whatever the rollout's state is: a started update cannot be cancelled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nodewarden.node_group import ACTIVE, CUSTOM, IN_PROGRESS, SELF_MANAGED, SUCCESSFUL
from nodewarden.rollout.preflight import at_target, healthy, trouble_of
from nodewarden.rollout.state import GroupState, State

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from nodewarden.node_group import HealthIssue, NodeGroup, Update
    from nodewarden.rollout.observed import Observed, Seen
    from nodewarden.rollout.policy import RolloutPolicy
    from nodewarden.rollout.state import GroupProgress, Rollout

ENDED = {
    "Cancelled": "was cancelled",
    "RollbackSuccessful": "failed, and was rolled back",
    "RollbackFailed": "failed, and could not be rolled back",
}
MOST_ERRORS, MOST_IDS, LONGEST_MESSAGE = 10, 20, 500  # of a group: its item is to stay small


def watched(rollout: Rollout, observed: Observed, policy: RolloutPolicy, now: datetime) -> Rollout:
    """Take over what was seen of the groups that start, update, or are checked after the soak."""
    pairs = ((rollout.groups[key], seen) for key, seen in observed.groups.items() if key in rollout.groups)
    return rollout.with_groups(_after(group, seen, rollout, policy, now) for group, seen in pairs)


def failed(progress: GroupProgress, why: str, now: datetime, errors: Iterable[HealthIssue] = ()) -> GroupProgress:
    """End a group's attempt as failed."""
    return replace(
        progress,
        state=GroupState.FAILED,
        why=why[:LONGEST_MESSAGE],
        errors=_trimmed(errors),
        finished_at=now,
        accepted=False,
    )


def left_alone(progress: GroupProgress, why: str, now: datetime, *, may_return: bool) -> GroupProgress:
    """End a group's part in the rollout without a judgement."""
    return replace(progress, state=GroupState.LEFT_ALONE, why=why, finished_at=now, may_return=may_return)


def done(progress: GroupProgress, why: str, now: datetime) -> GroupProgress:
    """End a group's part as done."""
    return replace(progress, state=GroupState.DONE, why=why, finished_at=now, stuck_since=None, errors=())


def adopted(progress: GroupProgress, update_id: str, now: datetime) -> GroupProgress:
    """Follow an update from now on."""
    return replace(
        progress,
        state=GroupState.UPDATING,
        update_id=update_id,
        started_at=progress.started_at or now,
        stuck_since=None,
        not_before=None,
        refusals=0,
        why="",
    )


def hindered(
    progress: GroupProgress, why: str, now: datetime, policy: RolloutPolicy, group: NodeGroup | None = None
) -> GroupProgress:
    """Keep the reason why a group cannot go on, and fail it where that has lasted for too long."""
    since = progress.stuck_since or now
    if now - since >= policy.stuck_after:
        return failed(progress, f"for {_said(now - since)}: {why}", now, group.issues if group else ())
    return replace(progress, stuck_since=since, why=why[:LONGEST_MESSAGE])


def _after(
    progress: GroupProgress, seen: Seen, rollout: Rollout, policy: RolloutPolicy, now: datetime
) -> GroupProgress:
    match progress.state:
        case GroupState.STARTING:
            return _found_out(progress, seen, now)
        case GroupState.UPDATING:
            return _followed(progress, seen, policy, now)
        case GroupState.DONE if rollout.state is State.SOAKING and progress.wave == rollout.current_wave:
            return _checked_again(progress, seen, now)
        case _:
            return progress


def _found_out(progress: GroupProgress, seen: Seen, now: datetime) -> GroupProgress:
    """Find out what became of a start whose answer is not recorded; unchanged where it seems not to have happened."""
    if seen.node_group is None:
        return left_alone(progress, f"the {progress.key.kind} is gone", now, may_return=True)
    update = seen.update
    if update and _goes_to_its_target(progress, update) and _is_its(progress, update):
        return adopted(progress, update.update_id, now)
    if at_target(progress, seen.node_group) and healthy(seen.node_group):
        return done(progress, _by(seen.node_group), now)
    return progress


def _followed(progress: GroupProgress, seen: Seen, policy: RolloutPolicy, now: datetime) -> GroupProgress:
    group, update = seen.node_group, seen.update
    if group is None:
        why = f"the {progress.key.kind} was deleted during its {progress.key.change}"
        return left_alone(progress, why, now, may_return=True)
    if update is None:
        if at_target(progress, group) and healthy(group):
            return done(progress, _by(group), now)
        why = f"{progress.key.service} does not know its {progress.key.change}; {trouble_of(group)}"
        return hindered(progress, why, now, policy, group)
    if update.status == IN_PROGRESS:
        return progress
    if update.status != SUCCESSFUL:
        return failed(progress, _how_it_ended(progress, update), now, (*update.errors, *group.issues))
    return _verified(progress, group, policy, now)


def _by(group: NodeGroup) -> str:
    """Name the launch template version by which a group runs an AMI of its own: code that names it must name this one."""
    own = group.ami_type in {CUSTOM, SELF_MANAGED} and group.launch_template is not None
    return f"uses {group.launch_template} now" if own else ""


def _how_it_ended(progress: GroupProgress, update: Update) -> str:
    codes = ", ".join(dict.fromkeys(error.code for error in update.errors)) or "no error named"
    return f"the {progress.key.change} {ENDED.get(update.status, update.status.lower())}: {codes}"


def _verified(progress: GroupProgress, group: NodeGroup, policy: RolloutPolicy, now: datetime) -> GroupProgress:
    """Believe a successful update only where the group runs the target, active and without an issue."""
    if at_target(progress, group):
        return (
            done(progress, _by(group), now)
            if healthy(group)
            else hindered(progress, trouble_of(group), now, policy, group)
        )
    if group.status != ACTIVE:
        return hindered(progress, trouble_of(group), now, policy, group)
    if progress.key.auto_scaling_group and group.release_version in {progress.previous_release, ""}:
        why = "its refresh was successful, but it does not use the new version, or not all of its hosts do"
        return hindered(progress, why, now, policy, group)
    if group.release_version != progress.previous_release:
        why = f"somebody moved it on to {group.release_version}"
        return left_alone(progress, why, now, may_return=False)
    return failed(
        progress, f"the {progress.key.change} was successful, but it runs {group.release_version}", now, group.issues
    )


def _checked_again(progress: GroupProgress, seen: Seen, now: datetime) -> GroupProgress:
    """Look at a done group after the soak: gone is nothing to wait for, back on the release it came from is."""
    group = seen.node_group
    back = group is not None and group.release_version == progress.previous_release and not at_target(progress, group)
    if group is None or (healthy(group) and not back):
        return replace(progress, healthy_at=now, stuck_since=None, why=_by(group) if group else "")
    why = f"{trouble_of(group)}{f'; it runs {group.release_version} again' if back else ''}"[:LONGEST_MESSAGE]
    return replace(progress, healthy_at=None, stuck_since=progress.stuck_since or now, why=why)


def _goes_to_its_target(progress: GroupProgress, update: Update) -> bool:
    """Tell whether an update goes to the target; a refresh that ended may, where the version that it went to is gone."""
    gone = update.release_version is None and update.status != IN_PROGRESS
    unknown = gone and bool(progress.key.auto_scaling_group)
    return unknown or update.release_version == progress.target.release_version


def _is_its(progress: GroupProgress, update: Update) -> bool:
    """Tell whether an update can be this attempt's: an older one that ended was an earlier attempt's."""
    if progress.key.auto_scaling_group:
        return update.update_id != progress.update_before
    if update.status == IN_PROGRESS or update.created_at is None or progress.started_at is None:
        return True
    return update.created_at >= progress.started_at.replace(microsecond=0)


def _trimmed(errors: Iterable[HealthIssue]) -> tuple[HealthIssue, ...]:
    return tuple(
        replace(error, message=error.message[:LONGEST_MESSAGE], resource_ids=error.resource_ids[:MOST_IDS])
        for error in tuple(errors)[:MOST_ERRORS]
    )


def _said(duration: object) -> str:
    return str(duration).split(".", 1)[0]
