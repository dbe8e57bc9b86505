"""`Inspector2 Finding` and `Inspector2 Coverage`, as EventBridge delivers them: which host, and what is said of it.

Every field can be missing, null or of another type (shapes: Inspector user guide, "EventBridge event schema"). What is
about something else than a host is a value, as it may come in numbers; what cannot be understood is an EventError.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from nodewarden.errors import EventError
from nodewarden.inspector_finding.finding import (
    Coverage,
    Exploit,
    Finding,
    Fix,
    Kind,
    NetworkPath,
    NotAHost,
    Package,
    Risk,
    Severity,
    Status,
)
from nodewarden.inspector_finding.moment import parse_moment
from nodewarden.security_group.event import (
    ACCOUNT,
    GROUP_ID,
    INSTANCE_ID,
    INTERFACE_ID,
    REGION,
    at,
    line,
    place,
)
from nodewarden.security_group.rule import HIGHEST_PORT, PortRange

if TYPE_CHECKING:
    from datetime import datetime

SOURCE = "aws.inspector2"  # scans of images on demand have another: `inspector2.ami.ondemand`
FINDING, COVERAGE = "Inspector2 Finding", "Inspector2 Coverage"
HOST, AWS = "AWS_EC2_INSTANCE", "AWS"
ARN = re.compile(r"arn:aws[a-z-]{0,20}:inspector2:[a-z0-9-]{1,30}:[0-9]{12}:finding/[0-9A-Za-z-]{1,64}")
IMAGE_ID = re.compile(r"ami-[0-9a-f]{8,17}")
VULNERABILITY = re.compile(r"[0-9A-Za-z][0-9A-Za-z:._-]{0,63}")
MOST_PACKAGES, MOST_STEPS, MOST_TAGS = 10, 30, 100
MOST_INSTANCES = 10_000  # more than an event of at most 256 KB holds
MOST_ELSEWHERE = 10  # resources that are looked through for a host; Inspector sends up to ten
HIGHEST_SCORE = 10.0
SKEW = timedelta(hours=1)  # that Inspector's clock may be before EventBridge's
DIGITS = 6  # of a score after the point: DynamoDB takes 38 in all, and nothing smaller than 1E-130


def parse(event: Mapping[str, Any]) -> Finding | Coverage | NotAHost:
    """Read an event; raises EventError where it does not hold what its kind must hold."""
    account, region = place(event)
    if event.get("source") != SOURCE:
        return NotAHost(what=f"an event of {line(event.get('source')) or 'no source'}")
    match event.get("detail-type"):
        case str(kind) if kind == FINDING:
            return _finding(event, account, region)
        case str(kind) if kind == COVERAGE:
            return _coverage(event, account, region)
        case kind:
            return NotAHost(what=f"an event of type {line(kind) or 'none'}")


def _finding(event: Mapping[str, Any], account: str, region: str) -> Finding | NotAHost:
    detail = event.get("detail")
    resources = _some(at(detail, "resources"), MOST_ELSEWHERE)
    host = next((r for r in resources if at(r, "type") == HOST and _of_aws(at(r, "provider"))), None)
    if host is None:
        return NotAHost(what=_elsewhere(event, resources))
    updated_at = _moment(event, at(detail, "updatedAt"))
    if updated_at is None:
        raise _wrong(event, "says neither when it was updated nor when it was sent")
    kind = _word(Kind, at(detail, "type"), Kind.OTHER)
    return Finding(
        arn=_matched(event, ARN, at(detail, "findingArn"), "the ARN of a finding"),
        account=_first(ACCOUNT, at(detail, "awsAccountId"), at(host, "providerAccountId"), account),
        region=_first(REGION, at(host, "region"), region),
        kind=kind,
        status=_status(event, at(detail, "status")),
        title=line(at(detail, "title")),
        risk=_risk(detail),
        instance_id=_matched(event, INSTANCE_ID, at(host, "id"), "the id of an instance"),
        image_id=_first(IMAGE_ID, at(host, "details", "awsEc2Instance", "imageId"), ""),
        tags=_tags(at(host, "tags")),
        first_observed_at=parse_moment(at(detail, "firstObservedAt")),
        last_observed_at=parse_moment(at(detail, "lastObservedAt")),
        updated_at=updated_at,
        packages=tuple(_packages(at(detail, "packageVulnerabilityDetails", "vulnerablePackages"))),
        path=_path(at(detail, "networkReachabilityDetails")) if kind is Kind.NETWORK else None,
    )


def _coverage(event: Mapping[str, Any], account: str, region: str) -> Coverage | NotAHost:
    detail, resources = event.get("detail"), _some(event.get("resources"), MOST_INSTANCES)
    instances = tuple(dict.fromkeys(r for r in resources if isinstance(r, str) and INSTANCE_ID.fullmatch(r)))
    if not instances or not _of_aws(at(detail, "provider")):
        return NotAHost(what=f"the coverage of {line(next(iter(resources), '')) or 'nothing'}")
    status = at(detail, "scanStatus", "statusCodeValue")
    if status != "ACTIVE" and status != "INACTIVE":  # noqa: PLR1714  # a set takes no list, which it may be
        raise _wrong(event, f"says {line(status)!r} of the scan, neither ACTIVE nor INACTIVE")
    moment = _moment(event, at(detail, "eventTimestamp"))
    if moment is None:
        raise _wrong(event, "does not say when")
    return Coverage(
        account=_first(ACCOUNT, at(detail, "providerAccountId"), account),
        region=_first(REGION, at(detail, "providerRegion"), region),
        instance_ids=instances,
        scan=line(at(detail, "scanType"))[:64] or "all",
        active=status == "ACTIVE",
        reason=line(at(detail, "scanStatus", "reason"))[:64] or "no reason given",
        at=moment,
    )


def _moment(event: Mapping[str, Any], value: object) -> datetime | None:
    """Read when something was so: where that is long after the event was sent, then, else it is the last word for good."""
    said, sent = parse_moment(value), parse_moment(event.get("time"))
    if said is None or sent is None:
        return said or sent
    return said if said - sent <= SKEW else sent


def _of_aws(provider: object) -> bool:
    """Tell whether it is a resource of AWS: events did not name the provider before there were others."""
    return provider is None or provider == AWS


def _elsewhere(event: Mapping[str, Any], resources: tuple[object, ...]) -> str:
    if not resources:
        raise _wrong(event, "names no resource")
    kind, provider = line(at(resources[0], "type")), line(at(resources[0], "provider"))
    return f"{kind or 'a resource of no type'}{f' of {provider}' if provider not in {'', AWS} else ''}"


def _risk(detail: object) -> Risk:
    return Risk(
        cve=_first(VULNERABILITY, at(detail, "packageVulnerabilityDetails", "vulnerabilityId"), ""),
        severity=_word(Severity, at(detail, "severity"), Severity.UNTRIAGED),
        score=_number(at(detail, "inspectorScore"), HIGHEST_SCORE),
        epss=_number(at(detail, "epss", "score"), 1.0),
        exploit_available=_word(Exploit, at(detail, "exploitAvailable"), Exploit.NO),
        fix_available=_word(Fix, at(detail, "fixAvailable"), Fix.NO),
    )


def _packages(value: object) -> Iterator[Package]:
    for package in _some(value, MOST_PACKAGES):
        yield Package(
            name=line(at(package, "name")),
            version=line(at(package, "version")),
            fixed_in=line(at(package, "fixedInVersion")),
        )


def _path(details: object) -> NetworkPath:
    named = tuple(at(step, "componentId") for step in _some(at(details, "networkPath", "steps"), MOST_STEPS))
    return NetworkPath(
        group_ids=_ids(GROUP_ID, named),
        interface_ids=_ids(INTERFACE_ID, named),
        protocol=line(at(details, "protocol"))[:16] or "any",
        ports=_ports(at(details, "openPortRange", "begin"), at(details, "openPortRange", "end")),
    )


def _ports(begin: object, end: object) -> PortRange | None:
    if not (isinstance(begin, int) and isinstance(end, int)) or not 0 <= begin <= end <= HIGHEST_PORT:
        return None
    return PortRange(int(begin), int(end))


def _tags(value: object) -> Mapping[str, str] | None:
    """Give the instance's tags; None where the event has none, which does not say that the instance has none."""
    if not isinstance(value, Mapping):
        return None
    return {line(key): line(text) for key, text in [*value.items()][:MOST_TAGS]} or None


def _some(value: object, most: int) -> tuple[object, ...]:
    return tuple(value[:most]) if isinstance(value, list) else ()


def _ids(pattern: re.Pattern[str], candidates: tuple[object, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(c for c in candidates if isinstance(c, str) and pattern.fullmatch(c)))


def _first(pattern: re.Pattern[str], *candidates: object) -> str:
    """Give the first candidate that matches; the last one stands where none does."""
    return next((c for c in candidates if isinstance(c, str) and pattern.fullmatch(c)), str(candidates[-1]))


def _word[W: StrEnum](words: type[W], value: object, otherwise: W) -> W:
    return next((word for word in words if word == value), otherwise)


def _number(value: object, most: float) -> float | None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    return round(float(value), DIGITS) if 0 <= value <= most else None


def _status(event: Mapping[str, Any], value: object) -> Status:
    if isinstance(value, str) and value in set(Status):
        return Status(value)
    raise _wrong(event, f"has the status {line(value)!r}, none of {', '.join(Status)}")


def _matched(event: Mapping[str, Any], pattern: re.Pattern[str], value: object, what: str) -> str:
    if isinstance(value, str) and pattern.fullmatch(value):
        return value
    raise _wrong(event, f"names {line(value)!r}, which is not {what}")


def _wrong(event: Mapping[str, Any], what: str) -> EventError:
    return EventError(f"the event {line(event.get('id'))} of Inspector {what}: look at it in the failures queue")
