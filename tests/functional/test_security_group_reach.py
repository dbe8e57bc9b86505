"""What brings an opening to a host without touching a rule: interfaces that join, prefix lists that change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from moto.ec2.models import ec2_backends

from local import hosts
from local.aws import ACCOUNT
from tests.functional.world import recorded

if TYPE_CHECKING:
    from tests.functional.world import World


def make_list(world: World, *entries: str, family: str = "IPv4") -> str:
    made = world.ec2.create_managed_prefix_list(
        PrefixListName="offices",
        MaxEntries=20,
        AddressFamily=family,
        Entries=[{"Cidr": entry} for entry in entries],
    )
    return made["PrefixList"]["PrefixListId"]


def open_to_list(world: World, group: str, list_id: str) -> None:
    permission: Any = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "PrefixListIds": [{"PrefixListId": list_id}]}
    world.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])


def in_progress(world: World, list_id: str) -> Any:
    """Leave a list as EC2 has it while it is changed: the old entries, in the state modify-in-progress."""
    held = ec2_backends[ACCOUNT][world.ec2.meta.region_name].managed_prefix_lists[list_id]
    held.state = "modify-in-progress"
    return held


def finish_change(world: World, held: Any) -> None:
    world.ec2.modify_managed_prefix_list(
        PrefixListId=held.id, PrefixListName="offices", CurrentVersion=1, AddEntries=[{"Cidr": "0.0.0.0/0"}]
    )


def give_to_aws(world: World, list_id: str) -> None:
    """Make the list AWS's: moto has no list of AWS that holds a source too wide, and nobody can make one."""
    backend = ec2_backends[ACCOUNT][world.ec2.meta.region_name]
    backend.managed_prefix_lists[list_id].resource_owner_id = "AWS"


def about(name: str, **replaced: str) -> dict[str, Any]:
    event = recorded(name)
    for recorded_id, real in replaced.items():
        event["detail"]["requestParameters"][recorded_id] = real
    return event


def list_event(name: str, list_id: str) -> dict[str, Any]:
    event = recorded(name)
    (request,) = event["detail"]["requestParameters"].values()
    request["PrefixListId"] = list_id
    return event


@pytest.mark.parametrize("name", ["interface-joins-group", "instance-joins-group"])
def test_an_open_group_that_is_attached_to_a_host_later_is_closed(world: World, name: str) -> None:
    group = world.group("extra", {})
    world.open(group, "0.0.0.0/0")
    world.deliver(group)
    assert world.sources(group) == {"0.0.0.0/0"}, "no host uses it yet"
    hosts.start_host(world.ec2, group, hosts.MANAGED)

    world.deliver(group, name)

    assert world.sources(group) == set()


@pytest.mark.parametrize("name", ["prefix-list-modified", "prefix-list-restored"])
def test_a_list_that_gains_the_internet_closes_every_group_that_names_it_and_is_named(world: World, name: str) -> None:
    list_id = make_list(world, "203.0.113.0/24")
    first, second, other = world.group("first"), world.group("second"), world.group("other")
    for group in (first, second):
        open_to_list(world, group, list_id)
    open_to_list(world, other, make_list(world, "203.0.113.0/24"))
    world.ec2.modify_managed_prefix_list(
        PrefixListId=list_id, PrefixListName="offices", CurrentVersion=1, AddEntries=[{"Cidr": "0.0.0.0/0"}]
    )

    world.stack.deliver(list_event(name, list_id))

    assert world.sources(first) == world.sources(second) == set()
    assert len(world.sources(other)) == 1
    assert all(
        f"through the prefix list {list_id} (offices), which holds 0.0.0.0/0" in m.email for m in world.stack.told()
    )
    assert world.told() == ["revoked", "revoked"]


@pytest.mark.parametrize("entries", [["203.0.113.0/24"], ["10.0.0.0/8"], ["8.0.0.0/8", "192.168.0.0/16"]])
def test_a_list_that_holds_nothing_too_wide_stays_and_costs_one_call(world: World, entries: list[str]) -> None:
    group = world.group()
    list_id = make_list(world, *entries)
    open_to_list(world, group, list_id)

    calls = world.calls(lambda: world.deliver(group), "ec2:")

    assert world.sources(group) == {list_id}
    assert calls == ["ec2:DescribeSecurityGroupRules", "ec2:GetManagedPrefixListEntries"]


def test_a_list_whose_halves_make_the_internet_is_closed(world: World) -> None:
    group = world.group()
    open_to_list(world, group, make_list(world, "::/1", "8000::/1", family="IPv6"))

    world.deliver(group)

    assert world.sources(group) == set()


def test_a_list_that_is_still_being_changed_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    group, list_id = world.group(), make_list(world, "203.0.113.0/24")
    open_to_list(world, group, list_id)
    held = in_progress(world, list_id)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    world.fault("ec2:DescribeManagedPrefixLists", lambda: finish_change(world, held), before=False)

    world.stack.deliver(list_event("prefix-list-modified", list_id))

    assert world.sources(group) == set()
    assert world.failures() == []


def test_a_list_that_takes_longer_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    group, list_id = world.group(), make_list(world, "203.0.113.0/24")
    open_to_list(world, group, list_id)
    held = in_progress(world, list_id)

    world.stack.deliver(list_event("prefix-list-modified", list_id))
    assert world.failures() == ["PrefixListChangingError"]
    assert world.sources(group) == {list_id}
    finish_change(world, held)
    world.sweep()

    assert world.stack.remediations()[0]["outcome"] == "observed"


def test_a_list_of_aws_itself_stays(world: World) -> None:
    group = world.group()
    list_id = make_list(world, "0.0.0.0/0")
    give_to_aws(world, list_id)
    open_to_list(world, group, list_id)

    world.deliver(group)

    assert world.sources(group) == {list_id}


def test_what_was_open_through_a_list_can_be_undone(world: World) -> None:
    group = world.group()
    list_id = make_list(world, "0.0.0.0/0")
    open_to_list(world, group, list_id)
    world.deliver(group)

    answer = world.ask(
        "undo",
        remediation=world.stack.remediations()[0]["remediation_id"],
        **{"for": "4h"},
        reason="the vendor's audit",
        by="alice@example.com",
    )
    world.deliver(group)

    assert answer["ok"]
    assert world.sources(group) == {list_id}


def test_a_list_that_nobody_names_is_nobodys_news(world: World) -> None:
    world.stack.deliver(list_event("prefix-list-modified", make_list(world, "0.0.0.0/0")))

    assert world.failures() == []
    assert world.stack.entries() == []
