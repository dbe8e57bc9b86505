"""Hosts that Inspector does not scan: told once for each node group and reason, over when they are scanned again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nodewarden.inspector_finding.action import RecordFinding
from nodewarden.inspector_finding.decision import Decision, decided
from nodewarden.inspector_finding.finding import Status
from nodewarden.inspector_finding.incident import COVERAGE, Incident, IncidentKey, State
from nodewarden.inspector_finding.judgement import judge_scan
from nodewarden.inspector_finding.merge import Record, merge
from nodewarden.inspector_finding.scan import NO_HOST, advice_on

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from nodewarden.inspector_finding.finding import Coverage
    from nodewarden.inspector_finding.host import Hosts

SCANNED, HOSTS_GONE = "Inspector scans these hosts again, or is about to", "these hosts are gone, or stopped"


def coverage_key(account: str, region: str, hosts: Hosts) -> IncidentKey:
    """Say which incident tells that hosts are not scanned."""
    return IncidentKey(account=account, region=region, hosts=hosts, about=COVERAGE)


def records(coverage: Coverage) -> tuple[Record, ...]:
    """Give a record for each instance; it stands under `<instance>/<type of scan>`, as there is no finding."""
    scanned = coverage.active or coverage.reason in NO_HOST
    return tuple(
        Record(
            arn=f"{instance_id}/{coverage.scan}",
            kind=None,
            status=Status.CLOSED if scanned else Status.ACTIVE,
            about=coverage.reason,
            title=f"{coverage.scan}: {coverage.reason}",
            instance_id=instance_id,
            updated_at=coverage.at,
            first_observed_at=coverage.at,
        )
        for instance_id in coverage.instance_ids
    )


def decide_coverage(
    key: IncidentKey, words: Iterable[Record], before: Incident | None, known: Mapping[str, Record], now: datetime
) -> Decision:
    """Decide what follows from words about the scans of one node group's hosts; `known` as for `merge`."""
    merged, changed = merge(before or Incident(key=key), known, words, judge_scan)
    gone = bool(changed) and all(each.about in NO_HOST for each in changed)
    after = merged if merged.urgent else merged.over(now, HOSTS_GONE if gone else SCANNED)
    for reason in merged.urgent:
        after = after.moved(State.NOT_SCANNED, reason, now, reason=reason, advice=advice_on(reason))
    return decided(before, after, (), tuple(map(RecordFinding, changed)))
