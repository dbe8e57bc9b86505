"""Taking words about findings into an incident: the same words end in the same, in any order, and twice is as once.

An incident is counted by its records, and a record is the newest word about a finding: a CLOSED that came before its
ACTIVE stays closed, and a newer ACTIVE opens it again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nodewarden.inspector_finding.finding import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from nodewarden.inspector_finding.finding import Finding, Kind, Risk
    from nodewarden.inspector_finding.incident import Incident

LAST_WORD = {Status.ACTIVE: 0, Status.SUPPRESSED: 1, Status.CLOSED: 2}  # of two that are as new


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The newest word about one finding, under its ARN; `about` is its CVE, what is open, or why a host is not scanned.

    `urgent` and `why` are what the policy said when it was last judged. `kind` and `risk` are None where a host is not
    scanned.
    """

    arn: str
    kind: Kind | None
    status: Status
    about: str
    title: str
    instance_id: str
    updated_at: datetime
    first_observed_at: datetime
    risk: Risk | None = None
    urgent: bool = False
    why: str = ""

    @property
    def open(self) -> bool:
        """Whether it is there: neither closed nor suppressed."""
        return self.status is Status.ACTIVE


def record(finding: Finding) -> Record:
    """Give a finding's record, not judged yet."""
    return Record(
        arn=finding.arn,
        kind=finding.kind,
        status=finding.status,
        about=finding.about,
        title=finding.title,
        instance_id=finding.instance_id,
        updated_at=finding.updated_at,
        first_observed_at=finding.first_observed_at or finding.updated_at,
        risk=finding.risk,
    )


def newer(one: Record, other: Record) -> Record:
    """Give the newer of two words about one finding, whichever came first; it was seen when either says."""
    first = min(one.first_observed_at, other.first_observed_at)
    return replace(max(one, other, key=_age), first_observed_at=first)


def _age(word: Record) -> tuple[datetime, int, str]:
    rest = repr(
        (word.kind, word.title, word.about, word.instance_id, word.risk)
    )  # any order will do, as long as it is one
    return (word.updated_at, LAST_WORD[word.status], rest)


def merge(
    incident: Incident, known: Mapping[str, Record], words: Iterable[Record], judge: Callable[[Record], Record]
) -> tuple[Incident, tuple[Record, ...]]:
    """Give the incident with words about findings taken in, and nothing to tell yet, and the records that changed.

    `known` are records of the incident by ARN, those of these findings at least; `judge` says of a record whether it is
    urgent, of those that are known too.
    """
    newest = {**known}
    for word in words:
        newest[word.arn] = newer(newest[word.arn], word) if word.arn in newest else word
    changed = tuple(new for new in map(judge, newest.values()) if known.get(new.arn) != new)
    return _counted(incident, known, changed), changed


def _counted(incident: Incident, known: Mapping[str, Record], changed: tuple[Record, ...]) -> Incident:
    """Count the changed records in place of what they were; what is of the others stays."""
    were = [known[new.arn] for new in changed if new.arn in known]
    urgent = Counter(incident.urgent)
    urgent.subtract(_urgent(were))
    urgent.update(_urgent(changed))
    return replace(
        _timed(incident, known, changed),
        open=incident.open + sum(new.open for new in changed) - sum(was.open for was in were),
        urgent={about: count for about, count in sorted(urgent.items()) if count},
        news=(),
    )


def _timed(incident: Incident, known: Mapping[str, Record], changed: tuple[Record, ...]) -> Incident:
    """Take in what changed records say of what was urgent, and when; anew where nothing was."""
    begins = not incident.urgent
    there = [new for new in changed if new.urgent and (new.open or not begins)]
    there += [new for new in changed if not new.urgent and new.arn in known and known[new.arn].urgent]
    if not there or (begins and not any(new.open for new in there)):
        return incident
    moments = () if begins else (incident.first_observed_at, incident.last_change_at)
    return replace(
        incident,
        concerned=(frozenset() if begins else incident.concerned) | {new.about for new in there if new.urgent},
        first_observed_at=min([*filter(None, moments[:1]), *(new.first_observed_at for new in there)]),
        last_change_at=max([*filter(None, moments[1:]), *(new.updated_at for new in there)]),
    )


def _urgent(records: Iterable[Record]) -> Counter[str]:
    return Counter(each.about for each in records if each.open and each.urgent)
