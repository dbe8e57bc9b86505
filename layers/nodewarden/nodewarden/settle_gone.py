"""Closing findings of hosts that are gone, where Inspector's word that it closed them is missing."""

from __future__ import annotations

from dataclasses import replace
from itertools import batched
from typing import TYPE_CHECKING

from nodewarden.errors import NodewardenError
from nodewarden.finding_ledger import MOST_TOGETHER, Memory
from nodewarden.inspector_finding.gone import decide_gone, is_silent
from nodewarden.settle_incident import settle

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from nodewarden.finding_item import Remembered
    from nodewarden.finding_ledger import Opened
    from nodewarden.fleet_wiring import FleetWiring
    from nodewarden.inspector_finding.incident import Incident


def settle_gone(
    opened: Sequence[Opened], wired: FleetWiring, now: datetime, failures: list[NodewardenError]
) -> tuple[Opened, ...]:
    """Close what is open for long of hosts that are terminated; gives the incidents as they are then.

    One that somebody else wrote meanwhile, or that could not be read, is left for the next sweep as it is.
    """
    silent: dict[str, list[Remembered]] = {}
    for each in opened:
        try:
            silent[each.incident.key.incident_id] = _silent(each.incident, wired, now)
        except NodewardenError as error:
            failures.append(error)
    hosts = {found.record.instance_id for some in silent.values() for found in some}
    try:
        there = wired.instances(wired.account, wired.region).there(sorted(hosts))
    except NodewardenError as error:
        failures.append(error)
        return tuple(opened)
    after = []
    for each in opened:
        some = silent.get(each.incident.key.incident_id, [])
        gone = [found for found in some if found.record.instance_id not in there]
        try:
            after.append(_close(each, gone, wired, now))
        except NodewardenError as error:
            failures.append(error)
    return tuple(each for each in after if each)


def _silent(incident: Incident, wired: FleetWiring, now: datetime) -> list[Remembered]:
    after, since = wired.finding_policy.give_up_after, incident.first_observed_at
    if since is None or now - since < after:
        return []
    return [each for each in wired.finding_ledger.findings_of(incident.key) if is_silent(each.record, after, now)]


def _close(each: Opened, gone: Iterable[Remembered], wired: FleetWiring, now: datetime) -> Opened | None:
    """Give the incident with these closed; None where somebody else wrote it meanwhile."""
    for some in batched(gone, MOST_TOGETHER, strict=False):
        memory = Memory(incident=each.incident, findings={one.record.arn: one for one in some})
        records = {arn: one.record for arn, one in memory.findings.items()}
        decision = decide_gone(each.incident, records, wired.finding_policy, now)
        written = settle(decision, memory, wired.finding_ledger, now)
        if written is None:
            return None
        each = replace(each, incident=written)  # what is written next is over this
    return each
