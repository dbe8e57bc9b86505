"""Carrying out what was decided of an incident, and writing it down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nodewarden.inspector_finding.action import RecordFinding, RequestUrgent

if TYPE_CHECKING:
    from datetime import datetime

    from nodewarden.finding_ledger import FindingLedger, Memory
    from nodewarden.inspector_finding.decision import Decision
    from nodewarden.inspector_finding.incident import Incident


def settle(decision: Decision, memory: Memory, ledger: FindingLedger, now: datetime) -> Incident | None:
    """Put the requests of a decision, then write the incident with its records; None where somebody else wrote meanwhile.

    What is to be told stands in the incident. Groups are judged before this, by whoever knows the findings.
    """
    for action in decision.actions:
        if isinstance(action, RequestUrgent):
            ledger.request(action, now)
    records = [action.record for action in decision.actions if isinstance(action, RecordFinding)]
    if not decision.changed and not records:
        return decision.incident
    return ledger.write(memory, decision.incident, records, now)
