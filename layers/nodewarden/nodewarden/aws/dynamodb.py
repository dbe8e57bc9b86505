"""DynamoDB by verbs: items of one table, written only under a condition or over what is ours alone."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, ConditionBase, ConditionExpressionBuilder, Key
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from nodewarden.aws.meaning import TRANSACTION_CONFLICT, meaning, refusal
from nodewarden.errors import ThrottledError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

type Item = dict[str, Any]

# Attributes that not every whole item has: written without one, it must not keep that of the item before.
OPTIONAL = ("ttl", "unsettled")
# Why a transaction did not come about where somebody else was faster.
LOST = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
MOST_READ = 100  # that `BatchGetItem` takes
BATCH_GET = "dynamodb:BatchGetItem"
# Seconds before each try to read what DynamoDB left unread: it answers what fits, and what its throughput allows. Seconds,
# at most, between tries to write what a transaction writes.
WAITS = (0, 0.1, 0.2, 0.5, 1)

_serializer, _deserializer = TypeSerializer(), TypeDeserializer()


def marshal(item: Mapping[str, Any]) -> dict[str, Any]:
    """Write Python values as DynamoDB's."""
    return {name: _serializer.serialize(value) for name, value in item.items()}


def unmarshal(item: Mapping[str, Any]) -> Item:
    """Read DynamoDB's values as Python's; numbers come as Decimal."""
    return {name: _deserializer.deserialize(value) for name, value in item.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """Sets an item's attributes where `when` holds.

    The attributes named in `count` are counted up, those in `remove` are removed; that named in `add` is a set of texts
    that gets the item's values.
    """

    item: Item
    when: ConditionBase | None
    count: tuple[str, ...] = ()
    add: str = ""
    remove: tuple[str, ...] = ()

    def expressions(self) -> dict[str, Any]:
        """Give what DynamoDB is to be told of the write (the parameters of `UpdateItem`)."""
        item, add = self.item, self.add
        attributes = {name: value for name, value in item.items() if name not in {"pk", "sk", add}}
        names = {f"#a{i}": name for i, name in enumerate(attributes)}
        values = {f":a{i}": value for i, value in enumerate(attributes.values())}
        sets = [f"#a{i} = :a{i}" for i in range(len(attributes))]
        if self.count:
            sets += [f"#c{i} = if_not_exists(#c{i}, :zero) + :one" for i in range(len(self.count))]
            names |= {f"#c{i}": name for i, name in enumerate(self.count)}
            values |= {":zero": 0, ":one": 1}
        parts = ["SET " + ", ".join(sets)] if sets else []
        if removed := (*self.remove, *(name for name in OPTIONAL if "schema" in item and name not in item)):
            parts.append("REMOVE " + ", ".join(f"#r{i}" for i in range(len(removed))))
            names |= {f"#r{i}": name for i, name in enumerate(removed)}
        if add:
            parts.append("ADD #add :add")
            names |= {"#add": add}
            values |= {":add": item[add]}
        condition: dict[str, Any] = {}
        if self.when is not None:
            built = ConditionExpressionBuilder().build_expression(self.when)
            names |= built.attribute_name_placeholders
            values |= built.attribute_value_placeholders
            condition = {"ConditionExpression": built.condition_expression}
        return {
            "Key": marshal({"pk": item["pk"], "sk": item["sk"]}),
            "UpdateExpression": " ".join(parts),
            **({"ExpressionAttributeNames": names} if names else {}),
            **({"ExpressionAttributeValues": marshal(values)} if values else {}),
            **condition,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """The items of one table with the keys `pk` and `sk`."""

    client: DynamoDBClient
    table: str

    def get(self, pk: str, sk: str) -> Item | None:
        """Read one item, consistently (`GetItem`)."""
        with meaning("dynamodb"):
            answer = self.client.get_item(
                TableName=self.table, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True
            )
        return unmarshal(answer["Item"]) if "Item" in answer else None

    def some(self, keys: Iterable[Item]) -> Iterator[Item]:
        """Read items by their keys, consistently; those that there are not are left out (`BatchGetItem`).

        Raises ThrottledError where DynamoDB leaves some unread time and again.
        """
        for batch in batched(keys, MOST_READ, strict=False):
            yield from self._some([marshal(key) for key in batch])

    def partition(self, pk: str, where: ConditionBase | None = None) -> Iterator[Item]:
        """Read a partition, consistently, every page (`Query`)."""
        return self._pages(Key("pk").eq(pk), where, ConsistentRead=True)

    def index(self, name: str, key: ConditionBase, where: ConditionBase) -> Iterator[Item]:
        """Read what an index has under a key condition, every page; it may lag by moments (`Query`)."""
        return self._pages(key, where, IndexName=name)

    def last(self, name: str, key: str, value: str, limit: int) -> list[Item]:
        """Read of an index, under a text as its key, what is last in it, backwards; it may lag by moments (`Query`)."""
        found, _ = self.page(
            IndexName=name,
            ScanIndexForward=False,
            Limit=limit,
            KeyConditionExpression="#key = :key",
            ExpressionAttributeNames={"#key": key},
            ExpressionAttributeValues=marshal({":key": value}),
        )
        return found

    def page(self, **query: Any) -> tuple[list[Item], dict[str, Any] | None]:
        """Read one page (`Query`); the second value is where the next begins."""
        with meaning("dynamodb"):
            page = self.client.query(TableName=self.table, **query)
        return [unmarshal(item) for item in page["Items"]], page.get("LastEvaluatedKey")

    def write(
        self,
        item: Item,
        *,
        when: ConditionBase | None,
        count: tuple[str, ...] = (),
        add: str = "",
        remove: tuple[str, ...] = (),
    ) -> bool:
        """Set the item's attributes if `when` holds, and tell whether it did (`UpdateItem`); the rest is as of a `Write`.

        Tries again where a transaction is about to write the item; raises ThrottledError where one is time and again.
        """
        update = Write(item=item, when=when, count=count, add=add, remove=remove).expressions()
        for seconds in WAITS[:-1]:
            try:
                return self._write(update)
            except ThrottledError as error:
                if error.code != TRANSACTION_CONFLICT:
                    raise
            time.sleep(random.uniform(0, seconds))  # noqa: S311  # no secret: it keeps two from meeting again
        return self._write(update)

    def transact(self, writes: Iterable[Write]) -> bool:
        """Carry out up to 100 writes, of one item each, or none of them, and tell whether it did (`TransactWriteItems`).

        It did not where a condition does not hold, or where somebody writes one of the items at this very moment.
        """
        updates: list[Any] = [{"Update": {"TableName": self.table, **write.expressions()}} for write in writes]
        with meaning("dynamodb"):
            try:
                self.client.transact_write_items(TransactItems=updates)
            except self.client.exceptions.TransactionCanceledException as error:
                if LOST.isdisjoint(reason.get("Code") for reason in error.response.get("CancellationReasons", [])):
                    raise
                return False
        return True

    def _write(self, update: dict[str, Any]) -> bool:
        with meaning("dynamodb"):
            try:
                self.client.update_item(TableName=self.table, **update)
            except self.client.exceptions.ConditionalCheckFailedException:
                return False
        return True

    def _some(self, keys: list[Any]) -> Iterator[Item]:
        for seconds in WAITS:
            time.sleep(seconds)
            with meaning("dynamodb"):
                answer = self.client.batch_get_item(RequestItems={self.table: {"Keys": keys, "ConsistentRead": True}})
            yield from map(unmarshal, answer["Responses"][self.table])
            if self.table not in (unread := answer["UnprocessedKeys"]):
                return
            keys = [*unread[self.table]["Keys"]]
        raise refusal(BATCH_GET, "ThrottlingException", f"{len(keys)} items were left unread")

    def _pages(self, key: ConditionBase, where: ConditionBase | None, **how: Any) -> Iterator[Item]:
        builder = ConditionExpressionBuilder()
        built = builder.build_expression(key, is_key_condition=True)
        names, values = built.attribute_name_placeholders, built.attribute_value_placeholders
        if where is not None:
            kept = builder.build_expression(where)
            names, values = names | kept.attribute_name_placeholders, values | kept.attribute_value_placeholders
            how["FilterExpression"] = kept.condition_expression
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression=built.condition_expression,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=marshal(values),
            **how,
        )
        with meaning("dynamodb"):
            for page in pages:
                yield from map(unmarshal, page["Items"])


__all__ = ["Attr", "ConditionBase", "Item", "Items", "Key", "Write", "marshal", "unmarshal"]
