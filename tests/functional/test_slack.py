"""People hear in Slack: once a change, whatever fails on the way, and nothing that Slack makes more of than words."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import boto3
import pytest

from local import template
from local.fake_slack import BROKEN, BUSY, LOST, NO_BLOCKS, SIGNING_SECRET, TOKEN, WEBHOOK_PATH, Fault
from local.stack import Crash
from nodewarden import wiring
from tests.functional.slack_world import slack_stack
from tests.functional.world import WHO, refuse

if TYPE_CHECKING:
    from local.fake_slack import Slack
    from tests.functional.slack_world import SlackWorld
    from tests.functional.world import World


def test_what_is_closed_is_told_in_slack_with_a_button_to_undo_it(slack_world: SlackWorld) -> None:
    slack_world.closed_group()

    (message,) = slack_world.slack.messages
    assert message.blocks[0]["text"]["text"].startswith("🟠 Closed: tcp/22 from 0.0.0.0/0")
    assert "i-" not in message.buttons
    assert [*message.buttons] == ["undo"]
    assert "sam remote invoke UndoFunction" in message.words


@pytest.mark.parametrize("name", ["alarm", "closed"])
def test_the_event_that_is_kept_for_trying_it_out_is_posted(slack_world: SlackWorld, name: str) -> None:
    event = json.loads((template.ROOT / f"events/slack/{name}.json").read_text("utf-8"))

    slack_world.world.stack.invoke("SlackFunction", event)

    (message,) = slack_world.slack.messages
    assert message.blocks[0]["text"]["text"].startswith("🔴 ALARM" if name == "alarm" else "🟠 Closed")


def test_a_webhook_gets_the_same_words_without_buttons(slack_world: SlackWorld) -> None:
    slack_world.put_secret(webhook_url=slack_world.slack.webhook_url)

    slack_world.closed_group()

    (message,) = slack_world.slack.messages
    assert slack_world.slack.requests == [(WEBHOOK_PATH, 200)]
    assert message.buttons == {}
    assert "Closed: tcp/22" in message.words


@pytest.mark.parametrize("fault", [BUSY, BROKEN, LOST, Fault(status=503)], ids=["429", "500", "no answer", "503"])
def test_what_passes_is_waited_for_and_sent_again(slack_world: SlackWorld, fault: Fault) -> None:
    slack_world.slack.fail(fault)

    slack_world.closed_group()

    assert len(slack_world.slack.requests) == 2
    assert slack_world.world.stack.attempts.count("SlackFunction") == 1
    assert slack_world.world.failures() == []
    assert {*slack_world.headers()} == {"🟠 Closed: tcp/22 from 0.0.0.0/0 on eks-cluster-sg-demo-0, eu-central-1"}


def test_what_takes_longer_than_there_is_time_is_left_to_the_next_attempt(slack_world: SlackWorld) -> None:
    slack_world.slack.fail(Fault(status=429, body="ratelimited", headers={"Retry-After": "3600"}))

    slack_world.closed_group()

    assert len(slack_world.slack.messages) == 1
    assert slack_world.world.stack.attempts.count("SlackFunction") == 2


def test_what_slack_never_takes_ends_in_the_failures_queue_and_keeps_nothing_open(slack_world: SlackWorld) -> None:
    slack_world.slack.fail(*[Fault(status=403, body="action_prohibited")] * 3)

    group = slack_world.closed_group()

    assert slack_world.world.sources(group) == set()
    assert slack_world.world.failures() == ["SlackRefusedError"]
    (failure,) = slack_world.world.stack.failed()
    assert "a workspace's admin restricts posting there" in failure["responsePayload"]["errorMessage"]
    assert slack_world.slack.messages == []


def test_a_message_whose_blocks_slack_refuses_is_posted_in_words(slack_world: SlackWorld) -> None:
    slack_world.slack.fail(NO_BLOCKS)

    slack_world.closed_group()

    (message,) = slack_world.slack.messages
    assert message.blocks == []
    assert "Closed: tcp/22" in message.text
    assert "sam remote invoke UndoFunction" in message.text


def test_a_token_that_was_replaced_is_read_again_once_and_people_hear(slack_world: SlackWorld) -> None:
    slack_world.closed_group()
    slack_world.slack.tokens = {"xoxb-999999999999-example"}
    slack_world.put_secret(**slack_world.slack.bot | {"bot_token": "xoxb-999999999999-example"})

    slack_world.closed_group()

    assert len(slack_world.slack.messages) == 2
    assert slack_world.world.failures() == []


def test_a_token_that_is_wrong_is_not_asked_for_again_and_again(slack_world: SlackWorld) -> None:
    slack_world.slack.tokens = set()
    calls = slack_world.world.calls(slack_world.closed_group, "secretsmanager:")

    assert len(calls) == 2 * 3  # in each of three attempts, of fresh processes: once, and once more
    assert slack_world.world.failures() == ["SlackRefusedError"]


def test_the_secret_is_read_once_a_process(slack_world: SlackWorld) -> None:
    wiring.forget()

    def three_groups() -> None:
        for _ in range(3):
            slack_world.closed_group()

    assert slack_world.world.calls(three_groups, "secretsmanager:") == ["secretsmanager:GetSecretValue"]


def test_the_same_words_twice_on_the_topic_are_one_message(slack_world: SlackWorld) -> None:
    slack_world.world.fault("sns:Publish", refuse("InternalError", "Publish"), before=False)

    slack_world.closed_group()

    assert len(slack_world.world.stack.told()) == 2
    assert len(slack_world.slack.messages) == 1


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_crash_at_any_call_ends_in_one_message_unless_slack_had_it_already(
    slack_world: SlackWorld, number: int, *, before: bool
) -> None:
    crashed = []

    def die(call: object) -> None:
        if getattr(call, "function", "") == "SlackFunction" and getattr(call, "before", None) is before:
            crashed.append(call)
            if len(crashed) == number + 1:
                slack_world.world.stack.observers.remove(die)
                raise Crash

    slack_world.world.stack.observers.append(die)

    slack_world.closed_group()

    assert slack_world.world.failures() == []
    assert len(slack_world.slack.messages) in {1, 2}
    assert len({message.words for message in slack_world.slack.messages}) == 1


def publish(slack_world: SlackWorld, body: str) -> None:
    topic = slack_world.world.stack.ids["NoticeTopic"]
    boto3.client("sns").publish(TopicArn=topic, Message=body)
    slack_world.world.stack.pump()


def test_the_same_words_of_somebody_else_a_day_later_are_heard_again(slack_world: SlackWorld) -> None:
    for days in (0, 1):
        with slack_world.world.later(days=days):
            publish(slack_world, "the backup failed")

    assert len(slack_world.slack.messages) == 2


def test_a_message_that_sns_delivers_twice_is_one(slack_world: SlackWorld) -> None:
    event = json.loads((template.ROOT / "events/slack/alarm.json").read_text("utf-8"))

    for _ in range(2):
        slack_world.world.stack.invoke("SlackFunction", event)

    assert len(slack_world.slack.messages) == 1


ODD = [
    '{"sections": ["x"]}',
    '{"sections": [{"title": "a"}]}',
    '{"sections": [{"title": "a", "lines": ["x"]}]}',
    '{"sections": [], "kind": "security_group", "outcome": []}',
    '{"sections": [{"title": "a", "lines": [{"text": "x"}]}], "outcome": ["revoked"]}',
    '{"subject": null, "sections": [{"title": null, "lines": [{"text": null}]}]}',
    '{"subject": "\\n", "sections": [{"title": "\\ud800", "lines": [{"text": "\\ud800"}]}]}',
    '{"sections": []}',
    '"x"',
    "[]",
    "{}",
    " ",
    '{"AlarmName": null}',
    "[" * 100_000,
]


@pytest.mark.parametrize("body", ODD, ids=lambda body: body[:60])
def test_whatever_is_said_on_the_topic_is_posted(slack_world: SlackWorld, body: str) -> None:
    publish(slack_world, body)

    assert len(slack_world.slack.messages) == 1
    assert slack_world.world.failures() == []


def test_an_alarm_is_told_in_slack_too(slack_world: SlackWorld) -> None:
    alarm = {
        "AlarmName": "nodewarden-FailuresAlarm",
        "AlarmDescription": "A Nodewarden function gave up",
        "AWSAccountId": "111122223333",
        "NewStateValue": "ALARM",
        "NewStateReason": "Threshold Crossed: 1 datapoint [1.0]",
        "StateChangeTime": "2026-11-24T09:00:00.000+0000",
        "Region": "EU (Frankfurt)",
        "OldStateValue": "OK",
    }
    boto3.client("sns").publish(TopicArn=slack_world.world.stack.ids["NoticeTopic"], Message=json.dumps(alarm))

    slack_world.world.stack.pump()

    assert slack_world.headers() == ["🔴 ALARM: nodewarden-FailuresAlarm"]
    assert "A Nodewarden function gave up" in slack_world.slack.messages[0].words


def test_no_name_in_aws_makes_a_link_or_calls_a_channel(slack_world: SlackWorld) -> None:
    group = slack_world.world.group("<!channel> & <http://example.com|ok> @here")
    slack_world.world.open(group, "0.0.0.0/0")

    slack_world.world.deliver(group)

    (message,) = slack_world.slack.messages
    assert "<" not in message.words
    assert "&lt;!channel&gt; &amp; &lt;http://example.com|ok&gt;" in message.words
    texts = [block["text"] for block in message.blocks if "text" in block]
    assert all(text["verbatim"] for text in texts if text["type"] == "mrkdwn")


def test_a_group_with_more_rules_than_fit_is_told_within_slacks_limits(slack_world: SlackWorld) -> None:
    slack_world.closed_group(*map(str, range(1, 61)))

    (message,) = slack_world.slack.messages
    assert "and 40 more" in message.words


@pytest.mark.parametrize("secret", ["{", "xoxb-1", json.dumps({"bot_token": TOKEN}), json.dumps([TOKEN])])
def test_a_secret_that_is_none_is_named_but_not_shown(
    slack_world: SlackWorld, secret: str, capsys: pytest.CaptureFixture[str]
) -> None:
    boto3.client("secretsmanager").put_secret_value(SecretId=slack_world.secret, SecretString=secret)

    slack_world.closed_group()

    (failure,) = slack_world.world.stack.failed()
    assert failure["responsePayload"]["errorType"] == "SlackSecretError"
    assert "put a corrected one into Secrets Manager" in failure["responsePayload"]["errorMessage"]
    assert TOKEN not in json.dumps(failure)
    assert TOKEN not in capsys.readouterr().out


@pytest.mark.parametrize(("least", "heard"), [("info", 3), ("medium", 3), ("high", 2), ("critical", 1)])
def test_slack_hears_what_is_as_grave_as_the_parameter_says_and_alarms(slack: Slack, least: str, heard: int) -> None:
    with slack_stack(slack, SlackMinimumSeverity=least) as slack_world:
        slack_world.closed_group()
        slack_world.world.ask(
            "exempt", group="sg-0123456789abcdef0", protocol="tcp", source="::/0", **{"for": "2h"}, **WHO
        )
        topic = slack_world.world.stack.ids["NoticeTopic"]
        boto3.client("sns").publish(TopicArn=topic, Message="somebody's words", Subject="By hand")
        slack_world.world.stack.pump()

    assert len(slack.messages) == heard
    assert slack.messages[-1].blocks[0]["text"]["text"] == "By hand"


def test_without_a_secret_there_is_no_function_of_slack(world: World) -> None:
    assert [name for name in world.stack.ids if name.startswith("Slack")] == []


def test_neither_log_nor_ledger_nor_queue_ever_has_anything_of_the_secret(
    slack_world: SlackWorld, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("slack_sdk").setLevel(logging.DEBUG)
    slack_world.slack.fail(BROKEN, *[Fault(status=403, body="invalid_auth")] * 6)
    slack_world.closed_group()
    slack_world.put_secret(webhook_url=slack_world.slack.webhook_url)
    slack_world.slack.webhooks = set()
    wiring.forget()
    slack_world.closed_group()

    read = capsys.readouterr()
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("botocore", "boto3"))]
    seen = json.dumps([slack_world.world.stack.entries(), slack_world.world.stack.failed(), ours, read], default=str)
    assert len(slack_world.world.stack.failed()) == 2
    for secret in (TOKEN, SIGNING_SECRET, WEBHOOK_PATH):
        assert secret not in seen
