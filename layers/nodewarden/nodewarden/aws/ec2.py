"""EC2 by verbs: only what Nodewarden asks and does."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from itertools import batched
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from nodewarden.aws.ec2_shapes import (
    group_of,
    groups_of,
    host_of,
    ingress_rule,
    literal,
    permission_of,
    rules_without_ids,
    tags_of,
)
from nodewarden.aws.meaning import code_of, meaning
from nodewarden.errors import GoneError
from nodewarden.security_group.group import Host, Hosts, PrefixList, host_kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import (
        InstanceTypeDef,
        SecurityGroupRuleTypeDef,
    )

    from nodewarden.security_group.group import Group
    from nodewarden.security_group.rule import IngressRule, Network

PAGE = 1000
LIST_PAGE = 100
FILTER_VALUES = 200  # that a describe takes in one filter
ALREADY_THERE = "InvalidPermission.Duplicate"
IN_PROGRESS = "-in-progress"  # how the states of a prefix list end while EC2 changes it
SERVICE_TAG = "aws:"  # tags that only AWS may write


@dataclass(frozen=True, slots=True)
class GroupPage:
    """A page of groups with their ingress rules, which have no ids here; `following` is where the next page begins."""

    groups: tuple[tuple[Group, tuple[IngressRule, ...]], ...]
    following: str


@dataclass(frozen=True, slots=True)
class Ec2:
    """The EC2 of one account and region."""

    client: EC2Client

    def ingress_rules(self, group_id: str) -> tuple[IngressRule, ...]:
        """List a group's ingress rules, every page; none where the group is gone (`DescribeSecurityGroupRules`)."""
        return self.ingress_rules_of([group_id])[group_id]

    def ingress_rules_of(self, group_ids: Iterable[str]) -> dict[str, tuple[IngressRule, ...]]:
        """List the ingress rules of each group, every page; none where it is gone (`DescribeSecurityGroupRules`)."""
        found: dict[str, list[IngressRule]] = {group_id: [] for group_id in group_ids}
        for some in batched(found, FILTER_VALUES, strict=False):
            for row in self._rule_rows(some):
                if not row["IsEgress"]:
                    found[row["GroupId"]].append(ingress_rule(row))
        return {group_id: tuple(rules) for group_id, rules in found.items()}

    def group_page(self, begins: str = "") -> GroupPage:
        """Describe one page of all groups; raises GoneError where EC2 no longer knows where it begins (`DescribeSecurityGroups`)."""
        where: dict[str, Any] = {"NextToken": begins} if begins else {}
        with meaning("ec2"):
            page = self.client.describe_security_groups(MaxResults=PAGE, **where)
        return GroupPage(
            groups=tuple((group_of(g), rules_without_ids(g.get("IpPermissions", []))) for g in page["SecurityGroups"]),
            following=page.get("NextToken", ""),
        )

    def group(self, group_id: str) -> Group | None:
        """Describe one group; None where it is gone (`DescribeSecurityGroups`)."""
        try:
            with meaning("ec2"):
                groups = self.client.describe_security_groups(GroupIds=[group_id])["SecurityGroups"]
        except GoneError:
            return None
        return next(map(group_of, groups), None)

    def groups_named(self, names: Iterable[str]) -> tuple[str, ...]:
        """List the ids of all groups with one of these names, in any VPC (`DescribeSecurityGroups`)."""
        pages = self.client.get_paginator("describe_security_groups").paginate(
            Filters=[{"Name": "group-name", "Values": [literal(name) for name in names]}]
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
            Filters=[{"Name": "network-interface-id", "Values": list(interface_ids)}], IncludeManagedResources=True
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

    def lists_changing(self, list_ids: Iterable[str]) -> tuple[str, ...]:
        """List those of the prefix lists that EC2 has not finished changing (`DescribeManagedPrefixLists`)."""
        pages = self.client.get_paginator("describe_managed_prefix_lists").paginate(
            Filters=[{"Name": "prefix-list-id", "Values": list(list_ids)}], PaginationConfig={"PageSize": LIST_PAGE}
        )
        with meaning("ec2"):
            described = [found for page in pages for found in page["PrefixLists"]]
        return tuple(found["PrefixListId"] for found in described if found.get("State", "").endswith(IN_PROGRESS))

    def hosts(self, instance_ids: Iterable[str]) -> tuple[Host, ...]:
        """Describe instances that started; those that are gone are left out (`DescribeInstances`)."""
        return tuple(
            Host(instance_id=i["InstanceId"], kind=host_kind(tags_of(i.get("Tags", []))), group_ids=groups_of(i))
            for some in batched(instance_ids, FILTER_VALUES, strict=False)
            for i in self._instances(some)
        )

    def eks_hosts(self, group_id: str, account: str) -> Hosts:
        """Describe who uses the group by an interface: EKS hosts, such as `i-0abc (managed node group workers)`.

        Asks for the group's interfaces, then for their instances' tags, and stops at the first instances that are hosts
        (`DescribeNetworkInterfaces`, `DescribeInstances`). Those of other accounts than `account` cannot be asked for.
        """
        owners = self._instances_in(group_id)
        elsewhere = (f"{i} of account {owner}" for i, owner in owners.items() if owner != account)
        own = (instance for instance, owner in owners.items() if owner == account)
        hosts = (self._hosts_among(some) for some in batched(own, FILTER_VALUES, strict=False))
        return Hosts(ours=next(filter(None, hosts), ()), elsewhere=tuple(elsewhere))

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
                    GroupId=group_id, IpPermissions=[permission_of(rule)], **(tagging if tags else {})
                )
            except ClientError as error:
                if code_of(error) != ALREADY_THERE:
                    raise
                return False
        return True

    def _rule_rows(self, group_ids: Iterable[str]) -> list[SecurityGroupRuleTypeDef]:
        pages = self.client.get_paginator("describe_security_group_rules").paginate(
            Filters=[{"Name": "group-id", "Values": list(group_ids)}], PaginationConfig={"PageSize": PAGE}
        )
        try:
            with meaning("ec2"):
                return [row for page in pages for row in page["SecurityGroupRules"]]
        except GoneError:
            return []

    def _instances_in(self, group_id: str) -> dict[str, str]:
        """List the instances with an interface in the group, and the account of each."""
        pages = self.client.get_paginator("describe_network_interfaces").paginate(
            Filters=[{"Name": "group-id", "Values": [group_id]}],
            IncludeManagedResources=True,  # Auto Mode's hosts too, where the account hides them
            PaginationConfig={"PageSize": PAGE},
        )
        with meaning("ec2"):
            attached = [i.get("Attachment", {}) for page in pages for i in page["NetworkInterfaces"]]
        return {a["InstanceId"]: a.get("InstanceOwnerId", "") for a in attached if a.get("InstanceId")}

    def _hosts_among(self, instance_ids: Iterable[str]) -> tuple[str, ...]:
        return tuple(filter(None, map(host_of, self._instances(instance_ids))))

    def _instances(self, instance_ids: Iterable[str]) -> list[InstanceTypeDef]:
        pages = self.client.get_paginator("describe_instances").paginate(
            Filters=[{"Name": "instance-id", "Values": list(instance_ids)}],
            IncludeManagedResources=True,
            PaginationConfig={"PageSize": PAGE},
        )
        with meaning("ec2"):
            return [i for page in pages for r in page["Reservations"] for i in r["Instances"]]
