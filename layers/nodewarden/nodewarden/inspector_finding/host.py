"""Which node group an instance belongs to, or what else it is, by its tags."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nodewarden.ami_release.unmanaged import KARPENTER_TAG, MANAGED_TAG, Kind, Unmanaged, unmanaged
from nodewarden.node_group import NodeGroupKey
from nodewarden.security_group.event import line
from nodewarden.security_group.group import CLUSTER_TAGS, host_kind

if TYPE_CHECKING:
    from collections.abc import Mapping

# EKS API reference, CreateCluster and CreateNodegroup: what else is written in a tag is not from EKS.
CLUSTER_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}")
GROUP_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,62}")


@dataclass(frozen=True, slots=True)
class NotEks:
    """An instance that is no EKS host: no business of ours, except for its security groups."""


@dataclass(frozen=True, slots=True)
class Gone:
    """An instance that EC2 no longer knows, and of which nobody says what it was."""


type Hosts = NodeGroupKey | Unmanaged  # whose a finding is
type Belonging = Hosts | NotEks | Gone


def belonging(account: str, region: str, instance_id: str, tags: Mapping[str, str] | None) -> Belonging:
    """Say what an instance is by its tags; `tags` is None where the instance is gone.

    Ask this only of findings that are not on record: what a finding is part of stays what it was, also where a later event
    has no tags, and the instance is gone.
    """
    if tags is None:
        return Gone()
    if host_kind(tags) is None:
        return NotEks()
    cluster = next((tags[tag] for tag in CLUSTER_TAGS if tags.get(tag)), "")
    if MANAGED_TAG in tags:
        return _node_group(account, region, cluster, tags[MANAGED_TAG])
    return next(iter(unmanaged((), {instance_id: tags}, {})), None) or _of_no_known_cluster(cluster, instance_id, tags)


def _node_group(account: str, region: str, cluster: str, name: str) -> NodeGroupKey | NotEks:
    if not CLUSTER_NAME.fullmatch(cluster) or not GROUP_NAME.fullmatch(name):
        return NotEks()
    return NodeGroupKey(account=account, region=region, cluster=cluster, name=name)


def _of_no_known_cluster(cluster: str, instance_id: str, tags: Mapping[str, str]) -> Unmanaged:
    kind = Kind.KARPENTER if KARPENTER_TAG in tags else Kind.SELF_MANAGED
    return Unmanaged(cluster=line(cluster), kind=kind, where=line(tags.get(KARPENTER_TAG, instance_id)))
