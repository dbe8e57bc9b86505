"""The words for what became of incidents of Inspector's findings: one message for all that became the same at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from nodewarden.inspector_finding.action import (
    Close,
    JoinRollout,
    TellNotFixed,
    TellNotRolled,
    TellNotScanned,
    TellNotToBlame,
    TellRequested,
    WaitForAmi,
    named,
    tellings,
)
from nodewarden.inspector_finding.incident import COVERAGE, NETWORK, State
from nodewarden.message.inspector_evidence import evidence
from nodewarden.message.message import Message, lasting, subject, text
from nodewarden.node_group import NodeGroupKey
from nodewarden.record import stamp

if TYPE_CHECKING:
    from nodewarden.inspector_finding.action import Telling
    from nodewarden.inspector_finding.host import Hosts
    from nodewarden.inspector_finding.incident import Change, Incident

# A message is at most 256 KB in all its forms: so many incidents, each with so many vulnerabilities, fit.
MOST_INCIDENTS, MOST_DOCUMENTED, MOST_ABOUT, MOST_ADVICE = 20, 50, 5, 10

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


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentChange:
    """A change of an incident that is to be told, and the incident as it was written with it."""

    incident: Incident
    change: Change

    @property
    def telling(self) -> Telling:
        """What is to be said of it."""
        (told,) = tellings(replace(self.incident, news=(self.change,)))
        return told

    @property
    def about(self) -> tuple[str, ...]:
        """The vulnerabilities, what can be reached, or why hosts are not scanned; the worst known of first."""
        match self.telling:
            case TellNotScanned(reason=reason):
                return (reason,)
            case Close(cves=cves):
                return cves
            case _:
                return named(self.incident.urgent)


@dataclass(frozen=True, slots=True)
class IncidentsChange:
    """Changes of incidents to one and the same state, in one account and region: a flood is told at once."""

    changes: tuple[IncidentChange, ...]


def of_incidents(told: IncidentsChange) -> Message:
    """Word one change, or many."""
    first = told.changes[0]
    key, outcome = first.incident.key, first.change.state
    said, severity = SAID[outcome]
    if isinstance(first.telling, Close):
        said = OVER.get(key.about, said)
    about = list(dict.fromkeys(each for change in told.changes for each in change.about))
    return Message(
        subject=subject(f"{said}: {_several(about, 1)} on {_whose(told)}, {key.region}"),
        text=text(_sections(told, about)),
        document={
            "schema": 1,
            "kind": "inspector_finding",
            "severity": severity,
            "outcome": outcome.value,
            "account": key.account,
            "region": key.region,
            "about": about[:MOST_DOCUMENTED],
            "incidents": [_document(change) for change in told.changes[:MOST_DOCUMENTED]],
            "incidents_in_all": len(told.changes),
        },
        attributes={"kind": "inspector_finding", "severity": severity, "outcome": outcome.value},
    )


def _sections(told: IncidentsChange, about: list[str]) -> list[tuple[str, str | list[str]]]:
    key = told.changes[0].incident.key
    whole = told.changes[0] if len(told.changes) == 1 else None
    listed = [] if whole else [_line(change) for change in told.changes[:MOST_INCIDENTS]]
    more = len(told.changes) - MOST_INCIDENTS
    return [
        ("What", [_counted(whole) if whole else _several(about, MOST_ABOUT), *listed, *_more(0 if whole else more)]),
        ("Where", f"{f'{_hosts_and_image(whole)}, ' if whole else ''}account {key.account}, {key.region}"),
        ("Why", _why(whole) if whole else ""),
        ("Who", "found by Amazon Inspector"),
        ("Took", _took(whole.telling) if whole else ""),
        ("Done", list(dict.fromkeys(_done(change) for change in told.changes[:MOST_INCIDENTS]))),
        ("Advice", list(dict.fromkeys(filter(None, map(_advice, told.changes))))[:MOST_ADVICE]),
        ("Evidence", list(evidence([change.incident for change in told.changes], about))),
    ]


def _counted(change: IncidentChange) -> str:
    """Say what it is about, with the number of findings, or of hosts' scans; of what is over there is none."""
    counts, unit = change.incident.urgent, "scan" if change.incident.key.about == COVERAGE else "finding"
    what = [f"{each} ({_counting(counts[each], unit)})" if each in counts else each for each in change.about]
    return _several(what, MOST_ABOUT * 4)


def _line(change: IncidentChange) -> str:
    over = f" after {lasting(change.telling.took)}" if isinstance(change.telling, Close) else ""
    why = f": {_why(change)}" if _why(change) else ""
    return f"{_hosts_and_image(change)}: {_several(list(change.about), MOST_ABOUT)}{over}{why}"


def _why(change: IncidentChange) -> str:
    """Give the reason, where it is not said already as what it is about or what was done."""
    return "" if isinstance(change.telling, (TellNotScanned, Close)) else change.incident.reason


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


def _took(telling: Telling) -> str:
    return f"{lasting(telling.took)}, since Inspector first saw any of it" if isinstance(telling, Close) else ""


def _done(change: IncidentChange) -> str:  # noqa: PLR0911  # one for each
    match change.telling:
        case TellRequested(release_version=release):
            hastens = f", in place of {change.incident.rollout_id}" * bool(change.incident.rollout_id)
            return (
                f"Asked for an urgent rollout to {release}{hastens}: it skips what rollout.toml lets an urgent one skip, and "
                "its plan is told by itself, with the way to end it. Inspector closes the findings if the AMI has the fix."
            )
        case JoinRollout(rollout_id=rollout_id, release_version=release):
            return f"Nothing more: the rollout {rollout_id} takes it to {release} already."
        case WaitForAmi(release_version=release):
            return f"Nothing is rolled: it runs {release}, and there is nothing newer to roll to. The message about the next release names this."
        case TellNotRolled():
            return "Nothing is rolled."
        case TellNotFixed():
            return "Nothing more until the next release, whose message names this."
        case TellNotToBlame():
            return "Judged the security groups on the way: there is nothing to close in them."
        case TellNotScanned():
            return (
                "Nothing: what is not scanned has no findings, and looks safe. You hear when Inspector scans it again."
            )
        case Close(reason=reason):
            return f"Closed the incident: {reason}."
        case _ as never:
            assert_never(never)


def _advice(change: IncidentChange) -> str:
    match change.telling:
        case TellNotScanned(advice=advice):
            return advice
        case Close():
            return ""
        case _:
            return change.incident.advice


def _several(names: list[str], most: int) -> str:
    more = len(names) - most
    return f"{', '.join(names[:most])}{f' and {more} more' if more > 0 else ''}" or "findings"


def _counting(count: int, unit: str) -> str:
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _more(count: int) -> list[str]:
    return [f"and {count} more"] if count > 0 else []


def _document(change: IncidentChange) -> dict[str, object]:
    incident = change.incident
    hosts, closed = incident.key.hosts, change.telling
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
        "advice": _advice(change),
        "seconds": int(closed.took.total_seconds()) if isinstance(closed, Close) else None,
        "at": stamp(incident.changed_at) if incident.changed_at else None,
    }
