"""The sweep: judges every group of a region, and finishes what was begun and left."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from nodewarden.errors import AwsError, NodewardenError, StalePageError
from nodewarden.gather import Known
from nodewarden.judge_group import judge_group
from nodewarden.record import Exemption, Place, Remediation
from nodewarden.security_group.sweep import Awaited, Stop, SweepRun, begin, due, finish, is_news

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nodewarden.aws.ec2 import Ec2, GroupPage
    from nodewarden.security_group.group import Group, PrefixList
    from nodewarden.security_group.rule import IngressRule
    from nodewarden.wiring import Wiring

# A little longer than the function's timeout, shorter than the time between two runs: a run that began earlier is dead.
DEAD_AFTER = timedelta(seconds=870)
SECONDS_TO_SPARE = 60
MOST_FAILURES = 10


@dataclass(slots=True, kw_only=True)
class Sweep:
    """A run in progress: how many seconds it has left, what it came to so far, which unsettled groups it has not met."""

    wired: Wiring
    ec2: Ec2
    run: SweepRun
    seconds_left: Callable[[], float]
    unsettled: set[Place]
    met: set[Place] = field(default_factory=set)
    lists: dict[str, PrefixList | None] = field(default_factory=dict)
    looked_at: int = 0
    written: dict[str, Remediation] = field(default_factory=dict)
    failures: list[NodewardenError] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """A finished run, and what failed in it."""

    run: SweepRun
    failures: list[NodewardenError]


def sweep_groups(wired: Wiring, run_id: str, seconds_left: Callable[[], float]) -> Swept | None:
    """Sweep Nodewarden's own account and region; None where another run is at it.

    A group that fails does not keep the others from being judged. A retry (same `run_id`) goes on with the run.
    """
    ledger, account, region = wired.sweep_ledger, wired.account, wired.region
    run = begin(ledger.last(), account, region, run_id, datetime.now(UTC))
    if not ledger.begin(run, DEAD_AFTER):
        return None
    unsettled = {*ledger.unsettled()}
    sweep = Sweep(wired=wired, ec2=wired.ec2(account, region), run=run, seconds_left=seconds_left, unsettled=unsettled)
    _judge_unsettled(sweep)
    finished, ending = _sum_up(sweep, _judge_pages(sweep))
    if ledger.finish(finished, news=is_news(finished)):
        for exemption in ending:
            ledger.warned(exemption)
    return Swept(run=finished, failures=sweep.failures)


def _judge_unsettled(sweep: Sweep) -> None:
    """Judge first what the ledger has something open about, wherever EC2's list has it; in half of the time at most."""
    enough = sweep.seconds_left() / 2
    for place in sorted(sweep.unsettled, key=lambda place: place.group_id):
        if sweep.seconds_left() < max(enough, SECONDS_TO_SPARE):
            return
        _judge(sweep, place, None)
        sweep.met.add(place)


def _judge_pages(sweep: Sweep) -> Stop | None:
    """Judge page by page; gives where the next run goes on where time runs out, None at the end of the list."""
    cursor, passed, page = _first_page(sweep)
    while True:
        for group, rules in _after(passed, page):
            if sweep.seconds_left() < SECONDS_TO_SPARE:
                return Stop(cursor, passed)
            _judge_if_open(sweep, group, rules)
            passed = group.group_id
        if not page.following:
            return None
        cursor, passed = page.following, ""
        page = sweep.ec2.group_page(cursor)


def _first_page(sweep: Sweep) -> tuple[str, str, GroupPage]:
    """Read the page where the run before stopped, after its last group; the first of all where EC2 has forgotten it."""
    cursor = sweep.run.cursor
    try:
        return cursor, sweep.run.passed, sweep.ec2.group_page(cursor)
    except AwsError as error:
        forgotten = isinstance(error, StalePageError) or type(error) is AwsError
        if not cursor or not forgotten:
            raise
        return "", "", sweep.ec2.group_page()


def _after(passed: str, page: GroupPage) -> Iterable[tuple[Group, tuple[IngressRule, ...]]]:
    """Give the groups of a page behind the one that was passed; all where that is not there any more."""
    ids = [group.group_id for group, _ in page.groups]
    return page.groups[ids.index(passed) + 1 :] if passed in ids else page.groups


def _judge_if_open(sweep: Sweep, group: Group, rules: tuple[IngressRule, ...]) -> None:
    """Judge a group that may be open, or that the ledger has something open about."""
    place = Place(account=sweep.run.account, region=sweep.run.region, group_id=group.group_id)
    sweep.looked_at += 1
    if place not in sweep.met and (place in sweep.unsettled or sweep.wired.security_group_policy.is_suspicious(rules)):
        _judge(sweep, place, group)


def _judge(sweep: Sweep, place: Place, group: Group | None) -> None:
    """Judge a group by its rules as they are now: they may have changed since the page was read."""
    known = Known(group=group, lists=sweep.lists, run=sweep.run.run_id)
    try:
        judged = judge_group(place, sweep.wired, sweep.wired.sweep_mode, known)
    except NodewardenError as error:
        sweep.failures.append(error)
    else:
        sweep.failures.extend(judged.failures)
        sweep.written.update({r.remediation_id: r for r in judged.written})


def _sum_up(sweep: Sweep, stopped_at: Stop | None) -> tuple[SweepRun, tuple[Exemption, ...]]:
    ledger, run, now = sweep.wired.sweep_ledger, sweep.run, datetime.now(UTC)
    ending = ledger.ending(now)
    before = ledger.changed_in(run.untold, run.untold_since) if run.untold and run.untold_since else ()
    finished = finish(
        run,
        ({r.remediation_id: r for r in before} | sweep.written).values(),
        now=now,
        looked_at=sweep.looked_at,
        stopped_at=stopped_at,
        failures=tuple(str(failure) for failure in sweep.failures[:MOST_FAILURES]),
        ending=tuple(dict.fromkeys(_words(exemption) for exemption in ending if exemption.until > now)),
        missed=tuple(a for a in due(run, now) if _is_nameless(a, sweep.wired)),
    )
    return finished, ending


def _is_nameless(awaited: Awaited, wired: Wiring) -> bool:
    found = wired.ledger.remediation(awaited.place, awaited.remediation_id)
    return found is not None and not found.announced


def _words(e: Exemption) -> str:
    return f"{e.what} on {e.place.group_id}, until {e.until:%Y-%m-%d %H:%M} UTC: {e.reason} ({e.by})"
