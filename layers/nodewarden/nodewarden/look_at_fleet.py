"""Looking at the fleet: which releases are new or recalled, which node groups are behind, and the rollouts that are missing.

The memory of what was seen is read before anything else, and each part is written over what was read: of two runs at
once one loses, and says so. What a run that dies did not come to, the next one does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nodewarden.ami_release.fleet import FleetLook
from nodewarden.ami_release.fleet_news import Surroundings, sum_up
from nodewarden.ami_release.sighting import Seen, compare
from nodewarden.ami_release.unmanaged import unmanaged
from nodewarden.gather_fleet import gather_fleet, gather_releases
from nodewarden.gather_standing import stand
from nodewarden.look_at_golden import with_golden
from nodewarden.name_waiting import name_waiting
from nodewarden.node_group import Target
from nodewarden.plan_rollouts import plan_rollouts
from nodewarden.sweep_incidents import sweep_incidents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nodewarden.ami_release.sighting import News, Sighting
    from nodewarden.errors import NodewardenError
    from nodewarden.fleet_wiring import FleetWiring
    from nodewarden.gather_fleet import Releases


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
    releases = gather_releases(fleet.node_groups, known, wired.ssm(account, region), wired.images(account, region))
    now = datetime.now(UTC)
    news = name_waiting(_compare(known, releases, now), wired.finding_ledger)
    if not all(wired.sighting_ledger.remember(changed) for each in news if (changed := each.changed)):
        return None
    sightings = known | {each.sighting.parameter: each.sighting for each in news if each.sighting}
    seen = tuple(stand(fleet, releases, sightings, wired.rollout_policy, now))
    standings = with_golden(seen, fleet, wired, now)
    sweep_incidents(fleet, standings, sightings, wired, now)
    first_seen = {sighting.parameter: sighting.first_seen for sighting in sightings.values()}
    planning = plan_rollouts(standings, first_seen, before.going if before else (), wired, now)
    around = Surroundings(
        sightings=sightings.values(),
        unmanaged=unmanaged(fleet.clusters.values(), fleet.hosts, fleet.fargate_profiles),
        plans=planning.plans,
        planned=planning.planned,
        clusters=len(fleet.clusters),
        unseen=fleet.unseen,
        failures=(*fleet.unread, *map(str, planning.failures)),
    )
    number = before.number + 1 if before else 1
    blank = FleetLook(account=account, region=region, number=number, looked_at=now, counts={}, heard={})
    look = sum_up(planning.standings, around, before, blank)
    failures = [*fleet.failures, *planning.failures]
    return Looked(look=look, failures=failures) if wired.fleet_ledger.write(look) else None


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
