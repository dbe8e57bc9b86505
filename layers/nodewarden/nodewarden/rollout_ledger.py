"""What is remembered of rollouts: planned, moved on tick by tick, answered, ended.

A rollout's partition holds its head, its groups and what people answered, so one consistent query shows all of it. What
goes on in an account and region is one item of its own: the rollout of each AMI family, and a count of the writes with
starts. So two plans at once make one rollout, and two ticks of two rollouts at once do not start too many.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import batched
from typing import TYPE_CHECKING

from nodewarden.aws.dynamodb import Attr, Key, Write
from nodewarden.errors import LedgerError
from nodewarden.record import stamp
from nodewarden.rollout.state import ACTIVE, FINAL
from nodewarden.rollout_item import (
    HEAD,
    TRIGGER,
    Remembered,
    answer_item,
    ends_at,
    group_item,
    group_key,
    head_item,
    partition_of,
    read_head,
    read_rollout,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime, timedelta

    from nodewarden.aws.dynamodb import Item, Items
    from nodewarden.errors import NodewardenError
    from nodewarden.rollout.answer import Answer
    from nodewarden.rollout.plan import Planned
    from nodewarden.rollout.state import GroupProgress, Rollout

MOST_WRITES = 100  # of a transaction
MOST_WITH_HEAD = MOST_WRITES - 2  # groups that are written with their head, and with what goes on
FAMILY = "family#"


@dataclass(frozen=True, slots=True, kw_only=True)
class Going:
    """What goes on: the id of each AMI family's rollout, and how many writes had starts so far."""

    rollouts: Mapping[str, str]
    starts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutLedger:
    """Reads and writes the rollouts of one account and region."""

    items: Items
    account: str
    region: str
    retention: timedelta

    def going(self) -> Going:
        """Read what goes on, consistently. Read it before the rollouts, for a write with starts."""
        item = self.items.get(self._going["pk"], self._going["sk"])
        return _going(item) if item else Going(rollouts={})

    def active(self) -> tuple[Rollout, ...]:
        """Read every rollout that goes on; raises LedgerError where one cannot be understood."""
        found = map(self.read, self.going().rollouts.values())
        return tuple(each.rollout for each in found if each)

    def read(self, rollout_id: str) -> Remembered | None:
        """Read a rollout with its answers, consistently; None where there is none. Raises LedgerError."""
        return read_rollout(self.items.partition(partition_of(rollout_id)))

    def ended_since(self, since: datetime, now: datetime, failures: list[NodewardenError]) -> tuple[Rollout, ...]:
        """Read the rollouts that ended since a moment; one that ended moments ago may be missing.

        One that cannot be read does not hide the others, and is in `failures`. One whose time is over may have lost items
        already (DynamoDB deletes them one by one): it counts as gone.
        """
        recent = Key("trigger").eq(TRIGGER) & Key("changed_at").gte(stamp(since))
        here = Attr("account").eq(self.account) & Attr("region").eq(self.region)
        ended = here & Attr("state").is_in(sorted(state.value for state in FINAL))
        heads = self.items.index("by-change", recent, ended)
        kept = (head["rollout_id"] for head in heads if int(head["ttl"]) > now.timestamp())
        return tuple(found for rollout_id in kept if (found := self.read_ended(rollout_id, failures)))

    def read_ended(self, rollout_id: str, failures: list[NodewardenError]) -> Rollout | None:
        """Read a rollout; None where there is none, and where it cannot be understood: that is in `failures`."""
        try:
            found = self.read(rollout_id)
        except LedgerError as error:
            failures.append(error)
            return None
        return found.rollout if found else None

    def newest(self, limit: int) -> tuple[Rollout, ...]:
        """List the heads of the rollouts that changed last, the newest first, without their groups."""
        return tuple(map(read_head, self.items.last("by-change", "trigger", TRIGGER, limit)))

    def plan(self, planned: Planned, now: datetime) -> bool:
        """Write a planned rollout, and the end of the one that it supersedes; False where the family has another by now.

        Its groups are written first: a head is never seen without them.
        """
        new, old = replace(planned.rollout, version=1), planned.supersedes
        for some in batched(new.groups.values(), MOST_WRITES, strict=False):
            self.items.transact(Write(item=group_item(new, group), when=None) for group in some)
        family = _family(new)
        writes = [
            Write(item=head_item(new, now, self.retention), when=Attr("pk").not_exists()),
            Write(
                item={**self._going, family: new.rollout_id},
                when=Attr(family).eq(old.rollout_id) if old else Attr(family).not_exists(),
            ),
        ]
        if old:
            self._expire(old, now)
            writes.append(self._head(old, replace(old, version=old.version + 1), now))
        won = self.items.transact(writes)
        if not won:
            self._expire(new, now)
        return won

    def write(self, before: Rollout, after: Rollout, now: datetime, *, starts: int | None = None) -> Rollout | None:
        """Write what a tick made of a rollout over what it read; None where somebody else wrote meanwhile.

        With `starts`, the count that was read before anything else, only where no write had starts since.
        """
        after = replace(after, version=before.version + 1)
        if after.state in FINAL:
            self._expire(after, now)
        changed = [group for key, group in after.groups.items() if before.groups[key] != group]
        # What updates goes with the head; of a fleet of failures that are tried again, some go before it.
        changed.sort(key=lambda group: group.state in ACTIVE)
        earlier, together = changed[:-MOST_WITH_HEAD], changed[-MOST_WITH_HEAD:]
        for some in batched(earlier, MOST_WITH_HEAD, strict=False):
            if not self.items.transact([self._still(before), *self._groups(after, some, now)]):
                return None
        writes = [self._head(before, after, now), *self._groups(after, together, now), *self._going_on(after, starts)]
        return after if self.items.transact(writes) else None

    def answer(self, rollout_id: str, answer: Answer) -> bool:
        """Put what a person answered; False where the same is there already."""
        return self.items.write(answer_item(rollout_id, answer, self.retention), when=Attr("pk").not_exists())

    def _head(self, before: Rollout, after: Rollout, now: datetime) -> Write:
        return Write(item=head_item(after, now, self.retention), when=Attr("version").eq(before.version))

    def _still(self, before: Rollout) -> Write:
        """Change nothing of the head, on the condition that nobody else did."""
        key = {"pk": partition_of(before.rollout_id), "sk": HEAD}
        return Write(item={**key, "version": before.version}, when=Attr("version").eq(before.version))

    def _groups(self, rollout: Rollout, groups: Iterable[GroupProgress], now: datetime) -> Iterator[Write]:
        ends = {"ttl": ends_at(now, self.retention)} if rollout.state in FINAL else {}
        return (Write(item=group_item(rollout, group) | ends, when=None) for group in groups)

    def _going_on(self, rollout: Rollout, starts: int | None) -> Iterator[Write]:
        """Count a write with starts, or let go of the family of what has ended."""
        if rollout.state in FINAL:
            family = _family(rollout)
            yield Write(item=self._going, when=Attr(family).eq(rollout.rollout_id), remove=(family,))
        elif starts is not None:
            unseen = Attr("starts").eq(starts) if starts else Attr("starts").not_exists()
            yield Write(item=self._going, when=unseen, count=("starts",))

    def _expire(self, rollout: Rollout, now: datetime) -> None:
        """Let the groups of what is about to end go with it; the head comes after, so that none is left behind."""
        ends = ends_at(now, self.retention)
        for some in batched(rollout.groups.values(), MOST_WRITES, strict=False):
            self.items.transact(
                Write(item={**group_key(rollout, group), "ttl": ends}, when=Attr("pk").exists()) for group in some
            )

    @property
    def _going(self) -> Item:
        return {"pk": f"rollouts#{self.account}#{self.region}", "sk": "going"}


def _family(rollout: Rollout) -> str:
    return f"{FAMILY}{rollout.family}"


def _going(item: Item) -> Going:
    families = {name.removeprefix(FAMILY): str(value) for name, value in item.items() if name.startswith(FAMILY)}
    return Going(rollouts=families, starts=int(item.get("starts", 0)))
