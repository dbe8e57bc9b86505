"""Starting: which groups may be next, what the look right before says, and the intents that are written first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

from nodewarden.node_group import IN_PROGRESS, HealthIssue
from nodewarden.rollout.observed import (
    Busy,
    NotAllowedYet,
    Refused,
    Started,
    StartFromTemplate,
    StartRefresh,
    StartUpdate,
)
from nodewarden.rollout.preflight import Adopt, AlreadyThere, Go, LeaveAlone, Wait, preflight
from nodewarden.rollout.state import FORCE_TAG, GroupState, State
from nodewarden.rollout.step import StepKind, tell
from nodewarden.rollout.timing import allowance, old_enough_at
from nodewarden.rollout.watch import LONGEST_MESSAGE, adopted, done, failed, hindered, left_alone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from nodewarden.node_group import NodeGroup, NodeGroupKey
    from nodewarden.rollout.observed import Observed, Result, Seen, Start
    from nodewarden.rollout.policy import RolloutPolicy
    from nodewarden.rollout.state import GroupProgress, Rollout

# A Lambda function runs for up to 15 minutes: after that, whoever wrote an intent no longer makes its call.
CALL_LASTS = timedelta(minutes=15)
UPDATING = "UPDATING"  # of a node group, by any update of it
TRY_LATER = timedelta(hours=1)
UNSEEN = timedelta(hours=1)  # as much of the time between two looks counts: over a pause or a weekend nobody tries
TELL_REFUSALS = 3
REFUSED = frozenset({GroupState.WAITING, GroupState.FAILED})  # how a group stands that EKS refused a release for


def may_start(rollout: Rollout, observed: Observed, policy: RolloutPolicy, now: datetime) -> bool:
    """Tell whether the rollout may start anything now."""
    wave = policy.wave(rollout.current_wave) if rollout.current_wave else None
    rolling = rollout.state is State.ROLLING and wave is not None
    return rolling and wave is not None and allowance(rollout, wave, observed, policy, now).allowed


def candidates(rollout: Rollout, observed: Observed, policy: RolloutPolicy, now: datetime) -> tuple[GroupProgress, ...]:
    """Give the groups that may be started next: one for each free cluster, as many as `max_concurrency` leaves.

    Those that nobody looked at for the longest time come first, so that one that cannot start holds up no other.
    """
    active = rollout.active
    room = policy.max_concurrency - observed.others_active - len(active)
    taken = {group.key.cluster for group in active} | observed.busy_clusters
    chosen: list[GroupProgress] = []
    for group in sorted(_due(rollout, policy, now), key=_turn) if room > 0 else ():
        if len(chosen) < room and group.key.cluster not in taken:
            taken.add(group.key.cluster)
            chosen.append(group)
    return tuple(chosen)


def examined(
    rollout: Rollout, observed: Observed, policy: RolloutPolicy, now: datetime
) -> tuple[Rollout, tuple[Go, ...]]:
    """Look at the candidates that were seen; give what became of them, and those that nothing stands in the way of."""
    news, ready = [], []
    for progress in candidates(rollout, observed, policy, now):
        if seen := observed.groups.get(progress.key):
            finding = preflight(progress, seen, rollout, policy)
            news.append(replace(_after_look(progress, finding, policy, now, seen.node_group), looked_at=now))
            ready += [finding] if isinstance(finding, Go) and news[-1].state is GroupState.WAITING else []
    return rollout.with_groups(news), tuple(ready)


def with_intents(
    rollout: Rollout, ready: Iterable[Go], observed: Observed, policy: RolloutPolicy, now: datetime
) -> tuple[Rollout, tuple[Start, ...]]:
    """Write the intents of what is ready, and of starts whose answer was lost: those are called again, by the same token.

    An instance refresh has none: it is called again only when nobody makes the first call any more.
    """
    allowed = may_start(rollout, observed, policy, now)
    lost = (group for group in rollout.active if group.state is GroupState.STARTING)
    news, again = [], []
    for progress in lost:
        seen = observed.groups.get(progress.key)
        finding = preflight(progress, seen, rollout, policy) if seen and allowed else None
        if isinstance(finding, Go):
            again += [finding] if _may_be_called_again(progress, now) else []
        elif seen and (_gave_up(progress, seen, now) or _is_in_anothers(progress, seen)):
            why = finding.why if isinstance(finding, Wait | LeaveAlone) else "its start did not come about"
            news.append(replace(progress, state=GroupState.WAITING, why=why))
    going = [*again, *(ready if allowed else ())]
    news += [_intent(rollout.groups[go.node_group.key], observed.groups[go.node_group.key], now) for go in going]
    rollout = rollout.with_groups(news)
    return rollout, tuple(_call(rollout.groups[go.node_group.key], go.node_group) for go in going)


def started(rollout: Rollout, results: Mapping[NodeGroupKey, Result], policy: RolloutPolicy, now: datetime) -> Rollout:
    """Take over what came of the calls, by group. Where one may have worked, say nothing: the next tick finds out."""
    groups = (_after_call(rollout.groups[key], result, policy, now) for key, result in results.items())
    return _told_of_refusals(rollout, rollout.with_groups(groups), now)


def _after_call(progress: GroupProgress, result: Result, policy: RolloutPolicy, now: datetime) -> GroupProgress:
    if progress.state not in {GroupState.STARTING, GroupState.WAITING}:
        return progress
    if isinstance(result, Started):
        return adopted(progress, result.update_id, now)
    if progress.state is not GroupState.STARTING:
        return progress
    match result:
        case Busy():
            # It may be our own update whose answer was lost: its cluster stays taken until the next tick has looked.
            why = f"a {progress.key.change} of it goes on, or was since it was looked at: the next tick looks again"
            return replace(progress, why=why)
        case NotAllowedYet(message=message):
            return _refused(progress, message, policy, now)
        case Refused(code=code, message=message):
            why = f"the {progress.key.change} was refused: {code}"
            return failed(progress, why, now, [HealthIssue(code=code, message=message)])
        case _:
            assert_never(result)


def _gave_up(progress: GroupProgress, seen: Seen, now: datetime) -> bool:
    """Tell whether a start did not come about: nobody makes its call any more, and EKS updates nothing of the group."""
    quiet = seen.node_group is not None and seen.node_group.status != UPDATING
    return quiet and _is_over(progress, now)


def _is_over(progress: GroupProgress, now: datetime) -> bool:
    return progress.called_at is not None and now - progress.called_at >= CALL_LASTS


def _may_be_called_again(progress: GroupProgress, now: datetime) -> bool:
    return not progress.key.auto_scaling_group or _is_over(progress, now)


def _is_in_anothers(progress: GroupProgress, seen: Seen) -> bool:
    """Tell whether somebody else refreshes a group: one of ours would have been adopted by now."""
    going = seen.update is not None and seen.update.status == IN_PROGRESS
    return bool(progress.key.auto_scaling_group) and going


def _due(rollout: Rollout, policy: RolloutPolicy, now: datetime) -> Iterable[GroupProgress]:
    waiting = (group for group in rollout.of_wave(*rollout.begun_waves) if group.state is GroupState.WAITING)
    return (
        group
        for group in waiting
        if old_enough_at(group, rollout, policy) <= now and (group.not_before is None or group.not_before <= now)
    )


def _turn(group: GroupProgress) -> tuple[bool, str, NodeGroupKey]:
    return group.looked_at is not None, group.looked_at.isoformat() if group.looked_at else "", group.key


def _after_look(
    progress: GroupProgress,
    finding: Go | Wait | LeaveAlone | AlreadyThere | Adopt,
    policy: RolloutPolicy,
    now: datetime,
    group: NodeGroup | None,
) -> GroupProgress:
    match finding:
        case Go():
            return replace(progress, why="", stuck_since=None)
        case Wait(why=why):
            return hindered(_without_gap(progress, now), why, now, policy, group)
        case LeaveAlone(why=why, may_return=may_return):
            return left_alone(progress, why, now, may_return=may_return)
        case AlreadyThere(why=why):
            return done(progress, why, now)
        case Adopt(update_id=update_id):
            return adopted(progress, update_id, now)
        case _:
            assert_never(finding)


def _without_gap(progress: GroupProgress, now: datetime) -> GroupProgress:
    """Leave time in which nobody could look (a pause, a halt, a closed window) out of how long the group is stuck."""
    if progress.stuck_since is None or progress.looked_at is None:
        return progress
    gap = max(now - progress.looked_at - UNSEEN, timedelta())
    return replace(progress, stuck_since=progress.stuck_since + gap)


def _intent(progress: GroupProgress, seen: Seen, now: datetime) -> GroupProgress:
    begun = progress.started_at if progress.state is GroupState.STARTING else None
    before = seen.update.update_id if seen.update and progress.key.auto_scaling_group else None
    intended = replace(progress, state=GroupState.STARTING, started_at=begun or now, called_at=now)
    return replace(intended, update_id=None, update_before=before)


def _call(progress: GroupProgress, group: NodeGroup) -> Start:
    force = group.tags.get(FORCE_TAG) == "true"
    token, release = progress.forced_token if force else progress.token, progress.target.release_version
    if progress.target.family and group.launch_template:
        source, attempt = group.launch_template, f"{progress.rollout_id}|{progress.attempt}"
        if progress.key.auto_scaling_group:
            return StartRefresh(
                key=progress.key,
                token=progress.token,
                source=source,
                release_version=release,
                after=progress.update_before,
                attempt=attempt,
            )
        return StartFromTemplate(
            key=progress.key, token=token, source=source, release_version=release, force=force, attempt=attempt
        )
    return StartUpdate(key=progress.key, token=token, version=progress.minor, release_version=release, force=force)


def _refused(progress: GroupProgress, message: str, policy: RolloutPolicy, now: datetime) -> GroupProgress:
    """Let the group be tried later; fail it where EKS refused as often as there are tries in the time that is waited."""
    why, refusals = f"EKS does not take the release yet: {message}", progress.refusals + 1
    counted = replace(progress, refusals=refusals, stuck_since=None)
    if refusals * TRY_LATER >= max(policy.stuck_after, TELL_REFUSALS * TRY_LATER):
        return failed(counted, f"refused {refusals} times: {why}", now)
    return replace(counted, state=GroupState.WAITING, why=why[:LONGEST_MESSAGE], not_before=now + TRY_LATER)


def _told_of_refusals(before: Rollout, after: Rollout, now: datetime) -> Rollout:
    """Tell that EKS does not take a release yet, once for each wave and target, with all groups it was refused for."""
    known = {(group.wave, group.target) for group in before.groups.values() if group.refusals >= TELL_REFUSALS}
    often = [group for group in after.groups.values() if group.refusals >= TELL_REFUSALS]
    told = after
    for wave, target in dict.fromkeys((group.wave, group.target) for group in often):
        if (wave, target) not in known:
            its = [g for g in after.groups.values() if (g.wave, g.target) == (wave, target) and g.refusals]
            first = told if told is not after else replace(after, steps=())
            told = tell(first, StepKind.NOT_ALLOWED_YET, now, wave=wave, why=_most(its).why, about=REFUSED, groups=its)
    return told


def _most(groups: Iterable[GroupProgress]) -> GroupProgress:
    return max(groups, key=lambda group: group.refusals)
