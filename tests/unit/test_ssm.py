"""SSM parameters: ten a call, and those that do not exist."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from local.fleet import REGION, Fleet, parameters
from nodewarden.ami_release.ami_type import Parameter
from nodewarden.aws.ssm import Ssm
from nodewarden.errors import ThrottledError

MOMENT = datetime(2026, 7, 14, 18, 30, tzinfo=UTC)
WINDOWS = "WINDOWS_CORE_2022_x86_64"


def test_a_release_is_read_with_the_moment_of_its_publication_and_what_is_missing_is_absent() -> None:
    with mock_aws():
        image = Fleet().release("1.33.2-20260714", at=MOMENT)
        Fleet().release("1.31-2026.07.14", ami_type=WINDOWS, version="1.31", at=MOMENT)
        folder = "/aws/service/eks/optimized-ami/1.33/amazon-linux-2023/x86_64/standard/recommended"
        parent = "/aws/service/ami-windows-latest/Windows_Server-2022-English-Core-EKS_Optimized-1.31"
        asked = [f"{folder}/release_version", f"{folder}/image_id", f"{folder}/nothing", parent]
        found = Ssm(boto3.client("ssm", region_name=REGION)).parameters(asked)

    assert set(found) == {f"{folder}/release_version", f"{folder}/image_id", parent}
    assert found[f"{folder}/release_version"] == Parameter(value="1.33.2-20260714", last_modified=MOMENT)
    assert found[f"{folder}/image_id"] == Parameter(value=image, last_modified=MOMENT)
    assert '"release_version": "1.31-2026.07.14"' in found[parent].value


def test_moments_are_utc_on_any_machine() -> None:
    with mock_aws():
        Fleet().release(at=MOMENT)
        found = Ssm(boto3.client("ssm", region_name=REGION)).parameters(
            parameters("AL2023_x86_64_STANDARD", "1.33", "", "")
        )

    assert {parameter.last_modified.tzinfo for parameter in found.values()} == {UTC}


def test_many_parameters_are_asked_for_ten_at_a_time_and_each_once() -> None:
    client: Any = boto3.client("ssm", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    names = [f"/aws/service/{number:02}" for number in range(23)]
    stubber = Stubber(client)
    for some in (names[:10], names[10:20], names[20:]):
        answer = [{"Name": name, "Value": name, "LastModifiedDate": MOMENT} for name in some]
        stubber.add_response("get_parameters", {"Parameters": answer}, {"Names": some})

    with stubber:
        assert list(Ssm(client).parameters([*names, *names])) == names


def test_nothing_is_asked_for_nothing() -> None:
    client: Any = boto3.client("ssm", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")

    with Stubber(client):
        assert Ssm(client).parameters([]) == {}


def test_an_error_code_has_one_meaning() -> None:
    client: Any = boto3.client("ssm", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    stubber = Stubber(client)
    stubber.add_client_error("get_parameters", "ThrottlingException", http_status_code=400)

    with stubber, pytest.raises(ThrottledError, match="ssm:GetParameters"):
        Ssm(client).parameters(["/aws/service/one"])
