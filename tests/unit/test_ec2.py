"""What moto cannot show of EC2: pages, and shapes of answers (botocore's Stubber)."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from nodewarden.aws.ec2 import Ec2
from nodewarden.errors import AwsError, GoneError, MissingPermissionError, ThrottledError, UnavailableError
from nodewarden.security_group.group import PrefixList, host_kind

ACCOUNT = "111122223333"
GROUP = "sg-0123456789abcdef0"
LIST = "pl-0123456789abcdef0"


@pytest.fixture(name="stubber")
def _stubber() -> Stubber:
    client = boto3.client("ec2", region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b")
    return Stubber(client)


def ec2(stubber: Stubber) -> Ec2:
    client: Any = stubber.client
    return Ec2(client)


def row(number: int) -> dict[str, Any]:
    return {
        "SecurityGroupRuleId": f"sgr-{number:017x}",
        "GroupId": GROUP,
        "IsEgress": number % 10 == 9,
        "IpProtocol": "tcp",
        "FromPort": number,
        "ToPort": number,
        "CidrIpv4": "0.0.0.0/0",
    }


def test_sixty_rules_over_several_pages_are_all_seen_and_egress_is_not_among_them(stubber: Stubber) -> None:
    rows = [row(number) for number in range(60)]
    asked = {"Filters": [{"Name": "group-id", "Values": [GROUP]}], "MaxResults": 1000}
    stubber.add_response("describe_security_group_rules", {"SecurityGroupRules": rows[:25], "NextToken": "a"}, asked)
    stubber.add_response(
        "describe_security_group_rules",
        {"SecurityGroupRules": rows[25:50], "NextToken": "b"},
        asked | {"NextToken": "a"},
    )
    stubber.add_response("describe_security_group_rules", {"SecurityGroupRules": rows[50:]}, asked | {"NextToken": "b"})

    with stubber:
        rules = ec2(stubber).ingress_rules(GROUP)

    assert [rule.rule_id for rule in rules] == [row["SecurityGroupRuleId"] for row in rows if not row["IsEgress"]]


def test_hosts_are_found_on_any_page_and_in_any_batch_of_instances(stubber: Stubber) -> None:
    ids = [f"i-{number:017x}" for number in range(450)]
    interfaces = [
        {"NetworkInterfaceId": f"eni-{i}", "Attachment": {"InstanceId": i, "InstanceOwnerId": ACCOUNT}} for i in ids
    ]
    loose = [
        {"NetworkInterfaceId": "eni-loose"},
        {"NetworkInterfaceId": "eni-elb", "Attachment": {"InstanceOwnerId": "amazon-elb"}},
    ]
    stubber.add_response(
        "describe_network_interfaces", {"NetworkInterfaces": loose + interfaces[:300], "NextToken": "a"}
    )
    stubber.add_response("describe_network_interfaces", {"NetworkInterfaces": interfaces[300:]})
    asked: list[int] = []
    for start in (0, 200, 400):
        some: list[dict[str, Any]] = [{"InstanceId": i, "Tags": []} for i in ids[start : start + 200]]
        if start == 400:
            some[-1]["Tags"] = [{"Key": "eks:nodegroup-name", "Value": "workers"}]
        stubber.add_response(
            "describe_instances",
            {"Reservations": [{"Instances": some}]},
            {
                "Filters": [{"Name": "instance-id", "Values": ids[start : start + 200]}],
                "MaxResults": ANY,
                "IncludeManagedResources": True,
            },
        )
        asked.append(start)

    with stubber:
        hosts = ec2(stubber).eks_hosts(GROUP, ACCOUNT)

    assert hosts.ours == (f"{ids[-1]} (managed node group workers)",)
    stubber.assert_no_pending_responses()


def test_the_search_for_hosts_stops_at_the_first_batch_with_one(stubber: Stubber) -> None:
    ids = [f"i-{number:017x}" for number in range(400)]
    stubber.add_response(
        "describe_network_interfaces",
        {"NetworkInterfaces": [{"Attachment": {"InstanceId": i, "InstanceOwnerId": ACCOUNT}} for i in ids]},
    )
    host = {"InstanceId": ids[0], "Tags": [{"Key": "karpenter.sh/nodepool", "Value": "default"}]}
    stubber.add_response("describe_instances", {"Reservations": [{"Instances": [host]}]})

    with stubber:
        assert ec2(stubber).eks_hosts(GROUP, ACCOUNT).ours == (f"{ids[0]} (Karpenter node pool default)",)


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ({"eks:cluster-name": "demo", "eks:nodegroup-name": "workers"}, "managed node group workers"),
        ({"kubernetes.io/cluster/demo": "owned"}, "self-managed, EKS cluster demo"),
        ({"karpenter.sh/nodepool": "default", "kubernetes.io/cluster/demo": "owned"}, "Karpenter node pool default"),
        ({"eks:eks-cluster-name": "demo"}, "EKS cluster demo"),
        ({"aws:eks:cluster-name": "demo"}, "EKS cluster demo"),
        ({"Name": "web"}, None),
    ],
)
def test_an_instance_is_an_eks_host_by_its_tags(tags: dict[str, str], kind: str | None) -> None:
    assert host_kind(tags) == kind


@pytest.mark.parametrize(
    "code", ["InvalidSecurityGroupRuleId.NotFound", "InvalidPermission.NotFound", "InvalidGroup.NotFound"]
)
def test_what_is_gone_already_is_no_error(stubber: Stubber, code: str) -> None:
    stubber.add_client_error("revoke_security_group_ingress", code, http_status_code=400)

    with stubber:
        assert ec2(stubber).revoke(GROUP, ["sgr-0123456789abcdef0"]) is False


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("UnauthorizedOperation", 403, MissingPermissionError),
        ("RequestLimitExceeded", 503, ThrottledError),
        ("InternalError", 500, UnavailableError),
        ("InvalidParameterValue", 400, AwsError),
        ("InvalidGroup.NotFound", 400, GoneError),
    ],
)
def test_an_error_code_has_one_meaning(stubber: Stubber, code: str, status: int, error: type[AwsError]) -> None:
    stubber.add_client_error("describe_network_interfaces", code, http_status_code=status)

    with stubber, pytest.raises(error, match="ec2:DescribeNetworkInterfaces"):
        ec2(stubber).eks_hosts(GROUP, ACCOUNT)


def test_rules_of_peers_and_prefix_lists_are_read_by_id(stubber: Stubber) -> None:
    peer = row(1) | {"ReferencedGroupInfo": {"GroupId": "sg-0fedcba9876543210"}}
    named = row(2) | {"PrefixListId": LIST}
    for one in (peer, named):
        del one["CidrIpv4"]
    stubber.add_response("describe_security_group_rules", {"SecurityGroupRules": [peer, named]})

    with stubber:
        rules = ec2(stubber).ingress_rules(GROUP)

    assert [rule.source for rule in rules] == ["sg-0fedcba9876543210", LIST]


def test_every_entry_of_a_prefix_list_is_read_over_several_pages(stubber: Stubber) -> None:
    cidrs = [f"203.0.113.{number}/32" for number in range(200)] + ["0.0.0.0/0"]
    entries = [{"Cidr": cidr, "Description": "an office"} for cidr in cidrs]
    asked = {"PrefixListId": LIST, "MaxResults": 100}
    operation = "get_managed_prefix_list_entries"
    stubber.add_response(operation, {"Entries": entries[:100], "NextToken": "a"}, asked)
    stubber.add_response(operation, {"Entries": entries[100:200], "NextToken": "b"}, asked | {"NextToken": "a"})
    stubber.add_response(operation, {"Entries": entries[200:]}, asked | {"NextToken": "b"})

    with stubber:
        assert ec2(stubber).prefix_list_entries(LIST) == tuple(map(ip_network, cidrs))


@pytest.mark.parametrize("code", ["InvalidPrefixListID.NotFound", "InvalidPrefixListId.NotFound"])
def test_a_prefix_list_that_is_gone_has_no_entries(stubber: Stubber, code: str) -> None:
    stubber.add_client_error("get_managed_prefix_list_entries", code, http_status_code=400)

    with stubber:
        assert ec2(stubber).prefix_list_entries(LIST) == ()


def test_the_groups_that_name_a_prefix_list_are_found_on_every_page(stubber: Stubber) -> None:
    asked = {"Filters": [{"Name": "ip-permission.prefix-list-id", "Values": [LIST]}], "MaxResults": 1000}
    first, second = GROUP, "sg-0fedcba9876543210"
    page = {"SecurityGroups": [{"GroupId": first}], "NextToken": "a"}
    stubber.add_response("describe_security_groups", page, asked)
    stubber.add_response(
        "describe_security_groups", {"SecurityGroups": [{"GroupId": second}]}, asked | {"NextToken": "a"}
    )

    with stubber:
        assert ec2(stubber).groups_referencing([LIST]) == (first, second)


def test_prefix_lists_are_described_over_several_pages_each_with_what_it_holds(stubber: Stubber) -> None:
    customers, aws = LIST, "pl-0fedcba9876543210"
    wide = {customers: (ip_network("0.0.0.0/0"),), aws: (ip_network("::/0"), ip_network("2000::/3"))}
    asked = {"Filters": [{"Name": "prefix-list-id", "Values": [customers, aws]}], "MaxResults": 100}
    described = [
        {"PrefixListId": aws, "PrefixListName": "com.amazonaws.eu-central-1.s3", "OwnerId": "AWS"},
        {"PrefixListId": customers, "PrefixListName": "offices", "OwnerId": "111122223333"},
    ]
    operation = "describe_managed_prefix_lists"
    stubber.add_response(operation, {"PrefixLists": described[:1], "NextToken": "a"}, asked)
    stubber.add_response(operation, {"PrefixLists": described[1:]}, asked | {"NextToken": "a"})

    with stubber:
        assert ec2(stubber).prefix_lists(wide) == (
            PrefixList(list_id=aws, name="com.amazonaws.eu-central-1.s3", owner="AWS", wide=wide[aws]),
            PrefixList(list_id=customers, name="offices", owner="111122223333", wide=wide[customers]),
        )
