"""Doing what was decided: recorded before done, verified after."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, assert_never

from nodewarden.breaker import HOUR, hour_of
from nodewarden.errors import NodewardenError, StillOpenError
from nodewarden.record import UNFINISHED, Outcome, Place, Remediation
from nodewarden.security_group.decision import Action, Attribute, Note, Revoke

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nodewarden.aws.ec2 import Ec2
    from nodewarden.breaker import Breaker
    from nodewarden.ledger import Ledger
    from nodewarden.security_group.rule import IngressRule

# Seconds before each look at the group after a revoke: EC2's describes are eventually consistent.
WAITS = (0, 1.5, 3)
CLOSING = frozenset({Outcome.REVOKED, *UNFINISHED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """What three revokes and looks came to: ids that we revoked, and ids that EC2 still shows."""

    by_us: frozenset[str]
    remaining: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What was written down, and what failed."""

    written: tuple[Remediation, ...]
    failures: list[NodewardenError]


def carry_out(actions: Iterable[Action], ec2: Ec2, ledger: Ledger, breaker: Breaker) -> Done:
    """Carry out every action; one that fails does not keep the others from being tried."""
    written: list[Remediation] = []
    failures: list[NodewardenError] = []
    for action in actions:
        try:
            for entry in _perform(action, ec2, ledger, breaker):
                written.append(entry)  # noqa: PERF402 what was written before a failure counts too
        except NodewardenError as error:
            failures.append(error)
    return Done(written=tuple(written), failures=failures)


def raise_first(failures: list[NodewardenError]) -> None:
    """Raise the first failure, if any, with the others as its notes."""
    if not failures:
        return
    for other in failures[1:]:
        failures[0].add_note(f"also: {other}")
    raise failures[0]


def _perform(action: Action, ec2: Ec2, ledger: Ledger, breaker: Breaker) -> Iterator[Remediation]:
    """Carry out one action; gives what was written down, as it is written."""
    match action:
        case Revoke(remediation, held_at):
            now = _now()
            if remediation.outcome in UNFINISHED or breaker.lets_through(remediation.place, held_at, now):
                yield from _revoke(remediation, ec2, ledger)
            elif remediation.outcome is not Outcome.HELD:
                yield from _hold(remediation, ledger, breaker, now)
        case Note(remediation):
            if ledger.note(remediation, _now()):
                yield remediation
        case Attribute(remediation):
            ledger.attribute(remediation)
        case _:
            assert_never(action)


def _hold(remediation: Remediation, ledger: Ledger, breaker: Breaker, now: datetime) -> Iterator[Remediation]:
    over = hour_of(now) + HOUR
    why = f"{remediation.why}; held by the breaker until {over:%H:%M} UTC: more than {breaker.groups_an_hour} groups within an hour"
    held = replace(remediation, outcome=Outcome.HELD, why=why)
    if ledger.note(held, now):
        yield held


def _revoke(remediation: Remediation, ec2: Ec2, ledger: Ledger) -> Iterator[Remediation]:
    first = ledger.begin(remediation, _now())
    closed = _close(remediation.place, remediation.rules, ec2)
    if closed.remaining:
        partial = replace(remediation, outcome=Outcome.PARTIAL, remaining=closed.remaining)
        if ledger.close(partial, _now()):
            yield partial
        message = (
            f"{remediation.place.group_id} still shows {', '.join(closed.remaining)} after revoking: "
            "the event is tried again; if it persists, revoke by hand and look for who puts the rule back"
        )
        raise StillOpenError(message)
    yield from _finish(remediation, closed, ledger, first=first)


def _finish(remediation: Remediation, closed: Closed, ledger: Ledger, *, first: bool) -> Iterator[Remediation]:
    """Write the outcome. `gone` only when no run of ours, this or another, can have closed it."""
    now = _now()
    gone = tuple(i for i in remediation.rule_ids if i not in closed.by_us) if first else ()
    if first and not closed.by_us:
        outcome = Outcome.SUPERSEDED if _revoked_elsewhere(remediation, ledger, now) else Outcome.GONE
        vanished = replace(remediation, outcome=outcome, already_gone=gone, remaining=())
        if ledger.close(vanished, now, if_only_try=True):
            yield vanished
            return
        gone = ()
    revoked = replace(remediation, outcome=Outcome.REVOKED, already_gone=gone, remaining=())
    if ledger.close(revoked, now, by_us=bool(closed.by_us)):
        yield revoked


def _revoked_elsewhere(remediation: Remediation, ledger: Ledger, now: datetime) -> bool:
    """Tell whether a run of ours that saw other rules of the group closed these as well."""
    others = (r for r in ledger.entries(remediation.place, now).remediations if r.outcome in CLOSING)
    ours = {*remediation.rule_ids}
    return any(ours & {*r.rule_ids} for r in others if r.remediation_id != remediation.remediation_id)


def _close(place: Place, rules: tuple[IngressRule, ...], ec2: Ec2) -> Closed:
    """Revoke, and look; what is still there unchanged is revoked again."""
    by_us: set[str] = set()
    remaining = rules
    for seconds in WAITS:
        time.sleep(seconds)
        if ec2.revoke(place.group_id, (rule.rule_id for rule in remaining)):
            by_us.update(rule.rule_id for rule in remaining)
        shown = {(rule.rule_id, rule.opens) for rule in ec2.ingress_rules(place.group_id)}
        remaining = tuple(rule for rule in remaining if (rule.rule_id, rule.opens) in shown)
        if not remaining:
            break
    return Closed(by_us=frozenset(by_us), remaining=tuple(rule.rule_id for rule in remaining))


def _now() -> datetime:
    return datetime.now(UTC)
