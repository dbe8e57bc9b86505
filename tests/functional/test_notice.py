"""Telling people: from the ledger's stream, once a change, whatever fails on the way."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import boto3

from tests.functional.world import refuse

if TYPE_CHECKING:
    from typing import Any

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
