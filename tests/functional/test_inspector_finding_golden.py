"""Findings of groups with AMIs of their own: what Inspector says is decided by the look that sees their family."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.functional.finding_world import FindingWorld, found

if TYPE_CHECKING:
    from tests.functional.golden_world import GoldenWorld


@pytest.fixture(name="inspected_golden")
def _inspected_golden(golden: GoldenWorld) -> FindingWorld:
    return FindingWorld(golden.quick)


def test_a_group_with_an_ami_of_its_own_is_rolled_as_urgent_to_the_newest_of_its_family(
    golden: GoldenWorld, inspected_golden: FindingWorld
) -> None:
    golden.group("dev")
    image = golden.build()

    inspected_golden.says(
        found(1, group="dev/custom", image=golden.old), found(2, group="dev/custom", image=golden.old)
    )
    assert inspected_golden.outcomes() == []
    golden.quick.looks()
    golden.quick.passes(minutes=15)
    golden.quick.looks()

    assert inspected_golden.outcomes() == ["urgent-requested"]
    assert golden.quick.rollout["urgent"]
    assert inspected_golden.incident["target"] == image
    assert inspected_golden.states == ["in-rollout"]


def test_a_group_that_runs_the_newest_of_its_family_waits_for_the_next(
    golden: GoldenWorld, inspected_golden: FindingWorld
) -> None:
    golden.group("dev")

    inspected_golden.says(found(1, group="dev/custom", image=golden.old))
    golden.quick.looks()

    assert inspected_golden.outcomes() == ["waiting-for-ami"]


def test_a_self_managed_host_is_told_that_no_urgent_rollout_is_asked_for(
    golden: GoldenWorld, inspected_golden: FindingWorld
) -> None:
    golden.group("dev")
    tags = {"kubernetes.io/cluster/dev": "owned", "aws:autoscaling:groupName": "own"}

    inspected_golden.says(found(1, tags=tags, image=golden.old))

    (told,) = inspected_golden.told()
    assert told.attributes["outcome"] == "not-rolled"
    assert "an urgent rollout is asked for managed node groups only" in told.said
