"""The latest look at the fleet, in the ledger: one item for each account and region, written over the look that was read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from nodewarden.ami_release.ami_type import Family
from nodewarden.ami_release.fleet import Failure, FleetLook, Listed, ReleaseNews, StateListed
from nodewarden.ami_release.sighting import NewsKind
from nodewarden.ami_release.standing import State
from nodewarden.ami_release.unmanaged import Kind, Unmanaged
from nodewarden.aws.dynamodb import Attr
from nodewarden.item import SCHEMA, read_entry
from nodewarden.record import stamp
from nodewarden.sighting_ledger import read_may_close

if TYPE_CHECKING:
    from nodewarden.aws.dynamodb import Item, Items

STANDINGS = "standings"


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetLedger:
    """Reads and writes the look at one account and region."""

    items: Items
    account: str
    region: str

    def last(self) -> FleetLook | None:
        """Read the latest look; raises LedgerError."""
        item = self.items.get(_partition(self.account, self.region), STANDINGS)
        return read_look(item) if item else None

    def write(self, look: FleetLook) -> bool:
        """Write a look over the one before it; False where another one came between."""
        when = Attr("number").eq(look.number - 1) if look.number > 1 else Attr("pk").not_exists()
        return self.items.write(look_item(look), when=when)


def look_item(look: FleetLook) -> Item:
    """Write a look."""
    key = {"pk": _partition(look.account, look.region), "sk": STANDINGS}
    return {**key, "schema": SCHEMA, **_written(asdict(look))}


def read_look(item: Item) -> FleetLook:
    """Read a look; raises LedgerError."""
    return read_entry(item, _look)


def _partition(account: str, region: str) -> str:
    return f"fleet#{account}#{region}"


def _written(value: Any) -> Any:
    """Write moments as stamps, tuples and sets as lists."""
    match value:
        case datetime():
            return stamp(value)
        case dict():
            return {name: _written(each) for name, each in value.items()}
        case list() | tuple():
            return [_written(each) for each in value]
        case frozenset():
            return sorted(value)
    return value


def _look(item: Item) -> FleetLook:
    return FleetLook(
        account=item["account"],
        region=item["region"],
        number=int(item["number"]),
        looked_at=datetime.fromisoformat(item["looked_at"]),
        clusters=int(item["clusters"]),
        counts=_counts(item["counts"]),
        states=tuple(map(_state, item["states"])),
        unmanaged=tuple(map(_unmanaged, item["unmanaged"])),
        releases=tuple(map(_release, item["releases"])),
        more_releases=int(item["more_releases"]),
        new=tuple(map(_listed, item["new"])),
        news=int(item["news"]),
        new_unmanaged=tuple(map(_unmanaged, item["new_unmanaged"])),
        planned=tuple(item["planned"]),
        going=tuple(item["going"]),
        failures=tuple(item["failures"]),
        failing=tuple(map(_failure, item["failing"])),
        said=frozenset(item["said"]),
        heard=_counts(item["heard"]),
        version=int(item["version"]),
    )


def _counts(value: Item) -> dict[str, int]:
    return {name: int(count) for name, count in value.items()}


def _failure(value: Item) -> Failure:
    moments = {name: datetime.fromisoformat(value[name]) for name in ("since", "last")}
    return Failure(**value | moments)


def _listed(value: Item) -> Listed:
    return Listed(**value | {"state": State(value["state"])})


def _state(value: Item) -> StateListed:
    return StateListed(
        state=State(value["state"]),
        count=int(value["count"]),
        waves=_counts(value["waves"]),
        shown=tuple(map(_listed, value["shown"])),
    )


def _unmanaged(value: Item) -> Unmanaged:
    return Unmanaged(**value | {"kind": Kind(value["kind"])})


def _release(value: Item) -> ReleaseNews:
    read = {
        "kind": NewsKind(value["kind"]),
        "family": Family(value["family"]) if value["family"] else None,
        "released_at": datetime.fromisoformat(value["released_at"]),
        "node_groups": int(value["node_groups"]),
        "states": _counts(value["states"]),
        "waves": _counts(value["waves"]),
        "named": tuple(value["named"]),
        "rollouts": tuple(value["rollouts"]),
        "expected_at": datetime.fromisoformat(value["expected_at"]) if value["expected_at"] else None,
        "may_close": tuple(map(read_may_close, value.get("may_close", ()))),
    }
    return ReleaseNews(**value | read)
