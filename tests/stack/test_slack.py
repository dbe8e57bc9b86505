"""The functions of Slack in the template: deployed on request, open to the world at one place only, able to do little."""

from __future__ import annotations

from fnmatch import fnmatch
from typing import Any

import pytest

from local import template
from nodewarden import aws
from nodewarden.aws import lambda_
from nodewarden.slack import client, ledger
from nodewarden.slack.button import BUTTONS, Function
from tests import roles

FUNCTIONS = template.resources("AWS::Lambda::Function")
OURS = ("SlackFunction", "SlackButtonFunction", "SlackDecisionFunction")


def condition(name: str) -> Any:
    return template.translated()["Resources"][name].get("Condition")


def test_nothing_of_slack_is_there_without_its_secret() -> None:
    named = [name for name in template.translated()["Resources"] if name.startswith("Slack")]

    assert len(named) > len(OURS)
    assert {condition(name) for name in named} == {"HasSlack"}
    assert template.translated()["Parameters"]["SlackSecretArn"]["Default"] == ""


def test_the_function_hears_the_topic_by_attributes_and_what_cannot_be_handed_over_is_kept() -> None:
    subscription = template.resources("AWS::SNS::Subscription")["SlackFunctionTold"]

    assert subscription["FilterPolicyScope"] == "MessageAttributes"
    assert [*subscription["FilterPolicy"]] == ["severity"]
    assert {"exists": False} in subscription["FilterPolicy"]["severity"]
    assert subscription["RedrivePolicy"] == {"deadLetterTargetArn": {"Fn::GetAtt": ["UndeliveredQueue", "Arn"]}}


def test_the_url_has_both_permissions_that_a_public_one_needs() -> None:
    (url,) = template.resources("AWS::Lambda::Url").values()
    permissions = [p for p in template.resources("AWS::Lambda::Permission").values() if p["Principal"] == "*"]

    assert url["AuthType"] == "NONE"
    assert url["TargetFunctionArn"] == {"Ref": "SlackButtonFunction"}
    assert sorted(permissions, key=lambda p: str(p["Action"])) == [
        {
            "Action": "lambda:InvokeFunction",
            "FunctionName": {"Ref": "SlackButtonFunction"},
            "InvokedViaFunctionUrl": True,
            "Principal": "*",
        },
        {
            "Action": "lambda:InvokeFunctionUrl",
            "FunctionName": {"Ref": "SlackButtonFunction"},
            "FunctionUrlAuthType": "NONE",
            "Principal": "*",
        },
    ]


def test_what_the_world_can_call_reads_one_secret_and_starts_one_function_and_no_more() -> None:
    resources = {action: s["Resource"] for s in roles.statements("SlackButtonFunction") for action in roles.actions(s)}
    del resources["sqs:SendMessage"]

    assert resources == {
        "kms:Decrypt": {"Ref": "SlackSecretKeyArn"},
        "secretsmanager:GetSecretValue": {"Ref": "SlackSecretArn"},
        "lambda:InvokeFunction": {"Fn::GetAtt": ["SlackDecisionFunction", "Arn"]},
    }


def test_a_decision_invokes_the_functions_of_the_buttons_and_no_others() -> None:
    (statement,) = (s for s in roles.statements("SlackDecisionFunction") if s.get("Sid") == "HandVerbsOver")
    variables = FUNCTIONS["SlackDecisionFunction"]["Environment"]["Variables"]

    assert [arn["Fn::GetAtt"][0] for arn in statement["Resource"]] == [*Function]
    assert {button.function for button in BUTTONS} == {*Function}
    assert [variables[f"{function.name}_FUNCTION"] for function in Function] == [{"Ref": name} for name in Function]


def test_only_functions_of_slack_can_read_its_secret() -> None:
    reading = [name for name in FUNCTIONS if "secretsmanager:GetSecretValue" in roles.allowed(name)]

    assert sorted(reading) == ["SlackButtonFunction", "SlackFunction"]


@pytest.mark.parametrize("function", ["SlackButtonFunction", "SlackFunction"])
def test_a_customers_key_decrypts_the_secret_and_nothing_else_and_only_where_there_is_one(function: str) -> None:
    policies = template.resources("AWS::IAM::Role")[f"{function}Role"]["Policies"]
    (given,) = (s["Fn::If"] for p in policies for s in p["PolicyDocument"]["Statement"] if "Fn::If" in s)
    condition_, statement, otherwise = given

    assert (condition_, otherwise) == ("HasSlackKey", {"Ref": "AWS::NoValue"})
    assert (statement["Action"], statement["Resource"]) == ("kms:Decrypt", {"Ref": "SlackSecretKeyArn"})
    service = {"Fn::Sub": "secretsmanager.${AWS::Region}.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"kms:ViaService": service}}


@pytest.mark.parametrize("function", ["SlackDecisionFunction", "SlackFunction"])
def test_slacks_functions_read_and_write_of_the_ledger_what_is_theirs_and_nothing_else(function: str) -> None:
    given = [s for s in roles.statements(function) if any(a.startswith("dynamodb:") for a in roles.actions(s))]
    pk = ledger._key("change", ledger.POSTED)["pk"]  # noqa: SLF001 the one place that names it

    assert [statement["Condition"] for statement in given] == [
        {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["slack#*"]}}
    ]
    assert fnmatch(pk, "slack#*")


def test_what_the_world_can_call_may_be_kept_from_taking_all_of_the_accounts_executions() -> None:
    reserved = FUNCTIONS["SlackButtonFunction"]["ReservedConcurrentExecutions"]

    assert reserved == {
        "Fn::If": ["HasSlackButtonConcurrency", {"Ref": "SlackButtonConcurrency"}, {"Ref": "AWS::NoValue"}]
    }
    assert template.translated()["Parameters"]["SlackButtonConcurrency"]["Default"] == -1


@pytest.mark.parametrize("function", Function)
def test_a_function_that_is_asked_is_waited_for_until_it_is_surely_over(function: str) -> None:
    slowest = lambda_.ASK_SECONDS + aws.ATTEMPTS * (aws.CONNECT_SECONDS + aws.READ_SECONDS) + 5 * client.SECONDS

    assert FUNCTIONS[function]["Timeout"] < lambda_.ASK_SECONDS
    assert FUNCTIONS["SlackDecisionFunction"]["Timeout"] > slowest


def test_a_run_is_taken_over_only_when_it_is_surely_over() -> None:
    tries = 3 * FUNCTIONS["SlackDecisionFunction"]["Timeout"] + 60 + 120

    assert ledger.RUN.total_seconds() > FUNCTIONS["SlackFunction"]["Timeout"]
    assert ledger.PRESS.total_seconds() > tries
