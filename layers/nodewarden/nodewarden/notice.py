"""Telling people, from the ledger's stream, and announcing releases: one change once, a retry does not tell it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nodewarden.ami_release.announcement import DETAIL_TYPE, detail
from nodewarden.aws.dynamodb import unmarshal
from nodewarden.breaker import read_resumed
from nodewarden.errors import NodewardenError
from nodewarden.finding_item import INCIDENT
from nodewarden.fleet_ledger import read_look
from nodewarden.item import read_exemption, read_pause, read_remediation
from nodewarden.message.compose import compose
from nodewarden.message.rollout import RolloutStep
from nodewarden.rollout_item import HEAD, read_head
from nodewarden.sighting_ledger import SIGHTING, read_sighting
from nodewarden.sweep_ledger import read_run
from nodewarden.tell_incidents import tell_incidents, untold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from nodewarden.aws.dynamodb import Item
    from nodewarden.aws.events import Bus
    from nodewarden.aws.sns import Topic
    from nodewarden.ledger import Ledger
    from nodewarden.message.compose import Change


# The first word of an item's sort key: who reads it. A kind that is not here is nobody's news.
READERS: dict[str, Callable[[Item], Change]] = {
    "remediation": read_remediation,
    "exemption": read_exemption,
    "pause": read_pause,
    "hour": read_resumed,
    "sweep": read_run,
    "standings": read_look,
}


@dataclass(frozen=True, slots=True)
class Failure:
    """A stream record that could not be told."""

    sequence_number: str
    error: NodewardenError


def tell_each(
    records: Iterable[Mapping[str, Any]], ledger: Ledger, topic: Topic, bus: Bus, stack: str
) -> list[Failure]:
    """Tell people of each change, and the bus of each release; one that cannot be told does not keep the others back.

    Changes of incidents are told last, those that became the same at once: one vulnerability comes to many node groups.
    """
    failures, of_incidents = [], []
    for record in records:
        number = record["dynamodb"]["SequenceNumber"]
        try:
            item = unmarshal(record["dynamodb"]["NewImage"])
            if _kind(item) == SIGHTING:
                _announce(item, ledger, bus)
            elif _kind(item) == INCIDENT:
                of_incidents += untold(item, number)
            else:
                _tell(item, ledger, topic, stack)
        except NodewardenError as error:
            failures.append(Failure(number, error))
    not_told = tell_incidents(of_incidents, ledger, topic, stack)
    return failures + [Failure(each.sequence_number, error) for each, error in not_told]


def _kind(item: Item) -> str:
    return str(item["sk"]).partition("#")[0]


def _announce(item: Item, ledger: Ledger, bus: Bus) -> None:
    """Put a release on the bus, then write that down: a crash in between announces twice, never not at all."""
    sighting = read_sighting(item)
    announced = detail(sighting, item["region"])
    if announced is None or ledger.told(item) >= sighting.version:
        return
    bus.put(DETAIL_TYPE, announced)
    ledger.tell({"pk": item["pk"], "sk": item["sk"]}, sighting.version)


def _tell(item: Item, ledger: Ledger, topic: Topic, stack: str) -> None:
    """Publish, then write down that it is told: a crash in between tells twice, never not at all."""
    for number, change in _changes(item):
        message = compose(change, stack)
        if message is None or ledger.told(item) >= number:
            continue
        topic.publish(message.subject, message.bodies(), message.attributes)
        ledger.tell({"pk": item["pk"], "sk": item["sk"]}, number)


def _changes(item: Item) -> Iterable[tuple[int, Change]]:
    """Give what people did not hear of an item yet, as far as it knows, and the number that it is told under."""
    kind, told = _kind(item), int(item.get("told", 0))
    if kind == HEAD:  # its version grows without news: what is told is counted by the steps
        rollout = read_head(item)
        return [(step.number, RolloutStep(rollout=rollout, step=step)) for step in rollout.steps if step.number > told]
    version = int(item["version"])
    return [(version, READERS[kind](item))] if kind in READERS and version > told else []
