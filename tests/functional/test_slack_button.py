"""People answer in Slack: what is signed and allowed is done, once, and everybody sees by whom; all else does nothing."""

from __future__ import annotations

import base64
import contextvars
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

import pytest

from local import template
from local.fake_slack import BROKEN, LOST, SIGNING_SECRET, Fault, request
from local.stack import Crash
from nodewarden import wiring
from nodewarden.slack.policy import SlackPolicy
from nodewarden.slack.press import read_event
from tests.functional.slack_world import ALICE, BOB, MALLORY
from tests.functional.world import refuse

if TYPE_CHECKING:
    from local.stack import Call
    from tests.functional.slack_world import SlackWorld

DECISION = "SlackDecisionFunction"


def test_undo_opens_the_group_again_and_the_message_says_who_had_it_done(slack_world: SlackWorld) -> None:
    group = slack_world.closed_group()

    answer = slack_world.press("undo")

    message, news = slack_world.slack.messages
    assert answer == {"statusCode": 200, "body": ""}
    assert slack_world.world.sources(group) == {"0.0.0.0/0"}
    assert message.buttons == {}
    assert f"*Undo for 4 h*, <@{ALICE}>: tcp/22 from 0.0.0.0/0; until " in message.words
    assert "Undone" in news.words
    assert f"alice (Slack {ALICE})" in news.words


def test_an_observed_opening_is_closed_by_revoke_now_though_the_mode_is_observe(slack_world: SlackWorld) -> None:
    group = slack_world.observed_group()
    assert [*slack_world.slack.messages[0].buttons] == ["revoke", "exempt"]

    slack_world.press("revoke")

    assert slack_world.world.sources(group) == set()
    assert slack_world.world.outcomes() == ["revoked"]
    assert f"alice (Slack {ALICE}) had it closed" in slack_world.world.stack.remediations()[0]["why"]
    assert f"*Revoke now*, <@{ALICE}>: tcp/22 from 0.0.0.0/0" in slack_world.slack.messages[0].words


def test_exempt_leaves_the_opening_for_a_day_even_when_the_mode_becomes_enforce(slack_world: SlackWorld) -> None:
    group = slack_world.observed_group("22", "80")

    slack_world.press("exempt")
    slack_world.world.stack.update(Mode="enforce")
    slack_world.world.deliver(group)

    assert slack_world.world.sources(group) == {"0.0.0.0/0"}
    assert len(slack_world.exemptions()) == 2
    assert slack_world.slack.messages[0].buttons == {}


def test_who_is_not_listed_for_a_button_is_told_so_and_nothing_happens(slack_world: SlackWorld) -> None:
    group = slack_world.observed_group()

    slack_world.press("revoke", user=BOB)
    slack_world.press("exempt", user=MALLORY)

    (message,) = slack_world.slack.messages
    assert slack_world.world.sources(group) == {"0.0.0.0/0"}
    assert slack_world.decisions() == []
    assert [*message.buttons] == ["revoke", "exempt"]
    assert [words.split(":")[0] for words in message.whispers] == [
        "You may not press Revoke now",
        "You may not press Exempt for 24 h",
    ]


def test_of_two_who_press_one_decides_and_the_other_is_told_by_whom(slack_world: SlackWorld) -> None:
    group = slack_world.observed_group()
    first, second = slack_world.slack.press("exempt", ALICE), slack_world.slack.press("revoke", ALICE, name="eve")

    slack_world.send(first)
    slack_world.send(second)
    slack_world.world.stack.pump()

    message = slack_world.slack.messages[0]
    assert slack_world.world.sources(group) == {"0.0.0.0/0"}
    assert message.whispers[0].startswith(f"Too late: alice (Slack {ALICE}) decided already (until ")
    assert f"*Exempt for 24 h*, <@{ALICE}>" in message.words


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_whoever_comes_in_between_at_any_call_one_of_two_decides(
    slack_world: SlackWorld, number: int, *, before: bool
) -> None:
    slack_world.observed_group()
    first, second = (slack_world.slack.press(button, ALICE) for button in ("exempt", "revoke"))
    seen: list[Call] = []

    def come_in_between(call: Call) -> None:
        if call.function == DECISION and call.before is before and len(seen) <= number:
            seen.append(call)
            if len(seen) == number + 1:
                contextvars.Context().run(lambda: slack_world.send(second))
                contextvars.Context().run(slack_world.world.stack.pump)

    slack_world.world.stack.observers.append(come_in_between)
    slack_world.send(first)
    slack_world.world.stack.pump()
    if len(seen) <= number:
        slack_world.send(second)
        slack_world.world.stack.pump()

    message = slack_world.slack.messages[0]
    revoked, exempt = "revoked" in slack_world.world.outcomes(), bool(slack_world.exemptions())
    assert revoked is not exempt
    assert message.buttons == {}
    assert {words.split(" decided")[0] for words in message.whispers} == {f"Too late: alice (Slack {ALICE})"}


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("button", ["undo", "exempt", "revoke"])
def test_a_crash_at_any_call_of_a_decision_ends_in_what_was_decided(
    slack_world: SlackWorld, number: int, button: str, *, before: bool
) -> None:
    group = slack_world.closed_group() if button == "undo" else slack_world.observed_group()
    seen: list[Call] = []

    def die(call: Call) -> None:
        if call.function == DECISION and call.before is before:
            seen.append(call)
            if len(seen) == number + 1:
                raise Crash

    slack_world.world.stack.observers.append(die)

    slack_world.press(button)

    assert slack_world.world.failures() == []
    assert slack_world.world.sources(group) == (set() if button == "revoke" else {"0.0.0.0/0"})
    assert len(slack_world.exemptions()) == (0 if button == "revoke" else 1)
    assert slack_world.slack.messages[0].buttons == {}
    assert f"<@{ALICE}>" in slack_world.slack.messages[0].words


@pytest.mark.parametrize("fault", [BROKEN, LOST, Fault(status=429, headers={"Retry-After": "1"})])
def test_a_message_that_slack_does_not_change_at_once_is_changed_later(slack_world: SlackWorld, fault: Fault) -> None:
    slack_world.closed_group()
    slack_world.slack.fail(fault)

    slack_world.press("undo")

    assert slack_world.slack.messages[0].buttons == {}
    assert slack_world.world.outcomes() == ["undone"]


def test_a_verb_that_is_refused_says_why_and_others_may_press_again(slack_world: SlackWorld) -> None:
    group = slack_world.closed_group()
    slack_world.world.fault("ec2:AuthorizeSecurityGroupIngress", refuse("UnauthorizedOperation", "Authorize…"))

    slack_world.press("undo", user=BOB)
    refused = slack_world.slack.messages[0]
    assert [*refused.buttons] == ["undo"]
    assert "Undo for 4 h could not be done: RequestError: 0 of 1 rules are open again" in refused.whispers[0]
    slack_world.press("undo", user=ALICE, message=0)

    assert slack_world.world.sources(group) == {"0.0.0.0/0"}
    assert f"<@{ALICE}>" in slack_world.slack.messages[0].words


def test_a_function_that_fails_at_a_verb_is_asked_again_and_then_kept(slack_world: SlackWorld) -> None:
    slack_world.closed_group()

    def fail(call: Call) -> None:
        if call.function == "UndoFunction":
            raise ZeroDivisionError

    slack_world.world.stack.observers.append(fail)

    slack_world.press("undo")

    assert slack_world.world.failures() == ["FunctionFailedError"]
    assert slack_world.world.outcomes() == ["revoked"]


def test_a_request_that_is_replayed_does_nothing_a_second_time(slack_world: SlackWorld) -> None:
    slack_world.closed_group()
    event = slack_world.slack.press("undo", ALICE)

    for _ in range(2):
        slack_world.send(event)
        slack_world.world.stack.pump()

    assert slack_world.world.told() == ["revoked", "undone"]
    assert len(slack_world.decisions()) == 1


def raw_of(event: dict[str, Any]) -> bytes:
    return base64.b64decode(event["body"])


def altered(event: dict[str, Any], **headers: str) -> dict[str, Any]:
    return event | {"headers": event["headers"] | {name.replace("_", "-"): value for name, value in headers.items()}}


FORGED: dict[str, Any] = {
    "without headers": lambda event: event | {"headers": {}},
    "without a body": lambda event: {key: value for key, value in event.items() if key != "body"},
    "with an empty body": lambda event: event | {"body": ""},
    "with no signature": lambda event: altered(event, x_slack_signature=""),
    "with a signature that is cut": lambda event: altered(
        event, x_slack_signature=event["headers"]["x-slack-signature"][:-1]
    ),
    "with another's signature": lambda event: altered(event, x_slack_signature="v0=" + "0" * 64),
    "with a signature of no letters": lambda event: altered(event, x_slack_signature="v0=\u00e9\ud800"),
    "with a body that is cut": lambda event: event | {"body": event["body"][:-8]},
    "with a body that is longer": lambda event: event | {"body": event["body"][:-4] + "AAAA"},
    "with a body that is not base64": lambda event: event | {"body": "%" + event["body"]},
    "with a body that is no text": lambda event: event | {"body": "\ud800", "isBase64Encoded": False},
    "with an oversized body": lambda _: request(b"payload=" + b"a" * 1_000_001),
    "without a time": lambda event: altered(event, x_slack_request_timestamp=""),
    "with a time that is none": lambda event: altered(event, x_slack_request_timestamp="9" * 400),
    "with a negative time": lambda event: altered(event, x_slack_request_timestamp="-1"),
    "signed with another secret": lambda event: request(raw_of(event), secret="another"),
    "signed with an empty secret": lambda event: request(raw_of(event), secret=""),
    "six minutes late": lambda event: request(raw_of(event), at=datetime.now(UTC) - timedelta(minutes=6)),
    "six minutes early": lambda event: request(raw_of(event), at=datetime.now(UTC) + timedelta(minutes=6)),
    "of no form": lambda _: request(b"{}"),
    "of no JSON": lambda _: request(b"payload=%7B"),
    "of another kind": lambda _: request(urlencode({"payload": json.dumps({"type": "view_submission"})}).encode()),
    "nested too deep": lambda _: request(b"payload=" + b"%5B" * 100_000),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_what_slack_did_not_send_is_refused_without_a_reason_and_does_nothing(
    slack_world: SlackWorld, forged: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    group = slack_world.closed_group()
    event = slack_world.slack.press("undo", ALICE)
    before = slack_world.world.stack.entries()

    answer = slack_world.send(forged(event))
    slack_world.world.stack.pump()

    assert answer == {"statusCode": 401, "body": ""}
    assert slack_world.world.sources(group) == set()
    assert slack_world.world.stack.entries() == before
    assert SIGNING_SECRET not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["approve", "undo"])
def test_the_press_that_is_kept_for_trying_it_out_is_one(name: str) -> None:
    event = json.loads((template.ROOT / f"events/slack_decision/{name}.json").read_text("utf-8"))

    assert read_event(event, SlackPolicy(hosts=frozenset(), users={})).button == name


def test_a_body_that_comes_as_text_is_as_good_as_base64(slack_world: SlackWorld) -> None:
    slack_world.closed_group()
    event = slack_world.slack.press("undo", ALICE)

    slack_world.send(event | {"body": raw_of(event).decode(), "isBase64Encoded": False})
    slack_world.world.stack.pump()

    assert slack_world.world.outcomes() == ["undone"]


TAMPERED: dict[str, Any] = {
    "a button that there is not": {"action_id": "open"},
    "a button about nothing": {"value": ""},
    "a button about too much": {"value": json.dumps(["c", "1" * 3000, "eu-central-1", "x"])},
    "a button about another thing": {"value": json.dumps(["c", "111122223333", "eu-central-1", "everything"])},
    "a button about another account's digits": {
        "value": json.dumps(["c", "1", "eu-central-1", "sg-0123456789abcdef0-0123456789ab"])
    },
}


@pytest.mark.parametrize("action", TAMPERED.values(), ids=TAMPERED)
def test_even_signed_only_buttons_that_there_are_count(slack_world: SlackWorld, action: dict[str, str]) -> None:
    payload = press_of(slack_world)
    payload["actions"][0] |= action

    answer = slack_world.send(request(urlencode({"payload": json.dumps(payload)}).encode()))

    assert answer["statusCode"] == 401


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/actions/0",
        "http://hooks.slack.com/actions/0",
        "https://hooks.slack.com@example.com/actions/0",
        "https://hooks.slack.com.example.com/",
        "https://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
    ],
)
def test_an_answer_never_goes_to_another_host_than_slacks(slack_world: SlackWorld, url: str) -> None:
    payload = press_of(slack_world) | {"response_url": url}

    answer = slack_world.send(request(urlencode({"payload": json.dumps(payload)}).encode()))

    assert answer["statusCode"] == 401


def test_a_press_about_another_account_is_refused_by_the_verb(slack_world: SlackWorld) -> None:
    payload = press_of(slack_world)
    value = json.loads(payload["actions"][0]["value"])
    payload["actions"][0]["value"] = json.dumps([value[0], "444455556666", *value[2:]])

    slack_world.send(request(urlencode({"payload": json.dumps(payload)}).encode()))
    slack_world.world.stack.pump()

    assert "deploy Nodewarden there too" in slack_world.slack.messages[0].whispers[0]
    assert slack_world.world.outcomes() == ["revoked"]


def press_of(slack_world: SlackWorld) -> dict[str, Any]:
    """Give what Slack sends for a press of undo."""
    slack_world.closed_group()
    event = slack_world.slack.press("undo", ALICE)
    payload: dict[str, Any] = json.loads(parse_qs(raw_of(event).decode())["payload"][0])
    return payload


def test_a_signing_secret_that_was_replaced_is_read_again_after_a_minute(slack_world: SlackWorld) -> None:
    slack_world.closed_group()
    slack_world.press("undo", user=MALLORY)
    slack_world.put_secret(**slack_world.slack.bot | {"signing_secret": "fedcba9876543210"})
    raw = press_body(slack_world)

    assert slack_world.send(request(raw, secret="fedcba9876543210"))["statusCode"] == 401
    with slack_world.world.later(minutes=2):
        assert slack_world.send(request(raw, secret="fedcba9876543210"))["statusCode"] == 200


def press_body(slack_world: SlackWorld) -> bytes:
    return raw_of(slack_world.slack.press("undo", ALICE))


def test_forged_requests_do_not_make_the_secret_be_read_again_and_again(slack_world: SlackWorld) -> None:
    slack_world.closed_group()
    event = altered(slack_world.slack.press("undo", ALICE), x_slack_signature="v0=" + "0" * 64)
    slack_world.send(event)

    def forge() -> None:
        for _ in range(5):
            slack_world.send(event)

    assert slack_world.world.calls(forge) == []


@pytest.mark.parametrize("secret", [{"webhook_url": "https://hooks.slack.com/services/T0/B0/x"}])
def test_without_a_signing_secret_nothing_is_verified(
    slack_world: SlackWorld, secret: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    slack_world.closed_group()
    event = slack_world.slack.press("undo", ALICE)
    raw = press_body(slack_world)
    slack_world.put_secret(**secret)
    wiring.forget()

    for each in (event, request(raw, secret="")):
        assert slack_world.send(each) == {"statusCode": 503, "body": ""}
    assert slack_world.world.outcomes() == ["revoked"]
    assert "no button can be verified" in caplog.text


@pytest.mark.parametrize("number", range(2))
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_after_a_crash_at_any_call_of_a_press_the_button_can_be_pressed_again(
    slack_world: SlackWorld, number: int, *, before: bool
) -> None:
    group = slack_world.closed_group()
    wiring.forget()
    seen: list[Call] = []

    def die(call: Call) -> None:
        if call.function == "SlackButtonFunction" and call.before is before:
            seen.append(call)
            if len(seen) == number + 1:
                raise Crash

    slack_world.world.stack.observers.append(die)
    with pytest.raises(Crash):  # Slack shows an error to whoever pressed
        slack_world.press("undo")
    slack_world.world.stack.observers.remove(die)

    slack_world.press("undo", message=0)

    assert slack_world.world.sources(group) == {"0.0.0.0/0"}
    assert slack_world.world.told() == ["revoked", "undone"]
    assert slack_world.world.failures() == []


def test_a_public_call_costs_two_calls_of_aws_at_most(slack_world: SlackWorld) -> None:
    slack_world.closed_group()
    event = slack_world.slack.press("undo", ALICE)
    wiring.forget()

    assert slack_world.world.calls(lambda: slack_world.send(event)) == [
        "secretsmanager:GetSecretValue",
        "lambda:Invoke",
    ]


def test_a_decision_that_died_for_good_may_be_taken_by_another_after_half_an_hour(slack_world: SlackWorld) -> None:
    slack_world.closed_group()

    def deny(call: Call) -> None:
        if call.function == DECISION and call.action == "lambda:Invoke":
            refuse("AccessDeniedException", "Invoke")()

    slack_world.world.stack.observers.append(deny)
    slack_world.press("undo", user=BOB)
    slack_world.world.stack.observers.remove(deny)
    assert slack_world.world.failures() == ["MissingPermissionError"]

    slack_world.press("undo", user=ALICE, message=0)
    assert "Too late" in slack_world.slack.messages[0].whispers[-1]
    with slack_world.world.later(minutes=31):
        slack_world.press("undo", user=ALICE, message=0)

    assert slack_world.world.outcomes() == ["undone"]
