"""The breaker: how many groups of an account Nodewarden may close within one hour of the clock.

One item per account and hour has the set of groups that were let through, so a retry, or a group that opens again, does
not count twice, and copies that run at once cannot let through more than the limit between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from nodewarden.aws.dynamodb import Attr
from nodewarden.item import SCHEMA, read_entry
from nodewarden.record import Resumed, stamp

if TYPE_CHECKING:
    from nodewarden.aws.dynamodb import Item, Items
    from nodewarden.record import Place

HOUR = timedelta(hours=1)
KEPT = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """Lets through `groups_an_hour` groups of an account."""

    items: Items
    groups_an_hour: int

    def lets_through(self, place: Place, held_at: datetime | None, now: datetime) -> bool:
        """Count the group and tell whether it may be closed now; what was held in an earlier hour may, uncounted."""
        if held_at and held_at < hour_of(now):
            return True
        group = f"{place.region}/{place.group_id}"
        groups = Attr("groups")
        room = groups.not_exists() | groups.contains(group) | groups.size().lt(self.groups_an_hour)
        counted = {**_item(place.account, now), "groups": {group}}
        return self.items.write(counted, when=room | Attr("resumed_by").exists(), add="groups")

    def resume(self, account: str, by: str, reason: str, now: datetime) -> None:
        """Let everything through for what is left of the hour; people hear of it."""
        resumed = {"schema": SCHEMA, "account": account, "resumed_by": by, "reason": reason, "changed_at": stamp(now)}
        self.items.write({**_item(account, now), **resumed}, when=None, count=("version",))


def read_resumed(item: Item) -> Resumed:
    """Read who resumed the breaker; raises LedgerError."""
    return read_entry(item, _resumed)


def _resumed(item: Item) -> Resumed:
    hour = datetime.fromisoformat(item["sk"].removeprefix("hour#"))
    return Resumed(account=item["account"], by=item["resumed_by"], reason=item["reason"], until=hour + HOUR)


def hour_of(moment: datetime) -> datetime:
    """Give the beginning of the hour of the clock (UTC)."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _item(account: str, now: datetime) -> dict[str, Any]:
    hour = hour_of(now)
    return {"pk": f"breaker#{account}", "sk": f"hour#{stamp(hour)}", "ttl": int((hour + KEPT).timestamp())}
