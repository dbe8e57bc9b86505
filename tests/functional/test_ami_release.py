"""The fleet, looked at: which node groups are behind and planned, which are left alone, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.ec2.models import ec2_backends

from local.aws import ACCOUNT
from local.fleet import BEHIND, REGION, RELEASE
from local.moto_eks import CUSTOM
from nodewarden.ami_release.ami_type import SOURCES
from tests.functional.fleet_watch import BOTTLEROCKET, DEV, NEWER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.stack import Call
    from tests.functional.fleet_watch import FleetWatch


def start_host(tags: Mapping[str, str]) -> str:
    """Start an instance with these tags; gives its id."""
    specification: Any = {"ResourceType": "instance", "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}
    image = ec2_backends[ACCOUNT][REGION].register_image("host")
    made = boto3.client("ec2").run_instances(
        ImageId=image.id, MinCount=1, MaxCount=1, TagSpecifications=[specification]
    )
    return str(made["Instances"][0]["InstanceId"])


def test_node_groups_that_are_behind_are_planned_in_one_rollout_of_their_family(watch: FleetWatch) -> None:
    watch.fleet.release("1.30.0-ca9b9399", ami_type=BOTTLEROCKET)
    watch.fleet.release("1.31.0-0d4f2a11", ami_type=BOTTLEROCKET)
    watch.fleet.cluster("other")
    watch.behind("one")
    watch.behind("two", "other")
    watch.behind("three", ami_type=BOTTLEROCKET, release_version="1.30.0-ca9b9399")

    watch.look()

    assert watch.planned() == {
        "AL2023": {"demo/one": RELEASE, "other/two": RELEASE},
        "Bottlerocket": {"demo/three": "1.31.0-0d4f2a11"},
    }
    assert [message.attributes["outcome"] for message in watch.told("rollout")] == ["planned", "planned"]


def test_a_node_group_that_runs_what_ssm_names_is_no_news(watch: FleetWatch) -> None:
    watch.behind(release_version=RELEASE)

    answer = watch.look()

    assert answer["node_groups"] == {"up-to-date": 1, "unmanaged": 0}
    assert watch.rollouts() == []
    assert watch.stack.told() == []


def test_every_cluster_and_node_group_is_looked_at_page_by_page(watch: FleetWatch) -> None:
    for number in range(101):
        watch.fleet.cluster(f"cluster-{number:03}")
    for number in range(101):
        watch.behind(f"group-{number:03}", "cluster-100")

    answer = watch.look()

    assert answer["clusters"] == 102
    assert answer["node_groups"] == {"behind": 101, "unmanaged": 0}
    assert len(watch.planned()["AL2023"]) == 101


@pytest.mark.parametrize("ami_type", SOURCES)
def test_every_ami_type_has_its_target_from_ssm(watch: FleetWatch, ami_type: str) -> None:
    before, after = {
        "AL": ("1.32.1-20261001", "1.32.2-20261102"),
        "BO": ("1.30.0-ca9b9399", "1.31.0-0d4f2a11"),
        "WI": ("1.32-2026.10.01", "1.32-2026.11.02"),
    }[ami_type[:2]]
    watch.fleet.release(after, ami_type=ami_type, version="1.32")
    watch.behind(ami_type=ami_type, version="1.32", release_version=before)

    watch.look()

    (planned,) = watch.planned().values()
    assert planned == {"demo/workers": after}


def test_the_target_is_of_the_node_groups_own_minor_not_of_its_control_planes(watch: FleetWatch) -> None:
    watch.fleet.release("1.32.5-20261115", version="1.32")
    watch.behind(version="1.32", release_version="1.32.4-20261001")

    watch.look()

    assert watch.planned() == {"AL2023": {"demo/workers": "1.32.5-20261115"}}


def test_parameters_are_read_ten_at_a_time_and_once_for_all_node_groups_of_a_type(watch: FleetWatch) -> None:
    for number, ami_type in enumerate(SOURCES):
        watch.fleet.node_group(name=f"one-{number}", ami_type=ami_type)
        watch.fleet.node_group(name=f"two-{number}", ami_type=ami_type)
    calls: list[Call] = []
    watch.stack.observers.append(calls.append)

    watch.look()

    names = sum(len(source.names("1.33")) for source in SOURCES.values())
    assert [call.action for call in calls if call.before].count("ssm:GetParameters") == -(-names // 10)


@pytest.mark.parametrize(
    ("differs", "state", "advice"),
    [
        ({"tags": {}}, "in-no-wave", "Tag it nodewarden:wave=<wave>"),
        ({"tags": DEV | {"nodewarden:hold": "until the launch"}}, "held", "Remove the tag nodewarden:hold"),
        ({"tags": DEV | {"nodewarden:pin": BEHIND}}, "pinned", "Remove the tag nodewarden:pin"),
        ({"release_version": "1.33.9-20261201"}, "ahead", "Nodewarden downgrades nothing"),
        ({"ami_type": CUSTOM, "release_version": "ami-0123456789abcdef0"}, "ami-gone", "tag it nodewarden:ami-family"),
        ({"ami_type": "AL2030_x86_64"}, "unknown-ami-type", "Upgrade Nodewarden"),
        ({"version": "1.29"}, "no-target", "move to one that it does"),
        ({"ami_type": "AL2_x86_64"}, "no-more-amis", "Move to Amazon Linux 2023 or Bottlerocket"),
    ],
)
def test_what_is_left_alone_is_told_once_with_the_reason_and_the_advice(
    watch: FleetWatch, differs: dict[str, Any], state: str, advice: str
) -> None:
    watch.behind(**differs)

    watch.look()
    watch.look()

    assert watch.standings() == {"demo/workers": state}
    assert watch.rollouts() == []
    (message,) = watch.stack.told()
    assert message.attributes == {"kind": "ami_release", "severity": "medium", "outcome": "left-alone"}
    assert [(new["name"], new["state"]) for new in message.document["new"]] == [("workers", state)]
    assert advice in message.said


def test_amazon_linux_2_is_not_called_up_to_date_on_its_last_release(watch: FleetWatch) -> None:
    last = "1.32.3-20251120"
    watch.fleet.release(last, ami_type="AL2_x86_64", version="1.32")
    watch.behind(ami_type="AL2_x86_64", version="1.32", release_version=last)

    watch.look()

    assert watch.standings() == {"demo/workers": "no-more-amis"}
    assert "Move to Amazon Linux 2023 or Bottlerocket" in watch.told()[0].said


def test_a_node_group_that_is_newer_than_its_control_plane_is_left_alone(watch: FleetWatch) -> None:
    watch.fleet.release("1.34.1-20261101", version="1.34")
    watch.behind(version="1.34", release_version="1.34.0-20261001")

    watch.look()

    assert watch.standings() == {"demo/workers": "ahead-of-control-plane"}
    assert watch.rollouts() == []


def test_a_node_group_that_could_not_be_made_is_left_alone(watch: FleetWatch) -> None:
    watch.behind()
    watch.fleet.become("CREATE_FAILED")

    watch.look()

    assert watch.standings() == {"demo/workers": "not-in-service"}
    assert watch.rollouts() == []


def test_a_release_whose_image_nobody_sees_yet_is_waited_for(watch: FleetWatch) -> None:
    watch.behind()
    watch.fleet.release(NEWER, public=False)

    watch.look()

    assert watch.standings() == {"demo/workers": "image-unusable"}
    assert watch.rollouts() == []
    assert watch.announced() == []


def test_a_release_that_the_account_does_not_allow_is_not_rolled_to(watch: FleetWatch) -> None:
    watch.behind()
    watch.fleet.disallow(watch.fleet.release(NEWER))

    watch.look()

    assert watch.standings() == {"demo/workers": "image-unusable"}
    assert watch.rollouts() == []


def test_a_parameter_that_cannot_be_read_is_not_guessed(watch: FleetWatch) -> None:
    watch.behind()
    watch.fleet.release("newest, surely")

    watch.look()

    assert watch.standings() == {"demo/workers": "unreadable-target"}
    assert watch.rollouts() == []


def test_hosts_in_no_node_group_are_told_once_with_the_reason_and_the_advice(watch: FleetWatch) -> None:
    watch.fleet.cluster("auto", auto_mode=True)
    boto3.client("eks").create_fargate_profile(
        fargateProfileName="batch",
        clusterName="demo",
        podExecutionRoleArn=f"arn:aws:iam::{ACCOUNT}:role/fargate",
        selectors=[{"namespace": "batch"}],
    )
    start_host({"kubernetes.io/cluster/demo": "owned", "karpenter.sh/nodepool": "default"})
    start_host({"kubernetes.io/cluster/demo": "owned", "aws:autoscaling:groupName": "old-workers"})
    start_host({"kubernetes.io/cluster/demo": "owned", "eks:nodegroup-name": "workers"})

    answer = watch.look()
    watch.look()

    assert answer["node_groups"] == {"unmanaged": 4}
    (message,) = watch.stack.told()
    assert sorted((each["kind"], each["where"]) for each in message.document["new_unmanaged"]) == [
        ("auto-mode", ""),
        ("fargate", "batch"),
        ("karpenter", "default"),
        ("self-managed", "old-workers"),
    ]
    assert "amiSelectorTerms" in message.said


def test_a_second_host_of_a_kind_that_was_told_is_no_news(watch: FleetWatch) -> None:
    start_host({"kubernetes.io/cluster/demo": "owned"})
    watch.look()

    start_host({"kubernetes.io/cluster/demo": "owned"})
    watch.look()

    assert len(watch.stack.told()) == 1


def test_a_node_group_that_stands_in_another_way_is_told_again(watch: FleetWatch) -> None:
    watch.behind(tags=DEV | {"nodewarden:hold": "until the launch"})
    watch.look()

    watch.fleet.tag({})
    watch.look()

    assert [message.document["new"][0]["state"] for message in watch.told()] == ["held", "in-no-wave"]


def test_a_node_group_in_no_wave_is_told_again_for_each_release(watch: FleetWatch) -> None:
    watch.behind(tags={})
    watch.look()

    watch.fleet.release(NEWER)
    watch.look()

    assert [new["state"] for message in watch.told() for new in message.document["new"]] == ["in-no-wave"] * 2


def test_a_held_node_group_is_not_told_again_for_each_release(watch: FleetWatch) -> None:
    watch.behind(tags=DEV | {"nodewarden:hold": "until the launch"})
    watch.look()

    watch.fleet.release(NEWER)
    watch.look()

    assert [message.attributes["outcome"] for message in watch.told()] == ["left-alone", "released"]


def test_a_rollout_is_planned_once_and_what_comes_later_waits_for_the_next(watch: FleetWatch) -> None:
    watch.behind("first")
    watch.look()

    watch.behind("second")
    watch.look()

    assert watch.planned() == {"AL2023": {"demo/first": RELEASE}}
    assert watch.standings() == {"demo/first": "behind", "demo/second": "behind"}


def test_a_newer_release_takes_the_place_of_a_rollout_that_has_started_nothing(watch: FleetWatch) -> None:
    watch.behind()
    watch.look()

    with watch.later(hours=1):
        watch.fleet.release(NEWER)
        watch.look()

    assert [head["state"] for head in watch.rollouts()] == ["superseded", "planned"]
    assert watch.planned() == {"AL2023": {"demo/workers": NEWER}}


def test_the_look_knows_which_rollout_takes_a_node_group_along(watch: FleetWatch) -> None:
    watch.behind()

    (planned,) = watch.look()["planned"]

    (section,) = watch.remembered()["states"]
    assert section["shown"][0]["rollout"] == planned


def test_it_plans_where_the_mode_is_observe_too(watch: FleetWatch) -> None:
    watch.stack.update(Mode="observe")
    watch.behind()

    watch.look()

    assert watch.planned() == {"AL2023": {"demo/workers": RELEASE}}
