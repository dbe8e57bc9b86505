"""A sweep over every group of a region: what it finds and does, and what is worth telling of it. No AWS, no clock."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from nodewarden.record import Outcome, Place, Remediation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

# CloudTrail delivers within minutes, mostly; an event that is an hour late is taken for one that does not come.
EVENTS_TAKE = timedelta(hours=1)
TELL_AGAIN = timedelta(days=1)
MOST_FINDINGS = 50
MOST_AWAITED = 100
MOST_UNTOLD = 50
MOST_ENDING = 50

# Worst first.
ORDER = (
    Outcome.PARTIAL,
    Outcome.HELD,
    Outcome.FLAPPING,
    Outcome.REVOKED,
    Outcome.PAUSED,
    Outcome.OBSERVED,
    Outcome.OWNED_ELSEWHERE,
    Outcome.LEFT_TO_CONTROLLER,
    Outcome.EXEMPT,
    Outcome.GONE,
    Outcome.UNDONE,
)
SILENT = frozenset({Outcome.BEGUN, Outcome.SUPERSEDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One remediation that a sweep brought a new outcome to, as the digest says it."""

    remediation_id: str
    group_name: str
    outcome: Outcome
    opens: str
    closings: int = 0
    reopened_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """An opening that a sweep found first, and whose event may still come."""

    place: Place
    remediation_id: str
    found_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRun:
    """One run over the groups of an account and region, and what the next has to know.

    `looked_at` counts groups. `stopped` where time ran out before the last group; EC2's list then goes on at `cursor`, after
    the group `passed` of that page. `counts` are of outcomes, and
    `findings` the worst of them. `ending` are exemptions that end within a day, in words. `awaited` and `missed` are
    openings without an event: those it may still come for, and those for which it did not. `untold` are earlier runs that
    died before they could tell what they did, `untold_since` when the first of them began.
    """

    account: str
    region: str
    run_id: str
    began_at: datetime
    finished_at: datetime | None = None
    looked_at: int = 0
    stopped: bool = False
    cursor: str = ""
    passed: str = ""
    stopped_told_at: datetime | None = None
    counts: Mapping[str, int]
    findings: tuple[Finding, ...] = ()
    failures: tuple[str, ...] = ()
    ending: tuple[str, ...] = ()
    awaited: tuple[Awaited, ...] = ()
    missed: tuple[Awaited, ...] = ()
    missed_told_at: datetime | None = None
    completed_before: bool = False
    untold: tuple[str, ...] = ()
    untold_since: datetime | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class Stop:
    """Where time ran out: the page of EC2's list, and the last group of it that was passed, "" for none."""

    cursor: str
    passed: str


def begin(before: SweepRun | None, account: str, region: str, run_id: str, now: datetime) -> SweepRun:
    """Begin where the run before left off: with its place in the list, and with what it could not tell."""
    fresh = SweepRun(account=account, region=region, run_id=run_id, began_at=now, counts={})
    if before is None:
        return fresh
    died = before.finished_at is None
    tried_again = died and before.run_id == run_id
    return replace(
        fresh,
        began_at=before.began_at if tried_again else now,
        cursor=before.cursor,
        passed=before.passed,
        stopped_told_at=before.stopped_told_at,
        awaited=before.awaited,
        missed_told_at=before.missed_told_at,
        completed_before=before.completed_before,
        untold=tuple(dict.fromkeys((*before.untold, before.run_id)))[-MOST_UNTOLD:] if died else (),
        untold_since=(before.untold_since or before.began_at) if died else None,
        version=before.version,
    )


def due(run: SweepRun, now: datetime) -> tuple[Awaited, ...]:
    """Give the openings whose event would have come by now."""
    return tuple(a for a in run.awaited if now - a.found_at >= EVENTS_TAKE)


def finish(  # noqa: PLR0913 what a run came to
    run: SweepRun,
    changed: Iterable[Remediation],
    *,
    now: datetime,
    looked_at: int,
    stopped_at: Stop | None,
    failures: tuple[str, ...],
    ending: tuple[str, ...],
    missed: tuple[Awaited, ...],
) -> SweepRun:
    """Sum up: `changed` are the remediations with a new outcome, `missed` those that were due without an event.

    `stopped_at` is where the next run goes on, None where the end of EC2's list was reached.
    """
    changed = tuple(r for r in changed if r.outcome not in SILENT)
    ranked = sorted(changed, key=_rank)
    tell_missed = bool(missed) and _is_over(run.missed_told_at, now)
    tell_stopped = stopped_at is not None and _is_over(run.stopped_told_at, now)
    over = {*due(run, now)} - {*(() if tell_missed else missed)}
    awaiting = (*(a for a in run.awaited if a not in over), *_awaited(run, changed, now))
    return replace(
        run,
        finished_at=now,
        looked_at=looked_at,
        stopped=stopped_at is not None,
        cursor=stopped_at.cursor if stopped_at else "",
        passed=stopped_at.passed if stopped_at else "",
        stopped_told_at=now if tell_stopped else run.stopped_told_at,
        counts={str(outcome): count for outcome, count in Counter(r.outcome for r in ranked).items()},
        findings=tuple(_finding(r) for r in ranked[:MOST_FINDINGS]),
        failures=failures,
        ending=_bounded(ending),
        awaited=awaiting[-MOST_AWAITED:],
        missed=missed if tell_missed else (),
        missed_told_at=now if tell_missed else run.missed_told_at,
        completed_before=run.completed_before or stopped_at is None,
        untold=(),
        untold_since=None,
    )


def is_news(run: SweepRun) -> bool:
    """Tell whether people should hear of a finished run; that runs stop before their end is said once a day."""
    return bool(run.findings or run.ending or run.missed or (run.stopped and run.stopped_told_at == run.finished_at))


def _is_over(told_at: datetime | None, now: datetime) -> bool:
    return told_at is None or now - told_at >= TELL_AGAIN


def _rank(r: Remediation) -> tuple[int, int, str, str]:
    """Put the worst first, and of the same outcome what flaps."""
    return (ORDER.index(r.outcome), -r.closings, r.place.group_id, r.remediation_id)


def _bounded(lines: tuple[str, ...]) -> tuple[str, ...]:
    more = len(lines) - MOST_ENDING
    return (*lines[:MOST_ENDING], f"and {more} more") if more > 0 else lines


def _awaited(run: SweepRun, changed: Iterable[Remediation], now: datetime) -> tuple[Awaited, ...]:
    """Wait for the events of what is open since the last run; before the first whole run everything is new."""
    if not run.completed_before:
        return ()
    return tuple(
        Awaited(place=r.place, remediation_id=r.remediation_id, found_at=now) for r in changed if _should_have_event(r)
    )


def _should_have_event(r: Remediation) -> bool:
    """Tell whether an API call of this account must have opened it just now; prefix lists can change elsewhere."""
    return r.version == 0 and not r.announced and any(rule.network for rule in r.rules)


def _finding(r: Remediation) -> Finding:
    more = f" and {len(r.rules) - 1} more" if len(r.rules) > 1 else ""
    opens = f"{r.rules[0]}{more}" if r.rules else ""
    return Finding(
        remediation_id=r.remediation_id,
        group_name=r.group_name,
        outcome=r.outcome,
        opens=opens,
        closings=r.closings,
        reopened_by=r.reopened_by,
    )
