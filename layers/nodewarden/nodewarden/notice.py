"""Telling people, from the ledger's stream: one change is told once, and a retry does not tell it again.

A message that was published and not yet written down as told is published again by a retry: SNS remembers nothing. That
is the one moment in which a change is told twice, and the digest's own message has it too; none is never told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nodewarden.aws.dynamodb import unmarshal
from nodewarden.breaker import read_resumed
from nodewarden.digest_ledger import read_digest
from nodewarden.errors import NodewardenError, UnavailableError
from nodewarden.item import read_exemption, read_pause, read_remediation
from nodewarden.message.compose import compose
from nodewarden.message.digest import digest
from nodewarden.message.flood import News, sort_out
from nodewarden.sweep_ledger import read_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from nodewarden.aws.dynamodb import Item
    from nodewarden.aws.sns import Topic
    from nodewarden.digest_ledger import DigestLedger
    from nodewarden.ledger import Ledger
    from nodewarden.message.compose import Change
    from nodewarden.message.flood import NoticePolicy
    from nodewarden.message.message import Message


# The first word of an item's sort key: who reads it. A kind that is not here is nobody's news.
READERS: dict[str, Callable[[Item], Change]] = {
    "remediation": read_remediation,
    "exemption": read_exemption,
    "pause": read_pause,
    "hour": read_resumed,
    "sweep": read_run,
    "digest": read_digest,
}


@dataclass(frozen=True, slots=True)
class Failure:
    """A stream record that could not be told."""

    sequence_number: str
    error: NodewardenError


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What telling takes: where it is read and written down what people know, where they listen, and what is a flood."""

    ledger: Ledger
    digests: DigestLedger
    topic: Topic
    stack: str
    policy: NoticePolicy


def tell_each(records: Iterable[Mapping[str, Any]], telling: Telling, now: datetime) -> list[Failure]:
    """Tell people of each change, of a flood in digests; what cannot be told does not keep the rest back."""
    news, failures = _gather(records, telling)
    alone, digests = sort_out(news, telling.policy)
    for part in ([one] for one in alone):
        failures += _try(_tell, part, telling, now)
    for part in digests:
        failures += _try(_collect, part, telling, now)
    return failures


def _gather(records: Iterable[Mapping[str, Any]], telling: Telling) -> tuple[list[News], list[Failure]]:
    """Read what is news in the records, each change once."""
    news: dict[str, News] = {}
    failures = []
    for record in records:
        try:
            if one := _news(record["dynamodb"], telling):
                news.setdefault(one.change, one)
        except NodewardenError as error:
            failures.append(Failure(record["dynamodb"]["SequenceNumber"], error))
    return [*news.values()], failures


def _news(record: Mapping[str, Any], telling: Telling) -> News | None:
    item = unmarshal(record["NewImage"])
    version = int(item["version"])
    if int(item.get("told", 0)) >= version:
        return None
    reader = READERS.get(str(item["sk"]).partition("#")[0])
    message = compose(reader(item), telling.stack) if reader else None
    if message is None or telling.ledger.told(item) >= version:
        return None
    return News(
        pk=item["pk"], sk=item["sk"], version=version, sequence_number=record["SequenceNumber"], message=message
    )


type Act = Callable[[Sequence[News], Telling, datetime], None]


def _try(act: Act, part: Sequence[News], telling: Telling, now: datetime) -> list[Failure]:
    try:
        act(part, telling, now)
    except NodewardenError as error:
        return [Failure(one.sequence_number, error) for one in part]
    return []


def _tell(part: Sequence[News], telling: Telling, _now: datetime) -> None:
    """Publish, then write down that it is told: a crash in between tells twice, never not at all."""
    for one in part:
        message = _with_change(one, telling.policy.wrong)
        telling.topic.publish(message.subject, message.bodies(), message.attributes)
        telling.ledger.tell({"pk": one.pk, "sk": one.sk}, one.version)


def _collect(part: Sequence[News], telling: Telling, now: datetime) -> None:
    """Write a digest and all that it tells down, at once: the stream brings it back, to be told like any change."""
    told: dict[tuple[str, str], int] = {}
    for one in part:
        told[one.pk, one.sk] = max(one.version, told.get((one.pk, one.sk), 0))
    collected = digest(part[0].kind, ((one.change, one.message) for one in part), now)
    if not telling.digests.collect(collected, told):
        message = "the ledger changed while a digest was written: it is tried again with what is not told by then"
        raise UnavailableError(message)


def _with_change(news: News, wrong: str) -> Message:
    """Name the change, so that listeners can tell a second delivery from a second change, and say what is wrong with us."""
    message = replace(news.message, document=news.message.document | {"change": news.change})
    beware = f"{wrong}. Until that is mended and deployed, floods are told one by one."
    return replace(message, sections=[*message.sections, ("Policy", beware)]) if wrong else message
