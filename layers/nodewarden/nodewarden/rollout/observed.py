"""What a tick saw of the world, and what came of the calls it made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nodewarden.launch_template import LaunchTemplate
    from nodewarden.node_group import Cluster, NodeGroup, NodeGroupKey, Target, Update
    from nodewarden.rollout.answer import Answer

ALARM_OK = "OK"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A node group as it was seen; `node_group` None where it is gone, `cluster` None where that is gone.

    `update` is the update of the recorded id; where none is recorded, the latest one of the group. `free_addresses` are
    those of its subnets together (`AvailableIpAddressCount`), `zones` counts their availability zones; None where not
    asked. `full_zones` names the zones without a free address. `left` says why a group with an AMI of its own cannot
    be updated from here, empty where it can.
    """

    node_group: NodeGroup | None
    cluster: Cluster | None = None
    update: Update | None = None
    free_addresses: int | None = None
    zones: int | None = None
    full_zones: tuple[str, ...] = ()
    left: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What one tick saw, for one rollout.

    A group that is not in `groups` was not looked at: nothing is concluded about it. `alarms` are the states of CloudWatch
    alarms by name. `recalls` says of a target why it was taken back. `others_active` counts the groups that other rollouts
    start or update, in all clusters; `busy_clusters` names theirs. `stance` says why nothing may be started at all (the
    mode is observe, everything is paused), empty where it may.
    """

    groups: Mapping[NodeGroupKey, Seen] = field(default_factory=dict)
    alarms: Mapping[str, str] = field(default_factory=dict)
    recalls: Mapping[Target, str] = field(default_factory=dict)
    answers: tuple[Answer, ...] = ()
    others_active: int = 0
    busy_clusters: frozenset[str] = frozenset()
    stance: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartUpdate:
    """Call `UpdateNodegroupVersion`, after the rollout that came with this was written."""

    key: NodeGroupKey
    token: str
    version: str
    release_version: str
    force: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StartFromTemplate:
    """Make the version of the launch template `source` that has the AMI `release_version`, then update the group to it.

    The version is made once for all groups that use the source (`CreateLaunchTemplateVersion`, `UpdateNodegroupVersion`);
    `attempt` says for which attempt of which rollout, should it be missing.
    """

    key: NodeGroupKey
    token: str
    source: LaunchTemplate
    release_version: str
    attempt: str
    force: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRefresh:
    """Make the version of the launch template `source` that has the AMI `release_version`, then refresh the group to it.

    The group is self-managed (`CreateLaunchTemplateVersion`, `StartInstanceRefresh`). That takes no `token`, so it is called
    only while the group's latest refresh is still `after`, None where it had none.
    """

    key: NodeGroupKey
    token: str
    source: LaunchTemplate
    release_version: str
    after: str | None
    attempt: str


type Start = StartUpdate | StartFromTemplate | StartRefresh


@dataclass(frozen=True, slots=True)
class Started:
    """EKS answered with an update: a new one, or the one that the token made before."""

    update_id: str


@dataclass(frozen=True, slots=True)
class Busy:
    """ResourceInUseException: something else updates the group; the next tick looks what."""


@dataclass(frozen=True, slots=True)
class NotAllowedYet:
    """InvalidParameterException "… Allowed release version is …": SSM was ahead of what EKS accepts."""

    message: str


@dataclass(frozen=True, slots=True)
class Refused:
    """EKS refused the call for another reason. What may have worked (a time-out, a 5xx, throttling) is not this."""

    code: str
    message: str


type Result = Started | Busy | NotAllowedYet | Refused
