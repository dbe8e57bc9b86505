"""Digests in the ledger: written as one transaction with what they tell, and told from the table's stream like the rest.

So a change is in one digest or in none, however often a batch is tried again, in whole or in part.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from nodewarden.aws.dynamodb import Attr, Write
from nodewarden.item import SCHEMA, read_entry
from nodewarden.message.digest import Digest, Line
from nodewarden.record import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nodewarden.aws.dynamodb import Item, Items


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestLedger:
    """Reads and writes digests."""

    items: Items
    retention: timedelta

    def collect(self, digest: Digest, told: Mapping[tuple[str, str], int]) -> bool:
        """Write a digest, and that people were told of these entries up to these versions; all of it, or nothing.

        False where one of them was told meanwhile, or is being written at this very moment.
        """
        marks = [
            Write(
                item={"pk": pk, "sk": sk, "told": version},
                when=Attr("pk").exists() & (Attr("told").not_exists() | Attr("told").lt(version)),
            )
            for (pk, sk), version in told.items()
        ]
        new = Write(item=self._item(digest), when=Attr("pk").not_exists(), count=("version",))
        return self.items.transact([*marks, new])

    def read(self, digest_id: str) -> Digest | None:
        """Read a digest, consistently."""
        item = self.items.get(f"digest#{digest_id}", "digest")
        return read_digest(item) if item else None

    def _item(self, digest: Digest) -> dict[str, Any]:
        return {
            "pk": f"digest#{digest.digest_id}",
            "sk": "digest",
            "schema": SCHEMA,
            **asdict(digest),
            "lines": [asdict(line) for line in digest.lines],
            "collected_at": stamp(digest.collected_at),
            "ttl": int((digest.collected_at + self.retention).timestamp()),
        }


def read_digest(item: Item) -> Digest:
    """Read a digest; raises LedgerError."""
    return read_entry(item, _digest)


def _digest(item: Item) -> Digest:
    if not item["lines"]:
        message = "a digest of nothing"
        raise ValueError(message)
    return Digest(
        digest_id=item["digest_id"],
        kind=item["kind"],
        lines=tuple(Line(**line) for line in item["lines"]),
        collected_at=datetime.fromisoformat(item["collected_at"]),
    )
