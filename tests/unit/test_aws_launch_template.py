"""Launch templates by verbs, against moto with what it lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from local import aws  # noqa: F401  # sets the environment before moto and boto3 read it
from local.fleet import REGION, Fleet
from nodewarden.aws.launch_template import LaunchTemplates
from nodewarden.errors import GoneError, LaunchTemplateError
from nodewarden.launch_template import LaunchTemplate

if TYPE_CHECKING:
    from collections.abc import Iterator

OLD, NEW = "ami-0123456789abcdef0", "ami-0fedcba9876543210"
DATA: dict[str, Any] = {
    "InstanceType": "m7g.large",
    "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 80}}],
}


@pytest.fixture(name="fleet")
def _fleet() -> Iterator[Fleet]:
    with mock_aws():
        yield Fleet()


def templates() -> LaunchTemplates:
    return LaunchTemplates(boto3.client("ec2", region_name=REGION))


def used(fleet: Fleet, **data: Any) -> LaunchTemplate:
    made = fleet.launch_template(OLD, **data)
    return LaunchTemplate(template_id=made["id"], version=made["version"])


def test_a_version_is_described_with_all_that_it_holds(fleet: Fleet) -> None:
    source = used(fleet, **DATA)

    found = templates().version(source)

    assert found is not None
    assert (found.template, found.data, found.image_id) == (source, {"ImageId": OLD, **DATA}, OLD)


def test_what_is_gone_is_none(fleet: Fleet) -> None:
    source = used(fleet)

    assert templates().version(LaunchTemplate(template_id=source.template_id, version="9")) is None
    assert templates().version(LaunchTemplate(template_id="lt-0123456789abcdef0", version="1")) is None


def test_a_version_that_is_not_fixed_is_not_asked_for(fleet: Fleet) -> None:
    source = used(fleet)

    assert templates().version(LaunchTemplate(template_id=source.template_id, version="$Latest")) is None


def test_the_version_with_another_ami_is_made_once(fleet: Fleet) -> None:
    source = used(fleet, **DATA)

    made = [templates().with_image(source, NEW) for _ in range(3)]

    assert {each.version for each in made} == {"2"}
    assert fleet.versions(source.template_id) == [{"ImageId": OLD, **DATA}, {"ImageId": NEW, **DATA}]


def test_a_version_that_ec2_makes_otherwise_is_refused(fleet: Fleet) -> None:
    devices = [{"DeviceName": "/dev/sdb", "Ebs": {"SnapshotId": "snap-0123456789abcdef0"}}]
    source = used(fleet, BlockDeviceMappings=devices)

    with pytest.raises(LaunchTemplateError, match="it differs in BlockDeviceMappings"):
        templates().with_image(source, NEW)


def test_of_a_source_that_is_gone_nothing_is_made(fleet: Fleet) -> None:
    source = used(fleet)

    with pytest.raises(GoneError, match="is gone"):
        templates().with_image(LaunchTemplate(template_id=source.template_id, version="9"), NEW)
    assert len(fleet.versions(source.template_id)) == 1


def test_a_version_that_was_deleted_is_made_anew_in_the_next_attempt_and_once(fleet: Fleet) -> None:
    source = used(fleet, **DATA)
    templates().with_image(source, NEW, "rollout|1")
    fleet.delete_newest_version(source.template_id)

    made = [templates().with_image(source, NEW, "rollout|2") for _ in range(2)]

    assert {templates().version(each) is not None for each in made} == {True}
    assert len(fleet.versions(source.template_id)) == 2


def test_a_version_that_has_the_ami_is_given_itself(fleet: Fleet) -> None:
    source = used(fleet, **DATA)

    assert templates().with_image(source, OLD) == source
    assert len(fleet.versions(source.template_id)) == 1
