"""What moto cannot show of DynamoDB: reads that are consistent, and partitions of several pages (botocore's Stubber)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from nodewarden.aws.dynamodb import Items, marshal
from nodewarden.errors import LedgerError
from nodewarden.item import exemption_item, partition, pause_item
from nodewarden.ledger import Ledger
from nodewarden.record import Exemption, Pause, Place

NOW = datetime(2026, 11, 24, tzinfo=UTC)
PLACE = Place(account="111122223333", region="eu-central-1", group_id="sg-0123456789abcdef0")
KEPT = timedelta(days=400)
EXEMPTION = Exemption(
    exemption_id="0123456789ab",
    place=PLACE,
    protocol="tcp",
    from_port=22,
    to_port=22,
    source="0.0.0.0/0",
    until=NOW + timedelta(hours=1),
    reason="the vendor's audit",
    by="alice@example.com",
)
PAUSE = Pause(place=PLACE, paused=True, by="bob@example.com", reason="incident 42", changed_at=NOW)


@pytest.fixture(name="stubber")
def _stubber() -> Stubber:
    client = boto3.client("dynamodb", region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b")
    return Stubber(client)


def ledger(stubber: Stubber) -> Ledger:
    client: Any = stubber.client
    return Ledger(items=Items(client=client, table="ledger"), retention=KEPT)


def asked(**more: Any) -> dict[str, Any]:
    """What a query of the group's partition must say: above all that it is consistent."""
    return {
        "TableName": "ledger",
        "KeyConditionExpression": "#n0 = :v0",
        "ConsistentRead": True,
        "FilterExpression": ANY,
        "ExpressionAttributeNames": ANY,
        "ExpressionAttributeValues": ANY,
        **more,
    }


def test_a_groups_entries_are_read_consistently_and_from_every_page(stubber: Stubber) -> None:
    first = marshal(exemption_item(EXEMPTION, NOW, KEPT) | {"version": 1})
    second = marshal(pause_item(PAUSE) | {"version": 1})
    key = marshal({"pk": partition(PLACE), "sk": "exemption#0123456789ab"})
    stubber.add_response("query", {"Items": [first], "LastEvaluatedKey": key}, asked())
    stubber.add_response("query", {"Items": [second]}, asked(ExclusiveStartKey=key))

    with stubber:
        entries = ledger(stubber).entries(PLACE, NOW)

    assert entries.exemptions == (replace(EXEMPTION, granted_at=NOW),)
    assert entries.pause == PAUSE


def test_whether_acting_is_paused_is_read_consistently(stubber: Stubber) -> None:
    key = marshal({"pk": "control", "sk": "pause"})
    stubber.add_response("get_item", {}, {"TableName": "ledger", "Key": key, "ConsistentRead": True})

    with stubber:
        assert ledger(stubber).pause_of_acting() is None


def test_an_entry_of_a_newer_schema_is_not_guessed_at(stubber: Stubber) -> None:
    newer = marshal(exemption_item(EXEMPTION, NOW, KEPT) | {"version": 1, "schema": 2})
    stubber.add_response("query", {"Items": [newer]}, asked())

    with stubber, pytest.raises(LedgerError, match="newer Nodewarden"):
        ledger(stubber).entries(PLACE, NOW)
