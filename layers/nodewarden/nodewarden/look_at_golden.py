"""Looking at the groups with AMIs of their own: which AMI of its family each should run, and where it stands to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nodewarden.ami_release.golden import Golden, golden_standing
from nodewarden.ami_release.judgement import Look
from nodewarden.ami_release.target import Absence, NoTarget
from nodewarden.node_group import CUSTOM
from nodewarden.see_member import with_own_ami

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from nodewarden.ami_release.policy import AmiReleasePolicy
    from nodewarden.ami_release.standing import Standing
    from nodewarden.fleet_wiring import FleetWiring
    from nodewarden.gather_fleet import Fleet
    from nodewarden.node_group import NodeGroup
    from nodewarden.see_member import Member


def with_golden(
    standings: tuple[Standing, ...], fleet: Fleet, wired: FleetWiring, now: datetime
) -> tuple[Standing, ...]:
    """Say of groups with an AMI of their own where they stand to the newest of its family.

    One of which the launch template cannot be read stands as before; raises PolicyError.
    """
    templates = wired.launch_templates(wired.account, wired.region)
    members: dict[int, Member] = {}
    for number, standing in enumerate(standings):
        group = standing.node_group
        if group.ami_type == CUSTOM:
            seen = fleet.read(group.key.cluster, lambda group=group: with_own_ami(group, templates))  # type: ignore[misc]
            members |= {number: seen} if seen else {}
    policy = wired.ami_release_policy
    groups = [member.node_group for member in members.values() if member.node_group]
    golden = fleet.read("AMIs of families", lambda: _golden(groups, policy, wired)) if groups else None
    if golden is None:
        return standings
    return tuple(
        _stand(standing, members[number], fleet, golden, now) if number in members else standing
        for number, standing in enumerate(standings)
    )


def _stand(standing: Standing, member: Member, fleet: Fleet, golden: Golden, now: datetime) -> Standing:
    group = member.node_group or standing.node_group
    look = Look(
        node_group=group,
        cluster=fleet.clusters[group.key.cluster],
        found=NoTarget(why=Absence.CUSTOM),
        wave=standing.wave,
    )
    return golden_standing(standing, look, member.template, golden, now)


def _golden(groups: Iterable[NodeGroup], policy: AmiReleasePolicy, wired: FleetWiring) -> Golden:
    images = wired.images(wired.account, wired.region)
    return Golden(
        policy=policy,
        account=wired.account,
        images=images.images(group.release_version for group in groups),
        of_family={f.name: images.named(f.owner_id(wired.account), f.filter) for f in policy.families},
    )
