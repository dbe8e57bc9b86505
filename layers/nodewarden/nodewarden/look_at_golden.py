"""Looking at the groups with AMIs of their own: which AMI of its family each should run, and where it stands to it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nodewarden.ami_release.golden import Golden, golden_standing
from nodewarden.ami_release.judgement import Look
from nodewarden.ami_release.standing import Standing, State
from nodewarden.ami_release.target import Absence, NoTarget
from nodewarden.ami_release.unmanaged import ASG_TAG
from nodewarden.auto_scaling_group import NOT_PERMITTED, followed_by
from nodewarden.node_group import CUSTOM, SELF_MANAGED_NAME, NodeGroupKey
from nodewarden.see_member import Members

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime

    from nodewarden.ami_release.policy import AmiReleasePolicy
    from nodewarden.ami_release.standing import Judged
    from nodewarden.auto_scaling_group import AutoScalingGroup
    from nodewarden.fleet_wiring import FleetWiring
    from nodewarden.gather_fleet import Fleet
    from nodewarden.node_group import NodeGroup
    from nodewarden.see_member import Member


def with_golden(
    standings: tuple[Standing, ...], fleet: Fleet, wired: FleetWiring, now: datetime
) -> tuple[Standing, ...]:
    """Add the self-managed groups, and say of all with an AMI of their own where they stand to the newest of its family.

    A node group of which the launch template cannot be read stands as before, a self-managed group is not there. The hosts
    of those that are seen are no longer without a group. Raises PolicyError.
    """
    policy, members = wired.ami_release_policy, Members.of(wired, wired.account, wired.region)
    groups_of_hosts = _auto_scaling_groups(fleet, members)
    followed = followed_by(groups_of_hosts)
    # A group of a cluster with a node group that could not be read may be behind that one.
    own = list(_self_managed(groups_of_hosts, fleet, members, wired))
    seen = {
        s.node_group.key: _custom(s, fleet, members, followed) for s in standings if s.node_group.ami_type == CUSTOM
    }
    custom = [member.node_group for member in seen.values() if member and member.node_group]
    groups = [*custom, *(group for group, _ in own)]
    golden = fleet.read("AMIs of families", lambda: _golden(groups, policy, wired)) if groups else None
    if golden is None:
        if groups:
            fleet.hide_clusters()
        return standings
    of_node_groups = (_rejudged(s, seen.get(s.node_group.key), fleet, golden, now) for s in standings)
    return (*of_node_groups, *(_judged(each, fleet, golden, wired, now) for each in own))


def _custom(standing: Standing, fleet: Fleet, members: Members, followed: Collection[str]) -> Member | None:
    group = standing.node_group
    return fleet.read(group.key.cluster, lambda: members.with_own_ami(group, followed))


def _auto_scaling_groups(fleet: Fleet, members: Members) -> tuple[AutoScalingGroup, ...]:
    groups = fleet.read("Auto Scaling groups", members.auto_scaling.groups)
    if groups is None:
        fleet.hide_clusters()
    return groups or ()


def _self_managed(
    groups: Iterable[AutoScalingGroup], fleet: Fleet, members: Members, wired: FleetWiring
) -> Iterator[tuple[NodeGroup, Judged | None]]:
    """See the Auto Scaling groups of the clusters that no managed node group has; one with an unprintable name is nobody's."""
    seen_whole, followed = fleet.clusters.keys() - fleet.unseen.keys(), followed_by(groups)
    managed = {name for group in fleet.node_groups for name in group.auto_scaling_groups}
    for group in groups:
        cluster = next((name for name in group.clusters if name in seen_whole), None)
        if cluster is None or group.name in managed or group.is_eks_own or not group.name.isprintable():
            continue
        name = f"{SELF_MANAGED_NAME}{group.name}"
        key = NodeGroupKey(account=wired.account, region=wired.region, cluster=cluster, name=name)
        minor = fleet.clusters[cluster].version
        member = fleet.read(cluster, lambda g=group, k=key, m=minor: members.self_managed(g, k, m, followed=followed))  # type: ignore[misc]
        if member and member.node_group:
            fleet.hosts = {i: tags for i, tags in fleet.hosts.items() if tags.get(ASG_TAG) != group.name}
            yield member.node_group, member.left or (None if wired.refreshes_groups else NOT_PERMITTED)


def _rejudged(standing: Standing, member: Member | None, fleet: Fleet, golden: Golden, now: datetime) -> Standing:
    if member is None or member.node_group is None:
        return standing
    return golden_standing(standing, _look(member.node_group, standing.wave, fleet), member.left, golden, now)


def _judged(
    own: tuple[NodeGroup, Judged | None], fleet: Fleet, golden: Golden, wired: FleetWiring, now: datetime
) -> Standing:
    """Judge a self-managed group; its minor is the one that its AMI is for, the cluster's where nothing says that."""
    seen, left = own
    group = _with_minor(seen, golden)
    wave = wired.rollout_policy.wave_of(group)
    standing = Standing(
        node_group=group,
        state=State.CUSTOM,
        reason=f"it runs the AMI {group.release_version or 'that nothing names'}, which is of no family of ami_release.toml",
        advice="Name its AMIs in a [[family]] of ami_release.toml, and it rolls with them. Or: Refresh it yourself.",
        target=None,
        wave=wave.name if wave else None,
    )
    return golden_standing(standing, _look(group, standing.wave, fleet), left, golden, now)


def _with_minor(group: NodeGroup, golden: Golden) -> NodeGroup:
    return replace(group, version=golden.minor_of(golden.images.get(group.release_version)) or group.version)


def _look(group: NodeGroup, wave: str | None, fleet: Fleet) -> Look:
    return Look(
        node_group=group, cluster=fleet.clusters[group.key.cluster], found=NoTarget(why=Absence.CUSTOM), wave=wave
    )


def _golden(groups: Iterable[NodeGroup], policy: AmiReleasePolicy, wired: FleetWiring) -> Golden:
    images = wired.images(wired.account, wired.region)
    return Golden(
        policy=policy,
        account=wired.account,
        images=images.images(group.release_version for group in groups if group.release_version),
        of_family={f.name: images.named(f.owner_id(wired.account), f.filter) for f in policy.families},
    )
