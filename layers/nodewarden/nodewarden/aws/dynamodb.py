"""DynamoDB by verbs: items of one table, written only under a condition or over what is ours alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, ConditionBase, ConditionExpressionBuilder, Key
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from nodewarden.aws.meaning import meaning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

type Item = dict[str, Any]

# Attributes that not every whole item has: written without one, it must not keep that of the item before.
OPTIONAL = ("ttl", "unsettled")

_serializer, _deserializer = TypeSerializer(), TypeDeserializer()


def marshal(item: Mapping[str, Any]) -> dict[str, Any]:
    """Write Python values as DynamoDB's."""
    return {name: _serializer.serialize(value) for name, value in item.items()}


def unmarshal(item: Mapping[str, Any]) -> Item:
    """Read DynamoDB's values as Python's; numbers come as Decimal."""
    return {name: _deserializer.deserialize(value) for name, value in item.items()}


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

    def partition(self, pk: str, where: ConditionBase) -> Iterator[Item]:
        """Read a partition, consistently, every page (`Query`)."""
        return self._pages(Key("pk").eq(pk), where, ConsistentRead=True)

    def index(self, name: str, key: ConditionBase, where: ConditionBase) -> Iterator[Item]:
        """Read what an index has under a key condition, every page; it may lag by moments (`Query`)."""
        return self._pages(key, where, IndexName=name)

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
        """Set the item's attributes if `when` holds, and tell whether it did (`UpdateItem`).

        The attributes named in `count` are counted up, those in `remove` are removed; that named in `add` is a set of texts
        that gets the item's values.
        """
        attributes = {name: value for name, value in item.items() if name not in {"pk", "sk", add}}
        names = {f"#a{i}": name for i, name in enumerate(attributes)}
        values = {f":a{i}": value for i, value in enumerate(attributes.values())}
        sets = [f"#a{i} = :a{i}" for i in range(len(attributes))]
        if count:
            sets += [f"{name} = if_not_exists({name}, :zero) + :one" for name in count]
            values |= {":zero": 0, ":one": 1}
        parts = ["SET " + ", ".join(sets)]
        if removed := (*remove, *(name for name in OPTIONAL if "schema" in item and name not in item)):
            parts.append("REMOVE " + ", ".join(f"#{name}" for name in removed))
            names |= {f"#{name}": name for name in removed}
        if add:
            parts.append("ADD #add :add")
            names |= {"#add": add}
            values |= {":add": item[add]}
        return self._update(item, " ".join(parts), names, values, when)

    def _update(
        self, item: Item, expression: str, names: dict[str, str], values: Item, when: ConditionBase | None
    ) -> bool:
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
                    UpdateExpression=expression,
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues=marshal(values),
                    **condition,
                )
            except self.client.exceptions.ConditionalCheckFailedException:
                return False
        return True

    def _pages(self, key: ConditionBase, where: ConditionBase, **how: Any) -> Iterator[Item]:
        builder = ConditionExpressionBuilder()
        keys, kept = builder.build_expression(key, is_key_condition=True), builder.build_expression(where)
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression=keys.condition_expression,
            FilterExpression=kept.condition_expression,
            ExpressionAttributeNames=keys.attribute_name_placeholders | kept.attribute_name_placeholders,
            ExpressionAttributeValues=marshal(keys.attribute_value_placeholders | kept.attribute_value_placeholders),
            **how,
        )
        with meaning("dynamodb"):
            for page in pages:
                yield from map(unmarshal, page["Items"])


__all__ = ["Attr", "ConditionBase", "Item", "Items", "Key", "marshal", "unmarshal"]
