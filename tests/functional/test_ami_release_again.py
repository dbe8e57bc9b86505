"""Looks while rollouts go on, and after they ended: what is planned again, and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.fleet import BEHIND, RELEASE
from tests.functional.fleet_world import FAILING, WHO

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

    # The look before, the sightings, what goes on and the rollout; the look is written, and told to nobody.
    assert calls == ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"]
