"""Where a group with an AMI of its own stands, where AWS leaves out what it mostly says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from nodewarden.ami_release.golden import Golden, golden_standing
from nodewarden.ami_release.judgement import Look
from nodewarden.ami_release.policy import AmiFamily, AmiReleasePolicy
from nodewarden.ami_release.standing import Standing, State
from nodewarden.ami_release.target import Absence, NoTarget
from nodewarden.node_group import CUSTOM, Cluster, Image, NodeGroup, NodeGroupKey
from tests.unit.builders import ACCOUNT, NOW, REGION

FAMILY = AmiFamily(
    name="golden", owner="self", images="golden-{minor}-*", tags={}, minimum_age=timedelta(days=1), kubernetes=("*",)
)
OLD = Image(
    image_id="ami-00000001",
    state="available",
    allowed=True,
    name="golden-1.33-1",
    owner=ACCOUNT,
    architecture="arm64",
    created_at=NOW - timedelta(days=30),
)
NEW = replace(OLD, image_id="ami-00000002", name="golden-1.33-2", created_at=NOW - timedelta(days=2))


def standing_of(*images: Image) -> Standing:
    """Say how a group stands that runs the first of these."""
    group = NodeGroup(
        key=NodeGroupKey(account=ACCOUNT, region=REGION, cluster="demo", name="workers"),
        status="ACTIVE",
        ami_type=CUSTOM,
        version="1.33",
        release_version=images[0].image_id,
    )
    cluster = Cluster(account=ACCOUNT, region=REGION, name="demo", status="ACTIVE", version="1.33")
    look = Look(node_group=group, cluster=cluster, found=NoTarget(why=Absence.CUSTOM), wave="dev")
    before = Standing(node_group=group, state=State.CUSTOM, reason="", advice="", target=None, wave="dev")
    golden = Golden(
        policy=AmiReleasePolicy(families=(FAMILY,)),
        account=ACCOUNT,
        images={images[0].image_id: images[0]},
        of_family={"golden": images},
    )
    return golden_standing(before, look, None, golden, NOW)


def test_a_group_is_behind_the_newest_of_its_family() -> None:
    assert standing_of(OLD, NEW).state is State.BEHIND


def test_a_group_whose_ami_has_no_date_is_left_as_that_may_be_the_newest() -> None:
    standing = standing_of(replace(OLD, created_at=None), NEW)

    assert standing.state is State.AHEAD
    assert "of which EC2 gives no date" in standing.reason


def test_an_ami_without_a_date_is_never_rolled() -> None:
    assert standing_of(OLD, replace(NEW, created_at=None)).state is State.CURRENT


@pytest.mark.parametrize(
    "taken_back", [{"deprecated_at": NOW}, {"allowed": False}, {"state": "disabled"}], ids=lambda it: next(iter(it))
)
def test_an_ami_of_its_family_that_was_taken_back_is_never_up_to_date(taken_back: dict[str, object]) -> None:
    standing = standing_of(replace(OLD, **taken_back))  # type: ignore[arg-type]  # the tests' own words

    assert standing.state is State.RUNS_RECALLED
    assert "build it" in standing.advice
