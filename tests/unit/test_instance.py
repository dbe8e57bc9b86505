"""EKS hosts that no managed node group has: by their tags, over every page."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from local import hosts
from local.fleet import REGION
from nodewarden.aws.ec2 import FILTER_VALUES
from nodewarden.aws.instance import Instances
from nodewarden.errors import ThrottledError


def test_karpenters_auto_modes_and_self_managed_hosts_are_found_and_neither_node_groups_nor_other_servers() -> None:
    with mock_aws():
        client = boto3.client("ec2", region_name=REGION)
        group = hosts.make_group(client, "hosts", {})
        made = {
            hosts.start_host(client, group, tags): tags
            for tags in (hosts.KARPENTER, hosts.AUTO_MODE, hosts.SELF_MANAGED, hosts.MANAGED, hosts.WEB_SERVER)
        }
        gone = hosts.start_host(client, group, hosts.KARPENTER)
        client.terminate_instances(InstanceIds=[gone])

        found = Instances(client).unmanaged_hosts()

    wanted = (hosts.KARPENTER, hosts.AUTO_MODE, hosts.SELF_MANAGED)
    assert found == {instance: tags for instance, tags in made.items() if tags in wanted}


def test_hosts_are_found_on_every_page() -> None:
    client: Any = boto3.client("ec2", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    tags = [{"Key": "karpenter.sh/nodepool", "Value": "default"}]
    asked = {
        "Filters": [
            {"Name": "tag-key", "Values": ["kubernetes.io/cluster/*", "eks:eks-cluster-name", "karpenter.sh/nodepool"]},
            {"Name": "instance-state-name", "Values": ["pending", "running"]},
        ],
        "MaxResults": 1000,
        "IncludeManagedResources": True,
    }
    stubber = Stubber(client)
    for instance, following, token in (("i-1", {"NextToken": "a"}, {}), ("i-2", {}, {"NextToken": "a"})):
        answer = {"Reservations": [{"Instances": [{"InstanceId": instance, "Tags": tags}]}], **following}
        stubber.add_response("describe_instances", answer, asked | token)

    with stubber:
        assert list(Instances(client).unmanaged_hosts()) == ["i-1", "i-2"]


def test_a_terminated_instance_is_not_there_and_neither_is_one_that_nobody_knows() -> None:
    with mock_aws():
        client = boto3.client("ec2", region_name=REGION)
        group = hosts.make_group(client, "hosts", {})
        runs, stopped, gone = hosts.start_hosts(client, group, hosts.MANAGED, 3)
        client.stop_instances(InstanceIds=[stopped])
        client.terminate_instances(InstanceIds=[gone])

        there = Instances(client).there([runs, stopped, gone, "i-0aaaaaaaaaaaaaaaa"])

    assert there == {runs, stopped}


def test_an_error_code_has_one_meaning() -> None:
    client: Any = boto3.client("ec2", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    stubber = Stubber(client)
    stubber.add_client_error("describe_instances", "RequestLimitExceeded", http_status_code=503)

    with stubber, pytest.raises(ThrottledError, match="ec2:DescribeInstances"):
        Instances(client).unmanaged_hosts()


def test_instances_are_asked_for_their_tags_and_those_that_are_gone_are_absent() -> None:
    with mock_aws():
        client = boto3.client("ec2", region_name=REGION)
        group = hosts.make_group(client, "hosts", {})
        managed, server = (hosts.start_host(client, group, tags) for tags in (hosts.MANAGED, hosts.WEB_SERVER))

        found = Instances(client).tags([managed, server, managed, "i-0fedcba9876543210"])

    assert found == {managed: hosts.MANAGED, server: hosts.WEB_SERVER}


def test_more_instances_than_one_filter_takes_are_asked_for_in_several_calls() -> None:
    client: Any = boto3.client("ec2", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    ids = [f"i-{number:017x}" for number in range(FILTER_VALUES + 1)]
    stubber = Stubber(client)
    for some in (ids[:FILTER_VALUES], ids[FILTER_VALUES:]):
        asked = {
            "Filters": [{"Name": "instance-id", "Values": some}],
            "IncludeManagedResources": True,
            "MaxResults": 1000,
        }
        answer = {"Reservations": [{"Instances": [{"InstanceId": each} for each in some]}]}
        stubber.add_response("describe_instances", answer, asked)

    with stubber:
        assert Instances(client).tags(ids) == {each: {} for each in ids}


def test_nobody_asked_for_is_no_call() -> None:
    client: Any = boto3.client("ec2", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")

    with Stubber(client):
        assert Instances(client).tags([]) == {}
