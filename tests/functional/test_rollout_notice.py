"""Telling people of rollouts: each step once, in order, whatever fails on the way, with commands that work as they stand."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from local.fleet import BEHIND, RELEASE
from tests.functional.fleet_world import FAILING
from tests.functional.world import refuse

if TYPE_CHECKING:
    from local.stack import Told
    from tests.functional.fleet_world import FleetWorld


def offered(message: Told) -> dict[str, dict[str, str]]:
    """Read the requests that a message offers, by their verbs."""
    words = [shlex.split(line) for line in message.email.splitlines() if "sam remote invoke" in line]
    requests = [json.loads(each[each.index("--event") + 1]) for each in words]
    return {request["verb"]: request for request in requests}


def test_each_step_is_told_once_however_often_the_head_is_written(quick: FleetWorld) -> None:
    quick.behind("dev", groups=3)
    quick.looks()

    quick.until("finished")

    assert int(quick.rollout["version"]) > len(quick.steps())
    assert quick.steps() == ["planned", "wave-started", "wave-done", "finished"]


def test_a_step_is_told_on_the_retry_if_the_topic_was_down(quick: FleetWorld) -> None:
    quick.behind("dev")
    quick.world.fault("sns:Publish", refuse("InternalError", "Publish"), times=2)

    quick.looks()
    quick.until("finished")

    assert quick.steps() == ["planned", "wave-started", "wave-done", "finished"]
    assert quick.world.failures() == []


def test_two_steps_of_one_tick_are_two_messages_in_their_order(quick: FleetWorld) -> None:
    quick.behind("dev")
    quick.fleet.next_update(FAILING, "dev", "workers-0")
    quick.looks()
    quick.until("halted")

    quick.world.ask(**offered(quick.told()[-1])["resume"])
    quick.ticks()

    assert quick.steps()[-3:] == ["halted", "resumed", "wave-done"]


def test_the_commands_of_a_question_work_as_they_stand(quick: FleetWorld) -> None:
    quick.behind("prod")
    quick.looks()
    quick.until("awaiting-approval")

    answer = quick.world.ask(**offered(quick.told()[-1])["approve"])
    quick.until("finished")

    assert answer["ok"]
    assert quick.runs("prod") == RELEASE


def test_a_halt_is_told_with_what_eks_says_and_what_to_do(quick: FleetWorld) -> None:
    quick.behind("dev")
    quick.fleet.next_update(FAILING, "dev", "workers-0")
    quick.looks()

    quick.until("halted")

    message = quick.told()[-1]
    assert message.attributes == {"kind": "rollout", "severity": "high", "outcome": "halted"}
    assert "- PodEvictionFailure (i-0123456789abcdef0): a budget allows none" in message.email
    assert "Find the disruption budget that allows none" in message.email
    assert {"retry", "resume", "abort", "status"} == offered(message).keys()
    (failed,) = message.document["groups"]
    assert (failed["from"], failed["to"]) == (BEHIND, RELEASE)


def test_status_answers_to_the_command_under_evidence(quick: FleetWorld) -> None:
    quick.behind("dev")
    quick.looks()

    shown = quick.world.ask(**offered(quick.told()[-1])["status"])

    assert shown["rollout"]["state"] == "planned"
    assert [group["state"] for group in shown["node_groups"]] == ["waiting"]
