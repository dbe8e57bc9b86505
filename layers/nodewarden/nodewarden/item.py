"""How the ledger's values are written as DynamoDB items, and read back."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from nodewarden.errors import LedgerError
from nodewarden.record import FINAL, WARN_BEFORE, Exemption, Outcome, Pause, Place, Remediation, Undone, stamp
from nodewarden.security_group.event import Cause
from nodewarden.security_group.rule import IngressRule

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

SCHEMA = 1
TRIGGER = "security_group"
EXEMPTION = "exemption"

type Item = dict[str, Any]


def partition(place: Place | None) -> str:
    """Name the partition of a group, or the one that controls everything."""
    return f"{place.account}#{place.region}#{place.group_id}" if place else "control"


def remediation_item(entry: Remediation, now: datetime, retention: timedelta) -> Item:
    """Write a remediation as it is at `now`; `version` and `tries` are counted by the table."""
    item = {
        "pk": partition(entry.place),
        "sk": f"remediation#{entry.remediation_id}",
        "schema": SCHEMA,
        "trigger": TRIGGER,
        "remediation_id": entry.remediation_id,
        **asdict(entry.place),
        "group_name": entry.group_name,
        "group_tags": entry.group_tags,
        "outcome": entry.outcome.value,
        "rules": [asdict(rule) for rule in entry.rules],
        "why": entry.why,
        "hosts": list(entry.hosts),
        "cause": cause_value(entry.cause),
        "changed_at": stamp(now),
        "remaining": list(entry.remaining),
        "already_gone": list(entry.already_gone),
        "undone": asdict(entry.undone) | {"until": stamp(entry.undone.until)} if entry.undone else None,
        "reopens": entry.reopens,
        "closings": entry.closings,
        "reopened_by": list(entry.reopened_by),
        "run": entry.run,
    }
    ends = entry.outcome in FINAL
    return item | ({"ttl": int((now + retention).timestamp())} if ends else {"unsettled": TRIGGER})


def cause_value(cause: Cause | None) -> Item | None:
    """Write who caused a remediation."""
    return asdict(cause) | {"rule_ids": sorted(cause.rule_ids)} if cause else None


def read_remediation(item: Item) -> Remediation:
    """Read a remediation; raises LedgerError."""
    return read_entry(item, _remediation)


def exemption_item(entry: Exemption, now: datetime, retention: timedelta) -> Item:
    """Write an exemption."""
    values = asdict(entry)
    del values["granted_at"]  # is when the item was written
    to_warn = {"unsettled": EXEMPTION} if not entry.warned and entry.until - now > WARN_BEFORE else {}
    return {
        "pk": partition(entry.place),
        "sk": f"exemption#{entry.exemption_id}",
        **to_warn,
        "schema": SCHEMA,
        **values.pop("place"),
        **values,
        "until": stamp(entry.until),
        "changed_at": stamp(now),
        "ttl": int((entry.until + retention).timestamp()),
    }


def read_exemption(item: Item) -> Exemption:
    """Read an exemption; raises LedgerError."""
    return read_entry(item, _exemption)


def pause_item(entry: Pause) -> Item:
    """Write the pause of a group, or of all acting."""
    values = asdict(entry) | {"changed_at": stamp(entry.changed_at)}
    where = values.pop("place") or {}
    return {"pk": partition(entry.place), "sk": "pause", "schema": SCHEMA, **where, **values}


def read_pause(item: Item) -> Pause:
    """Read a pause; raises LedgerError."""
    return read_entry(item, _pause)


def read_entry[T](item: Item, read: Callable[[Item], T]) -> T:
    """Read an item by `read`; raises LedgerError where that fails, or where a newer Nodewarden wrote it."""
    try:
        if item["schema"] > SCHEMA:
            message = f"the ledger entry {item['pk']} {item['sk']} is of schema {item['schema']}, written by a newer Nodewarden: deploy that one"
            raise LedgerError(message)
        return read(item)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = (
            f"the ledger entry {item.get('pk')} {item.get('sk')} cannot be understood ({error!r}): "
            "nothing is done to its group until it is repaired or removed"
        )
        raise LedgerError(message) from error


def read_number(item: Item, name: str) -> int:
    """Read a whole number, 0 where there is none; raises LedgerError."""
    try:
        return int(item.get(name, 0))
    except (TypeError, ValueError) as error:
        message = (
            f"the ledger entry {item.get('pk')} {item.get('sk')} has a {name} that is no number: repair or remove it"
        )
        raise LedgerError(message) from error


def _place(item: Item) -> Place:
    return Place(account=item["account"], region=item["region"], group_id=item["group_id"])


def _rule(value: Item) -> IngressRule:
    ports = {name: None if value[name] is None else int(value[name]) for name in ("from_port", "to_port")}
    return IngressRule(**value | ports)


def _cause(value: Item | None) -> Cause | None:
    return Cause(**value | {"rule_ids": frozenset(value["rule_ids"])}) if value else None


def _undone(value: Item | None) -> Undone | None:
    return Undone(**value | {"until": datetime.fromisoformat(value["until"])}) if value else None


def _remediation(item: Item) -> Remediation:
    return Remediation(
        remediation_id=item["remediation_id"],
        place=_place(item),
        group_name=item["group_name"],
        group_tags=item["group_tags"],
        outcome=Outcome(item["outcome"]),
        rules=tuple(_rule(rule) for rule in item["rules"]),
        why=item["why"],
        hosts=tuple(item["hosts"]),
        cause=_cause(item["cause"]),
        version=int(item["version"]),
        tries=int(item.get("tries", 0)),
        changed_at=datetime.fromisoformat(item["changed_at"]),
        remaining=tuple(item["remaining"]),
        already_gone=tuple(item["already_gone"]),
        undone=_undone(item["undone"]),
        reopens=item["reopens"],
        closings=int(item.get("closings", 0)),
        reopened_by=tuple(item.get("reopened_by", ())),
        run=item.get("run", ""),
    )


def _port(value: object) -> int | None:
    return None if value is None else int(str(value))


def _exemption(item: Item) -> Exemption:
    return Exemption(
        exemption_id=item["exemption_id"],
        place=_place(item),
        protocol=item["protocol"],
        from_port=_port(item["from_port"]),
        to_port=_port(item["to_port"]),
        source=item["source"],
        until=datetime.fromisoformat(item["until"]),
        reason=item["reason"],
        by=item["by"],
        reopens=item["reopens"],
        granted_at=datetime.fromisoformat(item["changed_at"]),
        warned=item.get("warned", False),
        token=item.get("token", ""),
    )


def _pause(item: Item) -> Pause:
    return Pause(
        place=_place(item) if "group_id" in item else None,
        paused=item["paused"],
        by=item["by"],
        reason=item["reason"],
        changed_at=datetime.fromisoformat(item["changed_at"]),
    )
