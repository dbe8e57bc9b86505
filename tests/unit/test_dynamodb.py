"""Transactions of DynamoDB: what losing one means, and what does not (botocore's Stubber; moto knows one reason only)."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from nodewarden.aws.dynamodb import Attr, Items, Write
from nodewarden.errors import AwsError, ThrottledError

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


CONFLICT = ("update_item", "TransactionConflictException", "Transaction is ongoing for the item", 400)


def test_a_write_that_meets_a_transaction_is_made_again(stubber: Stubber) -> None:
    stubber.add_client_error(*CONFLICT)
    stubber.add_client_error(*CONFLICT)
    stubber.add_response("update_item", {})

    with stubber:
        assert items(stubber).write({"pk": "a", "sk": "b", "told": 3}, when=None) is True

    stubber.assert_no_pending_responses()


def test_a_write_that_meets_transactions_time_and_again_is_throttled(stubber: Stubber) -> None:
    for _ in range(9):
        stubber.add_client_error(*CONFLICT)

    with stubber, pytest.raises(ThrottledError, match="dynamodb:UpdateItem"):
        items(stubber).write({"pk": "a", "sk": "b", "told": 3}, when=None)


def test_a_write_that_is_throttled_beyond_botocores_tries_is_not_made_again(stubber: Stubber) -> None:
    stubber.add_client_error("update_item", "ProvisionedThroughputExceededException", "Too much", 400)

    with stubber, pytest.raises(ThrottledError):
        items(stubber).write({"pk": "a", "sk": "b", "told": 3}, when=None)
