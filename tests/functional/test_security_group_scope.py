"""Whose groups are closed: those of EKS hosts, and not what a controller owns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local import hosts

if TYPE_CHECKING:
    from tests.functional.world import World


@pytest.mark.parametrize("tags", [{"aws:eks:cluster-name": "demo"}, {"kubernetes.io/cluster/demo": "shared"}])
def test_a_group_with_a_cluster_tag_is_in_scope(world: World, tags: dict[str, str]) -> None:
    group = world.group(tags=tags)
    world.open(group, "0.0.0.0/0")

    world.deliver(group)

    assert world.sources(group) == set()


@pytest.mark.parametrize(
    ("host", "said"),
    [
        (hosts.MANAGED, "managed node group workers"),
        (hosts.SELF_MANAGED, "self-managed, EKS cluster demo"),
        (hosts.KARPENTER, "Karpenter node pool default"),
        (hosts.AUTO_MODE, "EKS cluster demo"),
    ],
    ids=["managed", "self-managed", "Karpenter", "Auto Mode"],
)
def test_a_group_that_an_eks_host_uses_is_in_scope(world: World, host: dict[str, str], said: str) -> None:
    group = world.group("extra", {})
    instance = hosts.start_host(world.ec2, group, host)
    world.open(group, "0.0.0.0/0")

    world.deliver(group)

    assert world.sources(group) == set()
    assert f"{instance} ({said})" in world.last_told().said


def test_a_web_servers_group_is_left_alone(world: World) -> None:
    group = world.group("web", {"Name": "web"})
    hosts.start_host(world.ec2, group, hosts.WEB_SERVER)
    world.open(group, "0.0.0.0/0", ports="443")

    world.deliver(group)

    assert world.sources(group) == {"0.0.0.0/0"}
    assert world.stack.entries() == []


def test_a_group_that_nothing_uses_is_left_alone(world: World) -> None:
    group = world.group("unused", {})
    world.open(group, "0.0.0.0/0")

    world.deliver(group)

    assert world.sources(group) == {"0.0.0.0/0"}


def test_a_load_balancers_group_is_left_alone_though_it_is_tagged_for_the_cluster(world: World) -> None:
    group = world.group("k8s-elb-a1b2c3", hosts.CLUSTER_TAGS)
    world.open(group, "0.0.0.0/0", ports="443")

    world.deliver(group)

    assert world.sources(group) == {"0.0.0.0/0"}


def test_a_host_that_hides_behind_a_load_balancers_name_is_in_scope(world: World) -> None:
    group = world.group("k8s-elb-a1b2c3", hosts.CLUSTER_TAGS)
    hosts.start_host(world.ec2, group, hosts.MANAGED)
    world.open(group, "0.0.0.0/0", ports="443")

    world.deliver(group)

    assert world.sources(group) == set()


def test_a_controllers_rule_is_left_to_it_and_told_with_the_annotation(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0", ports="31080", Description="kubernetes.io/rule/nlb/client=a1b2c3")

    world.deliver(group)

    assert world.sources(group) == {"0.0.0.0/0"}
    assert world.told() == ["left-to-controller"]
    assert "load-balancer-source-ranges" in world.last_told().said


@pytest.mark.parametrize("ports", ["22", "10200-10300"])
def test_a_forged_controllers_description_does_not_help(world: World, ports: str) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0", ports=ports, Description="kubernetes.io/rule/nlb/client=a1b2c3")

    world.deliver(group)

    assert world.sources(group) == set()


def test_everything_is_never_left_to_a_controller(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0", protocol="-1", ports="all", Description="elbv2.k8s.aws/targetGroupBinding=shared")

    world.deliver(group)

    assert world.sources(group) == set()
