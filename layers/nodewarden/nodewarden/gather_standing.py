"""Where node groups stand now, and the rollouts that they were last in: of a whole fleet, or of some that findings are about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nodewarden.ami_release.judgement import Look, standing_of
from nodewarden.gather_fleet import gather_node_groups, gather_releases
from nodewarden.node_group import Target

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import datetime

    from nodewarden.ami_release.sighting import Sighting
    from nodewarden.ami_release.standing import Standing
    from nodewarden.errors import NodewardenError
    from nodewarden.fleet_wiring import FleetWiring
    from nodewarden.gather_fleet import Fleet, Releases
    from nodewarden.node_group import NodeGroupKey
    from nodewarden.rollout.policy import RolloutPolicy
    from nodewarden.rollout.state import Rollout
    from nodewarden.rollout_ledger import RolloutLedger


@dataclass(frozen=True, slots=True, kw_only=True)
class Stands:
    """Where node groups stand, and the rollout that each was last in.

    A group of those that were `asked` for that is in neither `standings` nor a cluster of `unseen` is gone; `unseen` says why
    a cluster could not be read, `failures` which rollouts could not: they count for nothing.
    """

    asked: Collection[NodeGroupKey]
    standings: Mapping[NodeGroupKey, Standing]
    rollouts: Mapping[NodeGroupKey, Rollout]
    unseen: Mapping[str, NodewardenError]
    failures: tuple[NodewardenError, ...] = ()


NOT_LOOKED = Stands(asked=(), standings={}, rollouts={}, unseen={})


def gather_standings(keys: Collection[NodeGroupKey], wired: FleetWiring, now: datetime) -> Stands:
    """Look at node groups of Nodewarden's own account and region."""
    if not keys:
        return NOT_LOOKED
    account, region = wired.account, wired.region
    known = wired.sighting_ledger.sightings()
    fleet = gather_node_groups(keys, wired.eks(account, region))
    releases = gather_releases(fleet.node_groups, known, wired.ssm(account, region), wired.images(account, region))
    standings = tuple(stand(fleet, releases, known, wired.rollout_policy, now))
    failures: list[NodewardenError] = []
    rollouts = last_rollouts(standings, known, wired.rollout_ledger, now, failures)
    return Stands(
        asked=keys,
        standings={standing.node_group.key: standing for standing in standings},
        rollouts=rollouts,
        unseen=fleet.unseen,
        failures=tuple(failures),
    )


def stand(
    fleet: Fleet, releases: Releases, sightings: Mapping[str, Sighting], policy: RolloutPolicy, now: datetime
) -> Iterator[Standing]:
    """Say where each node group of a fleet stands."""
    for group in fleet.node_groups:
        found = releases.found[group.ami_type, group.version]
        sighting = sightings.get(found.parameter)
        wave = policy.wave_of(group)
        look = Look(
            node_group=group,
            cluster=fleet.clusters[group.key.cluster],
            found=found,
            image=releases.image_of(found) if isinstance(found, Target) else None,
            recalled=sighting.recalled if sighting else (),
            wave=wave.name if wave else None,
        )
        yield standing_of(look, now)


def last_rollouts(
    standings: Iterable[Standing],
    sightings: Mapping[str, Sighting],
    ledger: RolloutLedger,
    now: datetime,
    failures: list[NodewardenError],
) -> dict[NodeGroupKey, Rollout]:
    """Give the last rollout of each node group, of those that go on, and of those that ended since its target is known.

    One that ended before can have brought no group to its target. One that cannot be read is in `failures`.
    """
    targets = [standing.target for standing in standings if standing.target]
    since = min((_known_since(target, sightings.get(target.parameter)) for target in targets), default=None)
    found = [*ledger.active(), *(ledger.ended_since(since, now, failures) if since else ())]
    found.sort(key=lambda rollout: rollout.created_at)
    return {key: rollout for rollout in found for key in rollout.groups}


def _known_since(target: Target, sighting: Sighting | None) -> datetime:
    return min(sighting.first_seen, target.released_at) if sighting else target.released_at
