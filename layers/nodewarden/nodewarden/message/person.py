"""The words for what people did: exemptions, pauses."""

from __future__ import annotations

from nodewarden.message.message import Message, subject, text
from nodewarden.record import Exemption, Pause, Place, Resumed, stamp


def of_exemption(e: Exemption) -> Message | None:
    """Word a person's exemption; None for one that an undo made, which tells of itself."""
    if e.reopens:
        return None
    what = e.what
    sections = [
        ("What", f"{what} stays open until {e.until:%Y-%m-%d %H:%M} UTC"),
        ("Where", f"{e.place.group_id} in account {e.place.account}, {e.place.region}"),
        ("Who", f"{e.by}: {e.reason}"),
        (
            "Done",
            "Wrote the exemption: what it covers is left open until then. After that, the sweep closes it.",
        ),
        ("Evidence", f"ledger entry exemption {e.exemption_id}"),
    ]
    document = {"schema": 1, "kind": "exemption", "severity": "medium", "outcome": "granted", **_document(e.place)}
    return Message(
        subject=subject(f"Exempt: {what} on {e.place.group_id}, {e.place.region}"),
        text=text(sections),
        document=document | {"what": what, "until": stamp(e.until), "by": e.by, "reason": e.reason},
        attributes={"kind": "exemption", "severity": "medium", "outcome": "granted"},
    )


def of_pause(pause: Pause) -> Message:
    """Word a pause, or its end."""
    outcome, severity = ("paused", "high") if pause.paused else ("resumed", "info")
    what = pause.place.group_id if pause.place else "acting"
    where = f" in account {pause.place.account}, {pause.place.region}" if pause.place else ""
    effect = _effect(pause)
    sections = [
        ("What", f"{what} is {outcome}{where}"),
        ("Who", f"{pause.by}: {pause.reason}"),
        ("Done", effect),
        ("Evidence", f"ledger entry pause {what}, {stamp(pause.changed_at)}"),
    ]
    document = {"schema": 1, "kind": "pause", "severity": severity, "outcome": outcome, "what": what}
    return Message(
        subject=subject(f"{outcome.capitalize()}: {what}, by {pause.by}"),
        text=text(sections),
        document=document | {"by": pause.by, "reason": pause.reason, "changed_at": stamp(pause.changed_at)},
        attributes={"kind": "pause", "severity": severity, "outcome": outcome},
    )


def _effect(pause: Pause) -> str:
    """Say what a pause or its end does; a pause of all acting is about rollouts, too."""
    rollouts = pause.place is None
    if pause.paused:
        return f"Nothing is revoked{', and no update of a node group is started,' if rollouts else ''} until the verb resume."
    again = " Rollouts go on." if rollouts else ""
    return f"Openings are revoked again; what opened meanwhile, by the next sweep.{again}"


def of_breaker(resumed: Resumed) -> Message:
    """Word that the breaker lets everything through for what is left of its hour."""
    sections: list[tuple[str, str | list[str]]] = [
        ("What", f"the breaker of account {resumed.account} lets everything through until {resumed.until:%H:%M} UTC"),
        ("Who", f"{resumed.by}: {resumed.reason}"),
        ("Done", "What it held is closed by the next sweep, or at the next event about its group."),
    ]
    document = {"schema": 1, "kind": "breaker", "severity": "medium", "outcome": "resumed", "account": resumed.account}
    return Message(
        subject=subject(f"Resumed: the breaker, by {resumed.by}"),
        text=text(sections),
        document=document | {"by": resumed.by, "reason": resumed.reason, "until": stamp(resumed.until)},
        attributes={"kind": "breaker", "severity": "medium", "outcome": "resumed"},
    )


def _document(place: Place) -> dict[str, str]:
    return {"account": place.account, "region": place.region, "group": place.group_id}
