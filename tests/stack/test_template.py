"""The translated template: what wakes which function, and where everything goes that fails."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest

from local import template
from local.event_pattern import matches
from nodewarden import aws, sweep_groups
from nodewarden.rollout import start

EVENTS = sorted((template.ROOT / "events").glob("*/*.json"))
FROM_RULES = [file for file in EVENTS if "detail-type" in json.loads(file.read_text("utf-8"))]
FUNCTIONS = template.resources("AWS::Lambda::Function")


def name_of(file_folder: str) -> str:
    """Name the function of an events folder: security_group -> SecurityGroupFunction."""
    return "".join(word.capitalize() for word in file_folder.split("_")) + "Function"


MAPPINGS = {
    mapping["EventSourceArn"]["Fn::GetAtt"][0]: mapping
    for mapping in template.resources("AWS::Lambda::EventSourceMapping").values()
}
QUEUES_OF_EVENTS = {"HostStartQueue": "HostStarted", "FindingQueue": "HostFound"}
LISTENING = [rule for rule in template.resources("AWS::Events::Rule").values() if "EventPattern" in rule]
SCHEDULES = [rule for rule in template.resources("AWS::Events::Rule").values() if "ScheduleExpression" in rule]


def targets(event: dict[str, Any]) -> list[str]:
    """Name the functions that an event wakes, through a queue or without."""
    reached = [
        target["Arn"]["Fn::GetAtt"][0]
        for rule in LISTENING
        if matches(rule["EventPattern"], event)
        for target in rule["Targets"]
    ]
    return [MAPPINGS[name]["FunctionName"]["Ref"] if name in MAPPINGS else name for name in reached]


def parameters() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = template.translated()["Parameters"]
    return found


def queue_of(arn: dict[str, list[str]]) -> str:
    return arn["Fn::GetAtt"][0]


@pytest.mark.parametrize("file", FROM_RULES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_an_event_wakes_the_function_of_its_folder_and_no_other_or_none_where_it_is_ignored(file: Any) -> None:
    expected = [] if file.stem.endswith("-ignored") else [name_of(file.parent.name)]

    assert targets(json.loads(file.read_text("utf-8"))) == expected


def test_there_are_events_that_wake_and_events_that_are_ignored() -> None:
    ignored = [file for file in FROM_RULES if file.stem.endswith("-ignored")]

    assert len(ignored) >= 3
    assert len(FROM_RULES) - len(ignored) >= 8


def test_rules_listen_on_the_bus_that_the_parameter_names() -> None:
    for rule in LISTENING:
        assert rule["EventBusName"] == {"Ref": "EventBusName"}


def test_a_schedule_is_on_the_default_bus_as_there_is_none_elsewhere() -> None:
    by_function = {rule["Targets"][0]["Arn"]["Fn::GetAtt"][0]: rule for rule in SCHEDULES}
    scheduled = {function: rule["ScheduleExpression"]["Ref"] for function, rule in by_function.items()}

    assert not [rule for rule in SCHEDULES if "EventBusName" in rule or len(rule["Targets"]) > 1]
    assert {function: parameters()[name]["Default"] for function, name in scheduled.items()} == {
        "SecurityGroupSweepFunction": "rate(15 minutes)",
        "AmiReleaseFunction": "rate(15 minutes)",
        "RolloutFunction": "rate(5 minutes)",
    }


def test_the_sweep_only_lists_what_was_open_until_somebody_decides() -> None:
    mode = template.translated()["Parameters"]["SweepMode"]

    assert (mode["Default"], mode["AllowedValues"]) == ("observe", ["enforce", "observe"])


def test_a_sweep_ends_before_it_is_taken_for_dead_and_has_time_to_say_how_far_it_came() -> None:
    timeout = FUNCTIONS["SecurityGroupSweepFunction"]["Timeout"]

    assert timeout < sweep_groups.DEAD_AFTER.total_seconds()
    assert timeout > sweep_groups.SECONDS_TO_SPARE * 2


def test_a_tick_is_over_before_its_starts_are_taken_for_given_up() -> None:
    assert FUNCTIONS["RolloutFunction"]["Timeout"] < start.CALL_LASTS.total_seconds()


def test_starts_of_hosts_are_judged_by_a_bounded_number_of_copies_many_at_once() -> None:
    mapping = MAPPINGS["HostStartQueue"]

    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 2}
    assert mapping["BatchSize"] >= 100
    assert mapping["MaximumBatchingWindowInSeconds"] > 0
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_findings_are_decided_about_hundreds_at_once_by_as_few_copies_as_there_can_be() -> None:
    mapping = MAPPINGS["FindingQueue"]

    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 2}
    assert mapping["BatchSize"] >= 100
    assert mapping["MaximumBatchingWindowInSeconds"] > 0
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize("name", QUEUES_OF_EVENTS)
def test_a_message_that_fails_comes_again_after_the_function_is_surely_over_and_is_kept_in_the_end(name: str) -> None:
    queue, function = template.resources("AWS::SQS::Queue")[name], MAPPINGS[name]["FunctionName"]["Ref"]

    assert (
        queue["VisibilityTimeout"]
        >= 6 * FUNCTIONS[function]["Timeout"] + MAPPINGS[name]["MaximumBatchingWindowInSeconds"]
    )
    assert queue_of(queue["RedrivePolicy"]["deadLetterTargetArn"]) == "FailuresQueue"
    assert queue["RedrivePolicy"]["maxReceiveCount"] >= 3


def test_every_target_of_a_rule_has_a_dead_letter_queue_and_states_its_retries() -> None:
    for rule in template.resources("AWS::Events::Rule").values():
        for target in rule["Targets"]:
            assert queue_of(target["DeadLetterConfig"]["Arn"]) in template.resources("AWS::SQS::Queue")
            assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0


def test_eventbridge_and_the_topic_may_send_to_the_dead_letter_queue_and_nobody_else() -> None:
    policy = template.resources("AWS::SQS::QueuePolicy")["UndeliveredQueuePolicy"]
    rules, topic = policy["PolicyDocument"]["Statement"]

    assert policy["Queues"] == [{"Ref": "UndeliveredQueue"}]
    assert rules["Principal"] == {"Service": "events.amazonaws.com"}
    assert rules["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert topic["Principal"] == {"Service": "sns.amazonaws.com"}
    assert topic["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Ref": "NoticeTopic"}}}


@pytest.mark.parametrize(("queue", "rule"), QUEUES_OF_EVENTS.items())
def test_only_the_rule_of_its_events_may_send_to_a_queue(queue: str, rule: str) -> None:
    policy = template.resources("AWS::SQS::QueuePolicy")[f"{queue}Policy"]
    (statement,) = policy["PolicyDocument"]["Statement"]

    assert policy["Queues"] == [{"Ref": queue}]
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": [rule, "Arn"]}}}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_has_a_queue_for_what_it_gives_up_on(function: str) -> None:
    (config,) = (
        c
        for c in template.resources("AWS::Lambda::EventInvokeConfig").values()
        if c["FunctionName"] == {"Ref": function}
    )

    assert queue_of(config["DestinationConfig"]["OnFailure"]["Destination"]) == "FailuresQueue"
    assert config["MaximumRetryAttempts"] == 2


def test_a_stream_that_cannot_be_told_ends_in_the_failures_queue() -> None:
    mapping = MAPPINGS["LedgerTable"]

    assert queue_of(mapping["DestinationConfig"]["OnFailure"]["Destination"]) == "FailuresQueue"
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert 0 < mapping["MaximumRetryAttempts"] < 100


@pytest.mark.parametrize("queue", template.resources("AWS::SQS::Queue"))
def test_every_queue_is_encrypted(queue: str) -> None:
    assert template.resources("AWS::SQS::Queue")[queue]["SqsManagedSseEnabled"] is True


@pytest.mark.parametrize("queue", sorted(template.resources("AWS::SQS::Queue").keys() - MAPPINGS.keys()))
def test_every_queue_that_nobody_drains_has_an_alarm_to_the_topic(queue: str) -> None:
    alarms = [
        alarm
        for alarm in template.resources("AWS::CloudWatch::Alarm").values()
        if alarm["Dimensions"] == [{"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}]
    ]

    assert [alarm["AlarmActions"] for alarm in alarms] == [[{"Ref": "NoticeTopic"}]]
    assert [(alarm["MetricName"], alarm["Threshold"]) for alarm in alarms] == [
        ("ApproximateNumberOfMessagesVisible", 1)
    ]


def test_the_topic_has_a_customer_key_and_both_admit_alarms_of_this_account_only() -> None:
    topic, key = template.resources("AWS::SNS::Topic")["NoticeTopic"], template.resources("AWS::KMS::Key")["NoticeKey"]
    (policy,) = template.resources("AWS::SNS::TopicPolicy").values()
    ours = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}

    assert topic["KmsMasterKeyId"] == {"Ref": "NoticeKey"}
    assert key["EnableKeyRotation"] is True
    for document, actions in (
        (key["KeyPolicy"], ["kms:Decrypt", "kms:GenerateDataKey*"]),
        (policy["PolicyDocument"], "sns:Publish"),
    ):
        (alarms,) = (s for s in document["Statement"] if s["Principal"] == {"Service": "cloudwatch.amazonaws.com"})
        assert alarms["Action"] == actions
        assert alarms["Condition"] == ours


def test_the_ledger_is_kept_and_can_be_restored() -> None:
    table = template.translated()["Resources"]["LedgerTable"]

    assert table["DeletionPolicy"] == "RetainExceptOnCreate"
    assert table["UpdateReplacePolicy"] == "Retain"
    assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["Properties"]["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert table["Properties"]["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    assert table["Properties"]["SSESpecification"] == {"SSEEnabled": True}
    assert table["Properties"]["DeletionProtectionEnabled"] == {"Ref": "LedgerDeletionProtection"}


def test_the_ledger_is_protected_from_deletion_in_prod() -> None:
    config = tomllib.loads((template.ROOT / "samconfig.toml").read_text("utf-8"))

    assert "LedgerDeletionProtection=true" in config["prod"]["deploy"]["parameters"]["parameter_overrides"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_what_we_test(function: str) -> None:
    properties = FUNCTIONS[function]

    assert properties["Runtime"] == "python3.13"
    assert properties["Architectures"] == [{"Ref": "Architecture"}]
    assert properties["TracingConfig"] == {"Mode": "Active"}
    assert properties["LoggingConfig"]["LogFormat"] == "JSON"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_functions_logs_are_kept_as_long_as_the_parameter_says(function: str) -> None:
    group = FUNCTIONS[function]["LoggingConfig"]["LogGroup"]["Ref"]

    assert template.resources("AWS::Logs::LogGroup")[group]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_three_calls_that_fail_at_their_slowest_fit_into_the_timeout(function: str) -> None:
    slowest = aws.ATTEMPTS * (aws.CONNECT_SECONDS + aws.READ_SECONDS)

    assert 3 * slowest < FUNCTIONS[function]["Timeout"]
    assert vars(aws.CLIENT_CONFIG)["retries"] == {"mode": "standard", "total_max_attempts": aws.ATTEMPTS}


def test_no_function_imports_the_tracers_sdk() -> None:
    code = [*template.ROOT.glob("functions/*/app.py"), *template.ROOT.glob("layers/nodewarden/nodewarden/**/*.py")]

    assert not [file for file in code if "Tracer" in file.read_text("utf-8") or "xray" in file.read_text("utf-8")]


def test_concurrency_is_set_aside_only_where_the_parameter_asks_for_it() -> None:
    reserved = FUNCTIONS["SecurityGroupFunction"]["ReservedConcurrentExecutions"]

    assert reserved == {"Fn::If": ["HasReservedConcurrency", {"Ref": "ReservedConcurrency"}, {"Ref": "AWS::NoValue"}]}
    assert template.translated()["Parameters"]["ReservedConcurrency"]["Default"] == -1


def test_without_an_address_nobody_is_subscribed() -> None:
    subscription = template.translated()["Resources"]["AlertEmailSubscription"]

    assert subscription["Condition"] == "HasAlertEmail"
    assert template.translated()["Parameters"]["AlertEmail"]["Default"] == ""


def test_the_default_mode_is_enforce() -> None:
    mode = template.translated()["Parameters"]["Mode"]

    assert (mode["Default"], mode["AllowedValues"]) == ("enforce", ["enforce", "observe"])


def test_the_outputs_name_what_an_operator_needs() -> None:
    expected = {"NoticeTopicArn", "LedgerTableName", "FailuresQueueUrl", *(f"{name}Arn" for name in FUNCTIONS)}

    assert expected <= {*template.translated()["Outputs"]}
