"""The words for a security group: what was found open, and what became of it."""

from __future__ import annotations

from nodewarden.message.message import Message, command, subject, text
from nodewarden.record import Outcome, Place, Remediation, stamp

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
    Outcome.HELD: ("critical", "NOT closed, held by the breaker"),
    Outcome.FLAPPING: ("critical", "Left open, flapping"),
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
    Outcome.HELD: "Nothing yet: the sweep closes it after the hour, or after this: {resume}",
    Outcome.FLAPPING: "Nothing: the policy says to stop closing what comes back. Close it by hand, and what opens it.",
    Outcome.UNDONE: "Put the rules back.",
}

# What in a user agent says that something will put the rule back, and where that is to be changed.
CODE = (
    ("terraform", "Terraform: change its code too, or the next run reverts this."),
    ("opentofu", "OpenTofu: change its code too, or the next run reverts this."),
    ("pulumi", "Pulumi: change its code too, or the next run reverts this."),
    ("cloudformation", "CloudFormation: change the template too, or the next update reverts this."),
    (
        "elbv2.k8s.aws",
        "the AWS Load Balancer Controller: set alb.ingress.kubernetes.io/inbound-cidrs or spec.loadBalancerSourceRanges.",
    ),
    ("kubernetes", "a Kubernetes controller: set spec.loadBalancerSourceRanges on its Service."),
    ("eksctl", "eksctl: set ssh.sourceSecurityGroupIds, or take ssh out of the node group's configuration."),
)
STACK_TAG = "aws:cloudformation:stack-name"


def of_remediation(r: Remediation, stack: str) -> Message | None:
    """Word what became of an opening; None where nobody is to hear of it, or a sweep tells of it."""
    if r.run or r.outcome in SILENT or (r.outcome is Outcome.EXEMPT and r.reopens):
        return None
    severity, said = _severity(r)
    sections: list[tuple[str, str | list[str]]] = [
        ("What", _what(r)),
        ("Where", _where(r)),
        ("Why", r.why),
        ("Who", _who(r)),
        ("Reopened", list(r.reopened_by)),
        ("Done", _done(r, stack)),
        ("Undo", _undo(r, stack)),
        ("Evidence", _evidence(r, stack)),
        ("Note", "" if r.outcome is Outcome.UNDONE else _code_hint(r)),
    ]
    rules = [{"rule_id": rule.rule_id, "opens": str(rule)} for rule in r.rules[:MOST_RULES]]
    return Message(
        subject=subject(f"{said}: {_brief(r)} on {r.group_name or r.place.group_id}, {r.place.region}"),
        text=text(sections),
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
            "closings": r.closings,
            "reopened_by": list(r.reopened_by),
            "changed_at": stamp(r.changed_at) if r.changed_at else "",
        },
        attributes={"kind": "security_group", "severity": severity, "outcome": r.outcome.value},
    )


def _severity(r: Remediation) -> tuple[str, str]:
    """Give the severity, and the words before "what" in the subject; what comes back again and again needs a person."""
    if r.outcome is Outcome.REVOKED and r.closings:
        return "critical", f"FLAPPING, closed {r.closings} times in a day"
    return WORDS[r.outcome]


def _what(r: Remediation) -> list[str]:
    gone = " (was gone before we came)"
    lines = [f"{rule}, {rule.rule_id}{gone if rule.rule_id in r.already_gone else ''}" for rule in r.rules[:MOST_RULES]]
    more = len(r.rules) - MOST_RULES
    return [*lines, *([f"and {more} more"] if more > 0 else [])]


def _brief(r: Remediation) -> str:
    return f"{r.rules[0]}{f' and {len(r.rules) - 1} more' if len(r.rules) > 1 else ''}" if r.rules else "a group"


def _where(r: Remediation) -> str:
    return f"{r.place.group_id} ({r.group_name}) in account {r.place.account}, {r.place.region}"


def _who(r: Remediation) -> str:
    if r.outcome is Outcome.UNDONE and r.undone:
        return f"{r.undone.by}: {r.undone.reason}"
    if r.cause is None or not r.cause.event_name:
        return "unknown: no API call came with it"
    if not r.cause.opens:
        by = f" by {r.cause.actor}" if r.cause.actor else ""
        return f"unknown: it was open before this ({r.cause.event_name}{by} at {r.cause.at})"
    call = (
        f"{r.cause.actor} by {r.cause.event_name} at {r.cause.at}, from {r.cause.source_ip} with {r.cause.user_agent}"
    )
    if r.cause.rule_ids and not r.cause.rule_ids & {*r.rule_ids}:
        return f"unknown: these rules are older than the call that made us look ({call})"
    return call


def _done(r: Remediation, stack: str) -> str:
    request = {"verb": "resume", "what": "breaker", "reason": "…", "by": "…"}
    resume = command("OperatorFunction", request, r.place, stack)
    words = DONE[r.outcome].format(remaining=", ".join(r.remaining[:MOST_RULES]), resume=resume)
    if r.outcome is Outcome.UNDONE and r.undone:
        missing = f" Not put back: {', '.join(r.remaining)}." if r.remaining else ""
        return (
            f"{words}{missing} They are exempt until {r.undone.until:%Y-%m-%d %H:%M} UTC; then the sweep closes them."
        )
    return words


def _undo(r: Remediation, stack: str) -> str:
    if r.outcome not in {Outcome.REVOKED, Outcome.PARTIAL}:
        return ""
    request = {"verb": "undo", "remediation": r.remediation_id, "for": "4h", "reason": "…", "by": "…"}
    return command("UndoFunction", request, r.place, stack)


def _evidence(r: Remediation, stack: str) -> str:
    show = command("OperatorFunction", {"verb": "status", "remediation": r.remediation_id}, r.place, stack)
    return (f"event {r.cause.event_id}; ledger: " if r.cause and r.cause.event_id else "ledger: ") + show


def _code_hint(r: Remediation) -> str:
    """Say what puts the rule back, and where to change that."""
    stack = r.group_tags.get(STACK_TAG)
    if stack:
        return f"The group belongs to the CloudFormation stack {stack}: change its template too, or the next update reverts this."
    agents = " ".join([r.cause.user_agent if r.cause else "", *r.reopened_by]).lower()
    tool = next((advice for word, advice in CODE if word in agents), None)
    if tool:
        return f"The call came from {tool}"
    again = "Ask whoever opens it, or exempt the opening (verb exempt) for as long as it is needed."
    return again if r.closings else ""


def _document(place: Place) -> dict[str, str]:
    return {"account": place.account, "region": place.region, "group": place.group_id}
