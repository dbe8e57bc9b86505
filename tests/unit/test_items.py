"""Reading many items of a table at once: all of them, or an error."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from nodewarden.aws import dynamodb
from nodewarden.aws.dynamodb import MOST_READ, WAITS, Items, marshal
from nodewarden.errors import ThrottledError

TABLE = "ledger"
KEYS = [{"pk": f"finding#{number}", "sk": "finding"} for number in range(MOST_READ + 1)]


@pytest.fixture(name="stubber")
def _stubber(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(dynamodb, "WAITS", (0,) * len(WAITS))
    client: Any = boto3.client("dynamodb", region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(client) as stubber:
        yield stubber


def answer(found: list[dict[str, str]], unread: list[dict[str, str]]) -> dict[str, Any]:
    left = {TABLE: {"Keys": [marshal(key) for key in unread], "ConsistentRead": True}} if unread else {}
    return {"Responses": {TABLE: [marshal(item) for item in found]}, "UnprocessedKeys": left}


def asking(keys: list[dict[str, str]]) -> dict[str, Any]:
    return {"RequestItems": {TABLE: {"Keys": [marshal(key) for key in keys], "ConsistentRead": True}}}


def read(stubber: Any, keys: list[dict[str, str]]) -> list[dict[str, Any]]:
    return list(Items(client=stubber.client, table=TABLE).some(keys))


def test_more_than_one_call_takes_are_read_in_several(stubber: Any) -> None:
    stubber.add_response("batch_get_item", answer(KEYS[:MOST_READ], []), asking(KEYS[:MOST_READ]))
    stubber.add_response("batch_get_item", answer(KEYS[MOST_READ:], []), asking(KEYS[MOST_READ:]))

    assert read(stubber, KEYS) == KEYS


def test_what_was_left_unread_is_asked_for_again(stubber: Any) -> None:
    stubber.add_response("batch_get_item", answer(KEYS[:2], KEYS[2:5]), asking(KEYS[:5]))
    stubber.add_response("batch_get_item", answer(KEYS[2:4], KEYS[4:5]), asking(KEYS[2:5]))
    stubber.add_response("batch_get_item", answer([], []), asking(KEYS[4:5]))

    assert read(stubber, KEYS[:5]) == KEYS[:4]
    stubber.assert_no_pending_responses()


def test_what_stays_unread_is_an_error_and_not_taken_for_missing(stubber: Any) -> None:
    for _ in WAITS:
        stubber.add_response("batch_get_item", answer([], KEYS[:1]), {"RequestItems": ANY})

    with pytest.raises(ThrottledError, match="BatchGetItem"):
        read(stubber, KEYS[:1])


def test_no_keys_are_no_call(stubber: Any) -> None:
    assert read(stubber, []) == []
