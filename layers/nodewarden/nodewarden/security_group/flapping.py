"""An opening that comes back again and again: how often it was closed within a day, and who opens it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """A rule that was closed, and the remediation that closed it."""

    rule_id: str
    remediation: Remediation


def closings(rule: IngressRule, remediations: Iterable[Remediation], now: datetime) -> tuple[Closing, ...]:
    """Give how the same opening was closed within the last day, each rule id once; oldest first."""
    recent = (r for r in remediations if r.outcome is Outcome.REVOKED and r.changed_at and now - r.changed_at < WITHIN)
    found = {
        closed.rule_id: Closing(rule_id=closed.rule_id, remediation=r)
        for r in sorted(recent, key=lambda r: (r.changed_at, r.remediation_id))
        for closed in r.rules
        if closed.opens == rule.opens and closed.rule_id not in r.already_gone
    }
    return tuple(found.values())


def openers(earlier: Iterable[Closing], rule: IngressRule, cause: Cause | None) -> tuple[str, ...]:
    """Say who opened it and by what, most often first: for people to find what puts it back."""
    causes = ((closing.rule_id, closing.remediation.cause) for closing in earlier)
    counted = Counter(_opener(rule_id, each) for rule_id, each in (*causes, (rule.rule_id, cause)))
    said = [f"{who}, {times} times" if times > 1 else who for who, times in counted.most_common()]
    return (*said[:MOST_OPENERS], *([f"and {len(said) - MOST_OPENERS} more"] if len(said) > MOST_OPENERS else []))


def _opener(rule_id: str, cause: Cause | None) -> str:
    """Name who opened a rule; nobody where the event was about other rules."""
    if cause is None or not cause.actor or not cause.opens or (cause.rule_ids and rule_id not in cause.rule_ids):
        return UNKNOWN
    return f"{cause.actor} by {cause.event_name} with {cause.user_agent or 'no user agent'}"
