"""The words for what people did: exemptions, pauses."""

from __future__ import annotations

from nodewarden.message.message import TO_FILL_IN, Message, Sections, command, subject
from nodewarden.record import Exemption, Pause, Place, Resumed, stamp


def of_exemption(e: Exemption, stack: str) -> Message | None:
    """Word a person's exemption; None for one that an undo made, which tells of itself."""
    if e.reopens:
        return None
    what = e.what
    check = command("OperatorFunction", {"verb": "check", "group": e.place.group_id}, e.place, stack)
    sections: Sections = [
        ("What", f"{what} stays open until {e.until:%Y-%m-%d %H:%M} UTC"),
        ("Where", f"{e.place.group_id} in account {e.place.account}, {e.place.region}"),
        ("Who", f"{e.by}: {e.reason}"),
        ("Done", "Wrote the exemption: what it covers is left open until then. After that, the sweep closes it."),
        ("Undo", ["Let it end within the hour:", _shorter(e, stack)]),
        ("Evidence", [f"the ledger's entry exemption {e.exemption_id}; what it covers:", check]),
    ]
    document = {"schema": 1, "kind": "exemption", "severity": "medium", "outcome": "granted", **_document(e.place)}
    return Message(
        subject=subject(f"Exempt: {what} on {e.place.group_id}, {e.place.region}"),
        sections=sections,
        document=document | {"what": what, "until": stamp(e.until), "by": e.by, "reason": e.reason},
        attributes={"kind": "exemption", "severity": "medium", "outcome": "granted"},
    )


def of_pause(pause: Pause, stack: str) -> Message:
    """Word a pause, or its end."""
    outcome, severity = ("paused", "high") if pause.paused else ("resumed", "info")
    what = pause.place.group_id if pause.place else "acting"
    where = f" in account {pause.place.account}, {pause.place.region}" if pause.place else ""
    effect = _effect(pause)
    undo = {"verb": "resume" if pause.paused else "pause", "what": what, **TO_FILL_IN}
    status = command("OperatorFunction", {"verb": "status"}, None, stack)
    sections: Sections = [
        ("What", f"{what} is {outcome}{where}"),
        ("Who", f"{pause.by}: {pause.reason}"),
        ("Done", effect),
        ("Undo", command("OperatorFunction", undo, pause.place, stack)),
        ("Evidence", [f"the ledger's entry pause {what}, {stamp(pause.changed_at)}; whether it acts:", status]),
    ]
    document = {"schema": 1, "kind": "pause", "severity": severity, "outcome": outcome, "what": what}
    return Message(
        subject=subject(f"{outcome.capitalize()}: {what}, by {pause.by}"),
        sections=sections,
        document=document | {"by": pause.by, "reason": pause.reason, "changed_at": stamp(pause.changed_at)},
        attributes={"kind": "pause", "severity": severity, "outcome": outcome},
    )


def _effect(pause: Pause) -> str:
    """Say what a pause or its end does; a pause of all acting is about rollouts, too."""
    rollouts = pause.place is None
    if pause.paused:
        return f"Nothing is revoked{', and no update of a node group is started,' if rollouts else ''} until somebody resumes."
    again = " Rollouts go on." if rollouts else ""
    return f"Openings are revoked again; what opened meanwhile, by the next sweep.{again}"


def of_breaker(resumed: Resumed, stack: str) -> Message:
    """Word that the breaker lets everything through for what is left of its hour."""
    held = command("OperatorFunction", {"verb": "status", "outcome": "held"}, None, stack)
    pause = command("OperatorFunction", {"verb": "pause", "what": "acting", **TO_FILL_IN}, None, stack)
    sections: Sections = [
        ("What", f"the breaker of account {resumed.account} lets everything through until {resumed.until:%H:%M} UTC"),
        ("Who", f"{resumed.by}: {resumed.reason}"),
        ("Done", "What it held is closed by the next sweep, or at the next event about its group."),
        ("Undo", ["It holds again with the next hour. To stop all acting before that:", pause]),
        ("Evidence", ["what is held still, in the ledger:", held]),
    ]
    document = {"schema": 1, "kind": "breaker", "severity": "medium", "outcome": "resumed", "account": resumed.account}
    return Message(
        subject=subject(f"Resumed: the breaker, by {resumed.by}"),
        sections=sections,
        document=document | {"by": resumed.by, "reason": resumed.reason, "until": stamp(resumed.until)},
        attributes={"kind": "breaker", "severity": "medium", "outcome": "resumed"},
    )


def _shorter(e: Exemption, stack: str) -> str:
    """Give the command that writes the same exemption over, with an earlier end."""
    ports = {} if e.from_port is None else {"ports": f"{e.from_port}-{e.to_port}"}
    request = {"verb": "exempt", "group": e.place.group_id, "protocol": e.protocol, **ports, "source": e.source}
    return command("OperatorFunction", {**request, "for": "1h", **TO_FILL_IN}, e.place, stack)


def _document(place: Place) -> dict[str, str]:
    return {"account": place.account, "region": place.region, "group": place.group_id}
