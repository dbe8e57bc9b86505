"""The look right before a start: may this node group be updated to its target now, and if not, what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from nodewarden.ami_release.ami_type import parameters
from nodewarden.ami_release.golden import FAMILY_TAG
from nodewarden.node_group import ACTIVE, CUSTOM, IN_PROGRESS, SELF_MANAGED
from nodewarden.rollout.state import kept_back

if TYPE_CHECKING:
    from nodewarden.node_group import Cluster, NodeGroup
    from nodewarden.rollout.observed import Seen
    from nodewarden.rollout.policy import RolloutPolicy
    from nodewarden.rollout.state import GroupProgress, Rollout

PERCENT = 100
MAX_HEALTHY = 110  # of an instance refresh
# Auto Scaling has no such words, and whether a group is refreshed says nothing of how it is.
STANDS = {ACTIVE: "not being refreshed", "UPDATING": "being refreshed", "DELETING": "being deleted"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Go:
    """Nothing stands in the way."""

    node_group: NodeGroup


@dataclass(frozen=True, slots=True)
class Wait:
    """Something stands in the way that may pass."""

    why: str


@dataclass(frozen=True, slots=True)
class LeaveAlone:
    """The group is no longer what was planned; `may_return` where a later plan may take it in again."""

    why: str
    may_return: bool


@dataclass(frozen=True, slots=True)
class AlreadyThere:
    """The group runs the target: somebody else brought it there."""

    why: str


@dataclass(frozen=True, slots=True)
class Adopt:
    """An update to the target is in progress: ours whose answer was lost, or somebody else's."""

    update_id: str


type Finding = Go | Wait | LeaveAlone | AlreadyThere | Adopt


def preflight(progress: GroupProgress, seen: Seen, rollout: Rollout, policy: RolloutPolicy) -> Finding:
    """Judge a group as it is seen right before its start."""
    if seen.node_group is None or seen.cluster is None:
        gone = "the cluster" if seen.cluster is None else f"the {progress.key.kind}"
        return LeaveAlone(f"{gone} is gone", may_return=True)
    group, update = seen.node_group, seen.update
    if at_target(progress, group) and healthy(group):
        return AlreadyThere(f"runs {group.release_version} already")
    if update and update.status == IN_PROGRESS and update.release_version == progress.target.release_version:
        return Adopt(update.update_id)
    changed = _changed(progress, group, rollout, policy) or _left(seen)
    return changed or _in_the_way(seen, group, seen.cluster) or Go(node_group=group)


def at_target(progress: GroupProgress, group: NodeGroup) -> bool:
    """Tell whether the group runs its target: by equality, and of the minor that the target is for.

    An AMI's id is of one AMI: EKS cannot know the minor in it.
    """
    same_minor = bool(progress.target.family) or group.version == progress.minor
    return same_minor and group.release_version == progress.target.release_version


def healthy(group: NodeGroup) -> bool:
    """Tell whether the group is active and EKS has no health issue of it."""
    return group.status == ACTIVE and not group.issues


def trouble_of(group: NodeGroup) -> str:
    """Say what keeps a group from being healthy."""
    issues = "; ".join(f"{issue.code}: {issue.message}" for issue in group.issues)
    stands = STANDS.get(group.status, group.status) if group.key.auto_scaling_group else group.status
    return f"the {group.key.kind} is {stands}" + (f" ({issues})" if issues else "")


def surge(group: NodeGroup, zones: int) -> int:
    """Give how many hosts EKS adds for an update: max(2 x zones, maxUnavailable), so in its user guide.

    An instance refresh adds a tenth of them, at least one (`MaxHealthyPercentage`).
    """
    if group.ami_type == SELF_MANAGED:
        return ceil(group.desired * (MAX_HEALTHY - PERCENT) / PERCENT)
    share = ceil(group.desired * (group.max_unavailable_percentage or 0) / PERCENT)
    return max(2 * zones, group.max_unavailable or 0, share)


def _changed(progress: GroupProgress, group: NodeGroup, rollout: Rollout, policy: RolloutPolicy) -> LeaveAlone | None:
    wave = policy.wave_of(group)
    if kept := kept_back(group):
        return LeaveAlone(kept, may_return=True)
    if wave is None or wave.name != progress.wave:
        now_in = f"in wave {wave.name} now" if wave else "in no wave any more"
        return LeaveAlone(f"{now_in}: it was planned in {progress.wave}", may_return=True)
    if progress.target in rollout.recalls:
        return LeaveAlone(f"its target {progress.target.release_version} was recalled", may_return=True)
    return _another(progress, group)


def _another(progress: GroupProgress, group: NodeGroup) -> LeaveAlone | None:
    """Tell whether the group is another than its target was found for: of another minor, AMI type or release."""
    if group.version != progress.minor:
        return LeaveAlone(
            f"it runs Kubernetes {group.version} now: its target was for {progress.minor}", may_return=True
        )
    named = group.tags.get(FAMILY_TAG, progress.target.family)
    if progress.target.family and named != progress.target.family:
        return LeaveAlone(f"its tag {FAMILY_TAG} no longer names {progress.target.family}", may_return=True)
    if not _is_for(progress, group):
        return LeaveAlone(f"its AMI type is {group.ami_type} now: its target was for another", may_return=True)
    known = {progress.previous_release, progress.target.release_version}
    if group.release_version and group.release_version not in known:
        return LeaveAlone(f"somebody moved it to {group.release_version}", may_return=False)
    return None


def _is_for(progress: GroupProgress, group: NodeGroup) -> bool:
    if progress.target.family:
        return group.ami_type in {CUSTOM, SELF_MANAGED}
    return progress.target.parameter in parameters(group.ami_type, group.version)


def _left(seen: Seen) -> LeaveAlone | None:
    return LeaveAlone(seen.left, may_return=True) if seen.left else None


def _in_the_way(seen: Seen, group: NodeGroup, cluster: Cluster) -> Wait | None:
    if cluster.status != ACTIVE:
        return Wait(f"the cluster is {cluster.status}")
    if not healthy(group):
        return Wait(trouble_of(group))
    if _minor(group.version) > _minor(cluster.version):
        return Wait(f"its Kubernetes {group.version} is newer than the control plane's {cluster.version}")
    return _no_room(seen, group) if group.desired else None  # without hosts, EKS updates it at once and adds none


def _no_room(seen: Seen, group: NodeGroup) -> Wait | None:
    """Tell whether the new hosts find addresses: EKS goes on only with one of them ready in each zone, Auto Scaling in any."""
    if seen.free_addresses is None or seen.zones is None:
        return Wait("the free addresses of its subnets are not known")
    if seen.full_zones and group.ami_type != SELF_MANAGED:
        return Wait(f"its subnets in {', '.join(seen.full_zones)} have no free address, and each zone gets a new host")
    if seen.free_addresses < (needed := surge(group, seen.zones)):
        return Wait(
            f"its subnets have {seen.free_addresses} free addresses, and the {group.key.change} adds up to {needed} hosts"
        )
    return None


def _minor(version: str) -> tuple[int, ...]:
    """Read a Kubernetes minor such as `1.33` so that 1.9 comes before 1.33; what is none comes last."""
    parts = version.split(".")
    return tuple(map(int, parts)) if all(map(str.isdecimal, parts)) else (10**6,)
