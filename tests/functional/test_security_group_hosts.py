"""A host that starts in a group that was open before it: found by the start, in few calls, however many start."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local import hosts, template
from tests.functional.world import refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.functional.world import World

FUNCTION = "SecurityGroupHostsFunction"
KINDS = {
    "managed node group": hosts.MANAGED,
    "self-managed": hosts.SELF_MANAGED,
    "Karpenter": hosts.KARPENTER,
    "Auto Mode": hosts.AUTO_MODE,
}


def start_of(instance: str) -> dict[str, Any]:
    recorded = (template.ROOT / "events/security_group_hosts/host-starts.json").read_text("utf-8")
    event: dict[str, Any] = json.loads(recorded.replace("i-0123456789abcdef0", instance))
    return event


def start(world: World, group: str, tags: Mapping[str, str] = hosts.MANAGED) -> str:
    instance = hosts.start_host(world.ec2, group, tags)
    world.stack.deliver(start_of(instance))
    return instance


def attach(world: World, instance: str, group: str) -> None:
    """Give a host another interface, in this group."""
    subnet = world.ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    interface = world.ec2.create_network_interface(SubnetId=subnet, Groups=[group])["NetworkInterface"]
    world.ec2.attach_network_interface(
        NetworkInterfaceId=interface["NetworkInterfaceId"], InstanceId=instance, DeviceIndex=1
    )


def attached(instance: str) -> dict[str, Any]:
    recorded = (template.ROOT / "events/security_group_hosts/interface-attached.json").read_text("utf-8")
    event: dict[str, Any] = json.loads(recorded.replace("i-0123456789abcdef0", instance))
    return event


def leave(world: World, instance: str) -> None:
    """Take a host out of its group, as its end does: moto keeps the interface of a terminated instance."""
    own = [{"Name": "attachment.instance-id", "Values": [instance]}]
    (found,) = world.ec2.describe_network_interfaces(Filters=own)["NetworkInterfaces"]  # type: ignore[arg-type]  # literals
    nowhere = world.group(f"after-{instance}", {})
    world.ec2.modify_network_interface_attribute(NetworkInterfaceId=found["NetworkInterfaceId"], Groups=[nowhere])


def narrow_the_other(world: World, groups: list[str]) -> str:
    """Narrow the rule of the group that is still open, under its id; gives the group."""
    (group,) = (group for group in groups if world.rules(group))
    (rule,) = world.rules(group)
    narrow: Any = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "10.0.0.0/8"}
    world.ec2.modify_security_group_rules(
        GroupId=group, SecurityGroupRules=[{"SecurityGroupRuleId": rule, "SecurityGroupRule": narrow}]
    )
    return group


@pytest.mark.parametrize("tags", KINDS.values(), ids=KINDS)
def test_a_group_that_was_opened_before_its_host_existed_closes_when_the_host_starts(
    world: World, tags: Mapping[str, str]
) -> None:
    group = world.group("remote-access", {})
    world.open(group, "0.0.0.0/0", "10.0.0.0/8")
    world.deliver(group)
    assert world.sources(group) == {"0.0.0.0/0", "10.0.0.0/8"}

    instance = start(world, group, tags)

    assert world.sources(group) == {"10.0.0.0/8"}
    assert world.told() == ["revoked"]
    assert f"used by {instance}" in world.last_told().email
    assert "it was open before this (EC2 Instance State-change Notification" in world.last_told().email


def test_a_group_of_a_second_interface_closes_too(world: World) -> None:
    first, second = world.group("first", {}), world.group("second", {})
    world.open(second, "0.0.0.0/0")
    instance = hosts.start_host(world.ec2, first, hosts.MANAGED)
    attach(world, instance, second)

    world.stack.deliver(start_of(instance))

    assert world.sources(second) == set()


def test_an_open_group_of_an_interface_that_a_host_gets_is_closed_and_whoever_attached_it_is_not_blamed(
    world: World,
) -> None:
    first, second = world.group("first", {}), world.group("second", {})
    instance = hosts.start_host(world.ec2, first, hosts.MANAGED)
    world.open(second, "0.0.0.0/0")
    attach(world, instance, second)

    world.stack.deliver(attached(instance))

    assert world.sources(second) == set()
    assert "unknown: it was open before this (AttachNetworkInterface by " in world.last_told().email


def test_interfaces_that_the_cni_attaches_do_not_make_a_call_each(world: World) -> None:
    group = world.group("workers", {})
    instance = hosts.start_host(world.ec2, group, hosts.MANAGED)

    def burst() -> None:
        for _ in range(200):
            world.stack.put(attached(instance))
        world.stack.pump()

    assert len(world.calls(burst, "ec2:")) == 3


def test_what_a_sweep_listed_is_left_when_hosts_and_interfaces_come_until_the_sweep_enforces(world: World) -> None:
    group = world.group("workers", {})
    world.open(group, "0.0.0.0/0")
    instance = hosts.start_host(world.ec2, group, hosts.MANAGED)
    world.sweep()

    world.stack.deliver(attached(instance))
    with world.later(minutes=2):
        start(world, group)
    assert world.sources(group) == {"0.0.0.0/0"}
    assert world.outcomes() == ["observed"]
    world.stack.update(SweepMode="enforce")
    with world.later(minutes=4):
        start(world, group)

    assert world.sources(group) == set()


def test_a_host_that_starts_within_a_minute_of_a_look_closes_what_opened_while_there_was_none(world: World) -> None:
    group = world.group("workers", {})
    leave(world, start(world, group))
    world.open(group, "0.0.0.0/0")
    world.deliver(group)
    assert world.sources(group) == {"0.0.0.0/0"}

    start(world, group)

    assert world.sources(group) == set()


def test_a_rule_that_is_narrowed_while_another_group_is_closed_stays(world: World) -> None:
    groups = [world.group(name, {}) for name in ("first", "second")]
    for group in groups:
        world.open(group, "0.0.0.0/0")
        world.stack.put(start_of(hosts.start_host(world.ec2, group, hosts.MANAGED)))
    narrowed: list[str] = []
    world.fault(
        "ec2:RevokeSecurityGroupIngress", lambda: narrowed.append(narrow_the_other(world, groups)), before=False
    )

    world.stack.pump()

    assert world.sources(narrowed[0]) == {"10.0.0.0/8"}


def test_an_instance_that_is_no_eks_host_closes_nothing_and_costs_one_call(world: World) -> None:
    group = world.group("web", {})
    world.open(group, "0.0.0.0/0")

    calls = world.calls(lambda: start(world, group, hosts.WEB_SERVER), "ec2:")

    assert calls == ["ec2:DescribeInstances"]
    assert world.sources(group) == {"0.0.0.0/0"}


def test_a_host_whose_groups_are_closed_costs_two_calls(world: World) -> None:
    group = world.group("workers", {})
    world.open(group, "10.0.0.0/8")

    calls = world.calls(lambda: start(world, group), "ec2:")

    assert calls == ["ec2:DescribeInstances", "ec2:DescribeSecurityGroupRules"]
    assert world.told() == []


def test_five_hundred_starts_look_at_their_group_once(world: World) -> None:
    group = world.group("workers", {})
    instances = [hosts.start_host(world.ec2, group, hosts.MANAGED) for _ in range(2)]
    starts = [start_of(instances[number % 2]) for number in range(500)]

    def burst() -> None:
        for event in starts:
            world.stack.put(event)
        world.stack.pump()

    calls = world.calls(burst, "ec2:")

    assert world.stack.attempts == [FUNCTION] * 5
    assert calls.count("ec2:DescribeSecurityGroupRules") == 1
    assert calls.count("ec2:DescribeInstances") == 5
    assert len(calls) == 6


def test_a_group_is_looked_at_again_after_a_minute(world: World) -> None:
    group = world.group("workers", {})
    start(world, group)
    world.open(group, "0.0.0.0/0")
    start(world, group)
    assert world.sources(group) == {"0.0.0.0/0"}, "the opening makes an event of its own; a start looks once a minute"

    with world.later(seconds=61):
        start(world, group)

    assert world.sources(group) == set()


def test_a_start_that_fails_comes_again_and_closes_the_group(world: World) -> None:
    group = world.group("workers", {})
    world.open(group, "0.0.0.0/0")
    world.fault("ec2:RevokeSecurityGroupIngress", refuse("UnauthorizedOperation", "RevokeSecurityGroupIngress"))

    start(world, group)

    assert world.stack.attempts.count(FUNCTION) == 2
    assert world.sources(group) == set()
    assert world.outcomes() == world.told() == ["revoked"]
    assert world.stack.failed() == []


@pytest.mark.parametrize(
    "body", ["no JSON", "[]", "{}", json.dumps({"account": "111122223333", "region": "eu-central-1", "detail": {}})]
)
def test_a_message_that_says_no_start_fails_alone_and_is_kept(world: World, body: str) -> None:
    group = world.group("workers", {})
    world.open(group, "0.0.0.0/0")
    boto3.client("sqs").send_message(QueueUrl=world.stack.ids["HostStartQueue"], MessageBody=body)

    start(world, group)

    assert world.sources(group) == set()
    assert world.stack.attempts.count(FUNCTION) == 3
    (kept,) = world.stack.bodies("FailuresQueue")
    assert kept == body


def test_a_start_in_another_account_fails_alone(world: World) -> None:
    group = world.group("workers", {})
    world.open(group, "0.0.0.0/0")
    elsewhere = start_of("i-0fedcba9876543210") | {"account": "444455556666"}
    world.stack.put(elsewhere)

    start(world, group)

    assert world.sources(group) == set()
    assert [body["account"] for body in world.stack.failed()] == ["444455556666"]


def test_an_instance_that_is_gone_already_is_no_failure(world: World) -> None:
    world.stack.deliver(start_of("i-0fedcba9876543210"))

    assert world.stack.failed() == []


def test_a_group_of_another_account_that_a_host_of_ours_uses_is_reported_as_owned_by_it(world: World) -> None:
    group = world.group("shared", {})
    world.open(group, "0.0.0.0/0")
    world.give_away(group, "444455556666")

    start(world, group)

    assert world.sources(group) == {"0.0.0.0/0"}
    assert world.told() == ["owned-elsewhere"]
    assert "444455556666" in world.last_told().email


def test_a_host_of_another_account_that_uses_a_group_of_ours_is_reported_as_owned_by_it(world: World) -> None:
    group = world.group("shared", {})
    instance = hosts.start_host(world.ec2, group, hosts.MANAGED)
    world.open(group, "0.0.0.0/0")
    world.give_instance_away(instance, "444455556666")

    world.deliver(group)

    assert world.sources(group) == {"0.0.0.0/0"}
    assert world.told() == ["owned-elsewhere"]
    assert f"{instance} of account 444455556666" in world.last_told().email


@pytest.mark.parametrize("before", [True, False], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize("number", range(14))
def test_a_crash_at_any_call_ends_closed_with_one_act_and_told(world: World, number: int, *, before: bool) -> None:
    group, clean = world.group("workers", {}), world.group("clean", {})
    rules = world.open(group, "0.0.0.0/0", "::/0")
    instances = [hosts.start_host(world.ec2, each, hosts.MANAGED) for each in (group, clean)]
    world.crash_at(number, before=before)

    for instance in instances:
        world.stack.put(start_of(instance))
    world.stack.pump()

    assert world.sources(group) == set()
    (entry,) = world.stack.remediations()
    assert entry["outcome"] == "revoked"
    assert {rule["rule_id"] for rule in entry["rules"]} == {*rules}
    assert set(world.told()) == {"revoked"}
    assert world.stack.failed() == []
