"""Self-managed Auto Scaling groups are refreshed to the newest AMI of their family, where something drains their hosts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local.moto_autoscaling import RefreshCourse
from tests.functional.fleet_world import ROLLOUT
from tests.functional.golden_world import DEV, NEW, OLD, write
from tests.functional.world import refuse

if TYPE_CHECKING:
    from pathlib import Path

    from local.stack import Call
    from tests.functional.golden_world import GoldenWorld

NAME = "dev/asg:own"
FAILING = RefreshCourse(status="Failed", reason="hosts did not become healthy in an hour")
EKS_OPTIMISED = """
[[family]]
name = "eks-al2023"
owner = "amazon"
images = "amazon-eks-node-al2023-x86_64-standard-{minor}-v*"
minimum_age = "1d"
kubernetes = ["*"]
"""
# The calls of a tick that starts a refresh; a test below counts them.
STARTING = 22


def own(golden: GoldenWorld, name: str = "own", image: str = "", **differs: Any) -> str:
    """Make a self-managed group of the cluster dev; gives its template's id."""
    if "dev" not in golden.fleet._eks.clusters:  # noqa: SLF001  moto's own
        golden.fleet.cluster("dev")
    template = golden.fleet.launch_template(image or golden.old, f"template-of-{name}", InstanceType="m7i.large")
    template |= {"version": differs.pop("version", template["version"])}
    golden.fleet.auto_scaling_group(template, name, cluster="dev", **{"tags": DEV, **differs})
    return template["id"]


def uses(name: str = "own") -> str:
    (group,) = boto3.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])[
        "AutoScalingGroups"
    ]
    version: str = group["LaunchTemplate"]["Version"]
    return version


def ends_well(golden: GoldenWorld, template: str, image: str) -> None:
    """See that the one group was refreshed once, to one new version, and all of it told once."""
    golden.quick.until("finished")
    assert uses() == "2"
    assert golden.fleet.versions(template)[1:] == [{"ImageId": image, "InstanceType": "m7i.large"}]
    assert [refresh.status for refresh in golden.fleet.refreshes()] == ["Successful"]
    assert golden.quick.states == {NAME: "done"}
    assert golden.quick.steps() == ["planned", "wave-started", "wave-done", "finished"]


def test_a_group_is_refreshed_to_the_newest_ami_of_its_family(golden: GoldenWorld) -> None:
    template, image = own(golden), golden.build()

    golden.begins()

    ends_well(golden, template, image)


def test_hosts_are_launched_before_others_are_terminated_and_a_failure_is_rolled_back(golden: GoldenWorld) -> None:
    template = own(golden)
    golden.build()
    golden.begins()

    golden.quick.ticks()

    (refresh,) = golden.fleet.refreshes()
    assert refresh.desired == {"LaunchTemplate": {"LaunchTemplateId": template, "Version": "2"}}
    wanted = refresh.preferences
    assert (int(wanted["MinHealthyPercentage"]), int(wanted["MaxHealthyPercentage"])) == (100, 110)
    assert (wanted["SkipMatching"], wanted["AutoRollback"]) == (True, True)


def test_an_eks_optimised_ami_is_rolled_as_any_other(golden: GoldenWorld, tmp_path: Path) -> None:
    write(tmp_path, EKS_OPTIMISED)
    name = "amazon-eks-node-al2023-x86_64-standard-1.33-v2026"
    old, image = (golden.fleet.image(f"{name}{day}", at=at) for day, at in (("1101", OLD), ("1129", NEW)))
    for each in (old, image):
        golden.fleet._ec2.amis[each].owner_alias = "amazon"  # noqa: SLF001  moto's own
    template = own(golden, image=old)

    golden.begins()

    ends_well(golden, template, image)


def test_a_mixed_wave_has_one_update_in_a_cluster_and_all_of_it_done(golden: GoldenWorld) -> None:
    own(golden)
    golden.group()
    image = golden.build()

    golden.begins()
    golden.quick.ticks()
    going = [*golden.quick.updates("dev", "custom"), *golden.fleet.refreshes()]
    golden.quick.until("finished")

    assert len(going) == 1
    assert golden.quick.states == {NAME: "done", "dev/custom": "done"}
    assert (golden.runs()[1], uses()) == (image, "2")


def test_a_refresh_that_was_rolled_back_fails_halts_and_is_not_made_again_by_itself(golden: GoldenWorld) -> None:
    own(golden)
    golden.build()
    golden.fleet.next_refresh(FAILING)
    golden.begins()
    golden.quick.until("halted")

    golden.quick.ticks(10)

    (error,) = golden.quick.groups[NAME]["errors"]
    assert (error["code"], error["message"]) == ("InstanceRefreshRollbackSuccessful", FAILING.reason)
    assert len(golden.fleet.refreshes()) == 1
    assert uses() == "1"
    assert "InstanceRefreshRollbackSuccessful: " in golden.quick.told()[-1].said


def test_retry_refreshes_once_more_to_the_same_version(golden: GoldenWorld) -> None:
    template = own(golden)
    golden.build()
    golden.fleet.next_refresh(FAILING)
    golden.begins()
    golden.quick.until("halted")

    assert golden.quick.says("retry", group=NAME)["ok"]
    golden.quick.until("finished")

    assert [refresh.status for refresh in golden.fleet.refreshes()] == ["RollbackSuccessful", "Successful"]
    assert len(golden.fleet.versions(template)) == 2


@pytest.mark.parametrize(
    ("differs", "state", "said"),
    [
        ({"drains": False}, "hosts-not-drained", "no lifecycle hook on termination"),
        ({"version": "$Latest"}, "unsuitable-launch-template", "no refresh can be rolled back"),
        ({"version": "$Default"}, "unsuitable-launch-template", "no refresh can be rolled back"),
        ({"tags": DEV | {"kubernetes.io/cluster/prod": "owned"}}, "unsuitable-launch-template", "2 clusters"),
        ({"tags": DEV | {"instancegroups.keikoproj.io/InstanceGroup": "x"}}, "left-to-its-owner", "instance-manager"),
        ({"tags": DEV | {"karpenter.sh/nodepool": "x"}}, "left-to-its-owner", "Karpenter"),
        (
            {"tags": DEV | {"sigs.k8s.io/cluster-api-provider-aws/cluster/dev": "owned"}},
            "left-to-its-owner",
            "Cluster API",
        ),
        ({"tags": DEV | {"nodewarden:hold": "until the audit"}}, "held", "until the audit"),
        ({"tags": {}}, "in-no-wave", "in no wave"),
    ],
)
def test_a_group_that_must_not_be_refreshed_is_left_with_the_reason(
    golden: GoldenWorld, differs: dict[str, Any], state: str, said: str
) -> None:
    own(golden, **differs)
    golden.build()

    golden.begins_nothing()

    standing = golden.standing("asg:own")
    assert (standing["state"], said in standing["reason"]) == (state, True)
    assert golden.fleet.refreshes() == []
    told = [each for each in golden.quick.world.stack.told() if "dev/asg:own" in each.said]
    assert len(told) == 1


@pytest.mark.parametrize("gone", [True, False], ids=["gone", "of no family"])
def test_a_group_with_an_ami_of_which_nothing_says_the_minor_is_not_raised_to_the_clusters(
    golden: GoldenWorld, *, gone: bool
) -> None:
    golden.fleet.cluster("dev", version="1.34")
    image = golden.old if gone else golden.fleet.image("legacy-1.33-1", at=OLD)
    own(golden, image=image, tags=DEV | {"nodewarden:ami-family": "golden"})
    if gone:
        golden.fleet.deregister(golden.old)
    golden.build()
    golden.fleet.image("golden-1.34-1", at=NEW)

    golden.begins_nothing()

    assert golden.standing("asg:own")["state"] == "no-target"
    assert "nothing says for which Kubernetes minor" in golden.standing("asg:own")["reason"]


def test_a_group_with_a_mixed_instances_policy_is_left_with_the_reason(golden: GoldenWorld) -> None:
    golden.fleet.cluster("dev")
    template = golden.fleet.launch_template(golden.old, "mixed", InstanceType="m7i.large")
    used = {"LaunchTemplateSpecification": {"LaunchTemplateId": template["id"], "Version": "1"}}
    golden.fleet.auto_scaling_group(template, cluster="dev", tags=DEV, MixedInstancesPolicy={"LaunchTemplate": used})
    golden.build()

    golden.begins_nothing()

    assert "by a mixed instances policy" in golden.standing("asg:own")["reason"]


@pytest.mark.parametrize("tag", ["eks:nodegroup-name", "eks:cluster-name"])
def test_the_group_behind_a_managed_node_group_is_none_of_ours(golden: GoldenWorld, tag: str) -> None:
    own(golden, tags=DEV | {tag: "workers"})
    golden.build()

    golden.begins_nothing()

    assert golden.quick.remembered_states() == {}
    assert golden.fleet.refreshes() == []


def test_the_group_that_eks_names_as_a_node_groups_is_none_of_ours_whatever_its_tags(golden: GoldenWorld) -> None:
    own(golden)
    golden.group("dev", tags={"nodewarden:hold": "yes"})
    golden.fleet._node_group("dev", "custom").resources = {"autoScalingGroups": [{"name": "own"}]}  # noqa: SLF001  moto's own
    golden.build()

    golden.begins_nothing()

    assert golden.quick.remembered_states() == {"dev/custom": "held"}


def test_where_no_role_of_hosts_is_named_a_group_is_left_with_the_parameter_to_give(golden: GoldenWorld) -> None:
    golden.quick.world.stack.update(GoldenInstanceRoleArns="")
    own(golden)
    golden.group()
    golden.build()

    golden.quick.looks()

    assert golden.quick.remembered_states() == {NAME: "not-permitted", "dev/custom": "behind"}
    assert golden.standing("asg:own")["advice"].startswith("Deploy with the ARN of its hosts' role")
    assert [*golden.quick.groups] == ["dev/custom"]


def test_a_group_of_a_cluster_that_is_not_here_is_none_of_ours(golden: GoldenWorld) -> None:
    golden.fleet.cluster("dev")
    template = golden.fleet.launch_template(golden.old, "elsewhere", InstanceType="m7i.large")
    golden.fleet.auto_scaling_group(template, cluster="elsewhere", tags=DEV)
    golden.build()

    golden.begins_nothing()

    assert golden.quick.remembered_states() == {}


@pytest.mark.parametrize("action", ["autoscaling:DescribeAutoScalingGroups", "ec2:DescribeImages"])
def test_what_was_said_of_a_group_is_not_said_again_after_a_look_that_could_not_see_it(
    golden: GoldenWorld, action: str
) -> None:
    own(golden, drains=False)
    golden.begins_nothing()
    golden.quick.world.fault(action, refuse("AccessDenied", action.partition(":")[2]), times=3)
    golden.begins_nothing()
    golden.quick.world.failures()

    golden.begins_nothing()

    assert golden.standing("asg:own")["state"] == "hosts-not-drained"
    told = [each for each in golden.quick.world.stack.told() if "hosts-not-drained dev/asg:own" in each.said]
    assert len(told) == 1


def test_a_group_with_a_name_that_is_no_line_is_nobodys(golden: GoldenWorld) -> None:
    own(golden, "own\nFailed: everything")
    golden.build()

    golden.begins_nothing()

    assert golden.quick.remembered_states() == {}


def test_a_hook_that_is_taken_away_before_the_start_keeps_it_from_starting(golden: GoldenWorld) -> None:
    own(golden)
    golden.build()
    golden.begins()
    boto3.client("autoscaling").delete_lifecycle_hook(AutoScalingGroupName="own", LifecycleHookName="drain")

    golden.quick.ticks(3)

    assert golden.fleet.refreshes() == []
    assert golden.quick.states == {NAME: "left-alone"}
    assert "no lifecycle hook" in golden.quick.groups[NAME]["why"]


def test_a_recall_in_the_middle_of_a_refresh_is_told_with_what_puts_the_group_back(golden: GoldenWorld) -> None:
    own(golden)
    image = golden.build()
    golden.begins()
    golden.quick.ticks()
    golden.fleet.deprecate(image)

    golden.quick.ticks()

    assert golden.quick.rollout["state"] == "halted"
    mail = golden.quick.told()[-1].email
    for verb in ("rollback", "cancel"):
        assert f"aws autoscaling {verb}-instance-refresh --auto-scaling-group-name own --region eu-central-1" in mail


@pytest.mark.parametrize("how", ["deprecate", "deregister"])
def test_a_refresh_that_did_not_come_about_is_not_called_again_when_its_target_is_taken_back(
    golden: GoldenWorld, how: str
) -> None:
    own(golden)
    image = golden.build()
    golden.begins()
    throttled = refuse("Throttling", "CreateLaunchTemplateVersion")
    golden.quick.world.fault("ec2:CreateLaunchTemplateVersion", throttled, times=9)
    golden.quick.ticks()
    golden.quick.world.stack.observers.pop()
    assert golden.quick.states == {NAME: "starting"}
    getattr(golden.fleet, how)(image)

    golden.quick.ticks(4)

    assert golden.quick.rollout["halt"]["cause"] == "recall"
    assert golden.fleet.refreshes() == []


def test_suspended_processes_are_waited_for(golden: GoldenWorld) -> None:
    template, image = own(golden), golden.build()
    golden.begins()
    client = boto3.client("autoscaling")
    client.suspend_processes(AutoScalingGroupName="own", ScalingProcesses=["Launch"])
    golden.quick.ticks(3)
    assert golden.fleet.refreshes() == []
    assert "the processes Launch are suspended" in golden.quick.groups[NAME]["why"]

    client.resume_processes(AutoScalingGroupName="own", ScalingProcesses=["Launch"])

    ends_well(golden, template, image)


def test_a_start_whose_answer_is_lost_is_found_and_not_made_again(golden: GoldenWorld) -> None:
    template, image = own(golden), golden.build()
    golden.begins()
    lost = refuse("Throttling", "StartInstanceRefresh")
    golden.quick.world.fault("autoscaling:StartInstanceRefresh", lost, before=False)

    golden.quick.ticks()

    ends_well(golden, template, image)


def test_somebody_elses_refresh_is_waited_for(golden: GoldenWorld) -> None:
    template, image = own(golden), golden.build()
    golden.begins()
    boto3.client("autoscaling").start_instance_refresh(
        AutoScalingGroupName="own",
        DesiredConfiguration={"LaunchTemplate": {"LaunchTemplateId": template, "Version": "1"}},
    )

    golden.quick.ticks(2)
    assert len(golden.fleet.refreshes()) == 1
    golden.quick.until("finished")

    assert (uses(), len(golden.fleet.refreshes())) == ("2", 2)
    assert golden.fleet.versions(template)[1]["ImageId"] == image


def test_a_group_that_is_deleted_meanwhile_is_left_alone(golden: GoldenWorld) -> None:
    own(golden)
    golden.build()
    golden.begins()
    boto3.client("autoscaling").delete_auto_scaling_group(AutoScalingGroupName="own", ForceDelete=True)

    golden.quick.ticks(2)

    assert golden.quick.states == {NAME: "left-alone"}


def move(template: str, version: str) -> None:
    """Let the group use another version, as people do who then forget its hosts."""
    boto3.client("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName="own", LaunchTemplate={"LaunchTemplateId": template, "Version": version}
    )


def hosts_run(name: str = "own") -> set[str]:
    """Give the AMIs of a group's hosts."""
    (group,) = boto3.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])[
        "AutoScalingGroups"
    ]
    ids = [host["InstanceId"] for host in group["Instances"]]
    found = boto3.client("ec2").describe_instances(InstanceIds=ids)["Reservations"]
    return {host["ImageId"] for reservation in found for host in reservation["Instances"]}


def refresh_to(template: str, version: str, **preferences: Any) -> None:
    """Refresh the group, as people do."""
    boto3.client("autoscaling").start_instance_refresh(
        AutoScalingGroupName="own",
        DesiredConfiguration={"LaunchTemplate": {"LaunchTemplateId": template, "Version": version}},
        Preferences=preferences,
    )


def test_all_hosts_of_a_group_that_is_done_run_the_new_ami(golden: GoldenWorld) -> None:
    own(golden, desired=2)
    image = golden.build()

    golden.begins()
    golden.quick.until("finished")

    assert hosts_run() == {image}


def test_a_group_that_was_moved_to_the_newest_ami_without_its_hosts_is_refreshed_to_the_version_it_has(
    golden: GoldenWorld,
) -> None:
    template, image = own(golden), golden.build()
    golden.fleet.add_version(template, InstanceType="m7i.large", ImageId=image)
    move(template, "2")
    assert hosts_run() == {golden.old}

    golden.begins()
    golden.quick.until("finished")

    assert (hosts_run(), uses(), len(golden.fleet.versions(template))) == ({image}, "2", 2)
    assert len(golden.fleet.refreshes()) == 1


def test_a_group_that_was_moved_without_its_hosts_after_the_plan_is_not_done_before_they_run_it(
    golden: GoldenWorld,
) -> None:
    template, image = own(golden), golden.build()
    golden.begins()
    golden.fleet.add_version(template, InstanceType="m7i.large", ImageId=image)
    move(template, "2")

    golden.quick.until("finished")

    assert (hosts_run(), golden.quick.states) == ({image}, {NAME: "done"})
    assert len(golden.fleet.refreshes()) == 1


def test_a_refresh_that_is_said_to_be_successful_and_left_a_host_is_waited_with(golden: GoldenWorld) -> None:
    own(golden)
    golden.build()
    golden.begins()
    golden.quick.ticks()
    old = golden.fleet._auto_scaling_group("own").instance_states  # noqa: SLF001  moto's own
    golden.quick.passes(minutes=25)
    golden.fleet.refreshes()
    golden.fleet._auto_scaling_group("own").instance_states += old  # noqa: SLF001  one that was in standby

    golden.quick.ticks(2)

    assert golden.quick.states == {NAME: "updating"}
    assert "not all of its hosts do" in golden.quick.groups[NAME]["why"]


def test_a_host_that_no_launch_template_started_leaves_the_group_as_nobody_knows_what_it_runs(
    golden: GoldenWorld,
) -> None:
    own(golden)
    golden.build()
    golden.fleet._auto_scaling_group("own").instance_states[0].started_from = None  # noqa: SLF001  as one that was attached

    golden.begins_nothing()

    assert "nobody can say what they run" in golden.standing("asg:own")["reason"]


@pytest.mark.parametrize("takes", [timedelta(), timedelta(minutes=3)], ids=["at once", "soon"])
def test_a_slow_start_makes_no_second_refresh_after_a_faster_one_that_failed(
    golden: GoldenWorld, takes: timedelta
) -> None:
    template = own(golden)
    golden.build()
    golden.begins()
    golden.fleet.next_refresh(RefreshCourse(status="Failed", reason="no room", takes=takes))
    done: list[str] = []

    def overtake(call: Call) -> None:
        if call.action == "ec2:CreateLaunchTemplateVersion" and not call.before and not done:
            done.append(call.action)
            refresh_to(template, "2", AutoRollback=True)
            golden.quick.passes(minutes=4)

    golden.quick.world.stack.observers.append(overtake)
    golden.quick.ticks(8)

    assert done
    assert len(golden.fleet.refreshes()) == 1
    assert golden.quick.rollout["state"] == "halted"


def test_a_refresh_that_failed_at_once_is_ours_whatever_auto_scalings_clock_says(golden: GoldenWorld) -> None:
    own(golden)
    golden.build()
    golden.begins()
    golden.fleet.next_refresh(RefreshCourse(status="Failed", reason="no room", takes=timedelta(seconds=-10)))
    lost = refuse("Throttling", "StartInstanceRefresh")
    golden.quick.world.fault("autoscaling:StartInstanceRefresh", lost, before=False)
    golden.quick.world.stack.on_schedule(ROLLOUT)
    for refresh in golden.fleet.refreshes():
        refresh.started_at -= timedelta(seconds=2)

    golden.quick.ticks(4)

    assert [refresh.status for refresh in golden.fleet.refreshes()] == ["RollbackSuccessful"]
    assert golden.quick.rollout["state"] == "halted"


def test_a_start_that_somebody_elses_refresh_overtook_waits_and_is_told_in_the_end(golden: GoldenWorld) -> None:
    template = own(golden)
    golden.build()
    golden.begins()
    done: list[str] = []

    def overtake(call: Call) -> None:
        if call.action == "autoscaling:StartInstanceRefresh" and call.before and not done:
            done.append(call.action)
            golden.fleet.next_refresh(RefreshCourse(takes=timedelta(days=10)))
            refresh_to(template, "1")

    golden.quick.world.stack.observers.append(overtake)
    golden.quick.ticks(2)
    assert golden.quick.states == {NAME: "waiting"}

    golden.quick.until("halted", every=timedelta(hours=1))

    assert len(golden.fleet.refreshes()) == 1


def test_a_refresh_to_another_launch_template_is_not_taken_for_ours(golden: GoldenWorld) -> None:
    template, image = own(golden), golden.build()
    golden.begins()
    golden.fleet.add_version(template, InstanceType="m7i.large", ImageId=image)
    other = golden.fleet.launch_template(golden.old, "other", InstanceType="t3.nano")
    golden.fleet.add_version(other["id"], InstanceType="t3.nano", ImageId=golden.old)
    refresh_to(other["id"], "2")

    golden.quick.ticks()

    assert golden.quick.states == {NAME: "waiting"}


def test_a_group_that_is_deleted_right_before_its_refresh_is_left_alone_and_halts_nothing(golden: GoldenWorld) -> None:
    own(golden)
    golden.build()
    golden.begins()

    def delete(call: Call) -> None:
        if call.action == "ec2:CreateLaunchTemplateVersion" and call.before:
            golden.fleet.forget_group()

    golden.quick.world.stack.observers.append(delete)
    golden.quick.world.stack.on_schedule(ROLLOUT)
    golden.quick.world.failures()
    golden.quick.ticks(2)

    assert golden.quick.states == {NAME: "left-alone"}
    assert golden.quick.rollout["state"] != "halted"


def test_while_a_node_group_cannot_be_read_no_group_of_its_cluster_is_taken_for_self_managed(
    golden: GoldenWorld,
) -> None:
    own(golden)
    golden.group("dev", tags={"nodewarden:hold": "yes"})
    golden.fleet._node_group("dev", "custom").resources = {"autoScalingGroups": [{"name": "own"}]}  # noqa: SLF001  moto's own
    golden.build()
    golden.quick.world.fault("eks:DescribeNodegroup", refuse("AccessDenied", "DescribeNodegroup"), times=3)

    golden.begins_nothing()

    assert golden.quick.world.failures()


def test_a_group_that_eks_names_as_a_node_groups_only_after_the_plan_is_left_alone(golden: GoldenWorld) -> None:
    own(golden)
    golden.build()
    golden.begins()
    golden.group("dev", tags={"nodewarden:hold": "yes"})
    golden.fleet._node_group("dev", "custom").resources = {"autoScalingGroups": [{"name": "own"}]}  # noqa: SLF001  moto's own

    golden.quick.ticks(3)

    assert golden.fleet.refreshes() == []
    assert golden.quick.groups[NAME]["why"] == "it is the group behind a managed node group"


@pytest.mark.parametrize("kind", ["a group of its own", "a node group"])
@pytest.mark.parametrize("when", ["before the plan", "after the plan"])
@pytest.mark.parametrize("mixed", [True, False], ids=["mixed", "plain"])
def test_a_launch_template_that_some_group_follows_by_latest_gets_no_new_version(
    golden: GoldenWorld, kind: str, when: str, *, mixed: bool
) -> None:
    plain = golden.fleet.launch_template(golden.old, "plain", InstanceType="m7i.large")
    template = own(golden) if kind == "a group of its own" else golden.group(template=plain)
    golden.build()
    if when == "after the plan":
        golden.begins()
    used = {"LaunchTemplateId": template, "Version": "$Latest"}
    policy = {"LaunchTemplate": {"LaunchTemplateSpecification": used}}
    how: dict[str, Any] = {"MixedInstancesPolicy": policy} if mixed else {"LaunchTemplate": used}
    golden.fleet.auto_scaling_group({"id": template, "version": "1"}, "follower", cluster="elsewhere", **how)

    golden.quick.looks()
    golden.quick.ticks(3)

    assert len(golden.fleet.versions(template)) == 1
    said = {group["why"] for head in golden.quick.heads for group in golden.quick.groups.values() if head}
    standing = golden.standing("asg:own" if kind == "a group of its own" else "custom")
    assert any("would start hosts from a new version at once" in each for each in (standing["reason"], *said))


def test_a_group_that_uses_the_default_version_keeps_no_other_from_rolling(golden: GoldenWorld) -> None:
    template, image = own(golden), golden.build()
    golden.fleet.auto_scaling_group({"id": template, "version": "$Default"}, "other", cluster="elsewhere")

    golden.begins()

    ends_well(golden, template, image)


def test_a_group_with_two_spaces_in_its_name_stands_as_any_other(golden: GoldenWorld) -> None:
    own(golden, "own  group")
    golden.build()

    golden.quick.looks()

    assert golden.quick.remembered_states() == {"dev/asg:own  group": "behind"}


def test_a_refresh_starts_though_one_zone_has_no_free_address(golden: GoldenWorld) -> None:
    template, image = own(golden), golden.build()
    golden.begins()
    golden.fleet.leave_addresses(golden.fleet.subnets()[0], 0)

    ends_well(golden, template, image)


def test_a_refresh_that_was_rolled_back_is_told_in_the_words_of_auto_scaling(golden: GoldenWorld) -> None:
    own(golden)
    golden.build()
    golden.fleet.next_refresh(FAILING)
    golden.begins()
    golden.quick.until("halted")

    assert "the refresh failed, and was rolled back: InstanceRefreshRollbackSuccessful" in golden.quick.told()[-1].said


def test_a_group_that_cannot_be_refreshed_is_told_in_the_words_of_auto_scaling(golden: GoldenWorld) -> None:
    own(golden)
    golden.build()
    golden.begins()
    boto3.client("autoscaling").suspend_processes(AutoScalingGroupName="own", ScalingProcesses=["Launch"])

    golden.quick.until("halted", every=timedelta(hours=1))

    said = golden.quick.told()[-1].said
    assert "the Auto Scaling group is not being refreshed (ProcessesSuspended: " in said
    assert "node group is ACTIVE" not in said


def test_a_launch_template_version_that_ec2_refuses_is_not_laid_to_eks(golden: GoldenWorld) -> None:
    own(golden)
    golden.build()
    golden.begins()
    refused = refuse("InvalidParameterValue", "CreateLaunchTemplateVersion")
    golden.quick.world.fault("ec2:CreateLaunchTemplateVersion", refused)

    golden.quick.ticks(2)

    assert golden.quick.groups[NAME]["why"] == "the refresh was refused: InvalidParameterValue"


def test_the_calls_at_which_a_sandbox_dies_below_are_all_that_there_are(golden: GoldenWorld) -> None:
    own(golden)
    golden.build()
    golden.begins()

    assert len(golden.quick.world.calls(lambda: golden.quick.world.stack.invoke(ROLLOUT, {}))) == STARTING


@pytest.mark.parametrize("before", [True, False], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize("number", range(STARTING))
def test_a_crash_at_any_call_of_a_start_makes_no_second_version_and_no_second_refresh(
    golden: GoldenWorld, number: int, *, before: bool
) -> None:
    template, image = own(golden), golden.build()
    golden.begins()
    crashed = golden.quick.crash_at(number, before=before)

    golden.quick.ticks()

    assert crashed
    ends_well(golden, template, image)
