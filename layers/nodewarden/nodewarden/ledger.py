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

from boto3.dynamodb.conditions import Attr, ConditionBase, ConditionExpressionBuilder

from nodewarden.aws.meaning import meaning
from nodewarden.errors import RequestError
from nodewarden.item import (
    TRIGGER,
    Item,
    exemption_item,
    marshal,
    partition,
    pause_item,
    read_exemption,
    read_pause,
    read_remediation,
    remediation_item,
    unmarshal,
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
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from mypy_boto3_dynamodb import DynamoDBClient

RECENTLY = timedelta(days=1)
PAGE_KEY = ("pk", "sk", "trigger", "changed_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Reads and writes the table; every write is conditional, and losing a condition means somebody did it already."""

    client: DynamoDBClient
    table: str
    retention: timedelta

    def entries(self, place: Place, now: datetime) -> Entries:
        """Read a group's partition, consistently, every page; raises LedgerError where an entry cannot be understood.

        Remediations that ended more than a day ago are left out: history does not decide, and grows.
        """
        recent = Attr("outcome").not_exists() | ~_outcome_in(FINAL) | Attr("changed_at").gte(stamp(now - RECENTLY))
        built = ConditionExpressionBuilder().build_expression(recent)
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            FilterExpression=built.condition_expression,
            ExpressionAttributeNames=built.attribute_name_placeholders,
            ExpressionAttributeValues=marshal({":pk": partition(place), **built.attribute_value_placeholders}),
            ConsistentRead=True,
        )
        with meaning("dynamodb"):
            items = [unmarshal(item) for page in pages for item in page["Items"]]
        return Entries(
            remediations=tuple(read_remediation(item) for item in items if item["sk"].startswith("remediation#")),
            exemptions=tuple(read_exemption(item) for item in items if item["sk"].startswith("exemption#")),
            pause=next((read_pause(item) for item in items if item["sk"] == "pause"), None),
        )

    def remediation(self, place: Place, remediation_id: str) -> Remediation | None:
        """Read one remediation, consistently."""
        item = self._get(partition(place), f"remediation#{remediation_id}")
        return read_remediation(item) if item else None

    def pause_of_acting(self) -> Pause | None:
        """Read whether all acting is paused."""
        item = self._get(partition(None), "pause")
        return read_pause(item) if item else None

    def newest(self, *, limit: int, token: str = "", where: Mapping[str, str]) -> tuple[tuple[Remediation, ...], str]:
        """List remediations, last changed first; `where` compares attributes. The second value continues the list."""
        query: dict[str, Any] = {
            "TableName": self.table,
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
        with meaning("dynamodb"):
            page = self.client.query(**query)
        return tuple(read_remediation(unmarshal(i)) for i in page["Items"]), _token_of(page.get("LastEvaluatedKey"))

    def begin(self, entry: Remediation, now: datetime) -> bool:
        """Write down, before EC2 is called, what is about to be revoked; True when this run is the first to try.

        The remediation is new, or was written down without being revoked: the first try. Or it is unfinished: a further
        try. Or somebody has revoked it already: nothing is written.
        """
        item = remediation_item(replace(entry, outcome=Outcome.BEGUN), now, self.retention)
        when = Attr("pk").not_exists() | _outcome_in(BEGINNABLE)
        if self._write(item, when=when, count=("version", "tries")):
            return True
        again = {name: item[name] for name in ("pk", "sk", "rules")}
        self._write(again, when=_outcome_in(UNFINISHED), count=("tries",))
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
        return self._write(remediation_item(entry, now, self.retention), when=when, count=("version",))

    def note(self, entry: Remediation, now: datetime) -> bool:
        """Write a new outcome over the version that the decision saw; False when it has changed since."""
        unseen = Attr("pk").not_exists() | (_outcome_in(FINAL) & Attr("changed_at").lt(stamp(now - RECENTLY)))
        when = Attr("version").eq(entry.version) if entry.version else unseen
        return self._write(remediation_item(entry, now, self.retention), when=when, count=("version",))

    def exempt(self, entry: Exemption, now: datetime) -> None:
        """Write an exemption over the one for the same protocol, ports and source, if there is one."""
        self._write(exemption_item(entry, now, self.retention), when=None, count=("version",))

    def pause(self, entry: Pause) -> None:
        """Write a pause or its end."""
        self._write(pause_item(entry), when=None, count=("version",))

    def told(self, key: Mapping[str, str]) -> int:
        """Read up to which version people were told of the item; 0 for none."""
        return int((self._get(key["pk"], key["sk"]) or {}).get("told", 0))

    def tell(self, key: Mapping[str, str], version: int) -> None:
        """Write down that people were told of the item's `version`."""
        self._write({**key, "told": version}, when=Attr("pk").exists())

    def _get(self, pk: str, sk: str) -> Item | None:
        with meaning("dynamodb"):
            answer = self.client.get_item(
                TableName=self.table, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True
            )
        return unmarshal(answer["Item"]) if "Item" in answer else None

    def _write(self, item: Item, *, when: ConditionBase | None, count: tuple[str, ...] = ()) -> bool:
        """Set the item's attributes and count up the named ones if `when` holds; tells whether it did."""
        attributes = {name: value for name, value in item.items() if name not in {"pk", "sk"}}
        names = {f"#a{i}": name for i, name in enumerate(attributes)}
        values = {f":a{i}": value for i, value in enumerate(attributes.values())}
        sets = [f"#a{i} = :a{i}" for i in range(len(attributes))]
        lasting = " REMOVE #ttl" if "outcome" in item and "ttl" not in item else ""
        names |= {"#ttl": "ttl"} if lasting else {}
        if count:
            sets += [f"{name} = if_not_exists({name}, :zero) + :one" for name in count]
            values |= {":zero": 0, ":one": 1}
        condition: dict[str, Any] = {}
        if when is not None:
            built = ConditionExpressionBuilder().build_expression(when)
            names |= built.attribute_name_placeholders
            values |= built.attribute_value_placeholders
            condition = {"ConditionExpression": built.condition_expression}
        with meaning("dynamodb"):
            try:
                self.client.update_item(
                    TableName=self.table,
                    Key=marshal({"pk": item["pk"], "sk": item["sk"]}),
                    UpdateExpression="SET " + ", ".join(sets) + lasting,
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues=marshal(values),
                    **condition,
                )
            except self.client.exceptions.ConditionalCheckFailedException:
                return False
        return True


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
