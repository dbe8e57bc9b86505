"""The sweep: judges every group of a region, and finishes what was begun and left."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import batched
from typing import TYPE_CHECKING

from nodewarden.errors import GoneError, NodewardenError
from nodewarden.gather import Known
from nodewarden.judge_group import judge_group
from nodewarden.record import Exemption, Place, Remediation
from nodewarden.security_group.sweep import Awaited, SweepRun, begin, due, finish, is_news

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from nodewarden.aws.ec2 import Ec2, GroupPage
    from nodewarden.security_group.group import Group
    from nodewarden.security_group.rule import IngressRule
    from nodewarden.wiring import Wiring

# Longer than the function's timeout: a run that began earlier and has not finished is dead.
DEAD_AFTER = timedelta(minutes=15)
SECONDS_TO_SPARE = 60
# Groups whose rules are read by one call, just before they are judged: what is read early may be changed meanwhile.
READ_AT_ONCE = 25
MOST_FAILURES = 10


@dataclass(slots=True, kw_only=True)
class Sweep:
    """A run in progress: how many seconds it has left, what it came to so far, which unsettled groups it has not met."""

    wired: Wiring
    ec2: Ec2
    run: SweepRun
    seconds_left: Callable[[], float]
    unsettled: set[Place]
    looked_at: int = 0
    written: dict[str, Remediation] = field(default_factory=dict)
    failures: list[NodewardenError] = field(default_factory=list)

    @property
    def out_of_time(self) -> bool:
        """Whether the run has to stop, to have the time to say so."""
        return self.seconds_left() < SECONDS_TO_SPARE


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
    before = ledger.last()
    run = begin(before, account, region, run_id, datetime.now(UTC))
    if not ledger.begin(run, DEAD_AFTER):
        return None
    unsettled = {*ledger.unsettled()}
    sweep = Sweep(wired=wired, ec2=wired.ec2(account, region), run=run, seconds_left=seconds_left, unsettled=unsettled)
    stopped_at = _judge_all(sweep)
    finished, ending = _sum_up(sweep, stopped_at)
    if ledger.finish(finished, news=is_news(finished, before)):
        for exemption in ending:
            ledger.warned(exemption)
    return Swept(run=finished, failures=sweep.failures)


def _judge_all(sweep: Sweep) -> str | None:
    """Judge page by page; gives where EC2's list goes on where time runs out, None at its end."""
    cursor, page = sweep.run.cursor, _first_page(sweep)
    while True:
        if not _judge_some(sweep, _to_judge(sweep, page)):
            return cursor
        cursor = page.following
        if not cursor:
            break
        page = sweep.ec2.group_page(cursor)
    vanished = sorted(sweep.unsettled, key=lambda place: place.group_id)
    return None if _judge_some(sweep, ((place, None) for place in vanished)) else ""


def _first_page(sweep: Sweep) -> GroupPage:
    """Read the page where the run before stopped; the first of all where EC2 no longer knows the place."""
    try:
        return sweep.ec2.group_page(sweep.run.cursor)
    except GoneError:
        return sweep.ec2.group_page()


def _to_judge(sweep: Sweep, page: GroupPage) -> Iterator[tuple[Place, Group]]:
    """Pick the groups of a page that may be open, or that the ledger has something open about."""
    policy = sweep.wired.security_group_policy
    for group, rules in page.groups:
        place = Place(account=sweep.run.account, region=sweep.run.region, group_id=group.group_id)
        if place in sweep.unsettled or policy.is_suspicious(rules):
            yield place, group
        else:
            sweep.looked_at += 1


def _judge_some(sweep: Sweep, groups: Iterable[tuple[Place, Group | None]]) -> bool:
    """Judge groups; False where time runs out."""
    for some in batched(groups, READ_AT_ONCE, strict=False):
        rules = sweep.ec2.ingress_rules_of(place.group_id for place, _ in some)
        for place, group in some:
            if sweep.out_of_time:
                return False
            _judge(sweep, place, group, rules[place.group_id])
    return not sweep.out_of_time


def _judge(sweep: Sweep, place: Place, group: Group | None, rules: tuple[IngressRule, ...]) -> None:
    known = Known(rules=rules, group=group, run=sweep.run.run_id)
    try:
        judged = judge_group(place, sweep.wired, sweep.wired.sweep_mode, known)
    except NodewardenError as error:
        sweep.failures.append(error)
    else:
        sweep.failures.extend(judged.failures)
        sweep.written.update({r.remediation_id: r for r in judged.written})
    sweep.looked_at += 1
    sweep.unsettled.discard(place)


def _sum_up(sweep: Sweep, stopped_at: str | None) -> tuple[SweepRun, tuple[Exemption, ...]]:
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
        ending=tuple(_words(exemption) for exemption in ending if exemption.until > now),
        missed=tuple(a for a in due(run, now) if _is_nameless(a, sweep.wired)),
    )
    return finished, ending


def _is_nameless(awaited: Awaited, wired: Wiring) -> bool:
    found = wired.ledger.remediation(awaited.place, awaited.remediation_id)
    return found is not None and not found.announced


def _words(e: Exemption) -> str:
    return f"{e.what} on {e.place.group_id}, until {e.until:%Y-%m-%d %H:%M} UTC: {e.reason} ({e.by})"
