"""What people can ask about incidents of Inspector's findings: which are open, and all about one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nodewarden.errors import RequestError
from nodewarden.finding_item import finding_item, hosts_value, incident_item
from nodewarden.record import stamp
from nodewarden.request import parse_incident_id

if TYPE_CHECKING:
    from nodewarden.errors import NodewardenError
    from nodewarden.finding_item import Remembered
    from nodewarden.fleet_wiring import FleetWiring
    from nodewarden.inspector_finding.incident import Incident
    from nodewarden.request import Request

MOST_LISTED, MOST_FINDINGS = 200, 100  # an answer of Lambda's is 6 MB at most
KEYS = frozenset({"pk", "sk", "ttl", "schema", "trigger", "changed_at", "unsettled", "news"})


def status_of_incidents(request: Request, wired: FleetWiring) -> dict[str, Any]:
    """List the incidents with anything open: first those with urgent findings, of these the oldest."""
    request.table.done()
    failures: list[NodewardenError] = []
    found = sorted((each.incident for each in wired.finding_ledger.opened(failures)), key=_urgent_first)
    return {
        "incidents": [_summary(incident) for incident in found[:MOST_LISTED]],
        "in_all": len(found),
        "unread": [str(failure) for failure in failures],
    }


def status_of_incident(request: Request, wired: FleetWiring) -> dict[str, Any]:
    """Show an incident, and of its findings those that changed last. Raises RequestError, LedgerError."""
    incident_id = request.table.parsed("incident", parse_incident_id)
    request.table.done()
    ledger = wired.finding_ledger
    incident = ledger.incident(incident_id)
    if incident is None:
        message = (
            f"there is no incident {incident_id}: list those that are open with the verb status and what=incidents"
        )
        raise RequestError(message)
    item = incident_item(incident, datetime.now(UTC), wired.retention)
    return {
        "incident": {name: value for name, value in item.items() if name not in KEYS},
        "findings": [_finding(each, wired) for each in ledger.newest_findings(incident.key, MOST_FINDINGS)],
    }


def _urgent_first(incident: Incident) -> tuple[bool, str, str]:
    since = stamp(incident.changed_at) if incident.changed_at else ""
    return not incident.urgent, since, incident.key.incident_id


def _summary(incident: Incident) -> dict[str, Any]:
    return {
        "incident": incident.key.incident_id,
        "hosts": hosts_value(incident.key.hosts),
        "state": incident.state.value,
        "since": stamp(incident.changed_at) if incident.changed_at else None,
        "findings": incident.open,
        "urgent": dict(incident.urgent),
        "runs": incident.release_version,
        "target": incident.target,
        "rollout": incident.rollout_id,
        "reason": incident.reason,
        "advice": incident.advice,
    }


def _finding(remembered: Remembered, wired: FleetWiring) -> dict[str, Any]:
    item = finding_item(remembered.record, remembered.key, datetime.now(UTC), wired.retention)
    found: dict[str, Any] = item["record"]
    return found
