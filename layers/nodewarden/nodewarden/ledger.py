"""The ledger: one DynamoDB table that remembers what was seen, begun, done, told and undone.

A group's partition `<account>#<region>#<group>` holds its remediations, exemptions and pause, so one consistent query
shows all that a decision depends on. The partition `control` holds the pause of all acting. The index `by-change`
lists remediations newest first. Items carry `schema`: entries written by today's code are read by the next.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from nodewarden.aws.dynamodb import Attr, ConditionBase, Items, marshal, unmarshal
from nodewarden.errors import RequestError
from nodewarden.item import (
    TRIGGER,
    cause_value,
    exemption_item,
    partition,
    pause_item,
    read_exemption,
    read_number,
    read_pause,
    read_remediation,
    remediation_item,
)
from nodewarden.record import (
    BEGINNABLE,
    FINAL,
    UNFINISHED,
    Entries,
    Exemption,
    Outcome,
    Pause,
    Place,
    Remediation,
    stamp,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from nodewarden.aws.dynamodb import Item

RECENTLY = timedelta(days=1)
READERS: dict[str, Callable[[Item], object]] = {
    "remediation": lambda item: _light(read_remediation(item)),
    "exemption": read_exemption,
    "pause": read_pause,
}
MOST_PAGES = 25
PAGE_KEY = ("pk", "sk", "trigger", "changed_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Reads and writes the table; every write is conditional, and losing a condition means somebody did it already."""

    items: Items
    retention: timedelta

    def entries(self, place: Place, now: datetime) -> Entries:
        """Read a group's partition, consistently, every page; raises LedgerError where an entry cannot be understood.

        Remediations that ended more than a day ago are left out: history does not decide, and grows.
        """
        recent = Attr("outcome").not_exists() | ~_outcome_in(FINAL) | Attr("changed_at").gte(stamp(now - RECENTLY))
        found: dict[str, list[Any]] = {"remediation": [], "exemption": [], "pause": []}
        for item in self.items.partition(partition(place), recent):
            kind = item["sk"].partition("#")[0]
            if kind in READERS:
                found[kind].append(READERS[kind](item))
        return Entries(
            remediations=tuple(found["remediation"]),
            exemptions=tuple(found["exemption"]),
            pause=next(iter(found["pause"]), None),
        )

    def remediation(self, place: Place, remediation_id: str) -> Remediation | None:
        """Read one remediation, consistently."""
        item = self.items.get(partition(place), f"remediation#{remediation_id}")
        return read_remediation(item) if item else None

    def pause_of_acting(self) -> Pause | None:
        """Read whether all acting is paused."""
        item = self.items.get(partition(None), "pause")
        return read_pause(item) if item else None

    def newest(self, *, limit: int, token: str = "", where: Mapping[str, str]) -> tuple[tuple[Remediation, ...], str]:
        """List about `limit` remediations, last changed first; `where` compares attributes. The second value continues the list."""
        query: dict[str, Any] = {
            "IndexName": "by-change",
            "ScanIndexForward": False,
            "Limit": limit,
            "KeyConditionExpression": "#trigger = :trigger",
            "ExpressionAttributeNames": {"#trigger": "trigger", **{f"#{name}": name for name in where}},
            "ExpressionAttributeValues": marshal({":trigger": TRIGGER, **{f":{name}": v for name, v in where.items()}}),
        }
        if where:
            query["FilterExpression"] = " AND ".join(f"#{name} = :{name}" for name in where)
        if token:
            query["ExclusiveStartKey"] = _start_of(token)
        found: list[Item] = []
        for _ in range(MOST_PAGES if where else 1):  # a page is cut before it is filtered, and may come out empty
            page, following = self.items.page(**query)
            found += page
            if len(found) >= limit or not following:
                break
            query["ExclusiveStartKey"] = following
        return tuple(map(read_remediation, found)), _token_of(following)

    def begin(self, entry: Remediation, now: datetime) -> bool:
        """Write down, before EC2 is called, what is about to be revoked; True when this run is the first to try.

        The remediation is new, or was written down without being revoked: the first try. Or it is unfinished: a further
        try. Or somebody has revoked it already: nothing is written.
        """
        item = remediation_item(replace(entry, outcome=Outcome.BEGUN), now, self.retention)
        when = Attr("pk").not_exists() | _outcome_in(BEGINNABLE)
        if self.items.write(item, when=when, count=("version", "tries")):
            return True
        again = {name: item[name] for name in ("pk", "sk", "rules")}
        self.items.write(again, when=_outcome_in(UNFINISHED), count=("tries",))
        return False

    def close(self, entry: Remediation, now: datetime, *, if_only_try: bool = False, by_us: bool = False) -> bool:
        """Write the outcome of a remediation that was begun; False when somebody else did.

        With `if_only_try` only when no other run of ours has set out to revoke it meanwhile. With `by_us`, what EC2
        did at our word, also over what others wrote down since.
        """
        when = ~_outcome_in({Outcome.REVOKED, Outcome.UNDONE}) if by_us else _outcome_in(UNFINISHED)
        when &= Attr("outcome").ne(entry.outcome.value)
        if if_only_try:
            when &= Attr("tries").eq(1)
        return self.items.write(remediation_item(entry, now, self.retention), when=when, count=("version",))

    def note(self, entry: Remediation, now: datetime) -> bool:
        """Write a new outcome over the version that the decision saw; False when it has changed since."""
        unseen = Attr("pk").not_exists() | (_outcome_in(FINAL) & Attr("changed_at").lt(stamp(now - RECENTLY)))
        when = Attr("version").eq(entry.version) if entry.version else unseen
        return self.items.write(remediation_item(entry, now, self.retention), when=when, count=("version",))

    def exempt(self, entry: Exemption, now: datetime) -> Exemption:
        """Write an exemption over the one for the same protocol, ports and source, if there is one; gives what is on record.

        That is the one that was there where it has the same token: the request is the same, and changes nothing.
        """
        item, token = exemption_item(entry, now, self.retention), Attr("token")
        another = token.not_exists() | token.ne(entry.token) if entry.token else None
        if self.items.write(item, when=another, count=("version",)):
            return entry
        found = self.items.get(item["pk"], item["sk"])
        return read_exemption(found) if found else entry

    def pause(self, entry: Pause) -> None:
        """Write a pause or its end."""
        self.items.write(pause_item(entry), when=None, count=("version",))

    def attribute(self, entry: Remediation) -> bool:
        """Write down who caused what is on record already; no change that people hear of."""
        key = {"pk": partition(entry.place), "sk": f"remediation#{entry.remediation_id}"}
        return self.items.write(key | {"cause": cause_value(entry.cause)}, when=Attr("version").eq(entry.version))

    def looked(self, place: Place) -> str:
        """Read when a host's start last made us look at a group, as a stamp; "" for never."""
        return str((self.items.get(partition(place), "look") or {}).get("looked_at", ""))

    def look_done(self, place: Place, now: datetime) -> None:
        """Write down that a host's start made us look at a group."""
        ends = int((now + RECENTLY).timestamp())
        self.items.write({"pk": partition(place), "sk": "look", "looked_at": stamp(now), "ttl": ends}, when=None)

    def forget_look(self, place: Place) -> None:
        """Have the next host's start look at a group again: it is open, and nobody's yet."""
        looked = {"pk": partition(place), "sk": "look", "looked_at": ""}
        self.items.write(looked, when=Attr("looked_at").gt(""))

    def told(self, key: Mapping[str, str]) -> int:
        """Read up to which version people were told of the item; 0 for none, or where it is gone."""
        return self.told_or_gone(key) or 0

    def told_or_gone(self, key: Mapping[str, str]) -> int | None:
        """Read up to which version people were told of the item; None where it is not there (any more)."""
        item = self.items.get(key["pk"], key["sk"])
        return None if item is None else read_number(item, "told")

    def tell(self, key: Mapping[str, str], version: int) -> None:
        """Write down that people were told of the item's `version`."""
        self.items.write({**key, "told": version}, when=Attr("pk").exists())


def _light(entry: Remediation) -> Remediation:
    """Drop of what has ended all that no decision asks for: a group that flaps has many such records, each with its tags."""
    if entry.outcome not in FINAL:
        return entry
    rules = tuple(replace(rule, tags={}, description="") for rule in entry.rules)
    return replace(entry, rules=rules, group_tags={}, hosts=())


def _outcome_in(outcomes: Iterable[Outcome]) -> ConditionBase:
    return Attr("outcome").is_in(sorted(outcomes))


def _start_of(token: str) -> dict[str, Any]:
    """Read a page token: what `_token_of` made. Raises RequestError for anything else."""
    try:
        values = json.loads(base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError) as error:
        message = "next is not what an earlier answer gave: leave it out to start with the newest"
        raise RequestError(message) from error
    if not isinstance(values, list) or len(values) != len(PAGE_KEY) or not all(isinstance(v, str) for v in values):
        message = "next is not what an earlier answer gave: leave it out to start with the newest"
        raise RequestError(message)
    return marshal(dict(zip(PAGE_KEY, values, strict=True)))


def _token_of(key: Mapping[str, Any] | None) -> str:
    if not key:
        return ""
    values = unmarshal(key)
    return base64.urlsafe_b64encode(json.dumps([values[name] for name in PAGE_KEY]).encode()).decode()
