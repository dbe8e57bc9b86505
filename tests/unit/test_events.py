"""Events of ours: what a subscriber gets, and what EventBridge does not take."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from local.fleet import REGION
from nodewarden.aws.events import Bus
from nodewarden.errors import AwsError, MissingPermissionError, ThrottledError


def test_a_subscriber_gets_the_event_that_was_put() -> None:
    with mock_aws():
        events, sqs = boto3.client("events", region_name=REGION), boto3.client("sqs", region_name=REGION)
        queue = sqs.create_queue(QueueName="subscriber")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name="ours", EventPattern=json.dumps({"source": ["nodewarden"]}))
        events.put_targets(Rule="ours", Targets=[{"Id": "subscriber", "Arn": arn}])

        Bus(events).put("Node AMI Released", {"family": "AL2023", "previous": None}, ["ami-0123456789abcdef0"])

        got = json.loads(sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"])

    assert {key: got[key] for key in ("source", "detail-type", "detail", "resources")} == {
        "source": "nodewarden",
        "detail-type": "Node AMI Released",
        "detail": {"family": "AL2023", "previous": None},
        "resources": ["ami-0123456789abcdef0"],
    }


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ThrottlingException", ThrottledError),
        ("AccessDeniedException", MissingPermissionError),
        ("InternalFailure", AwsError),
    ],
)
def test_an_entry_that_is_not_taken_is_an_error_although_the_call_succeeds(code: str, error: type[AwsError]) -> None:
    client: Any = boto3.client("events", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    stubber = Stubber(client)
    answer = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": code, "ErrorMessage": "not now"}]}
    stubber.add_response("put_events", answer)

    with stubber, pytest.raises(error, match=f"events:PutEvents.*{code}") as caught:
        Bus(client).put("Node AMI Released", {})
    assert type(caught.value) is error


def test_an_error_code_has_one_meaning() -> None:
    client: Any = boto3.client("events", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    stubber = Stubber(client)
    stubber.add_client_error("put_events", "AccessDeniedException", http_status_code=400)

    with stubber, pytest.raises(MissingPermissionError, match="events:PutEvents"):
        Bus(client).put("Node AMI Released", {})
