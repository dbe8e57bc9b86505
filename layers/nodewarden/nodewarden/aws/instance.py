"""EKS hosts by their one verb: those that no node group has, or those of an AMI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nodewarden.ami_release.unmanaged import CLUSTER_TAG, KARPENTER_TAG, MANAGED_TAG, OWNED_TAG
from nodewarden.aws.ec2 import PAGE
from nodewarden.aws.ec2_shapes import tags_of
from nodewarden.aws.meaning import meaning

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client


@dataclass(frozen=True, slots=True)
class Instances:
    """The instances of one account and region."""

    client: EC2Client

    def run_from(self, image_id: str) -> tuple[str, ...]:
        """List the ids of the running EKS hosts of an AMI (`DescribeInstances`)."""
        pages = self.client.get_paginator("describe_instances").paginate(
            Filters=[
                {"Name": "image-id", "Values": [image_id]},
                {"Name": "tag-key", "Values": [f"{OWNED_TAG}*", MANAGED_TAG]},
                {"Name": "instance-state-name", "Values": ["pending", "running"]},
            ],
            PaginationConfig={"PageSize": PAGE},
        )
        with meaning("ec2"):
            return tuple(i["InstanceId"] for page in pages for r in page["Reservations"] for i in r["Instances"])

    def unmanaged_hosts(self) -> dict[str, dict[str, str]]:
        """Give the tags, by instance id, of the running EKS hosts that no managed node group has (`DescribeInstances`)."""
        pages = self.client.get_paginator("describe_instances").paginate(
            Filters=[
                {"Name": "tag-key", "Values": [f"{OWNED_TAG}*", CLUSTER_TAG, KARPENTER_TAG]},
                {"Name": "instance-state-name", "Values": ["pending", "running"]},
            ],
            IncludeManagedResources=True,  # Auto Mode's hosts too, where the account hides them
            PaginationConfig={"PageSize": PAGE},
        )
        with meaning("ec2"):
            found = (
                (instance["InstanceId"], tags_of(instance.get("Tags", [])))
                for page in pages
                for reservation in page["Reservations"]
                for instance in reservation["Instances"]
            )
            return {instance_id: tags for instance_id, tags in found if MANAGED_TAG not in tags}
