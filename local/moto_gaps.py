"""What moto lacks of AWS, filled as AWS documents it; each is dropped when moto grows it."""

from __future__ import annotations

import copy
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.ec2.models.security_groups import SecurityGroup

FILTER = "filter_ip_permission__prefix_list_id"
_their_transaction = DynamoDBBackend.transact_write_items


class MotoGrewItError(AssertionError):
    """Moto does this itself now: drop ours."""


def fill() -> None:
    """Let `DescribeSecurityGroups` filter by `ip-permission.prefix-list-id`, and transactions leave a table's stream be."""
    _fill_filter()
    _fill_transaction()


def _fill_filter() -> None:
    theirs = getattr(SecurityGroup, FILTER)
    if theirs is _names_prefix_list:
        return
    if "MotoNotImplementedError" not in theirs.__code__.co_names:
        raise MotoGrewItError(FILTER)
    setattr(SecurityGroup, FILTER, _names_prefix_list)


def _fill_transaction() -> None:
    """Save of a transaction what it touches, not the whole table.

    moto copies the table, which takes longer the more is in it, and puts the copy in its place where a condition does not
    hold: then whoever reads its stream hears nothing more.
    """
    if DynamoDBBackend.transact_write_items is _transact:
        return
    if "deepcopy" not in _their_transaction.__code__.co_names:
        raise MotoGrewItError(_their_transaction.__name__)
    Table.__deepcopy__ = lambda self, _memo: self  # type: ignore[attr-defined]
    DynamoDBBackend.transact_write_items = _transact  # type: ignore[method-assign]


def _transact(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    operations = [next(iter(item.values())) for item in transact_items]
    touched = [_Touched(self.tables[operation["TableName"]], operation) for operation in operations]
    try:
        _their_transaction(self, transact_items)
    except Exception:
        for each in touched:
            each.put_back()
        raise


class _Touched:
    """An item of a table as it was, and how long the table's stream was."""

    def __init__(self, table: Table, operation: dict[str, Any]) -> None:
        key = operation.get("Key") or operation["Item"]
        self.table = table
        self.range = DynamoType(key[table.range_key_attr]) if table.range_key_attr else None
        self.hash = DynamoType(key[table.hash_key_attr])
        self.item = copy.deepcopy(table.get_item(self.hash, self.range))
        self.told = len(table.stream_shard.items) if table.stream_shard else 0

    def put_back(self) -> None:
        if self.table.stream_shard:
            del self.table.stream_shard.items[self.told :]
        within: Any = self.table.items[self.hash] if self.range else self.table.items
        if self.item is None:
            within.pop(self.range or self.hash, None)
        else:
            within[self.range or self.hash] = self.item


def _names_prefix_list(self: Any, values: list[str]) -> bool:
    return any(rule.prefix_list_id in values for rule in self.ingress_rules)
