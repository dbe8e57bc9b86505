"""Telling people of incidents: a flood is one message, each change is told once and in order, whatever fails on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import boto3
import pytest

from local.fleet import AL2023, MINOR, RELEASE
from nodewarden.aws.dynamodb import Items
from nodewarden.finding_item import incident_keys
from nodewarden.finding_ledger import FindingLedger, Memory
from nodewarden.inspector_finding.finding import Status
from nodewarden.inspector_finding.incident import COVERAGE
from tests.functional.fleet_watch import NEWER
from tests.functional.world import refuse
from tests.unit.inspector_finding_builders import (
    ACCOUNT,
    DAY,
    NEW_AMI,
    NOW,
    ON_TARGET,
    REGION,
    WORKERS,
    Story,
    finding,
    standing,
)

if TYPE_CHECKING:
    from nodewarden.inspector_finding.incident import Incident
    from tests.functional.fleet_watch import FleetWatch
    from tests.functional.world import World

ASKED, WAITS, CLOSED = "urgent-requested", "waiting-for-ami", "closed"


def ledger(world: World) -> FindingLedger:
    items = Items(client=boto3.client("dynamodb"), table=world.stack.ids["LedgerTable"])
    return FindingLedger(items=items, account=ACCOUNT, region=REGION, retention=timedelta(days=400))


def write(world: World, story: Story) -> Incident:
    """Write down what a story came to, over what it was before."""
    stored = ledger(world)
    memory = stored.memory(story.key, ())
    after = stored.write(Memory(incident=memory.incident, findings={}), story.now, (), NOW)
    assert after
    story.incident = after
    return after


def behind(name: str = "workers") -> Story:
    story = Story(hosts=replace(WORKERS, name=name))
    story.comes(finding(), stands=standing())
    return story


def waiting(name: str) -> Story:
    story = Story(NEW_AMI, replace(WORKERS, name=name))
    story.comes(finding(), stands=ON_TARGET)
    return story


def close(story: Story) -> Story:
    story.comes(finding(Status.CLOSED, updated_at=NOW + DAY), at=NOW + DAY)
    return story


def heard(world: World) -> list[str]:
    """Say of each message what became of how many."""
    return [f"{each.attributes['outcome']} {each.document['incidents_in_all']}" for each in world.stack.told()]


def test_a_flood_is_one_message_for_what_rolls_and_one_for_what_waits(world: World) -> None:
    for name in ("a", "b", "c"):
        write(world, behind(name))
    for name in ("d", "e"):
        write(world, waiting(name))

    world.stack.pump()

    assert heard(world) == [f"{ASKED} 3", f"{WAITS} 2"]
    assert "on 3 node groups" in world.stack.told()[0].subject


def test_what_was_told_is_not_told_again_however_often_it_is_written(world: World) -> None:
    story = behind()
    write(world, story)
    world.stack.pump()
    for number in range(3):
        story.comes(finding(number=number + 2), stands=standing())
        write(world, story)
        world.stack.pump()

    assert heard(world) == [f"{ASKED} 1"]


def test_two_changes_of_one_incident_in_one_batch_are_told_in_their_order(world: World) -> None:
    both, one = behind("a"), behind("b")
    write(world, both)
    write(world, close(both))
    write(world, one)

    world.stack.pump()

    assert heard(world) == [f"{ASKED} 2", f"{CLOSED} 1"]


def test_the_end_of_a_vulnerability_is_another_message_than_that_of_hosts_that_were_not_scanned(world: World) -> None:
    first, second = close(behind("a")), close(behind("b"))
    second.incident = replace(second.now, key=replace(second.key, about=COVERAGE))
    second.key = second.now.key
    write(world, first)
    write(world, second)

    world.stack.pump()

    assert [message.subject.partition(":")[0] for message in world.stack.told()] == [
        "Closed by Inspector",
        "Scanned by Inspector again",
    ]


def test_a_topic_that_is_down_does_not_lose_a_change_nor_mix_up_the_order(world: World) -> None:
    story = behind()
    write(world, story)
    write(world, close(story))
    world.fault("sns:Publish", refuse("InternalError", "Publish"), times=2)

    world.stack.pump()

    assert heard(world) == [f"{ASKED} 1", f"{CLOSED} 1"]
    assert world.failures() == []


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("number", range(9))
def test_whatever_call_dies_each_change_is_told_and_the_last_word_is_the_last(
    world: World, number: int, *, before: bool
) -> None:
    for name in ("a", "b"):
        story = behind(name)
        write(world, story)
        write(world, close(story))
    crashed = world.crash_at(number, before=before)

    world.stack.pump()

    assert next(crashed).function == "NoticeFunction"
    told = list(dict.fromkeys(heard(world)))
    assert told[0] == f"{ASKED} 2"
    assert told[-1].startswith(CLOSED)
    assert {f"{ASKED} 2", f"{CLOSED} 2"} <= {*told}


def test_an_incident_that_cannot_be_read_does_not_keep_the_others_back(world: World) -> None:
    broken = write(world, behind("broken"))
    keys = {name: {"S": value} for name, value in incident_keys(broken.key.incident_id).items()}
    boto3.client("dynamodb").update_item(
        TableName=world.stack.ids["LedgerTable"],
        Key=keys,
        UpdateExpression="SET #schema = :newer, version = :two",
        ExpressionAttributeNames={"#schema": "schema"},
        ExpressionAttributeValues={":newer": {"N": "99"}, ":two": {"N": "2"}},
    )
    write(world, behind("fine"))

    world.stack.pump()

    assert heard(world)[-1].startswith(ASKED)
    assert {failure["function"] for failure in world.stack.failed()} == {"NoticeFunction"}


def test_listeners_can_filter_incidents_by_their_outcome(world: World) -> None:
    write(world, behind())

    world.stack.pump()

    assert world.last_told().attributes == {"kind": "inspector_finding", "severity": "high", "outcome": ASKED}


def test_a_release_names_the_incidents_that_wait_for_it_in_its_message_and_its_event(
    watch: FleetWatch, world: World
) -> None:
    watch.behind()
    watch.look()
    story = waiting("workers-0")
    incident = replace(story.now, ami_type=AL2023, minor=MINOR, release_version=RELEASE)
    story.incident = incident
    write(world, story)
    watch.fleet.release(NEWER)

    watch.look()

    (released,) = [told for told in world.stack.told() if told.attributes["outcome"] == "released"]
    assert "- may close what Inspector finds on demo/workers-0: CVE-2026-10001; it says so when" in released.said
    assert [event["may_close"] for event in watch.announced()] == [
        [
            {
                "incident": incident.key.incident_id,
                "cluster": "demo",
                "node_group": "workers-0",
                "about": ["CVE-2026-10001"],
            }
        ]
    ]
