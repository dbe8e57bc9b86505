"""An AMI that is built, copied or taken away is looked at at once, where it concerns the fleet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local import hosts, moto_imagebuilder, template
from tests.functional.fleet_world import AMI_RELEASE, BEGIN, ROLLOUT
from tests.functional.golden_world import NEW

if TYPE_CHECKING:
    from tests.functional.golden_world import GoldenWorld

BUILD = "arn:aws:imagebuilder:eu-central-1:111122223333:image/golden/1.0.0/1"


def event(name: str, folder: str = "ami_release") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((template.ROOT / f"events/{folder}/{name}.json").read_text("utf-8"))
    return found


def about(image_id: str, state: str) -> dict[str, Any]:
    changed = event(f"ami-{state}")
    changed["detail"]["ImageId"] = image_id
    return changed


def test_an_ami_of_image_builder_is_planned_at_once(golden: GoldenWorld) -> None:
    golden.group()
    image = golden.build()
    moto_imagebuilder.build(BUILD, {"us-east-1": "ami-0123456789abcdef0", "eu-central-1": image})

    woken = golden.quick.world.stack.deliver(event("image-builder-available"))

    assert woken == [AMI_RELEASE]
    assert golden.quick.rollout["family"] == "golden"


def test_an_ami_that_is_registered_or_copied_is_planned_at_once(golden: GoldenWorld) -> None:
    golden.group()

    golden.quick.world.stack.deliver(about(golden.build(), "available"))

    assert golden.quick.rollout["family"] == "golden"


def test_a_build_for_other_regions_only_is_ignored(golden: GoldenWorld) -> None:
    golden.group()
    golden.build()
    moto_imagebuilder.build(BUILD, {"us-east-1": "ami-0123456789abcdef0"})

    answer = golden.quick.world.stack.invoke(AMI_RELEASE, event("image-builder-available"))

    assert "of no family" in answer["ignored"]
    assert golden.quick.heads == []


@pytest.mark.parametrize(("name", "owner"), [("backup-1", None), ("golden-1.33-9", "444455556666")])
def test_an_ami_of_no_family_is_ignored_and_nobody_looks(golden: GoldenWorld, name: str, owner: str | None) -> None:
    golden.group()
    golden.build()
    other = golden.fleet.image(name, at=NEW, owner=owner)

    answer = golden.quick.world.stack.invoke(AMI_RELEASE, about(other, "available"))

    assert answer == {"ignored": f"{other} is of no family of ami_release.toml"}
    assert golden.quick.heads == []


@pytest.mark.parametrize("state", ["deregistered", "disabled"])
def test_an_ami_in_use_that_is_taken_away_is_told_at_once(golden: GoldenWorld, state: str) -> None:
    golden.group()
    host(golden, golden.old)
    golden.fleet.deregister(golden.old)

    golden.quick.world.stack.deliver(about(golden.old, state))

    assert golden.standing()["state"] == "ami-gone"
    (told,) = golden.quick.world.stack.told()
    assert f"its AMI {golden.old} is deregistered, disabled or not shared any more" in told.said


def test_an_ami_that_nobody_uses_may_go(golden: GoldenWorld) -> None:
    golden.group()
    other = golden.build(at=BEGIN)
    golden.fleet.deregister(other)

    answer = golden.quick.world.stack.invoke(AMI_RELEASE, about(other, "deregistered"))

    assert answer == {"ignored": f"no host of a cluster runs {other}"}


def test_an_event_of_another_account_is_refused(golden: GoldenWorld) -> None:
    foreign = {**about(golden.build(), "available"), "account": "444455556666"}

    golden.quick.world.stack.deliver(foreign)

    assert golden.quick.world.failures() == ["AccountError"]


@pytest.mark.parametrize(
    "forged",
    [
        {"resources": ["arn:aws:imagebuilder:eu-central-1:444455556666:image/golden/1.0.0/1"]},
        {"resources": ["arn:aws:imagebuilder:us-east-1:111122223333:image/golden/1.0.0/1"]},
        {"resources": [f"{BUILD}/../../etc"]},
        {"resources": [None]},
        {"resources": BUILD},
        {"detail-type": "EC2 AMI State Change"},
        {"detail-type": "EC2 AMI State Change", "detail": {"ImageId": "ami-x", "State": "available"}},
    ],
)
def test_an_event_that_names_no_ami_of_ours_is_refused_before_anything_is_called(
    golden: GoldenWorld, forged: dict[str, Any]
) -> None:
    def invoke() -> None:
        with pytest.raises(Exception, match="names no AMI"):
            golden.quick.world.stack.invoke(AMI_RELEASE, {**event("image-builder-available"), **forged})

    assert golden.quick.world.calls(invoke) == []


def test_the_end_of_a_refresh_moves_the_rollout_on_at_once(golden: GoldenWorld) -> None:
    golden.fleet.cluster("dev")
    used = golden.fleet.launch_template(golden.old, InstanceType="m7i.large")
    golden.fleet.auto_scaling_group(used, cluster="dev", tags={"nodewarden:wave": "dev"})
    golden.build()
    golden.begins()
    golden.quick.ticks()
    golden.quick.passes(minutes=21)

    woken = golden.quick.world.stack.deliver(event("instance-refresh-succeeded", "rollout"))

    assert woken == [ROLLOUT]
    assert golden.quick.states == {"dev/asg:own": "done"}


def host(golden: GoldenWorld, image_id: str) -> None:
    """Start a host of a node group from an AMI."""
    tags = [{"Key": key, "Value": value} for key, value in hosts.MANAGED.items()]
    boto3.client("ec2").run_instances(
        ImageId=image_id,
        MinCount=1,
        MaxCount=1,
        SubnetId=golden.fleet.subnets()[0],
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],  # type: ignore[list-item,misc]  # the stubs want literals
    )
