"""Auto Scaling by verbs, against moto with what it lacks; and which groups may be refreshed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import time_machine
from botocore.stub import Stubber
from moto import mock_aws

from local import aws  # noqa: F401  # sets the environment before moto and boto3 read it
from local.fleet import REGION, Fleet
from local.moto_autoscaling import RefreshCourse
from nodewarden.ami_release.standing import State
from nodewarden.auto_scaling_group import AutoScalingGroup, as_node_group, why_left
from nodewarden.aws.auto_scaling import AutoScaling
from nodewarden.errors import NodeGroupBusyError
from nodewarden.launch_template import LaunchTemplate
from nodewarden.node_group import IN_PROGRESS, HealthIssue, NodeGroupKey

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
USED = LaunchTemplate(template_id="lt-0123456789abcdef0", version="3")
OWNED = {"kubernetes.io/cluster/demo": "owned"}
OWN = AutoScalingGroup(name="own", tags=OWNED, template=USED, desired=2, ready=2)
KEY = NodeGroupKey(account="111122223333", region=REGION, cluster="demo", name="asg:own")


@pytest.fixture(name="fleet")
def _fleet() -> Iterator[Fleet]:
    with mock_aws(), time_machine.travel(NOW, tick=False):
        yield Fleet()


def auto_scaling() -> AutoScaling:
    return AutoScaling(boto3.client("autoscaling", region_name=REGION))


def own(fleet: Fleet, **differs: Any) -> LaunchTemplate:
    """Make the group `own`; gives a newer version of its launch template."""
    made = fleet.launch_template(fleet.image("golden-1.33-1"), InstanceType="m7i.large")
    fleet.auto_scaling_group(made, **differs)
    return LaunchTemplate(
        template_id=made["id"], version=fleet.add_version(made["id"], ImageId="ami-0fedcba9876543210")
    )


def test_a_group_is_described_with_all_that_is_decided_by(fleet: Fleet) -> None:
    newer = own(fleet, desired=2)

    found = auto_scaling().group("own")

    assert found == AutoScalingGroup(
        name="own",
        tags={"kubernetes.io/cluster/demo": "owned"},
        template=replace(newer, version="1"),
        desired=2,
        ready=2,
        subnets=tuple(fleet.subnets()),
        started_from=frozenset({replace(newer, version="1")}),
    )
    assert auto_scaling().groups() == (found,)


def test_a_group_that_is_gone_is_none(fleet: Fleet) -> None:
    assert fleet.subnets()
    assert auto_scaling().group("own") is None


def test_groups_are_described_over_every_page() -> None:
    client = boto3.client("autoscaling", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    row = {
        "MinSize": 0,
        "MaxSize": 1,
        "DesiredCapacity": 0,
        "DefaultCooldown": 300,
        "AvailabilityZones": ["eu-central-1a"],
        "HealthCheckType": "EC2",
        "CreatedTime": NOW,
    }
    stubber = Stubber(client)
    first = {"AutoScalingGroups": [{"AutoScalingGroupName": "a", **row}], "NextToken": "more"}
    stubber.add_response("describe_auto_scaling_groups", first, {"MaxRecords": 100})
    second = {"AutoScalingGroups": [{"AutoScalingGroupName": "b", **row}]}
    stubber.add_response("describe_auto_scaling_groups", second, {"MaxRecords": 100, "NextToken": "more"})

    with stubber:
        assert [group.name for group in AutoScaling(client).groups()] == ["a", "b"]


@pytest.mark.parametrize("drains", [True, False])
def test_only_a_hook_on_termination_drains(fleet: Fleet, *, drains: bool) -> None:
    own(fleet, drains=drains)
    boto3.client("autoscaling", region_name=REGION).put_lifecycle_hook(
        AutoScalingGroupName="own", LifecycleHookName="joins", LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING"
    )

    assert auto_scaling().drains("own") is drains


def test_a_refresh_is_followed_to_its_end(fleet: Fleet) -> None:
    newer = own(fleet)
    name = auto_scaling().start_refresh("own", newer)

    going = auto_scaling().refresh("own", name)
    assert going is not None
    assert (going.status, going.template_version, going.created_at) == (IN_PROGRESS, newer.version, NOW)
    with time_machine.travel(NOW + timedelta(minutes=21)):
        ended, group = auto_scaling().refresh("own"), auto_scaling().group("own")
    assert (ended and ended.update_id, ended and ended.status) == (name, "Successful")
    assert group is not None
    assert group.template == newer


def test_a_second_refresh_is_refused_while_one_goes_on(fleet: Fleet) -> None:
    newer = own(fleet)
    auto_scaling().start_refresh("own", newer)

    with pytest.raises(NodeGroupBusyError, match="InstanceRefreshInProgress"):
        auto_scaling().start_refresh("own", newer)


def test_a_refresh_that_fails_says_how_it_ended_and_why(fleet: Fleet) -> None:
    newer = own(fleet)
    fleet.next_refresh(RefreshCourse(status="Failed", reason="no host became healthy"))
    auto_scaling().start_refresh("own", newer)

    with time_machine.travel(NOW + timedelta(minutes=21)):
        ended = auto_scaling().refresh("own")

    assert ended is not None
    assert ended.errors == (HealthIssue(code="InstanceRefreshRollbackSuccessful", message="no host became healthy"),)


def test_a_group_without_a_refresh_has_none(fleet: Fleet) -> None:
    own(fleet)

    assert auto_scaling().refresh("own") is None


LEFT: dict[str, tuple[AutoScalingGroup, State]] = {
    "EKS's": (replace(OWN, tags=OWNED | {"eks:nodegroup-name": "workers"}), State.LEFT),
    "Keiko's": (replace(OWN, tags=OWNED | {"instancegroups.keikoproj.io/InstanceGroup": "x"}), State.LEFT),
    "an older Karpenter's": (replace(OWN, tags=OWNED | {"karpenter.sh/provisioner-name": "x"}), State.LEFT),
    "Cluster API's": (
        replace(OWN, tags=OWNED | {"sigs.k8s.io/cluster-api-provider-aws/cluster/demo": "owned"}),
        State.LEFT,
    ),
    "of two clusters": (replace(OWN, tags=OWNED | {"kubernetes.io/cluster/b": "owned"}), State.UNSUITABLE),
    "with a launch configuration": (replace(OWN, template=None), State.UNSUITABLE),
    "with a mixed instances policy": (replace(OWN, template=None, mixed=True), State.UNSUITABLE),
    "on $Latest": (replace(OWN, template=replace(USED, version="$Latest")), State.UNSUITABLE),
}


@pytest.mark.parametrize(("group", "state"), LEFT.values(), ids=LEFT)
def test_a_group_that_is_not_ours_or_cannot_be_rolled_back_is_left(group: AutoScalingGroup, state: State) -> None:
    left = why_left(group, drains=True)

    assert left is not None
    assert left[0] is state


def test_a_group_that_has_all_that_a_refresh_needs_is_not_left() -> None:
    assert why_left(OWN, drains=True) is None


def test_a_template_that_something_follows_is_left() -> None:
    left = why_left(OWN, drains=True, followed={USED.template_id})

    assert left is not None
    assert left[0] is State.UNSUITABLE


@pytest.mark.parametrize(
    ("group", "codes"),
    [
        (OWN, []),
        (replace(OWN, ready=1), ["HostsNotInService"]),
        (replace(OWN, suspended=frozenset({"Terminate", "AZRebalance"})), ["ProcessesSuspended"]),
        (replace(OWN, suspended=frozenset({"AZRebalance"})), []),
    ],
)
def test_what_a_refresh_cannot_go_on_with_is_an_issue_of_the_group(group: AutoScalingGroup, codes: list[str]) -> None:
    seen = as_node_group(group, KEY, minor="1.33", image_id="ami-0123456789abcdef0", busy=False)

    assert [issue.code for issue in seen.issues] == codes


def test_a_group_is_no_more_ill_for_the_hosts_that_a_refresh_replaces() -> None:
    seen = as_node_group(replace(OWN, ready=1), KEY, minor="1.33", image_id="ami-0123456789abcdef0", busy=True)

    assert (seen.status, seen.issues) == ("UPDATING", ())
