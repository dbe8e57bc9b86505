"""Planning: at most one new rollout for each AMI family of an account and region, of all that is behind and in a wave."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nodewarden.record import stamp
from nodewarden.rollout.policy import Skippable
from nodewarden.rollout.state import FINAL, GroupProgress, Rollout, State, kept_back
from nodewarden.rollout.step import PlannedWave, StepKind, tell
from nodewarden.rollout.timing import NOTHING, may_skip, old_enough_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from nodewarden.node_group import NodeGroup, NodeGroupKey, Target
    from nodewarden.rollout.policy import RolloutPolicy

type Pair = tuple[NodeGroupKey, str]  # a node group and a release version
type Where = tuple[str, str, str]  # account, region, AMI family

NOTHING_SETTLED: Mapping[Pair, int] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A node group that is behind, its target, and the AMI family that it is of, such as `AL2023`."""

    node_group: NodeGroup
    target: Target
    family: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why a rollout is planned; an urgent one may skip what its waves let it."""

    reason: str
    urgent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A new rollout, and the one that it supersedes, already in its final state. Both heads are written together."""

    rollout: Rollout
    supersedes: Rollout | None = None


RELEASED = Why(reason="a newer AMI is released")


def plan(  # noqa: PLR0913  # two of them by name
    candidates: Iterable[Candidate],
    active: Iterable[Rollout],
    policy: RolloutPolicy,
    now: datetime,
    *,
    settled: Mapping[Pair, int] = NOTHING_SETTLED,
    why: Why = RELEASED,
) -> tuple[Planned, ...]:
    """Plan the rollouts that are missing.

    `active` are the rollouts of these accounts and regions, and final ones do not count. Where a family has one, a new one
    is planned only in place of one that has started nothing, and only for a newer release or an urgent reason; everything
    else waits for it to end. `settled` are the groups and releases that former rollouts are through with (see there).
    """
    going = {(r.account, r.region, r.family): r for r in active if r.state not in FINAL}
    found: dict[Where, list[GroupProgress]] = {}
    for candidate in candidates:
        progress = _progress(candidate, policy)
        if progress and (progress.key, progress.target.release_version) not in settled:
            found.setdefault((progress.key.account, progress.key.region, candidate.family), []).append(progress)
    plans = []
    for where, some in sorted(found.items(), key=lambda each: each[0]):
        rollout = _rollout(where, some, policy, now, _inherited(going.get(where), why))
        plans.append(_in_place_of(going.get(where), rollout, now))
    return tuple(planned for planned in plans if planned)


def settled(rollouts: Iterable[Rollout]) -> dict[Pair, int]:
    """Give the pairs that final rollouts are through with, and the attempts that were made: not planned again by itself.

    Else a failed or skipped group would be planned again within the hour, an aborted rollout too, and a group that infrastructure
    as code puts back would be rolled without end. Groups that were left alone for what may pass are not among them.
    """
    through: dict[Pair, int] = {}
    for rollout in rollouts:
        for group in rollout.groups.values() if rollout.state in {State.FINISHED, State.ABORTED} else ():
            pair = (group.key, group.target.release_version)
            if not group.may_return:
                through[pair] = max(through.get(pair, 0), group.attempt)
    return through


def _inherited(going: Rollout | None, why: Why) -> Why:
    """Stay urgent where the rollout that is to be replaced was."""
    return Why(reason=going.reason, urgent=True) if going and going.urgent and not why.urgent else why


def _in_place_of(going: Rollout | None, rollout: Rollout, now: datetime) -> Planned | None:
    if going is None:
        return Planned(rollout=rollout)
    if not _gives_way(going, rollout):
        return None
    return Planned(rollout=rollout, supersedes=_superseded(going, rollout, now))


def _gives_way(going: Rollout, rollout: Rollout) -> bool:
    """Tell whether a rollout that goes on is to be replaced: it started nothing, nobody stopped it, the new one is better."""
    stopped = going.state in {State.PAUSED, State.ABORTING}
    if going.wave >= 0 or stopped or any(group.started_at for group in going.groups.values()):
        return False
    known = {(group.key, group.target.release_version) for group in going.groups.values()}
    both = (group for group in rollout.groups.values() if group.key in going.groups)
    newer = any((group.key, group.target.release_version) not in known for group in both)
    return newer or (rollout.urgent and not going.urgent)


def _superseded(going: Rollout, by: Rollout, now: datetime) -> Rollout:
    told = f"superseded by {by.rollout_id}"
    over = replace(going, state=State.SUPERSEDED, finished_at=now, why=told, halt=None, held_from=None, steps=())
    return tell(over, StepKind.SUPERSEDED, now, why=told)


def _rollout(where: Where, groups: list[GroupProgress], policy: RolloutPolicy, now: datetime, why: Why) -> Rollout:
    account, region, family = where
    names, rollout_id = {group.wave for group in groups}, _name(where, groups, why, now)
    named = (replace(group, rollout_id=rollout_id) for group in groups)
    rollout = Rollout(
        rollout_id=rollout_id,
        family=family,
        account=account,
        region=region,
        created_at=now,
        waves=tuple(wave.name for wave in policy.waves if wave.name in names),
        groups={group.key: group for group in sorted(named, key=lambda group: group.key)},
        reason=why.reason,
        urgent=why.urgent,
    )
    expected_at, waves = _expected_at(rollout, policy, now), tuple(_waves(rollout, policy))
    return tell(rollout, StepKind.PLANNED, now, why=why.reason, expected_at=expected_at, waves=waves)


def _waves(rollout: Rollout, policy: RolloutPolicy) -> Iterable[PlannedWave]:
    for wave in (wave for wave in policy.waves if wave.name in rollout.waves):
        soak = NOTHING if may_skip(rollout, wave, Skippable.SOAK) else wave.soak
        count = len(rollout.of_wave(wave.name))
        yield PlannedWave(name=wave.name, groups=count, soak=soak, approval=wave.approval)


def _progress(candidate: Candidate, policy: RolloutPolicy) -> GroupProgress | None:
    """Give a group's part in a rollout; None where it is not behind, kept back, or in no wave."""
    group, target = candidate.node_group, candidate.target
    behind = group.release_version != target.release_version and not kept_back(group)
    wave = policy.wave_of(group) if behind else None
    if wave is None:
        return None
    return GroupProgress(
        key=group.key,
        wave=wave.name,
        target=candidate.target,
        minor=group.version,
        previous_release=group.release_version,
    )


def _expected_at(rollout: Rollout, policy: RolloutPolicy, now: datetime) -> datetime | None:
    first = rollout.of_wave(rollout.waves[0])
    wave = policy.wave(rollout.waves[0])
    old_enough = min(old_enough_at(group, rollout, policy) for group in first)
    any_hour = wave is not None and may_skip(rollout, wave, Skippable.WINDOW)
    return policy.calendar.opening(max(now, old_enough), any_hour=any_hour)


def _name(where: Where, groups: Iterable[GroupProgress], why: Why, now: datetime) -> str:
    """Name a rollout: its family, so that people can tell, and a hash of what it is for, how urgently, and when."""
    parts = (
        *where,
        stamp(now),
        f"urgent={why.urgent}",
        *sorted(f"{group.key}={group.target.release_version}" for group in groups),
    )
    return f"{where[2].lower()}-{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:12]}"
