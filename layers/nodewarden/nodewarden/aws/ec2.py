"""EC2 by verbs: only what Nodewarden asks and does."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from itertools import batched
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from nodewarden.aws.meaning import code_of, meaning
from nodewarden.errors import GoneError
from nodewarden.security_group.group import Group, PrefixList, host_kind
from nodewarden.security_group.rule import IngressRule, Network

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import InstanceTypeDef, IpPermissionTypeDef, SecurityGroupRuleTypeDef, TagTypeDef

PAGE = 1000
LIST_PAGE = 100
FILTER_VALUES = 200  # that a describe takes in one filter
ALREADY_THERE = "InvalidPermission.Duplicate"
SERVICE_TAG = "aws:"  # tags that only AWS may write


@dataclass(frozen=True, slots=True)
class Ec2:
    """The EC2 of one account and region."""

    client: EC2Client

    def ingress_rules(self, group_id: str) -> tuple[IngressRule, ...]:
        """List a group's ingress rules, every page; none where the group is gone (`DescribeSecurityGroupRules`)."""
        pages = self.client.get_paginator("describe_security_group_rules").paginate(
            Filters=[{"Name": "group-id", "Values": [group_id]}], PaginationConfig={"PageSize": PAGE}
        )
        try:
            with meaning("ec2"):
                rows = [row for page in pages for row in page["SecurityGroupRules"]]
        except GoneError:
            return ()
        return tuple(_ingress_rule(row) for row in rows if not row["IsEgress"])

    def group(self, group_id: str) -> Group | None:
        """Describe one group; None where it is gone (`DescribeSecurityGroups`)."""
        try:
            with meaning("ec2"):
                groups = self.client.describe_security_groups(GroupIds=[group_id])["SecurityGroups"]
        except GoneError:
            return None
        return next(
            (
                Group(
                    group_id=group["GroupId"],
                    name=group["GroupName"],
                    owner=group["OwnerId"],
                    tags=tags_of(group.get("Tags", [])),
                )
                for group in groups
            ),
            None,
        )

    def groups_named(self, names: Iterable[str]) -> tuple[str, ...]:
        """List the ids of all groups with one of these names, in any VPC (`DescribeSecurityGroups`)."""
        pages = self.client.get_paginator("describe_security_groups").paginate(
            Filters=[{"Name": "group-name", "Values": [_literal(name) for name in names]}]
        )
        with meaning("ec2"):
            return tuple(group["GroupId"] for page in pages for group in page["SecurityGroups"])

    def groups_referencing(self, list_ids: Iterable[str]) -> tuple[str, ...]:
        """List the ids of all groups with an ingress rule from one of these prefix lists (`DescribeSecurityGroups`)."""
        pages = self.client.get_paginator("describe_security_groups").paginate(
            Filters=[{"Name": "ip-permission.prefix-list-id", "Values": list(list_ids)}],
            PaginationConfig={"PageSize": PAGE},
        )
        with meaning("ec2"):
            return tuple(group["GroupId"] for page in pages for group in page["SecurityGroups"])

    def groups_of_interfaces(self, interface_ids: Iterable[str]) -> tuple[str, ...]:
        """List the ids of the groups that interfaces are in; none for one that is gone (`DescribeNetworkInterfaces`)."""
        pages = self.client.get_paginator("describe_network_interfaces").paginate(
            Filters=[{"Name": "network-interface-id", "Values": list(interface_ids)}]
        )
        with meaning("ec2"):
            return tuple(g["GroupId"] for page in pages for i in page["NetworkInterfaces"] for g in i["Groups"])

    def prefix_list_entries(self, list_id: str) -> tuple[Network, ...]:
        """List what a prefix list holds now, every page; nothing where it is gone (`GetManagedPrefixListEntries`)."""
        pages = self.client.get_paginator("get_managed_prefix_list_entries").paginate(
            PrefixListId=list_id, PaginationConfig={"PageSize": LIST_PAGE}
        )
        try:
            with meaning("ec2"):
                return tuple(ip_network(entry["Cidr"], strict=False) for page in pages for entry in page["Entries"])
        except GoneError:
            return ()

    def prefix_lists(self, wide: Mapping[str, tuple[Network, ...]]) -> tuple[PrefixList, ...]:
        """Describe prefix lists of which the wide entries are known (`DescribeManagedPrefixLists`)."""
        pages = self.client.get_paginator("describe_managed_prefix_lists").paginate(
            Filters=[{"Name": "prefix-list-id", "Values": list(wide)}], PaginationConfig={"PageSize": LIST_PAGE}
        )
        with meaning("ec2"):
            described = [found for page in pages for found in page["PrefixLists"]]
        return tuple(
            PrefixList(
                list_id=found["PrefixListId"],
                name=found.get("PrefixListName", ""),
                owner=found["OwnerId"],
                wide=wide[found["PrefixListId"]],
            )
            for found in described
        )

    def eks_hosts(self, group_id: str) -> tuple[str, ...]:
        """Describe the EKS hosts that an interface puts into the group, such as `i-0abc (managed node group workers)`.

        Asks for the group's interfaces, then for their instances' tags, and stops at the first instances that are hosts
        (`DescribeNetworkInterfaces`, `DescribeInstances`).
        """
        instances = self._instances_in(group_id)
        for some in batched(instances, FILTER_VALUES, strict=False):
            if hosts := self._hosts_among(some):
                return hosts
        return ()

    def revoke(self, group_id: str, rule_ids: Iterable[str]) -> bool:
        """Revoke ingress rules by id; False where one of them, or the group, is gone (`RevokeSecurityGroupIngress`).

        EC2 then may have revoked none of them: look again. True where they are gone on a retry of the client's: its
        first try may have revoked them without us hearing of it.
        """
        try:
            with meaning("ec2"):
                self.client.revoke_security_group_ingress(GroupId=group_id, SecurityGroupRuleIds=list(rule_ids))
        except GoneError as gone:
            return gone.retried
        return True

    def authorize(self, group_id: str, rule: IngressRule) -> bool:
        """Put one rule back, with description and tags; False where it is there already (`AuthorizeSecurityGroupIngress`)."""
        tags = [{"Key": k, "Value": v} for k, v in rule.tags.items() if not k.startswith(SERVICE_TAG)]
        tagging: dict[str, Any] = {"TagSpecifications": [{"ResourceType": "security-group-rule", "Tags": tags}]}
        with meaning("ec2"):
            try:
                self.client.authorize_security_group_ingress(
                    GroupId=group_id, IpPermissions=[_permission(rule)], **(tagging if tags else {})
                )
            except ClientError as error:
                if code_of(error) != ALREADY_THERE:
                    raise
                return False
        return True

    def _instances_in(self, group_id: str) -> tuple[str, ...]:
        pages = self.client.get_paginator("describe_network_interfaces").paginate(
            Filters=[{"Name": "group-id", "Values": [group_id]}], PaginationConfig={"PageSize": PAGE}
        )
        with meaning("ec2"):
            found = (i.get("Attachment", {}).get("InstanceId") for page in pages for i in page["NetworkInterfaces"])
            return tuple(dict.fromkeys(instance for instance in found if instance))

    def _hosts_among(self, instance_ids: Iterable[str]) -> tuple[str, ...]:
        pages = self.client.get_paginator("describe_instances").paginate(
            Filters=[{"Name": "instance-id", "Values": list(instance_ids)}], PaginationConfig={"PageSize": PAGE}
        )
        with meaning("ec2"):
            instances = [i for page in pages for r in page["Reservations"] for i in r["Instances"]]
        return tuple(filter(None, map(_host, instances)))


def tags_of(tags: Iterable[TagTypeDef]) -> dict[str, str]:
    """Turn EC2's list of tags into a mapping."""
    return {tag["Key"]: tag["Value"] for tag in tags}


def _host(instance: InstanceTypeDef) -> str | None:
    kind = host_kind(tags_of(instance.get("Tags", [])))
    return f"{instance['InstanceId']} ({kind})" if kind else None


def _literal(value: str) -> str:
    """Escape what a filter would take for a wildcard."""
    return "".join(f"\\{c}" if c in "*?\\" else c for c in value)


def _ingress_rule(row: SecurityGroupRuleTypeDef) -> IngressRule:
    peer = row.get("ReferencedGroupInfo", {}).get("GroupId", "")
    return IngressRule(
        rule_id=row["SecurityGroupRuleId"],
        protocol=row["IpProtocol"],
        from_port=row.get("FromPort"),
        to_port=row.get("ToPort"),
        source=row.get("CidrIpv4") or row.get("CidrIpv6") or row.get("PrefixListId") or peer,
        description=row.get("Description", ""),
        tags=tags_of(row.get("Tags", [])),
    )


def _permission(rule: IngressRule) -> IpPermissionTypeDef:
    described = {"Description": rule.description} if rule.description else {}
    permission: dict[str, Any] = {"IpProtocol": rule.protocol}
    if rule.from_port is not None and rule.to_port is not None:
        permission |= {"FromPort": rule.from_port, "ToPort": rule.to_port}
    if rule.network is None:
        permission["PrefixListIds"] = [{"PrefixListId": rule.source, **described}]
    elif rule.network.version == 4:  # noqa: PLR2004 IPv4
        permission["IpRanges"] = [{"CidrIp": rule.source, **described}]
    else:
        permission["Ipv6Ranges"] = [{"CidrIpv6": rule.source, **described}]
    return permission  # type: ignore[return-value]  # built key by key, as EC2 refuses ports that are None
