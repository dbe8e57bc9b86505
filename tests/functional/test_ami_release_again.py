"""Looks while rollouts go on, and after they ended: what is planned again, and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest

from local.fleet import BEHIND, RELEASE
from nodewarden.aws.dynamodb import marshal
from nodewarden.errors import LedgerError
from tests.functional.fleet_world import AMI_RELEASE, FAILING, WHO

if TYPE_CHECKING:
    from tests.functional.fleet_world import FleetWorld

NEXT = "1.33.3-20261201"


def listed(fleet: FleetWorld) -> dict[str, dict[str, str]]:
    """Give what the latest look lists, by cluster and name."""
    (entry,) = (entry for entry in fleet.world.stack.entries() if entry["sk"] == "standings")
    shown = (one for section in entry["states"] for one in section["shown"])
    return {f"{one['cluster']}/{one['name']}": one for one in shown}


def left_alone(fleet: FleetWorld) -> list[str]:
    """Give the states that people were told of node groups that are left alone."""
    looks = (told.document for told in fleet.world.stack.told() if told.attributes["kind"] == "ami_release")
    return [new["state"] for document in looks for new in document["new"]]


def runs_again(fleet: FleetWorld, release: str, cluster: str = "dev") -> None:
    """Let infrastructure as code put a node group back to a release."""
    fleet.fleet._node_group(cluster, "workers-0").release_version = release  # noqa: SLF001  moto's own


def resume(fleet: FleetWorld) -> None:
    """Go on over what failed."""
    assert fleet.world.ask("resume", what=fleet.rollout["rollout_id"], **WHO)["ok"]


def test_a_node_group_that_failed_is_not_planned_again_for_the_same_release_and_is_told_once(quick: FleetWorld) -> None:
    quick.behind("dev")
    quick.fleet.next_update(FAILING, "dev", "workers-0")
    quick.looks()
    quick.until("halted")
    resume(quick)
    quick.until("finished")

    quick.looks()
    quick.looks()

    assert len(quick.heads) == 1
    entry = listed(quick)["dev/workers-0"]
    assert (entry["state"], entry["reason"]) == (
        "tried-before",
        f"it is behind {RELEASE}, but the rollout {quick.rollout['rollout_id']} to it has ended: left it failed",
    )
    assert left_alone(quick) == ["tried-before"]


def test_the_next_release_takes_a_node_group_that_failed_along_again(quick: FleetWorld) -> None:
    quick.behind("dev")
    quick.fleet.next_update(FAILING, "dev", "workers-0")
    quick.looks()
    quick.until("halted")
    resume(quick)
    quick.until("finished")

    quick.fleet.release(NEXT)
    quick.looks()
    quick.until("finished")

    assert quick.runs("dev") == NEXT
    assert len(quick.heads) == 2


def test_a_node_group_that_code_puts_back_is_not_rolled_without_end(quick: FleetWorld) -> None:
    quick.behind("dev")
    quick.looks()
    quick.until("finished")

    runs_again(quick, BEHIND)
    quick.looks()
    quick.ticks(3)

    assert len(quick.updates("dev")) == 1
    assert "somebody put it back" in listed(quick)["dev/workers-0"]["reason"]
    assert "If code sets its release, raise it there" in listed(quick)["dev/workers-0"]["advice"]


def test_what_a_person_aborted_is_not_planned_again_for_the_same_release(quick: FleetWorld) -> None:
    quick.behind("dev")
    quick.looks()
    assert quick.says("abort")["ok"]
    quick.until("aborted")

    quick.looks()

    assert [head["state"] for head in quick.heads] == ["aborted"]
    assert listed(quick)["dev/workers-0"]["state"] == "tried-before"


def test_a_newer_release_waits_for_the_rollout_that_goes_on_and_is_planned_when_it_has_ended(
    quick: FleetWorld,
) -> None:
    quick.behind("dev", "prod")
    quick.looks()
    quick.ticks(2)
    quick.fleet.release(NEXT)

    quick.looks()
    assert len(quick.heads) == 1
    quick.until("awaiting-approval")
    quick.says("approve")
    quick.until("finished")
    assert (quick.runs("dev"), quick.runs("prod")) == (RELEASE, RELEASE)
    quick.looks()

    assert [head["state"] for head in quick.heads] == ["finished", "planned"]
    assert {group["target"]["release_version"] for group in quick.groups.values()} == {NEXT}


def test_a_look_reads_nothing_of_what_ended_while_a_rollout_goes_on(quick: FleetWorld) -> None:
    quick.behind("dev")
    quick.looks()
    quick.ticks(2)
    quick.fleet.node_group("dev", "later", release_version=BEHIND, tags={"nodewarden:wave": "dev"})

    calls = quick.world.calls(quick.looks, "dynamodb:")

    # The look before, the sightings, open incidents, what goes on and the rollout, requests of incidents; the look is
    # written, and told to nobody.
    reads = ["GetItem", "Query", "Query", "GetItem", "Query", "Query"]
    assert calls == [f"dynamodb:{call}" for call in [*reads, "UpdateItem"]]


def test_a_recall_past_the_release_that_is_rolled_keeps_it_from_the_next_wave(quick: FleetWorld) -> None:
    quick.behind("dev", "prod")
    quick.looks()
    quick.until("awaiting-approval")
    quick.fleet.release(NEXT)
    quick.looks()
    quick.passes(minutes=30)

    quick.fleet.recall()
    quick.passes(minutes=1)
    quick.fleet.recall()
    quick.looks()
    quick.says("approve", wave="prod")
    quick.ticks(12)

    assert (quick.rollout["state"], quick.runs("prod")) == ("halted", BEHIND)
    assert f"{RELEASE} was recalled" in quick.rollout["why"]
    assert listed(quick)["dev/workers-0"]["state"] == "runs-recalled"


def test_what_a_person_aborted_is_not_planned_again_when_the_next_release_is_recalled(quick: FleetWorld) -> None:
    quick.behind("dev")
    quick.looks()
    quick.ticks()
    quick.says("abort")
    quick.until("aborted")
    quick.fleet.release(NEXT)
    quick.passes(minutes=15)
    quick.looks()
    quick.passes(minutes=15)

    quick.fleet.recall()
    quick.looks()
    quick.ticks()
    assert quick.says("abort")["ok"]
    quick.until("aborted")
    quick.looks()

    assert [head["state"] for head in quick.heads] == ["aborted", "aborted"]
    assert quick.runs("dev") == BEHIND
    assert listed(quick)["dev/workers-0"]["state"] == "tried-before"


def test_an_ended_rollout_that_lost_a_group_is_reported_and_keeps_nothing_from_being_planned(quick: FleetWorld) -> None:
    quick.behind("dev", groups=2)
    quick.looks()
    assert quick.says("abort")["ok"]
    quick.until("aborted")
    lost = {"pk": quick.rollout["pk"], "sk": "group#dev/workers-1"}
    boto3.client("dynamodb").delete_item(TableName=quick.world.stack.ids["LedgerTable"], Key=marshal(lost))
    quick.fleet.release(NEXT)

    with pytest.raises(LedgerError, match="put back the missing items"):
        quick.world.stack.invoke(AMI_RELEASE, {})

    assert [head["state"] for head in quick.heads] == ["aborted", "planned"]
    assert {group["target"]["release_version"] for group in quick.groups.values()} == {NEXT}


def test_a_plan_says_that_nothing_is_started_while_acting_is_paused(quick: FleetWorld) -> None:
    quick.behind("dev")
    quick.world.ask("pause", what="acting", **WHO)

    quick.looks()

    (told,) = quick.told()
    paused = (
        f"nothing is started: acting is paused by {WHO['by']}: {WHO['reason']}; what follows holds once that is over"
    )
    assert paused in told.said
    assert quick.rollout["why"] == paused.partition(";")[0]
