"""Telling people, from the ledger's stream, and announcing releases: one change is told once, and a retry does not tell it again.

A message that was published and not yet written down as told is published again by a retry: SNS remembers nothing. That
is the one moment in which a change is told twice, and the digest's own message has it too; none is never told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nodewarden.ami_release.announcement import DETAIL_TYPE, detail
from nodewarden.aws.dynamodb import unmarshal
from nodewarden.breaker import read_resumed
from nodewarden.digest_ledger import read_digest
from nodewarden.errors import NodewardenError, UnavailableError
from nodewarden.finding_item import INCIDENT
from nodewarden.fleet_ledger import read_look
from nodewarden.item import read_exemption, read_number, read_pause, read_remediation
from nodewarden.message.compose import compose
from nodewarden.message.digest import digest
from nodewarden.message.flood import Changed, News, by_entry, sort_out
from nodewarden.message.rollout import RolloutStep
from nodewarden.rollout_item import HEAD, read_head
from nodewarden.sighting_ledger import SIGHTING, read_sighting
from nodewarden.sweep_ledger import read_run
from nodewarden.tell_incidents import IncidentChanged, changes_of, tell_incidents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from nodewarden.aws.dynamodb import Item
    from nodewarden.aws.events import Bus
    from nodewarden.aws.sns import Topic
    from nodewarden.digest_ledger import DigestLedger
    from nodewarden.ledger import Ledger
    from nodewarden.message.compose import Change
    from nodewarden.message.flood import NoticePolicy
    from nodewarden.message.message import Message

# Gives the changes of an item after the one that was told last, each with the number that it is told under.
type Reader = Callable[[Item, int], Iterable[tuple[int, Change]]]


def _each_version(read: Callable[[Item], Change]) -> Reader:
    """Take a new version for a change; one that was told is not even read."""
    return lambda item, told: [(version, read(item))] if (version := read_number(item, "version")) > told else []


def _each_step(item: Item, told: int) -> Iterable[tuple[int, Change]]:
    """Read the steps of a rollout's head: its version grows without news."""
    rollout = read_head(item)
    return [(step.number, RolloutStep(rollout=rollout, step=step)) for step in rollout.steps if step.number > told]


# The first word of an item's sort key: who reads it. A kind that is not here is nobody's news.
READERS: dict[str, Reader] = {
    "remediation": _each_version(read_remediation),
    "exemption": _each_version(read_exemption),
    "pause": _each_version(read_pause),
    "hour": _each_version(read_resumed),
    "sweep": _each_version(read_run),
    "digest": _each_version(read_digest),
    "standings": _each_version(read_look),
    HEAD: _each_step,
}


@dataclass(frozen=True, slots=True)
class Failure:
    """A stream record that could not be told."""

    sequence_number: str
    error: NodewardenError


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(Changed):
    """A release that is to be announced on the bus: the detail of its event."""

    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What telling takes: where it is read and written down what is told, who listens, and what is a flood."""

    ledger: Ledger
    digests: DigestLedger
    topic: Topic
    bus: Bus
    stack: str
    policy: NoticePolicy


def tell_each(records: Iterable[Mapping[str, Any]], telling: Telling, now: datetime) -> list[Failure]:
    """Tell people of each change, of a flood in digests, and the bus of each release.

    What cannot be told keeps nothing back but later changes of the same entry: told before it, they would be all of it.
    Changes of incidents are told last, those that became the same at once: one vulnerability comes to many node groups.
    """
    found, of_incidents, failures = _gather(records, telling.stack)
    untold, gone, unknown = _untold(found, telling.ledger)
    alone, digests = sort_out([one for one in untold if isinstance(one, News)], telling.policy)
    by_themselves = [*gone, *(one for one in untold if isinstance(one, Release)), *alone]
    failures += unknown
    for entry in by_entry(by_themselves):
        failures += _in_order(entry, telling)
    for part in digests:
        failures += _together(part, telling, now)
    not_told = tell_incidents(of_incidents, telling.ledger, telling.topic, telling.stack)
    return failures + [Failure(each.sequence_number, error) for each, error in not_told]


def _gather(
    records: Iterable[Mapping[str, Any]], stack: str
) -> tuple[list[Changed], list[IncidentChanged], list[Failure]]:
    """Read what is news in the records, each change once; what cannot be read keeps nothing back."""
    found: dict[str, Changed] = {}
    of_incidents: list[IncidentChanged] = []
    failures = []
    for record in records:
        number = record["dynamodb"]["SequenceNumber"]
        try:
            item = unmarshal(record["dynamodb"]["NewImage"])
            if _kind(item) == INCIDENT:
                of_incidents += changes_of(item, number)
                continue
            for one in _news(item, number, stack):
                found.setdefault(one.change, one)
        except NodewardenError as error:
            failures.append(Failure(number, error))
    return [*found.values()], of_incidents, failures


def _kind(item: Item) -> str:
    """Give the first word of its sort key."""
    return str(item["sk"]).partition("#")[0]


def _news(item: Item, sequence_number: str, stack: str) -> list[Changed]:
    """Give what was not told of an item when it was written."""
    kind, told = _kind(item), read_number(item, "told")
    known: dict[str, Any] = {"pk": item["pk"], "sk": item["sk"], "sequence_number": sequence_number}
    if kind == SIGHTING:
        sighting = read_sighting(item)
        announced = detail(sighting, item["region"])
        return [Release(version=sighting.version, detail=announced, **known)] if announced else []
    changes = READERS[kind](item, told) if kind in READERS else ()
    worded = ((number, compose(change, stack)) for number, change in changes)
    return [News(version=number, message=message, **known) for number, message in worded if message]


def _untold(found: Sequence[Changed], ledger: Ledger) -> tuple[list[Changed], list[Changed], list[Failure]]:
    """Leave out what was told since, by what the ledger says now.

    The second list is of entries that are gone: a digest cannot mark them as told, so they are told by themselves.
    """
    untold: list[Changed] = []
    gone: list[Changed] = []
    failures: list[Failure] = []
    for entry in by_entry(found):
        try:
            told = ledger.told_or_gone(entry[0].key)
        except NodewardenError as error:
            failures += _not_told(entry, error)
            continue
        if told is None:
            gone += entry
        else:
            untold += [one for one in entry if one.version > told]
    return untold, gone, failures


def _in_order(entry: Sequence[Changed], telling: Telling) -> list[Failure]:
    for index, one in enumerate(entry):
        try:
            _tell(one, telling)
        except NodewardenError as error:
            return _not_told(entry[index:], error)
    return []


def _tell(one: Changed, telling: Telling) -> None:
    """Publish, then write down that it is told: a crash in between tells twice, never not at all."""
    match one:
        case News():
            message = _with_change(one, telling.policy.wrong)
            telling.topic.publish(message.subject, message.bodies(), message.attributes)
        case Release():
            telling.bus.put(DETAIL_TYPE, one.detail)
    telling.ledger.tell(one.key, one.version)


def _together(part: Sequence[News], telling: Telling, now: datetime) -> list[Failure]:
    try:
        _collect(part, telling, now)
    except NodewardenError as error:
        return _not_told(part, error)
    return []


def _collect(part: Sequence[News], telling: Telling, now: datetime) -> None:
    """Write a digest and all that it tells down, at once: the stream brings it back, to be told like any change."""
    told: dict[tuple[str, str], int] = {}
    for one in part:
        told[one.pk, one.sk] = max(one.version, told.get((one.pk, one.sk), 0))
    collected = digest(part[0].kind, ((one.change, one.message) for one in part), now)
    if not telling.digests.collect(collected, told):
        message = "the ledger changed while a digest was written: it is tried again with what is not told by then"
        raise UnavailableError(message)


def _not_told(part: Iterable[Changed], error: NodewardenError) -> list[Failure]:
    return [Failure(one.sequence_number, error) for one in part]


def _with_change(news: News, wrong: str) -> Message:
    """Name the change, so that listeners can tell a second delivery from a second change, and say what is wrong with us."""
    message = replace(news.message, document=news.message.document | {"change": news.change})
    beware = f"{wrong}. Until that is mended and deployed, floods are told one by one."
    return replace(message, sections=[*message.sections, ("Policy", beware)]) if wrong else message
