"""Hosts that are in no managed node group: listed, with the reason and the advice, and left alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from nodewarden.security_group.event import line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nodewarden.node_group import Cluster

MANAGED_TAG = "eks:nodegroup-name"
KARPENTER_TAG = "karpenter.sh/nodepool"
# Karpenter's hosts and Auto Mode's name their cluster by one tag; the node class is Auto Mode's alone (AWS's managed
# policy AmazonEKSComputePolicy demands it).
CLUSTER_TAG = "eks:eks-cluster-name"
AUTO_MODE_TAG = "eks:kubernetes-node-class-name"
OWNED_TAG = "kubernetes.io/cluster/"  # followed by the cluster's name
ASG_TAG = "aws:autoscaling:groupName"


class Kind(StrEnum):
    """What kind of hosts they are."""

    AUTO_MODE = "auto-mode"
    KARPENTER = "karpenter"
    FARGATE = "fargate"
    SELF_MANAGED = "self-managed"


WORDS = {
    Kind.AUTO_MODE: (
        "EKS Auto Mode chooses the AMI and replaces its hosts within 21 days",
        "Nothing to do. A host that is older than 21 days is a case for AWS Support.",
    ),
    Kind.KARPENTER: (
        "Karpenter replaces its hosts when the AMI of their EC2NodeClass changes",
        "Nothing to do where amiSelectorTerms has an alias with @latest; where it pins a version, raise the pin.",
    ),
    Kind.FARGATE: (
        "AWS patches Fargate, and evicts the pods for it",
        "Nothing to do. Watch for the event `EKS Fargate Pod Scheduled Termination`.",
    ),
    Kind.SELF_MANAGED: (
        "their Auto Scaling group does not drain hosts by itself, so it is not refreshed from here",
        "Set the new AMI in the launch template and refresh the group, with a lifecycle hook that drains; or move to a node group.",
    ),
}


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Unmanaged:
    """Hosts of a cluster that no managed node group has.

    `where` is the node pool, the Fargate profile, the Auto Scaling group or the host; empty for the whole cluster.
    """

    cluster: str
    kind: Kind
    where: str

    @property
    def reason(self) -> str:
        """Why it is left alone."""
        return WORDS[self.kind][0]

    @property
    def advice(self) -> str:
        """What a person can do."""
        return WORDS[self.kind][1]


def unmanaged(
    clusters: Iterable[Cluster],
    hosts: Mapping[str, Mapping[str, str]],
    fargate_profiles: Mapping[str, Iterable[str]],
) -> tuple[Unmanaged, ...]:
    """List what of the clusters is in no managed node group, each once, in order.

    `hosts` are the tags of instances by id, `fargate_profiles` the names of profiles by cluster.
    """
    found = {Unmanaged(cluster=c.name, kind=Kind.AUTO_MODE, where="") for c in clusters if c.auto_mode}
    found |= {
        Unmanaged(cluster=cluster, kind=Kind.FARGATE, where=profile)
        for cluster, profiles in fargate_profiles.items()
        for profile in profiles
    }
    found |= {host for instance, tags in hosts.items() if (host := _host(instance, tags))}
    return tuple(sorted(found))


def _host(instance: str, tags: Mapping[str, str]) -> Unmanaged | None:
    """Say what an instance is by its tags; None where a node group has it, or no cluster."""
    owned = next((tag.removeprefix(OWNED_TAG) for tag in tags if tag.startswith(OWNED_TAG)), "")
    cluster = line(tags.get(CLUSTER_TAG, owned))
    if MANAGED_TAG in tags or not cluster:
        return None
    if AUTO_MODE_TAG in tags:
        return Unmanaged(cluster=cluster, kind=Kind.AUTO_MODE, where="")
    if KARPENTER_TAG in tags:
        return Unmanaged(cluster=cluster, kind=Kind.KARPENTER, where=line(tags[KARPENTER_TAG]))
    return Unmanaged(cluster=cluster, kind=Kind.SELF_MANAGED, where=line(tags.get(ASG_TAG, instance)))
