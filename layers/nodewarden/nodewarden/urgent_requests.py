"""The urgent rollouts that findings ask for, as planning sees them: which are served, and why a rollout is urgent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nodewarden.rollout.plan import Why

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from nodewarden.ami_release.standing import Standing
    from nodewarden.finding_ledger import FindingLedger
    from nodewarden.inspector_finding.action import RequestUrgent
    from nodewarden.node_group import NodeGroupKey, Target
    from nodewarden.rollout.plan import Pair
    from nodewarden.rollout.state import Rollout

MOST_NAMED = 5  # vulnerabilities and node groups that the reason of a rollout names


def takes(rollout: Rollout, key: NodeGroupKey, target: Target) -> bool:
    """Tell whether a rollout brings a node group to a target."""
    group = rollout.groups.get(key)
    return group is not None and group.target.release_version == target.release_version


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
