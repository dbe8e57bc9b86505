"""Rollouts: from a release to the last wave, with what people hear, and what becomes of failures and recalls."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from local.fleet import BEHIND, RELEASE
from local.moto_eks import Course, issue
from tests.functional.fleet_world import FAILING

if TYPE_CHECKING:
    from tests.functional.fleet_world import FleetWorld

WAVES = ("dev", "staging", "prod")
HOURS = timedelta(hours=3)


def test_a_release_rolls_wave_by_wave_and_production_after_an_approval(fleet: FleetWorld) -> None:
    fleet.behind(*WAVES)
    fleet.looks()
    fleet.until("awaiting-approval", every=HOURS)
    assert [fleet.runs(wave) for wave in WAVES] == [RELEASE, RELEASE, BEHIND]

    assert fleet.says("approve")["ok"]
    fleet.until("finished", every=HOURS)

    assert [fleet.runs(wave) for wave in WAVES] == [RELEASE] * 3
    assert [len(fleet.updates(wave)) for wave in WAVES] == [1] * 3
    assert fleet.states == {f"{wave}/workers-0": "done" for wave in WAVES}
    assert fleet.steps() == [
        "planned",
        *["wave-started", "wave-done"] * 2,
        "awaiting-approval",
        "wave-started",
        "wave-done",
        "finished",
    ]
    assert fleet.world.failures() == []


def test_nothing_starts_outside_of_the_windows(fleet: FleetWorld) -> None:
    fleet.behind("dev")
    fleet.looks()
    fleet.passes(hours=7)  # it is 16:00

    fleet.ticks(3)
    assert fleet.updates("dev") == []
    assert "outside the windows; starts Wednesday 2026-12-02 09:00" in fleet.rollout["why"]
    fleet.passes(hours=17)
    fleet.ticks(2)

    assert len(fleet.updates("dev")) == 1


def test_an_update_is_started_once_with_the_groups_minor_and_the_target_together(quick: FleetWorld) -> None:
    quick.behind("dev")
    quick.looks()

    quick.ticks(10)

    (update,) = quick.updates("dev")
    assert update.changes == {"Version": "1.33", "ReleaseVersion": RELEASE}
    assert quick.groups["dev/workers-0"]["update_id"] == update.id


def test_the_groups_of_one_cluster_are_updated_one_after_the_other(quick: FleetWorld) -> None:
    quick.behind("dev", groups=3)
    quick.looks()

    quick.ticks(3)
    assert sorted(quick.states.values()) == ["updating", "waiting", "waiting"]
    quick.until("finished")

    begun = sorted(update.created_at for n in range(3) for update in quick.updates("dev", f"workers-{n}"))
    assert all(later - sooner >= timedelta(minutes=20) for sooner, later in pairwise(begun))
    assert set(quick.states.values()) == {"done"}


def test_a_group_that_fails_halts_the_rollout_and_a_retry_after_the_repair_finishes_it(quick: FleetWorld) -> None:
    quick.behind("dev", "prod")
    quick.fleet.next_update(FAILING, "dev", "workers-0")
    quick.looks()

    quick.until("halted")
    assert quick.states == {"dev/workers-0": "failed", "prod/workers-0": "waiting"}
    halted = quick.told()[-1]
    assert "PodEvictionFailure" in halted.email
    assert "i-0123456789abcdef0" in halted.email
    quick.ticks(5)
    assert len(quick.updates("dev")) == 1

    assert quick.says("retry")["ok"]
    quick.until("awaiting-approval")

    assert quick.runs("dev") == RELEASE
    assert [update.status for update in quick.updates("dev")] == ["Failed", "Successful"]
    assert quick.steps()[-2:] == ["wave-done", "awaiting-approval"]


def test_an_update_that_leaves_health_issues_is_not_done(quick: FleetWorld) -> None:
    quick.behind("dev")
    quick.fleet.next_update(Course(issues=(issue("NodeCreationFailure"),), status="DEGRADED"), "dev", "workers-0")
    quick.looks()

    quick.until("halted")

    assert "NodeCreationFailure" in str(quick.groups["dev/workers-0"]["errors"])


def test_a_group_whose_subnets_are_full_waits_and_then_counts_as_failed(quick: FleetWorld) -> None:
    quick.behind("dev")
    for subnet in quick.fleet.subnets():
        quick.fleet.leave_addresses(subnet, 1)
    quick.looks()

    quick.ticks(3)
    assert "free addresses" in quick.groups["dev/workers-0"]["why"]
    quick.until("halted")

    assert quick.updates("dev") == []


def test_a_group_waits_where_one_of_its_zones_has_no_address_however_many_the_others_have(quick: FleetWorld) -> None:
    quick.behind("dev")
    full, *_ = quick.fleet.subnets()
    quick.fleet.leave_addresses(full, 0)
    quick.looks()

    quick.ticks(3)

    assert "have no free address" in quick.groups["dev/workers-0"]["why"]
    assert quick.updates("dev") == []


def test_an_alarm_holds_the_next_wave_until_it_is_ok(quick: FleetWorld) -> None:
    quick.behind("dev", "prod")
    quick.looks()
    quick.until("soaking")
    quick.alarm("ALARM")
    quick.ticks(4, every=timedelta(minutes=30))
    assert "errors is ALARM" in quick.rollout["why"]

    quick.alarm("OK")
    quick.ticks(3)

    assert quick.rollout["state"] == "awaiting-approval"


def test_a_recall_halts_and_nothing_is_downgraded(quick: FleetWorld) -> None:
    quick.behind("dev", "prod")
    quick.looks()
    quick.until("awaiting-approval")
    quick.fleet.recall()
    quick.looks()

    quick.ticks()

    assert quick.rollout["state"] == "halted"
    assert (quick.runs("dev"), quick.runs("prod")) == (RELEASE, BEHIND)
    assert f"{RELEASE} was recalled: " in quick.rollout["why"]
    assert quick.rollout["why"].count("was recalled") == 1


def test_an_image_that_is_deprecated_since_the_plan_starts_nothing(quick: FleetWorld) -> None:
    quick.behind("dev")
    quick.looks()
    quick.ticks()
    (image,) = (i for i in quick.fleet._ec2.amis.values() if RELEASE in i.name)  # noqa: SLF001  moto's own
    quick.fleet.deprecate(image.id)

    quick.ticks(2)

    assert quick.rollout["state"] == "halted"
    assert quick.updates("dev") == []


def test_a_release_that_eks_does_not_take_yet_is_tried_again_each_hour_and_told_the_third_time(
    quick: FleetWorld,
) -> None:
    quick.behind("dev")
    quick.looks()
    taken: Any = quick.fleet._eks.releases  # noqa: SLF001  moto's own
    taken["AL2023_x86_64_STANDARD", "1.33"].remove(RELEASE)

    sent = quick.sent("UpdateNodegroupVersion")
    quick.ticks(7, every=timedelta(minutes=30))

    assert len(sent) == 3
    assert quick.steps() == ["planned", "wave-started", "not-allowed-yet"]
    taken["AL2023_x86_64_STANDARD", "1.33"].append(RELEASE)
    quick.until("finished")
    assert quick.runs("dev") == RELEASE


@pytest.mark.parametrize("tags", [{"nodewarden:wave": "dev", "nodewarden:hold": "the fair"}, {}])
def test_a_group_whose_tags_changed_since_the_plan_is_left_alone(quick: FleetWorld, tags: dict[str, str]) -> None:
    quick.behind("dev")
    quick.looks()
    quick.ticks()
    quick.fleet.tag(tags, "dev", "workers-0")

    quick.until("finished")

    assert quick.states == {"dev/workers-0": "left-alone"}
    assert quick.runs("dev") == BEHIND


def test_a_group_that_vanishes_during_its_update_holds_nobody_up(quick: FleetWorld) -> None:
    quick.behind("dev", groups=2)
    quick.looks()
    quick.ticks(3)
    (going,) = (name for name, state in quick.states.items() if state == "updating")
    quick.fleet._eks.clusters["dev"].nodegroups.pop(going.partition("/")[2])  # noqa: SLF001  moto's own

    quick.until("finished")

    assert sorted(quick.states.values()) == ["done", "left-alone"]


def test_an_update_that_somebody_else_started_to_the_target_is_followed(quick: FleetWorld) -> None:
    quick.behind("dev")
    quick.looks()
    quick.ticks()
    quick.starts_by_hand("dev")

    quick.until("finished")

    assert quick.states == {"dev/workers-0": "done"}
    assert len(quick.updates("dev")) == 1


def test_force_is_used_where_the_groups_tag_asks_for_it_and_nowhere_else(quick: FleetWorld) -> None:
    quick.behind("dev", "prod")
    quick.fleet.tag({"nodewarden:wave": "dev", "nodewarden:force": "true"}, "dev", "workers-0")
    sent = quick.sent("UpdateNodegroupVersion")
    quick.looks()
    quick.until("awaiting-approval")
    quick.says("approve")

    quick.until("finished")

    assert [(call["clusterName"], call["force"]) for call in sent] == [("dev", True), ("prod", False)]


def test_what_has_ended_is_forgotten_in_time_as_a_whole(quick: FleetWorld) -> None:
    quick.behind("dev", groups=2)
    quick.looks()
    quick.ticks(4)
    assert not [e for e in quick.entries() if "ttl" in e]

    quick.until("finished")

    assert [e["sk"] for e in quick.entries() if "ttl" not in e] == []
