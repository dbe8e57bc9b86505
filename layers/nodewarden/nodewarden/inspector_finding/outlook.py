"""What is to become of a node group with urgent findings, by where it stands and by the rollout that it is in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from nodewarden.ami_release.standing import State as Stands
from nodewarden.inspector_finding.incident import UNKNOWN_IMAGE, State
from nodewarden.rollout.state import FINAL, UNFINISHED, GroupState
from nodewarden.rollout.state import State as Rolls
from nodewarden.security_group.event import line

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from nodewarden.ami_release.standing import Standing
    from nodewarden.inspector_finding.incident import Incident
    from nodewarden.node_group import Target
    from nodewarden.rollout.state import GroupProgress, Rollout

NOTHING_TO_DO = "Nothing to do: its findings are closed when its hosts run another AMI."


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The state that an incident is to be in, and why.

    `about` is the release that it is about, or what keeps the group from rolling. `target` is what the group is to be
    rolled to, `rollout_id` the rollout that does it, or that an urgent request is to hasten. `rolled_at` is when the group
    came to the release that it runs, where that is known, `left_alone_by` the rollout that may take it up again.
    """

    state: State
    about: str
    reason: str
    advice: str
    target: Target | None = None
    rollout_id: str = ""
    rolled_at: datetime | None = None
    left_alone_by: str = ""


def outlook(
    incident: Incident, standing: Standing | None, rollout: Rollout | None, give_up_after: timedelta, now: datetime
) -> Outlook:
    """Say what is to become of a managed node group; `standing` is None where it is gone.

    `rollout` is the last one that the group was in, active or over; None where there was none.
    """
    if standing is None:
        return Outlook(state=State.GONE, about="", reason="the node group is gone", advice=NOTHING_TO_DO)
    match standing.state:
        case Stands.BEHIND if standing.target:
            return _behind(standing, standing.target, rollout)
        case Stands.CURRENT | Stands.AHEAD | Stands.RUNS_RECALLED:
            return _on_target(incident, standing, rollout, give_up_after, now)
        case Stands.TARGET_RECALLED | Stands.IMAGE_UNUSABLE:
            return _waits(standing)
        case (
            Stands.BEHIND
            | Stands.NO_WAVE
            | Stands.TRIED
            | Stands.HELD
            | Stands.PINNED
            | Stands.CUSTOM
            | Stands.UNSUITABLE
            | Stands.AMI_GONE
            | Stands.NOT_DRAINED
            | Stands.NOT_PERMITTED
            | Stands.LEFT
            | Stands.UNKNOWN_TYPE
            | Stands.NO_TARGET
            | Stands.UNREADABLE
            | Stands.ENDED
            | Stands.AHEAD_OF_CONTROL_PLANE
            | Stands.NOT_IN_SERVICE
        ):
            about = standing.state.value
            return Outlook(state=State.NOT_ROLLED, about=about, reason=standing.reason, advice=standing.advice)
        case _ as never:
            assert_never(never)


def _waits(standing: Standing) -> Outlook:
    return Outlook(
        state=State.WAITING,
        about=standing.node_group.release_version,
        reason=standing.reason,
        advice="Nothing to do: the next release is rolled as urgent. To have less at risk until then, patch or replace its hosts.",
    )


def _behind(standing: Standing, target: Target, rollout: Rollout | None) -> Outlook:
    progress = rollout.groups.get(standing.node_group.key) if rollout else None
    request = Outlook(
        state=State.REQUESTED,
        about=target.release_version,
        reason=standing.reason,
        advice=standing.advice,
        target=target,
    )
    if rollout is None or progress is None:
        return request
    if rollout.state not in FINAL and progress.state in UNFINISHED:
        hastened = may_be_hastened(rollout)
        return replace(request, rollout_id=rollout.rollout_id) if hastened else _joined(standing, rollout, progress)
    if progress.target.release_version != target.release_version:
        return request
    if rollout.state is Rolls.SUPERSEDED or progress.may_return:
        return replace(request, left_alone_by=rollout.rollout_id)
    return _through(rollout, progress)


def _through(rollout: Rollout, progress: GroupProgress) -> Outlook:
    why = f"the rollout {rollout.rollout_id} to {progress.target.release_version} is through with it ({progress.state.value}{f': {line(progress.why)}' if progress.why else ''})"
    advice = (
        "Something put it back: look who updates it besides Nodewarden, and change that."
        if progress.state is GroupState.DONE
        else "Mend what stood in its way, and have the rollout retry it while it goes on; else update the node group yourself."
    )
    return Outlook(state=State.NOT_ROLLED, about=f"after {rollout.rollout_id}", reason=why, advice=advice)


def _joined(standing: Standing, rollout: Rollout, progress: GroupProgress) -> Outlook:
    halted = rollout.state in {Rolls.HALTED, Rolls.PAUSED}
    return Outlook(
        state=State.IN_ROLLOUT,
        about=progress.target.release_version,
        reason=f"the rollout {rollout.rollout_id} is {rollout.state.value}",
        advice=f"Resume the rollout {rollout.rollout_id} to have it rolled." if halted else standing.advice,
        target=progress.target,
        rollout_id=rollout.rollout_id,
    )


def may_be_hastened(rollout: Rollout) -> bool:
    """Tell whether an urgent request makes a difference: planning replaces what is not urgent and has started nothing."""
    started = rollout.wave >= 0 or any(group.started_at for group in rollout.groups.values())
    return not rollout.urgent and not started and rollout.state not in {Rolls.PAUSED, Rolls.ABORTING}


def _on_target(
    incident: Incident, standing: Standing, rollout: Rollout | None, give_up_after: timedelta, now: datetime
) -> Outlook:
    """Judge a group that runs what there is: its hosts may be those of before, or the new AMI has it too."""
    release = standing.node_group.release_version
    before = _hosts_are_of_before(incident, standing)
    rolled_at = _rolled_at(incident, standing, rollout) or (now if before else None)
    # What was found long after the roll is no older than that: the AMI cannot have the fix yet.
    found_at = None if before else incident.first_observed_at
    if rolled_at is None or now - max(rolled_at, found_at or rolled_at) < give_up_after:
        waits = _waits(standing)
        state = State.ROLLED if before else State.WAITING
        reason = f"{standing.reason}; Inspector has not closed its findings yet" if before else waits.reason
        return Outlook(
            state=state,
            about=release,
            reason=reason,
            advice=NOTHING_TO_DO if before else waits.advice,
            rolled_at=rolled_at,
        )
    since = f"since {rolled_at:%Y-%m-%d %H:%M} UTC"
    return Outlook(
        state=State.NOT_FIXED,
        about=release,
        reason=f"it runs {release} {since}, and hosts of the AMI before are still reported"
        if before
        else f"it runs {release} {since}: the new AMI does not fix it",
        advice="Look whether these hosts are still there: terminate what was left behind."
        if before
        else "Patch its hosts, change what they run, or ignore the vulnerability with a reason; else it waits for the next release.",
        rolled_at=rolled_at,
    )


def _hosts_are_of_before(incident: Incident, standing: Standing) -> bool:
    image = standing.target.image_id if standing.target else None
    return standing.state is Stands.CURRENT and image is not None and incident.key.about not in {image, UNKNOWN_IMAGE}


def _rolled_at(incident: Incident, standing: Standing, rollout: Rollout | None) -> datetime | None:
    group = standing.node_group
    progress = rollout.groups.get(group.key) if rollout else None
    if progress and progress.state is GroupState.DONE and progress.target.release_version == group.release_version:
        return progress.finished_at
    return incident.rolled_at
