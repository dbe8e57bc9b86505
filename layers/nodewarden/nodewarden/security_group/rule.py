"""Ingress rules as values, and the geometry of ports and sources."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

type Network = IPv4Network | IPv6Network

EVERY_PROTOCOL = "-1"
PROTOCOLS_WITH_PORTS = frozenset({"tcp", "udp"})
# EC2 answers these names and gives every other protocol as its IANA number.
PROTOCOL_NAMES = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6", "all": EVERY_PROTOCOL}
HIGHEST_PORT = 65535
HIGHEST_PROTOCOL = 255


@dataclass(frozen=True, slots=True)
class PortRange:
    """A range of ports, both ends included.

    >>> PortRange.parse("8000-8100").contains(PortRange.parse("8080"))
    True
    """

    first: int
    last: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `22`, `8000-8100` or `all`; raises ValueError saying what is wrong."""
        match = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", f"0-{HIGHEST_PORT}" if text == "all" else text)
        if match is None:
            message = f"{text!r} is not a port range: give '22', '8000-8100' or 'all'"
            raise ValueError(message)
        ports = cls(int(match[1]), int(match[2] or match[1]))
        if not ports.first <= ports.last <= HIGHEST_PORT:
            message = f"{text!r} is not a port range: the first port must not be above the last, nor the last above {HIGHEST_PORT}"
            raise ValueError(message)
        return ports

    def contains(self, other: Self) -> bool:
        """Tell whether all of `other` lies inside."""
        return self.first <= other.first and other.last <= self.last

    def overlaps(self, other: Self) -> bool:
        """Tell whether any port is in both."""
        return self.first <= other.last and other.first <= self.last

    def __str__(self) -> str:
        if (self.first, self.last) == (0, HIGHEST_PORT):
            return "all"
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def parse_protocol(text: str) -> str:
    """Give the protocol as EC2 writes it (`tcp`, `icmpv6`, `-1`, `50`); raises ValueError.

    >>> parse_protocol("6")
    'tcp'
    """
    protocol = PROTOCOL_NAMES.get(text.lower(), text.lower())
    if protocol in PROTOCOL_NAMES.values() or (
        re.fullmatch("0|[1-9][0-9]{0,2}", protocol) and int(protocol) <= HIGHEST_PROTOCOL
    ):
        return protocol
    message = f"{text!r} is not a protocol: give 'tcp', 'udp', 'icmp', 'icmpv6', 'all' or an IANA number"
    raise ValueError(message)


def parse_source(text: str) -> Network | None:
    """Give the network of a CIDR block, or None for what is not one (a prefix list, a peer group)."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def contains_network(outer: Network, inner: Network) -> bool:
    """Tell whether `inner` lies inside `outer`; networks of different families never do."""
    if isinstance(outer, IPv4Network) and isinstance(inner, IPv4Network):
        return inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and isinstance(inner, IPv6Network) and inner.subnet_of(outer)


@dataclass(frozen=True, kw_only=True)
class IngressRule:
    """One ingress rule: one row of `DescribeSecurityGroupRules`, so one source.

    `source` is a CIDR block, a prefix list id (`pl-…`) or a peer group id (`sg-…`). For tcp and udp `from_port` and
    `to_port` are ports; for icmp and icmpv6 they are type and code, -1 for all; for other protocols EC2 sends none.
    """

    rule_id: str
    protocol: str
    from_port: int | None
    to_port: int | None
    source: str
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)

    @cached_property
    def network(self) -> Network | None:
        """The source as a network; None for prefix lists and peer groups."""
        return parse_source(self.source)

    @property
    def ports(self) -> PortRange | None:
        """The ports that the rule opens, or None where its protocol has none. All of them where EC2 names none."""
        if self.protocol == EVERY_PROTOCOL:
            return PortRange(0, HIGHEST_PORT)
        if self.protocol not in PROTOCOLS_WITH_PORTS:
            return None
        if self.from_port is None or self.to_port is None or self.from_port < 0 or self.to_port < self.from_port:
            return PortRange(0, HIGHEST_PORT)
        return PortRange(self.from_port, self.to_port)

    @property
    def opens(self) -> tuple[str, int | None, int | None, str]:
        """What the rule lets in: equal for two rules that let in the same, whatever their ids and descriptions."""
        return (self.protocol, self.from_port, self.to_port, self.source)

    def __str__(self) -> str:
        if self.protocol == EVERY_PROTOCOL:
            return f"everything from {self.source}"
        if self.ports is not None:
            return f"{self.protocol}/{self.ports} from {self.source}"
        icmp = self.protocol in {"icmp", "icmpv6"} and self.from_port not in {None, -1}
        return f"{self.protocol}{f' type {self.from_port}' if icmp else ''} from {self.source}"
