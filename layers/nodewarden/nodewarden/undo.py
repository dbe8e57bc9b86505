"""The verb undo: puts back what a remediation closed, exempt for a while so that it stays."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nodewarden.errors import GoneError, NodewardenError, RequestError
from nodewarden.record import Exemption, Outcome, Remediation, Undone, stamp
from nodewarden.request import REMEDIATION_ID, Request, answer, duration, remediation_id

if TYPE_CHECKING:
    from nodewarden.aws.ec2 import Ec2
    from nodewarden.security_group.rule import IngressRule
    from nodewarden.wiring import Wiring

UNDOABLE = frozenset({Outcome.REVOKED, Outcome.PARTIAL, Outcome.UNDONE})


def undo(event: object, wired: Wiring) -> dict[str, Any]:
    """Carry out `{"verb": "undo", "remediation", "for", "reason", "by"}`; the answer has `ok`, and `error` if not.

    Safe to repeat: exemptions and rules that are there already stay as they are.
    """
    try:
        return _undo(event, wired)
    except NodewardenError as error:
        return answer(error)


def exempting(remediation: Remediation, rule: IngressRule, undone: Undone) -> Exemption:
    """Exempt exactly what `rule` opens."""
    return Exemption(
        exemption_id=exemption_id(*rule.opens, remediation.remediation_id),
        place=remediation.place,
        protocol=rule.protocol,
        from_port=rule.from_port,
        to_port=rule.to_port,
        source=rule.source,
        until=undone.until,
        reason=undone.reason,
        by=undone.by,
        reopens=remediation.remediation_id,
    )


def exemption_id(*what: str | int | None) -> str:
    """Name an exemption by what it is about, so that a repeated request meets it."""
    return hashlib.sha256("|".join(map(str, what)).encode()).hexdigest()[:12]


def _undo(event: object, wired: Wiring) -> dict[str, Any]:
    _, request = Request.of(event, account=wired.account, region=wired.region, verbs=("undo",))
    name = request.table.parsed("remediation", remediation_id)
    length = request.table.parsed("for", duration)
    who = request.who_and_why()
    request.table.done()
    ec2, ledger, now = wired.ec2(request.account, request.region), wired.ledger, datetime.now(UTC)
    remediation = _undoable(ledger.remediation(request.place(REMEDIATION_ID.sub(r"\1", name)), name), name)
    undone = Undone(**who, until=now + length)
    for rule in remediation.rules:
        ledger.exempt(exempting(remediation, rule, undone), now)
    opened = {rule.rule_id: _authorize(ec2, remediation, rule) for rule in remediation.rules}
    if not ledger.note(replace(remediation, outcome=Outcome.UNDONE, undone=undone), now):
        message = f"{name} was changed by somebody else meanwhile; its rules are open and exempt: look at its status, or undo again"
        raise RequestError(message)
    return {
        "ok": True,
        "remediation": name,
        "opened": [str(rule) for rule in remediation.rules if opened[rule.rule_id]],
        "open_already": [str(rule) for rule in remediation.rules if not opened[rule.rule_id]],
        "exempt_until": stamp(undone.until),
    }


def _undoable(remediation: Remediation | None, name: str) -> Remediation:
    if remediation is None:
        message = f"there is no remediation {name} in this account and region: look it up with the verb status"
        raise RequestError(message)
    if remediation.outcome not in UNDOABLE:
        message = f"{name} is {remediation.outcome}: Nodewarden closed nothing there that could be put back"
        raise RequestError(message)
    return remediation


def _authorize(ec2: Ec2, remediation: Remediation, rule: IngressRule) -> bool:
    try:
        return ec2.authorize(remediation.place.group_id, rule)
    except GoneError as error:
        message = f"{remediation.place.group_id} is gone ({error}): there is nothing to put the rules back into"
        raise RequestError(message) from error
