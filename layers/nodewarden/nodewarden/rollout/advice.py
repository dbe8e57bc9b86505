"""What an error code of EKS, or an end of an instance refresh, means and what to do, for errors of updates and for health issues of node groups.

Sources: the enums `ErrorCode` and `NodegroupIssueCode` of the EKS API and their descriptions there; the EKS user guide on
how managed node groups update, for the causes of failed evictions.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What a code means, and what a person does before `retry`."""

    means: str
    do: str


def advice(code: str) -> Advice:
    """Give the advice for a code; for one that is not known here, where to look."""
    return (TABLE | REFRESHES).get(
        code, Advice(means=f"EKS reports {code}", do="Read the message, and the node group's events in EKS.")
    )


def _advice(means: str, do: str) -> Advice:
    return Advice(means=means, do=do)


TABLE = {
    # Draining and joining.
    "PodEvictionFailure": _advice(
        "a pod could not be evicted from an old host within 15 minutes",
        "Find the disruption budget that allows none, two budgets on one pod, or a workload that tolerates every taint;"
        " loosen it or scale up, then retry. Force only by the group's tag, and knowing that it deletes pods.",
    ),
    "NodeCreationFailure": _advice(
        "new hosts started but did not join the cluster",
        "Check the user data, the node role's access entry (or aws-auth), the way to the cluster's end point, and the"
        " CNI's address pool; the instances' console output says more.",
    ),
    "NodeTerminationFailure": _advice(
        "old hosts could not be terminated",
        "Look for termination protection and for lifecycle hooks on the group's Auto Scaling group that nobody completes.",
    ),
    "InsufficientNumberOfReplicas": _advice(
        "too few replicas of a workload are ready", "Bring the workload to its replicas, then retry."
    ),
    "ClusterUnreachable": _advice(
        "EKS cannot talk to the cluster's API server",
        "Look for admission webhooks that fail, an API server under load, and the cluster's health in EKS.",
    ),
    "AdmissionRequestDenied": _advice(
        "an admission webhook or policy refused what EKS asked for", "Exempt EKS's own requests from it, then retry."
    ),
    "ConfigurationConflict": _advice(
        "something else owns a field that the update sets",
        "Find who manages that field, and let one of the two have it.",
    ),
    "K8sResourceNotFound": _advice(
        "an object that the update needs is not in the cluster", "Create what the message names, then retry."
    ),
    "UnsupportedAddonModification": _advice(
        "the add-on cannot be changed like this", "Change it by the EKS add-on's configuration instead."
    ),
    "KubernetesLabelInvalid": _advice(
        "a label of the node group is not a Kubernetes label", "Correct the labels in the node group's configuration."
    ),
    # Addresses, subnets, interfaces.
    "InsufficientFreeAddresses": _advice(
        "the subnets have too few free addresses for the added hosts",
        "Free addresses, or give the node group more subnets; the update adds two hosts for each zone.",
    ),
    "IpNotAvailable": _advice(
        "a subnet has no free address", "Free addresses in the subnet, or add subnets to the node group."
    ),
    "EniLimitReached": _advice(
        "the account's limit of network interfaces is reached",
        "Delete interfaces that nobody uses, or raise the quota.",
    ),
    "SubnetNotFound": _advice("a subnet of the cluster is gone", "Give the cluster subnets that exist."),
    "Ec2SubnetNotFound": _advice(
        "a subnet of the node group is gone",
        "It cannot be changed in place: create a node group with subnets that exist.",
    ),
    "Ec2SubnetInvalidConfiguration": _advice(
        "a subnet does not give its hosts the addresses that they need",
        "Switch on public addresses for hosts in a public subnet, or give a private one a way out (NAT or end points).",
    ),
    "Ec2SubnetMissingIpv6Assignment": _advice(
        "a subnet of an IPv6 cluster gives no IPv6 addresses",
        "Switch on the assignment of IPv6 addresses in the subnet.",
    ),
    "Ec2SubnetListTooLong": _advice(
        "the node group has more subnets than can be used", "Create a node group with fewer subnets."
    ),
    "VpcIdNotFound": _advice("the cluster's VPC is gone", "The cluster cannot be repaired: build a new one."),
    "SecurityGroupNotFound": _advice("a security group of the cluster is gone", "Give the cluster one that exists."),
    "Ec2SecurityGroupNotFound": _advice(
        "the cluster's security group is gone",
        "The cluster needs it: restore it with AWS support, or build a new cluster.",
    ),
    "Ec2SecurityGroupDeletionFailure": _advice(
        "the group for remote access could not be deleted", "Remove what still uses the security group."
    ),
    # Hosts and their capacity.
    "AsgInstanceLaunchFailures": _advice(
        "the Auto Scaling group cannot start hosts",
        "Read its activity history: mostly no capacity of the instance type in a zone, a quota, a key or an encrypted"
        " volume that the service role may not use. Add instance types or zones, then retry.",
    ),
    "InstanceLimitExceeded": _advice("the quota of running instances is reached", "Raise the quota, then retry."),
    "LimitExceeded": _advice("a quota is reached", "Raise the quota that the message names, then retry."),
    "Ec2InstanceTypeDoesNotExist": _advice(
        "an instance type is not offered in the region", "Create a node group with types that are."
    ),
    "AmiIdNotFound": _advice(
        "the AMI does not exist, or may not be used here", "Check that it is shared and allowed (Allowed AMIs)."
    ),
    # The Auto Scaling group.
    "AutoScalingGroupNotFound": _advice(
        "the node group's Auto Scaling group was deleted", "It cannot be repaired: create a new node group."
    ),
    "AutoScalingGroupInvalidConfiguration": _advice(
        "the Auto Scaling group was changed outside of EKS", "Undo the change: EKS alone manages it."
    ),
    "AutoScalingGroupInstanceRefreshActive": _advice(
        "an instance refresh runs on the node group's Auto Scaling group",
        "Wait for it or cancel it; never start one on a managed node group.",
    ),
    "AutoScalingGroupOptInRequired": _advice(
        "the account is not opted in for what the group starts in", "Opt in to the zone or region, then retry."
    ),
    "AutoScalingGroupRateLimitExceeded": _advice(
        "Auto Scaling throttles the account", "Retry later; find what makes so many calls."
    ),
    # Launch templates.
    "Ec2LaunchTemplateNotFound": _advice(
        "the launch template that EKS made was deleted", "Create a new node group; keep what is named eks-."
    ),
    "Ec2LaunchTemplateVersionMismatch": _advice(
        "the launch template that EKS made was changed", "Set it back to the version that EKS made."
    ),
    "Ec2LaunchTemplateDeletionFailure": _advice(
        "EKS could not delete its launch template",
        "Check the node group's service role and what still uses the template.",
    ),
    "Ec2LaunchTemplateInvalidConfiguration": _advice(
        "the launch template holds what a node group cannot have",
        "Correct the template, then update the node group to it.",
    ),
    "Ec2LaunchTemplateMaxLimitExceeded": _advice(
        "the quota of launch templates is reached", "Delete templates that nobody uses, or raise the quota."
    ),
    "Ec2LaunchTemplateVersionMaxLimitExceeded": _advice(
        "a launch template has as many versions as it can", "Delete versions that nobody uses, then retry."
    ),
    "SourceEc2LaunchTemplateNotFound": _advice(
        "your launch template, or its version, was deleted", "Create it again, and update the node group to it."
    ),
    # Permissions.
    "AccessDenied": _advice(
        "EKS or a host may not do what it must",
        "Check the node role, its access entry or aws-auth, and the service role for Auto Scaling; then retry.",
    ),
    "OperationNotPermitted": _advice(
        "the service role does not permit the operation", "Restore AWSServiceRoleForAmazonEKS and its policy."
    ),
    "IamInstanceProfileNotFound": _advice(
        "the instance profile is gone", "Create it again with the same name and role, then retry."
    ),
    "IamNodeRoleNotFound": _advice(
        "the node role is gone", "Create it again with the same name and policies, then retry."
    ),
    "IamLimitExceeded": _advice("a quota of IAM is reached", "Delete roles or profiles that nobody uses, or raise it."),
    "IamThrottling": _advice("IAM throttles the account", "Retry later; find what makes so many calls."),
    # AWS's own.
    "InternalFailure": _advice("EKS itself failed", "Retry; if it persists, open a case with AWS support."),
    "Unknown": _advice(
        "EKS does not know why", "Read the node group's events and the hosts' console output, then retry."
    ),
}

_BEFORE = (
    "Read the refresh's reason and the group's activity history, mend what keeps hosts from their health, then retry."
)
# Of self-managed Auto Scaling groups: how an instance refresh ended (`Status`), and what keeps one from going on.
REFRESHES = {
    "InstanceRefreshFailed": _advice(
        "the instance refresh failed, and was not rolled back: hosts of both AMIs run", _BEFORE
    ),
    "InstanceRefreshRollbackSuccessful": _advice(
        "the instance refresh failed, and the hosts before it are back", _BEFORE
    ),
    "InstanceRefreshRollbackFailed": _advice(
        "the instance refresh failed, and so did going back: hosts of both AMIs run", _BEFORE
    ),
    "InstanceRefreshCancelled": _advice(
        "somebody cancelled the instance refresh: hosts of both AMIs may run",
        "Ask who did and why; then retry, or skip it.",
    ),
    "ProcessesSuspended": _advice(
        "processes of the group are suspended that a refresh needs",
        "Resume Launch and Terminate, once it is known who suspended them.",
    ),
    "HostsNotInService": _advice(
        "not all of the group's hosts are in service and healthy",
        "Read the group's activity history: a refresh waits for its hosts.",
    ),
}
