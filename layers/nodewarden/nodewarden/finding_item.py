"""How incidents and the findings under them are written as items, and read back.

    incident#<incident_id>  incident  the head; `version` counts its writes
    finding#<arn>           finding   the newest word about one finding, and the incident that it is part of

A finding that is open, and an incident with such findings, stay; what is over goes with the retention.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from nodewarden.ami_release.unmanaged import Kind as HostKind
from nodewarden.ami_release.unmanaged import Unmanaged
from nodewarden.inspector_finding.finding import Exploit, Fix, Kind, Risk, Severity, Status
from nodewarden.inspector_finding.incident import OVER, Change, Incident, IncidentKey, State
from nodewarden.inspector_finding.merge import Record
from nodewarden.item import SCHEMA, read_entry
from nodewarden.node_group import NodeGroupKey
from nodewarden.record import stamp
from nodewarden.rollout_item import ends_at

if TYPE_CHECKING:
    from datetime import timedelta

    from nodewarden.inspector_finding.host import Hosts
    from nodewarden.item import Item

TRIGGER = "inspector_finding"
INCIDENT, FINDING = "incident", "finding"
NODE_GROUP = "node-group"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A finding's record as it was read: whose it is, None where the host was gone, and how often it was written."""

    record: Record
    key: IncidentKey | None
    writes: int


def incident_keys(incident_id: str) -> Item:
    """Give the keys of an incident's item."""
    return {"pk": f"{INCIDENT}#{incident_id}", "sk": INCIDENT}


def finding_keys(arn: str) -> Item:
    """Give the keys of a finding's item."""
    return {"pk": f"{FINDING}#{arn}", "sk": FINDING}


def trigger_of(key: IncidentKey) -> str:
    """Name what the index by-change lists the findings of an incident under."""
    return f"{FINDING}#{key.incident_id}"


def incident_item(incident: Incident, now: datetime, retention: timedelta) -> Item:
    """Write an incident; `changed_at` is when it is written, `state_since` since when it is in its state."""
    is_over = incident.state in OVER and not incident.open
    return {
        **incident_keys(incident.key.incident_id),
        "schema": SCHEMA,
        "trigger": TRIGGER,
        "changed_at": stamp(now),
        "incident_id": incident.key.incident_id,
        **_key_value(incident.key),
        "state": incident.state.value,
        "state_since": _moment_value(incident.changed_at),
        "first_observed_at": _moment_value(incident.first_observed_at),
        "last_change_at": _moment_value(incident.last_change_at),
        "rolled_at": _moment_value(incident.rolled_at),
        "open": incident.open,
        "urgent": dict(incident.urgent),
        "requested": sorted(incident.requested),
        "told_changes": sorted(incident.told),
        "ever_told": sorted(incident.ever_told),
        "told_of": sorted(incident.told_of),
        "told_at": _moment_value(incident.told_at),
        "concerned": sorted(incident.concerned),
        "news": [
            {"state": change.state.value, "about": change.about, "only": list(change.only)} for change in incident.news
        ],
        **{name: getattr(incident, name) for name in (*TEXTS, *COUNTS)},
        **({"ttl": ends_at(now, retention)} if is_over else {"unsettled": TRIGGER}),
    }


TEXTS = ("reason", "advice", "target", "rollout_id", "ami_type", "minor", "release_version")
COUNTS = ("round", "messages", "version")
MOMENTS = ("first_observed_at", "last_change_at", "rolled_at", "told_at")


def read_incident(item: Item) -> Incident:
    """Read an incident; raises LedgerError."""
    return read_entry(item, _incident)


def finding_item(record: Record, key: IncidentKey | None, now: datetime, retention: timedelta) -> Item:
    """Write the record of a finding; `key` is None where its host was gone before anybody knew whose it was."""
    return {
        **finding_keys(record.arn),
        "schema": SCHEMA,
        **({"trigger": trigger_of(key)} if key else {}),
        "changed_at": stamp(now),
        "incident": _key_value(key) if key else None,
        "record": {
            "arn": record.arn,
            "kind": record.kind.value if record.kind else None,
            "status": record.status.value,
            "about": record.about,
            "title": record.title,
            "instance_id": record.instance_id,
            "updated_at": record.updated_at.isoformat(),
            "first_observed_at": record.first_observed_at.isoformat(),
            "risk": _risk_value(record.risk) if record.risk else None,
            "urgent": record.urgent,
            "why": record.why,
        },
        **({} if record.open and key else {"ttl": ends_at(now, retention)}),
    }


def read_finding(item: Item) -> Remembered:
    """Read the record of a finding; raises LedgerError."""
    return read_entry(item, _remembered)


def _key_value(key: IncidentKey) -> Item:
    return {"account": key.account, "region": key.region, "about": key.about, "hosts": hosts_value(key.hosts)}


def hosts_value(hosts: Hosts) -> Item:
    """Write whose hosts they are."""
    match hosts:
        case NodeGroupKey(cluster=cluster, name=name):
            return {"cluster": cluster, "kind": NODE_GROUP, "where": name}
        case Unmanaged(cluster=cluster, kind=kind, where=where):
            return {"cluster": cluster, "kind": kind.value, "where": where}


def _risk_value(risk: Risk) -> Item:
    return {
        "cve": risk.cve,
        "severity": risk.severity.value,
        "score": _decimal(risk.score),
        "epss": _decimal(risk.epss),
        "exploit_available": risk.exploit_available.value,
        "fix_available": risk.fix_available.value,
    }


def _decimal(number: float | None) -> Decimal | None:
    return None if number is None else Decimal(repr(number))


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def _moment_value(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None  # in full: a word is compared with one that was written


def _moment(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _key(value: Item) -> IncidentKey:
    account, region, hosts = value["account"], value["region"], value["hosts"]
    return IncidentKey(account=account, region=region, hosts=_hosts(account, region, hosts), about=value["about"])


def _hosts(account: str, region: str, value: Item) -> Hosts:
    if value["kind"] == NODE_GROUP:
        return NodeGroupKey(account=account, region=region, cluster=value["cluster"], name=value["where"])
    return Unmanaged(cluster=value["cluster"], kind=HostKind(value["kind"]), where=value["where"])


def _incident(item: Item) -> Incident:
    plain: Item = {name: item[name] for name in TEXTS}
    plain |= {name: int(item[name]) for name in COUNTS} | {name: _moment(item[name]) for name in MOMENTS}
    return Incident(
        key=_key(item),
        state=State(item["state"]),
        changed_at=_moment(item["state_since"]),
        open=int(item["open"]),
        urgent={about: int(count) for about, count in item["urgent"].items()},
        requested=frozenset(item["requested"]),
        told=frozenset(item["told_changes"]),
        ever_told=frozenset(item["ever_told"]),
        told_of=frozenset(item["told_of"]),
        concerned=frozenset(item["concerned"]),
        news=tuple(map(_change, item["news"])),
        **plain,
    )


def _change(value: Item) -> Change:
    return Change(state=State(value["state"]), about=value["about"], only=tuple(value["only"]))


def _remembered(item: Item) -> Remembered:
    value = item["record"]
    read = {
        "kind": Kind(value["kind"]) if value["kind"] else None,
        "status": Status(value["status"]),
        "updated_at": datetime.fromisoformat(value["updated_at"]),
        "first_observed_at": datetime.fromisoformat(value["first_observed_at"]),
        "risk": _risk(value["risk"]) if value["risk"] else None,
    }
    key = _key(item["incident"]) if item["incident"] else None
    return Remembered(record=Record(**value | read), key=key, writes=int(item["writes"]))


def _risk(value: Item) -> Risk:
    return Risk(
        cve=value["cve"],
        severity=Severity(value["severity"]),
        score=_float(value["score"]),
        epss=_float(value["epss"]),
        exploit_available=Exploit(value["exploit_available"]),
        fix_available=Fix(value["fix_available"]),
    )
