"""The groups that the bench opens, in a moto server, and the events that point at them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3

from local import hosts, runtime, template

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ec2 import EC2Client

RECORDED_GROUP = "sg-0123456789abcdef0"
RECORDED = template.ROOT / "events/security_group/authorize-ssh-from-anywhere.json"
ANYWHERE = "0.0.0.0/0"
OFFICE = "192.0.2.0/24"


@dataclass(frozen=True, slots=True)
class World:
    """EC2 and the ledger as the function meets them."""

    ec2: EC2Client
    dynamodb: DynamoDBClient

    @classmethod
    def of(cls, moto: runtime.Moto) -> World:
        """Make the world of an empty moto server."""
        session = boto3.Session(region_name=runtime.REGION)
        world = cls(
            session.client("ec2", endpoint_url=moto.endpoint), session.client("dynamodb", endpoint_url=moto.endpoint)
        )
        runtime.create_ledger(world.dynamodb)
        return world

    def clusters(self, count: int) -> list[str]:
        """Make closed groups that are tagged for an EKS cluster."""
        return [hosts.make_group(self.ec2, f"cluster-{uuid4()}", hosts.CLUSTER_TAGS) for _ in range(count)]

    def used_by_a_host(self) -> str:
        """Make a closed group without tags that an EKS host uses."""
        group = hosts.make_group(self.ec2, "used-by-a-host", {})
        hosts.start_host(self.ec2, group, hosts.MANAGED)
        return group

    def open(self, group: str, source: str = ANYWHERE, rules: int = 1) -> dict[str, Any]:
        """Open a group, each rule for a port of its own, and give the event."""
        ranges: Any = [{"CidrIp": source, "Description": "temporary"}]
        permissions: Any = [
            {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": ranges}
            for port in range(22, 22 + rules)
        ]
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=permissions)
        event: dict[str, Any] = json.loads(RECORDED.read_text("utf-8").replace(RECORDED_GROUP, group))
        return event

    def reopen(self, groups: Iterable[str]) -> list[dict[str, Any]]:
        """Open groups that were closed, as if it had never happened: the ledger forgets."""
        self.dynamodb.delete_table(TableName=runtime.LEDGER)
        runtime.create_ledger(self.dynamodb)
        return [self.open(group) for group in groups]
