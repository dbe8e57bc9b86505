"""Whose word a request is: by the secret as it is now, at a cost that whoever calls the public address cannot run up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

import pytest

from local.fake_slack import SIGNING_SECRET, request
from nodewarden import wiring
from tests.functional.slack_world import ALICE, MALLORY
from tests.functional.test_slack_button import altered, press_body, raw_of
from tests.functional.world import refuse

if TYPE_CHECKING:
    from pathlib import Path

    from local.fake_slack import Slack
    from tests.functional.slack_world import SlackWorld

ANOTHER = "fedcba9876543210fedcba9876543210"
FORGED = {"x_slack_signature": "v0=" + "0" * 64}


@pytest.mark.parametrize("hours", [0.1, 1, 12])
def test_a_signing_secret_that_leaked_and_was_replaced_signs_nothing_any_more(
    slack_world: SlackWorld, hours: float
) -> None:
    slack_world.closed_group()
    slack_world.press("undo", user=MALLORY)
    slack_world.put_secret(**slack_world.slack.bot | {"signing_secret": ANOTHER})
    raw = press_body(slack_world)

    with slack_world.world.later(hours=hours):
        answer = slack_world.send(request(raw, secret=SIGNING_SECRET))
        slack_world.world.stack.pump()

    assert answer["statusCode"] == 401
    assert slack_world.world.outcomes() == ["revoked"]


def test_presses_within_five_minutes_read_the_secret_once(slack_world: SlackWorld) -> None:
    slack_world.observed_group()
    wiring.forget()

    def press_three_times() -> None:
        for _ in range(3):
            slack_world.send(slack_world.slack.press("revoke", MALLORY))

    assert slack_world.world.calls(press_three_times, "secretsmanager:") == ["secretsmanager:GetSecretValue"]


UNSIGNED: dict[str, Any] = {
    "without headers": lambda event: event | {"headers": {}},
    "with headers that are none": lambda event: event | {"headers": ["x"]},
    "without a signature": lambda event: altered(event, x_slack_signature=""),
    "with a signature that is cut": lambda event: altered(event, x_slack_signature="v0=0"),
    "without a time": lambda event: altered(event, x_slack_request_timestamp=""),
    "from another time": lambda event: altered(event, x_slack_request_timestamp="1"),
}


@pytest.mark.parametrize("unsigned", UNSIGNED.values(), ids=UNSIGNED)
@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
def test_what_no_secret_could_have_signed_asks_aws_for_nothing(
    slack_world: SlackWorld, unsigned: Any, *, warm: bool
) -> None:
    slack_world.closed_group()
    event = unsigned(slack_world.slack.press("undo", ALICE))
    slack_world.press("undo", user=MALLORY)
    if not warm:
        wiring.forget()
    answers: list[dict[str, Any]] = []

    with slack_world.world.later(minutes=2):
        calls = slack_world.world.calls(lambda: answers.append(slack_world.send(event)))

    assert calls == []
    assert answers == [{"statusCode": 401, "body": ""}]


def test_a_secret_that_cannot_be_read_is_asked_for_once_a_minute_and_nobody_learns_why(slack_world: SlackWorld) -> None:
    slack_world.closed_group()
    event = altered(slack_world.slack.press("undo", ALICE), **FORGED)
    wiring.forget()
    denied = refuse("AccessDeniedException", "GetSecretValue")
    slack_world.world.fault("secretsmanager:GetSecretValue", denied, before=False, times=99)
    answers: list[dict[str, Any]] = []

    def forge() -> None:
        answers.extend(slack_world.send(event) for _ in range(5))

    assert slack_world.world.calls(forge) == ["secretsmanager:GetSecretValue"]
    assert answers == [{"statusCode": 503, "body": ""}] * 5
    with slack_world.world.later(minutes=2):
        assert slack_world.world.calls(forge) == ["secretsmanager:GetSecretValue"]


def test_a_press_counts_again_as_soon_as_its_secret_can_be_read(slack_world: SlackWorld) -> None:
    slack_world.closed_group()
    wiring.forget()
    denied = refuse("AccessDeniedException", "GetSecretValue")
    slack_world.world.fault("secretsmanager:GetSecretValue", denied)
    assert slack_world.press("undo")["statusCode"] == 503

    with slack_world.world.later(minutes=2):
        assert slack_world.press("undo", message=0)["statusCode"] == 200

    assert slack_world.world.outcomes() == ["undone"]


def test_a_forged_request_at_a_secret_without_buttons_is_answered_quietly(slack_world: SlackWorld) -> None:
    slack_world.put_secret(webhook_url=slack_world.slack.webhook_url)
    wiring.forget()

    assert slack_world.send({"headers": {}, "body": "x"}) == {"statusCode": 401, "body": ""}
    assert slack_world.send(request(b"x", secret="another")) == {"statusCode": 503, "body": ""}


def payload_of(slack_world: SlackWorld) -> dict[str, Any]:
    """Give what Slack sends for a press of undo."""
    slack_world.closed_group()
    event = slack_world.slack.press("undo", ALICE)
    payload: dict[str, Any] = json.loads(parse_qs(raw_of(event).decode())["payload"][0])
    return payload


def send(slack_world: SlackWorld, payload: dict[str, Any]) -> int:
    """Send a payload that Slack signs; gives the status of the answer."""
    answer = slack_world.send(request(urlencode({"payload": json.dumps(payload)}).encode()))
    slack_world.world.stack.pump()
    return int(answer["statusCode"])


@pytest.mark.parametrize("kind", ["view_submission", "message_action", "", None, ["block_actions"]])
def test_only_the_press_of_a_button_is_one_though_another_payload_has_actions(
    slack_world: SlackWorld, kind: object
) -> None:
    assert send(slack_world, payload_of(slack_world) | {"type": kind}) == 401
    assert slack_world.world.outcomes() == ["revoked"]


def of_team(tmp_path: Path, team: str) -> None:
    """Let the policy name the workspace that users must be of."""
    file = tmp_path / "policy/slack.toml"
    file.write_text(f'team = "{team}"\n{file.read_text("utf-8")}', "utf-8")


def test_the_same_id_in_another_workspace_may_not_press_where_the_policy_names_one(
    slack: Slack, slack_world: SlackWorld, tmp_path: Path
) -> None:
    of_team(tmp_path, "T012AB3CD")
    payload = payload_of(slack_world)
    stranger = payload | {"user": payload["user"] | {"team_id": "T0OTHER"}}

    assert send(slack_world, stranger) == 200
    assert slack_world.world.outcomes() == ["revoked"]
    assert slack.messages[0].whispers == [
        f"You may not press Undo for 4 h: users.undo in slack.toml does not list {ALICE} of the workspace T012AB3CD."
    ]
    assert send(slack_world, payload) == 200
    assert slack_world.world.outcomes() == ["undone"]


def test_a_user_of_no_workspace_is_not_of_the_one_that_the_policy_names(
    slack_world: SlackWorld, tmp_path: Path
) -> None:
    of_team(tmp_path, "T012AB3CD")
    payload = payload_of(slack_world)
    del payload["user"]["team_id"]

    send(slack_world, payload)

    assert slack_world.world.outcomes() == ["revoked"]
