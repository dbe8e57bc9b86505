"""Telling people: from the ledger's stream, once a change, whatever fails on the way."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from nodewarden.aws.dynamodb import marshal
from tests.functional.world import WHO, refuse

if TYPE_CHECKING:
    from local.stack import Told
    from tests.functional.world import World


def requests(message: Told) -> list[dict[str, Any]]:
    """Give the requests of the commands that a message suggests, as a shell would hand them over."""
    commands = [shlex.split(line) for line in message.email.splitlines() if line.startswith("sam remote invoke ")]
    return [json.loads(words[-1]) for words in commands]


def test_a_topic_that_is_down_does_not_keep_the_group_open_and_people_hear_on_the_retry(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0")
    world.fault("sns:Publish", refuse("InternalError", "Publish"), times=3)

    world.deliver(group)

    assert world.sources(group) == set()
    assert world.told() == ["revoked"]


def test_what_cannot_be_told_at_all_ends_in_the_failures_queue(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0")
    world.fault("sns:Publish", refuse("AuthorizationError", "Publish"), times=100)

    world.deliver(group)

    assert [failure["function"] for failure in world.stack.failed()] == ["NoticeFunction"]
    assert world.sources(group) == set()


def test_one_entry_that_cannot_be_told_does_not_keep_the_others_back(world: World) -> None:
    broken, group = world.group("broken"), world.group()
    world.open(group, "0.0.0.0/0")
    boto3.client("dynamodb").put_item(
        TableName=world.stack.ids["LedgerTable"],
        Item={"pk": {"S": broken}, "sk": {"S": "pause"}, "version": {"N": "1"}, "schema": {"N": "1"}},
    )

    world.deliver(group)

    assert world.told() == ["revoked"]
    assert [failure["function"] for failure in world.stack.failed()] == ["NoticeFunction"]


def paused_and_resumed(world: World) -> None:
    """Change one entry twice within one batch of the stream."""
    for verb in ("pause", "resume"):
        world.stack.invoke("OperatorFunction", {"verb": verb, "what": "acting", **WHO})


@pytest.mark.parametrize(
    "fault",
    [
        ("sns:Publish", refuse("InternalError", "Publish")),
        ("dynamodb:GetItem", refuse("ThrottlingException", "GetItem")),
        ("dynamodb:UpdateItem", refuse("ThrottlingException", "UpdateItem")),
    ],
    ids=["publish", "get", "update"],
)
def test_a_later_change_waits_for_one_before_it_that_could_not_be_told(world: World, fault: Any) -> None:
    paused_and_resumed(world)
    world.fault(*fault)

    world.stack.pump()

    assert list(dict.fromkeys(world.told())) == ["paused", "resumed"]
    assert world.told()[-1:] == ["resumed"]
    assert world.stack.failed() == []


def test_a_change_that_cannot_be_read_keeps_no_later_one_of_its_entry_back(world: World) -> None:
    paused_and_resumed(world)
    records = changes_of("pause", world)
    del records[0]["dynamodb"]["NewImage"]["by"]

    answer = world.stack.invoke("NoticeFunction", {"Records": records})

    assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == ["1"]
    assert world.told() == ["resumed"]


def changes_of(sk: str, world: World) -> list[dict[str, Any]]:
    """Give what the table's stream has of an entry's two versions."""
    (entry,) = (entry for entry in world.stack.entries() if entry["sk"] == sk)
    images = [marshal(entry | {"version": number}) for number in (1, 2)]
    return [{"dynamodb": {"NewImage": image, "SequenceNumber": str(n)}} for n, image in enumerate(images, 1)]


def test_every_kind_of_listener_gets_its_body_and_can_filter(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0")

    world.deliver(group)

    message = world.last_told()
    assert message.attributes == {"kind": "security_group", "severity": "high", "outcome": "revoked"}
    assert message.document["remediation"] == world.stack.remediations()[0]["remediation_id"]
    chat = json.loads(message.bodies["https"])
    assert (chat["version"], chat["source"], chat["content"]["title"]) == ("1.0", "custom", message.subject)
    assert message.email.startswith("WHAT\n")
    assert "\n" not in message.subject
    assert len(message.subject) < 100


def test_a_message_names_no_more_rules_than_one_can_read_and_fits_the_topic(world: World) -> None:
    group = world.group()
    for port in range(1, 61):
        world.open(group, "0.0.0.0/0", ports=str(port), Description="d" * 255)

    world.deliver(group)

    assert "and 40 more" in world.last_told().email
    assert len(json.dumps(world.last_told().bodies)) < 256 * 1024


def test_a_name_cannot_make_a_link_or_a_mention_in_a_chat(world: World) -> None:
    group = world.group("<!channel> & <http://example.com|ok>")
    world.open(group, "0.0.0.0/0")

    world.deliver(group)

    assert "<" not in json.loads(world.last_told().bodies["https"])["content"]["description"]


def test_a_message_hints_at_the_code_that_would_revert_us(world: World) -> None:
    group, stacked = (
        world.group(),
        world.group("stacked", {"aws:eks:cluster-name": "demo", "aws:cloudformation:stack-name": "eksctl-demo"}),
    )
    for each, event in ((group, "authorize-mixed-permission"), (stacked, "authorize-ssh-from-anywhere")):
        world.open(each, "0.0.0.0/0")
        world.deliver(each, event)

    terraform, cloudformation = (message.said for message in world.stack.told())
    assert "Terraform: change its code too" in terraform
    assert "CloudFormation stack eksctl-demo" in cloudformation


def test_the_undo_command_of_a_message_works_as_it_stands(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0")
    world.deliver(group)

    undo, _ = requests(world.last_told())

    assert world.ask(**undo)["ok"]
    assert world.sources(group) == {"0.0.0.0/0"}
