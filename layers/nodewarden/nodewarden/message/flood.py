"""When messages are a flood: which are told by themselves, which together, as `notice.toml` says. No AWS, no clock."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING

from nodewarden.message.digest import SEVERITIES
from nodewarden.rollout.step import StepKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nodewarden.message.message import Message
    from nodewarden.table import Table

# A digest and the entries that it tells are written as one transaction; DynamoDB takes 100 items in one.
MOST_TOGETHER = 99
ASKING = frozenset({StepKind.AWAITING_APPROVAL.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticePolicy:
    """The policy of `notice.toml`.

    Changes of more entries than `digest_above` of one kind in one batching window become a digest; of those that are critical,
    `critical_alone` are told by themselves all the same. `wrong` says what keeps the file from being read.
    """

    digest_above: int
    critical_alone: int
    wrong: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A change of a ledger entry that is to be told: the entry's key, the number that it is told under, its stream record."""

    pk: str
    sk: str
    version: int
    sequence_number: str

    @property
    def key(self) -> Mapping[str, str]:
        """The entry's key."""
        return {"pk": self.pk, "sk": self.sk}

    @property
    def change(self) -> str:
        """Name the change: the same in every retry."""
        return f"{self.pk}/{self.sk}/{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class News(Changed):
    """A change that people are to hear of, and the words for it."""

    message: Message

    @property
    def severity(self) -> str:
        """How severe the message is."""
        return str(self.message.document["severity"])

    @property
    def kind(self) -> str:
        """What the message is about."""
        return str(self.message.document["kind"])

    @property
    def is_digest(self) -> bool:
        """Whether it is a digest already."""
        return "digest" in self.message.document

    @property
    def asks(self) -> bool:
        """Whether it waits for a person's answer, for which a digest has neither button nor command."""
        return self.message.document["outcome"] in ASKING


# The changes of one entry, in their order: they are told by themselves or together, never apart.
type Entry[T: Changed] = tuple[T, ...]


def read(table: Table) -> NoticePolicy:
    """Check `notice.toml` and give its policy; raises PolicyError naming the key's path."""
    policy = NoticePolicy(
        digest_above=table.number("digest_above", at_least=1, at_most=100, default=5),
        critical_alone=table.number("critical_alone", at_least=0, at_most=100, default=3),
    )
    table.tables("case")  # the cases are the tests', not the service's
    table.done()
    return policy


def unread(why: str) -> NoticePolicy:
    """Give the policy for when the file cannot be read: everything is told by itself, and says so."""
    return NoticePolicy(digest_above=sys.maxsize, critical_alone=0, wrong=why)


def sort_out(news: Sequence[News], policy: NoticePolicy) -> tuple[list[News], list[list[News]]]:
    """Give the news that are told by themselves, in their order, and those that are told together."""
    digests: list[list[News]] = []
    for kind in dict.fromkeys(one.kind for one in news if not one.is_digest):
        of_kind = by_entry(one for one in news if one.kind == kind and not one.is_digest)
        digests += [[one for entry in part for one in entry] for part in _parts(_together(of_kind, policy))]
    together = {one.change for digest in digests for one in digest}
    return [one for one in news if one.change not in together], digests


def _parts(found: Sequence[Entry[News]]) -> Iterable[Sequence[Entry[News]]]:
    """Part entries evenly, so that none is left alone in a digest: as many as a transaction takes, or nearly."""
    count = math.ceil(len(found) / MOST_TOGETHER)
    return batched(found, math.ceil(len(found) / count), strict=False) if count else ()


def by_entry[T: Changed](changes: Iterable[T]) -> list[Entry[T]]:
    """Put the changes of each entry together, in their order."""
    found: dict[tuple[str, str], list[T]] = {}
    for one in changes:
        found.setdefault((one.pk, one.sk), []).append(one)
    return [*map(tuple, found.values())]


def _together(found: list[Entry[News]], policy: NoticePolicy) -> list[Entry[News]]:
    """Give the entries that a digest tells, worst first; what asks is told by itself, and one alone makes no digest."""
    if len(found) <= policy.digest_above:
        return []
    ranked = sorted((entry for entry in found if not any(one.asks for one in entry)), key=_rank)
    alone = min(policy.critical_alone, sum(_rank(entry) == 0 for entry in ranked))
    return ranked[alone:] if len(ranked) - alone > 1 else []


def _rank(entry: Entry[News]) -> int:
    return min(SEVERITIES.index(one.severity) for one in entry)
