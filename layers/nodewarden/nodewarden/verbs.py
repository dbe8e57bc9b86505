"""A person's verbs, but for undo: about security groups here, about rollouts in `rollout_verbs`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nodewarden import gather, opening, rollout_verbs
from nodewarden.errors import NodewardenError, RequestError
from nodewarden.incident_verbs import status_of_incident, status_of_incidents
from nodewarden.item import remediation_item
from nodewarden.notice_wiring import digests
from nodewarden.record import Exemption, Outcome, Pause, Remediation, stamp
from nodewarden.request import (
    REMEDIATION_ID,
    ROLLOUT_ID,
    Request,
    answer,
    parse_duration,
    parse_group_id,
    parse_remediation_id,
    words,
)
from nodewarden.rollout.answer import Verb
from nodewarden.rollout_verbs import ROLLOUT_VERBS, status_of_fleet, status_of_rollout, status_of_rollouts
from nodewarden.security_group.decision import decide
from nodewarden.security_group.event import PREFIX_LIST_ID
from nodewarden.security_group.rule import PROTOCOLS_WITH_PORTS, PortRange, parse_protocol, parse_source
from nodewarden.undo import exemption_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from nodewarden.fleet_wiring import FleetWiring
    from nodewarden.security_group.verdict import Verdict
    from nodewarden.wiring import Wiring

ACTING = "acting"
BREAKER = "breaker"
PAGE = 20


def operate(event: object, wired: FleetWiring) -> dict[str, Any]:
    """Carry out a person's verb; the answer has `ok`, and `error` (with what to do) if it could not be done.

    | verb | fields |
    |---|---|
    | check | group |
    | status | remediation, or digest, or outcome and next; rollout; incident; what (`rollouts`, `fleet`, `incidents`) |
    | exempt | group, protocol, ports, source; or remediation; for, reason, by |
    | revoke | remediation, reason, by |
    | pause, resume | what (`acting`, a group's id, a rollout's; to resume also `breaker`), reason, by |
    | approve, reject | rollout, wave (that which is asked for where it is not given), reason, by |
    | retry | rollout, group (such as `demo/workers`; all that failed where it is not given), reason, by |
    | skip | rollout, group, reason, by |
    | abort | rollout, reason, by |

    All take account and region, Nodewarden's own where they are not given; answers to a rollout, and exempt of a remediation,
    also a `token`: the same request with the same token is one.
    """
    try:
        verb, request = Request.of(event, account=wired.account, region=wired.region, verbs=tuple(VERBS))
        return {"ok": True, **VERBS[verb](request, wired)}
    except NodewardenError as error:
        return answer(error)


def _check(request: Request, wired: Wiring) -> dict[str, Any]:
    """Say what would be done about a group and why, changing nothing."""
    place = request.place(request.table.parsed("group", parse_group_id))
    request.table.done()
    policy = wired.security_group_policy
    ec2 = wired.ec2(place.account, place.region)
    seen = gather.look(place, ec2, wired.ledger, policy)
    if seen.group is None and ec2.group(place.group_id) is None:
        message = f"there is no security group {place.group_id} in {place.account}, {place.region}: give its region"
        raise RequestError(message)
    for failure in seen.unread.values():
        raise failure
    decision = decide(seen, policy, wired.mode, datetime.now(UTC))
    return {
        "group": place.group_id,
        "mode": wired.mode,
        "rules": len(seen.rules),
        "open_to_the_internet": [_verdict(v) for v in decision.verdicts],
        "hosts": list(seen.hosts),
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {"rule": str(verdict.rule), "rule_id": verdict.rule.rule_id, "would_be": verdict.word, "why": verdict.why}


def _status(request: Request, wired: FleetWiring) -> dict[str, Any]:
    """List remediations, last changed first, rollouts or incidents; show one of these, the fleet, or what a digest told."""
    if "rollout" in request.table:
        return status_of_rollout(request, wired)
    if "incident" in request.table:
        return status_of_incident(request, wired)
    if "what" in request.table:
        return LISTS[request.table.choice("what", tuple(LISTS))](request, wired)
    if "remediation" in request.table:
        return {"remediation": _one(request, wired)}
    if "digest" in request.table:
        return _digest(request, wired)
    token = request.table.parsed("next", words, "") if "next" in request.table else ""
    given = {name: getattr(request, name) for name in ("account", "region") if name in request.table.values}
    if "outcome" in request.table:
        given["outcome"] = request.table.choice("outcome", tuple(Outcome))
    request.table.done()
    listed, following = wired.ledger.newest(limit=PAGE, token=token, where=given)
    return {"remediations": [_summary(r) for r in listed], "next": following, "acting": _acting(wired)}


def _one(request: Request, wired: Wiring) -> dict[str, Any]:
    name = request.table.parsed("remediation", parse_remediation_id)
    request.table.done()
    place = request.place(REMEDIATION_ID.sub(r"\1", name))
    found = wired.ledger.remediation(place, name)
    if found is None:
        message = f"there is no remediation {name} in {place.account}, {place.region}: list them with the verb status"
        raise RequestError(message)
    item = remediation_item(found, found.changed_at or datetime.now(UTC), wired.ledger.retention)
    hidden = {"pk", "sk", "ttl", "schema"}
    return {k: v for k, v in item.items() if k not in hidden} | {"version": found.version, "tries": found.tries}


def _digest(request: Request, wired: Wiring) -> dict[str, Any]:
    """List what a digest told."""
    name = request.table.parsed("digest", words)
    request.table.done()
    found = digests(wired).read(name)
    if found is None:
        message = f"there is no digest {name}: list what was done with the verb status"
        raise RequestError(message)
    return {"digest": name, "changes": [asdict(line) for line in found.lines]}


def _summary(remediation: Remediation) -> dict[str, Any]:
    return {
        "remediation": remediation.remediation_id,
        "outcome": remediation.outcome.value,
        "changed_at": stamp(remediation.changed_at) if remediation.changed_at else "",
        **asdict(remediation.place),
        "group_name": remediation.group_name,
        "rules": [str(rule) for rule in remediation.rules],
        "actor": remediation.cause.actor if remediation.cause else "",
    }


def _acting(wired: Wiring) -> str:
    pause = wired.ledger.pause_of_acting()
    return f"paused by {pause.by}: {pause.reason}" if pause and pause.paused else "yes"


def _exempt(request: Request, wired: Wiring) -> dict[str, Any]:
    """Exempt a protocol, ports and source of one group for a while, or all that a remediation is about."""
    if "remediation" in request.table:
        return opening.exempt(request, wired)
    now = datetime.now(UTC)
    table = request.table
    place = request.place(table.parsed("group", parse_group_id))
    protocol = table.parsed("protocol", parse_protocol)
    first, last = _ports(request, protocol)
    source = table.parsed("source", _source)
    who = request.who_and_why()
    exemption = Exemption(
        exemption_id=exemption_id(protocol, first, last, source),
        place=place,
        protocol=protocol,
        from_port=first,
        to_port=last,
        source=source,
        until=now + table.parsed("for", parse_duration),
        by=who["by"],
        reason=who["reason"],
    )
    table.done()
    wired.ec2(place.account, place.region)  # an exemption of an account that is not looked at would mean nothing
    wired.ledger.exempt(exemption, now)
    return {"group": place.group_id, "exemption": exemption.exemption_id, "exempt_until": stamp(exemption.until)}


def _ports(request: Request, protocol: str) -> tuple[int | None, int | None]:
    ports = request.table.parsed("ports", PortRange.parse, "all")
    if ports == PortRange.parse("all"):
        return None, None
    if protocol not in PROTOCOLS_WITH_PORTS:
        msg = "ports"
        raise request.table.wrong(msg, f"must be 'all' or left out: {protocol} has no ports")
    return ports.first, ports.last


def _source(text: str) -> str:
    network = parse_source(text)
    if network is None and not PREFIX_LIST_ID.fullmatch(text):
        message = f"must be a CIDR block such as 203.0.113.0/24, or a prefix list's id, not {words(text)!r}"
        raise ValueError(message)
    return str(network or text)


def _pausing(*, paused: bool) -> Callable[[Request, FleetWiring], dict[str, Any]]:
    def carry_out(request: Request, wired: FleetWiring) -> dict[str, Any]:
        what = request.table.parsed("what", _what(paused=paused))
        if ROLLOUT_ID.fullmatch(what):
            return rollout_verbs.answer(Verb.PAUSE if paused else Verb.RESUME, what, request, wired)
        who = request.who_and_why()
        if what == BREAKER:
            return _resume_breaker(request, wired, who)
        place = None if what == ACTING else request.place(what)
        pause = Pause(place=place, paused=paused, changed_at=datetime.now(UTC), **who)
        request.table.done()
        wired.ec2(request.account, request.region)  # a pause of an account that is not looked at would mean nothing
        wired.ledger.pause(pause)
        return {"what": what, "paused": paused}

    return carry_out


def _what(*, paused: bool) -> Callable[[str], str]:
    """Read what is paused or resumed: all acting, a group, a rollout, or the breaker, which can only be resumed."""
    words = {ACTING} if paused else {ACTING, BREAKER}
    return lambda text: text if text in words or ROLLOUT_ID.fullmatch(text) else parse_group_id(text)


def _resume_breaker(request: Request, wired: Wiring, who: dict[str, str]) -> dict[str, Any]:
    request.table.done()
    wired.ec2(request.account, request.region)  # an account that is not looked at has no breaker
    wired.breaker.resume(request.account, now=datetime.now(UTC), **who)
    return {"what": BREAKER, "paused": False}


LISTS: dict[str, Callable[[Request, FleetWiring], dict[str, Any]]] = {
    "rollouts": status_of_rollouts,
    "fleet": status_of_fleet,
    "incidents": status_of_incidents,
}
VERBS: dict[str, Callable[[Request, FleetWiring], dict[str, Any]]] = {
    "check": _check,
    "status": _status,
    "exempt": _exempt,
    "revoke": opening.revoke,
    "pause": _pausing(paused=True),
    "resume": _pausing(paused=False),
    **ROLLOUT_VERBS,
}
