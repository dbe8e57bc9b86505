"""The verb undo: puts back what a remediation closed, exempt for a while so that it stays."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nodewarden.errors import GoneError, NodewardenError, RequestError
from nodewarden.record import Exemption, Outcome, Remediation, Undone, stamp
from nodewarden.request import REMEDIATION_ID, Request, answer, parse_duration, parse_remediation_id

if TYPE_CHECKING:
    from nodewarden.aws.ec2 import Ec2
    from nodewarden.ledger import Ledger
    from nodewarden.security_group.rule import IngressRule
    from nodewarden.wiring import Wiring

UNDOABLE = frozenset({Outcome.REVOKED, Outcome.PARTIAL, Outcome.UNDONE})


def undo(event: object, wired: Wiring) -> dict[str, Any]:
    """Carry out `{"verb": "undo", "remediation", "for", "reason", "by"}`; the answer has `ok`, and `error` if not.

    Safe to repeat: rules that are there already stay as they are, and with the same `token` all that was done does.
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
        token=undone.token,
        reopens=remediation.remediation_id,
    )


def exemption_id(*what: str | int | None) -> str:
    """Name an exemption by what it is about, so that a repeated request meets it."""
    return hashlib.sha256("|".join(map(str, what)).encode()).hexdigest()[:12]


def _undo(event: object, wired: Wiring) -> dict[str, Any]:
    _, request = Request.of(event, account=wired.account, region=wired.region, verbs=("undo",))
    name = request.table.parsed("remediation", parse_remediation_id)
    length = request.table.parsed("for", parse_duration)
    now = datetime.now(UTC)
    undone = Undone(**request.who_and_why(), until=now + length, token=request.token())
    request.table.done()
    ec2, ledger = wired.ec2(request.account, request.region), wired.ledger
    remediation = _undoable(ledger.remediation(request.place(REMEDIATION_ID.sub(r"\1", name)), name), name)
    rules = tuple(rule for rule in remediation.rules if rule.rule_id not in remediation.already_gone)
    if before := _done_by(remediation, undone):
        return _answer(name, rules, {}, before)
    opened, failure = _open(rules, remediation, undone, ec2, ledger, now)
    if opened or not failure:
        mark = replace(remediation, outcome=Outcome.UNDONE, undone=undone, remaining=_not_in(opened, rules))
        undone = _mark(mark, undone, ledger, now)
    if failure:
        message = f"{len(opened)} of {len(rules)} rules are open again; then: {failure}. Mend that and undo again"
        raise RequestError(message) from failure
    return _answer(name, rules, opened, undone)


def _done_by(remediation: Remediation | None, undone: Undone) -> Undone | None:
    """Give what is on record where the same request, by its token, has undone all of it before."""
    if remediation is None or remediation.outcome is not Outcome.UNDONE or remediation.remaining:
        return None
    before = remediation.undone
    return before if before and undone.token and before.token == undone.token else None


def _answer(name: str, rules: tuple[IngressRule, ...], opened: dict[str, bool], undone: Undone) -> dict[str, Any]:
    return {
        "ok": True,
        "remediation": name,
        "opened": [str(rule) for rule in rules if opened.get(rule.rule_id)],
        "open_already": [str(rule) for rule in rules if not opened.get(rule.rule_id)],
        "exempt_until": stamp(undone.until),
    }


def _open(  # noqa: PLR0913, PLR0917 what it takes to open and to write it down
    rules: tuple[IngressRule, ...], remediation: Remediation, undone: Undone, ec2: Ec2, ledger: Ledger, now: datetime
) -> tuple[dict[str, bool], NodewardenError | None]:
    """Exempt and authorise one rule after the other, until one fails: its exemption is ended again."""
    opened: dict[str, bool] = {}
    for rule in rules:
        exemption = exempting(remediation, rule, undone)
        ledger.exempt(exemption, now)
        try:
            opened[rule.rule_id] = _authorize(ec2, remediation, rule)
        except NodewardenError as error:
            ledger.exempt(replace(exemption, until=now, token=""), now)
            return opened, error
    return opened, None


def _not_in(opened: dict[str, bool], rules: tuple[IngressRule, ...]) -> tuple[str, ...]:
    return tuple(rule.rule_id for rule in rules if rule.rule_id not in opened)


def _mark(remediation: Remediation, undone: Undone, ledger: Ledger, now: datetime) -> Undone:
    """Write down what was undone; gives what is on record, which a run of the same request may have written meanwhile."""
    if ledger.note(remediation, now):
        return undone
    if before := _done_by(ledger.remediation(remediation.place, remediation.remediation_id), undone):
        return before
    message = (
        f"{remediation.remediation_id} was changed by somebody else meanwhile; its rules are open and exempt: "
        "look at its status, or undo again"
    )
    raise RequestError(message)


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
