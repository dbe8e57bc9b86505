"""Telling people, from the ledger's stream: one change is told once, and a retry does not tell it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nodewarden.aws.dynamodb import unmarshal
from nodewarden.breaker import read_resumed
from nodewarden.errors import NodewardenError
from nodewarden.fleet_ledger import read_look
from nodewarden.item import read_exemption, read_pause, read_remediation
from nodewarden.message.compose import compose
from nodewarden.message.rollout import RolloutStep
from nodewarden.rollout_item import HEAD, read_head
from nodewarden.sweep_ledger import read_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from nodewarden.aws.dynamodb import Item
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


def tell_each(records: Iterable[Mapping[str, Any]], ledger: Ledger, topic: Topic, stack: str) -> list[Failure]:
    """Tell people of each change; one that cannot be told does not keep the others back."""
    failures = []
    for record in records:
        try:
            _tell(record["dynamodb"]["NewImage"], ledger, topic, stack)
        except NodewardenError as error:
            failures.append(Failure(record["dynamodb"]["SequenceNumber"], error))
    return failures


def _tell(image: Mapping[str, Any], ledger: Ledger, topic: Topic, stack: str) -> None:
    """Publish, then write down that it is told: a crash in between tells twice, never not at all."""
    item = unmarshal(image)
    for number, change in _changes(item):
        message = compose(change, stack)
        if message is None or ledger.told(item) >= number:
            continue
        topic.publish(message.subject, message.bodies(), message.attributes)
        ledger.tell({"pk": item["pk"], "sk": item["sk"]}, number)


def _changes(item: Item) -> Iterable[tuple[int, Change]]:
    """Give what people did not hear of an item yet, as far as it knows, and the number that it is told under."""
    kind, told = str(item["sk"]).partition("#")[0], int(item.get("told", 0))
    if kind == HEAD:  # its version grows without news: what is told is counted by the steps
        rollout = read_head(item)
        return [(step.number, RolloutStep(rollout=rollout, step=step)) for step in rollout.steps if step.number > told]
    version = int(item["version"])
    return [(version, READERS[kind](item))] if kind in READERS and version > told else []
