"""Security groups and prefix lists as values, and what makes a group or an instance part of EKS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nodewarden.security_group.event import line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nodewarden.security_group.rule import Network


CLUSTER_TAGS = ("aws:eks:cluster-name", "eks:cluster-name")
OWNED_CLUSTER_TAG = "kubernetes.io/cluster/"
LOAD_BALANCER_TAG = "elbv2.k8s.aws/cluster"
LOAD_BALANCER_NAME = "k8s-elb-"

# Tags of an instance that make it an EKS host, by the kind of host; the value names the cluster or the node pool.
HOST_TAGS = (
    ("eks:nodegroup-name", "managed node group"),
    ("karpenter.sh/nodepool", "Karpenter node pool"),
    ("eks:eks-cluster-name", "EKS cluster"),
    ("aws:eks:cluster-name", "EKS cluster"),
    ("eks:cluster-name", "EKS cluster"),
)
SELF_MANAGED = "kubernetes.io/cluster/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A security group, as far as the policy asks: `DescribeSecurityGroups`."""

    group_id: str
    name: str
    owner: str
    tags: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """Who uses a group: EKS hosts of the account, and instances of other accounts, which we cannot look at."""

    ours: tuple[str, ...]
    elsewhere: tuple[str, ...]


NO_HOSTS = Hosts(ours=(), elsewhere=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """An instance as it started: what kind of EKS host it is, None for none, and the groups of its interfaces."""

    instance_id: str
    kind: str | None
    group_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixList:
    """A managed prefix list that holds something too wide; `wide` are those entries of it."""

    list_id: str
    name: str
    owner: str
    wide: tuple[Network, ...]

    def __str__(self) -> str:
        return f"{self.list_id} ({line(self.name)}), which holds {', '.join(map(str, self.wide))}"


def cluster_of(group: Group) -> str | None:
    """Name the EKS cluster that a group's own tags make it part of (the cluster security group, eksctl's, Terraform's).

    None for a load balancer's group, which the in-tree controller tags for the cluster too: it is open on purpose, and
    only a host that uses it makes it ours.
    """
    if LOAD_BALANCER_TAG in group.tags or group.name.startswith(LOAD_BALANCER_NAME):
        return None
    named = next((line(group.tags[tag]) for tag in CLUSTER_TAGS if group.tags.get(tag)), None)
    owned = (key.removeprefix(OWNED_CLUSTER_TAG) for key in group.tags if key.startswith(OWNED_CLUSTER_TAG))
    return named or next((line(name) for name in owned if name), None)


def host_kind(tags: Mapping[str, str]) -> str | None:
    """Say what kind of EKS host an instance with these tags is; None where it is none."""
    for tag, kind in HOST_TAGS:
        if tag in tags:
            return f"{kind} {line(tags[tag])}"
    owned = next((key for key in tags if key.startswith(SELF_MANAGED)), None)
    return f"self-managed, EKS cluster {line(owned.removeprefix(SELF_MANAGED))}" if owned else None
