"""What people are told: a change of the ledger in, a message out. No AWS, no clock.

Every message says what, where, who caused it, what was done, how to undo it and where the evidence is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nodewarden.record import Exemption, Outcome, Pause, Place, Remediation, stamp
from nodewarden.security_group.event import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_SUBJECT = 99  # SNS takes less than 100 characters
MOST_RULES = 20

# Outcome: severity, and the words before "what" in the subject.
WORDS = {
    Outcome.REVOKED: ("high", "Closed"),
    Outcome.PARTIAL: ("critical", "STILL OPEN"),
    Outcome.GONE: ("info", "Closed by somebody else"),
    Outcome.OBSERVED: ("high", "Would close (observe mode)"),
    Outcome.EXEMPT: ("info", "Left open, exempt"),
    Outcome.LEFT_TO_CONTROLLER: ("medium", "Left to its controller"),
    Outcome.PAUSED: ("high", "NOT closed, paused"),
    Outcome.OWNED_ELSEWHERE: ("high", "Open, owned by another account"),
    Outcome.UNDONE: ("medium", "Undone"),
}
SILENT = frozenset({Outcome.BEGUN, Outcome.SUPERSEDED})

DONE = {
    Outcome.REVOKED: "Revoked the rules, looked again: EC2 no longer shows them.",
    Outcome.PARTIAL: "Revoked the rules, but EC2 still shows: {remaining}. Trying again; close them by hand if this stays.",
    Outcome.GONE: "Nothing: it was closed already.",
    Outcome.OBSERVED: "Nothing: the mode is observe. Set the stack's parameter Mode to enforce to have it closed.",
    Outcome.EXEMPT: "Nothing: it is exempt.",
    Outcome.LEFT_TO_CONTROLLER: "Nothing: the controller would open it again.",
    Outcome.PAUSED: "Nothing, while paused. The verb resume ends it.",
    Outcome.OWNED_ELSEWHERE: "Nothing: only the owner can.",
    Outcome.UNDONE: "Put the rules back.",
}

# What in a user agent or a tag says that code will put the rule back.
CODE = (
    ("terraform", "Terraform"),
    ("opentofu", "OpenTofu"),
    ("pulumi", "Pulumi"),
    ("cloudformation", "CloudFormation"),
)
STACK_TAG = "aws:cloudformation:stack-name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message for every kind of listener: `text` for email, `document` for machines, `chat` for Amazon Q."""

    subject: str
    text: str
    document: dict[str, Any]
    attributes: dict[str, str]

    def bodies(self) -> str:
        """Give the bodies per protocol, as SNS takes them with MessageStructure json."""
        document = json.dumps(self.document)
        return json.dumps({"default": document, "email": self.text, "https": json.dumps(self._chat())})

    def _chat(self) -> dict[str, Any]:
        """Give Amazon Q Developer's custom notification (version 1.0, source custom)."""
        content = {"textType": "client-markdown", "title": _plain(self.subject), "description": _plain(self.text)}
        return {"version": "1.0", "source": "custom", "content": content}


def compose(changed: Remediation | Exemption | Pause, stack: str) -> Message | None:
    """Word one changed ledger entry; None for changes that are nobody's news."""
    match changed:
        case Remediation():
            quiet = changed.outcome in SILENT or (changed.outcome is Outcome.EXEMPT and changed.reopens)
            return None if quiet else _of_remediation(changed, stack)
        case Exemption():
            return None if changed.reopens else _of_exemption(changed)
        case Pause():
            return _of_pause(changed)


def _of_remediation(r: Remediation, stack: str) -> Message:
    severity, said = WORDS[r.outcome]
    sections = [
        ("What", _what(r)),
        ("Where", _where(r)),
        ("Why", r.why),
        ("Who", _who(r)),
        ("Done", _done(r)),
        ("Undo", _undo(r, stack)),
        ("Evidence", _evidence(r, stack)),
        ("Note", "" if r.outcome is Outcome.UNDONE else _code_hint(r)),
    ]
    rules = [{"rule_id": rule.rule_id, "opens": str(rule)} for rule in r.rules[:MOST_RULES]]
    return Message(
        subject=_subject(f"{said}: {_brief(r)} on {r.group_name or r.place.group_id}, {r.place.region}"),
        text=_text(sections),
        document={
            "schema": 1,
            "kind": "security_group",
            "severity": severity,
            "outcome": r.outcome.value,
            "remediation": r.remediation_id,
            **_document(r.place),
            "group_name": r.group_name,
            "rules": rules,
            "rules_in_all": len(r.rules),
            "why": r.why,
            "hosts": list(r.hosts),
            "actor": r.cause.actor if r.cause else "",
            "event_id": r.cause.event_id if r.cause else "",
            "changed_at": stamp(r.changed_at) if r.changed_at else "",
        },
        attributes={"kind": "security_group", "severity": severity, "outcome": r.outcome.value},
    )


def _of_exemption(e: Exemption) -> Message:
    ports = "all ports" if e.from_port is None else f"ports {e.from_port}-{e.to_port}"
    what = f"{e.protocol}, {ports}, from {e.source}"
    sections = [
        ("What", f"{what} stays open until {e.until:%Y-%m-%d %H:%M} UTC"),
        ("Where", f"{e.place.group_id} in account {e.place.account}, {e.place.region}"),
        ("Who", f"{e.by}: {e.reason}"),
        (
            "Done",
            "Wrote the exemption: what it covers is left open until then. After that, the next event about the group closes it.",
        ),
        ("Evidence", f"ledger entry exemption {e.exemption_id}"),
    ]
    document = {"schema": 1, "kind": "exemption", "severity": "medium", "outcome": "granted", **_document(e.place)}
    return Message(
        subject=_subject(f"Exempt: {what} on {e.place.group_id}, {e.place.region}"),
        text=_text(sections),
        document=document | {"what": what, "until": stamp(e.until), "by": e.by, "reason": e.reason},
        attributes={"kind": "exemption", "severity": "medium", "outcome": "granted"},
    )


def _of_pause(pause: Pause) -> Message:
    outcome, severity = ("paused", "high") if pause.paused else ("resumed", "info")
    what = pause.place.group_id if pause.place else "acting"
    where = f" in account {pause.place.account}, {pause.place.region}" if pause.place else ""
    effect = (
        "Nothing is revoked until the verb resume."
        if pause.paused
        else "Openings are revoked again; what opened meanwhile, at the next event about its group."
    )
    sections = [
        ("What", f"{what} is {outcome}{where}"),
        ("Who", f"{pause.by}: {pause.reason}"),
        ("Done", effect),
        ("Evidence", f"ledger entry pause {what}, {stamp(pause.changed_at)}"),
    ]
    document = {"schema": 1, "kind": "pause", "severity": severity, "outcome": outcome, "what": what}
    return Message(
        subject=_subject(f"{outcome.capitalize()}: {what}, by {pause.by}"),
        text=_text(sections),
        document=document | {"by": pause.by, "reason": pause.reason, "changed_at": stamp(pause.changed_at)},
        attributes={"kind": "pause", "severity": severity, "outcome": outcome},
    )


def _what(r: Remediation) -> str:
    gone = " (was gone before we came)"
    lines = [f"{rule}, {rule.rule_id}{gone if rule.rule_id in r.already_gone else ''}" for rule in r.rules[:MOST_RULES]]
    more = len(r.rules) - MOST_RULES
    return f"\n{'':10}".join([*lines, *([f"and {more} more"] if more > 0 else [])])


def _brief(r: Remediation) -> str:
    return f"{r.rules[0]}{f' and {len(r.rules) - 1} more' if len(r.rules) > 1 else ''}" if r.rules else "a group"


def _where(r: Remediation) -> str:
    return f"{r.place.group_id} ({r.group_name}) in account {r.place.account}, {r.place.region}"


def _who(r: Remediation) -> str:
    if r.outcome is Outcome.UNDONE and r.undone:
        return f"{r.undone.by}: {r.undone.reason}"
    if r.cause is None or not r.cause.event_name:
        return "unknown: no API call came with it"
    call = (
        f"{r.cause.actor} by {r.cause.event_name} at {r.cause.at}, from {r.cause.source_ip} with {r.cause.user_agent}"
    )
    if r.cause.rule_ids and not r.cause.rule_ids & {*r.rule_ids}:
        return f"unknown: these rules are older than the call that made us look ({call})"
    return call


def _done(r: Remediation) -> str:
    text = DONE[r.outcome].format(remaining=", ".join(r.remaining[:MOST_RULES]))
    if r.outcome is Outcome.UNDONE and r.undone:
        missing = f" Not put back: {', '.join(r.remaining)}." if r.remaining else ""
        return f"{text}{missing} They are exempt until {r.undone.until:%Y-%m-%d %H:%M} UTC; after that, the next event about the group closes them."
    return text


def _undo(r: Remediation, stack: str) -> str:
    if r.outcome not in {Outcome.REVOKED, Outcome.PARTIAL}:
        return ""
    request = {"verb": "undo", "remediation": r.remediation_id, "for": "4h", "reason": "…", "by": "…"}
    return _command("UndoFunction", request, r.place, stack)


def _evidence(r: Remediation, stack: str) -> str:
    show = _command("OperatorFunction", {"verb": "status", "remediation": r.remediation_id}, r.place, stack)
    return (f"CloudTrail event {r.cause.event_id}; ledger: " if r.cause and r.cause.event_id else "ledger: ") + show


def _command(function: str, request: dict[str, str], place: Place, stack: str) -> str:
    text = json.dumps(request | {"account": place.account, "region": place.region}, ensure_ascii=False)
    return f"sam remote invoke {function} --stack-name {stack} --event '{text}'"


def _code_hint(r: Remediation) -> str:
    agent = r.cause.user_agent.lower() if r.cause else ""
    tool = next((name for word, name in CODE if word in agent), None)
    stack = r.group_tags.get(STACK_TAG)
    if stack:
        return f"The group belongs to the CloudFormation stack {stack}: change its template too, or the next update reverts this."
    return f"The call came from {tool}: change its code too, or the next run reverts this." if tool else ""


def _document(place: Place) -> dict[str, str]:
    return {"account": place.account, "region": place.region, "group": place.group_id}


def _text(sections: Iterable[tuple[str, str]]) -> str:
    return "\n".join(
        f"{name + ':':<10}{words if name == 'What' else one_line(words)}" for name, words in sections if words
    )


def _subject(text: str) -> str:
    printable = "".join(c for c in text if c.isprintable())
    return printable if len(printable) <= LONGEST_SUBJECT else printable[: LONGEST_SUBJECT - 1] + "…"


def _plain(text: str) -> str:
    """Escape what a chat would take for a link or a mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
