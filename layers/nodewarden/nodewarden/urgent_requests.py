"""The urgent rollouts that findings ask for, as planning sees them: which are served, and why a rollout is urgent."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from nodewarden.rollout.plan import Why

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from nodewarden.ami_release.standing import Standing
    from nodewarden.errors import NodewardenError
    from nodewarden.finding_ledger import FindingLedger
    from nodewarden.inspector_finding.action import RequestUrgent
    from nodewarden.node_group import NodeGroupKey, Target
    from nodewarden.rollout.plan import Pair
    from nodewarden.rollout.state import Rollout

INDEX_LAGS = timedelta(hours=1)  # far more than it does: DynamoDB says moments, and gives no bound
MOST_NAMED = 5  # vulnerabilities and node groups that the reason of a rollout names


def takes(rollout: Rollout, key: NodeGroupKey, target: Target) -> bool:
    """Tell whether a rollout brings a node group to a target."""
    group = rollout.groups.get(key)
    return group is not None and group.target.release_version == target.release_version


def asked_for(ledger: FindingLedger, now: datetime, failures: list[NodewardenError]) -> tuple[RequestUrgent, ...]:
    """Read the requests that open incidents still have a reason for.

    One without is let go of when it is old enough for its incident not to be missing in the index any more. Where an
    incident cannot be read, it may be any request's: all count.
    """
    requests = ledger.requests(failures)
    unread: list[NodewardenError] = []
    found = ledger.opened(unread) if requests else ()
    asking = {each.incident.key.hosts for each in found if each.incident.asks}
    without = [] if unread else [asked for asked in requests if asked.request.node_group not in asking]
    for asked in without:
        if now - asked.at >= INDEX_LAGS:
            ledger.settle(asked.request)
    return tuple(asked.request for asked in requests if asked not in without)


def let_go(
    requests: Iterable[RequestUrgent],
    standings: Iterable[Standing],
    rollouts: Collection[Rollout],
    through: Mapping[Pair, int],
    ledger: FindingLedger,
) -> None:
    """Let go of requests that are served, or that cannot be any more; the others wait, however long."""
    stands = {standing.node_group.key: standing for standing in standings}
    for request in requests:
        key, release = request.node_group, request.target.release_version
        served = any(rollout.urgent and takes(rollout, key, request.target) for rollout in rollouts)
        if served or (key, release) in through or (key in stands and _is_past(release, stands[key])):
            ledger.settle(request)


def _is_past(release: str, standing: Standing) -> bool:
    """Tell whether a node group runs a release, or has another target by now, for which findings ask anew."""
    newer = standing.target is not None and standing.target.release_version != release
    return newer or standing.node_group.release_version == release


def urgent_because(requests: Sequence[RequestUrgent]) -> Why:
    """Say why a rollout is urgent: what Inspector found, and where."""
    cves = sorted({cve for request in requests for cve in request.cves})
    groups = sorted({str(request.node_group) for request in requests})
    return Why(reason=f"Inspector found {_some(cves)} on {_some(groups)}", urgent=True)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
