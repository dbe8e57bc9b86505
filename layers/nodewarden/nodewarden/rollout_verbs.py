"""A person's verbs about rollouts: approve, reject, retry, skip, abort; pause and resume of one; what stands how.

Each is an answer that is put once, and applied by the next tick. One that would not fit is refused at once, saying why.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nodewarden.errors import RequestError
from nodewarden.node_group import NodeGroupKey
from nodewarden.record import stamp
from nodewarden.request import parse_node_group, parse_rollout_id, words
from nodewarden.rollout.answer import Answer, Verb, answered, refusal
from nodewarden.rollout_item import answer_item, group_item, head_item, written

if TYPE_CHECKING:
    from collections.abc import Callable

    from nodewarden.fleet_wiring import FleetWiring
    from nodewarden.request import Request
    from nodewarden.rollout.state import Rollout
    from nodewarden.rollout_item import Remembered

PAGE = 20
KEYS = frozenset({"pk", "sk", "ttl", "schema", "trigger", "size"})


def answering(verb: Verb) -> Callable[[Request, FleetWiring], dict[str, Any]]:
    """Make what carries out a verb that names its rollout."""
    return lambda request, wired: answer(verb, request.table.parsed("rollout", parse_rollout_id), request, wired)


def answer(verb: Verb, rollout_id: str, request: Request, wired: FleetWiring) -> dict[str, Any]:
    """Put a person's answer to a rollout; raises RequestError where there is no such rollout, or it does not fit."""
    table, now = request.table, datetime.now(UTC)
    wave = table.parsed("wave", words) if verb in {Verb.APPROVE, Verb.REJECT} and "wave" in table else None
    names_group = verb is Verb.SKIP or (verb is Verb.RETRY and "group" in table)
    group = _key(request, *table.parsed("group", parse_node_group)) if names_group else None
    who = request.who_and_why()
    table.done()
    wired.ec2(request.account, request.region)  # an account that is not looked at has no rollouts
    rollout = _as_answered(_found(rollout_id, wired), wired, now)
    if verb in {Verb.APPROVE, Verb.REJECT}:
        wave = wave or rollout.next_wave  # what was asked for now, not what may be asked for when it is applied
    parts = (rollout_id, verb.value, stamp(now), str(wave), str(group), *who.values())
    answer_id = hashlib.sha256("|".join(parts).encode()).hexdigest()[:12]
    given = Answer(answer_id=answer_id, verb=verb, at=now, wave=wave, group=group, **who)
    if why := refusal(rollout, given):
        raise RequestError(why)
    wired.rollout_ledger.answer(rollout_id, given)
    return {"rollout": rollout_id, "answer": answer_id, "wave": wave, "applied": "by the next tick, within minutes"}


def status_of_rollout(request: Request, wired: FleetWiring) -> dict[str, Any]:
    """Show one rollout: its head, its groups, and the answers that wait for the next tick."""
    rollout_id = request.table.parsed("rollout", parse_rollout_id)
    request.table.done()
    found = _found(rollout_id, wired)
    rollout, dealt_with = found.rollout, {done.answer.answer_id for done in found.rollout.answers}
    waiting = (given for given in found.answers if given.answer_id not in dealt_with)
    retention, now = wired.retention, datetime.now(UTC)
    return {
        "rollout": _shown(head_item(rollout, now, retention), "changed_at"),
        "node_groups": [_shown(group_item(rollout, group)) for group in rollout.groups.values()],
        "unapplied": [_shown(answer_item(rollout_id, given, retention)) for given in waiting],
    }


def status_of_rollouts(request: Request, wired: FleetWiring) -> dict[str, Any]:
    """List rollouts, last changed first."""
    request.table.done()
    return {"rollouts": [_summary(rollout) for rollout in wired.rollout_ledger.newest(PAGE)]}


def status_of_fleet(request: Request, wired: FleetWiring) -> dict[str, Any]:
    """Show the latest look at the fleet: where each node group stands, and why."""
    request.table.done()
    look = wired.fleet_ledger.last()
    if look is None:
        message = "nobody looked at the fleet yet: invoke AmiReleaseFunction, or wait for its schedule"
        raise RequestError(message)
    return {"fleet": written(look)}


def _found(rollout_id: str, wired: FleetWiring) -> Remembered:
    found = wired.rollout_ledger.read(rollout_id)
    if found is None:
        message = f"there is no rollout {rollout_id}: list them with the verb status and what=rollouts"
        raise RequestError(message)
    return found


def _as_answered(found: Remembered, wired: FleetWiring, now: datetime) -> Rollout:
    """Give the rollout as it will be when the answers that wait are applied: resume may follow pause at once."""
    return answered(found.rollout, found.answers, wired.rollout_policy, now)


def _key(request: Request, cluster: str, name: str) -> NodeGroupKey:
    return NodeGroupKey(account=request.account, region=request.region, cluster=cluster, name=name)


def _shown(item: dict[str, Any], *hidden: str) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in KEYS.union(hidden)}


def _summary(rollout: Rollout) -> dict[str, Any]:
    return {
        "rollout": rollout.rollout_id,
        "family": rollout.family,
        "state": rollout.state.value,
        "wave": rollout.current_wave,
        "waves": list(rollout.waves),
        "why": rollout.why,
        "urgent": rollout.urgent,
        "created_at": stamp(rollout.created_at),
        "finished_at": stamp(rollout.finished_at) if rollout.finished_at else None,
    }


ROLLOUT_VERBS: dict[str, Callable[[Request, FleetWiring], dict[str, Any]]] = {
    verb.value: answering(verb) for verb in (Verb.APPROVE, Verb.REJECT, Verb.RETRY, Verb.SKIP, Verb.ABORT)
}
