"""Findings of hosts that are gone, and that Inspector did not close: what it says once can be lost on the way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nodewarden.inspector_finding.coverage import HOSTS_GONE as UNSCANNED_GONE
from nodewarden.inspector_finding.decision import decided
from nodewarden.inspector_finding.finding import Status
from nodewarden.inspector_finding.incident import COVERAGE
from nodewarden.inspector_finding.judgement import judging
from nodewarden.inspector_finding.urgency import count

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from nodewarden.inspector_finding.decision import Decision
    from nodewarden.inspector_finding.incident import Incident
    from nodewarden.inspector_finding.merge import Record
    from nodewarden.inspector_finding.policy import FindingPolicy

HOSTS_GONE = "the hosts are gone, though Inspector did not close all that it said of them"


def is_silent(record: Record, after: timedelta, now: datetime) -> bool:
    """Tell whether a record is open, and nobody said anything of it for long: its host may be gone."""
    return record.open and now - record.updated_at >= after


def decide_gone(incident: Incident, gone: Mapping[str, Record], policy: FindingPolicy, now: datetime) -> Decision:
    """Close records of an incident, by ARN, whose hosts are gone; what else is urgent of it is not decided.

    Each is closed as of its last word: a newer one of Inspector's opens it again.
    """
    words = [replace(each, status=Status.CLOSED) for each in gone.values()]
    counted = count(incident.key, incident, gone, words, judging(incident.key, policy, now))
    if counted.incident.urgent:
        return counted
    reason = UNSCANNED_GONE if incident.key.about == COVERAGE else HOSTS_GONE
    return replace(decided(incident, counted.incident.over(now, reason), (), ()), actions=counted.actions)
