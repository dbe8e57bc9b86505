"""Rollouts in Slack: a wave that waits for a yes has buttons, and each is an answer of the one who pressed it, for that wave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local.fleet import BEHIND, RELEASE
from local.stack import Crash
from tests.functional.fleet_world import WHO
from tests.functional.slack_world import ALICE, BOB, MALLORY

if TYPE_CHECKING:
    from local.stack import Call
    from tests.functional.fleet_world import FleetWorld
    from tests.functional.slack_world import SlackWorld


@pytest.fixture(name="asked")
def _asked(slack_fleet: FleetWorld) -> FleetWorld:
    """Let a rollout wait for a yes to the wave prod."""
    slack_fleet.behind("prod")
    slack_fleet.looks()
    slack_fleet.until("awaiting-approval")
    return slack_fleet


def answers(fleet: FleetWorld) -> list[tuple[str, str, str]]:
    """Give the answers that the ledger has: verb, wave, and by whom."""
    found = (entry for entry in fleet.entries() if entry["sk"].startswith("answer#"))
    return [(entry["verb"], entry["wave"], entry["by"]) for entry in found]


def test_a_question_has_two_buttons_and_approve_lets_the_wave_begin(asked: FleetWorld, slack_world: SlackWorld) -> None:
    question = slack_world.slack.messages[-1]
    assert [*question.buttons] == ["approve", "reject"]

    slack_world.press("approve")

    assert answers(asked) == [("approve", "prod", f"alice (Slack {ALICE})")]
    assert question.buttons == {}
    assert f"*Approve*, <@{ALICE}>: wave prod; applied by the next tick" in question.words
    asked.until("finished")
    assert asked.runs("prod") == RELEASE


def test_reject_ends_the_rollout(asked: FleetWorld, slack_world: SlackWorld) -> None:
    slack_world.press("reject")
    asked.ticks()

    assert asked.rollout["state"] == "aborted"
    assert asked.runs("prod") == BEHIND
    assert f"alice (Slack {ALICE})" in slack_world.slack.messages[-1].words


@pytest.mark.parametrize(("user", "button"), [(BOB, "reject"), (MALLORY, "approve")])
def test_who_is_not_listed_for_a_button_cannot_answer(
    asked: FleetWorld, slack_world: SlackWorld, user: str, button: str
) -> None:
    slack_world.press(button, user)

    question = slack_world.slack.messages[-1]
    assert answers(asked) == []
    assert [*question.buttons] == ["approve", "reject"]
    assert question.whispers[0].startswith("You may not press")


def test_of_two_who_answer_at_once_the_first_decides_and_the_other_is_told(
    asked: FleetWorld, slack_world: SlackWorld
) -> None:
    yes, no = slack_world.slack.press("approve", BOB, name="bob"), slack_world.slack.press("reject", ALICE)

    slack_world.send(yes)
    slack_world.send(no)
    slack_world.world.stack.pump()

    question = slack_world.slack.messages[-1]
    assert answers(asked) == [("approve", "prod", f"bob (Slack {BOB})")]
    assert question.whispers == [
        f"Too late: bob (Slack {BOB}) decided already (wave prod; applied by the next tick, within minutes)."
    ]


def test_a_button_of_a_question_that_was_answered_by_command_says_so_and_changes_nothing(
    asked: FleetWorld, slack_world: SlackWorld
) -> None:
    message = len(slack_world.slack.messages) - 1
    assert asked.world.ask("approve", rollout=asked.rollout["rollout_id"], **WHO)["ok"]
    asked.until("finished")

    slack_world.press("reject", message=message)

    question = slack_world.slack.messages[message]
    assert asked.rollout["state"] == "finished"
    assert [verb for verb, _, _ in answers(asked)] == ["approve"]
    assert question.whispers[0].startswith("Reject could not be done: RequestError: ")


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_crash_at_any_call_of_an_answer_ends_in_that_answer(
    asked: FleetWorld, slack_world: SlackWorld, number: int, *, before: bool
) -> None:
    seen: list[Call] = []

    def die(call: Call) -> None:
        if call.function in {"SlackDecisionFunction", "OperatorFunction"} and call.before is before:
            seen.append(call)
            if len(seen) == number + 1:
                raise Crash

    slack_world.world.stack.observers.append(die)
    slack_world.press("approve")
    slack_world.world.stack.observers.remove(die)

    assert [answer[:2] for answer in answers(asked)] == [("approve", "prod")]
    assert any("*Approve*, " in message.words for message in slack_world.slack.messages)
    asked.until("finished")
    assert asked.runs("prod") == RELEASE
    assert slack_world.world.failures() == []
