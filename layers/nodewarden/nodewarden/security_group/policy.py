"""The policy of `security_group.toml`: which rules offend, which groups are ours, what is left alone."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import ip_network
from typing import TYPE_CHECKING

from nodewarden.security_group.rule import (
    EVERY_PROTOCOL,
    PROTOCOLS_WITH_PORTS,
    IngressRule,
    Network,
    PortRange,
    contains_network,
    parse_protocol,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from nodewarden.security_group.group import Group, PrefixList
    from nodewarden.table import Table

EKS_HOSTS = "eks-hosts"
ALL = "all"
CLOSE = "close"
STOP = "stop"
NEVER_OFFEND = "never-offend"
JUDGED = "judged"
PREFIX_LIST = "pl-"
AWS = "AWS"  # the owner that EC2 names for its own prefix lists (`DescribeManagedPrefixLists`)
NO_LISTS: Mapping[str, PrefixList] = {}

# Whoever opens a port can also write the description that a controller would: these are never left to one.
NEVER_A_CONTROLLERS = tuple(PortRange(port, port) for port in (22, 3389, 10250))


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A protocol and the ports of it that a setting is about; `ports` is None where the protocol has none."""

    protocol: str
    ports: PortRange | None

    def contains(self, rule: IngressRule) -> bool:
        """Tell whether the whole of what `rule` opens lies inside."""
        if rule.protocol != self.protocol:
            return False
        return self.ports is None or (rule.ports is not None and self.ports.contains(rule.ports))


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """Something that may be open to the internet."""

    opening: Opening
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """Rules that a Kubernetes controller owns: revoking them starts a fight, an annotation ends it."""

    description: str
    opening: Opening
    annotation: str

    def owns(self, rule: IngressRule) -> bool:
        """Tell whether `rule` is the controller's, by description and ports together."""
        if rule.protocol == EVERY_PROTOCOL or not fnmatchcase(rule.description, self.description):
            return False
        risky = rule.ports is not None and any(rule.ports.overlaps(port) for port in NEVER_A_CONTROLLERS)
        return not risky and self.opening.contains(rule)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exempt:
    """A standing exemption: by the group's name or a tag of it, so that it survives a recreated group."""

    name: str
    tag: tuple[str, str] | None
    opening: Opening | None
    reason: str
    until: datetime | None

    def covers(self, group: Group, rule: IngressRule, now: datetime) -> bool:
        """Tell whether `rule` of `group` is exempt at `now`."""
        return (
            (self.until is None or now < self.until)
            and fnmatchcase(group.name, self.name)
            and (self.tag is None or (self.tag[0] in group.tags and fnmatchcase(group.tags[self.tag[0]], self.tag[1])))
            and (self.opening is None or self.opening.contains(rule))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityGroupPolicy:
    """What `security_group.toml` says; `breaker_groups_an_hour` counts per account."""

    scope: str
    widest_ipv4: int
    widest_ipv6: int
    never: tuple[Network, ...]
    aws_prefix_lists: str
    breaker_groups_an_hour: int
    flapping_times_a_day: int
    on_flapping: str
    allowed: tuple[Allowed, ...]
    controllers: tuple[Controller, ...]
    exempt: tuple[Exempt, ...]

    def offending(
        self, rules: Iterable[IngressRule], lists: Mapping[str, PrefixList] = NO_LISTS
    ) -> tuple[IngressRule, ...]:
        """Give the rules that open a group to the internet: source first, then protocol and ports.

        `lists` are the prefix lists with something too wide in them, by id.
        """
        return tuple(rule for rule in rules if self._from_too_far(rule, lists) and not self.lets_through(rule))

    def is_suspicious(self, rules: Iterable[IngressRule]) -> bool:
        """Tell whether the rules may open a group: one of them does, or names a prefix list that may."""
        rules = tuple(rules)
        return bool(self.offending(rules) or self.lists_to_look_into(rules))

    def lists_to_look_into(self, rules: Iterable[IngressRule]) -> tuple[str, ...]:
        """Give the ids of the prefix lists that decide whether a rule offends."""
        ids = (rule.source for rule in rules if rule.source.startswith(PREFIX_LIST) and not self.lets_through(rule))
        return tuple(dict.fromkeys(ids))

    def _from_too_far(self, rule: IngressRule, lists: Mapping[str, PrefixList]) -> bool:
        if rule.network is not None:
            return self.too_wide(rule.network)
        found = lists.get(rule.source)
        return found is not None and (found.owner != AWS or self.aws_prefix_lists == JUDGED)

    def too_wide(self, network: Network) -> bool:
        """Tell whether a source is wider than the policy bears, and none that never offends."""
        if any(contains_network(never, network) for never in self.never):
            return False
        return network.prefixlen < (self.widest_ipv4 if network.version == 4 else self.widest_ipv6)  # noqa: PLR2004 IPv4

    def lets_through(self, rule: IngressRule) -> bool:
        """Tell whether all that the rule opens lies inside one allowed opening; a rule is never split."""
        return any(allowed.opening.contains(rule) for allowed in self.allowed)

    def controller_of(self, rule: IngressRule) -> Controller | None:
        """Find the controller that `rule` is left to."""
        return next((controller for controller in self.controllers if controller.owns(rule)), None)

    def exemption_of(self, group: Group, rule: IngressRule, now: datetime) -> Exempt | None:
        """Find the standing exemption that covers `rule` of `group`."""
        return next((exempt for exempt in self.exempt if exempt.covers(group, rule, now)), None)


def read(table: Table) -> SecurityGroupPolicy:
    """Check `security_group.toml` and give its policy; raises PolicyError naming the key's path."""
    policy = SecurityGroupPolicy(
        scope=table.choice("scope", (EKS_HOSTS, ALL)),
        widest_ipv4=table.number("widest_ipv4", at_least=1, at_most=32),
        widest_ipv6=table.number("widest_ipv6", at_least=1, at_most=128),
        never=table.array("never", ip_network),
        aws_prefix_lists=table.choice("aws_prefix_lists", (NEVER_OFFEND, JUDGED), NEVER_OFFEND),
        breaker_groups_an_hour=table.number("breaker_groups_an_hour", at_least=1, at_most=1000, default=20),
        flapping_times_a_day=table.number("flapping_times_a_day", at_least=2, at_most=100, default=3),
        on_flapping=table.choice("on_flapping", (CLOSE, STOP), CLOSE),
        allowed=tuple(_allowed(entry) for entry in table.tables("allowed")),
        controllers=tuple(_controller(entry) for entry in table.tables("controller")),
        exempt=tuple(_exempt(entry) for entry in table.tables("exempt")),
    )
    table.tables("case")  # the cases are the tests', not the service's
    table.done()
    return policy


def _allowed(table: Table) -> Allowed:
    allowed = Allowed(opening=_opening(table), reason=table.text("reason"))
    table.done()
    return allowed


def _controller(table: Table) -> Controller:
    controller = Controller(
        description=table.text("description"), opening=_opening(table), annotation=table.text("annotation")
    )
    table.done()
    return controller


def _exempt(table: Table) -> Exempt:
    if "name" not in table and "tag" not in table:
        msg = "name"
        raise table.wrong(msg, "is missing: an exemption names a group, a tag, or both")
    exempt = Exempt(
        name=table.text("name", "*"),
        tag=_tag(table.table("tag")) if "tag" in table else None,
        opening=_opening(table) if "protocol" in table else None,
        reason=table.text("reason"),
        until=table.moment("until"),
    )
    table.done()
    return exempt


def _tag(table: Table) -> tuple[str, str]:
    tag = (table.text("key"), table.text("value", "*"))
    table.done()
    return tag


def _opening(table: Table) -> Opening:
    protocol = table.parsed("protocol", parse_protocol)
    if protocol == EVERY_PROTOCOL:
        msg = "protocol"
        raise table.wrong(msg, "must be one protocol: 'all' would let everything through")
    if protocol not in PROTOCOLS_WITH_PORTS:
        if "ports" in table:
            msg = "ports"
            raise table.wrong(msg, f"must not be given: {protocol} has no ports")
        return Opening(protocol=protocol, ports=None)
    return Opening(protocol=protocol, ports=table.parsed("ports", PortRange.parse))
