"""Rollouts: from a release to the last wave, as people see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.fleet import BEHIND, RELEASE

if TYPE_CHECKING:
    from tests.functional.fleet_world import FleetWorld

WAVES = ("dev", "staging", "prod")


def test_a_release_rolls_wave_by_wave_and_production_after_an_approval(fleet: FleetWorld) -> None:
    fleet.behind(*WAVES)
    fleet.looks()
    fleet.until("awaiting-approval")
    assert [fleet.runs(wave) for wave in WAVES] == [RELEASE, RELEASE, BEHIND]

    assert fleet.says("approve")["ok"]
    fleet.until("finished")

    assert [fleet.runs(wave) for wave in WAVES] == [RELEASE] * 3
    assert [len(fleet.updates(wave)) for wave in WAVES] == [1] * 3
    assert fleet.states == {f"{wave}/workers-0": "done" for wave in WAVES}
    assert fleet.world.failures() == []
