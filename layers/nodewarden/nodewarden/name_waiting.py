"""Naming the incidents that a release may close: on its sighting, from which people and the bus hear of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nodewarden.ami_release.sighting import NewsKind
from nodewarden.inspector_finding.waiting import Released, may_close

if TYPE_CHECKING:
    from nodewarden.ami_release.sighting import News
    from nodewarden.finding_ledger import FindingLedger
    from nodewarden.inspector_finding.incident import Incident


def name_waiting(news: list[News], ledger: FindingLedger) -> list[News]:
    """Name on each release what waits for it; what waits is read only where something is released. Raises LedgerError."""
    if not any(each.kind is NewsKind.RELEASED for each in news):
        return news
    incidents = ledger.open()
    return [_named(each, incidents, ledger) for each in news]


def _named(news: News, incidents: tuple[Incident, ...], ledger: FindingLedger) -> News:
    sighting = news.sighting
    if news.kind is not NewsKind.RELEASED or sighting is None:
        return news
    released = Released(
        account=ledger.account,
        region=ledger.region,
        ami_type=sighting.ami_type,
        minor=sighting.minor,
        release_version=sighting.release_version,
    )
    return replace(news, sighting=replace(sighting, may_close=may_close(incidents, released)))
