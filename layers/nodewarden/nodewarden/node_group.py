"""Managed node groups and what AWS says of them, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from nodewarden.launch_template import LaunchTemplate

ACTIVE = "ACTIVE"
CUSTOM = "CUSTOM"  # the amiType of a node group whose AMI is in its launch template
SELF_MANAGED = "SELF_MANAGED"  # in its place, for an Auto Scaling group that is in no managed node group
SELF_MANAGED_NAME = "asg:"  # begins the name of one; no node group's name has a colon
AMI_FAMILY = "ami-family/"  # begins what names a target in place of an SSM parameter: a family of ami_release.toml
IN_PROGRESS, SUCCESSFUL = "InProgress", "Successful"


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class NodeGroupKey:
    """Which node group: unique in the world. That of a self-managed Auto Scaling group is named `asg:` and its name."""

    account: str
    region: str
    cluster: str
    name: str

    @property
    def auto_scaling_group(self) -> str:
        """The name of the self-managed Auto Scaling group; empty for a managed node group."""
        return self.name.removeprefix(SELF_MANAGED_NAME) if self.name.startswith(SELF_MANAGED_NAME) else ""

    @property
    def kind(self) -> str:
        """What it is, in words."""
        return "Auto Scaling group" if self.auto_scaling_group else "node group"

    @property
    def service(self) -> str:
        """Who brings it to an AMI."""
        return "Auto Scaling" if self.auto_scaling_group else "EKS"

    @property
    def change(self) -> str:
        """What that is called there."""
        return "refresh" if self.auto_scaling_group else "update"

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
    version, or the AMI's id where `ami_type` is CUSTOM: the one in the launch template version that it uses. `issues` are
    its health issues, `auto_scaling_groups` the names of the groups that EKS made for it.
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
    launch_template: LaunchTemplate | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    issues: tuple[HealthIssue, ...] = ()
    auto_scaling_groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """An update of a node group (`DescribeUpdate`); `release_version` is what it goes to, where the answer says so.

    Of an update to another launch template version, EKS names that only: `template_version`. Auto Scaling names the template
    too, `template_id`, which may be another than the group uses.
    """

    update_id: str
    status: str
    release_version: str | None = None
    errors: tuple[HealthIssue, ...] = ()
    created_at: datetime | None = None
    template_version: str | None = None
    template_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a node group is to run: the release version that SSM names for its AMI type and its own minor.

    `parameter` is the SSM parameter's name, `released_at` when it last changed, `image_id` the AMI, None where no
    parameter gives it. Of an AMI family, `release_version` is the AMI's id too, `parameter` names the family, and
    `released_at` is when the AMI was made. `minimum_age` is how old it must be; None for what `rollout.toml` says.
    """

    release_version: str
    parameter: str
    released_at: datetime
    image_id: str | None = None
    minimum_age: timedelta | None = None

    @property
    def family(self) -> str:
        """The AMI family of `ami_release.toml` that it is of; empty for what SSM names."""
        return self.parameter.removeprefix(AMI_FAMILY) if self.parameter.startswith(AMI_FAMILY) else ""

    @property
    def named_by(self) -> str:
        """Who says that this is the one to run."""
        return f"the AMI family {self.family}" if self.family else "SSM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An AMI as this account sees it (`DescribeImages`): not seen at all is None in its place.

    `owner` is the account that it belongs to, `alias` such as `amazon` where AWS has a name for that.
    """

    image_id: str
    state: str
    allowed: bool
    deprecated_at: datetime | None = None
    name: str = ""
    owner: str = ""
    alias: str = ""
    architecture: str = ""
    created_at: datetime | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """A subnet that a node group's hosts start in (`DescribeSubnets`); `zone` is such as `eu-central-1a`."""

    subnet_id: str
    zone: str
    free_addresses: int
