"""Subnets: zones and free addresses; in batches and pages."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from local.fleet import REGION, Fleet
from nodewarden.aws.subnet import Subnets
from nodewarden.errors import ThrottledError
from nodewarden.node_group import Subnet


def test_zones_and_free_addresses_are_seen_and_a_subnet_that_is_gone_is_absent() -> None:
    with mock_aws():
        fleet = Fleet()
        first, second = fleet.subnets()
        fleet.leave_addresses(second, 3)
        found = Subnets(boto3.client("ec2", region_name=REGION)).subnets([first, second, "subnet-0123456789abcdef0"])

    assert set(found) == {first, second}
    assert found[first].zone == f"{REGION}a"
    assert found[second] == Subnet(subnet_id=second, zone=f"{REGION}b", free_addresses=3)


def test_many_subnets_are_asked_for_in_batches_and_over_every_page() -> None:
    client: Any = boto3.client("ec2", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    ids = [f"subnet-{number:017x}" for number in range(250)]
    rows = [{"SubnetId": i, "AvailabilityZone": "eu-central-1a", "AvailableIpAddressCount": 7} for i in ids]
    first = {"Filters": [{"Name": "subnet-id", "Values": ids[:200]}], "MaxResults": 1000}
    second = first | {"Filters": [{"Name": "subnet-id", "Values": ids[200:]}]}
    stubber = Stubber(client)
    stubber.add_response("describe_subnets", {"Subnets": rows[:150], "NextToken": "a"}, first)
    stubber.add_response("describe_subnets", {"Subnets": rows[150:200]}, first | {"NextToken": "a"})
    stubber.add_response("describe_subnets", {"Subnets": rows[200:]}, second)

    with stubber:
        assert list(Subnets(client).subnets([*ids, *ids])) == ids


def test_an_error_code_has_one_meaning() -> None:
    client: Any = boto3.client("ec2", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    stubber = Stubber(client)
    stubber.add_client_error("describe_subnets", "RequestLimitExceeded", http_status_code=503)

    with stubber, pytest.raises(ThrottledError, match="ec2:DescribeSubnets"):
        Subnets(client).subnets(["subnet-0123456789abcdef0"])
