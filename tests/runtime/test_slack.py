"""The built functions of Slack, under Lambda's Runtime Interface Emulator, against a moto server and a Slack on this machine."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local import (
    aws,  # noqa: F401  # sets the environment before the server and boto3 read it
    runtime,
    slack_runtime,
    template,
)
from local.fake_slack import SIGNING_SECRET, Slack
from local.samples import messages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(name="moto", scope="module")
def _moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[runtime.Moto]:
    with runtime.moto(tmp_path_factory.mktemp("moto")) as moto:
        with closing(boto3.client("dynamodb", region_name=runtime.REGION, endpoint_url=moto.endpoint)) as dynamodb:
            runtime.create_ledger(dynamodb)
        yield moto


@pytest.fixture(name="slack", scope="module")
def _slack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slack]:
    with Slack(tmp_path_factory.mktemp("slack")) as slack:
        yield slack


@pytest.fixture(name="variables", scope="module")
def _variables(moto: runtime.Moto, slack: Slack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Let the functions trust that Slack, and have its secret."""
    policy = tmp_path_factory.mktemp("policy") / "policy"
    shutil.copytree(runtime.POLICY, policy)
    (policy / "slack.toml").write_text(f'hosts = ["{slack.address}"]\n[users]\n', "utf-8")
    trusting = {"POLICY_FOLDER": str(policy), "SSL_CERT_FILE": str(slack.certificate)}
    return trusting | slack_runtime.variables(moto, slack.bot)


def test_the_built_button_hands_over_what_slack_signed_and_nothing_else(
    moto: runtime.Moto, variables: dict[str, str], tmp_path: Path
) -> None:
    forged = json.loads((template.ROOT / "events/slack_button/forged.json").read_text("utf-8"))

    with (
        runtime.emulated("SlackButtonFunction", moto.endpoint, tmp_path, **variables) as function,
        moto.recorded() as requests,
    ):
        signed, refused = function.invoke(slack_runtime.press()), function.invoke(forged)

    assert (signed["statusCode"], refused["statusCode"]) == (200, 401)
    (handed_over,) = (request for request in requests if "/invocations" in request["url"])
    assert handed_over["url"].endswith(f"/functions/{slack_runtime.DECISION}/invocations")
    assert SIGNING_SECRET not in (tmp_path / "emulator.log").read_text("utf-8")


def test_the_built_function_posts_a_message_once(
    moto: runtime.Moto, slack: Slack, variables: dict[str, str], tmp_path: Path
) -> None:
    message = messages()["closed"]
    body = json.loads(message.bodies())["default"]
    said = {"MessageId": "00000000-0000-4000-8000-000000000701", "Subject": message.subject, "Message": body}
    event = {"Records": [{"EventSource": "aws:sns", "Sns": said}]}

    with runtime.emulated("SlackFunction", moto.endpoint, tmp_path, **variables) as function:
        for _ in range(2):
            function.invoke(event)

    (posted,) = slack.messages
    assert [*posted.buttons] == ["undo"]
    assert "workers-remote-access" in posted.words
    assert slack.bot["bot_token"] not in (tmp_path / "emulator.log").read_text("utf-8")


def test_the_built_decision_takes_no_event_that_is_no_press(
    moto: runtime.Moto, variables: dict[str, str], tmp_path: Path
) -> None:
    handler = template.handler(slack_runtime.DECISION)

    with runtime.emulated(slack_runtime.DECISION, moto.endpoint, tmp_path, handler, **variables) as function:
        answer: dict[str, Any] = function.invoke({})

    assert answer["errorType"] == "PressError"
