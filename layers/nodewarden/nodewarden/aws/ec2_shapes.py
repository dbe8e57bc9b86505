"""EC2's shapes as our values, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nodewarden.security_group.group import Group, host_kind
from nodewarden.security_group.rule import IngressRule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mypy_boto3_ec2.type_defs import (
        InstanceTypeDef,
        IpPermissionOutputTypeDef,
        IpPermissionTypeDef,
        SecurityGroupRuleTypeDef,
        SecurityGroupTypeDef,
        TagTypeDef,
    )


def tags_of(tags: Iterable[TagTypeDef]) -> dict[str, str]:
    """Turn EC2's list of tags into a mapping."""
    return {tag["Key"]: tag["Value"] for tag in tags}


def group_of(group: SecurityGroupTypeDef) -> Group:
    """Read a group (`DescribeSecurityGroups`)."""
    return Group(
        group_id=group["GroupId"],
        name=group["GroupName"],
        owner=group["OwnerId"],
        tags=tags_of(group.get("Tags", [])),
    )


def rules_without_ids(permissions: Iterable[IpPermissionOutputTypeDef]) -> tuple[IngressRule, ...]:
    """Give one rule a source, as the permissions of a group say it."""
    return tuple(
        IngressRule(
            rule_id="",
            protocol=permission["IpProtocol"],
            from_port=permission.get("FromPort"),
            to_port=permission.get("ToPort"),
            source=source,
        )
        for permission in permissions
        for source in _sources(permission)
    )


def _sources(permission: IpPermissionOutputTypeDef) -> Iterator[str]:
    """Give the sources that a policy can object to; a peer group is none."""
    yield from (entry["CidrIp"] for entry in permission.get("IpRanges", []))
    yield from (entry["CidrIpv6"] for entry in permission.get("Ipv6Ranges", []))
    yield from (entry["PrefixListId"] for entry in permission.get("PrefixListIds", []))


def groups_of(instance: InstanceTypeDef) -> tuple[str, ...]:
    """List the ids of the groups that an instance's interfaces are in (`DescribeInstances`)."""
    interfaces = (group for interface in instance.get("NetworkInterfaces", []) for group in interface.get("Groups", []))
    return tuple(dict.fromkeys(g["GroupId"] for g in (*instance.get("SecurityGroups", []), *interfaces)))


def host_of(instance: InstanceTypeDef) -> str | None:
    """Say which EKS host an instance is, such as `i-0abc (managed node group workers)`; None for none."""
    kind = host_kind(tags_of(instance.get("Tags", [])))
    return f"{instance['InstanceId']} ({kind})" if kind else None


def literal(value: str) -> str:
    """Escape what a filter would take for a wildcard."""
    return "".join(f"\\{c}" if c in "*?\\" else c for c in value)


def ingress_rule(row: SecurityGroupRuleTypeDef) -> IngressRule:
    """Read a rule (`DescribeSecurityGroupRules`)."""
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


def permission_of(rule: IngressRule) -> IpPermissionTypeDef:
    """Write a rule as the permission that authorises it (`AuthorizeSecurityGroupIngress`)."""
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
