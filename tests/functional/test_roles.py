"""The roles are exact: what the functions call is allowed, and nothing else is."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local import hosts, moto_imagebuilder, template
from nodewarden import wiring
from nodewarden.ami_release.standing import HOLD, PIN
from nodewarden.ami_release.unmanaged import MANAGED_TAG
from tests import roles
from tests.functional import golden_world
from tests.functional.finding_world import found, reached
from tests.functional.fleet_watch import NEWER, FleetWatch
from tests.functional.golden_world import DEV, GoldenWorld
from tests.functional.slack_world import ALICE
from tests.functional.test_ami_event import BUILD, event
from tests.functional.test_security_group_hosts import start_of
from tests.functional.test_security_group_reach import open_to_list
from tests.functional.world import WHO, refuse

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.fleet_world import FleetWorld
    from tests.functional.slack_world import SlackWorld
    from tests.functional.world import World

REFRESH, MAKE = "autoscaling:StartInstanceRefresh", "ec2:CreateLaunchTemplateVersion"
FUNCTIONS = sorted(template.resources("AWS::Lambda::Function"))


def do_everything(fleet: FleetWorld) -> None:
    """Let every function do all that it does."""
    world = fleet.world
    group = world.group("workers", {})
    hosts.start_host(world.ec2, group, hosts.MANAGED)
    world.ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
        TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": [{"Key": "owner", "Value": "alice"}]}],
    )
    made = world.ec2.create_managed_prefix_list(
        PrefixListName="all", MaxEntries=1, AddressFamily="IPv4", Entries=[{"Cidr": "0.0.0.0/0"}]
    )
    permission: Any = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}
    permission["PrefixListIds"] = [{"PrefixListId": made["PrefixList"]["PrefixListId"]}]
    world.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    world.ask("check", group=group)
    world.deliver(group, "authorize-by-group-name")
    name = world.stack.remediations()[0]["remediation_id"]
    hosts.start_host(world.ec2, group, hosts.MANAGED)
    other = world.group("before-its-host", {})
    world.open(other, "0.0.0.0/0")
    open_to_list(world, other, made["PrefixList"]["PrefixListId"])
    world.stack.deliver(start_of(hosts.start_host(world.ec2, other, hosts.MANAGED)))
    swept = world.group("swept", {})
    hosts.start_host(world.ec2, swept, hosts.MANAGED)
    world.open(swept, "0.0.0.0/0")
    open_to_list(world, swept, made["PrefixList"]["PrefixListId"])
    world.stack.update(SweepMode="enforce")
    world.crash_at(*range(9, 100), before=True)
    world.sweep()
    world.stack.observers.pop()
    with world.later(minutes=16):
        world.sweep()
    world.ask("resume", what="breaker", **WHO)
    world.ask("status")
    world.ask("status", what="incidents")
    world.ask("status", remediation=name)
    world.ask("exempt", group=group, protocol="tcp", source="0.0.0.0/0", **{"for": "1h"}, **WHO)
    world.ask("pause", what="acting", **WHO)
    world.ask("resume", what="acting", **WHO)
    assert world.ask("undo", remediation=name, **{"for": "4h"}, **WHO)["ok"]
    watch_a_release(FleetWatch(world.stack))
    hear_of_inspector(world)
    roll(fleet)


def hear_of_inspector(world: World) -> None:
    """Let Inspector find vulnerabilities on hosts of a group that is behind, and a host that it can reach."""
    group = world.group("reached", {})
    instance = hosts.start_host(world.ec2, group, hosts.MANAGED)
    world.open(group, "0.0.0.0/0")
    made = world.ec2.create_managed_prefix_list(
        PrefixListName="everything", MaxEntries=1, AddressFamily="IPv4", Entries=[{"Cidr": "0.0.0.0/0"}]
    )
    open_to_list(world, group, made["PrefixList"]["PrefixListId"])
    interfaces = world.ec2.describe_network_interfaces(
        Filters=[{"Name": "attachment.instance-id", "Values": [instance]}]
    )["NetworkInterfaces"]
    world.ask("resume", what="acting", **WHO)
    through_its_interface = reached(3, instance, interface=interfaces[0]["NetworkInterfaceId"], tags=hosts.MANAGED)
    world.stack.put(found(1, group="demo/workers"))
    world.stack.put(found(2, instance="i-0fedcba9876543210", tags={}))
    world.stack.deliver(through_its_interface)


def watch_a_release(watch: FleetWatch) -> None:
    """Let a release come that node groups are behind."""
    watch.behind()
    watch.behind("production", tags={"nodewarden:wave": "prod"})
    watch.look()
    watch.fleet.release(NEWER)
    watch.look()
    watch.stack.deliver(event("image-builder-available"))


def roll(fleet: FleetWorld) -> None:
    """Let a rollout go through its waves, the answer to its first start lost, and a person's yes between them."""
    fleet.passes(hours=2)  # the release is old enough then
    fleet.family = "AL2023"
    fleet.world.fault("eks:UpdateNodegroupVersion", refuse("ThrottlingException", "UpdateNodegroupVersion"))
    fleet.until("awaiting-approval")
    assert fleet.says("approve")["ok"]
    fleet.until("finished")
    fleet.family = "golden"
    fleet.until("finished")


def answer_in_slack(slack_world: SlackWorld) -> None:
    """Let people press what there is to press, two of them at once."""
    slack_world.observed_group()
    for button in ("revoke", "exempt"):
        slack_world.send(slack_world.slack.press(button, ALICE))
    slack_world.world.stack.pump()
    slack_world.world.stack.update(Mode="enforce")
    slack_world.closed_group()
    wiring.forget()  # the functions of Slack have a process each, and so a secret to read each
    slack_world.press("undo")
    told = slack_world.world.stack.told()[0]
    topic = slack_world.world.stack.ids["NoticeTopic"]
    for _ in range(2):
        boto3.client("sns").publish(TopicArn=topic, Message=json.dumps(told.document))
    slack_world.world.stack.pump()


def give_golden_groups(fleet: FleetWorld, policy: Path) -> None:
    """Let there be a node group with an AMI of its own, a self-managed group, and a build that both are behind."""
    golden_world.write(policy)
    golden = GoldenWorld(fleet)
    golden.group("golden-dev", tags={"nodewarden:wave": "dev"})
    template = golden.fleet.launch_template(golden.old, InstanceType="m7i.large")
    golden.fleet.auto_scaling_group(template, cluster="golden-dev", tags=DEV)
    moto_imagebuilder.build(BUILD, {"eu-central-1": golden.build()})


def test_every_call_is_allowed_and_nothing_else_is(
    slack_fleet: FleetWorld, slack_world: SlackWorld, tmp_path: Path
) -> None:
    called: dict[str, set[str]] = {}
    slack_world.world.stack.observers.append(lambda call: called.setdefault(call.function, set()).add(call.action))
    slack_world.world.stack.update(GoldenInstanceRoleArns="arn:aws:iam::111122223333:role/hosts")
    give_golden_groups(slack_fleet, tmp_path / "policy")
    do_everything(slack_fleet)
    answer_in_slack(slack_world)

    assert {function: roles.needed(calls) for function, calls in called.items()} == {
        function: roles.allowed(function) for function in FUNCTIONS
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_beside_its_calls_a_role_has_the_platforms_permissions_only(function: str) -> None:
    assert roles.managed(function) <= roles.PLATFORM_POLICIES


@pytest.mark.parametrize("function", FUNCTIONS)
def test_only_reads_that_cannot_be_narrowed_are_allowed_on_every_resource(function: str) -> None:
    for statement in roles.statements(function):
        assert "*" not in "".join(roles.actions(statement))
        if statement["Resource"] == "*":
            assert roles.actions(statement) <= roles.UNNARROWED


def test_only_undo_may_open_a_group() -> None:
    assert [f for f in FUNCTIONS if "ec2:AuthorizeSecurityGroupIngress" in roles.allowed(f)] == ["UndoFunction"]


def test_undo_tags_nothing_but_the_rules_that_it_puts_back() -> None:
    (tagging,) = (s for s in roles.statements("UndoFunction") if "ec2:CreateTags" in roles.actions(s))

    assert tagging["Condition"] == {"StringEquals": {"ec2:CreateAction": "AuthorizeSecurityGroupIngress"}}
    assert tagging["Resource"] == {"Fn::Sub": "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:security-group-rule/*"}


def test_only_rollouts_update_node_groups_and_start_no_host_by_themselves() -> None:
    updating = [f for f in FUNCTIONS if "eks:UpdateNodegroupVersion" in roles.allowed(f)]
    (starting,) = (s for f in FUNCTIONS for s in roles.statements(f) if "ec2:RunInstances" in roles.actions(s))

    assert updating == ["RolloutFunction"]
    assert starting["Condition"] == {"Bool": {"aws:ViaAWSService": "true"}}


def test_node_groups_of_this_account_alone_are_updated() -> None:
    (updating,) = (s for s in roles.statements("RolloutFunction") if "eks:UpdateNodegroupVersion" in roles.actions(s))

    assert updating["Resource"] == {"Fn::Sub": "arn:${AWS::Partition}:eks:*:${AWS::AccountId}:nodegroup/*"}


def test_a_node_group_that_people_hold_or_pin_cannot_be_updated_whatever_the_code_does() -> None:
    (updating,) = (s for s in roles.statements("RolloutFunction") if "eks:UpdateNodegroupVersion" in roles.actions(s))

    assert updating["Condition"] == {"Null": {f"aws:ResourceTag/{tag}": "true" for tag in (HOLD, PIN)}}


def test_no_function_that_acts_needs_the_topic_or_the_bus() -> None:
    assert [f for f in FUNCTIONS if "sns:Publish" in roles.allowed(f)] == ["NoticeFunction"]
    assert [f for f in FUNCTIONS if "events:PutEvents" in roles.allowed(f)] == ["NoticeFunction"]


def test_who_looks_at_the_fleet_changes_nothing_of_it() -> None:
    read = {"Describe", "Get", "List", "Query"}
    others = {a for a in roles.allowed("AmiReleaseFunction") if not a.partition(":")[2].startswith(tuple(read))}

    assert others == {"dynamodb:UpdateItem"}


def test_of_ssm_only_what_aws_publishes_is_read() -> None:
    reading = [s for f in FUNCTIONS for s in roles.statements(f) if "ssm:GetParameters" in roles.actions(s)]

    published = {"Fn::Sub": "arn:${AWS::Partition}:ssm:*::parameter/aws/service/*"}
    assert reading
    assert all(s["Resource"] == published for s in reading)


def test_only_rollouts_refresh_groups_and_never_one_that_people_keep_or_eks_owns() -> None:
    (refreshing,) = (s for f in FUNCTIONS for s in roles.statements(f) if REFRESH in roles.actions(s))

    assert [f for f in FUNCTIONS if REFRESH in roles.allowed(f)] == ["RolloutFunction"]
    kept = {f"aws:ResourceTag/{tag}": "true" for tag in (HOLD, PIN, MANAGED_TAG)}
    assert refreshing["Condition"] == {"Null": kept}


def test_only_the_roles_that_people_name_are_passed_and_to_hosts_alone() -> None:
    (passing,) = (s for f in FUNCTIONS for s in roles.statements(f) if "iam:PassRole" in roles.actions(s))

    assert passing["Resource"] == {"Fn::Split": [",", {"Ref": "GoldenInstanceRoleArns"}]}
    assert passing["Condition"] == {"StringLike": {"iam:PassedToService": "ec2.amazonaws.com*"}}


def test_where_no_role_is_named_no_role_is_passed_and_no_group_refreshed() -> None:
    policies = template.resources("AWS::IAM::Role")["RolloutFunctionRole"]["Policies"]
    given = [s["Fn::If"] for p in policies for s in p["PolicyDocument"]["Statement"] if "Fn::If" in s]

    assert {(condition, *roles.actions(statement)) for condition, statement, _ in given} == {
        ("RefreshesGroups", REFRESH),
        ("RefreshesGroups", "iam:PassRole"),
    }
    assert all(otherwise == {"Ref": "AWS::NoValue"} for *_, otherwise in given)
    named = {"Fn::Not": [{"Fn::Equals": [{"Ref": "GoldenInstanceRoleArns"}, ""]}]}
    assert template.translated()["Conditions"]["RefreshesGroups"] == named
    assert template.translated()["Parameters"]["GoldenInstanceRoleArns"]["Default"] == ""


@pytest.mark.parametrize(
    "arn", ["*", "arn:aws:iam::111122223333:role/*", "arn:aws:iam::111122223333:role/hosts,", "hosts"]
)
def test_a_role_is_named_by_its_whole_arn(arn: str) -> None:
    pattern = template.translated()["Parameters"]["GoldenInstanceRoleArns"]["AllowedPattern"]

    assert not re.fullmatch(pattern, arn)
    assert re.fullmatch(pattern, "arn:aws:iam::111122223333:role/hosts,arn:aws-cn:iam::111122223333:role/eks/hosts")


def test_launch_templates_of_this_account_alone_get_versions_and_none_is_changed_or_deleted() -> None:
    making = [s for f in FUNCTIONS for s in roles.statements(f) if MAKE in roles.actions(s)]
    templates = {a for f in FUNCTIONS for a in roles.allowed(f) if "LaunchTemplate" in a}

    assert [s["Resource"] for s in making] == [
        {"Fn::Sub": "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:launch-template/*"}
    ]
    assert templates == {MAKE, "ec2:DescribeLaunchTemplateVersions"}
