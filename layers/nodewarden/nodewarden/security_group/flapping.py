"""An opening that comes back again and again: how often it was closed within a day, and who opens it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from nodewarden.record import Outcome, Remediation

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from nodewarden.security_group.event import Cause
    from nodewarden.security_group.rule import IngressRule

WITHIN = timedelta(days=1)
MOST_OPENERS = 5
UNKNOWN = "somebody that no event named"


def closings(rule: IngressRule, remediations: Iterable[Remediation], now: datetime) -> tuple[Remediation, ...]:
    """Give the remediations that closed the same opening, under whatever rule id, within the last day; oldest first."""
    found = [
        r
        for r in remediations
        if r.outcome is Outcome.REVOKED
        and r.changed_at
        and now - r.changed_at < WITHIN
        and rule.opens in {closed.opens for closed in r.rules}
    ]
    return tuple(sorted(found, key=lambda r: (r.changed_at, r.remediation_id)))


def openers(earlier: Iterable[Remediation], cause: Cause | None) -> tuple[str, ...]:
    """Say who opened it and by what, most often first: for people to find what puts it back."""
    counted = Counter(map(_opener, (*(r.cause for r in earlier), cause)))
    said = [f"{who}, {times} times" if times > 1 else who for who, times in counted.most_common()]
    return (*said[:MOST_OPENERS], *([f"and {len(said) - MOST_OPENERS} more"] if len(said) > MOST_OPENERS else []))


def _opener(cause: Cause | None) -> str:
    if cause is None or not cause.actor:
        return UNKNOWN
    return f"{cause.actor} by {cause.event_name} with {cause.user_agent or 'no user agent'}"
