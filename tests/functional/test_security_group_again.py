"""Openings that come back, runs that cross, entries that are large: nothing is closed without record, message and undo."""

from __future__ import annotations

import contextvars
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import time_machine

from nodewarden import wiring
from tests.functional.world import WHO, refuse

if TYPE_CHECKING:
    from tests.functional.world import World


def modify(world: World, group: str, rule: str, source: str) -> None:
    """Change a rule's source in place: it keeps its id (moto's ModifySecurityGroupRules changes the same object)."""
    world.ec2.modify_security_group_rules(
        GroupId=group,
        SecurityGroupRules=[
            {
                "SecurityGroupRuleId": rule,
                "SecurityGroupRule": {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": source},
            }
        ],
    )


def test_a_rule_that_was_narrowed_and_widened_again_under_its_id_is_closed_recorded_told_and_undoable(
    world: World,
) -> None:
    group = world.group()
    (rule,) = world.open(group, "0.0.0.0/0")
    world.ask("pause", what=group, **WHO)
    world.deliver(group)
    modify(world, group, rule, "10.0.0.0/8")
    world.deliver(group)
    world.ask("resume", what=group, **WHO)
    modify(world, group, rule, "0.0.0.0/0")

    world.deliver(group)

    assert world.sources(group) == set()
    assert world.told()[-3:] == ["gone", "resumed", "revoked"]
    assert world.ask("undo", remediation=world.stack.remediations()[-1]["remediation_id"], **{"for": "1h"}, **WHO)["ok"]
    assert world.sources(group) == {"0.0.0.0/0"}


def test_what_was_exempt_one_by_one_is_closed_when_both_exemptions_are_over(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0", "::/0")
    world.ask("pause", what=group, **WHO)
    world.deliver(group)
    for source in ("0.0.0.0/0", "::/0"):
        world.ask("exempt", group=group, protocol="tcp", ports="22", source=source, **{"for": "1h"}, **WHO)
        world.deliver(group)
    world.ask("resume", what=group, **WHO)

    with time_machine.travel(datetime.now(UTC) + timedelta(hours=2)):
        world.deliver(group)

    assert world.sources(group) == set()
    assert world.told()[-1] == "revoked"


def test_a_pause_in_the_middle_of_an_act_does_not_hide_that_it_was_done(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0")

    def pause_and_look_again() -> None:
        world.stack.invoke("OperatorFunction", {"verb": "pause", "what": group, **WHO})
        world.stack.invoke("SecurityGroupFunction", world.event(group))

    world.fault("ec2:RevokeSecurityGroupIngress", pause_and_look_again)

    world.deliver(group)

    assert world.sources(group) == set()
    assert world.outcomes()[-1] == "revoked"
    assert world.told()[-1] == "revoked"


@pytest.mark.parametrize("letters", ["x", "名"])
def test_rules_with_more_tags_than_one_entry_holds_are_closed_all_the_same(world: World, letters: str) -> None:
    group = world.group()
    tags: Any = [{"Key": f"{i:02}{letters * 100}", "Value": letters * 256} for i in range(50)]
    for port in range(1, 23):
        permission: Any = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        world.ec2.authorize_security_group_ingress(
            GroupId=group,
            IpPermissions=[permission],
            TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": tags}],
        )

    world.deliver(group)

    assert world.sources(group) == set()
    assert world.failures() == []
    assert {*world.outcomes()} == {"revoked"}
    assert sum(len(entry["rules"]) for entry in world.stack.remediations()) == 22


def test_a_rule_that_was_narrowed_meanwhile_is_not_revoked_again(world: World) -> None:
    group = world.group()
    vanishing, narrowed = world.open(group, "0.0.0.0/0", "0.0.0.0/1")

    def change() -> None:
        world.ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[vanishing])
        modify(world, group, narrowed, "10.0.0.0/8")
        raise_not_found()

    raise_not_found = refuse("InvalidSecurityGroupRuleId.NotFound", "RevokeSecurityGroupIngress")
    world.fault("ec2:RevokeSecurityGroupIngress", change)

    world.deliver(group)

    assert world.sources(group) == {"10.0.0.0/8"}
    assert world.told() == ["gone"]


def test_what_another_run_of_ours_closed_is_not_blamed_on_somebody_else(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0")

    def second_opening_and_a_second_run() -> None:
        world.open(group, "::/0")
        world.stack.invoke("SecurityGroupFunction", world.event(group))

    world.fault("dynamodb:UpdateItem", second_opening_and_a_second_run)

    world.deliver(group)

    assert world.sources(group) == set()
    assert "gone" not in world.told()


def test_an_undo_that_fails_halfway_says_so_and_leaves_no_exemption_behind(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0", "::/0")
    world.deliver(group)
    name = world.stack.remediations()[0]["remediation_id"]
    full = refuse("RulesPerSecurityGroupLimitExceeded", "AuthorizeSecurityGroupIngress")
    world.fault(
        "ec2:AuthorizeSecurityGroupIngress",
        lambda: world.fault("ec2:AuthorizeSecurityGroupIngress", full),
        before=False,
    )

    answer = world.ask("undo", remediation=name, **{"for": "4h"}, **WHO)

    assert answer["ok"] is False
    assert "1 of 2 rules are open again" in answer["error"]
    assert world.sources(group) == {"0.0.0.0/0"}
    assert "Not put back: sgr-" in world.last_told().said
    world.open(group, "::/0")
    world.deliver(group)
    assert world.sources(group) == {"0.0.0.0/0"}, "the second rule is not exempt"


def test_undo_leaves_closed_what_a_person_had_closed(world: World) -> None:
    group = world.group()
    theirs, _ = world.open(group, "0.0.0.0/0", "::/0")
    world.fault(
        "ec2:RevokeSecurityGroupIngress",
        lambda: world.ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[theirs]),
    )
    world.deliver(group)

    world.ask("undo", remediation=world.stack.remediations()[0]["remediation_id"], **{"for": "4h"}, **WHO)

    assert world.sources(group) == {"::/0"}


def test_a_tag_cannot_write_lines_of_a_message(world: World) -> None:
    group = world.group(tags={"aws:eks:cluster-name": "demo\nUNDO\ncurl example.com | sh"})
    world.open(group, "0.0.0.0/0")

    world.deliver(group)

    lines = world.last_told().email.splitlines()
    assert lines.count("UNDO") == 1
    assert not [line for line in lines if line.startswith("curl")]


def test_a_prefix_list_that_cannot_be_read_keeps_no_other_rule_open_and_is_raised(world: World) -> None:
    group = world.group()
    made = world.ec2.create_managed_prefix_list(PrefixListName="x", MaxEntries=1, AddressFamily="IPv4")
    list_id = made["PrefixList"]["PrefixListId"]
    permission: Any = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "PrefixListIds": [{"PrefixListId": list_id}]}
    world.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    world.open(group, "0.0.0.0/0")
    denied = refuse("UnauthorizedOperation", "GetManagedPrefixListEntries")
    world.fault("ec2:GetManagedPrefixListEntries", denied, times=3)

    world.deliver(group)

    assert world.sources(group) == {list_id}
    assert world.failures() == ["MissingPermissionError"]


def test_who_opened_is_still_known_when_a_person_has_the_group_judged_after_a_pause(world: World) -> None:
    group = world.group()
    (rule,) = world.open(group, "0.0.0.0/0")
    event = world.event(group)
    event["detail"]["responseElements"]["securityGroupRuleSet"]["items"][0]["securityGroupRuleId"] = rule
    world.ask("pause", what=group, **WHO)
    world.stack.deliver(event)
    world.ask("resume", what=group, **WHO)
    by_hand = {
        "account": event["account"],
        "region": event["region"],
        "detail": {"requestParameters": {"groupId": group}},
    }

    contextvars.Context().run(world.stack.invoke, "SecurityGroupFunction", by_hand)
    world.stack.pump()

    assert world.told()[-1] == "revoked"
    assert "PlatformEngineer/alice" in world.last_told().said


def test_old_history_is_not_read_and_does_not_stand_in_the_way(world: World) -> None:
    group = world.group()
    (rule,) = world.open(group, "0.0.0.0/0")
    world.ask("pause", what=group, **WHO)
    world.deliver(group)
    modify(world, group, rule, "10.0.0.0/8")
    world.deliver(group)  # gone
    modify(world, group, rule, "0.0.0.0/0")

    with time_machine.travel(datetime.now(UTC) + timedelta(days=2)):
        world.deliver(group)

    assert world.told() == ["paused", "paused", "gone", "paused"]


def test_check_of_a_group_that_is_not_there_says_so(world: World) -> None:
    answer = world.ask("check", group="sg-0123456789abcdef0")

    assert answer["ok"] is False
    assert "there is no security group sg-0123456789abcdef0" in answer["error"]


def test_a_revoke_whose_answer_was_lost_is_ours(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0")
    events = boto3.DEFAULT_SESSION.events  # type: ignore[union-attr]  # the stack set it up

    def retry_once(attempts: int, **_: Any) -> int | None:
        return 0 if attempts == 1 else None

    lost: Any = retry_once
    event = "needs-retry.ec2.RevokeSecurityGroupIngress"
    wiring.forget()
    events.register_first(event, lost)
    try:
        world.deliver(group)
    finally:
        events.unregister(event, lost)
        wiring.forget()

    assert world.sources(group) == set()
    assert world.outcomes() == world.told() == ["revoked"]


def test_of_what_was_observed_together_each_rule_that_vanishes_is_told(world: World) -> None:
    world.stack.update(Mode="observe")
    group = world.group()
    rules = world.open(group, "0.0.0.0/0", "::/0")
    world.deliver(group)
    world.ask("exempt", group=group, protocol="tcp", ports="22", source="0.0.0.0/0", **{"for": "1h"}, **WHO)
    world.deliver(group)
    world.ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=rules)

    world.deliver(group)

    gone = [message.email for message in world.stack.told() if message.attributes["outcome"] == "gone"]
    assert [sorted(rule for rule in rules if rule in email) for email in gone] in (
        [[r] for r in rules],
        [[r] for r in rules[::-1]],
    )


def test_a_request_is_not_echoed_at_length(world: World) -> None:
    answer = world.stack.invoke("OperatorFunction", {"verb": "x" * 1_000_000})

    assert len(answer["error"]) < 2000
