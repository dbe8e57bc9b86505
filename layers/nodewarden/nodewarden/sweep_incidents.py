"""Deciding again about incidents that are open, without news of Inspector: the world and the policy move on.

What a look at the fleet sees of node groups and rollouts decides: that a release came, that the group is in a wave now,
that it was rolled and its findings stay; and that hosts are gone of which Inspector says no more. Where the policy says
something else than when findings were judged, they are judged again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from itertools import batched
from typing import TYPE_CHECKING

from nodewarden.errors import NodewardenError
from nodewarden.finding_ledger import MOST_TOGETHER, Memory
from nodewarden.gather_standing import Stands, last_rollouts
from nodewarden.inspector_finding.coverage import decide_coverage
from nodewarden.inspector_finding.decision import Look, decide
from nodewarden.inspector_finding.incident import COVERAGE, OVER
from nodewarden.inspector_finding.judgement import judging
from nodewarden.node_group import NodeGroupKey
from nodewarden.settle_gone import settle_gone
from nodewarden.settle_incident import settle

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from nodewarden.ami_release.sighting import Sighting
    from nodewarden.ami_release.standing import Standing
    from nodewarden.finding_item import Remembered
    from nodewarden.finding_ledger import FindingLedger, Opened
    from nodewarden.fleet_wiring import FleetWiring
    from nodewarden.gather_fleet import Fleet
    from nodewarden.inspector_finding.incident import Incident
    from nodewarden.inspector_finding.policy import FindingPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What incidents are decided by."""

    ledger: FindingLedger
    policy: FindingPolicy
    stands: Stands
    now: datetime


def sweep_incidents(
    fleet: Fleet, standings: Iterable[Standing], sightings: Mapping[str, Sighting], wired: FleetWiring, now: datetime
) -> None:
    """Decide about each incident of a fleet that is looked at; one that fails does not keep the others back."""
    found = settle_gone(wired.finding_ledger.opened(fleet.failures), wired, now, fleet.failures)
    opened = [each for each in found if _is_left(each.incident) or each.incident.key.about != COVERAGE]
    if not opened:
        return
    groups = {each.incident.key.hosts for each in opened}
    stand = {standing.node_group.key: standing for standing in standings if standing.node_group.key in groups}
    rollouts = last_rollouts(stand.values(), sightings, wired.rollout_ledger, now, fleet.failures) if stand else {}
    stands = Stands(asked=tuple(stand), standings=stand, rollouts=rollouts, unseen=fleet.unseen)
    sweep = Sweep(ledger=wired.finding_ledger, policy=wired.finding_policy, stands=stands, now=now)
    policy_now = _fingerprint(sweep.policy, now)
    for each in opened:
        if _is_seen(each.incident, stands):
            try:
                _sweep(each, sweep, policy_now)
            except NodewardenError as error:
                error.add_note(f"in the incident {each.incident.key.incident_id}")
                fleet.failures.append(error)


def _is_left(incident: Incident) -> bool:
    """Tell whether an incident has nothing urgent open and is not over: its findings were counted, and no more."""
    return not incident.urgent and incident.state not in OVER


def _is_seen(incident: Incident, stands: Stands) -> bool:
    """Tell whether an incident can be decided: its node group is seen, or is surely gone, or there is none."""
    hosts = incident.key.hosts
    return (
        _is_left(incident)
        or not isinstance(hosts, NodeGroupKey)
        or hosts in stands.standings
        or hosts.cluster not in stands.unseen
    )


def _sweep(each: Opened, sweep: Sweep, policy_now: str) -> None:
    incident: Incident | None = each.incident
    if _is_left(each.incident):
        incident = _decide(each.incident, (), sweep)
    if incident and incident.key.about == COVERAGE:
        return
    if each.judged_by != policy_now:
        for some in batched(_judged_otherwise(each.incident, sweep), MOST_TOGETHER, strict=False):
            incident = incident and _decide(incident, some, sweep)
        if incident:
            sweep.ledger.judged_by(incident, policy_now)
    if incident and incident.urgent:
        _decide(incident, (), sweep)


def _judged_otherwise(incident: Incident, sweep: Sweep) -> list[Remembered]:
    """Read the findings of which the policy says now what it did not say when they were judged.

    Those that are urgent now come first: so an incident does not close in between.
    """
    judge = judging(incident.key, sweep.policy, sweep.now)

    found = [each for each in sweep.ledger.findings_of(incident.key) if judge(each.record) != each.record]
    return sorted(found, key=lambda each: not (each.record.open and judge(each.record).urgent))


def _decide(incident: Incident, remembered: Iterable[Remembered], sweep: Sweep) -> Incident | None:
    """Decide about an incident and write it; None where somebody else wrote meanwhile: the next sweep sees it."""
    memory = Memory(incident=incident, findings={each.record.arn: each for each in remembered})
    look = Look(
        key=incident.key, incident=incident, records={arn: each.record for arn, each in memory.findings.items()}
    )
    if incident.key.about == COVERAGE:
        return settle(decide_coverage(incident.key, (), incident, {}, sweep.now), memory, sweep.ledger, sweep.now)
    if isinstance(hosts := incident.key.hosts, NodeGroupKey):
        look = replace(look, standing=sweep.stands.standings.get(hosts), rollout=sweep.stands.rollouts.get(hosts))
    return settle(decide(look, sweep.policy, sweep.now), memory, sweep.ledger, sweep.now)


def _fingerprint(policy: FindingPolicy, now: datetime) -> str:
    """Tell policies apart by what they say of findings at a moment: entries come to their end."""
    holding = [
        [named for named in some if named.until is None or now < named.until] for some in (policy.always, policy.ignore)
    ]
    return hashlib.sha256(repr((policy.urgent, holding)).encode()).hexdigest()[:16]
