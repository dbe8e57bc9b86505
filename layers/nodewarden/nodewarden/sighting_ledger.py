"""What was last seen of each SSM parameter, in the ledger: one item for each, written over the version that was read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from nodewarden.ami_release.may_close import MayClose
from nodewarden.ami_release.sighting import Earlier, NewsKind, Sighting
from nodewarden.aws.dynamodb import Attr
from nodewarden.item import SCHEMA, read_entry
from nodewarden.record import stamp

if TYPE_CHECKING:
    from nodewarden.aws.dynamodb import Item, Items

SIGHTING = "sighting"


@dataclass(frozen=True, slots=True, kw_only=True)
class SightingLedger:
    """Reads and writes the sightings of one account and region."""

    items: Items
    account: str
    region: str

    def sightings(self) -> dict[str, Sighting]:
        """Read all sightings by their parameter, consistently; raises LedgerError."""
        found = self.items.partition(_partition(self.account, self.region))
        return {sighting.parameter: sighting for sighting in map(read_sighting, found)}

    def remember(self, sighting: Sighting) -> bool:
        """Write a sighting over the version before its own; False where somebody else did.

        From the item's change a release is announced on the bus.
        """
        unseen = sighting.version == 1
        when = Attr("pk").not_exists() if unseen else Attr("version").eq(sighting.version - 1)
        return self.items.write(sighting_item(sighting, self.account, self.region), when=when)


def sighting_item(sighting: Sighting, account: str, region: str) -> Item:
    """Write a sighting of an account and region."""
    return {
        "pk": _partition(account, region),
        "sk": f"{SIGHTING}#{sighting.parameter}",
        "schema": SCHEMA,
        "account": account,
        "region": region,
        **asdict(sighting),
        "change": sighting.change.value,
        "released_at": stamp(sighting.released_at),
        "first_seen": stamp(sighting.first_seen),
        "recalled": list(sighting.recalled),
        "earlier": [
            {"release_version": each.release_version, "first_seen": stamp(each.first_seen)} for each in sighting.earlier
        ],
        "may_close": [asdict(each) | {"about": list(each.about)} for each in sighting.may_close],
    }


def read_sighting(item: Item) -> Sighting:
    """Read a sighting; raises LedgerError."""
    return read_entry(item, _sighting)


def _partition(account: str, region: str) -> str:
    return f"sightings#{account}#{region}"


def _earlier(value: Item) -> Earlier:
    return Earlier(release_version=value["release_version"], first_seen=datetime.fromisoformat(value["first_seen"]))


def _sighting(item: Item) -> Sighting:
    return Sighting(
        parameter=item["parameter"],
        ami_type=item["ami_type"],
        minor=item["minor"],
        release_version=item["release_version"],
        released_at=datetime.fromisoformat(item["released_at"]),
        first_seen=datetime.fromisoformat(item["first_seen"]),
        change=NewsKind(item["change"]),
        concerns=item["concerns"],
        why=item["why"],
        image_id=item["image_id"],
        previous=item["previous"],
        recalled=tuple(item["recalled"]),
        earlier=tuple(map(_earlier, item.get("earlier", ()))),
        may_close=tuple(map(read_may_close, item.get("may_close", ()))),
        version=int(item["version"]),
    )


def read_may_close(value: Item) -> MayClose:
    """Read which incident a release may close."""
    return MayClose(**value | {"about": tuple(value["about"])})
