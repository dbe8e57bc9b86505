"""Findings when things go wrong: sandboxes that die, workers that meet, AWS that refuses, messages that are none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local.stack import Crash
from nodewarden.aws.dynamodb import marshal
from tests.functional.finding_world import INSPECTOR, OTHER_CVE, WORKERS, found, reached, scanned
from tests.functional.world import refuse

if TYPE_CHECKING:
    from local.stack import Call
    from tests.functional.finding_world import FindingWorld

QUEUE = "FindingQueue"
CALLS = 26  # of the function for the batch below; a test counts them


def everything(inspected: FindingWorld) -> tuple[str, list[dict[str, Any]]]:
    """Make a group that is behind and a host that can be reached, and what Inspector says of them; gives the open group."""
    inspected.fleet.behind("dev")
    instance, group = inspected.host(WORKERS, source="0.0.0.0/0")
    return group, [found(1), found(2, cve=OTHER_CVE), reached(3, instance, group), scanned(instance)]


def crash_at(inspected: FindingWorld, number: int, *, before: bool) -> list[str]:
    """Let the sandbox die at a call of the function, once; gives the call when it has happened."""
    count, crashed = iter(range(10_000)), list[str]()

    def die(call: Call) -> None:
        if call.function == INSPECTOR and call.before is before and next(count) == number:
            crashed.append(call.action)
            raise Crash

    inspected.fleet.world.stack.observers.append(die)
    return crashed


def test_the_calls_at_which_a_sandbox_dies_below_are_all_that_there_are(inspected: FindingWorld) -> None:
    _, events = everything(inspected)

    assert len(inspected.fleet.world.calls(lambda: inspected.invoke(*events))) == CALLS


@pytest.mark.parametrize("before", [True, False], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize("number", range(CALLS))
def test_a_crash_at_any_call_ends_in_one_request_a_closed_group_and_whole_incidents(
    inspected: FindingWorld, number: int, *, before: bool
) -> None:
    group, events = everything(inspected)
    crashed = crash_at(inspected, number, before=before)

    inspected.says(*events)

    assert crashed
    assert inspected.states == ["not-scanned", "reachable", "urgent-requested"]
    assert len(inspected.requests) == 1
    assert inspected.fleet.world.sources(group) == set()
    assert [entry["outcome"] for entry in inspected.fleet.world.stack.remediations()] == ["revoked"]
    assert sorted(inspected.outcomes()) == ["not-scanned", "urgent-requested"]
    inspected.whole()
    assert inspected.fleet.world.stack.failed() == []


@pytest.mark.parametrize("body", ["no JSON", "[]", json.dumps({"account": "111122223333", "region": "eu-central-1"})])
def test_a_message_that_is_none_fails_alone_and_one_of_something_else_is_left(
    inspected: FindingWorld, body: str
) -> None:
    inspected.fleet.behind("dev")
    boto3.client("sqs").send_message(QueueUrl=inspected.fleet.world.stack.ids[QUEUE], MessageBody=body)

    inspected.says(found())

    assert inspected.states == ["urgent-requested"]
    kept = inspected.fleet.world.stack.bodies("FailuresQueue")
    assert kept == ([] if "account" in body else [body])


def test_a_finding_that_cannot_be_understood_fails_alone_and_is_kept(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    broken = found(2)
    broken["detail"]["status"] = "OPEN"

    inspected.says(broken, found(1))

    assert inspected.incident["open"] == 1
    assert [json.loads(body)["detail"]["status"] for body in inspected.fleet.world.stack.bodies("FailuresQueue")] == [
        "OPEN"
    ]


@pytest.mark.parametrize("action", ["BatchGetItem", "TransactWriteItems", "UpdateItem", "Query"])
def test_where_the_table_throttles_what_came_comes_again_and_nothing_is_lost(
    inspected: FindingWorld, action: str
) -> None:
    group, events = everything(inspected)
    throttle = refuse("ProvisionedThroughputExceededException", action)
    inspected.fleet.world.fault(f"dynamodb:{action}", throttle, times=2)

    inspected.says(*events)

    assert inspected.states == ["not-scanned", "reachable", "urgent-requested"]
    assert inspected.fleet.world.sources(group) == set()
    inspected.whole()
    assert inspected.fleet.world.stack.failed() == []


def test_a_cluster_that_cannot_be_read_does_not_keep_the_others_back_and_says_nothing_wrong(
    inspected: FindingWorld,
) -> None:
    inspected.fleet.behind("dev", "prod")
    inspected.fleet.world.fault("eks:DescribeNodegroup", refuse("AccessDeniedException", "DescribeNodegroup"), times=1)

    answer = inspected.invoke(found(1), found(2, group="prod/workers-0"))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "0"}]}
    assert list(inspected.incidents) == ["prod/workers-0 ami-0aaaaaaaaaaaaaaaa"]


def test_a_sweep_says_nothing_of_a_group_that_it_could_not_read(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    inspected.says(found())
    before = inspected.incident
    inspected.fleet.world.fault("eks:DescribeNodegroup", refuse("AccessDeniedException", "DescribeNodegroup"), times=9)

    inspected.fleet.looks()

    assert inspected.incident["state"] == before["state"] == "urgent-requested"


def test_where_releases_cannot_be_read_what_can_be_reached_is_closed_all_the_same(inspected: FindingWorld) -> None:
    group, events = everything(inspected)
    inspected.fleet.world.fault("ssm:GetParameters", refuse("AccessDeniedException", "GetParameters"), times=9)

    answer = inspected.invoke(*events)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "0"}, {"itemIdentifier": "1"}]}
    assert inspected.fleet.world.sources(group) == set()


def test_a_group_that_cannot_be_closed_fails_its_message_alone(inspected: FindingWorld) -> None:
    group, events = everything(inspected)
    denied = refuse("UnauthorizedOperation", "RevokeSecurityGroupIngress")
    inspected.fleet.world.fault("ec2:RevokeSecurityGroupIngress", denied, times=1)

    answer = inspected.invoke(*events)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "2"}]}
    assert inspected.states == ["not-scanned", "urgent-requested"]
    assert inspected.invoke(events[2]) == {"batchItemFailures": []}
    assert inspected.fleet.world.sources(group) == set()


@pytest.mark.parametrize("what", ["incident", "finding"])
def test_what_a_newer_nodewarden_wrote_is_left_and_keeps_nothing_else_back(inspected: FindingWorld, what: str) -> None:
    inspected.fleet.behind("dev", "prod")
    inspected.says(found(1))
    spoil(inspected, what)

    answer = inspected.invoke(found(1, severity="HIGH"), found(2, group="prod/workers-0"))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "0"}]}
    assert {name: each["open"] for name, each in inspected.incidents.items()} == {
        "dev/workers-0 ami-0aaaaaaaaaaaaaaaa": 1,
        "prod/workers-0 ami-0aaaaaaaaaaaaaaaa": 1,
    }


@pytest.mark.parametrize("what", ["incident", "request"])
def test_a_look_at_the_fleet_says_what_it_cannot_understand_and_plans_all_the_same(
    inspected: FindingWorld, what: str
) -> None:
    inspected.fleet.behind("dev")
    inspected.says(found(1))
    spoil(inspected, what)

    with pytest.raises(Exception, match="written by a newer Nodewarden: deploy that one"):
        inspected.fleet.world.stack.invoke("AmiReleaseFunction", {})

    assert inspected.fleet.rollout["urgent"] is (what == "incident")


def spoil(inspected: FindingWorld, what: str) -> None:
    """Let an item be of a schema that is not known yet."""
    (item,) = (entry for entry in inspected.fleet.world.stack.entries() if entry["sk"] == what)
    boto3.client("dynamodb").update_item(
        TableName=inspected.fleet.world.stack.ids["LedgerTable"],
        Key=marshal({"pk": item["pk"], "sk": what}),
        UpdateExpression="SET #s = :two",
        ExpressionAttributeNames={"#s": "schema"},
        ExpressionAttributeValues={":two": {"N": "2"}},
    )


def test_a_message_that_is_sent_and_meets_a_transaction_when_written_down_is_not_sent_again(
    inspected: FindingWorld,
) -> None:
    inspected.fleet.behind("dev")
    conflict = refuse("TransactionConflictException", "UpdateItem")
    left = [conflict, conflict]

    def meets(call: Call) -> None:
        if call.function == "NoticeFunction" and call.action == "dynamodb:UpdateItem" and call.before and left:
            left.pop()()

    inspected.fleet.world.stack.observers.append(meets)

    inspected.says(found())

    assert left == []
    assert inspected.outcomes() == ["urgent-requested"]


def test_ten_workers_with_the_same_batch_make_one_incident_and_one_request(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")

    answers = at_once(inspected, [[found(number) for number in range(1, 6)]] * 10)

    assert answers == [{"batchItemFailures": []}] * 10
    assert (inspected.incident["open"], len(inspected.requests)) == (5, 1)
    inspected.whole()
    inspected.says()
    assert inspected.outcomes() == ["urgent-requested"]


def test_ten_workers_with_findings_of_the_same_incidents_count_every_one(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev", groups=2)
    batches = [
        [found(10 * worker + number, group=f"dev/workers-{number % 2}") for number in range(4)] for worker in range(10)
    ]

    at_once(inspected, batches)

    assert sorted(incident["open"] for incident in inspected.incidents.values()) == [20, 20]
    assert len(inspected.requests) == 2
    inspected.whole()


def at_once(inspected: FindingWorld, batches: list[list[dict[str, Any]]]) -> list[Any]:
    """Invoke the function in parallel, once for each batch."""
    stack = inspected.fleet.world.stack
    return stack.invoke_each(INSPECTOR, [{"Records": inspected.records(*batch)} for batch in batches])
