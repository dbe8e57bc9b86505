"""Transactions of DynamoDB: what losing one means, and what does not (botocore's Stubber; moto knows one reason only)."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from nodewarden.aws.dynamodb import Attr, Items, Write
from nodewarden.errors import AwsError

WRITES = (
    Write(item={"pk": "a", "sk": "b", "state": "new"}, when=Attr("version").eq(3), count=("version",)),
    Write(item={"pk": "a", "sk": "c"}, when=None, remove=("ttl",)),
)


@pytest.fixture(name="stubber")
def _stubber() -> Stubber:
    client = boto3.client("dynamodb", region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b")
    return Stubber(client)


def items(stubber: Stubber) -> Items:
    client: Any = stubber.client
    return Items(client=client, table="ledger")


def cancelled(stubber: Stubber, *codes: str) -> None:
    reasons = [{"Code": code} for code in codes]
    stubber.add_client_error(
        "transact_write_items",
        "TransactionCanceledException",
        "Transaction cancelled",
        400,
        modeled_fields={"CancellationReasons": reasons},
    )


@pytest.mark.parametrize("reason", ["ConditionalCheckFailed", "TransactionConflict"])
def test_a_transaction_is_lost_where_somebody_else_was_faster(stubber: Stubber, reason: str) -> None:
    cancelled(stubber, "None", reason)

    with stubber:
        assert items(stubber).transact(WRITES) is False


def test_a_transaction_that_is_cancelled_for_another_reason_is_an_error(stubber: Stubber) -> None:
    cancelled(stubber, "None", "ThrottlingError")

    with stubber, pytest.raises(AwsError, match="dynamodb:TransactWriteItems was refused"):
        items(stubber).transact(WRITES)


def test_a_transaction_says_of_each_item_what_is_set_counted_removed_and_when(stubber: Stubber) -> None:
    sent: list[dict[str, Any]] = []
    stubber.client.meta.events.register(
        "provide-client-params.dynamodb.TransactWriteItems", lambda params, **_: sent.append(params)
    )
    stubber.add_response("transact_write_items", {})

    with stubber:
        assert items(stubber).transact(WRITES) is True

    first, second = (each["Update"] for each in sent[0]["TransactItems"])
    assert first == {
        "TableName": "ledger",
        "Key": {"pk": {"S": "a"}, "sk": {"S": "b"}},
        "UpdateExpression": "SET #a0 = :a0, #c0 = if_not_exists(#c0, :zero) + :one",
        "ConditionExpression": "#n0 = :v0",
        "ExpressionAttributeNames": {"#a0": "state", "#c0": "version", "#n0": "version"},
        "ExpressionAttributeValues": {
            ":a0": {"S": "new"},
            ":zero": {"N": "0"},
            ":one": {"N": "1"},
            ":v0": {"N": "3"},
        },
    }
    assert second == {
        "TableName": "ledger",
        "Key": {"pk": {"S": "a"}, "sk": {"S": "c"}},
        "UpdateExpression": "REMOVE #r0",
        "ExpressionAttributeNames": {"#r0": "ttl"},
    }
