"""EKS by verbs: clusters, their managed node groups, and the updates of these."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from nodewarden.aws.meaning import meaning
from nodewarden.errors import GoneError
from nodewarden.launch_template import LaunchTemplate
from nodewarden.node_group import IN_PROGRESS, Cluster, HealthIssue, NodeGroup, NodeGroupKey, Update

if TYPE_CHECKING:
    from mypy_boto3_eks import EKSClient
    from mypy_boto3_eks.type_defs import (
        ErrorDetailTypeDef,
        IssueTypeDef,
        LaunchTemplateSpecificationTypeDef,
        NodegroupTypeDef,
        UpdateTypeDef,
    )


@dataclass(frozen=True, slots=True)
class Eks:
    """The EKS of one account and region."""

    client: EKSClient

    def clusters(self) -> tuple[str, ...]:
        """List the names of all clusters, every page (`ListClusters`)."""
        with meaning("eks"):
            return tuple(c for page in self.client.get_paginator("list_clusters").paginate() for c in page["clusters"])

    def cluster(self, name: str) -> Cluster | None:
        """Describe one cluster; None where it is gone (`DescribeCluster`)."""
        try:
            with meaning("eks"):
                cluster = self.client.describe_cluster(name=name)["cluster"]
        except GoneError:
            return None
        _, _, _, region, account, _ = cluster["arn"].split(":", 5)
        return Cluster(
            account=account,
            region=region,
            name=cluster["name"],
            status=cluster["status"],
            version=cluster.get("version", ""),
            auto_mode=cluster.get("computeConfig", {}).get("enabled", False),
        )

    def node_groups(self, cluster: str) -> tuple[str, ...]:
        """List the names of a cluster's managed node groups, every page; none where it is gone (`ListNodegroups`)."""
        pages = self.client.get_paginator("list_nodegroups").paginate(clusterName=cluster)
        try:
            with meaning("eks"):
                return tuple(name for page in pages for name in page["nodegroups"])
        except GoneError:
            return ()

    def fargate_profiles(self, cluster: str) -> tuple[str, ...]:
        """List the names of a cluster's Fargate profiles, every page; none where it is gone (`ListFargateProfiles`)."""
        pages = self.client.get_paginator("list_fargate_profiles").paginate(clusterName=cluster)
        try:
            with meaning("eks"):
                return tuple(name for page in pages for name in page["fargateProfileNames"])
        except GoneError:
            return ()

    def node_group(self, key: NodeGroupKey) -> NodeGroup | None:
        """Describe one node group; None where it, or its cluster, is gone (`DescribeNodegroup`)."""
        try:
            with meaning("eks"):
                found = self.client.describe_nodegroup(clusterName=key.cluster, nodegroupName=key.name)
        except GoneError:
            return None
        return _node_group(key, found["nodegroup"])

    def start_update(
        self, key: NodeGroupKey, *, version: str, release_version: str, token: str, force: bool = False
    ) -> Update:
        """Start the update of a node group to an AMI release of its Kubernetes minor `version` (`UpdateNodegroupVersion`).

        Both are always given: without `version` EKS takes the cluster's minor, and a Bottlerocket release names no minor.
        The same `token` again gives the same update. `force` deletes pods that disruption budgets keep from eviction.
        Raises NodeGroupBusyError while EKS updates it, ReleaseNotAllowedError where EKS does not take the release, GoneError.
        """
        with meaning("eks"):
            started = self.client.update_nodegroup_version(
                clusterName=key.cluster,
                nodegroupName=key.name,
                version=version,
                releaseVersion=release_version,
                force=force,
                clientRequestToken=token,
            )
        return _update(started["update"])

    def start_template_update(
        self, key: NodeGroupKey, *, template: LaunchTemplate, token: str, force: bool = False
    ) -> Update:
        """Start the update of a node group to another version of its launch template (`UpdateNodegroupVersion`).

        For groups with an AMI of their own: EKS refuses a Kubernetes or release version then. Else as `start_update`.
        """
        with meaning("eks"):
            started = self.client.update_nodegroup_version(
                clusterName=key.cluster,
                nodegroupName=key.name,
                launchTemplate={"id": template.template_id, "version": template.version},
                force=force,
                clientRequestToken=token,
            )
        return _update(started["update"])

    def update(self, key: NodeGroupKey, update_id: str) -> Update | None:
        """Describe one update of a node group; None where EKS does not know it, or the node group (`DescribeUpdate`)."""
        try:
            with meaning("eks"):
                found = self.client.describe_update(name=key.cluster, nodegroupName=key.name, updateId=update_id)
        except GoneError:
            return None
        return _update(found["update"])

    def updates_in_progress(self, key: NodeGroupKey) -> tuple[Update, ...]:
        """List the updates of a node group that are in progress, newest first (`ListUpdates`, `DescribeUpdate` of each).

        EKS lists ids only, in no order that it promises, so every update that it remembers is described: ask only where
        EKS says that the node group is busy, or where the answer to a start was lost.
        """
        pages = self.client.get_paginator("list_updates").paginate(name=key.cluster, nodegroupName=key.name)
        try:
            with meaning("eks"):
                update_ids = [update_id for page in pages for update_id in page["updateIds"]]
        except GoneError:
            return ()
        found = [update for update_id in update_ids if (update := self.update(key, update_id))]
        going = (update for update in found if update.status == IN_PROGRESS)
        return tuple(sorted(going, key=lambda u: u.created_at.timestamp() if u.created_at else 0.0, reverse=True))


def _node_group(key: NodeGroupKey, found: NodegroupTypeDef) -> NodeGroup:
    # EKS leaves out what a node group does not have: no scaling while it is being made, no updateConfig on old ones.
    return NodeGroup(
        key=key,
        status=found["status"],
        ami_type=found.get("amiType", ""),
        version=found.get("version", ""),
        release_version=found.get("releaseVersion", ""),
        desired=found.get("scalingConfig", {}).get("desiredSize", 1),
        subnets=tuple(found.get("subnets", [])),
        max_unavailable=found.get("updateConfig", {}).get("maxUnavailable"),
        max_unavailable_percentage=found.get("updateConfig", {}).get("maxUnavailablePercentage"),
        launch_template=_launch_template(found.get("launchTemplate", {})),
        tags=found.get("tags", {}),
        auto_scaling_groups=tuple(
            g["name"] for g in found.get("resources", {}).get("autoScalingGroups", []) if "name" in g
        ),
        issues=tuple(map(_issue, found.get("health", {}).get("issues", []))),
    )


def _launch_template(used: LaunchTemplateSpecificationTypeDef) -> LaunchTemplate | None:
    name = used.get("id") or used.get("name")
    return LaunchTemplate(template_id=name, version=used.get("version", "")) if name else None


def _issue(issue: IssueTypeDef) -> HealthIssue:
    return HealthIssue(
        code=issue.get("code", "Unknown"),
        message=issue.get("message", ""),
        resource_ids=tuple(issue.get("resourceIds", [])),
    )


def _update(update: UpdateTypeDef) -> Update:
    params = {param.get("type"): param.get("value") for param in update.get("params", [])}
    created_at = update.get("createdAt")
    return Update(
        update_id=update["id"],
        status=update["status"],
        release_version=params.get("ReleaseVersion"),
        errors=tuple(map(_error, update.get("errors", []))),
        created_at=created_at.astimezone(UTC) if created_at else None,
        template_version=params.get("LaunchTemplateVersion"),
    )


def _error(error: ErrorDetailTypeDef) -> HealthIssue:
    return HealthIssue(
        code=error.get("errorCode", "Unknown"),
        message=error.get("errorMessage", ""),
        resource_ids=tuple(error.get("resourceIds", [])),
    )
