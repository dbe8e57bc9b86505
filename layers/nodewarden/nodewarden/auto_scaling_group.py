"""Self-managed Auto Scaling groups of EKS hosts: what they are, and which of them may be refreshed.

An instance refresh terminates hosts without draining them; only a lifecycle hook on their termination lets something
drain the pods first. The group behind a managed node group is EKS's: a refresh of it makes the node group ill (health issue
AutoScalingGroupInstanceRefreshActive).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nodewarden.ami_release.standing import State
from nodewarden.node_group import ACTIVE, SELF_MANAGED, HealthIssue, NodeGroup
from nodewarden.security_group.event import line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from nodewarden.ami_release.standing import Judged
    from nodewarden.launch_template import LaunchTemplate
    from nodewarden.node_group import NodeGroupKey

OWNED_TAG = "kubernetes.io/cluster/"  # followed by the cluster's name
MANAGED_TAGS = frozenset({"eks:nodegroup-name", "eks:cluster-name"})
KEIKO_TAG = "instancegroups.keikoproj.io/InstanceGroup"
CLUSTER_API_TAG = "sigs.k8s.io/cluster-api-provider-aws/"  # begins the tags of its AWSMachinePools
KARPENTER_TAGS = frozenset({"karpenter.sh/nodepool", "karpenter.sh/provisioner-name"})
NEEDED = frozenset({"Launch", "Terminate"})  # processes that a refresh cannot go on without
NOT_PERMITTED: Judged = (
    State.NOT_PERMITTED,
    "Nodewarden may refresh no group here: the roles of their hosts are not given to it",
    "Deploy with the ARN of its hosts' role in GoldenInstanceRoleArns, or refresh it yourself.",
)
UPDATING, DELETING = "UPDATING", "DELETING"
BEHIND_NODE_GROUP = (State.LEFT, "it is the group behind a managed node group", "Nothing: its node group rolls.")


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoScalingGroup:
    """An Auto Scaling group (`DescribeAutoScalingGroups`).

    `template` is None where it starts hosts by something else than one launch template: `mixed` says whether that is a
    mixed instances policy, else it is a launch configuration. `ready` counts the hosts that are in service and healthy,
    `started_from` is what its hosts were started from: who moves a group to another version replaces none of them. `follows`
    are the templates of which it starts the latest version, by `$Latest`.
    """

    name: str
    tags: Mapping[str, str] = field(default_factory=dict)
    template: LaunchTemplate | None = None
    mixed: bool = False
    deleting: bool = False
    desired: int = 0
    ready: int = 0
    subnets: tuple[str, ...] = ()
    suspended: frozenset[str] = frozenset()
    started_from: frozenset[LaunchTemplate] = frozenset()
    follows: frozenset[str] = frozenset()

    @property
    def clusters(self) -> tuple[str, ...]:
        """The clusters that its tags name."""
        return tuple(sorted(tag.removeprefix(OWNED_TAG) for tag in self.tags if tag.startswith(OWNED_TAG)))

    @property
    def is_eks_own(self) -> bool:
        """Whether it is behind a managed node group, by the tags that EKS gives it."""
        return bool(MANAGED_TAGS & self.tags.keys())


def as_node_group(group: AutoScalingGroup, key: NodeGroupKey, *, minor: str, image_id: str, busy: bool) -> NodeGroup:
    """Give it as a member of a rollout, which runs the AMI `image_id`; `busy` while it is refreshed."""
    return NodeGroup(
        key=key,
        status=DELETING if group.deleting else UPDATING if busy else ACTIVE,
        ami_type=SELF_MANAGED,
        version=minor,
        release_version=image_id,
        desired=group.desired,
        subnets=group.subnets,
        launch_template=group.template,
        tags=group.tags,
        issues=() if busy else tuple(_issues(group)),
    )


def why_left(group: AutoScalingGroup, *, drains: bool, followed: Collection[str] = ()) -> Judged | None:
    """Say why a group must not be refreshed, and what to do; None where it may.

    `drains` says whether it has a lifecycle hook on termination. `followed` are launch templates of which some group uses
    `$Latest`: with a new version, that would start hosts from it, outside of any wave.
    """
    if group.is_eks_own:
        return BEHIND_NODE_GROUP
    if KEIKO_TAG in group.tags:
        reason = "Keiko's instance-manager owns it, and would undo a change of its launch template"
        return State.LEFT, reason, "Set the new AMI in spec.eks.configuration.image of its InstanceGroup."
    if KARPENTER_TAGS & group.tags.keys():
        reason = "Karpenter owns it, and replaces its hosts when the AMI of their EC2NodeClass changes"
        return State.LEFT, reason, "Raise the AMI in amiSelectorTerms of its EC2NodeClass."
    if any(tag.startswith(CLUSTER_API_TAG) for tag in group.tags):
        reason = "Cluster API owns it, and would undo a change of its launch template"
        return State.LEFT, reason, "Set the new AMI in spec.awsLaunchTemplate.ami of its AWSMachinePool."
    return _unsuitable(group, followed) or _undrained(drains=drains)


def why_followed(template: LaunchTemplate, followed: Collection[str]) -> Judged | None:
    """Say why no version may be added to a launch template; None where one may."""
    if template.template_id not in followed:
        return None
    reason = f"a group uses $Latest of its launch template {template.template_id}, and would start hosts from a new version at once"
    return State.UNSUITABLE, reason, "Let each use a fixed version."


def followed_by(groups: Iterable[AutoScalingGroup]) -> frozenset[str]:
    """Give the launch templates of which some of these groups start the latest version."""
    return frozenset(template for group in groups for template in group.follows)


def _unsuitable(group: AutoScalingGroup, followed: Collection[str]) -> Judged | None:
    fix = "Let it use one fixed version of a launch template."
    if len(group.clusters) > 1:
        advice = "Leave one tag of a cluster on it."
        return (
            State.UNSUITABLE,
            f"its tags name {len(group.clusters)} clusters: {line(', '.join(group.clusters))}",
            advice,
        )
    if group.template is None:
        what = "a mixed instances policy" if group.mixed else "a launch configuration"
        return State.UNSUITABLE, f"it starts its hosts by {what}, which is not refreshed from here", fix
    if not group.template.fixed:
        return State.UNSUITABLE, f"it uses {group.template}, to which no refresh can be rolled back", fix
    return why_followed(group.template, followed)


def _undrained(*, drains: bool) -> Judged | None:
    if drains:
        return None
    reason = "it has no lifecycle hook on termination, so nothing would drain its hosts"
    advice = "Let something drain them (the AWS Node Termination Handler in queue mode), with a hook for autoscaling:EC2_INSTANCE_TERMINATING."
    return State.NOT_DRAINED, reason, advice


def _issues(group: AutoScalingGroup) -> list[HealthIssue]:
    issues = []
    if stopped := sorted(group.suspended & NEEDED):
        message = f"the processes {', '.join(stopped)} are suspended"
        issues.append(HealthIssue(code="ProcessesSuspended", message=message, resource_ids=(group.name,)))
    if group.ready < group.desired:
        message = f"{group.ready} of {group.desired} hosts are in service and healthy"
        issues.append(HealthIssue(code="HostsNotInService", message=message, resource_ids=(group.name,)))
    return issues
