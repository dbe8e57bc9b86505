"""What is remembered of incidents and findings, and the urgent rollouts that they ask for.

An incident counts its findings' records, so they are written together or not at all: each over what was read of it. Of two
that work on one incident at once one loses, and reads again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nodewarden.aws.dynamodb import Attr, Key, Write
from nodewarden.errors import LedgerError
from nodewarden.finding_item import (
    FINDING,
    INCIDENT,
    TRIGGER,
    finding_item,
    finding_keys,
    incident_item,
    incident_keys,
    read_finding,
    read_incident,
    trigger_of,
)
from nodewarden.urgent_request_item import REQUEST, read_asked, request_item, request_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from datetime import datetime, timedelta

    from nodewarden.aws.dynamodb import ConditionBase, Item, Items
    from nodewarden.errors import NodewardenError
    from nodewarden.finding_item import Remembered
    from nodewarden.inspector_finding.action import RequestUrgent
    from nodewarden.inspector_finding.incident import Incident, IncidentKey
    from nodewarden.inspector_finding.merge import Record
    from nodewarden.urgent_request_item import Asked

MOST_TOGETHER = 99  # records that are written with their incident: a transaction takes a hundred


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What was read of an incident, and by ARN of some of its findings, or of findings that came about it."""

    incident: Incident | None
    findings: Mapping[str, Remembered]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An incident with anything open, and which policy all of its findings were judged by; empty where by several."""

    incident: Incident
    judged_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingLedger:
    """Reads and writes the incidents of one account and region."""

    items: Items
    account: str
    region: str
    retention: timedelta

    def findings(self, arns: Iterable[str]) -> dict[str, Remembered]:
        """Read the records of findings by ARN, consistently; those that are not on record are absent.

        So are those that cannot be understood: writing over them fails, and reading them again for that raises LedgerError.
        """
        items = self.items.some(map(finding_keys, dict.fromkeys(arns)))
        return {remembered.record.arn: remembered for remembered in _understood(items, read_finding, [])}

    def incidents(self, keys: Iterable[IncidentKey]) -> dict[IncidentKey, Incident]:
        """Read incidents, consistently; absent as for findings."""
        items = self.items.some(incident_keys(key.incident_id) for key in dict.fromkeys(keys))
        return {incident.key: incident for incident in _understood(items, read_incident, [])}

    def memory(self, key: IncidentKey, arns: Collection[str]) -> Memory:
        """Read an incident and records of findings in one go, consistently. Raises LedgerError."""
        found = list(self.items.some([incident_keys(key.incident_id), *map(finding_keys, arns)]))
        remembered = (read_finding(item) for item in found if item["sk"] == FINDING)
        return Memory(
            incident=next((read_incident(item) for item in found if item["sk"] == INCIDENT), None),
            findings={each.record.arn: each for each in remembered},
        )

    def incident(self, incident_id: str) -> Incident | None:
        """Read an incident of this account and region, consistently; None where there is none. Raises LedgerError."""
        item = self.items.get(**incident_keys(incident_id))
        incident = read_incident(item) if item else None
        here = incident and (incident.key.account, incident.key.region) == (self.account, self.region)
        return incident if here else None

    def newest_findings(self, key: IncidentKey, limit: int) -> tuple[Remembered, ...]:
        """Read the records of an incident's findings that changed last; what changed moments ago may be missing."""
        return tuple(map(read_finding, self.items.last("by-change", "trigger", trigger_of(key), limit)))

    def open(self) -> tuple[Incident, ...]:
        """Read the incidents of this account and region with anything open; one that opened moments ago may be missing."""
        return tuple(each.incident for each in self.opened([]))

    def opened(self, failures: list[NodewardenError]) -> tuple[Opened, ...]:
        """Read the same, with what their findings were judged by; what cannot be understood is left out, and a failure."""
        here = Attr("account").eq(self.account) & Attr("region").eq(self.region)
        found = self.items.index("unsettled", Key("unsettled").eq(TRIGGER), here)
        return tuple(_understood(found, _opened, failures))

    def findings_of(self, key: IncidentKey) -> tuple[Remembered, ...]:
        """Read the records of all findings of an incident; what changed moments ago may be missing or of before."""
        found = self.items.index("by-change", Key("trigger").eq(trigger_of(key)), Attr("sk").eq(FINDING))
        return tuple(map(read_finding, found))

    def write(self, memory: Memory, after: Incident, records: Iterable[Record], now: datetime) -> Incident | None:
        """Write an incident, and up to 99 records of it, over what was read; None where somebody else wrote any meanwhile."""
        before = memory.incident.version if memory.incident else 0
        after = replace(after, version=before + 1)
        head = Write(
            item=incident_item(after, now, self.retention),
            when=Attr("version").eq(before) if before else Attr("pk").not_exists(),
        )
        written = (self._record(record, after.key, memory.findings.get(record.arn), now) for record in records)
        return after if self.items.transact([head, *written]) else None

    def judged_by(self, incident: Incident, policy: str) -> None:
        """Write down which policy all findings of an incident were judged by, unless somebody wrote it meanwhile."""
        item = incident_keys(incident.key.incident_id) | {"judged_by": policy}
        self.items.write(item, when=Attr("version").eq(incident.version))

    def keep(self, record: Record, before: Remembered | None, now: datetime) -> bool:
        """Write the record of a finding whose host is gone; False where somebody else wrote it meanwhile."""
        write = self._record(record, None, before, now)
        return self.items.write(write.item, when=write.when, count=write.count)

    def request(self, request: RequestUrgent, now: datetime) -> bool:
        """Put a request, again where planning has let go of it; False where it waits for planning already."""
        gone = Attr("pk").not_exists() | Attr("unsettled").not_exists()
        return self.items.write(request_item(request, now, self.retention), when=gone)

    def requests(self, failures: list[NodewardenError]) -> tuple[Asked, ...]:
        """Read the requests of this account and region that planning has not taken; the newest may be missing.

        What cannot be understood is left out, and a failure.
        """
        here = Attr("node_group.account").eq(self.account) & Attr("node_group.region").eq(self.region)
        found = self.items.index("unsettled", Key("unsettled").eq(REQUEST), here)
        return tuple(_understood(found, read_asked, failures))

    def settle(self, request: RequestUrgent) -> None:
        """Let go of a request: what it asked for is planned, or is not to be had any more."""
        self.items.write(request_keys(request.request_id), when=Attr("unsettled").exists(), remove=("unsettled",))

    def _record(self, record: Record, key: IncidentKey | None, before: Remembered | None, now: datetime) -> Write:
        when: ConditionBase = Attr("writes").eq(before.writes) if before else Attr("pk").not_exists()
        return Write(item=finding_item(record, key, now, self.retention), when=when, count=("writes",))


def _opened(item: Item) -> Opened:
    return Opened(incident=read_incident(item), judged_by=str(item.get("judged_by", "")))


def _understood[T](items: Iterable[Item], read: Callable[[Item], T], failures: list[NodewardenError]) -> Iterator[T]:
    for item in items:
        try:
            yield read(item)
        except LedgerError as error:
            failures.append(error)
