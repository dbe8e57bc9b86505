"""Telling people of incidents: what became the same in one batch of the stream is one message, each incident's news in order."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nodewarden.errors import NodewardenError
from nodewarden.finding_item import read_incident
from nodewarden.inspector_finding.incident import COVERAGE, NETWORK
from nodewarden.message.compose import compose
from nodewarden.message.flood import Changed
from nodewarden.message.incident_change import IncidentChange
from nodewarden.message.inspector_finding import IncidentsChange

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nodewarden.aws.dynamodb import Item
    from nodewarden.aws.sns import Topic
    from nodewarden.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentChanged(Changed):
    """A change of an incident that people did not hear of yet, as far as its stream record knows.

    `version` counts the messages about the incident.
    """

    told: IncidentChange


def changes_of(item: Item, sequence_number: str) -> list[IncidentChanged]:
    """Give what an incident's stream record has that was not told when it was written; raises LedgerError."""
    incident, told = read_incident(item), int(item.get("told", 0))
    first = incident.messages - len(incident.news) + 1
    return [
        IncidentChanged(
            sequence_number=sequence_number,
            pk=item["pk"],
            sk=item["sk"],
            version=number,
            told=IncidentChange(incident=incident, change=change),
        )
        for number, change in enumerate(incident.news, first)
        if number > told
    ]


def together(changes: Iterable[IncidentChanged]) -> list[list[IncidentChanged]]:
    """Put together what became the same, in the order to tell it: an incident's second change comes after all first ones."""
    before: Counter[str] = Counter()
    found: dict[tuple[int, str, str, str, str], list[IncidentChanged]] = {}
    for each in {(each.pk, each.version): each for each in changes}.values():
        key = each.told.incident.key
        kind = key.about if key.about in {NETWORK, COVERAGE} else ""
        alike = (before[each.pk], key.account, key.region, kind, each.told.change.state.value)
        found.setdefault(alike, []).append(each)
        before[each.pk] += 1
    return [found[alike] for alike in sorted(found, key=lambda alike: alike[0])]


def tell_incidents(
    changes: Iterable[IncidentChanged], ledger: Ledger, topic: Topic, stack: str
) -> Iterator[tuple[IncidentChanged, NodewardenError]]:
    """Publish, then write down what is told; gives what could not be told, and why.

    A crash in between tells twice, never not at all. What comes after a change that could not be told is left for the next
    try, as the number of what was told says that all before it was.
    """
    stuck: set[str] = set()
    for alike in together(changes):
        here = [each for each in alike if each.pk not in stuck]
        try:
            _tell([each for each in here if ledger.told(each.key) < each.version], ledger, topic, stack)
        except NodewardenError as error:
            stuck |= {each.pk for each in here}
            yield from ((each, error) for each in here)


def _tell(alike: list[IncidentChanged], ledger: Ledger, topic: Topic, stack: str) -> None:
    message = compose(IncidentsChange(tuple(each.told for each in alike)), stack) if alike else None
    if message is None:
        return
    message = replace(message, document=message.document | {"change": _name_of(alike)})
    topic.publish(message.subject, message.bodies(), message.attributes)
    for each in alike:
        ledger.tell(each.key, each.version)


def _name_of(alike: Iterable[IncidentChanged]) -> str:
    """Name changes that are told together: the same in every retry that tells the same."""
    names = "|".join(sorted(each.change for each in alike))
    return f"incidents/{hashlib.sha256(names.encode()).hexdigest()[:16]}"
