"""The words for a look at the fleet: what people read when a release comes, is recalled, or leaves node groups alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from nodewarden.ami_release.ami_type import Family
from nodewarden.ami_release.fleet import FleetLook, Listed, ReleaseNews
from nodewarden.ami_release.may_close import MayClose
from nodewarden.ami_release.sighting import NewsKind
from nodewarden.ami_release.standing import State
from nodewarden.ami_release.unmanaged import Kind, Unmanaged
from nodewarden.message.ami_release import of_look
from tests.unit.builders import ACCOUNT, NOW, REGION, lines

if TYPE_CHECKING:
    from nodewarden.message.message import Message

OLD, NEW = "1.33.5-20261114", "1.33.5-20261123"
QUIET = FleetLook(
    account=ACCOUNT,
    region=REGION,
    number=2,
    looked_at=NOW,
    clusters=2,
    counts={"behind": 2, "held": 1, "unmanaged": 0},
    heard={},
)
RELEASED = ReleaseNews(
    kind=NewsKind.RELEASED,
    family=Family.AL2023,
    ami_type="AL2023_x86_64_STANDARD",
    minor="1.33",
    release_version=NEW,
    previous=OLD,
    why="",
    released_at=NOW,
    node_groups=3,
    states={"behind": 2, "held": 1},
    waves={"dev": 1, "prod": 1},
    named=("shop/spot", "shop/workers", "shop-dev/workers"),
    rollouts=("al2023-0123456789ab",),
    expected_at=NOW + timedelta(days=3),
)
HELD = Listed(
    cluster="shop",
    name="spot",
    state=State.HELD,
    reason=f"held by the tag nodewarden:hold: a test; it runs {OLD}, not {NEW}",
    advice="Remove the tag nodewarden:hold to let it roll.",
    wave=None,
)


def worded(**changes: object) -> Message:
    message = of_look(replace(QUIET, **changes), "nodewarden")  # type: ignore[arg-type]  # the tests' own words
    assert message
    return message


def test_a_look_that_finds_nothing_new_is_nobodys_news() -> None:
    assert of_look(QUIET, "nodewarden") is None


def test_a_release_says_which_node_groups_it_concerns_and_what_happens_when() -> None:
    message = worded(releases=(RELEASED,), new=(HELD,), news=1, planned=("al2023-0123456789ab",))

    assert message.subject == f"Released: AL2023 {NEW}, 3 node groups, eu-central-1"
    assert lines(message)[:-2] == [
        f"What: Released: {NEW} for AL2023_x86_64_STANDARD, Kubernetes 1.33, it was {OLD}",
        "What: - 3 node groups: 2 behind, 1 held: shop/spot, shop/workers, shop-dev/workers",
        "Where: account 111122223333, eu-central-1: 2 clusters, node groups: 2 behind, 1 held",
        "When: wave dev (1), wave prod (1): by the rollout al2023-0123456789ab, not before Friday 2026-11-27 09:00 UTC",
        f"Stays: held shop/spot: {HELD.reason}. {HELD.advice}",
        "Changes: https://github.com/awslabs/amazon-eks-ami/releases/tag/v20261123",
    ]
    assert message.attributes == {"kind": "ami_release", "severity": "medium", "outcome": "released"}


def test_a_release_names_the_incidents_that_it_may_close() -> None:
    waits = [
        MayClose(
            incident_id=f"ami-0-{n}", cluster="demo", node_group=f"workers-{n}", about=("CVE-2026-1", "CVE-2026-2")
        )
        for n in range(7)
    ]

    message = worded(releases=(replace(RELEASED, may_close=tuple(waits)),))

    line = (
        "What: - may close what Inspector finds on demo/workers-0: CVE-2026-1, CVE-2026-2; it says so when hosts run it"
    )
    assert line in lines(message)
    assert "What: - and 2 more" in lines(message)
    assert [each["incident"] for each in message.document["releases"][0]["may_close"]] == [
        f"ami-0-{n}" for n in range(7)
    ]


def test_a_release_that_another_rollout_keeps_waiting_says_so() -> None:
    message = worded(releases=(replace(RELEASED, rollouts=(), expected_at=None),))

    assert "When: wave dev (1), wave prod (1): by the next rollout, when the one that goes on has ended" in "\n".join(
        lines(message)
    )
    assert message.attributes["severity"] == "info"


def test_a_recall_comes_first_and_says_that_nothing_is_downgraded() -> None:
    why = f"/p went back from {NEW} to {OLD}"
    recalled = replace(RELEASED, kind=NewsKind.RECALLED, previous=None, why=why, states={"runs-recalled": 3}, waves={})

    message = worded(releases=(recalled, RELEASED))

    assert message.subject == f"RECALLED: AL2023 {NEW}, 3 node groups, eu-central-1"
    assert f"What: RECALLED: {NEW} for AL2023_x86_64_STANDARD, Kubernetes 1.33 ({why})" in "\n".join(lines(message))
    assert "nothing is downgraded" in "\n".join(lines(message))
    assert message.attributes == {"kind": "ami_release", "severity": "high", "outcome": "recalled"}


def test_a_days_release_for_many_ami_types_is_one_message() -> None:
    several = tuple(replace(RELEASED, minor=f"1.{minor}") for minor in range(25, 37))

    message = worded(releases=several, more_releases=3)

    assert "\n".join(lines(message)).count("Released: ") == 10
    assert "What: and 5 more" in lines(message)
    assert len(message.document["releases"]) == 12


def test_what_newly_stands_aside_is_told_with_the_reason_and_the_advice() -> None:
    karpenter = Unmanaged(cluster="shop", kind=Kind.KARPENTER, where="default")

    message = worded(new=(HELD,), news=4, new_unmanaged=(karpenter,))

    assert message.subject == "Left alone by AMI rollouts: 4 node groups, 1 of other hosts, eu-central-1"
    assert "Stays: and 3 more" in lines(message)
    assert "Others: karpenter shop/default: Karpenter replaces its hosts when" in "\n".join(lines(message))
    assert message.attributes == {"kind": "ami_release", "severity": "medium", "outcome": "left-alone"}


def test_a_cluster_that_could_not_be_looked_at_is_told() -> None:
    message = worded(failures=("the cluster shop: MissingPermissionError: eks:ListNodegroups",))

    assert message.subject == "Node groups that could not be looked at, eu-central-1"
    assert "Failed: the cluster shop: MissingPermissionError: eks:ListNodegroups" in lines(message)
    assert message.attributes == {"kind": "ami_release", "severity": "high", "outcome": "not-seen"}
