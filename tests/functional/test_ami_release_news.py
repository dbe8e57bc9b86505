"""Releases and recalls: what is remembered of each SSM parameter, announced on the bus and told to people."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import boto3

from local.fleet import AL2023, BEHIND, RELEASE
from nodewarden.ami_release.announcement import DETAIL_TYPE
from tests.functional.fleet_watch import BOTTLEROCKET, DEV, NEWER, NOW
from tests.functional.world import World, refuse

if TYPE_CHECKING:
    from tests.functional.fleet_watch import FleetWatch

NEWEST = "1.33.4-20261127"
WINDOWS = "WINDOWS_CORE_2022_x86_64"


def kinds(watch: FleetWatch) -> list[list[str]]:
    """Give what each message says of releases."""
    return [[f"{n['kind']} {n['release_version']}" for n in message.document["releases"]] for message in watch.told()]


def test_what_is_seen_first_is_remembered_and_announced_to_nobody(watch: FleetWatch) -> None:
    watch.behind()

    watch.look()

    assert (watch.sighting()["release_version"], watch.sighting()["version"]) == (RELEASE, 1)
    assert watch.announced() == []
    assert watch.told() == []


def test_a_release_is_announced_once_on_the_bus_for_anyone_to_subscribe(watch: FleetWatch) -> None:
    watch.behind()
    watch.look()
    image_id = watch.fleet.release(NEWER)

    watch.look()
    watch.look()

    (event,) = watch.announced()
    assert DETAIL_TYPE == "Node AMI Released"
    assert event == {
        "version": "1",
        "family": "AL2023",
        "ami_type": AL2023,
        "minor": "1.33",
        "release_version": NEWER,
        "previous": RELEASE,
        "image_id": image_id,
        "parameter": "/aws/service/eks/optimized-ami/1.33/amazon-linux-2023/x86_64/standard/recommended/release_version",
        "released_at": event["released_at"],
        "region": "eu-central-1",
        "may_close": [],
    }
    assert event["released_at"].startswith("2026-11-24T09:00:0")


def test_a_release_of_windows_is_announced_from_its_parents_json(watch: FleetWatch) -> None:
    watch.fleet.release("1.33-2026.10.14", ami_type=WINDOWS)
    watch.behind(ami_type=WINDOWS, release_version="1.33-2026.10.14")
    watch.look()
    image_id = watch.fleet.release("1.33-2026.11.11", ami_type=WINDOWS)

    watch.look()

    (event,) = watch.announced()
    assert (event["family"], event["release_version"]) == ("Windows", "1.33-2026.11.11")
    assert event["image_id"] == image_id


def test_people_hear_which_node_groups_a_release_concerns_and_what_happens_when(watch: FleetWatch) -> None:
    watch.behind("one")
    watch.behind("two", tags={"nodewarden:wave": "prod"})
    watch.behind("three", tags=DEV | {"nodewarden:hold": "until the launch"})
    watch.look()
    with watch.later(hours=1):
        watch.fleet.release(NEWER)

        (planned,) = watch.look()["planned"]

    message = watch.told()[-1]
    (news,) = message.document["releases"]
    assert (news["kind"], news["release_version"], news["previous"]) == ("released", NEWER, RELEASE)
    assert news["states"] == {"behind": 2, "held": 1}
    assert news["waves"] == {"dev": 1, "prod": 1}
    assert news["rollouts"] == [planned]
    assert news["expected_at"].startswith("2026-11-30T09:00")  # three days old, then the first window: Monday
    assert "demo/one, demo/three, demo/two" in message.said


def test_one_message_tells_of_all_releases_of_a_day(watch: FleetWatch) -> None:
    watch.fleet.release("1.30.0-ca9b9399", ami_type=BOTTLEROCKET)
    watch.fleet.release(BEHIND, ami_type="AL2023_ARM_64_STANDARD")
    watch.behind("one")
    watch.behind("two", ami_type="AL2023_ARM_64_STANDARD")
    watch.behind("three", ami_type=BOTTLEROCKET, release_version="1.30.0-ca9b9399")
    watch.look()
    watch.fleet.release(NEWER)
    watch.fleet.release(NEWER, ami_type="AL2023_ARM_64_STANDARD")
    watch.fleet.release("1.31.0-0d4f2a11", ami_type=BOTTLEROCKET)

    watch.look()

    assert kinds(watch) == [["released " + NEWER, "released " + NEWER, "released 1.31.0-0d4f2a11"]]
    assert len(watch.announced()) == 3


def test_an_earlier_release_that_could_not_be_announced_is_announced_before_a_later_one(watch: FleetWatch) -> None:
    watch.behind()
    watch.look()
    for release in (NEWER, NEWEST):
        watch.fleet.release(release)
        watch.stack.invoke("AmiReleaseFunction", {})
    World(watch.stack, boto3.client("ec2")).fault("events:PutEvents", refuse("InternalException", "PutEvents"))

    watch.stack.pump()

    assert [event["release_version"] for event in watch.announced()] == [NEWER, NEWEST]


def test_a_release_is_announced_on_the_bus_though_people_hear_of_it_in_a_digest(watch: FleetWatch) -> None:
    watch.behind()
    watch.look()
    watch.fleet.release(NEWER)
    watch.stack.invoke("AmiReleaseFunction", {})
    table, look = boto3.resource("dynamodb").Table(watch.stack.ids["LedgerTable"]), watch.remembered()
    for number in range(6):  # as if six regions had one ledger
        table.put_item(Item=look | {"pk": f"standings#{number}"})

    watch.stack.pump()

    assert [event["release_version"] for event in watch.announced()] == [NEWER]
    (message,) = watch.told()
    assert len(message.document["changes"]) == 7
    assert {change["outcome"] for change in message.document["changes"]} == {"released"}


def test_a_release_is_announced_when_its_image_can_be_used(watch: FleetWatch) -> None:
    watch.behind()
    watch.look()
    watch.fleet.release(NEWER, public=False)
    watch.look()
    assert watch.announced() == []

    watch.fleet.release(NEWER)
    watch.look()

    assert [event["release_version"] for event in watch.announced()] == [NEWER]


def test_a_parameter_that_went_back_is_a_recall_that_is_told_once_and_downgrades_nothing(watch: FleetWatch) -> None:
    watch.behind("rolled", release_version=NEWER)
    watch.behind("waiting", release_version=RELEASE)
    watch.fleet.release(NEWER)
    watch.look()

    with watch.later(hours=1):
        watch.fleet.recall()
        watch.look()
        watch.look()

    assert kinds(watch) == [["recalled " + NEWER]]
    assert watch.told()[0].attributes == {"kind": "ami_release", "severity": "high", "outcome": "recalled"}
    assert "went back from" in watch.told()[0].said
    assert watch.standings() == {"demo/rolled": "runs-recalled", "demo/waiting": "up-to-date"}
    assert watch.announced() == []


def test_a_recalled_release_is_not_planned_again(watch: FleetWatch) -> None:
    watch.behind()
    image_id = watch.fleet.release(NEWER)
    watch.look()
    watch.fleet.deprecate(image_id)
    watch.look()
    watch.behind("later")

    watch.look()

    assert watch.standings() == {"demo/later": "target-recalled", "demo/workers": "target-recalled"}
    assert len(watch.rollouts()) == 1


def test_an_image_that_is_deprecated_before_its_time_is_a_recall(watch: FleetWatch) -> None:
    watch.behind()
    image_id = watch.fleet.release(NEWER)
    watch.look()

    watch.fleet.deprecate(image_id)
    watch.look()

    assert kinds(watch) == [["recalled " + NEWER]]
    assert "is deprecated since" in watch.told()[0].said
    assert list(watch.sighting()["recalled"]) == [NEWER]


def test_what_follows_a_recall_is_a_release_like_any_other(watch: FleetWatch) -> None:
    watch.behind()
    watch.fleet.release(NEWER)
    watch.look()
    watch.fleet.recall()
    watch.look()
    with watch.later(days=1):
        watch.fleet.release("1.33.3-20261125")
        watch.look()

    assert kinds(watch) == [["recalled " + NEWER], ["released 1.33.3-20261125"]]
    assert [event["release_version"] for event in watch.announced()] == ["1.33.3-20261125"]


def test_an_answer_of_ssm_that_is_older_than_what_is_remembered_counts_for_nothing(watch: FleetWatch) -> None:
    watch.behind()
    watch.fleet.release(NEWER)
    watch.look()
    watch.fleet.release(RELEASE, at=NOW - timedelta(days=9))

    watch.look()

    assert watch.planned() == {"AL2023": {"demo/workers": NEWER}}
    assert watch.sighting()["version"] == 1
    assert watch.told() == []


def test_a_release_that_concerns_no_node_group_any_more_is_not_looked_for(watch: FleetWatch) -> None:
    watch.fleet.release("1.32.1-20261001", version="1.32")
    watch.behind()
    watch.look()
    watch.fleet.release("1.32.2-20261102", version="1.32")

    watch.look()

    assert watch.announced() == []
    assert watch.told() == []
