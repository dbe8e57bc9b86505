"""Looking at the fleet: which releases are new or recalled, which node groups are behind, and the rollouts that are missing.

The memory of what was seen is read before anything else, and each part is written over what was read: of two runs at
once one loses, and says so. What a run that dies did not come to, the next one does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nodewarden.ami_release.ami_type import family_of
from nodewarden.ami_release.fleet import FleetLook, Plan
from nodewarden.ami_release.fleet_news import Surroundings, sum_up
from nodewarden.ami_release.judgement import Look, standing_of
from nodewarden.ami_release.sighting import Seen, compare
from nodewarden.ami_release.standing import eligible
from nodewarden.ami_release.unmanaged import unmanaged
from nodewarden.gather_fleet import gather_fleet, gather_releases
from nodewarden.node_group import Target
from nodewarden.rollout.plan import Candidate, plan, settled
from nodewarden.rollout.state import UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nodewarden.ami_release.sighting import News, Sighting
    from nodewarden.ami_release.standing import Standing
    from nodewarden.errors import NodewardenError
    from nodewarden.fleet_wiring import FleetWiring
    from nodewarden.gather_fleet import Fleet, Releases
    from nodewarden.rollout.plan import Planned
    from nodewarden.rollout.state import Rollout


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A look that was written, and what could not be seen in it."""

    look: FleetLook
    failures: list[NodewardenError]


def look_at_fleet(wired: FleetWiring) -> Looked | None:
    """Look at Nodewarden's own account and region; None where another run was faster.

    A cluster that cannot be read does not keep the others from being looked at.
    """
    account, region = wired.account, wired.region
    before, known = wired.fleet_ledger.last(), wired.sighting_ledger.sightings()
    fleet = gather_fleet(wired.eks(account, region), wired.instances(account, region), account, region)
    releases = gather_releases(fleet.node_groups, wired.ssm(account, region), wired.images(account, region))
    now = datetime.now(UTC)
    news = _compare(known, releases, now)
    if not all(wired.sighting_ledger.remember(changed) for each in news if (changed := each.changed)):
        return None
    sightings = known | {each.sighting.parameter: each.sighting for each in news if each.sighting}
    standings = tuple(_stand(fleet, releases, sightings, wired, now))
    plans, planned = _plan(standings, sightings, before, wired, now)
    around = Surroundings(
        sightings=sightings.values(),
        unmanaged=unmanaged(fleet.clusters.values(), fleet.hosts, fleet.fargate_profiles),
        plans=plans,
        planned=planned,
        clusters=len(fleet.clusters),
        unseen=fleet.unseen,
        failures=tuple(fleet.unread),
    )
    number = before.number + 1 if before else 1
    blank = FleetLook(account=account, region=region, number=number, looked_at=now, counts={}, heard={})
    look = sum_up(standings, around, before, blank)
    return Looked(look=look, failures=fleet.failures) if wired.fleet_ledger.write(look) else None


def _compare(known: Mapping[str, Sighting], releases: Releases, now: datetime) -> list[News]:
    return [
        compare(
            known.get(target.parameter),
            Seen(ami_type=ami_type, minor=minor, target=target, image=releases.image_of(target)),
            now,
        )
        for (ami_type, minor), target in releases.found.items()
        if isinstance(target, Target)
    ]


def _stand(
    fleet: Fleet, releases: Releases, sightings: Mapping[str, Sighting], wired: FleetWiring, now: datetime
) -> Iterator[Standing]:
    """Say where each node group stands."""
    for group in fleet.node_groups:
        found = releases.found[group.ami_type, group.version]
        sighting = sightings.get(found.parameter)
        wave = wired.rollout_policy.wave_of(group)
        look = Look(
            node_group=group,
            cluster=fleet.clusters[group.key.cluster],
            found=found,
            image=releases.image_of(found) if isinstance(found, Target) else None,
            recalled=sighting.recalled if sighting else (),
            wave=wave.name if wave else None,
        )
        yield standing_of(look, now)


def _plan(
    standings: Iterable[Standing],
    sightings: Mapping[str, Sighting],
    before: FleetLook | None,
    wired: FleetWiring,
    now: datetime,
) -> tuple[list[Plan], tuple[str, ...]]:
    """Plan the rollouts that are missing; gives what goes on then, and the ids of those that are new."""
    active = wired.rollout_ledger.active()
    taken = {(key, group.target.release_version) for rollout in active for key, group in rollout.groups.items()}
    behind = [candidate for standing in standings if (candidate := _candidate(standing))]
    waiting = [c for c in behind if (c.node_group.key, c.target.release_version) not in taken]
    new: list[Planned] = []
    if waiting:
        through = settled(_ended(waiting, sightings, before, active, wired))
        missing = plan(behind, active, wired.rollout_policy, now, settled=through)
        new = [planned for planned in missing if wired.rollout_ledger.plan(planned, now)]
    over = {planned.supersedes.rollout_id for planned in new if planned.supersedes}
    going = [_as_plan(rollout) for rollout in active if rollout.rollout_id not in over]
    return going + [_as_new_plan(planned.rollout) for planned in new], tuple(p.rollout.rollout_id for p in new)


def _candidate(standing: Standing) -> Candidate | None:
    family = family_of(standing.node_group.ami_type)
    if not eligible(standing) or standing.target is None or family is None:
        return None
    return Candidate(node_group=standing.node_group, target=standing.target, family=family)


def _ended(
    waiting: Iterable[Candidate],
    sightings: Mapping[str, Sighting],
    before: FleetLook | None,
    active: Iterable[Rollout],
    wired: FleetWiring,
) -> Iterator[Rollout]:
    """Give the rollouts that ended since the targets were first seen: none to these was planned before.

    What ended moments ago may be missing in the table's index, but went on when the fleet was looked at before.
    """
    yield from wired.rollout_ledger.ended_since(min(_first_seen(c.target, sightings) for c in waiting))
    for rollout_id in {*(before.going if before else ())} - {rollout.rollout_id for rollout in active}:
        if read := wired.rollout_ledger.read(rollout_id):
            yield read.rollout


def _first_seen(target: Target, sightings: Mapping[str, Sighting]) -> datetime:
    return min(sightings[target.parameter].first_seen, target.released_at)


def _as_plan(rollout: Rollout) -> Plan:
    unfinished = (group for group in rollout.groups.values() if group.state in UNFINISHED)
    return Plan(rollout_id=rollout.rollout_id, groups={group.key: group.target.release_version for group in unfinished})


def _as_new_plan(rollout: Rollout) -> Plan:
    """Give a new rollout with its first start, which its first step names."""
    return replace(_as_plan(rollout), expected_at=rollout.steps[-1].expected_at)
