"""Telling people, from the ledger's stream: one change is told once, and a retry does not tell it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nodewarden.aws.dynamodb import unmarshal
from nodewarden.breaker import read_resumed
from nodewarden.errors import NodewardenError
from nodewarden.item import read_exemption, read_pause, read_remediation
from nodewarden.message.compose import compose
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
    version = int(item["version"])
    if int(item.get("told", 0)) >= version:
        return
    reader = READERS.get(str(item["sk"]).partition("#")[0])
    message = compose(reader(item), stack) if reader else None
    if message is None or ledger.told(item) >= version:
        return
    topic.publish(message.subject, message.bodies(), message.attributes)
    ledger.tell({"pk": item["pk"], "sk": item["sk"]}, version)
