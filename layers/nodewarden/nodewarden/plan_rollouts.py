"""Planning the rollouts that are missing, of what a look found behind; and what former rollouts are through with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nodewarden.ami_release.ami_type import family_of
from nodewarden.ami_release.fleet import Plan
from nodewarden.ami_release.standing import State, eligible
from nodewarden.rollout.plan import Candidate, plan, settled
from nodewarden.rollout.state import UNFINISHED, GroupState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from nodewarden.ami_release.standing import Standing
    from nodewarden.errors import NodewardenError
    from nodewarden.fleet_wiring import FleetWiring
    from nodewarden.node_group import NodeGroupKey, Target
    from nodewarden.rollout.plan import Planned
    from nodewarden.rollout.state import Rollout
    from nodewarden.rollout_ledger import RolloutLedger


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """What planning came to: `plans` are the rollouts that go on now, `planned` the ids of those that are new.

    `standings` are all that were given, those of the node groups that a former rollout is through with changed.
    `failures` are of former rollouts that could not be read: they count for nothing.
    """

    standings: tuple[Standing, ...]
    plans: tuple[Plan, ...]
    planned: tuple[str, ...]
    failures: tuple[NodewardenError, ...] = ()


def plan_rollouts(
    standings: tuple[Standing, ...],
    first_seen: Mapping[str, datetime],
    went_on: Iterable[str],
    wired: FleetWiring,
    now: datetime,
) -> Planning:
    """Plan at most one rollout for each AMI family of what is behind.

    `first_seen` says of each parameter since when its target is known, `went_on` are the ids of the rollouts that went on
    when the fleet was looked at before.
    """
    ledger = wired.rollout_ledger
    active = ledger.active()
    going = {rollout.family: rollout for rollout in active}
    behind = [candidate for standing in standings if (candidate := _candidate(standing))]
    open_ = [c for c in behind if c.family not in going or going[c.family].wave < 0]
    waiting = [c for c in open_ if not _takes(going.get(c.family), c.node_group.key, c.target)]
    if not waiting:
        return Planning(standings=standings, plans=tuple(map(_as_plan, active)), planned=())
    since = min(min(first_seen.get(c.target.parameter, c.target.released_at), c.target.released_at) for c in waiting)
    failures: list[NodewardenError] = []
    ended = _ended(ledger, since, {*went_on} - {rollout.rollout_id for rollout in active}, now, failures)
    missing = plan(open_, active, wired.rollout_policy, now, settled=settled(ended))
    stance = wired.stance() if missing else ""
    new = [planned for each in missing if ledger.plan(planned := _held_back(each, stance), now)]
    over = {planned.supersedes.rollout_id for planned in new if planned.supersedes}
    plans = [_as_plan(rollout) for rollout in active if rollout.rollout_id not in over]
    # The first step of a new rollout says when its first start is.
    plans += [replace(_as_plan(p.rollout), expected_at=p.rollout.steps[-1].expected_at) for p in new]
    taken = {key for each in plans for key in each.groups}
    return Planning(
        standings=tuple(s if s.node_group.key in taken else tried_before(s, ended) for s in standings),
        plans=tuple(plans),
        planned=tuple(planned.rollout.rollout_id for planned in new),
        failures=tuple(failures),
    )


def tried_before(standing: Standing, ended: Iterable[Rollout]) -> Standing:
    """Change the standing of a node group that is behind, where a rollout to its target ended without bringing it there."""
    key, target = standing.node_group.key, standing.target
    if not eligible(standing) or target is None:
        return standing
    through = [r for r in ended if (key, target.release_version) in settled([r])]
    if not through:
        return standing
    last = max(through, key=lambda rollout: rollout.created_at)
    became = last.groups[key].state
    what = "somebody put it back" if became is GroupState.DONE else f"left it {became}"
    advice = "Mend what kept it, and update it yourself; it rolls with the next release."
    if became is GroupState.DONE:
        advice = "If code sets its release, raise it there; to keep it as it is, tag it nodewarden:hold=<reason>."
    reason = f"it is behind {target.release_version}, but the rollout {last.rollout_id} to it has ended: {what}"
    return replace(standing, state=State.TRIED, reason=reason, advice=advice)


def _candidate(standing: Standing) -> Candidate | None:
    target = standing.target
    family = (target.family if target else "") or family_of(standing.node_group.ami_type)
    if not eligible(standing) or target is None or not family:
        return None
    return Candidate(node_group=standing.node_group, target=target, family=family)


def _takes(rollout: Rollout | None, key: NodeGroupKey, target: Target) -> bool:
    group = rollout.groups.get(key) if rollout else None
    return group is not None and group.target.release_version == target.release_version


def _ended(
    ledger: RolloutLedger, since: datetime, went_on: Iterable[str], now: datetime, failures: list[NodewardenError]
) -> tuple[Rollout, ...]:
    """Read the rollouts that ended since the targets were first seen: none to these was planned before.

    What ended moments ago may be missing in the table's index, but went on at the look before.
    """
    found = {rollout.rollout_id: rollout for rollout in ledger.ended_since(since, now, failures)}
    lately = (ledger.read_ended(rollout_id, failures) for rollout_id in went_on if rollout_id not in found)
    return (*found.values(), *filter(None, lately))


def _held_back(planned: Planned, stance: str) -> Planned:
    """Let people read with the plan that nothing starts for now, whatever the windows say."""
    if not stance:
        return planned
    return replace(planned, rollout=planned.rollout.waiting_for(f"nothing is started: {stance}"))


def _as_plan(rollout: Rollout) -> Plan:
    left = (group for group in rollout.groups.values() if group.state in UNFINISHED)
    return Plan(rollout_id=rollout.rollout_id, groups={group.key: group.target.release_version for group in left})
