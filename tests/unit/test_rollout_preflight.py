"""The look right before a start, at what is no longer what its target was found for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nodewarden.rollout.preflight import Go, LeaveAlone, preflight
from tests.unit.rollout_builders import alone, group, planned, policy, seen

POLICY = policy()


@pytest.mark.parametrize("ami_type", ["AL2_x86_64", "AL2023_ARM_64_STANDARD", "BOTTLEROCKET_x86_64", "CUSTOM"])
def test_a_group_of_another_ami_type_than_its_target_is_for_is_left_alone(ami_type: str) -> None:
    rollout = planned(group(), settings=POLICY)

    same = preflight(alone(rollout), seen(group()), rollout, POLICY)
    other = preflight(alone(rollout), seen(replace(group(), ami_type=ami_type)), rollout, POLICY)

    assert isinstance(same, Go)
    assert other == LeaveAlone(f"its AMI type is {ami_type} now: its target was for another", may_return=True)
