"""Managed node groups and what AWS says of them, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

ACTIVE = "ACTIVE"
IN_PROGRESS, SUCCESSFUL = "InProgress", "Successful"


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class NodeGroupKey:
    """Which node group: unique in the world."""

    account: str
    region: str
    cluster: str
    name: str

    def __str__(self) -> str:
        return f"{self.cluster}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthIssue:
    """One of `health.issues` of a node group, or one of `errors` of an update: the shapes are the same."""

    code: str
    message: str
    resource_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """An EKS cluster (`DescribeCluster`); `version` is its Kubernetes minor, such as `1.33`."""

    account: str
    region: str
    name: str
    status: str
    version: str
    auto_mode: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeGroup:
    """A managed node group (`DescribeNodegroup`).

    `version` is its own Kubernetes minor, which may be older than the cluster's. `release_version` is the AMI's release
    version, or the AMI's id where `ami_type` is CUSTOM. `issues` are its health issues.
    """

    key: NodeGroupKey
    status: str
    ami_type: str
    version: str
    release_version: str
    desired: int = 1
    subnets: tuple[str, ...] = ()
    max_unavailable: int | None = None
    max_unavailable_percentage: int | None = None
    launch_template: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    issues: tuple[HealthIssue, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """An update of a node group (`DescribeUpdate`); `release_version` is what it goes to, where the answer says so."""

    update_id: str
    status: str
    release_version: str | None = None
    errors: tuple[HealthIssue, ...] = ()
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a node group is to run: the release version that SSM names for its AMI type and its own minor.

    `parameter` is the SSM parameter's name, `released_at` when it last changed, `image_id` the AMI, None where no
    parameter gives it.
    """

    release_version: str
    parameter: str
    released_at: datetime
    image_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An AMI as this account sees it (`DescribeImages`): not seen at all is None in its place."""

    image_id: str
    state: str
    allowed: bool
    deprecated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """A subnet that a node group's hosts start in (`DescribeSubnets`); `zone` is such as `eu-central-1a`."""

    subnet_id: str
    zone: str
    free_addresses: int
