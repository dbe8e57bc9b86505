"""A digest: many changes of one kind in one message, and its words."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from nodewarden.message.message import TO_FILL_IN, Command, Message, Sections, command, subject
from nodewarden.record import Outcome, Place, stamp
from nodewarden.security_group.sweep import ORDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

SEVERITIES = ("critical", "high", "medium", "info")  # worst first
MOST_LINES = 10
UNDOABLE = {Outcome.REVOKED.value, Outcome.PARTIAL.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One change of a digest: `change` names it, `said` is the subject that a message of its own would have had.

    `remediation`, `rollout`, `account` and `region` are "" where the change is about none.
    """

    change: str
    said: str
    severity: str
    outcome: str
    remediation: str = ""
    rollout: str = ""
    account: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """Changes of one kind that are told together, worst first."""

    digest_id: str
    kind: str
    lines: tuple[Line, ...]
    collected_at: datetime


def digest(kind: str, told: Iterable[tuple[str, Message]], now: datetime) -> Digest:
    """Put messages of one kind together, each with the name of its change. The same changes make the same digest."""
    lines = sorted((_line(change, message) for change, message in told), key=_rank)
    changes = "|".join(sorted(line.change for line in lines))
    digest_id = hashlib.sha256(changes.encode()).hexdigest()[:12]
    return Digest(digest_id=digest_id, kind=kind, lines=tuple(lines), collected_at=now)


def of_digest(digest: Digest, stack: str) -> Message:
    """Word a digest: counts first, then the changes, worst first; those that are critical are all named."""
    severity, outcomes = digest.lines[0].severity, Counter(line.outcome for line in digest.lines)
    return Message(
        subject=subject(_headline(digest)),
        sections=_sections(digest, stack),
        document={
            "schema": 1,
            "kind": digest.kind,
            "severity": severity,
            "outcome": "digest",
            "digest": digest.digest_id,
            "counts": dict(outcomes),
            "changes": [asdict(line) for line in digest.lines],
            "changed_at": stamp(digest.collected_at),
        },
        attributes={"kind": digest.kind, "severity": severity, "outcome": [*outcomes]},
    )


def _rank(line: Line) -> tuple[int, int]:
    """Rank by severity, then, of security groups, by outcome."""
    outcomes = [outcome.value for outcome in ORDER]
    return SEVERITIES.index(line.severity), (*outcomes, line.outcome).index(line.outcome)


def _headline(digest: Digest) -> str:
    where = f", {region}" if (region := _region(digest)) else ""
    counts = ", ".join(f"{head} ({count})" for head, count in _heads(digest).items())
    return f"{len(digest.lines)} {digest.kind.replace('_', ' ')} messages: {counts}{where}"


def _region(digest: Digest) -> str:
    """Name the region that all changes are of; "" where they are of several."""
    regions = {line.region for line in digest.lines}
    return regions.pop() if len(regions) == 1 else ""


def _heads(digest: Digest) -> Counter[str]:
    """Count what the subjects begin with, worst first."""
    region = _region(digest)
    return Counter(_without(region, line.said).partition(": ")[0] for line in digest.lines)


def _sections(digest: Digest, stack: str) -> Sections:
    status = command("OperatorFunction", {"verb": "status", "digest": digest.digest_id}, None, stack)
    shown = _shown(digest)
    more = len(digest.lines) - len(shown)
    critical = sum(line.severity == SEVERITIES[0] for line in digest.lines)
    return [
        ("What", [f"{count}: {head}" for head, count in _heads(digest).items()]),
        (
            "Worst",
            [words for line in shown for words in _said(line, _region(digest))] + [f"and {more} more"] * (more > 0),
        ),
        ("Where", ", ".join(sorted({_place(line) for line in digest.lines if line.account}))),
        ("Done", "Each was dealt with as its line says. So many at once are told together, and none of them again."),
        ("Next", f"Look at the {'first' if critical == 1 else f'first {critical}'} now: critical." * (critical > 0)),
        ("Undo", _undo(digest, stack)),
        ("Evidence", ["all of them, from the ledger:", status]),
    ]


def _shown(digest: Digest) -> tuple[Line, ...]:
    critical = sum(line.severity == SEVERITIES[0] for line in digest.lines)
    return digest.lines[: max(critical, MOST_LINES)]


def _said(line: Line, region: str) -> Iterator[str]:
    yield _without(region, line.said)
    if name := line.remediation or line.rollout:
        yield f"- {name}"


def _without(region: str, said: str) -> str:
    return said.removesuffix(f", {region}")


def _place(line: Line) -> str:
    return f"account {line.account}, {line.region}" if line.region else f"account {line.account}"


def _undo(digest: Digest, stack: str) -> list[str | Command]:
    line = next((line for line in digest.lines if line.remediation and line.outcome in UNDOABLE), None)
    if line is None:
        return []
    request = {"verb": "undo", "remediation": line.remediation, "for": "4h", **TO_FILL_IN}
    place = Place(account=line.account, region=line.region, group_id="")
    return ["Each by its id:", command("UndoFunction", request, place, stack)]


def _line(change: str, message: Message) -> Line:
    about = {name: str(message.document.get(name, "")) for name in ("remediation", "rollout", "account", "region")}
    return Line(
        change=change,
        said=message.subject,
        severity=message.document["severity"],
        outcome=message.document["outcome"],
        **about,
    )
