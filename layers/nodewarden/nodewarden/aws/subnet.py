"""Subnets by their one verb."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING

from nodewarden.aws.ec2 import FILTER_VALUES, PAGE
from nodewarden.aws.meaning import meaning
from nodewarden.node_group import Subnet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_ec2 import EC2Client


@dataclass(frozen=True, slots=True)
class Subnets:
    """The subnets of one account and region."""

    client: EC2Client

    def subnets(self, subnet_ids: Iterable[str]) -> dict[str, Subnet]:
        """Describe subnets by id; those that are gone are absent (`DescribeSubnets`, by filter: ids fail the whole call)."""
        return {
            subnet.subnet_id: subnet
            for some in batched(dict.fromkeys(subnet_ids), FILTER_VALUES, strict=False)
            for subnet in self._subnets(some)
        }

    def _subnets(self, subnet_ids: tuple[str, ...]) -> list[Subnet]:
        pages = self.client.get_paginator("describe_subnets").paginate(
            Filters=[{"Name": "subnet-id", "Values": list(subnet_ids)}], PaginationConfig={"PageSize": PAGE}
        )
        with meaning("ec2"):
            return [
                Subnet(
                    subnet_id=found["SubnetId"],
                    zone=found["AvailabilityZone"],
                    free_addresses=found["AvailableIpAddressCount"],
                )
                for page in pages
                for found in page["Subnets"]
            ]
