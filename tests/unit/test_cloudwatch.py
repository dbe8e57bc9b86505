"""States of alarms: of every type, by name, and those that do not exist."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from local.fleet import REGION
from nodewarden.aws.cloudwatch import Alarms
from nodewarden.errors import MissingPermissionError


def test_alarms_are_seen_in_their_states_and_one_that_does_not_exist_is_said_to_be_missing() -> None:
    with mock_aws():
        client = boto3.client("cloudwatch", region_name=REGION)
        for name in ("errors", "latency"):
            client.put_metric_alarm(
                AlarmName=name,
                ComparisonOperator="GreaterThanThreshold",
                EvaluationPeriods=1,
                Namespace="demo",
                MetricName=name,
                Period=60,
                Statistic="Sum",
                Threshold=1,
            )
        client.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a test")
        client.set_alarm_state(AlarmName="latency", StateValue="OK", StateReason="a test")

        states = Alarms(client).states(["errors", "latency", "mistyped"])

    assert states == {"errors": "ALARM", "latency": "OK", "mistyped": "MISSING"}


def test_many_alarms_of_every_type_are_asked_for_in_batches_and_over_every_page() -> None:
    client: Any = boto3.client("cloudwatch", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    names = [f"alarm-{number:03}" for number in range(150)]
    rows = [{"AlarmName": name, "StateValue": "OK"} for name in names]
    types = ["MetricAlarm", "CompositeAlarm", "LogAlarm"]
    stubber = Stubber(client)
    first: dict[str, Any] = {"AlarmNames": names[:100], "AlarmTypes": types}
    stubber.add_response(
        "describe_alarms", {"MetricAlarms": rows[:40], "CompositeAlarms": rows[40:50], "NextToken": "a"}, first
    )
    stubber.add_response("describe_alarms", {"LogAlarms": rows[50:100]}, first | {"NextToken": "a"})
    stubber.add_response("describe_alarms", {"MetricAlarms": rows[100:]}, first | {"AlarmNames": names[100:]})

    with stubber:
        assert Alarms(client).states([*names, *names]) == dict.fromkeys(names, "OK")


def test_nothing_is_asked_for_no_names_as_cloudwatch_would_answer_all() -> None:
    client: Any = boto3.client("cloudwatch", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")

    with Stubber(client):
        assert Alarms(client).states([]) == {}


def test_an_error_code_has_one_meaning() -> None:
    client: Any = boto3.client("cloudwatch", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    stubber = Stubber(client)
    stubber.add_client_error("describe_alarms", "AccessDenied", http_status_code=403)

    with stubber, pytest.raises(MissingPermissionError, match="cloudwatch:DescribeAlarms"):
        Alarms(client).states(["errors"])
