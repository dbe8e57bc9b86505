"""What people answer to a rollout, and what comes of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from local.fleet import BEHIND, RELEASE
from tests.functional.fleet_world import FAILING, WHO

if TYPE_CHECKING:
    from tests.functional.fleet_world import FleetWorld


def asked(quick: FleetWorld) -> None:
    """Bring a rollout to where production is asked for."""
    quick.behind("dev", "prod")
    quick.looks()
    quick.until("awaiting-approval")


def failed(quick: FleetWorld, groups: int = 2) -> None:
    """Bring a rollout to a halt over its first group, which waits in front of others."""
    quick.behind("dev", groups=groups)
    quick.fleet.next_update(FAILING, "dev", "workers-0")
    quick.looks()
    quick.until("halted")


def test_an_approval_lets_the_wave_begin_and_is_recorded_with_who_and_why(quick: FleetWorld) -> None:
    asked(quick)

    answer = quick.says("approve", wave="prod")
    quick.until("finished")

    assert answer["ok"]
    assert quick.runs("prod") == RELEASE
    (given,) = quick.rollout["answers"]
    assert {name: given["answer"][name] for name in ("verb", "by", "reason", "wave")} == {
        "verb": "approve",
        **WHO,
        "wave": "prod",
    }


def test_an_approval_of_another_wave_than_is_asked_for_is_refused(quick: FleetWorld) -> None:
    asked(quick)

    answer = quick.says("approve", wave="dev")

    assert not answer["ok"]
    assert "waits for the approval of wave prod" in answer["error"]


def test_an_approval_that_nobody_asked_for_is_refused_and_says_how_the_rollout_stands(quick: FleetWorld) -> None:
    quick.behind("dev", "prod")
    quick.looks()

    answer = quick.says("approve")

    assert answer["error"] == "RequestError: the rollout is planned: it does not wait for an approval"
    assert [e["sk"] for e in quick.entries() if e["sk"].startswith("answer#")] == []


def test_a_rejection_ends_the_rollout_and_its_groups_stay_as_they_are(quick: FleetWorld) -> None:
    asked(quick)

    quick.says("reject")
    quick.until("aborted")

    assert (quick.runs("dev"), quick.runs("prod")) == (RELEASE, BEHIND)
    assert quick.told()[-1].attributes["outcome"] == "aborted"
    assert WHO["by"] in quick.told()[-1].email


def test_an_approval_that_nobody_gives_halts_in_time_and_can_still_be_given(quick: FleetWorld) -> None:
    asked(quick)
    quick.passes(days=1)
    quick.ticks()
    assert quick.rollout["state"] == "halted"

    quick.says("approve")
    quick.until("finished")

    assert quick.runs("prod") == RELEASE


def test_a_paused_rollout_starts_nothing_watches_on_and_goes_on_when_resumed(quick: FleetWorld) -> None:
    quick.behind("dev", groups=2)
    quick.looks()
    quick.ticks(2)
    quick.world.ask("pause", what=quick.rollout["rollout_id"], **WHO)

    quick.ticks(20)
    assert quick.rollout["state"] == "paused"
    assert sorted(quick.states.values()) == ["done", "waiting"]

    quick.world.ask("resume", what=quick.rollout["rollout_id"], **WHO)
    quick.until("finished")
    assert set(quick.states.values()) == {"done"}
    assert [step for step in quick.steps() if step in {"paused", "resumed"}] == ["paused", "resumed"]


def test_a_pause_that_is_taken_back_before_the_next_tick_is_no_riddle(quick: FleetWorld) -> None:
    quick.behind("dev")
    quick.looks()
    name = quick.rollout["rollout_id"]
    quick.world.ask("pause", what=name, **WHO)
    quick.passes(seconds=1)

    assert quick.world.ask("resume", what=name, **WHO)["ok"]
    quick.until("finished")

    assert quick.runs("dev") == RELEASE


def test_resuming_after_a_failure_goes_on_without_the_group(quick: FleetWorld) -> None:
    failed(quick)

    quick.world.ask("resume", what=quick.rollout["rollout_id"], **WHO)
    quick.until("finished")

    assert quick.states == {"dev/workers-0": "failed", "dev/workers-1": "done"}


def test_a_retry_of_one_group_makes_a_new_update(quick: FleetWorld) -> None:
    failed(quick)

    assert quick.says("retry", group="dev/workers-0")["ok"]
    quick.until("finished")

    assert [update.status for update in quick.updates("dev")] == ["Failed", "Successful"]
    assert len({update.token for update in quick.updates("dev")}) == 2
    assert set(quick.states.values()) == {"done"}


def test_a_retry_of_a_group_that_did_not_fail_is_refused(quick: FleetWorld) -> None:
    failed(quick)

    assert "no such group failed" in quick.says("retry", group="dev/workers-1")["error"]


def test_skipping_the_group_that_failed_lets_the_others_go_on(quick: FleetWorld) -> None:
    failed(quick)

    quick.says("skip", group="dev/workers-0")
    quick.until("finished")

    assert quick.states == {"dev/workers-0": "skipped", "dev/workers-1": "done"}
    assert "skipped by alice@example.com" in quick.groups["dev/workers-0"]["why"]


def test_a_group_that_updates_cannot_be_skipped(quick: FleetWorld) -> None:
    quick.behind("dev")
    quick.looks()
    quick.ticks(2)

    assert "EKS cannot cancel an update" in quick.says("skip", group="dev/workers-0")["error"]


def test_an_aborted_rollout_starts_nothing_more_and_is_over_when_what_updates_has_ended(quick: FleetWorld) -> None:
    quick.behind("dev", groups=2)
    quick.looks()
    quick.ticks(2)
    quick.says("abort")
    quick.ticks()
    assert quick.rollout["state"] == "aborting"

    quick.until("aborted")

    assert sorted(quick.states.values()) == ["done", "waiting"]
    quick.ticks(3, every=timedelta(hours=1))
    assert sorted([quick.runs("dev", "workers-0"), quick.runs("dev", "workers-1")]) == [BEHIND, RELEASE]
    assert "the next release makes a new one" in quick.says("abort")["error"]


def test_the_same_verb_twice_is_applied_once_and_the_second_is_refused(quick: FleetWorld) -> None:
    asked(quick)
    quick.says("approve")
    quick.passes(seconds=1)

    second = quick.says("approve")
    quick.until("finished")

    assert not second["ok"]
    assert len(quick.rollout["answers"]) == 1


def test_of_two_answers_at_once_the_one_that_does_not_fit_any_more_is_recorded_with_why(quick: FleetWorld) -> None:
    asked(quick)
    name = quick.rollout["rollout_id"]
    approve = {"verb": "approve", "rollout": name, **WHO}
    reject = {"verb": "reject", "rollout": name, "by": "bob@example.com", "reason": "not today"}

    # Both see a rollout that waits: the second is put before the first is.
    quick.world.fault("dynamodb:UpdateItem", lambda: quick.world.stack.invoke("OperatorFunction", reject))
    quick.passes(seconds=1)
    assert quick.world.stack.invoke("OperatorFunction", approve)["ok"]
    quick.ticks()

    refused = {done["answer"]["verb"]: bool(done["refused"]) for done in quick.rollout["answers"]}
    assert sorted(refused.values()) == [False, True]
    assert quick.rollout["state"] in {"rolling", "aborted"}


def test_status_lists_rollouts_and_shows_one_with_its_groups_and_what_waits(quick: FleetWorld) -> None:
    asked(quick)
    quick.says("approve")
    name = quick.rollout["rollout_id"]

    (listed,) = quick.world.ask("status", what="rollouts")["rollouts"]
    shown = quick.world.ask("status", rollout=name)

    assert (listed["rollout"], listed["state"], listed["wave"]) == (name, "awaiting-approval", "dev")
    assert shown["rollout"]["state"] == "awaiting-approval"
    assert {group["key"]["cluster"]: group["state"] for group in shown["node_groups"]} == {
        "dev": "done",
        "prod": "waiting",
    }
    assert [given["verb"] for given in shown["unapplied"]] == ["approve"]


def test_status_shows_where_each_node_group_stands(quick: FleetWorld) -> None:
    quick.behind("dev")
    assert "nobody looked at the fleet yet" in quick.world.ask("status", what="fleet")["error"]
    quick.looks()

    fleet = quick.world.ask("status", what="fleet")["fleet"]

    assert fleet["counts"] == {"behind": 1, "unmanaged": 0}


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"verb": "approve", "rollout": "al2023-0123456789ab", **WHO}, "there is no rollout al2023-0123456789ab"),
        ({"verb": "approve", "rollout": "prod", **WHO}, "rollout must be the id from a message"),
        ({"verb": "approve", "rollout": "al2023-0123456789ab", "by": "alice"}, "reason is missing"),
        ({"verb": "skip", "rollout": "al2023-0123456789ab", **WHO}, "group is missing"),
        ({"verb": "skip", "rollout": "al2023-0123456789ab", "group": "workers", **WHO}, "such as demo/workers"),
        ({"verb": "abort", "rollout": "al2023-0123456789ab", "group": "a/b", **WHO}, "group is not a setting here"),
        (
            {"verb": "abort", "rollout": "al2023-0123456789ab", "account": "444455556666", **WHO},
            "account 444455556666 is not 111122223333",
        ),
        ({"verb": "status", "what": "clusters"}, "what must be one of rollouts, fleet"),
        ({"verb": "status", "rollout": "al2023-0123456789ab"}, "there is no rollout"),
        ({"verb": "pause", "what": "everything", **WHO}, "must be a security group's id"),
    ],
)
def test_a_request_that_cannot_be_carried_out_says_what_to_do(
    fleet: FleetWorld, request_: dict[str, str], error: str
) -> None:
    answer = fleet.world.stack.invoke("OperatorFunction", request_)

    assert not answer["ok"]
    assert error in answer["error"]
