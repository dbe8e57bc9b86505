"""EKS hosts by verbs: those that no node group has, those of an AMI, and whose they are by their tags."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING

from nodewarden.ami_release.unmanaged import CLUSTER_TAG, KARPENTER_TAG, MANAGED_TAG, OWNED_TAG
from nodewarden.aws.ec2 import FILTER_VALUES, PAGE
from nodewarden.aws.ec2_shapes import tags_of
from nodewarden.aws.meaning import meaning

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import DescribeInstancesResultTypeDef, FilterTypeDef


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
        return {instance_id: tags for instance_id, tags in _tags(pages) if MANAGED_TAG not in tags}

    def tags(self, instance_ids: Iterable[str]) -> dict[str, dict[str, str]]:
        """Give the tags of instances by id; those that EC2 does not know any more are absent (`DescribeInstances`).

        By filter, not by `InstanceIds`: these fail the whole call where one of them is gone.
        """
        return dict(self._tags_where(instance_ids))

    def there(self, instance_ids: Iterable[str]) -> frozenset[str]:
        """Give those of instances that are not terminated, by id: EC2 knows these for about an hour (`DescribeInstances`)."""
        states = ("pending", "running", "shutting-down", "stopping", "stopped")
        found = self._tags_where(instance_ids, {"Name": "instance-state-name", "Values": states})
        return frozenset(instance_id for instance_id, _ in found)

    def _tags_where(self, instance_ids: Iterable[str], *filters: FilterTypeDef) -> Iterator[tuple[str, dict[str, str]]]:
        for some in batched(dict.fromkeys(instance_ids), FILTER_VALUES, strict=False):
            pages = self.client.get_paginator("describe_instances").paginate(
                Filters=[{"Name": "instance-id", "Values": list(some)}, *filters],
                IncludeManagedResources=True,
                PaginationConfig={"PageSize": PAGE},
            )
            yield from _tags(pages)


def _tags(pages: Iterable[DescribeInstancesResultTypeDef]) -> Iterator[tuple[str, dict[str, str]]]:
    with meaning("ec2"):
        for page in pages:
            for reservation in page["Reservations"]:
                for instance in reservation["Instances"]:
                    yield instance["InstanceId"], tags_of(instance.get("Tags", []))
