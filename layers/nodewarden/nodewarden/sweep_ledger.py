"""What a sweep remembers, in the ledger: one item for each account and region, and what it asks of all groups at once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from nodewarden.aws.dynamodb import Attr, Key
from nodewarden.item import EXEMPTION, SCHEMA, TRIGGER, partition, read_entry, read_exemption, read_remediation
from nodewarden.record import WARN_BEFORE, Exemption, Outcome, Place, Remediation, stamp
from nodewarden.security_group.sweep import Awaited, Finding, SweepRun

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nodewarden.aws.dynamodb import Item, Items


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepLedger:
    """Reads and writes the table for the sweep of one account and region."""

    items: Items
    account: str
    region: str

    def last(self) -> SweepRun | None:
        """Read the run before this one."""
        item = self.items.get(self._pk, "sweep")
        return read_run(item) if item else None

    def begin(self, run: SweepRun, dead_after: timedelta) -> bool:
        """Write down that a run begins; False while another one is at it, which is dead after its longest time."""
        ended = Attr("pk").not_exists() | Attr("finished_at").ne(None) | Attr("run_id").eq(run.run_id)
        dead = Attr("began_at").lt(stamp(run.began_at - dead_after))
        return self.items.write(self._item(run), when=ended | dead)

    def finish(self, run: SweepRun, *, news: bool) -> bool:
        """Write what a run came to, and have people told where it is news; False where another run took over."""
        return self.items.write(self._item(run), when=Attr("run_id").eq(run.run_id), count=("version",) if news else ())

    def unsettled(self) -> tuple[Place, ...]:
        """List the groups that the ledger has something open about: acts to finish, openings that were left."""
        found = self._unsettled(TRIGGER)
        return tuple(
            dict.fromkeys(Place(account=i["account"], region=i["region"], group_id=i["group_id"]) for i in found)
        )

    def ending(self, now: datetime) -> tuple[Exemption, ...]:
        """List the exemptions that end within a day and that nobody was told of."""
        exemptions = (read_exemption(item) for item in self._unsettled(EXEMPTION))
        return tuple(e for e in exemptions if e.until - now <= WARN_BEFORE)

    def warned(self, exemption: Exemption) -> None:
        """Write down that people were told that an exemption ends."""
        key = {"pk": partition(exemption.place), "sk": f"exemption#{exemption.exemption_id}"}
        same = Attr("until").eq(stamp(exemption.until))
        self.items.write(key | {"warned": True}, when=same, remove=("unsettled",))

    def changed_in(self, runs: Iterable[str], since: datetime) -> tuple[Remediation, ...]:
        """List the remediations that these runs brought to their outcome."""
        recent = Key("trigger").eq(TRIGGER) & Key("changed_at").gte(stamp(since))
        found = self.items.index("by-change", recent, Attr("run").is_in(sorted(runs)))
        return tuple(map(read_remediation, found))

    @property
    def _pk(self) -> str:
        return f"sweep#{self.account}#{self.region}"

    def _unsettled(self, what: str) -> list[Item]:
        here = Attr("account").eq(self.account) & Attr("region").eq(self.region)
        return list(self.items.index("unsettled", Key("unsettled").eq(what), here))

    def _item(self, run: SweepRun) -> Item:
        values = _written(asdict(run))
        del values["version"]  # counted by the table
        return {"pk": self._pk, "sk": "sweep", "schema": SCHEMA, **values}


def read_run(item: Item) -> SweepRun:
    """Read a run; raises LedgerError."""
    return read_entry(item, _run)


def _written(value: Any) -> Any:
    """Write moments as stamps, and tuples as lists."""
    match value:
        case datetime():
            return stamp(value)
        case dict():
            return {name: _written(each) for name, each in value.items()}
        case list() | tuple():
            return [_written(each) for each in value]
    return value


def _run(item: Item) -> SweepRun:
    return SweepRun(
        account=item["account"],
        region=item["region"],
        run_id=item["run_id"],
        began_at=datetime.fromisoformat(item["began_at"]),
        finished_at=_moment(item["finished_at"]),
        looked_at=int(item["looked_at"]),
        stopped=item["stopped"],
        cursor=item["cursor"],
        passed=item["passed"],
        stopped_told_at=_moment(item["stopped_told_at"]),
        counts={outcome: int(count) for outcome, count in item["counts"].items()},
        findings=tuple(_finding(value) for value in item["findings"]),
        failures=tuple(item["failures"]),
        ending=tuple(item["ending"]),
        awaited=tuple(map(_awaited, item["awaited"])),
        missed=tuple(map(_awaited, item["missed"])),
        missed_told_at=_moment(item["missed_told_at"]),
        completed_before=item["completed_before"],
        untold=tuple(item["untold"]),
        untold_since=_moment(item["untold_since"]),
        version=int(item.get("version", 0)),
    )


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _finding(value: Item) -> Finding:
    numbers = {"closings": int(value["closings"]), "reopened_by": tuple(value["reopened_by"])}
    return Finding(**value | {"outcome": Outcome(value["outcome"])} | numbers)


def _awaited(value: Item) -> Awaited:
    return Awaited(**value | {"place": Place(**value["place"]), "found_at": datetime.fromisoformat(value["found_at"])})
