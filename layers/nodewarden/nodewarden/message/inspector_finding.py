"""The words for what became of incidents of Inspector's findings: one message for all that became the same at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nodewarden.inspector_finding.coverage import HOSTS_GONE as UNSCANNED_GONE
from nodewarden.inspector_finding.gone import HOSTS_GONE
from nodewarden.inspector_finding.incident import COVERAGE, NETWORK, SOME_SUPPRESSED, State
from nodewarden.message.incident_change import IncidentChange, advice, done, why
from nodewarden.message.inspector_evidence import evidence
from nodewarden.message.message import Message, lasting, subject
from nodewarden.node_group import NodeGroupKey
from nodewarden.record import stamp

if TYPE_CHECKING:
    from nodewarden.inspector_finding.host import Hosts

# A message is at most 256 KB in all its forms: so many incidents, each with so many vulnerabilities, fit. Where findings go by
# long titles, the document has fewer.
MOST_INCIDENTS, MOST_DOCUMENTED, MOST_ABOUT, MOST_ADVICE = 20, 50, 5, 10
MOST_BYTES = 250_000  # SNS Publish: 262,144 with the attributes
LONGEST_NAME = 64  # characters of what it is about: an id of a vulnerability is no longer, a title may be

# What the subject calls it, and how severe it is.
SAID = {
    State.REQUESTED: ("Urgent rollout asked for", "high"),
    State.IN_ROLLOUT: ("Rolled already", "medium"),
    State.WAITING: ("Waiting for an AMI", "medium"),
    State.NOT_ROLLED: ("Vulnerable, and NOT rolled", "high"),
    State.NOT_FIXED: ("NOT fixed by the new AMI", "high"),
    State.NOT_TO_BLAME: ("Reachable, and no security group is to blame", "high"),
    State.NOT_SCANNED: ("Not scanned by Inspector", "medium"),
    State.CLOSED: ("Closed by Inspector", "info"),
    State.RECORDED: ("No longer urgent", "info"),
}
# The end of what is no vulnerability.
OVER = {NETWORK: "No longer reachable", COVERAGE: "Scanned by Inspector again"}
ENDED = {
    SOME_SUPPRESSED: "Suppressed in Inspector",
    HOSTS_GONE: "Gone with its hosts",
    UNSCANNED_GONE: "Gone, and was never scanned by Inspector",
}


@dataclass(frozen=True, slots=True)
class IncidentsChange:
    """Changes of incidents to one and the same state, in one account and region: a flood is told at once."""

    changes: tuple[IncidentChange, ...]


def of_incidents(told: IncidentsChange, stack: str) -> Message:
    """Word one change, or many; the document has as many of them as fit."""
    documented = MOST_DOCUMENTED
    while len((message := _worded(told, stack, documented)).bodies().encode()) > MOST_BYTES and documented:
        documented //= 2
    return message


def _worded(told: IncidentsChange, stack: str, documented: int) -> Message:
    first = told.changes[0]
    key, outcome = first.incident.key, first.change.state
    said, severity = SAID[outcome]
    if first.took is not None:
        said = ENDED.get(first.incident.reason, OVER.get(key.about, said))
    about = list(dict.fromkeys(each for change in told.changes for each in change.about))
    return Message(
        subject=subject(f"{said}: {_several(about, 1)} on {_whose(told)}, {key.region}"),
        sections=_sections(told, about, stack),
        document={
            "schema": 1,
            "kind": "inspector_finding",
            "severity": severity,
            "outcome": outcome.value,
            "account": key.account,
            "region": key.region,
            "about": about[:documented],
            "incidents": [_document(change) for change in told.changes[:documented]],
            "incidents_in_all": len(told.changes),
        },
        attributes={"kind": "inspector_finding", "severity": severity, "outcome": outcome.value},
    )


def _sections(told: IncidentsChange, about: list[str], stack: str) -> list[tuple[str, str | list[str]]]:
    key = told.changes[0].incident.key
    whole = told.changes[0] if len(told.changes) == 1 else None
    listed = [] if whole else [_line(change, about) for change in told.changes[:MOST_INCIDENTS]]
    more = len(told.changes) - MOST_INCIDENTS
    return [
        ("What", [_counted(whole) if whole else _several(about, MOST_ABOUT), *listed, *_more(0 if whole else more)]),
        ("Where", f"{f'{_hosts_and_image(whole)}, ' if whole else ''}account {key.account}, {key.region}"),
        ("Why", why(whole) if whole else ""),
        ("Who", "found by Amazon Inspector"),
        ("Took", f"{lasting(whole.took)}, since Inspector first saw any of it" if whole and whole.took else ""),
        ("Done", list(dict.fromkeys(done(change) for change in told.changes[:MOST_INCIDENTS]))),
        ("Advice", list(dict.fromkeys(filter(None, map(advice, told.changes))))[:MOST_ADVICE]),
        ("Evidence", list(evidence([change.incident for change in told.changes], about, stack))),
    ]


def _counted(change: IncidentChange) -> str:
    """Say what it is about, with the number of findings, or of hosts' scans; of what is over there is none."""
    counts = change.incident.urgent
    what = [
        f"{_short(each)} ({_counting(counts[each], _unit(change))})" if each in counts else _short(each)
        for each in change.about
    ]
    return _listed(what, MOST_ABOUT * 4)


def _line(change: IncidentChange, about: list[str]) -> str:
    """Say of one incident of several what is not the same of all."""
    findings = sum(change.incident.urgent.get(each, 0) for each in change.about)
    its_own = [_several(list(change.about), MOST_ABOUT)] if {*change.about} != {*about} else []
    counted = [_counting(findings, _unit(change))] if findings else []
    over = [] if change.took is None else [f"after {lasting(change.took)}"]
    reason = f": {why(change)}" if why(change) else ""
    return f"{', '.join([_hosts_and_image(change), *its_own, *counted, *over])}{reason}"


def _hosts_and_image(change: IncidentChange) -> str:
    incident = change.incident
    image = "" if incident.key.about in {NETWORK, COVERAGE} else f" ({incident.key.about})"
    return f"{hosts_of(incident.key.hosts)}{image}"


def hosts_of(hosts: Hosts) -> str:
    """Name hosts: a node group, or what else they are."""
    if isinstance(hosts, NodeGroupKey):
        return f"node group {hosts}"
    return f"{hosts.kind.value} hosts {hosts.cluster}{f'/{hosts.where}' * bool(hosts.where)}"


def _whose(told: IncidentsChange) -> str:
    """Name one for the subject, or count them."""
    hosts = {change.incident.key.hosts for change in told.changes}
    if len(hosts) == 1:
        return hosts_of(*hosts).removeprefix("node group ")
    kind = "node groups" if all(isinstance(each, NodeGroupKey) for each in hosts) else "kinds of hosts"
    return f"{len(hosts)} {kind}"


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _several(names: list[str], most: int) -> str:
    return _listed([*map(_short, names)], most)


def _listed(names: list[str], most: int) -> str:
    more = len(names) - most
    return f"{', '.join(names[:most])}{f' and {more} more' if more > 0 else ''}" or "findings"


def _unit(change: IncidentChange) -> str:
    return "scan" if change.incident.key.about == COVERAGE else "finding"


def _counting(count: int, unit: str) -> str:
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _more(count: int) -> list[str]:
    return [f"and {count} more"] if count > 0 else []


def _document(change: IncidentChange) -> dict[str, object]:
    incident = change.incident
    hosts = incident.key.hosts
    return {
        "incident": incident.key.incident_id,
        "cluster": hosts.cluster,
        "node_group": hosts.name if isinstance(hosts, NodeGroupKey) else None,
        "other_hosts": None if isinstance(hosts, NodeGroupKey) else f"{hosts.kind.value} {hosts.where}".strip(),
        "image_id": incident.key.about,
        "about": list(change.about),
        "findings": {each: incident.urgent[each] for each in change.about if each in incident.urgent},
        "runs": incident.release_version,
        "target": incident.target,
        "rollout": incident.rollout_id,
        "reason": incident.reason,
        "advice": advice(change),
        "seconds": None if change.took is None else int(change.took.total_seconds()),
        "at": stamp(incident.changed_at) if incident.changed_at else None,
    }
