"""The words for a sweep: all that a run found and did, at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nodewarden.message.message import Message, command, subject, text
from nodewarden.record import Outcome, stamp

if TYPE_CHECKING:
    from nodewarden.security_group.sweep import Finding, SweepRun

MOST_LINES = 20

# Outcome: severity, and what the subject calls it; worst first.
SAID = {
    Outcome.PARTIAL: ("critical", "STILL OPEN"),
    Outcome.HELD: ("critical", "held by the breaker"),
    Outcome.FLAPPING: ("critical", "left open, flapping"),
    Outcome.REVOKED: ("high", "closed"),
    Outcome.PAUSED: ("high", "not closed, paused"),
    Outcome.OBSERVED: ("high", "open, listed"),
    Outcome.OWNED_ELSEWHERE: ("high", "open, owned by another account"),
    Outcome.LEFT_TO_CONTROLLER: ("medium", "left to its controller"),
    Outcome.EXEMPT: ("info", "exempt"),
    Outcome.GONE: ("info", "closed by somebody else"),
    Outcome.UNDONE: ("info", "undone"),
}
SEVERITIES = ("critical", "high", "medium", "info")
DONE = {
    Outcome.PARTIAL: "Revoked, but EC2 still shows them: the next sweep tries again. Close them by hand if this stays.",
    Outcome.HELD: "Held: more groups opened within an hour than the policy lets through. The sweep after the hour closes them.",
    Outcome.FLAPPING: "Left open, flapping: the policy says to stop closing what comes back.",
    Outcome.REVOKED: "Closed: revoked the rules and looked again. Undo each by its id.",
    Outcome.PAUSED: "Not closed while paused. The verb resume ends it.",
    Outcome.OBSERVED: "Listed only. Set the stack's parameter SweepMode (and Mode) to enforce to have them closed.",
}


def of_sweep(run: SweepRun, stack: str) -> Message | None:
    """Word a finished run; None for one that is still going."""
    if run.finished_at is None:
        return None
    severity, outcome = _severity(run), _outcome(run)
    return Message(
        subject=subject(f"Sweep: {_brief(run)}, {run.region}"),
        text=text(_sections(run, stack)),
        document={
            "schema": 1,
            "kind": "sweep",
            "severity": severity,
            "outcome": outcome,
            "account": run.account,
            "region": run.region,
            "groups": run.looked_at,
            "stopped": run.stopped,
            "counts": dict(run.counts),
            "findings": [_document(finding) for finding in run.findings],
            "exemptions_ending": list(run.ending),
            "without_event": [missed.remediation_id for missed in run.missed],
            "failures": list(run.failures),
            "finished_at": stamp(run.finished_at),
        },
        attributes={"kind": "sweep", "severity": severity, "outcome": outcome},
    )


def _sections(run: SweepRun, stack: str) -> list[tuple[str, str | list[str]]]:
    status = command("OperatorFunction", {"verb": "status"}, None, stack)
    return [
        ("What", [_line(finding) for finding in run.findings[:MOST_LINES]] + _more(run)),
        ("Where", f"account {run.account}, {run.region}: {run.looked_at} groups looked at{_stopped(run)}"),
        (
            "Who",
            "found by the sweep; who opened it is in CloudTrail, and in the ledger once an event has told"
            * bool(run.findings),
        ),
        ("Done", [DONE[outcome] for outcome in SAID if outcome.value in run.counts and outcome in DONE]),
        ("Reopened", [f"{f.group_name}: {who}" for f in run.findings[:MOST_LINES] for who in f.reopened_by]),
        ("Change", "what opens it: the code, the controller's annotation, the habit" if _flaps(run) else ""),
        ("Ending", list(run.ending)),
        ("Events", _missed(run)),
        ("Failed", list(run.failures)),
        ("Evidence", f"ledger: {status}"),
    ]


def _brief(run: SweepRun) -> str:
    said = [f"{run.counts[o.value]} {words}" for o, (_, words) in SAID.items() if run.counts.get(o.value)]
    said += [f"{len(run.missed)} WITHOUT AN EVENT"] if run.missed else []
    said += [f"{len(run.ending)} exemptions end"] if run.ending else []
    said += ["stopped before its end"] if run.stopped else []
    return ", ".join(said)


def _severity(run: SweepRun) -> str:
    found = {SAID[finding.outcome][0] for finding in run.findings} | ({"high"} if run.missed else set())
    found |= {"critical"} if _flaps(run) else set()
    return next((severity for severity in SEVERITIES if severity in found), "medium")


def _flaps(run: SweepRun) -> bool:
    return any(finding.closings for finding in run.findings)


def _outcome(run: SweepRun) -> str:
    """Give the worst outcome, for filters."""
    if run.findings:
        return run.findings[0].outcome.value
    if run.missed:
        return "without-event"
    return "exemptions-ending" if run.ending else "stopped"


def _line(finding: Finding) -> str:
    flapping = f", {finding.closings} times in a day" if finding.closings else ""
    words = SAID[finding.outcome][1]
    return f"{words}{flapping}: {finding.opens} on {finding.group_name or 'a group'}, {finding.remediation_id}"


def _more(run: SweepRun) -> list[str]:
    more = sum(run.counts.values()) - min(len(run.findings), MOST_LINES)
    return [f"and {more} more"] if more > 0 else []


def _stopped(run: SweepRun) -> str:
    return "; stopped before its time was over, and the next run goes on from there" if run.stopped else ""


def _missed(run: SweepRun) -> str:
    if not run.missed:
        return ""
    return (
        f"No event told of {len(run.missed)} openings, such as {run.missed[0].remediation_id}, within an hour. Unless the policy, a "
        "tag or a deployment changed meanwhile, or a host came to an open group, events do not arrive: check that the region has a CloudTrail trail "
        "that logs management events, and that the rules of the stack are enabled."
    )


def _document(finding: Finding) -> dict[str, str]:
    return {
        "remediation": finding.remediation_id,
        "group_name": finding.group_name,
        "outcome": finding.outcome.value,
        "opens": finding.opens,
    }
