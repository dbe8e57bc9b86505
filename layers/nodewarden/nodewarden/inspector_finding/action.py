"""What may follow from findings, as values: what is done, what is written down, and what people are told."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from nodewarden.inspector_finding.incident import State
from nodewarden.inspector_finding.scan import advice_on

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from nodewarden.inspector_finding.incident import Change, Incident
    from nodewarden.inspector_finding.merge import Record
    from nodewarden.node_group import NodeGroupKey, Target

MOST_NAMED = 20  # vulnerabilities that are named; the incident has them all


@dataclass(frozen=True, slots=True)
class JudgeGroups:
    """Judge the security groups on the way to a host, and those of its interfaces where the way names no group."""

    group_ids: tuple[str, ...]
    interface_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestUrgent:
    """Ask for an urgent rollout of a node group, put once under `request_id`, however many incidents ask.

    `hastens` is the rollout that the group is in already, planned and not urgent; empty where it is in none.
    """

    request_id: str
    node_group: NodeGroupKey
    target: Target
    cves: tuple[str, ...]
    hastens: str


@dataclass(frozen=True, slots=True)
class RecordFinding:
    """Write down the newest word about a finding."""

    record: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class TellRequested:
    """An urgent rollout to `release_version` is asked for."""

    release_version: str
    cves: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRollout:
    """A rollout that goes on already takes the node group to `release_version`: no second one is asked for."""

    rollout_id: str
    release_version: str
    cves: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitForAmi:
    """The node group runs `release_version`, and waits for the next."""

    release_version: str
    reason: str
    cves: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TellNotRolled:
    """Nothing is rolled: why, and what a person can do."""

    reason: str
    advice: str
    cves: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TellNotFixed:
    """Findings are still active, long after the roll to `release_version`."""

    release_version: str
    reason: str
    advice: str
    cves: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TellNotToBlame:
    """Hosts can be reached, and no rule of their security groups offends."""

    opens: tuple[str, ...]
    reason: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TellNotScanned:
    """Inspector does not scan hosts, for a reason of its own."""

    reason: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """Nothing urgent is open any more; `took` is how long it was, since Inspector saw the first."""

    took: timedelta
    reason: str
    cves: tuple[str, ...]


type Telling = (
    TellRequested | JoinRollout | WaitForAmi | TellNotRolled | TellNotFixed | TellNotToBlame | TellNotScanned | Close
)
type Action = JudgeGroups | RequestUrgent | RecordFinding | Telling


def named(abouts: Iterable[str]) -> tuple[str, ...]:
    """Name some of them, in order."""
    return tuple(sorted(abouts)[:MOST_NAMED])


def request_id(node_group: NodeGroupKey, release_version: str) -> str:
    """Name the one request for a node group and a release."""
    key = node_group
    text = f"{key.account}|{key.region}|{key.cluster}|{key.name}|{release_version}"
    return f"urgent-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def tellings(incident: Incident) -> tuple[Telling, ...]:
    """Give what the latest write of an incident is to tell: the same for whoever wrote it and whoever reads it."""
    return tuple(_telling(incident, change) for change in incident.news)


def _telling(incident: Incident, change: Change) -> Telling:  # noqa: PLR0911  # one for each state
    cves, reason, advice = named(change.only or incident.urgent), incident.reason, incident.advice
    match change.state:
        case State.REQUESTED:
            return TellRequested(release_version=change.about, cves=cves)
        case State.IN_ROLLOUT:
            return JoinRollout(rollout_id=incident.rollout_id, release_version=change.about, cves=cves)
        case State.WAITING:
            return WaitForAmi(release_version=change.about, reason=reason, cves=cves)
        case State.NOT_ROLLED:
            return TellNotRolled(reason=reason, advice=advice, cves=cves)
        case State.NOT_FIXED:
            return TellNotFixed(release_version=change.about, reason=reason, advice=advice, cves=cves)
        case State.NOT_TO_BLAME:
            return TellNotToBlame(opens=cves, reason=reason, advice=advice)
        case State.NOT_SCANNED:
            return TellNotScanned(reason=change.about, advice=advice_on(change.about))
        case State.CLOSED | State.RECORDED:
            return Close(took=incident.took, reason=reason, cves=named(incident.concerned))
        case State.ROLLED | State.GONE | State.REACHABLE as silent:
            message = f"nobody is told of {silent}"
            raise AssertionError(message)
        case _ as never:
            assert_never(never)
