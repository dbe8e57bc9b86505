"""Looking at the fleet: all clusters and node groups of an account and region, and what they should run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nodewarden.ami_release.ami_type import parameters
from nodewarden.ami_release.target import latest, target_of
from nodewarden.errors import NodewardenError
from nodewarden.node_group import NodeGroupKey, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from nodewarden.ami_release.sighting import Sighting
    from nodewarden.ami_release.target import NoTarget
    from nodewarden.aws.eks import Eks
    from nodewarden.aws.image import Images
    from nodewarden.aws.instance import Instances
    from nodewarden.aws.ssm import Ssm
    from nodewarden.node_group import Cluster, Image, NodeGroup

type Variant = tuple[str, str]  # an AMI type and a Kubernetes minor: node groups of one should run the same


@dataclass(slots=True, kw_only=True)
class Fleet:
    """What was seen of the clusters of an account and region.

    `fargate_profiles` are names by cluster, `hosts` the tags of the hosts that no node group has by instance id. `unseen`
    names the clusters that could not be read as a whole, and why, `failures` is all that failed, `unread` both in words.
    """

    clusters: dict[str, Cluster] = field(default_factory=dict)
    node_groups: list[NodeGroup] = field(default_factory=list)
    fargate_profiles: dict[str, tuple[str, ...]] = field(default_factory=dict)
    hosts: dict[str, dict[str, str]] = field(default_factory=dict)
    unseen: dict[str, NodewardenError] = field(default_factory=dict)
    failures: list[NodewardenError] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def read[T](self, cluster: str, read: Callable[[], T]) -> T | None:
        """Read a part; None, with the failure kept, where it cannot be: one part must not hide the others."""
        try:
            return read()
        except NodewardenError as error:
            self.failures.append(error)
            self.unread.append(f"{cluster}: {error}")
            self.unseen.setdefault(cluster, error)
            return None

    def hide_clusters(self) -> None:
        """Say of all clusters that they were not seen as a whole, as of what failed last."""
        self.unseen = dict.fromkeys(self.clusters, self.failures[-1]) | self.unseen


@dataclass(frozen=True, slots=True, kw_only=True)
class Releases:
    """What node groups should run, by their AMI type and minor, and the AMIs that this account sees, by id."""

    found: dict[Variant, Target | NoTarget]
    images: dict[str, Image]

    def image_of(self, target: Target) -> Image | None:
        """Give the target's AMI; None where this account does not see it."""
        return self.images.get(target.image_id or "")


def gather_fleet(eks: Eks, instances: Instances, account: str, region: str) -> Fleet:
    """Look at every cluster; one that cannot be read does not hide the others. Raises where their list cannot be read."""
    fleet = Fleet()
    for name in eks.clusters():
        if (cluster := fleet.read(name, lambda name=name: eks.cluster(name))) is not None:  # type: ignore[misc]
            fleet.clusters[name] = cluster
            _gather_cluster(fleet, name, eks, account, region)
    if (hosts := fleet.read("hosts outside of node groups", instances.unmanaged_hosts)) is None:
        fleet.hide_clusters()
    fleet.hosts = hosts or {}
    return fleet


def _gather_cluster(fleet: Fleet, name: str, eks: Eks, account: str, region: str) -> None:
    for group in fleet.read(name, lambda: eks.node_groups(name)) or ():
        key = NodeGroupKey(account=account, region=region, cluster=name, name=group)
        if (found := fleet.read(name, lambda key=key: eks.node_group(key))) is not None:  # type: ignore[misc]
            fleet.node_groups.append(found)
    fleet.fargate_profiles[name] = fleet.read(name, lambda: eks.fargate_profiles(name)) or ()


def gather_node_groups(keys: Iterable[NodeGroupKey], eks: Eks) -> Fleet:
    """Look at some node groups and their clusters; a cluster that cannot be read does not hide the others."""
    fleet = Fleet()
    by_cluster: dict[str, list[NodeGroupKey]] = {}
    for key in sorted(keys):
        by_cluster.setdefault(key.cluster, []).append(key)
    for name, groups in by_cluster.items():
        if (cluster := fleet.read(name, lambda name=name: eks.cluster(name))) is not None:  # type: ignore[misc]
            fleet.clusters[name] = cluster
            found = (fleet.read(name, lambda key=key: eks.node_group(key)) for key in groups)  # type: ignore[misc]
            fleet.node_groups += filter(None, found)
    return fleet


def gather_releases(
    node_groups: Collection[NodeGroup], known: Mapping[str, Sighting], ssm: Ssm, images: Images
) -> Releases:
    """Look up what these node groups should run: the parameters of each AMI type and minor once, many in one call.

    An answer that is older than what is remembered of its parameter counts for nothing: SSM has not caught up.
    """
    variants = sorted({(group.ami_type, group.version) for group in node_groups})
    held = ssm.parameters(name for ami_type, minor in variants for name in parameters(ami_type, minor))
    found = {(ami_type, minor): latest(target_of(ami_type, minor, held), known) for ami_type, minor in variants}
    targets = [target for target in found.values() if isinstance(target, Target)]
    return Releases(found=found, images=images.images(target.image_id for target in targets if target.image_id))
