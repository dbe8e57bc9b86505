"""A flood is told in digests: each change in one message, whatever fails on the way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.sns.models import sns_backends

from local import template
from local.aws import ACCOUNT
from local.stack import REGION, Crash
from nodewarden.aws.dynamodb import marshal
from tests.functional.test_notice import requests
from tests.functional.world import WHO, refuse

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.world import World


@pytest.fixture(name="small_breaker")
def _small_breaker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the breaker let four groups through."""
    policies(tmp_path, monkeypatch, security_group=("breaker_groups_an_hour = 20", "breaker_groups_an_hour = 4"))


def policies(folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: tuple[str, str]) -> None:
    """Let the functions read the shipped policy, with a part of some files replaced."""
    for file in (template.ROOT / "layers/policy/policy").glob("*.toml"):
        (folder / file.name).write_text(file.read_text("utf-8").replace(*changes.get(file.stem, ("", ""))), "utf-8")
    monkeypatch.setenv("NODEWARDEN_POLICY_FOLDER", str(folder))


def flood(world: World, count: int) -> list[str]:
    """Let groups open and be closed within one batching window; gives the ids of the remediations."""
    for number in range(count):
        group = world.group(f"workers-{number}")
        world.open(group, "0.0.0.0/0")
        world.stack.put(world.event(group))
    return [entry["remediation_id"] for entry in world.stack.remediations()]


def told_of(world: World) -> list[str]:
    """Name the remediations that the messages told of, in order, once for each time."""
    named = []
    for message in world.stack.told():
        changes = message.document.get("changes", [message.document])
        named += [change["remediation"] for change in changes]
    return named


def test_a_handful_of_openings_is_told_one_by_one(world: World) -> None:
    flood(world, 5)

    world.stack.pump()

    assert world.told() == ["revoked"] * 5


def test_a_flood_becomes_one_message_that_has_every_change(world: World) -> None:
    closed = flood(world, 7)

    world.stack.pump()

    (digest,) = world.stack.told()
    assert digest.subject == "7 security group messages: Closed (7), eu-central-1"
    assert digest.attributes == {"kind": "security_group", "severity": "high", "outcome": '["revoked"]'}
    assert sorted(told_of(world)) == sorted(closed)
    assert all(name in digest.said for name in closed)
    assert world.stack.failed() == []


def test_the_commands_of_a_digest_list_all_of_it_and_undo_one(world: World) -> None:
    closed = flood(world, 7)
    world.stack.pump()
    undo, status = requests(world.last_told())

    listed = world.ask(**status)

    assert sorted(change["remediation"] for change in listed["changes"]) == sorted(closed)
    assert world.ask(**undo)["ok"]


def test_a_digest_that_there_is_not_is_said_to_be_none(world: World) -> None:
    answer = world.ask("status", digest="0123456789ab")

    assert answer["ok"] is False
    assert "there is no digest 0123456789ab" in answer["error"]


@pytest.mark.usefixtures("small_breaker")
def test_critical_ones_in_a_flood_are_told_by_themselves_and_the_rest_of_them_first(world: World) -> None:
    flood(world, 9)
    held = [entry["remediation_id"] for entry in world.stack.remediations() if entry["outcome"] == "held"]

    world.stack.pump()

    *alone, digest = world.stack.told()
    assert [message.attributes["outcome"] for message in alone] == ["held"] * 3
    assert [change["outcome"] for change in digest.document["changes"]] == ["held"] * 2 + ["revoked"] * 4
    assert digest.attributes["severity"] == "critical"
    assert json.loads(digest.attributes["outcome"]) == ["held", "revoked"]
    assert {*held} <= {*told_of(world)}


def test_a_topic_that_is_down_loses_no_digest_and_keeps_no_group_open(world: World) -> None:
    closed = flood(world, 7)
    world.fault("sns:Publish", refuse("InternalError", "Publish"), times=3)

    world.stack.pump()

    assert sorted(told_of(world)) == sorted(closed)
    assert world.outcomes() == ["revoked"] * 7


@pytest.mark.parametrize("call", range(10))
def test_a_crash_before_any_call_tells_each_change_in_one_message(world: World, call: int) -> None:
    closed = flood(world, 7)
    crashes = world.crash_at(call, before=True)

    world.stack.pump()

    assert next(crashes, None) is not None
    assert len(world.stack.told()) == 1
    assert sorted(told_of(world)) == sorted(closed)


@pytest.mark.parametrize("call", range(9))
def test_a_crash_after_any_call_but_the_publish_tells_each_change_in_one_message(world: World, call: int) -> None:
    closed = flood(world, 7)
    crashes = world.crash_at(call, before=False)

    world.stack.pump()

    assert next(crashes).action in {"dynamodb:GetItem", "dynamodb:TransactWriteItems"}
    assert len(world.stack.told()) == 1
    assert sorted(told_of(world)) == sorted(closed)


def test_a_crash_between_publish_and_told_repeats_the_digest_whole_and_nothing_of_it_alone(world: World) -> None:
    closed = flood(world, 7)
    world.fault("sns:Publish", crash, before=False)

    world.stack.pump()

    first, again = world.stack.told()
    assert first.document == again.document
    assert sorted(change["remediation"] for change in first.document["changes"]) == sorted(closed)


def crash() -> None:
    raise Crash


def test_a_batch_that_comes_again_in_part_makes_no_second_message(world: World) -> None:
    closed = flood(world, 7)
    records = recorded(world)
    world.stack.pump()

    for part in (records[:3], records[3:], records):
        world.stack.invoke("NoticeFunction", {"Records": part})
    world.stack.pump()

    assert len(world.stack.told()) == 1
    assert sorted(told_of(world)) == sorted(closed)


def test_a_batch_that_is_cut_in_two_tells_each_change_in_one_message(world: World) -> None:
    closed = flood(world, 7)
    records = recorded(world)

    for part in (records[:7], records[7:], records):
        world.stack.invoke("NoticeFunction", {"Records": part})
    world.stack.pump()

    assert sorted(told_of(world)) == sorted(closed)


def test_a_subscription_can_filter_a_digest_by_any_of_its_outcomes(world: World) -> None:
    flood(world, 7)

    world.stack.pump()

    *_, attributes, _ = sns_backends[ACCOUNT][REGION].topics[world.stack.ids["NoticeTopic"]].sent_notifications[-1]
    assert {name: value["Type"] for name, value in (attributes or {}).items()} == {
        "kind": "String",
        "severity": "String",
        "outcome": "String.Array",
    }


def recorded(world: World) -> list[dict[str, Any]]:
    """Read the table's stream from its beginning, as the notice function gets it."""
    streams = boto3.client("dynamodbstreams")
    arn = boto3.client("dynamodb").describe_table(TableName=world.stack.ids["LedgerTable"])["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    start = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    records: list[Any] = streams.get_records(ShardIterator=start["ShardIterator"])["Records"]
    found = [record for record in records if "version" in record["dynamodb"].get("NewImage", {})]
    return list(json.loads(json.dumps(found, default=str)))


def test_what_is_told_by_itself_while_a_digest_is_written_is_not_in_the_digest(world: World) -> None:
    closed = flood(world, 7)
    key = {"pk": {"S": world.stack.remediations()[0]["pk"]}, "sk": {"S": world.stack.remediations()[0]["sk"]}}

    def told_meanwhile() -> None:
        boto3.client("dynamodb").update_item(
            TableName=world.stack.ids["LedgerTable"],
            Key=key,
            UpdateExpression="SET told = :two",
            ExpressionAttributeValues={":two": {"N": "2"}},
        )

    world.fault("dynamodb:TransactWriteItems", told_meanwhile)

    world.stack.pump()

    (digest,) = world.stack.told()
    assert len(digest.document["changes"]) == 6
    assert {*told_of(world)} < {*closed}


def test_one_entry_that_cannot_be_read_does_not_keep_a_digest_back(world: World) -> None:
    closed = flood(world, 7)
    boto3.client("dynamodb").put_item(
        TableName=world.stack.ids["LedgerTable"],
        Item={"pk": {"S": "broken"}, "sk": {"S": "pause"}, "version": {"N": "1"}, "schema": {"N": "1"}},
    )

    world.stack.pump()

    assert sorted(told_of(world)) == sorted(closed)
    assert [failure["function"] for failure in world.stack.failed()] == ["NoticeFunction"]


def test_exemptions_and_openings_are_not_mixed(world: World) -> None:
    closed = flood(world, 6)
    group = world.stack.remediations()[0]["group_id"]
    request = {"verb": "exempt", "group": group, "protocol": "tcp", "source": "0.0.0.0/0", "for": "1h", **WHO}
    world.stack.invoke("OperatorFunction", request)

    world.stack.pump()

    exempt, digest = world.stack.told()
    assert exempt.attributes["kind"] == "exemption"
    assert sorted(change["remediation"] for change in digest.document["changes"]) == sorted(closed)


def test_more_than_a_transaction_holds_is_told_in_several_digests(world: World) -> None:
    group = world.group()
    for port in range(1, 113):
        request = {"verb": "exempt", "group": group, "protocol": "tcp", "ports": str(port), "source": "0.0.0.0/0"}
        world.stack.invoke("OperatorFunction", {**request, "for": "1h", **WHO})

    world.stack.pump()

    digests = world.stack.told()
    assert sum(len(digest.document["changes"]) for digest in digests) == 112
    assert [len(digest.document["changes"]) for digest in digests] == [50, 50, 12]
    assert all(len(json.dumps(digest.bodies)) < 256 * 1024 for digest in digests)


def test_one_more_than_a_transaction_holds_is_not_left_alone_in_a_digest(world: World) -> None:
    group = world.group()
    for port in range(1, 101):
        request = {"verb": "exempt", "group": group, "protocol": "tcp", "ports": str(port), "source": "0.0.0.0/0"}
        world.stack.invoke("OperatorFunction", {**request, "for": "1h", **WHO})

    world.stack.pump()

    assert [len(digest.document["changes"]) for digest in world.stack.told()] == [50, 50]


def test_what_was_deleted_meanwhile_keeps_no_other_change_back_and_is_told_by_itself(world: World) -> None:
    closed = flood(world, 7)
    entry = world.stack.remediations()[0]
    key = {"pk": {"S": entry["pk"]}, "sk": {"S": entry["sk"]}}
    boto3.client("dynamodb").delete_item(TableName=world.stack.ids["LedgerTable"], Key=key)

    world.stack.pump()

    alone, digest = world.stack.told()
    assert alone.document["remediation"] == closed[0]
    assert sorted(change["remediation"] for change in digest.document["changes"]) == sorted(closed[1:])
    assert world.stack.failed() == []


def test_what_is_deleted_while_a_digest_is_written_keeps_it_back_for_one_try(world: World) -> None:
    closed = flood(world, 7)
    entry = world.stack.remediations()[0]
    key = {"pk": {"S": entry["pk"]}, "sk": {"S": entry["sk"]}}
    table = world.stack.ids["LedgerTable"]
    world.fault("dynamodb:TransactWriteItems", lambda: boto3.client("dynamodb").delete_item(TableName=table, Key=key))

    world.stack.pump()

    assert sorted(told_of(world)) == sorted(closed)
    assert world.stack.failed() == []


POISON: dict[str, dict[str, Any]] = {
    "a digest of nothing": {
        "sk": "digest",
        "digest_id": "x",
        "kind": "k",
        "lines": [],
        "collected_at": "2026-01-01T00:00:00+00:00",
    },
    "a sighting of nothing": {"sk": "sighting#x"},
    "a version that is no number": {"sk": "pause", "version": "one"},
    "told of what is no number": {"sk": "pause", "told": "x"},
    "no version": {"sk": "pause", "version": None},
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_an_entry_that_makes_no_sense_keeps_nothing_else_back(world: World, poison: dict[str, Any]) -> None:
    item = marshal({"pk": "poison", "schema": 1, "version": 1, **poison})
    boto3.client("dynamodb").put_item(TableName=world.stack.ids["LedgerTable"], Item=item)
    group = world.group()
    world.open(group, "0.0.0.0/0")

    world.deliver(group)

    assert world.told() == ["revoked"]


def test_a_policy_that_cannot_be_read_keeps_nobody_from_hearing_and_is_said(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policies(tmp_path, monkeypatch, notice=("digest_above = 5", 'digest_above = "many"'))
    flood(world, 6)

    world.stack.pump()

    assert world.told() == ["revoked"] * 6
    assert "notice.toml: digest_above must be a whole number" in world.last_told().said
