"""Which incidents wait for an AMI that is released now, and how the release names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nodewarden.ami_release.may_close import MayClose
from nodewarden.inspector_finding.incident import State
from nodewarden.node_group import NodeGroupKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nodewarden.inspector_finding.incident import Incident

WAITS = frozenset({State.WAITING, State.NOT_FIXED})
# Incidents of a release, and what each is about: forty releases are one item of the table.
MOST_NAMED, MOST_ABOUT = 10, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A release for an AMI type and Kubernetes minor of one account and region, as `Node AMI Released` says it."""

    account: str
    region: str
    ami_type: str
    minor: str
    release_version: str


def names_for_release(incidents: Iterable[Incident], released: Released) -> tuple[Incident, ...]:
    """Give the incidents that a release may close, in the order of their ids.

    It may: Inspector says whether it does, when hosts run it.
    """
    may = [incident for incident in incidents if incident.state in WAITS and _is_for(incident, released)]
    return tuple(sorted(may, key=lambda incident: incident.key.incident_id))


def _is_for(incident: Incident, released: Released) -> bool:
    key = incident.key
    same = (key.account, key.region, incident.ami_type, incident.minor)
    return (
        same == (released.account, released.region, released.ami_type, released.minor)
        and incident.release_version != released.release_version
    )


def may_close(incidents: Iterable[Incident], released: Released) -> tuple[MayClose, ...]:
    """Give what a release says of the incidents that it may close, the first of them."""
    return tuple(
        MayClose(
            incident_id=incident.key.incident_id,
            cluster=hosts.cluster,
            node_group=hosts.name,
            about=tuple(sorted(incident.urgent)[:MOST_ABOUT]),
        )
        for incident in names_for_release(incidents, released)[:MOST_NAMED]
        if isinstance(hosts := incident.key.hosts, NodeGroupKey)
    )
