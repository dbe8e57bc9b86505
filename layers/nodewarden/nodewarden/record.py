"""What the ledger remembers, as values: remediations, exemptions, pauses."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from nodewarden.security_group.rule import (
    PROTOCOLS_WITH_PORTS,
    IngressRule,
    PortRange,
    contains_network,
    parse_source,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from nodewarden.security_group.event import Cause


class Outcome(StrEnum):
    """How a remediation stands. Its value is what people and the ledger read."""

    BEGUN = "begun"  # written before EC2 is called; a retry finishes it
    REVOKED = "revoked"  # closed by us, and verified
    PARTIAL = "partial"  # EC2 still shows a rule after the revoke
    GONE = "gone"  # closed by somebody else, or no longer open
    OBSERVED = "observed"  # would be revoked if the mode were enforce
    EXEMPT = "exempt"
    LEFT_TO_CONTROLLER = "left-to-controller"
    PAUSED = "paused"
    OWNED_ELSEWHERE = "owned-elsewhere"  # the group, or the host that uses it, belongs to another account
    HELD = "held"  # by the breaker, until its hour is over
    FLAPPING = "flapping"  # opened again and again, and the policy says to stop closing it
    SUPERSEDED = "superseded"  # its rules are accounted for by another remediation
    UNDONE = "undone"


UNFINISHED = frozenset({Outcome.BEGUN, Outcome.PARTIAL})
# Judged again each time somebody looks, and told when it changes.
STANDING = frozenset(
    {
        Outcome.OBSERVED,
        Outcome.EXEMPT,
        Outcome.LEFT_TO_CONTROLLER,
        Outcome.PAUSED,
        Outcome.OWNED_ELSEWHERE,
        Outcome.HELD,
        Outcome.FLAPPING,
    }
)
FINAL = frozenset(Outcome) - UNFINISHED - STANDING
# A rule can be open again under its old id: modified in place and back, or exempt and no longer. Only a revoked id is gone.
BEGINNABLE = frozenset(Outcome) - UNFINISHED - {Outcome.REVOKED}


# How long before an exemption ends people hear of it; one that is no longer than this ends without.
WARN_BEFORE = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A security group of an account and region."""

    account: str
    region: str
    group_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """Who had a remediation undone, why, and until when its rules stay exempt.

    `token` is that of the request, "" where it had none: the same request again changes nothing.
    """

    by: str
    reason: str
    until: datetime
    token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remediation:
    """A set of rules of one group and what became of them; `rules` is their state before.

    `version` counts the changes of `outcome`, `tries` the runs that set out to revoke. `remaining` are the ids of rules
    that EC2 still shows after the revoke, `already_gone` of those that vanished before it. `closings` counts how often
    the same was closed within a day, this time included, where that is flapping and people have not heard of it yet; then
    `reopened_by` says who opened it each time, and by what. `run` names the sweep that brought the outcome about, "" for
    anything else: a sweep tells of all that it did at once.
    """

    remediation_id: str
    place: Place
    group_name: str
    group_tags: dict[str, str]
    outcome: Outcome
    rules: tuple[IngressRule, ...]
    why: str
    hosts: tuple[str, ...] = ()
    cause: Cause | None = None
    version: int = 0
    tries: int = 0
    changed_at: datetime | None = None
    remaining: tuple[str, ...] = ()
    already_gone: tuple[str, ...] = ()
    undone: Undone | None = None
    reopens: str = ""
    closings: int = 0
    reopened_by: tuple[str, ...] = ()
    run: str = ""

    @property
    def announced(self) -> bool:
        """Whether an event told of the opening: somebody opened it, or a host started, while Nodewarden watched."""
        return self.cause is not None and bool(self.cause.event_name)

    @property
    def rule_ids(self) -> tuple[str, ...]:
        """The ids of the rules."""
        return tuple(rule.rule_id for rule in self.rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """A person's word that rules of one group stay open until a moment.

    `from_port` and `to_port` are as in an ingress rule; both None stands for all ports, or all of a protocol without
    ports. `reopens` names the remediation that an undo made it for, `warned` says whether people heard that it ends,
    `token` is as in `Undone`.
    """

    exemption_id: str
    place: Place
    protocol: str
    from_port: int | None
    to_port: int | None
    source: str
    until: datetime
    reason: str
    by: str
    reopens: str = ""
    granted_at: datetime | None = None
    warned: bool = False
    token: str = ""

    @property
    def what(self) -> str:
        """What is exempt, in words."""
        if self.from_port is None:
            return f"{self.protocol}, all ports, from {self.source}"
        ports = f"{self.from_port}" if self.from_port == self.to_port else f"{self.from_port}-{self.to_port}"
        return f"{self.protocol}/{ports} from {self.source}"

    def covers(self, rule: IngressRule, now: datetime) -> bool:
        """Tell whether `rule` (of the same group) is exempt at `now`."""
        return now < self.until and self.is_about(rule)

    def is_about(self, rule: IngressRule) -> bool:
        """Tell whether `rule` (of the same group) is exempt at some time: same protocol, ports and source inside."""
        return rule.protocol == self.protocol and self._ports_cover(rule) and self._source_covers(rule)

    def _ports_cover(self, rule: IngressRule) -> bool:
        if (self.from_port, self.to_port) in {(None, None), (rule.from_port, rule.to_port)}:
            return True
        if self.protocol not in PROTOCOLS_WITH_PORTS or self.from_port is None or self.to_port is None:
            return False
        return rule.ports is not None and PortRange(self.from_port, self.to_port).contains(rule.ports)

    def _source_covers(self, rule: IngressRule) -> bool:
        ours, theirs = parse_source(self.source), rule.network
        if ours is None or theirs is None:
            return self.source == rule.source
        return contains_network(ours, theirs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A person's word that nothing is revoked, of one group, or at all where `place` is None."""

    place: Place | None
    paused: bool
    by: str
    reason: str
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """A person's word that the breaker lets everything of an account through for what is left of its hour."""

    account: str
    by: str
    reason: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """All that the ledger holds about one group."""

    remediations: tuple[Remediation, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    pause: Pause | None = None


def remediation_id(place: Place, rule_ids: Iterable[str]) -> str:
    """Name the remediation of these rules: the group, so that it can be found, and a hash, so that a retry meets it.

    Rule ids never come back, so the same id is the same work.
    """
    text = "|".join([place.account, place.region, place.group_id, *sorted(rule_ids)])
    return f"{place.group_id}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def stamp(moment: datetime) -> str:
    """Write a moment so that text order is time order: `2026-11-24T01:02:03.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
