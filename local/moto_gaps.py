"""What moto lacks of AWS, filled as AWS documents it; each is dropped when moto grows it."""

from __future__ import annotations

from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.ec2.models.security_groups import SecurityGroup

FILTER = "filter_ip_permission__prefix_list_id"
THEIR_TRANSACTION = DynamoDBBackend.transact_write_items


class MotoGrewItError(AssertionError):
    """Moto does this itself now: drop ours."""


def fill() -> None:
    """Fill the gaps, once per process."""
    _filter_by_prefix_list()
    setattr(DynamoDBBackend, "transact_write_items", _transact)  # noqa: B010  # a method of moto's


def _filter_by_prefix_list() -> None:
    """Let `DescribeSecurityGroups` filter by `ip-permission.prefix-list-id`."""
    theirs = getattr(SecurityGroup, FILTER)
    if theirs is _names_prefix_list:
        return
    if "MotoNotImplementedError" not in theirs.__code__.co_names:
        raise MotoGrewItError(FILTER)
    setattr(SecurityGroup, FILTER, _names_prefix_list)


def _names_prefix_list(self: Any, values: list[str]) -> bool:
    return any(rule.prefix_list_id in values for rule in self.ingress_rules)


def _transact(self: Any, items: list[dict[str, Any]]) -> None:
    """Leave nothing of a cancelled transaction in the table's stream.

    Moto puts a copy of the table in its place, whose stream no iterator reads; they read on in that of the old one, which
    has the writes that were taken back.
    """
    before = dict(self.tables)
    try:
        THEIR_TRANSACTION(self, items)
    except Exception:
        for name, table in before.items():
            if (restored := self.tables[name]) is not table and table.stream_shard:
                table.stream_shard.items[:] = restored.stream_shard.items
                table.stream_shard.table, restored.stream_shard = restored, table.stream_shard
        raise
