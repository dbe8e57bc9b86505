"""A press that comes twice, dies, or is not heard: what it decided is done once, told once, and shown."""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING

import pytest

from local.fake_slack import NO_BLOCKS, Fault
from local.stack import Crash
from tests.functional.slack_world import ALICE, BOB, MALLORY
from tests.functional.world import refuse

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from local.stack import Call
    from tests.functional.slack_world import SlackWorld

DECISION = "SlackDecisionFunction"
EXPIRED = Fault(status=404, body="expired_url")


def send(slack_world: SlackWorld, event: dict[str, Any]) -> None:
    """Send a request, and let everything follow, as in a process of its own."""

    def sent() -> None:
        slack_world.send(event)
        slack_world.world.stack.pump()

    contextvars.Context().run(sent)


def once_at_the_verb(slack_world: SlackWorld, do: Callable[[], None], *, before: bool) -> None:
    """Have something happen when a decision asks for its verb for the first time."""
    seen: list[Call] = []

    def happen(call: Call) -> None:
        if call.function == DECISION and call.action == "lambda:Invoke" and call.before is before and not seen:
            seen.append(call)
            do()

    slack_world.world.stack.observers.append(happen)


def no_authority(slack_world: SlackWorld) -> None:
    """Let EC2 refuse to open a group, once."""
    denied = refuse("UnauthorizedOperation", "AuthorizeSecurityGroupIngress")
    slack_world.world.fault("ec2:AuthorizeSecurityGroupIngress", denied)


def test_a_press_that_was_refused_does_nothing_when_its_request_comes_again(slack_world: SlackWorld) -> None:
    group = slack_world.closed_group()
    no_authority(slack_world)
    event = slack_world.slack.press("undo", ALICE)
    send(slack_world, event)

    with slack_world.world.later(minutes=4):
        send(slack_world, event)

    (message,) = slack_world.slack.messages
    first, again = message.whispers
    assert slack_world.world.sources(group) == set()
    assert first == again
    assert first.startswith("Undo for 4 h could not be done: RequestError")


def test_a_press_that_was_refused_stays_so_after_others_were_too(slack_world: SlackWorld) -> None:
    group = slack_world.closed_group()
    events = [slack_world.slack.press("undo", user) for user in (ALICE, BOB)]
    for event in events:
        no_authority(slack_world)
        send(slack_world, event)

    for event in events:
        send(slack_world, event)

    assert slack_world.world.sources(group) == set()
    assert len(slack_world.slack.messages[0].whispers) == 4


def test_a_press_that_was_refused_says_so_again_after_another_was_done(slack_world: SlackWorld) -> None:
    slack_world.closed_group()
    no_authority(slack_world)
    event = slack_world.slack.press("undo", BOB, name="bob")
    send(slack_world, event)
    slack_world.press("undo", user=ALICE, message=0)

    send(slack_world, event)

    message = slack_world.slack.messages[0]
    assert [words.split(":")[0] for words in message.whispers] == ["Undo for 4 h could not be done"] * 2
    assert slack_world.world.told() == ["revoked", "undone"]


@pytest.mark.parametrize(("button", "told"), [("undo", ["revoked", "undone"]), ("exempt", ["observed", "granted"])])
def test_a_press_that_dies_after_its_verb_was_told_of_is_told_of_once(
    slack_world: SlackWorld, button: str, told: list[str]
) -> None:
    slack_world.closed_group() if button == "undo" else slack_world.observed_group()

    def die() -> None:
        contextvars.Context().run(slack_world.world.stack.pump)  # people hear of it before the press is tried again
        raise Crash

    once_at_the_verb(slack_world, die, before=False)

    slack_world.press(button)

    (exemption,) = slack_world.exemptions()
    assert slack_world.world.told() == told
    assert f"until {exemption['until']}" in slack_world.slack.messages[0].words
    assert exemption["version"] == 1


@pytest.mark.parametrize(
    ("button", "told"),
    [("undo", ["revoked", "undone"]), ("exempt", ["observed", "granted"]), ("revoke", ["observed", "revoked"])],
)
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_press_that_is_delivered_twice_at_once_is_one(
    slack_world: SlackWorld, button: str, told: list[str], *, before: bool
) -> None:
    slack_world.closed_group() if button == "undo" else slack_world.observed_group()
    event = slack_world.slack.press(button, ALICE)
    once_at_the_verb(slack_world, lambda: send(slack_world, event), before=before)

    send(slack_world, event)

    assert slack_world.world.told() == told
    assert slack_world.slack.messages[0].whispers == []
    assert f"<@{ALICE}>" in slack_world.slack.messages[0].words


@pytest.mark.parametrize("number", range(12))
def test_an_undo_that_comes_in_between_any_calls_of_the_same_is_one(slack_world: SlackWorld, number: int) -> None:
    group = slack_world.closed_group()
    event = slack_world.slack.press("undo", ALICE)
    seen: list[Call] = []

    def come_in_between(call: Call) -> None:
        if call.function == "UndoFunction" and call.before:
            seen.append(call)
            if len(seen) == number + 1:
                send(slack_world, event)

    slack_world.world.stack.observers.append(come_in_between)

    send(slack_world, event)

    assert slack_world.world.sources(group) == {"0.0.0.0/0"}
    assert slack_world.world.told() == ["revoked", "undone"]
    assert slack_world.world.outcomes() == ["undone"]
    assert slack_world.slack.messages[0].whispers == []


def test_a_second_undo_by_another_press_is_heard_as_one_of_its_own(slack_world: SlackWorld) -> None:
    slack_world.closed_group()
    slack_world.press("undo")
    name = slack_world.world.stack.remediations()[0]["remediation_id"]

    for token in ("one", "two", "two"):
        request = {"verb": "undo", "remediation": name, "for": "4h", "by": "alice", "reason": "a visit", "token": token}
        assert slack_world.world.stack.invoke("UndoFunction", request)["ok"]
        slack_world.world.stack.pump()

    assert slack_world.world.told() == ["revoked", "undone", "undone", "undone"]


def test_a_decision_whose_blocks_slack_refuses_is_said_in_words(slack_world: SlackWorld) -> None:
    slack_world.closed_group()
    slack_world.slack.fail(NO_BLOCKS)

    slack_world.press("undo")

    message = slack_world.slack.messages[0]
    assert slack_world.world.failures() == []
    assert message.blocks == []
    assert message.text.startswith(f"Undo for 4 h, alice (Slack {ALICE}): tcp/22 from 0.0.0.0/0; until ")
    assert "Closed: tcp/22 from 0.0.0.0/0" in message.text
    assert "sam remote invoke UndoFunction" in message.text


def test_who_cannot_be_told_that_they_may_not_rings_no_alarm(slack_world: SlackWorld) -> None:
    slack_world.closed_group()
    slack_world.slack.fail(EXPIRED)

    slack_world.press("undo", user=MALLORY)

    assert slack_world.world.failures() == []
    assert slack_world.world.stack.attempts.count(DECISION) == 1


def test_who_cannot_be_told_that_it_was_refused_does_not_have_it_tried_again(slack_world: SlackWorld) -> None:
    group = slack_world.closed_group()
    no_authority(slack_world)
    slack_world.slack.fail(EXPIRED)

    slack_world.press("undo")

    assert slack_world.world.failures() == []
    assert slack_world.world.sources(group) == set()
    assert [*slack_world.slack.messages[0].buttons] == ["undo"]


def test_a_decision_that_slack_does_not_show_is_kept_with_its_alarm(slack_world: SlackWorld) -> None:
    slack_world.closed_group()
    slack_world.slack.fail(*[EXPIRED] * 3)

    slack_world.press("undo", message=0)

    assert "SlackRefusedError" in slack_world.world.failures()
    assert slack_world.world.outcomes() == ["undone"]


def test_the_id_of_who_pressed_is_on_record_however_long_the_name(slack_world: SlackWorld) -> None:
    slack_world.closed_group()

    send(slack_world, slack_world.slack.press("undo", ALICE, name="a" * 300))

    assert slack_world.world.stack.remediations()[0]["undone"]["by"] == f"{'a' * 80} (Slack {ALICE})"
