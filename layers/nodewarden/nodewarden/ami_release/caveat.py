"""What a person should know of a node group besides its state."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from nodewarden.ami_release.ami_type import Family, family_of
from nodewarden.ami_release.release import built_on, minor_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from nodewarden.node_group import Cluster, NodeGroup

# EKS user guide, "Create nodes with optimized Windows AMIs": what is older than four months is made private.
WINDOWS_PRIVATE_AFTER = timedelta(days=123)
MOST_BEHIND = 3  # minors that a kubelet may be older than the API server (Kubernetes version skew policy, from 1.28)


def caveats(group: NodeGroup, cluster: Cluster, now: datetime) -> Iterator[str]:
    """Give sentences of advice that hold whatever the state is."""
    family = family_of(group.ami_type)
    if family is Family.AL2:
        yield "Move to Amazon Linux 2023 or Bottlerocket: there are no new Amazon Linux 2 AMIs since 2025-11-26."
    built = built_on(group.release_version) if family is Family.WINDOWS else None
    if built and now.date() - built > WINDOWS_PRIVATE_AFTER:
        yield f"Its AMI is of {built}: Windows AMIs become private after four months, so do not count on new hosts from it."
    ours, theirs = minor_of(group.version), minor_of(cluster.version)
    if ours and theirs and ours[0] == theirs[0] and theirs[1] - ours[1] >= MOST_BEHIND:
        yield f"Raise its Kubernetes version: {group.version} is as far behind the control plane's {cluster.version} as a node may be."
