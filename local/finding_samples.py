"""One change of each kind about Inspector's findings: what becomes of a node group at risk, of hosts that are reached or not scanned."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from nodewarden.ami_release.unmanaged import Kind, Unmanaged
from nodewarden.inspector_finding.coverage import HOSTS_GONE, SCANNED
from nodewarden.inspector_finding.decision import LOOK_ELSEWHERE
from nodewarden.inspector_finding.incident import (
    ALL_CLOSED,
    COVERAGE,
    NETWORK,
    SOME_SUPPRESSED,
    Change,
    Incident,
    IncidentKey,
    State,
)
from nodewarden.inspector_finding.scan import advice_on
from nodewarden.message.incident_change import IncidentChange
from nodewarden.message.inspector_finding import IncidentsChange
from nodewarden.node_group import NodeGroupKey

ACCOUNT, REGION = "111122223333", "eu-central-1"
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
IMAGE, CVE, LATER_CVE = "ami-0123456789abcdef0", "CVE-2026-10001", "CVE-2026-10007"
BEHIND, RELEASE = "1.33.5-20261114", "1.33.5-20261123"
WORKERS, WEB, CACHE = (
    NodeGroupKey(account=ACCOUNT, region=REGION, cluster="shop", name=name) for name in ("workers", "web", "cache")
)
KARPENTER = Unmanaged(cluster="shop", kind=Kind.KARPENTER, where="spot")


def incidents() -> dict[str, IncidentsChange]:
    """Give each change of an incident that is told, by its name."""
    unfixed = f"it runs {RELEASE} since 2026-11-22 08:00 UTC: the new AMI does not fix it"
    patch = "Patch its hosts, change what they run, or ignore the vulnerability with a reason; else it waits for the next release."
    return {
        "findings-urgent-rollout": _told(*(_behind(group) for group in (WORKERS, WEB, CACHE))),
        "findings-urgent-rollout-in-place": _told(replace(_behind(), rollout_id="al2023-0123456789ab")),
        "findings-rolled-already": _told(_in_rollout()),
        "findings-wait-for-an-ami": _told(_waits(WORKERS), _waits(WEB)),
        "findings-wait-too": _told(_waits(WORKERS, only=(LATER_CVE,))),
        "findings-not-rolled": _told(
            _in_state(State.NOT_ROLLED, "", KARPENTER.reason, KARPENTER.advice, hosts=KARPENTER)
        ),
        "findings-not-fixed": _told(_in_state(State.NOT_FIXED, RELEASE, unfixed, patch, runs=RELEASE)),
        "findings-reachable": _told(_reachable()),
        "findings-not-reachable-any-more": _told(_over(NETWORK, ALL_CLOSED, "TCP/22")),
        "findings-not-scanned": _told(_not_scanned()),
        "findings-scanned-again": _told(_over(COVERAGE, SCANNED, "NO_INVENTORY")),
        "findings-of-hosts-that-are-gone": _told(_over(COVERAGE, HOSTS_GONE, "NO_INVENTORY")),
        "findings-closed": _told(_over(IMAGE, ALL_CLOSED, CVE)),
        "findings-suppressed": _told(_over(IMAGE, SOME_SUPPRESSED, CVE)),
        "findings-not-urgent-any-more": _told(
            replace(_over(IMAGE, "what is still open is not urgent by the policy", CVE, state=State.RECORDED), open=40)
        ),
    }


def _told(*changed: Incident) -> IncidentsChange:
    return IncidentsChange(
        tuple(IncidentChange(incident=incident, change=change) for incident in changed for change in incident.news)
    )


def _in_state(  # noqa: PLR0913, PLR0917  # a sample says all
    state: State,
    about: str,
    reason: str,
    advice: str,
    hosts: NodeGroupKey | Unmanaged = WORKERS,
    runs: str = BEHIND,
    only: tuple[str, ...] = (),
) -> Incident:
    return Incident(
        key=IncidentKey(account=ACCOUNT, region=REGION, hosts=hosts, about=IMAGE),
        state=state,
        reason=reason,
        advice=advice,
        open=40,
        urgent={CVE: 40} | dict.fromkeys(only, 40),
        concerned=frozenset({CVE, *only}),
        first_observed_at=NOW - timedelta(hours=1),
        last_change_at=NOW,
        changed_at=NOW,
        release_version=runs if isinstance(hosts, NodeGroupKey) else "",
        news=(Change(state=state, about=about, only=only),),
        messages=1,
        version=1,
    )


def _behind(hosts: NodeGroupKey = WORKERS) -> Incident:
    asked = _in_state(State.REQUESTED, RELEASE, f"it is behind {RELEASE}", "", hosts)
    return replace(asked, target=RELEASE)


def _in_rollout() -> Incident:
    reason = "the rollout al2023-0123456789ab is rolling"
    return replace(_in_state(State.IN_ROLLOUT, RELEASE, reason, ""), rollout_id="al2023-0123456789ab", target=RELEASE)


def _waits(hosts: NodeGroupKey, only: tuple[str, ...] = ()) -> Incident:
    advice = "Nothing to do: the next release is rolled as urgent. To have less at risk until then, patch or replace its hosts."
    return _in_state(State.WAITING, RELEASE, f"it runs {RELEASE}, the newest", advice, hosts, RELEASE, only)


def _reachable() -> Incident:
    reached = _in_state(
        State.NOT_TO_BLAME, "", "no rule of the security groups on the way offends", LOOK_ELSEWHERE, only=("TCP/8443",)
    )
    key = replace(reached.key, about=NETWORK)
    return replace(reached, key=key, urgent={"TCP/22": 2, "TCP/8443": 1}, open=3, release_version="")


def _not_scanned() -> Incident:
    told = _in_state(State.NOT_SCANNED, "NO_INVENTORY", "NO_INVENTORY", advice_on("NO_INVENTORY"))
    return replace(
        told, key=replace(told.key, about=COVERAGE), urgent={"NO_INVENTORY": 12}, open=12, release_version=""
    )


def _over(about: str, reason: str, what: str, state: State = State.CLOSED) -> Incident:
    over = _in_state(state, "", reason, "")
    return replace(
        over,
        key=replace(over.key, about=about),
        open=0,
        urgent={},
        concerned=frozenset({what}),
        first_observed_at=NOW - timedelta(hours=28, minutes=40),
    )
