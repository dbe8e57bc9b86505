"""EKS as it is played here: updates of node groups, what EKS takes and refuses, releases and recalls, and the guards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import time_machine
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.ec2.responses.amis import AmisResponse
from moto.eks.models import EKSBackend
from moto.eks.responses import EKSResponse

from local import moto_eks
from local.fleet import AL2023, REGION, Fleet, parameters, serve, waves
from local.moto_eks import Course, error, issue
from local.moto_gaps import MotoGrewItError
from nodewarden.ami_release.ami_type import SOURCES
from nodewarden.ami_release.ami_type import parameters as sought

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_eks import EKSClient

OLD, NEW = "1.33.2-20260701", "1.33.2-20260714"
WORKERS: dict[str, str] = {"clusterName": "demo", "nodegroupName": "workers"}
EVICTION = Course(
    errors=(error("PodEvictionFailure", "Reached max retries while trying to evict pods", "ip-192-0-2-1"),),
    issues=(issue("PodEvictionFailure", "a budget allows no disruption", "ip-192-0-2-1"),),
    status="DEGRADED",
)


@pytest.fixture(name="fleet")
def _fleet() -> Iterator[Fleet]:
    """Make a cluster whose node group is one release behind."""
    with mock_aws():
        fleet = Fleet()
        fleet.release(OLD)
        fleet.release(NEW)
        fleet.cluster()
        fleet.node_group(release_version=OLD)
        yield fleet


@pytest.fixture(name="eks")
def _eks(fleet: Fleet) -> EKSClient:
    return boto3.client("eks", region_name=fleet.region)


@pytest.fixture(name="ec2")
def _ec2(fleet: Fleet) -> EC2Client:
    return boto3.client("ec2", region_name=fleet.region)


def start(eks: EKSClient, attempt: str = "first", **asked: Any) -> str:
    wanted: Any = WORKERS | {"version": "1.33", "releaseVersion": NEW, "clientRequestToken": attempt} | asked
    return eks.update_nodegroup_version(**{k: v for k, v in wanted.items() if v is not None})["update"]["id"]


def update(eks: EKSClient, update_id: str) -> Any:
    return eks.describe_update(name="demo", nodegroupName="workers", updateId=update_id)["update"]


def node_group(eks: EKSClient) -> Any:
    return eks.describe_nodegroup(clusterName="demo", nodegroupName="workers")["nodegroup"]


def later(**spent: float) -> Any:
    return time_machine.travel(datetime.now(UTC) + timedelta(**spent), tick=False)


def refused(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_an_update_is_in_progress_and_then_the_node_group_runs_the_release(eks: EKSClient) -> None:
    update_id = start(eks)

    going = update(eks, update_id)
    assert (going["status"], going["type"], going["errors"]) == ("InProgress", "VersionUpdate", [])
    assert going["params"] == [{"type": "Version", "value": "1.33"}, {"type": "ReleaseVersion", "value": NEW}]
    assert (node_group(eks)["status"], node_group(eks)["releaseVersion"]) == ("UPDATING", OLD)
    with later(minutes=19):
        assert update(eks, update_id)["status"] == "InProgress"
    with later(minutes=21):
        assert update(eks, update_id)["status"] == "Successful"
        assert (node_group(eks)["status"], node_group(eks)["releaseVersion"]) == ("ACTIVE", NEW)


def test_the_node_group_alone_shows_that_the_update_ended(eks: EKSClient) -> None:
    start(eks)

    with later(minutes=21):
        assert (node_group(eks)["status"], node_group(eks)["releaseVersion"]) == ("ACTIVE", NEW)


def test_an_update_takes_as_long_as_it_is_told_to(fleet: Fleet, eks: EKSClient) -> None:
    fleet.next_update(Course(takes=timedelta(hours=3)))
    update_id = start(eks)

    with later(hours=2):
        assert update(eks, update_id)["status"] == "InProgress"
    with later(hours=4):
        assert update(eks, update_id)["status"] == "Successful"


def test_an_update_that_is_held_ends_when_it_is_let_go(fleet: Fleet, eks: EKSClient) -> None:
    fleet.next_update(Course(held=True))
    update_id = start(eks)

    with later(days=7):
        assert update(eks, update_id)["status"] == "InProgress"
        fleet.let_go()
        assert update(eks, update_id)["status"] == "Successful"


def test_an_update_that_takes_no_time_is_done_in_its_answer(fleet: Fleet, eks: EKSClient) -> None:
    fleet.next_update(Course(takes=timedelta()))

    assert update(eks, start(eks))["status"] == "Successful"


def test_a_failed_update_leaves_the_release_and_says_why(fleet: Fleet, eks: EKSClient) -> None:
    fleet.next_update(EVICTION)
    update_id = start(eks)

    with later(minutes=21):
        failed = update(eks, update_id)
        assert (failed["status"], failed["errors"]) == ("Failed", list(EVICTION.errors))
        left = node_group(eks)
        assert (left["status"], left["releaseVersion"]) == ("DEGRADED", OLD)
        assert left["health"]["issues"] == list(EVICTION.issues)


def test_an_update_can_succeed_and_yet_leave_another_release_and_health_issues(fleet: Fleet, eks: EKSClient) -> None:
    unhealthy = issue("NodeCreationFailure", "hosts do not join", "i-0123456789abcdef0")
    fleet.next_update(Course(takes=timedelta(), lands_on=OLD, issues=(unhealthy,), status="DEGRADED"))

    assert update(eks, start(eks))["status"] == "Successful"
    left = node_group(eks)
    assert (left["releaseVersion"], left["status"], left["health"]["issues"]) == (OLD, "DEGRADED", [unhealthy])


def test_only_the_next_update_fails_and_a_new_token_tries_again(fleet: Fleet, eks: EKSClient) -> None:
    fleet.next_update(EVICTION)
    start(eks)

    with later(minutes=21) as clock:
        again = start(eks, "second")
        clock.shift(timedelta(minutes=21))
        assert update(eks, again)["status"] == "Successful"
        assert (node_group(eks)["status"], node_group(eks)["health"]["issues"]) == ("ACTIVE", [])


def test_the_same_token_gives_the_same_update_in_progress_and_after(eks: EKSClient) -> None:
    update_id = start(eks)

    assert start(eks) == update_id
    with later(minutes=21):
        assert start(eks) == update_id
        assert eks.list_updates(name="demo", nodegroupName="workers")["updateIds"] == [update_id]


def test_a_second_update_at_the_same_time_is_refused(eks: EKSClient) -> None:
    start(eks)

    code, message = refused(lambda: start(eks, "second"))

    assert (code, message) == (
        "ResourceInUseException",
        "Nodegroup cannot be updated as it is currently not in Active State",
    )


def test_a_cluster_that_is_being_updated_takes_no_update_of_a_node_group(fleet: Fleet, eks: EKSClient) -> None:
    fleet.cluster_becomes("UPDATING")

    assert refused(lambda: start(eks))[0] == "InvalidRequestException"


def test_a_release_that_eks_does_not_take_yet_is_refused_with_the_one_that_it_takes(
    fleet: Fleet, eks: EKSClient
) -> None:
    fleet.release("1.33.3-20260724", taken=False)

    answer = refused(lambda: start(eks, releaseVersion="1.33.3-20260724"))

    assert answer == (
        "InvalidParameterException",
        f"Requested Nodegroup release version 1.33.3-20260724 is invalid. Allowed release version is {NEW}",
    )
    fleet.take("1.33.3-20260724")
    assert start(eks, releaseVersion="1.33.3-20260724")


def test_a_release_of_another_minor_is_refused(eks: EKSClient) -> None:
    answer = refused(lambda: start(eks, releaseVersion="1.32.7-20260714"))

    assert answer == (
        "InvalidRequestException",
        "Requested release version 1.32.7-20260714 is not valid for kubernetes version 1.33.",
    )


@pytest.mark.parametrize("version", ["1.32", "1.34"])
def test_a_minor_below_the_node_groups_or_above_the_clusters_is_refused(eks: EKSClient, version: str) -> None:
    assert refused(lambda: start(eks, version=version, releaseVersion=None))[0] == "InvalidRequestException"


def test_without_a_version_eks_takes_the_clusters_minor(fleet: Fleet, eks: EKSClient) -> None:
    fleet.cluster("ahead", version="1.34")
    fleet.node_group("ahead", version="1.33", release_version=OLD)
    fleet.release("1.34.1-20260714", version="1.34")

    started = eks.update_nodegroup_version(clusterName="ahead", nodegroupName="workers")["update"]

    assert {p["type"]: p["value"] for p in started["params"]} == {
        "Version": "1.34",
        "ReleaseVersion": "1.34.1-20260714",
    }


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"releaseVersion": None}, "You cannot specify the field kubernetesVersion when using custom AMIs."),
        ({"version": None}, "You cannot specify the field releaseVersion when using custom AMIs."),
        (
            {"version": None, "releaseVersion": None},
            "Launch template details can't be null for Custom ami type node group",
        ),
    ],
)
def test_a_node_group_with_an_ami_of_its_own_takes_a_launch_template_only(
    fleet: Fleet, eks: EKSClient, asked: dict[str, Any], message: str
) -> None:
    fleet.node_group(name="custom", ami_type="CUSTOM", release_version="ami-0123456789abcdef0")

    answer = refused(lambda: start(eks, nodegroupName="custom", **asked))

    assert answer == ("InvalidParameterException", message)


def test_a_launch_templates_version_is_taken_over(fleet: Fleet, eks: EKSClient) -> None:
    used = fleet.launch_template("ami-0123456789abcdef0")
    fleet.add_version(used["id"], ImageId="ami-0fedcba9876543210")
    fleet.node_group(name="custom", ami_type="CUSTOM", release_version="ami-0123456789abcdef0", launch_template=used)
    started = eks.update_nodegroup_version(
        clusterName="demo", nodegroupName="custom", launchTemplate={"id": used["id"], "version": "2"}
    )["update"]

    assert started["params"] == [{"type": "LaunchTemplateVersion", "value": "2"}]
    with later(minutes=21):
        changed = eks.describe_nodegroup(clusterName="demo", nodegroupName="custom")["nodegroup"]
        assert changed["launchTemplate"] == used | {"version": "2"}
        assert changed["releaseVersion"] == "ami-0fedcba9876543210"


@pytest.mark.parametrize("unknown", [{"clusterName": "none"}, {"nodegroupName": "none"}])
def test_what_does_not_exist_is_not_found(eks: EKSClient, unknown: dict[str, str]) -> None:
    gone: Any = WORKERS | unknown

    assert refused(lambda: start(eks, **unknown))[0] == "ResourceNotFoundException"
    assert refused(lambda: eks.list_updates(name=gone["clusterName"], nodegroupName=gone["nodegroupName"]))[0] == (
        "ResourceNotFoundException"
    )


def test_an_update_is_found_under_its_node_group_only(eks: EKSClient) -> None:
    update_id = start(eks)

    answer = refused(lambda: eks.describe_update(name="demo", updateId=update_id))

    assert answer == ("ResourceNotFoundException", f"No update found for ID: {update_id}")
    assert eks.list_updates(name="demo")["updateIds"] == []
    assert refused(lambda: eks.list_updates(name="none"))[0] == "ResourceNotFoundException"


def test_updates_are_listed_in_pages(fleet: Fleet, eks: EKSClient) -> None:
    started = set()
    for number in range(5):
        fleet.next_update(Course(takes=timedelta()))
        started.add(start(eks, f"attempt {number}"))

    pages = list(
        eks.get_paginator("list_updates").paginate(
            name="demo", nodegroupName="workers", PaginationConfig={"PageSize": 2}
        )
    )

    assert [len(page["updateIds"]) for page in pages] == [2, 2, 1]
    assert {update_id for page in pages for update_id in page["updateIds"]} == started


def test_node_groups_and_fargate_profiles_of_a_cluster_that_is_gone_are_not_found(eks: EKSClient) -> None:
    assert refused(lambda: eks.list_nodegroups(clusterName="none"))[0] == "ResourceNotFoundException"
    assert refused(lambda: eks.list_fargate_profiles(clusterName="none"))[0] == "ResourceNotFoundException"


def test_eks_keeps_the_update_config_and_the_compute_config_that_it_is_given(fleet: Fleet, eks: EKSClient) -> None:
    role = "arn:aws:iam::111122223333:role/demo"
    eks.create_cluster(name="auto", roleArn=role, resourcesVpcConfig={}, computeConfig={"enabled": True})
    eks.create_nodegroup(
        clusterName="auto",
        nodegroupName="wide",
        nodeRole=role,
        subnets=fleet.subnets(),
        updateConfig={"maxUnavailablePercentage": 33},
    )

    assert eks.describe_cluster(name="auto")["cluster"]["computeConfig"]["enabled"] is True
    described = eks.describe_nodegroup(clusterName="auto", nodegroupName="wide")["nodegroup"]
    assert described["updateConfig"] == {"maxUnavailablePercentage": 33}


def test_a_node_groups_health_issues_are_its_own(fleet: Fleet, eks: EKSClient) -> None:
    fleet.node_group(name="healthy")
    fleet.become("DEGRADED", issue("AsgInstanceLaunchFailures", "no capacity in eu-central-1a", "eks-workers"))

    assert [i["code"] for i in node_group(eks)["health"]["issues"]] == ["AsgInstanceLaunchFailures"]
    other = eks.describe_nodegroup(clusterName="demo", nodegroupName="healthy")["nodegroup"]
    assert (other["status"], other["health"]["issues"]) == ("ACTIVE", [])


def test_nothing_is_left_after_a_reset() -> None:
    with mock_aws():
        fleet = Fleet()
        fleet.release(NEW)
        fleet.cluster()
        fleet.node_group(release_version=OLD)
        start(boto3.client("eks", region_name=REGION))
    with mock_aws():
        eks = boto3.client("eks", region_name=REGION)
        Fleet().cluster()
        Fleet().node_group(release_version=OLD)

        assert eks.list_updates(name="demo", nodegroupName="workers")["updateIds"] == []
        assert refused(lambda: start(eks))[0] == "InvalidParameterException"


@pytest.mark.parametrize(
    ("ami_type", "version", "names"),
    [
        (
            "AL2_x86_64_GPU",
            "1.32",
            {
                "/aws/service/eks/optimized-ami/1.32/amazon-linux-2-gpu/recommended",
                "/aws/service/eks/optimized-ami/1.32/amazon-linux-2-gpu/recommended/release_version",
                "/aws/service/eks/optimized-ami/1.32/amazon-linux-2-gpu/recommended/image_id",
            },
        ),
        (
            "AL2023_ARM_64_NVIDIA",
            "1.33",
            {
                "/aws/service/eks/optimized-ami/1.33/amazon-linux-2023/arm64/nvidia/recommended",
                "/aws/service/eks/optimized-ami/1.33/amazon-linux-2023/arm64/nvidia/recommended/release_version",
                "/aws/service/eks/optimized-ami/1.33/amazon-linux-2023/arm64/nvidia/recommended/image_id",
            },
        ),
        (
            "BOTTLEROCKET_x86_64_NVIDIA_FIPS",
            "1.33",
            {
                "/aws/service/bottlerocket/aws-k8s-1.33-nvidia-fips/x86_64/latest/image_version",
                "/aws/service/bottlerocket/aws-k8s-1.33-nvidia-fips/x86_64/latest/image_id",
            },
        ),
        (
            "WINDOWS_CORE_2022_x86_64",
            "1.31",
            {
                "/aws/service/ami-windows-latest/Windows_Server-2022-English-Core-EKS_Optimized-1.31",
                "/aws/service/ami-windows-latest/Windows_Server-2022-English-Core-EKS_Optimized-1.31/image_id",
            },
        ),
    ],
)
def test_a_release_is_published_where_aws_publishes_it(ami_type: str, version: str, names: set[str]) -> None:
    assert set(parameters(ami_type, version, "r", "ami-0")) == names


@pytest.mark.parametrize("ami_type", ["CUSTOM", "AL2099_x86_64"])
def test_what_nobody_publishes_is_not_made_up(ami_type: str) -> None:
    with pytest.raises(ValueError, match=ami_type):
        parameters(ami_type, "1.33", "r", "ami-0")


def test_a_recall_moves_the_parameters_back_and_deprecates_the_image(fleet: Fleet, ec2: EC2Client) -> None:
    moment = datetime(2026, 7, 20, 9, tzinfo=UTC)
    bad = fleet.release("1.33.3-20260719", at=moment)

    with time_machine.travel(moment + timedelta(hours=6)):
        assert fleet.recall() == "1.33.3-20260719"
        ssm = boto3.client("ssm", region_name=REGION)
        names = parameters(AL2023, "1.33", "", "")
        leaf = next(name for name in names if name.endswith("release_version"))
        shown = ssm.get_parameters(Names=[leaf])["Parameters"][0]
        image = ec2.describe_images(ImageIds=[bad], IncludeDeprecated=True)["Images"][0]
        seen = ec2.describe_images(Filters=[{"Name": "image-id", "Values": [bad]}])["Images"]

    assert (shown["Value"], shown["LastModifiedDate"]) == (NEW, moment + timedelta(hours=6))
    assert image["DeprecationTime"] == "2026-07-20T15:00:00.000Z"
    assert seen == []


def test_eks_does_not_take_what_was_recalled(fleet: Fleet, eks: EKSClient) -> None:
    fleet.release("1.33.3-20260719")
    fleet.recall()

    assert refused(lambda: start(eks, releaseVersion="1.33.3-20260719"))[0] == "InvalidParameterException"
    assert start(eks, releaseVersion=NEW)


@pytest.mark.parametrize("ami_type", sorted(SOURCES))
def test_a_release_of_every_ami_type_is_found_where_nodewarden_looks(ami_type: str) -> None:
    published = parameters(ami_type, "1.33", "r", "ami-0")

    assert set(sought(ami_type, "1.33")) <= set(published)


def test_a_handler_in_another_process_can_start_an_update() -> None:
    with mock_aws():
        waves()
        server = serve("127.0.0.1", 0)
        host, port = server.get_host_and_port()
        eks = boto3.client("eks", region_name=REGION, endpoint_url=f"http://{host}:{port}")
        try:
            started = eks.update_nodegroup_version(clusterName="prod", nodegroupName="workers")["update"]
            listed = eks.list_updates(name="prod", nodegroupName="workers")["updateIds"]
            code, _ = refused(lambda: eks.update_nodegroup_version(clusterName="prod", nodegroupName="workers"))
        finally:
            server.stop()

    assert (started["status"], listed, code) == ("InProgress", [started["id"]], "ResourceInUseException")


def test_filling_twice_is_as_filling_once(eks: EKSClient) -> None:
    moto_eks.fill()
    moto_eks.fill()

    assert update(eks, start(eks))["status"] == "InProgress"


@pytest.mark.parametrize("name", ["update_nodegroup_version", "describe_update", "list_updates"])
def test_an_operation_that_moto_has_grown_is_to_be_dropped_here(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EKSResponse, name, lambda _: None, raising=False)

    with pytest.raises(MotoGrewItError, match=name):
        moto_eks.fill()


def speaks_of_update_config(self: Any) -> Any:
    return self._get_param("updateConfig")


def speaks_of_compute_config(self: Any) -> Any:
    return self._get_param("computeConfig")


def speaks_of_deprecation(self: Any) -> Any:
    return self._get_param("IncludeDeprecated")


def advances(self: Any) -> Any:
    return self.nodegroup.advance()


def looks_for_the_cluster(self: Any) -> Any:
    raise self.ResourceNotFoundException


@pytest.mark.parametrize(
    ("of", "name", "grown"),
    [
        (EKSResponse, "create_nodegroup", speaks_of_update_config),
        (EKSResponse, "create_cluster", speaks_of_compute_config),
        (EKSBackend, "describe_nodegroup", advances),
        (EKSBackend, "list_nodegroups", looks_for_the_cluster),
        (EKSBackend, "list_fargate_profiles", looks_for_the_cluster),
        (AmisResponse, "describe_images", speaks_of_deprecation),
    ],
)
def test_a_part_that_moto_has_grown_is_to_be_dropped_here(
    of: type, name: str, grown: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(moto_eks.THEIRS, (of, name), grown)

    with pytest.raises(MotoGrewItError, match=name):
        moto_eks.fill()
