"""EKS by verbs: against EKS as it is played here, and what that cannot show with botocore's Stubber."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import time_machine
from botocore.stub import Stubber
from moto import mock_aws

from local.aws import ACCOUNT
from local.fleet import REGION, Fleet
from local.moto_eks import Course, error, issue
from nodewarden.aws.eks import Eks
from nodewarden.errors import (
    AwsError,
    GoneError,
    MissingPermissionError,
    NodeGroupBusyError,
    ReleaseNotAllowedError,
    ThrottledError,
    UnavailableError,
)
from nodewarden.launch_template import LaunchTemplate
from nodewarden.node_group import Cluster, HealthIssue, NodeGroup, NodeGroupKey, Update

if TYPE_CHECKING:
    from collections.abc import Iterator

OLD, NEW = "1.33.2-20260701", "1.33.2-20260714"
WORKERS = NodeGroupKey(account=ACCOUNT, region=REGION, cluster="demo", name="workers")
GONE = NodeGroupKey(account=ACCOUNT, region=REGION, cluster="demo", name="none")
GONE_CLUSTER = NodeGroupKey(account=ACCOUNT, region=REGION, cluster="none", name="workers")
MOMENT = datetime(2026, 7, 20, 9, tzinfo=UTC)


@pytest.fixture(name="fleet")
def _fleet() -> Iterator[Fleet]:
    """Make a cluster whose node group is one release behind."""
    with mock_aws():
        fleet = Fleet()
        fleet.release(OLD)
        fleet.release(NEW)
        fleet.cluster()
        fleet.node_group(release_version=OLD, tags={"nodewarden:wave": "dev"})
        yield fleet


@pytest.fixture(name="eks")
def _eks(fleet: Fleet) -> Eks:
    return Eks(boto3.client("eks", region_name=fleet.region))


@pytest.fixture(name="stubber")
def _stubber() -> Stubber:
    return Stubber(boto3.client("eks", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b"))


def stubbed(stubber: Stubber) -> Eks:
    client: Any = stubber.client
    return Eks(client)


def start(eks: Eks, attempt: str = "first", release_version: str = NEW) -> Update:
    return eks.start_update(WORKERS, version="1.33", release_version=release_version, token=attempt)


def test_a_cluster_is_described_and_auto_mode_is_seen(fleet: Fleet, eks: Eks) -> None:
    fleet.cluster("auto", auto_mode=True, version="1.34")

    assert eks.clusters() == ("auto", "demo")
    assert eks.cluster("demo") == Cluster(
        account=ACCOUNT, region=REGION, name="demo", status="ACTIVE", version="1.33", auto_mode=False
    )
    auto = eks.cluster("auto")
    assert auto is not None
    assert (auto.version, auto.auto_mode) == ("1.34", True)


def test_a_node_group_is_described_with_all_that_decides(fleet: Fleet, eks: Eks) -> None:
    fleet.node_group(
        name="wide",
        ami_type="BOTTLEROCKET_ARM_64",
        release_version="1.30.0-ca9b9399",
        desired=12,
        update_config={"maxUnavailablePercentage": 33},
        launch_template={"id": "lt-0123456789abcdef0", "version": "3"},
    )
    fleet.become("DEGRADED", issue("AsgInstanceLaunchFailures", "no capacity", "eks-wide"), name="wide")
    key = NodeGroupKey(account=ACCOUNT, region=REGION, cluster="demo", name="wide")

    assert eks.node_groups("demo") == ("wide", "workers")
    assert eks.node_group(key) == NodeGroup(
        key=key,
        status="DEGRADED",
        ami_type="BOTTLEROCKET_ARM_64",
        version="1.33",
        release_version="1.30.0-ca9b9399",
        desired=12,
        subnets=tuple(fleet.subnets()),
        max_unavailable=None,
        max_unavailable_percentage=33,
        launch_template=LaunchTemplate(template_id="lt-0123456789abcdef0", version="3"),
        tags={},
        issues=(HealthIssue(code="AsgInstanceLaunchFailures", message="no capacity", resource_ids=("eks-wide",)),),
        auto_scaling_groups=(fleet.group_behind("demo", "wide"),),
    )


def test_a_plain_node_group_has_its_tags_and_one_host_unavailable_at_a_time(eks: Eks) -> None:
    found = eks.node_group(WORKERS)

    assert found is not None
    assert (found.tags, found.max_unavailable, found.launch_template, found.issues) == (
        {"nodewarden:wave": "dev"},
        1,
        None,
        (),
    )


@pytest.mark.usefixtures("fleet")
def test_what_is_gone_is_none_and_no_error(eks: Eks) -> None:
    assert eks.cluster("none") is None
    assert eks.node_groups("none") == ()
    assert eks.fargate_profiles("none") == ()
    for key in (GONE, GONE_CLUSTER):
        assert eks.node_group(key) is None
        assert eks.update(key, "an-id") is None
        assert eks.updates_in_progress(key) == ()
    assert eks.update(WORKERS, "an-id") is None


def test_an_update_goes_to_the_release_and_is_seen_to_end(eks: Eks) -> None:
    with time_machine.travel(MOMENT, tick=False):
        started = start(eks)
    assert started == Update(
        update_id=started.update_id, status="InProgress", release_version=NEW, errors=(), created_at=MOMENT
    )

    with time_machine.travel(MOMENT + timedelta(minutes=21)):
        ended, found = eks.update(WORKERS, started.update_id), eks.node_group(WORKERS)
    assert ended is not None
    assert ended.status == "Successful"
    assert found is not None
    assert (found.status, found.release_version) == ("ACTIVE", NEW)


def test_a_failed_update_has_its_errors(fleet: Fleet, eks: Eks) -> None:
    errors = (error("PodEvictionFailure", "Reached max retries", "ip-192-0-2-1", "ip-192-0-2-2"),)
    fleet.next_update(Course(takes=timedelta(), errors=errors))

    failed = eks.update(WORKERS, start(eks).update_id)

    assert failed is not None
    assert (failed.status, failed.errors) == (
        "Failed",
        (
            HealthIssue(
                code="PodEvictionFailure",
                message="Reached max retries",
                resource_ids=("ip-192-0-2-1", "ip-192-0-2-2"),
            ),
        ),
    )


def test_the_same_token_starts_no_second_update(eks: Eks) -> None:
    first = start(eks)

    assert start(eks) == first
    assert eks.updates_in_progress(WORKERS) == (first,)


def test_a_busy_node_group_is_said_to_be_busy_and_its_update_is_found(eks: Eks) -> None:
    first = start(eks)

    with pytest.raises(NodeGroupBusyError, match="eks:UpdateNodegroupVersion was refused: ResourceInUseException"):
        start(eks, "second")
    assert eks.updates_in_progress(WORKERS) == (first,)


def test_updates_that_ended_are_not_in_progress(fleet: Fleet, eks: Eks) -> None:
    for number in range(3):
        fleet.next_update(Course(takes=timedelta()))
        start(eks, f"attempt {number}")
    going = start(eks, "last")

    assert eks.updates_in_progress(WORKERS) == (going,)


def test_a_release_that_eks_does_not_take_is_an_error_of_its_own(eks: Eks) -> None:
    with pytest.raises(ReleaseNotAllowedError, match=f"Allowed release version is {NEW}"):
        start(eks, release_version="1.33.3-20260724")
    with pytest.raises(ReleaseNotAllowedError, match=r"1\.32\.7-20260714 is not valid for kubernetes version 1\.33"):
        start(eks, release_version="1.32.7-20260714")


def test_another_refusal_keeps_its_code_and_message(eks: Eks) -> None:
    with pytest.raises(AwsError, match=r"InvalidRequestException: Kubernetes version 1\.34 is newer") as caught:
        eks.start_update(WORKERS, version="1.34", release_version="1.34.1-20260714", token="first")
    assert type(caught.value) is AwsError
    assert caught.value.code == "InvalidRequestException"


def test_an_update_of_what_is_gone_is_an_error(eks: Eks) -> None:
    with pytest.raises(GoneError, match="eks:UpdateNodegroupVersion") as caught:
        eks.start_update(GONE, version="1.33", release_version=NEW, token="first")
    assert caught.value.code == "ResourceNotFoundException"


@pytest.mark.parametrize("force", [False, True])
def test_a_start_always_names_minor_and_release_and_says_whether_to_force(stubber: Stubber, *, force: bool) -> None:
    asked = {
        "clusterName": "demo",
        "nodegroupName": "workers",
        "version": "1.31",
        "releaseVersion": "1.30.0-ca9b9399",
        "force": force,
        "clientRequestToken": "0123456789abcdef",
    }
    stubber.add_response("update_nodegroup_version", {"update": {"id": "an-id", "status": "InProgress"}}, asked)

    with stubber:
        update = stubbed(stubber).start_update(
            WORKERS, version="1.31", release_version="1.30.0-ca9b9399", token="0123456789abcdef", force=force
        )

    assert update == Update(update_id="an-id", status="InProgress")


def test_clusters_node_groups_and_fargate_profiles_are_listed_over_every_page(stubber: Stubber) -> None:
    clusters = [f"cluster-{number:03}" for number in range(250)]
    for start_at, token in ((0, {}), (100, {"nextToken": "100"}), (200, {"nextToken": "200"})):
        following = {"nextToken": str(start_at + 100)} if start_at < 200 else {}
        stubber.add_response("list_clusters", {"clusters": clusters[start_at : start_at + 100], **following}, token)
    stubber.add_response("list_nodegroups", {"nodegroups": ["a"], "nextToken": "b"}, {"clusterName": "demo"})
    stubber.add_response("list_nodegroups", {"nodegroups": ["b"]}, {"clusterName": "demo", "nextToken": "b"})

    stubber.add_response(
        "list_fargate_profiles", {"fargateProfileNames": ["c"], "nextToken": "d"}, {"clusterName": "demo"}
    )
    stubber.add_response(
        "list_fargate_profiles", {"fargateProfileNames": ["d"]}, {"clusterName": "demo", "nextToken": "d"}
    )

    with stubber:
        eks = stubbed(stubber)
        assert eks.clusters() == tuple(clusters)
        assert eks.node_groups("demo") == ("a", "b")
        assert eks.fargate_profiles("demo") == ("c", "d")


def test_an_update_in_progress_is_found_on_any_page_and_the_newest_is_first(stubber: Stubber) -> None:
    named = {"name": "demo", "nodegroupName": "workers"}
    stubber.add_response("list_updates", {"updateIds": ["old", "done"], "nextToken": "a"}, named)
    stubber.add_response("list_updates", {"updateIds": ["new"]}, named | {"nextToken": "a"})
    for update_id, status, day in (("old", "InProgress", 1), ("done", "Successful", 3), ("new", "InProgress", 2)):
        described = {"id": update_id, "status": status, "createdAt": MOMENT + timedelta(days=day)}
        stubber.add_response("describe_update", {"update": described}, named | {"updateId": update_id})

    with stubber:
        going = stubbed(stubber).updates_in_progress(WORKERS)

    assert [update.update_id for update in going] == ["new", "old"]


def test_a_node_group_that_is_being_made_has_what_eks_answers_of_it(stubber: Stubber) -> None:
    stubber.add_response("describe_nodegroup", {"nodegroup": {"nodegroupName": "workers", "status": "CREATING"}})

    with stubber:
        assert stubbed(stubber).node_group(WORKERS) == NodeGroup(
            key=WORKERS, status="CREATING", ami_type="", version="", release_version=""
        )


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("AccessDeniedException", 403, MissingPermissionError),
        ("ThrottlingException", 429, ThrottledError),
        ("ServerException", 500, UnavailableError),
        ("ServiceUnavailableException", 503, UnavailableError),
        ("ClientException", 400, AwsError),
    ],
)
def test_an_error_code_has_one_meaning(stubber: Stubber, code: str, status: int, error: type[AwsError]) -> None:
    for operation in ("list_clusters", "describe_cluster", "list_nodegroups", "describe_nodegroup", "list_updates"):
        stubber.add_client_error(operation, code, http_status_code=status)
    eks = stubbed(stubber)

    with stubber:
        for call in (
            eks.clusters,
            lambda: eks.cluster("demo"),
            lambda: eks.node_groups("demo"),
            lambda: eks.node_group(WORKERS),
            lambda: eks.updates_in_progress(WORKERS),
        ):
            with pytest.raises(error, match="eks:") as caught:
                call()
            assert (type(caught.value), caught.value.code) == (error, code)
