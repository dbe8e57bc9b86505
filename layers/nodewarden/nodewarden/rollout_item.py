"""How a rollout is written as items, and read back: a head, an item for each of its node groups, and people's answers.

    rollout#<id>  head                    what is true of the whole; `version` counts its writes, `step` its steps
    rollout#<id>  group#<cluster>/<name>  how far a node group came
    rollout#<id>  answer#<id>             what a person answered, put once

An item is read by the names of what it has: what today's code did not write yet gets the value that it begins with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from nodewarden.errors import LedgerError
from nodewarden.item import read_entry
from nodewarden.node_group import HealthIssue, NodeGroupKey, Target
from nodewarden.record import stamp
from nodewarden.rollout.answer import Answer, Answered, Verb
from nodewarden.rollout.state import FINAL, SCHEMA, GroupProgress, GroupState, Halt, HaltCause, Rollout, State
from nodewarden.rollout.step import Durations, PlannedWave, Step, StepKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nodewarden.item import Item

TRIGGER = "rollout"
HEAD = "head"
# Of each group that a step lists, the errors that are kept: a head is one item of up to 400 KB.
MOST_ERRORS = 3
type Reader = Callable[[Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A rollout as it was read, with all that people answered to it, dealt with or not."""

    rollout: Rollout
    answers: tuple[Answer, ...] = ()


def partition_of(rollout_id: str) -> str:
    """Name the partition of a rollout."""
    return f"rollout#{rollout_id}"


def head_item(rollout: Rollout, now: datetime, retention: timedelta) -> Item:
    """Write the head; the number of its last step is `step`, as `told` is up to where people heard."""
    values: Item = written(replace(rollout, groups={}, steps=tuple(map(_short, rollout.steps))))
    del values["groups"]
    step = values.pop("told")
    return {
        "pk": partition_of(rollout.rollout_id),
        "sk": HEAD,
        "trigger": TRIGGER,
        "changed_at": stamp(now),
        **values,
        "schema": SCHEMA,
        "step": step,
        "size": len(rollout.groups),
        **({"ttl": ends_at(now, retention)} if rollout.state in FINAL else {}),
    }


def group_item(rollout: Rollout, group: GroupProgress) -> Item:
    """Write a group."""
    return {**group_key(rollout, group), "schema": SCHEMA, **written(group)}


def group_key(rollout: Rollout, group: GroupProgress) -> Item:
    """Give the keys of a group's item."""
    return {"pk": partition_of(rollout.rollout_id), "sk": f"group#{group.key}"}


def answer_item(rollout_id: str, answer: Answer, retention: timedelta) -> Item:
    """Write what a person answered."""
    key = {"pk": partition_of(rollout_id), "sk": f"answer#{answer.answer_id}", "schema": SCHEMA}
    return {**key, **written(answer), "ttl": ends_at(answer.at, retention)}


def read_head(item: Item) -> Rollout:
    """Read a head, without its groups; raises LedgerError."""
    return read_entry(item, _head)


def read_rollout(items: Iterable[Item]) -> Remembered | None:
    """Read the items of a rollout's partition; None where it has no head. Raises LedgerError."""
    items = list(items)
    head = next((item for item in items if item["sk"] == HEAD), None)
    if head is None:
        return None
    rollout = read_head(head)
    groups = [read_entry(item, _group) for item in items if item["sk"].startswith("group#")]
    if len(groups) != int(head["size"]):
        message = (
            f"the rollout {rollout.rollout_id} has {len(groups)} of its {head['size']} groups in the ledger: "
            "put back the missing items, or give it up, as the runbook says under LedgerError"
        )
        raise LedgerError(message)
    answers = (read_entry(item, _answer) for item in items if item["sk"].startswith("answer#"))
    whole = replace(rollout, groups={group.key: group for group in sorted(groups, key=lambda group: group.key)})
    return Remembered(rollout=whole, answers=tuple(answers))


def written(value: Any) -> Any:
    """Write dataclasses as maps, moments as stamps, durations as seconds, sets and tuples as lists."""
    match value:
        case StrEnum():
            plain: Any = value.value
        case datetime():
            plain = stamp(value)
        case timedelta():
            plain = int(value.total_seconds())
        case Mapping():
            plain = {str(name): written(each) for name, each in value.items()}
        case frozenset() | set():
            plain = sorted(map(written, value), key=str)
        case tuple():
            plain = [written(each) for each in value]
        case _ if is_dataclass(value):
            plain = {field.name: written(getattr(value, field.name)) for field in fields(value)}
        case _:
            plain = value
    return plain


def ends_at(moment: datetime, retention: timedelta) -> int:
    """Give the `ttl` of what ends at a moment."""
    return int((moment + retention).timestamp())


def _short(step: Step) -> Step:
    return replace(step, groups=tuple(replace(group, errors=group.errors[:MOST_ERRORS]) for group in step.groups))


def _made[T](kind: Callable[..., T], readers: Mapping[str, Reader]) -> Callable[[Item], T]:
    """Make what reads a map as `kind`: each of the names that it has, by its reader."""
    return lambda item: kind(**{name: read(item[name]) for name, read in readers.items() if name in item})


def _maybe(read: Reader) -> Reader:
    return lambda value: None if value is None else read(value)


def _each(read: Reader, kind: Callable[[Iterable[Any]], Any] = tuple) -> Reader:
    return lambda values: kind(map(read, values))


def _seconds(value: Any) -> timedelta:
    return timedelta(seconds=int(value))


def _counts(value: Item) -> dict[GroupState, int]:
    return {GroupState(state): int(count) for state, count in value.items()}


_moment = _maybe(datetime.fromisoformat)
_key = _made(NodeGroupKey, dict.fromkeys(("account", "region", "cluster", "name"), str))
_target = _made(
    Target,
    {
        **dict.fromkeys(("release_version", "parameter"), str),
        "released_at": datetime.fromisoformat,
        "image_id": _maybe(str),
        "minimum_age": _maybe(_seconds),
    },
)
_issue = _made(HealthIssue, {"code": str, "message": str, "resource_ids": _each(str)})
_halt = _made(Halt, {"cause": HaltCause, "why": str, "at": datetime.fromisoformat})
_durations = _made(Durations, dict.fromkeys(("wave", "median", "longest"), _seconds))
_planned_wave = _made(PlannedWave, {"name": str, "groups": int, "soak": _seconds, "approval": bool})
_answer = _made(
    Answer,
    {
        **dict.fromkeys(("answer_id", "by", "reason"), str),
        "verb": Verb,
        "at": datetime.fromisoformat,
        "wave": _maybe(str),
        "group": _maybe(_key),
    },
)
_answered = _made(Answered, {"answer": _answer, "refused": str})
_GROUP_MOMENTS = ("started_at", "called_at", "finished_at", "looked_at", "healthy_at", "stuck_since", "not_before")
_group = _made(
    GroupProgress,
    {
        "key": _key,
        "target": _target,
        "state": GroupState,
        **dict.fromkeys(("wave", "minor", "previous_release", "rollout_id", "why"), str),
        **dict.fromkeys(("attempt", "refusals"), int),
        **dict.fromkeys(_GROUP_MOMENTS, _moment),
        **dict.fromkeys(("accepted", "may_return"), bool),
        **dict.fromkeys(("update_id", "update_before"), _maybe(str)),
        "errors": _each(_issue),
    },
)
_step = _made(
    Step,
    {
        "kind": StepKind,
        "number": int,
        "at": datetime.fromisoformat,
        "wave": _maybe(str),
        "counts": _counts,
        **dict.fromkeys(("why", "by"), str),
        "groups": _each(_group),
        "durations": _maybe(_durations),
        "expected_at": _moment,
        "releases": _each(str),
        "waves": _each(_planned_wave),
    },
)
_HEAD_MOMENTS = ("wave_started_at", "wave_done_at", "asked_at", "trouble_since", "finished_at")
_rollout = _made(
    Rollout,
    {
        "groups": dict,
        **dict.fromkeys(("rollout_id", "family", "account", "region", "reason", "why"), str),
        "created_at": datetime.fromisoformat,
        "waves": _each(str),
        "state": State,
        "urgent": bool,
        **dict.fromkeys(("version", "schema", "wave"), int),
        **dict.fromkeys(_HEAD_MOMENTS, _moment),
        **dict.fromkeys(("approved", "accepted"), _each(str, frozenset)),
        "recalls": _each(_target, frozenset),
        "halt": _maybe(_halt),
        "held_from": _maybe(State),
        "answers": _each(_answered),
        "steps": _each(_step),
    },
)


def _head(item: Item) -> Rollout:
    return replace(_rollout({**item, "groups": {}}), told=int(item["step"]))
