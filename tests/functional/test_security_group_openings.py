"""Which rules go, and what stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local import hosts

if TYPE_CHECKING:
    from tests.functional.world import World


def test_ssh_from_anywhere_is_closed_recorded_and_told(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0", Description="temporary")

    world.deliver(group)

    assert world.sources(group) == set()
    (entry,) = world.stack.remediations()
    assert entry["outcome"] == "revoked"
    assert entry["rules"][0]["description"] == "temporary"
    (message,) = world.stack.told()
    assert message.subject == "Closed: tcp/22 from 0.0.0.0/0 on eks-cluster-sg-demo, eu-central-1"
    assert "assumed-role/PlatformEngineer/alice" in message.said
    assert entry["remediation_id"] in message.said


@pytest.mark.parametrize("source", ["0.0.0.0/0", "::/0", "128.0.0.0/1"])
def test_a_source_wider_than_the_policy_bears_is_closed(world: World, source: str) -> None:
    group = world.group()
    world.open(group, source)

    world.deliver(group)

    assert world.sources(group) == set()


@pytest.mark.parametrize("source", ["10.0.0.0/8", "fc00::/7", "8.0.0.0/8"])
def test_a_private_source_and_a_narrow_public_one_stay(world: World, source: str) -> None:
    group = world.group()
    world.open(group, source)

    world.deliver(group)

    assert world.sources(group) == {source}
    assert world.stack.remediations() == []


def test_both_halves_of_the_internet_are_closed(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/1", "128.0.0.0/1")

    world.deliver(group)

    assert world.sources(group) == set()
    assert len(world.stack.told()) == 1


def test_only_the_open_sources_of_a_permission_go_and_descriptions_survive(world: World) -> None:
    group, peer = world.group(), world.group("peers", {})
    prefix_list = world.ec2.create_managed_prefix_list(PrefixListName="offices", MaxEntries=5, AddressFamily="IPv4")
    list_id = prefix_list["PrefixList"]["PrefixListId"]
    world.open(
        group,
        "0.0.0.0/0",
        "10.0.0.0/8",
        "::/0",
        "fd00::/8",
        ports="443",
        Description="offices",
        permission={
            "UserIdGroupPairs": [{"GroupId": peer, "Description": "offices"}],
            "PrefixListIds": [{"PrefixListId": list_id, "Description": "offices"}],
        },
    )

    before = world.rules(group)

    world.deliver(group, "authorize-mixed-permission")

    assert world.sources(group) == {"10.0.0.0/8", "fd00::/8", peer, list_id}
    assert world.rules(group).items() <= before.items(), "ids and descriptions are as they were"


@pytest.mark.parametrize(
    ("protocol", "ports"), [("-1", "all"), ("50", "all"), ("icmp", "all"), ("udp", "53"), ("tcp", "0-65535")]
)
def test_every_protocol_is_closed(world: World, protocol: str, ports: str) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0", protocol=protocol, ports=ports)

    world.deliver(group)

    assert world.sources(group) == set()


@pytest.mark.parametrize(("protocol", "icmp_type"), [("icmp", 8), ("icmpv6", 128)])
def test_a_single_type_of_icmp_is_closed_as_types_are_not_ports(world: World, protocol: str, icmp_type: int) -> None:
    group = world.group()
    source = "::/0" if protocol == "icmpv6" else "0.0.0.0/0"
    world.open(group, source, protocol=protocol, permission={"FromPort": icmp_type, "ToPort": -1})

    world.deliver(group)

    assert world.sources(group) == set()


@pytest.mark.usefixtures("allowing_https")
def test_an_allowed_port_stays_open(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0", ports="443")

    world.deliver(group)

    assert world.sources(group) == {"0.0.0.0/0"}


@pytest.mark.usefixtures("allowing_https")
def test_a_range_that_contains_an_allowed_port_goes_whole(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0", ports="442-443")

    world.deliver(group)

    assert world.sources(group) == set()


def test_egress_is_untouched(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0")

    world.deliver(group)

    described = world.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    assert described["IpPermissionsEgress"][0]["IpRanges"] == [{"CidrIp": "0.0.0.0/0"}]


def test_a_clean_group_costs_one_ec2_call(world: World) -> None:
    group = world.group()
    world.open(group, "10.0.0.0/8")

    assert world.calls(lambda: world.deliver(group), "ec2:") == ["ec2:DescribeSecurityGroupRules"]


def test_an_opening_costs_four_ec2_calls_however_many_rules_offend(world: World) -> None:
    group = world.group()
    for port in range(1, 31):
        world.open(group, "0.0.0.0/0", "::/0", ports=str(port))

    assert len(world.calls(lambda: world.deliver(group), "ec2:")) == 4
    assert world.sources(group) == set()


def test_an_opening_costs_six_ec2_calls_when_hosts_must_be_looked_up(world: World) -> None:
    group = world.group("workers", {})
    hosts.start_host(world.ec2, group, hosts.MANAGED)
    world.open(group, "0.0.0.0/0")

    assert len(world.calls(lambda: world.deliver(group), "ec2:")) == 6
    assert world.sources(group) == set()
