"""Judging records: which of them are urgent, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from nodewarden.inspector_finding.incident import COVERAGE
from nodewarden.inspector_finding.merge import Record
from nodewarden.inspector_finding.scan import PASSING

if TYPE_CHECKING:
    from datetime import datetime

    from nodewarden.inspector_finding.incident import IncidentKey
    from nodewarden.inspector_finding.policy import FindingPolicy

type Judge = Callable[[Record], Record]


def judging(key: IncidentKey, policy: FindingPolicy, now: datetime) -> Judge:
    """Give what says of a record of an incident whether it is urgent, and why: of scans by their reason, else by the policy."""

    def judge(word: Record) -> Record:
        judged = policy.judge(word.kind, word.risk, now)
        return replace(word, urgent=judged.urgent, why=judged.why)

    return judge_scan if key.about == COVERAGE else judge


def judge_scan(word: Record) -> Record:
    """Judge what is said of a scan: anything but what passes by itself is urgent."""
    return replace(word, urgent=word.about not in PASSING, why=word.about)
