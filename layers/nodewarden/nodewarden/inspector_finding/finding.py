"""What Inspector says of hosts, as values. Words are Inspector's own (`inspector2`, `Finding` and `ScanStatus`)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from nodewarden.security_group.rule import EVERY_PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from nodewarden.security_group.rule import IngressRule, PortRange


class Kind(StrEnum):
    """What a finding is about; OTHER is any type that is not known here: written down, and nothing more."""

    PACKAGE = "PACKAGE_VULNERABILITY"
    NETWORK = "NETWORK_REACHABILITY"
    CODE = "CODE_VULNERABILITY"
    OTHER = "OTHER"


class Severity(StrEnum):
    """How severe Inspector says it is; what it does not say, or says in a word not known here, is UNTRIAGED."""

    UNTRIAGED = "UNTRIAGED"
    INFORMATIONAL = "INFORMATIONAL"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


class Status(StrEnum):
    """How a finding stands."""

    ACTIVE = "ACTIVE"
    SUPPRESSED = "SUPPRESSED"
    CLOSED = "CLOSED"


class Fix(StrEnum):
    """Whether the package has a fix: this does not say that an AMI carries it. NO where Inspector does not say."""

    YES = "YES"
    NO = "NO"
    PARTIAL = "PARTIAL"


class Exploit(StrEnum):
    """Whether an exploit is public. NO where Inspector does not say."""

    YES = "YES"
    NO = "NO"


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """What the policy goes by.

    `cve` is the vulnerability's id, such as `CVE-2024-29069`, empty where there is none. `score` is Inspector's, 0 to 10,
    `epss` the probability, 0 to 1, that it is exploited within 30 days; None where Inspector does not say.
    """

    cve: str
    severity: Severity
    score: float | None = None
    epss: float | None = None
    exploit_available: Exploit = Exploit.NO
    fix_available: Fix = Fix.NO


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package with a vulnerability; `fixed_in` is empty where no version has the fix."""

    name: str
    version: str
    fixed_in: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPath:
    """How a host is reached: the security groups and interfaces on the way, and what is open at its end."""

    group_ids: tuple[str, ...]
    interface_ids: tuple[str, ...]
    protocol: str
    ports: PortRange | None

    @property
    def opens(self) -> str:
        """What is open, such as `TCP/22`."""
        return f"{self.protocol}/{self.ports or 'all'}"

    def is_let_in_by(self, rule: IngressRule) -> bool:
        """Tell whether a rule lets in any of what is open."""
        same = rule.protocol in {EVERY_PROTOCOL, self.protocol.lower()}
        return same and (self.ports is None or rule.ports is None or rule.ports.overlaps(self.ports))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A finding about an EC2 instance. All texts are bounded, one line each.

    `account` and `region` are the instance's, whoever was told of the finding: so the administrator's copy and the
    member's are equal. `image_id` is empty, and `tags` is None, where the event does not say.
    """

    arn: str
    account: str
    region: str
    kind: Kind
    status: Status
    title: str
    risk: Risk
    instance_id: str
    image_id: str
    tags: Mapping[str, str] | None
    first_observed_at: datetime | None
    last_observed_at: datetime | None
    updated_at: datetime
    packages: tuple[Package, ...] = ()
    path: NetworkPath | None = None

    @property
    def dedupe_key(self) -> tuple[str, Status]:
        """What makes two deliveries the same news."""
        return (self.arn, self.status)

    @property
    def about(self) -> str:
        """What it is about, in a word: the CVE, or what is open."""
        return self.path.opens if self.path else self.risk.cve or self.title or self.kind.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Whether Inspector scans instances; `reason` is its `ScanStatusReason`, `scan` the type, such as PACKAGE."""

    account: str
    region: str
    instance_ids: tuple[str, ...]
    scan: str
    active: bool
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAHost:
    """An event about something that is no EC2 instance of AWS: `what` says what, such as `AWS_LAMBDA_FUNCTION`."""

    what: str
