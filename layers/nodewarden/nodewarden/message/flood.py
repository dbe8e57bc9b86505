"""When messages are a flood: which are told by themselves, which together, as `notice.toml` says. No AWS, no clock."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING

from nodewarden.message.digest import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nodewarden.message.message import Message
    from nodewarden.table import Table

# A digest and the entries that it tells are written as one transaction; DynamoDB takes 100 items in one.
MOST_TOGETHER = 99


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticePolicy:
    """The policy of `notice.toml`.

    More incidents than `digest_above` of one kind in one batching window become a digest; of those that are critical,
    `critical_alone` are told by themselves all the same. `wrong` says what keeps the file from being read.
    """

    digest_above: int
    critical_alone: int
    wrong: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """A change of a ledger entry that people are to hear of: the entry's key, its version, and the words for it."""

    pk: str
    sk: str
    version: int
    sequence_number: str
    message: Message

    @property
    def change(self) -> str:
        """Name the change: the same in every retry."""
        return f"{self.pk}/{self.sk}/{self.version}"

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


# The changes of one entry, in their order: they are told by themselves or together, never apart.
type Incident = tuple[News, ...]


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
        incidents = _incidents([one for one in news if one.kind == kind and not one.is_digest])
        parts = batched(_together(incidents, policy), MOST_TOGETHER, strict=False)
        digests += [[one for incident in part for one in incident] for part in parts]
    together = {one.change for digest in digests for one in digest}
    return [one for one in news if one.change not in together], digests


def _incidents(news: Sequence[News]) -> list[Incident]:
    return [tuple(one for one in news if (one.pk, one.sk) == key) for key in dict.fromkeys((n.pk, n.sk) for n in news)]


def _together(incidents: list[Incident], policy: NoticePolicy) -> list[Incident]:
    """Give the incidents that a digest tells, worst first; one alone makes no digest."""
    if len(incidents) <= policy.digest_above:
        return []
    ranked = sorted(incidents, key=_rank)
    alone = min(policy.critical_alone, sum(_rank(incident) == 0 for incident in incidents))
    return ranked[alone:] if len(ranked) - alone > 1 else []


def _rank(incident: Incident) -> int:
    return min(SEVERITIES.index(one.severity) for one in incident)
