"""Telling people of incidents: what became the same in one batch of the stream is one message, each incident's news in order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nodewarden.errors import NodewardenError
from nodewarden.finding_item import read_incident
from nodewarden.inspector_finding.incident import COVERAGE, NETWORK
from nodewarden.message.compose import compose
from nodewarden.message.incident_change import IncidentChange
from nodewarden.message.inspector_finding import IncidentsChange

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nodewarden.aws.dynamodb import Item
    from nodewarden.aws.sns import Topic
    from nodewarden.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Untold:
    """A change of an incident that people did not hear of yet, as far as its stream record knows.

    `number` counts the messages about the incident, `pk` and `sk` name its item.
    """

    sequence_number: str
    pk: str
    sk: str
    number: int
    change: IncidentChange

    @property
    def keys(self) -> Item:
        """The keys of the incident's item."""
        return {"pk": self.pk, "sk": self.sk}


def untold(item: Item, sequence_number: str) -> list[Untold]:
    """Give what an incident's stream record has that was not told when it was written; raises LedgerError."""
    incident, told = read_incident(item), int(item.get("told", 0))
    first = incident.messages - len(incident.news) + 1
    return [
        Untold(
            sequence_number=sequence_number,
            pk=item["pk"],
            sk=item["sk"],
            number=number,
            change=IncidentChange(incident=incident, change=change),
        )
        for number, change in enumerate(incident.news, first)
        if number > told
    ]


def together(changes: Iterable[Untold]) -> list[list[Untold]]:
    """Put together what became the same, in the order to tell it: an incident's second change comes after all first ones."""
    before: Counter[str] = Counter()
    found: dict[tuple[int, str, str, str, str], list[Untold]] = {}
    for each in {(each.pk, each.number): each for each in changes}.values():
        key = each.change.incident.key
        kind = key.about if key.about in {NETWORK, COVERAGE} else ""
        alike = (before[each.pk], key.account, key.region, kind, each.change.change.state.value)
        found.setdefault(alike, []).append(each)
        before[each.pk] += 1
    return [found[alike] for alike in sorted(found, key=lambda alike: alike[0])]


def tell_incidents(
    changes: Iterable[Untold], ledger: Ledger, topic: Topic, stack: str
) -> Iterator[tuple[Untold, NodewardenError]]:
    """Publish, then write down what is told; gives what could not be told, and why.

    A crash in between tells twice, never not at all. What comes after a change that could not be told is left for the next
    try, as the number of what was told says that all before it was.
    """
    stuck: set[str] = set()
    for alike in together(changes):
        here = [each for each in alike if each.pk not in stuck]
        try:
            _tell([each for each in here if ledger.told(each.keys) < each.number], ledger, topic, stack)
        except NodewardenError as error:
            stuck |= {each.pk for each in here}
            yield from ((each, error) for each in here)


def _tell(alike: list[Untold], ledger: Ledger, topic: Topic, stack: str) -> None:
    message = compose(IncidentsChange(tuple(each.change for each in alike)), stack) if alike else None
    if message is None:
        return
    topic.publish(message.subject, message.bodies(), message.attributes)
    for each in alike:
        ledger.tell(each.keys, each.number)
