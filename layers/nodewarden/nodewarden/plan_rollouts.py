"""Planning the rollouts that are missing, of what a look found behind; and what former rollouts are through with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nodewarden.ami_release.ami_type import family_of
from nodewarden.ami_release.fleet import Plan
from nodewarden.ami_release.standing import State, eligible
from nodewarden.rollout.plan import NOTHING_SETTLED, RELEASED, Candidate, plan, settled
from nodewarden.rollout.state import UNFINISHED, GroupState
from nodewarden.urgent_requests import asked_for, let_go, takes, urgent_because

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import datetime

    from nodewarden.ami_release.standing import Standing
    from nodewarden.errors import NodewardenError
    from nodewarden.fleet_wiring import FleetWiring
    from nodewarden.inspector_finding.action import RequestUrgent
    from nodewarden.node_group import NodeGroupKey
    from nodewarden.rollout.plan import Pair, Planned
    from nodewarden.rollout.state import Rollout
    from nodewarden.rollout_ledger import RolloutLedger


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """What planning came to: `plans` are the rollouts that go on now, `planned` the ids of those that are new.

    `standings` are all that were given, those of the node groups that a former rollout is through with changed. `failures`
    are of former rollouts and of requests that could not be read: they count for nothing.
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
    free = [c for c in behind if not _is_in_another(c, active)]
    open_ = [c for c in free if c.family not in going or going[c.family].wave < 0]
    failures: list[NodewardenError] = []
    requests = asked_for(wired.finding_ledger, now, failures)
    asked = {request.node_group for request in requests}
    waiting = [c for c in open_ if not _is_served(going.get(c.family), c, asked)]
    if not waiting:
        let_go(requests, standings, active, NOTHING_SETTLED, wired.finding_ledger)
        return Planning(standings=standings, plans=tuple(map(_as_plan, active)), planned=(), failures=tuple(failures))
    since = min(min(first_seen.get(c.target.parameter, c.target.released_at), c.target.released_at) for c in waiting)
    ended = _ended(ledger, since, {*went_on} - {rollout.rollout_id for rollout in active}, now, failures)
    through = settled(ended)
    missing = tuple(_missing(open_, active, requests, through, wired, now))
    stance = wired.stance() if missing else ""
    new = [planned for each in missing if ledger.plan(planned := _held_back(each, stance), now)]
    let_go(requests, standings, (*active, *(p.rollout for p in new)), through, wired.finding_ledger)
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


def _is_in_another(candidate: Candidate, active: Iterable[Rollout]) -> bool:
    """Tell whether the rollout of another family has yet to bring a group somewhere: whose it was when that was planned."""
    key = candidate.node_group.key
    others = (rollout.groups.get(key) for rollout in active if rollout.family != candidate.family)
    return any(group.state in UNFINISHED for group in others if group)


def _is_served(rollout: Rollout | None, candidate: Candidate, asked: Collection[NodeGroupKey]) -> bool:
    """Tell whether the rollout that goes on takes a node group to its target, and as urgently as is asked for."""
    if rollout is None or not takes(rollout, candidate.node_group.key, candidate.target):
        return False
    return rollout.urgent or candidate.node_group.key not in asked


def _missing(  # noqa: PLR0913, PLR0917  all that planning goes by
    candidates: Iterable[Candidate],
    active: Iterable[Rollout],
    requests: Iterable[RequestUrgent],
    through: Mapping[Pair, int],
    wired: FleetWiring,
    now: datetime,
) -> Iterator[Planned]:
    """Plan what is missing of each family: urgently, all of it, where that is asked for one of its groups.

    What production gets, the waves before it prove: so these are rolled with it.
    """
    by_family: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        by_family.setdefault(candidate.family, []).append(candidate)
    for some in by_family.values():
        open_ = {c.node_group.key for c in some if (c.node_group.key, c.target.release_version) not in through}
        urgent = [request for request in requests if request.node_group in open_]
        why = urgent_because(urgent) if urgent else RELEASED
        yield from plan(some, active, wired.rollout_policy, now, settled=through, why=why)


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
