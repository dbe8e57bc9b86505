"""Values that the tests of the core are about, each with what a test does not care to say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from nodewarden.record import Entries, Exemption, Outcome, Pause, Place, Remediation, remediation_id
from nodewarden.security_group import policy as security_group_policy
from nodewarden.security_group.group import Group
from nodewarden.security_group.rule import IngressRule, PortRange, parse_protocol
from nodewarden.security_group.verdict import NO_ENTRIES, Look
from nodewarden.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nodewarden.message.message import Message
    from nodewarden.security_group.group import PrefixList
    from nodewarden.security_group.policy import SecurityGroupPolicy

ACCOUNT = "111122223333"
OTHER_ACCOUNT = "444455556666"
REGION = "eu-central-1"
GROUP_ID = "sg-0123456789abcdef0"
PLACE = Place(account=ACCOUNT, region=REGION, group_id=GROUP_ID)
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANYWHERE = "0.0.0.0/0"
NO_LISTS: Mapping[str, PrefixList] = MappingProxyType({})

CLIENT_RULES = {
    "description": "kubernetes.io/rule/nlb/client=*",
    "protocol": "tcp",
    "ports": "all",
    "annotation": "service.beta.kubernetes.io/load-balancer-source-ranges",
}
SETTINGS: dict[str, object] = {
    "scope": "eks-hosts",
    "widest_ipv4": 8,
    "widest_ipv6": 16,
    "never": ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "fe80::/10"],
    "allowed": [{"protocol": "tcp", "ports": "443", "reason": "TLS ends on the hosts"}],
    "controller": [CLIENT_RULES],
    "exempt": [],
}


def policy(**settings: object) -> SecurityGroupPolicy:
    """Read the settings above, with some replaced."""
    return security_group_policy.read(Table("builders.toml: ", {**SETTINGS, **settings}))


def rule(
    protocol: str = "tcp", ports: str = "22", source: str = ANYWHERE, *, number: int = 1, description: str = ""
) -> IngressRule:
    """Give an ingress rule; no `ports` are what EC2 answers for a protocol that has none."""
    opened = PortRange.parse(ports) if ports else PortRange(-1, -1)
    return IngressRule(
        rule_id=f"sgr-{number:017x}",
        protocol=parse_protocol(protocol),
        from_port=opened.first,
        to_port=opened.last,
        source=source,
        description=description,
    )


def group(
    name: str = "eks-cluster-sg-demo-1234567890", tags: Mapping[str, str] | None = None, owner: str = ACCOUNT
) -> Group:
    """Give a security group: the one that EKS makes for a cluster."""
    tags = {"aws:eks:cluster-name": "demo"} if tags is None else tags
    return Group(group_id=GROUP_ID, name=name, owner=owner, tags=dict(tags))


def remediation(outcome: Outcome, *rules: IngressRule, version: int = 1, changed_at: datetime = NOW) -> Remediation:
    """Give the ledger's record about these rules."""
    return Remediation(
        remediation_id=remediation_id(PLACE, (rule.rule_id for rule in rules)),
        place=PLACE,
        group_name="eks-cluster-sg-demo-1234567890",
        group_tags={},
        outcome=outcome,
        rules=rules,
        why="open to the internet",
        version=version,
        changed_at=changed_at,
    )


def exemption(
    protocol: str = "tcp", ports: str = "22", source: str = ANYWHERE, *, until: datetime = NOW + HOUR, reopens: str = ""
) -> Exemption:
    """Give a person's exemption; no `ports` stand for all of them."""
    opened = PortRange.parse(ports) if ports else None
    return Exemption(
        exemption_id="0123456789ab",
        place=PLACE,
        protocol=parse_protocol(protocol),
        from_port=opened.first if opened else None,
        to_port=opened.last if opened else None,
        source=source,
        until=until,
        reason="a demo",
        by="alice",
        reopens=reopens,
    )


def pause(*, paused: bool = True) -> Pause:
    """Give a pause, or the end of one."""
    return Pause(place=None, paused=paused, by="bob", reason="a migration", changed_at=NOW)


def look(
    *rules: IngressRule,
    group: Group | None,
    lists: Mapping[str, PrefixList] = NO_LISTS,
    hosts: tuple[str, ...] = (),
    entries: Entries = NO_ENTRIES,
) -> Look:
    """Give a look at the group; `lists` are the prefix lists that were read, by id."""
    return Look(place=PLACE, rules=rules, group=group, lists=lists, hosts=hosts, entries=entries)


def lines(message: Message) -> list[str]:
    """Give each line of a message with its title, as it is before it is laid out for a phone."""
    sections = ((title, [words] if isinstance(words, str) else words) for title, words in message.sections)
    return [f"{title}: {line}" for title, words in sections for line in words if line]
