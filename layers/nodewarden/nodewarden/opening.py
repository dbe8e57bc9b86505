"""A person's verbs about an opening that is on record: have it revoked now, or exempt it as a whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nodewarden import gather
from nodewarden.breaker import HOUR, hour_of
from nodewarden.carry_out import carry_out, raise_first
from nodewarden.errors import RequestError
from nodewarden.record import FINAL, UNFINISHED, Outcome, Remediation, Undone, stamp
from nodewarden.request import REMEDIATION_ID, Request, parse_duration, parse_remediation_id
from nodewarden.security_group.decision import Note, Revoke, decide
from nodewarden.security_group.verdict import Mode
from nodewarden.undo import exempting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nodewarden.breaker import Breaker
    from nodewarden.security_group.decision import Decision
    from nodewarden.security_group.verdict import Look
    from nodewarden.wiring import Wiring

# What stands open on record, so that exempting it means something.
EXEMPTABLE = frozenset({Outcome.OBSERVED, Outcome.HELD, Outcome.PAUSED, Outcome.FLAPPING, Outcome.PARTIAL})

# What may be closed at a person's word, and what an earlier try of that has begun.
REVOKABLE = frozenset({Outcome.OBSERVED, Outcome.HELD, *UNFINISHED})


def revoke(request: Request, wired: Wiring) -> dict[str, Any]:
    """Close what a remediation only observed, whatever the mode; nothing that the mode enforce would leave open.

    Safe to repeat: what is closed already is told as closed.
    """
    name = request.table.parsed("remediation", parse_remediation_id)
    who = request.who_and_why()
    request.table.done()
    observed = _on_record(request, wired, name)
    if observed.outcome is Outcome.REVOKED:
        return _closed(name, [observed])
    if observed.outcome not in REVOKABLE:
        message = f"{name} is {observed.outcome}: only an opening that is observed or held can be revoked; look at it with the verb check"
        raise RequestError(message)
    place, policy = observed.place, wired.security_group_policy
    ec2 = wired.ec2(place.account, place.region)
    seen = narrowed(gather.look(place, ec2, wired.ledger, policy), observed)
    decision = decide(seen, policy, Mode.ENFORCE, datetime.now(UTC))
    raise_first([*seen.unread.values()])
    asked = tuple(_asked_for(decision, observed, who))
    _ask_breaker(asked, wired.breaker)
    done = carry_out(asked, ec2, wired.ledger, wired.breaker)
    raise_first(done.failures)
    if closed := [written for written in done.written if written.outcome is Outcome.REVOKED]:
        return _closed(name, closed)
    raise RequestError(_left_open(name, decision, done.written))


def exempt(request: Request, wired: Wiring) -> dict[str, Any]:
    """Exempt exactly what a remediation's rules open, for a while; the same request with the same `token` is one."""
    now = datetime.now(UTC)
    name = request.table.parsed("remediation", parse_remediation_id)
    until = now + request.table.parsed("for", parse_duration)
    undone = Undone(until=until, token=request.token(), **request.who_and_why())
    request.table.done()
    remediation = _on_record(request, wired, name)
    if remediation.outcome not in EXEMPTABLE:
        message = f"{name} is {remediation.outcome}: it has nothing open; put back what was closed with the verb undo"
        raise RequestError(message)
    exemptions = [replace(exempting(remediation, rule, undone), reopens="") for rule in remediation.rules]
    ends = [wired.ledger.exempt(exemption, now).until for exemption in exemptions]
    return {"remediation": name, "opened": [], "exempt_until": stamp(min(ends))}


def narrowed(look: Look, remediation: Remediation) -> Look:
    """See of a group no more than a remediation's rules, and of the ledger no other that is not over: those stay as they are.

    Raises RequestError where a rule opens something else by now than what people were told of.
    """
    ours = {*remediation.rule_ids}
    _raise_changed(look, remediation)
    kept = (
        r for r in look.entries.remediations if r.remediation_id == remediation.remediation_id or r.outcome in FINAL
    )
    rules = tuple(rule for rule in look.rules if rule.rule_id in ours)
    sources = {rule.source for rule in rules}
    return replace(
        look,
        rules=rules,
        unread={list_id: error for list_id, error in look.unread.items() if list_id in sources},
        entries=replace(look.entries, remediations=tuple(kept)),
    )


def _raise_changed(look: Look, remediation: Remediation) -> None:
    """Raise where a rule was modified in place since it was told of; what was begun is finished as it is now."""
    told = {rule.rule_id: rule for rule in remediation.rules} if remediation.outcome not in UNFINISHED else {}
    changed = [rule for rule in look.rules if rule.rule_id in told and rule.opens != told[rule.rule_id].opens]
    if changed:
        now = ", ".join(f"{told[rule.rule_id]} is {rule} now" for rule in changed)
        message = (
            f"{remediation.remediation_id} changed meanwhile: {now}. Nothing was closed; look at it with the verb check"
        )
        raise RequestError(message)


def _ask_breaker(actions: Iterable[Revoke | Note], breaker: Breaker) -> None:
    """Raise where the breaker would hold what is to be revoked: a person is told so, and what is on record stays true."""
    now = datetime.now(UTC)
    for action in actions:
        if not isinstance(action, Revoke) or action.remediation.outcome in UNFINISHED:
            continue
        if not breaker.lets_through(action.remediation.place, action.held_at, now):
            message = (
                f"nothing was closed: the breaker has let {breaker.groups_an_hour} groups through in this hour. Ask again "
                f"after {hour_of(now) + HOUR:%H:%M} UTC, or now once somebody has resumed the breaker"
            )
            raise RequestError(message)


def _on_record(request: Request, wired: Wiring, name: str) -> Remediation:
    place = request.place(REMEDIATION_ID.sub(r"\1", name))
    wired.ec2(place.account, place.region)  # what is on record of an account that is not looked at would mean nothing
    found = wired.ledger.remediation(place, name)
    if found is None:
        message = f"there is no remediation {name} in {place.account}, {place.region}: list them with the verb status"
        raise RequestError(message)
    return found


def _asked_for(decision: Decision, observed: Remediation, who: dict[str, str]) -> Iterable[Revoke | Note]:
    """Give what is to be revoked, with who asked on record, and the end of what an earlier try began.

    Nothing else of the decision is for this verb.
    """
    asked = f"{who['by']} had it closed: {who['reason']}"
    for action in decision.actions:
        if isinstance(action, Revoke):
            why = action.remediation.why
            said = why if asked in why else f"{why}; {asked}"
            yield replace(action, remediation=replace(action.remediation, why=said))
        elif isinstance(action, Note) and observed.outcome in UNFINISHED:
            yield action


def _closed(name: str, closed: Iterable[Remediation]) -> dict[str, Any]:
    return {"remediation": name, "closed": [str(rule) for remediation in closed for rule in remediation.rules]}


def _left_open(name: str, decision: Decision, written: Iterable[Remediation]) -> str:
    """Say why nothing was closed."""
    reasons = [f"{r.outcome}: {r.why}" for r in written] or [f"{v.word}: {v.why}" for v in decision.verdicts]
    why = "; ".join(dict.fromkeys(reasons)) or "it is no longer open to the internet"
    return f"nothing of {name} was closed: {why}"
