"""AMIs: visible, deprecated, allowed; in batches and pages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
import time_machine
from botocore.stub import Stubber
from moto import mock_aws

from local.aws import ACCOUNT
from local.fleet import LASTS, REGION, Fleet
from nodewarden.ami_release.image import fault_of
from nodewarden.aws.image import Images
from nodewarden.errors import MissingPermissionError
from nodewarden.node_group import Image

MOMENT = datetime(2026, 7, 14, 18, 30, tzinfo=UTC)


def test_images_are_described_those_taken_back_too_and_one_that_cannot_be_seen_hides_no_other() -> None:
    with mock_aws(), time_machine.travel(MOMENT):
        fleet = Fleet()
        fine, taken_back, refused, hidden = (
            fleet.release(f"1.33.2-2026071{day}", at=MOMENT, public=day != 4) for day in range(1, 5)
        )
        fleet.deprecate(taken_back, MOMENT)
        fleet.disallow(refused)
        found = Images(boto3.client("ec2", region_name=REGION)).images([fine, taken_back, refused, hidden])

    as_judged = ("image_id", "state", "allowed", "deprecated_at")
    assert {key: Image(**{name: getattr(image, name) for name in as_judged}) for key, image in found.items()} == {
        fine: Image(image_id=fine, state="available", allowed=True, deprecated_at=MOMENT + LASTS),
        taken_back: Image(image_id=taken_back, state="available", allowed=True, deprecated_at=MOMENT),
        refused: Image(image_id=refused, state="available", allowed=False, deprecated_at=MOMENT + LASTS),
    }


def test_many_images_are_asked_for_in_batches_and_over_every_page() -> None:
    client: Any = boto3.client("ec2", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    ids = [f"ami-{number:017x}" for number in range(250)]
    images = [{"ImageId": image_id, "State": "available"} for image_id in ids]
    first = {
        "Filters": [{"Name": "image-id", "Values": ids[:200]}],
        "IncludeDeprecated": True,
        "MaxResults": 1000,
    }
    second = first | {"Filters": [{"Name": "image-id", "Values": ids[200:]}]}
    stubber = Stubber(client)
    stubber.add_response("describe_images", {"Images": images[:150], "NextToken": "a"}, first)
    stubber.add_response("describe_images", {"Images": images[150:200]}, first | {"NextToken": "a"})
    stubber.add_response("describe_images", {"Images": images[200:]}, second)

    with stubber:
        found = Images(client).images([*ids, *ids])

    assert list(found) == ids
    assert found[ids[-1]] == Image(image_id=ids[-1], state="available", allowed=True, deprecated_at=None)


def test_an_error_code_has_one_meaning() -> None:
    client: Any = boto3.client("ec2", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    stubber = Stubber(client)
    stubber.add_client_error("describe_images", "UnauthorizedOperation", http_status_code=403)

    with stubber, pytest.raises(MissingPermissionError, match="ec2:DescribeImages"):
        Images(client).images(["ami-0123456789abcdef0"])


def test_of_an_owners_amis_those_whose_name_fits_are_described_with_what_tells_them_apart() -> None:
    with mock_aws(), time_machine.travel(MOMENT):
        fleet = Fleet()
        ours = fleet.image("golden-1.33-1", at=MOMENT, architecture="arm64", tags={"tested": "true"})
        fleet.image("golden-1.33-1", at=MOMENT, owner="444455556666")
        fleet.image("other-1.33-1", at=MOMENT)
        found = Images(boto3.client("ec2", region_name=REGION)).named(ACCOUNT, "golden-*")

    assert found == (
        Image(
            image_id=ours,
            state="available",
            allowed=True,
            name="golden-1.33-1",
            owner=ACCOUNT,
            architecture="arm64",
            created_at=MOMENT,
            tags={"tested": "true"},
        ),
    )


def test_the_amis_of_an_owner_are_asked_for_by_name_over_every_page() -> None:
    client: Any = boto3.client("ec2", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    asked = {"Owners": ["amazon"], "Filters": [{"Name": "name", "Values": ["eks-*"]}], "MaxResults": 1000}
    stubber = Stubber(client)
    for following in ({"NextToken": "a"}, {}):
        page = {"Images": [{"ImageId": f"ami-{len(following):017x}", "State": "available"}], **following}
        stubber.add_response("describe_images", page, asked if following else asked | {"NextToken": "a"})

    with stubber:
        found = Images(client).named("amazon", "eks-*")

    assert [image.image_id for image in found] == [f"ami-{1:017x}", f"ami-{0:017x}"]


@pytest.mark.parametrize("none", ["", "yesterday"])
def test_a_date_that_is_none_makes_an_ami_useless_and_hides_no_other(none: str) -> None:
    client: Any = boto3.client("ec2", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    odd = {"ImageId": "ami-1", "State": "available", "CreationDate": none, "DeprecationTime": "yesterday"}
    sound = {"ImageId": "ami-2", "State": "available", "CreationDate": "2026-07-14T18:30:00.000Z"}
    stubber = Stubber(client)
    stubber.add_response("describe_images", {"Images": [odd, sound]})

    with stubber:
        first, second = Images(client).named("self", "golden-*")

    assert first.created_at is None
    assert fault_of(first, MOMENT)
    assert (second.created_at, fault_of(second, MOMENT)) == (MOMENT, None)
