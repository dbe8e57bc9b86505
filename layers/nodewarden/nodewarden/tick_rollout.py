"""One tick of what goes on: read, look, advance, write, call EKS, write what came of it.

Whoever loses a write makes no call: somebody else moved the rollout on, or started something elsewhere, and the next tick
sees it. What becomes of a call whose answer is lost, the next tick finds out.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nodewarden.errors import LedgerError, NodewardenError, RequestError, faults_of_ours
from nodewarden.observe_rollout import Look, observe
from nodewarden.rollout.advance import advance, started, wanted
from nodewarden.rollout.observed import Observed, Started
from nodewarden.rollout.state import FINAL
from nodewarden.start_update import start_update

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nodewarden.ami_release.sighting import Sighting
    from nodewarden.fleet_wiring import FleetWiring
    from nodewarden.node_group import NodeGroupKey
    from nodewarden.rollout.observed import Result
    from nodewarden.rollout.state import Rollout
    from nodewarden.rollout_item import Remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked:
    """What a tick made of a rollout: where it stands now, what was started, whether somebody else was faster."""

    rollout: Rollout
    started: tuple[NodeGroupKey, ...] = ()
    lost: bool = False


@dataclass(slots=True, kw_only=True)
class Run:
    """Ticks of all that goes on, one after the other: each sees what the one before it started.

    `starts` is the count that was read before `rollouts` were. `stance` says why nothing may start, empty where it may.
    """

    wired: FleetWiring
    starts: int
    stance: str
    rollouts: dict[str, Remembered] = field(default_factory=dict)
    sightings: Mapping[str, Sighting] = field(default_factory=dict)
    ticked: list[Ticked] = field(default_factory=list)
    failures: list[NodewardenError] = field(default_factory=list)


def tick_rollouts(wired: FleetWiring, only: str = "") -> Run:
    """Take one tick of every rollout that goes on, or of `only` one; raises RequestError where there is none of that id.

    One that fails does not keep the others back; what failed is in the run's `failures`.
    """
    going = wired.rollout_ledger.going()
    run = Run(wired=wired, starts=going.starts, stance=wired.stance())
    for rollout_id in going.rollouts.values():
        _read(run, rollout_id)
    try:
        run.sightings = wired.sighting_ledger.sightings()
    except NodewardenError as error:
        _stop(run, "what was seen of releases cannot be read", error)
    if only and only not in going.rollouts.values():
        run.ticked.append(_ended(wired, only))
    for rollout_id in sorted(run.rollouts):
        if only in {"", rollout_id}:
            try:
                run.ticked.append(_ticked(run, rollout_id))
            except NodewardenError as error:
                error.add_note(f"in the rollout {rollout_id}")
                run.failures.append(error)
    return run


def _read(run: Run, rollout_id: str) -> None:
    """Read a rollout; where it cannot be, nobody knows what it updates, and nothing may start beside it."""
    try:
        found = run.wired.rollout_ledger.read(rollout_id)
        if found is None:
            message = f"the rollout {rollout_id} goes on, and has no head in the ledger: restore the table"
            raise LedgerError(message)
        run.rollouts[rollout_id] = found
    except NodewardenError as error:
        _stop(run, f"the rollout {rollout_id} cannot be read", error)


def _stop(run: Run, why: str, error: NodewardenError) -> None:
    run.stance = run.stance or why
    run.failures.append(error)


def _ended(wired: FleetWiring, rollout_id: str) -> Ticked:
    found = wired.rollout_ledger.read(rollout_id)
    if found is None:
        message = f"there is no rollout {rollout_id!r}: list them with the verb status"
        raise RequestError(message)
    return Ticked(rollout=found.rollout)


def _ticked(run: Run, rollout_id: str) -> Ticked:
    """Take one tick of a rollout; raises CodeError for a fault of our own, so that it keeps no other rollout back."""
    advice = "Its next tick finds out what started; until it is mended, watch its updates by hand, and report this"
    with faults_of_ours(f"the rollout {rollout_id} was not ticked to its end", advice):
        return _tick(run, rollout_id)


def _tick(run: Run, rollout_id: str) -> Ticked:
    wired, now = run.wired, datetime.now(UTC)
    rollout, policy = run.rollouts[rollout_id].rollout, wired.rollout_policy
    rest = _rest(run, rollout_id)
    look = Look(rollout=rollout, wired=wired, failures=run.failures)
    seen = observe(look, wanted(rollout, rest, policy, now), rest, run.sightings, now)
    after, calls = advance(rollout, seen, policy, now)
    if calls:  # the looks may have taken minutes: somebody may have paused since, or the window may have closed
        run.stance, now = run.stance or wired.stance(), datetime.now(UTC)
        after, calls = advance(rollout, replace(seen, stance=seen.stance or run.stance), policy, now)
    if after == rollout and not calls:
        return Ticked(rollout=rollout)
    written = wired.rollout_ledger.write(rollout, after, now, starts=run.starts if calls else None)
    if written is None:
        return Ticked(rollout=rollout, lost=True)
    run.starts += bool(calls)
    _remember(run, written)
    results = {call.key: result for call in calls if (result := start_update(wired, call, run.failures))}
    return _record(run, written, results)


def _rest(run: Run, rollout_id: str) -> Observed:
    others = [group for name, other in run.rollouts.items() if name != rollout_id for group in other.rollout.active]
    return Observed(
        answers=run.rollouts[rollout_id].answers,
        others_active=len(others),
        busy_clusters=frozenset(group.key.cluster for group in others),
        stance=run.stance,
    )


def _record(run: Run, written: Rollout, results: Mapping[NodeGroupKey, Result]) -> Ticked:
    now = datetime.now(UTC)
    after = started(written, results, run.wired.rollout_policy, now)
    begun = tuple(key for key, result in results.items() if isinstance(result, Started))
    if after == written:
        return Ticked(rollout=written, started=begun)
    recorded = run.wired.rollout_ledger.write(written, after, now)
    if recorded is None:
        return Ticked(rollout=written, started=begun, lost=True)
    _remember(run, recorded)
    return Ticked(rollout=recorded, started=begun)


def _remember(run: Run, rollout: Rollout) -> None:
    """Let the next ticks of the run see it; what has ended takes no place."""
    if rollout.state in FINAL:
        del run.rollouts[rollout.rollout_id]
    else:
        run.rollouts[rollout.rollout_id] = replace(run.rollouts[rollout.rollout_id], rollout=rollout)
