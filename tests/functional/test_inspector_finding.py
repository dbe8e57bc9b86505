"""Inspector's findings: one decision for each node group and image, however many findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.fleet import RELEASE
from tests.functional.finding_world import found

if TYPE_CHECKING:
    from tests.functional.finding_world import FindingWorld


def test_a_group_that_is_behind_asks_for_one_urgent_rollout_however_many_findings(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")

    inspected.says(*(found(number, cve=f"CVE-2026-1000{number % 3}") for number in range(1, 121)))

    assert inspected.states == ["urgent-requested"]
    (request,) = inspected.requests
    assert request["target"]["release_version"] == RELEASE
    assert (inspected.incident["open"], sum(inspected.incident["urgent"].values())) == (120, 120)
    inspected.whole()
    assert inspected.fleet.world.stack.failed() == []
