"""The world changes in between, AWS fails, the sandbox dies: never closed by accident, never left open in silence."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse

from nodewarden import wiring
from tests.functional.world import refuse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.functional.world import World

FUNCTION = "SecurityGroupFunction"


def answering(status: int, code: str) -> Any:
    """Make a botocore `before-send` handler that answers as EC2 does when it fails."""
    body = f"<Response><Errors><Error><Code>{code}</Code><Message>no</Message></Error></Errors><RequestID>1</RequestID></Response>"

    def answer(request: Any, **_: Any) -> AWSResponse:
        request.url = "https://example.com/"  # botocore calls all handlers: moto must not carry the call out
        raw = type("Raw", (), {"stream": lambda _self, **_kw: iter([body.encode()])})()
        headers: Any = {"Content-Type": "text/xml"}
        return AWSResponse(request.url, status, headers, raw)

    return answer


@contextmanager
def at_ec2(event: str, handler: Any) -> Iterator[None]:
    """Let botocore call `handler` at an event of EC2 such as `before-send.ec2.DescribeInstances`."""
    events = boto3.DEFAULT_SESSION.events  # type: ignore[union-attr]  # the stack set it up
    wiring.forget()
    events.register_first(event, handler)
    try:
        yield
    finally:
        events.unregister(event, handler)
        wiring.forget()


def test_a_group_that_vanishes_before_we_look_is_a_success(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0")
    world.ec2.delete_security_group(GroupId=group)

    world.deliver(group)

    assert world.failures() == []
    assert world.stack.remediations() == []


@pytest.mark.parametrize(
    ("action", "outcomes"), [("ec2:DescribeSecurityGroups", []), ("ec2:RevokeSecurityGroupIngress", ["gone"])]
)
def test_a_group_that_vanishes_in_between_is_a_success_and_said_where_it_was_judged(
    world: World, action: str, outcomes: list[str]
) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0")
    world.fault(action, lambda: world.ec2.delete_security_group(GroupId=group))

    world.deliver(group)

    assert world.failures() == []
    assert world.outcomes() == world.told() == outcomes


def test_a_rule_that_vanishes_in_between_is_said_as_such_and_the_others_are_closed(world: World) -> None:
    group = world.group()
    vanishing, _ = world.open(group, "0.0.0.0/0", "::/0")
    world.fault(
        "ec2:RevokeSecurityGroupIngress",
        lambda: world.ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[vanishing]),
    )

    world.deliver(group)

    assert world.sources(group) == set()
    assert world.told() == ["revoked"]
    assert f"{vanishing} (was gone before we came)" in world.last_told().email


def test_a_rule_that_somebody_else_closes_first_is_said_as_such(world: World) -> None:
    group = world.group()
    rules = world.open(group, "0.0.0.0/0")
    world.fault(
        "ec2:RevokeSecurityGroupIngress",
        lambda: world.ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=rules),
    )

    world.deliver(group)

    assert world.outcomes() == world.told() == ["gone"]
    assert "Closed by somebody else" in world.last_told().subject


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (503, "RequestLimitExceeded", "ThrottledError"),
        (500, "InternalError", "UnavailableError"),
        (503, "Unavailable", "UnavailableError"),
    ],
)
@pytest.mark.parametrize("operation", ["DescribeSecurityGroupRules", "RevokeSecurityGroupIngress"])
def test_throttling_and_server_errors_are_retried_then_raised_and_the_event_tried_again_closes(
    world: World, operation: str, status: int, code: str, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    group = world.group()
    world.open(group, "0.0.0.0/0")

    with at_ec2(f"before-send.ec2.{operation}", answering(status, code)):
        world.deliver(group)

    assert world.failures() == [error]
    assert world.stack.attempts.count(FUNCTION) == 3
    assert world.sources(group) == {"0.0.0.0/0"}
    world.deliver(group)
    assert world.sources(group) == set()
    assert world.told() == ["revoked"]


@pytest.mark.parametrize(
    "action",
    [
        "ec2:DescribeSecurityGroupRules",
        "ec2:DescribeSecurityGroups",
        "ec2:RevokeSecurityGroupIngress",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
    ],
)
def test_a_denied_call_raises_and_names_the_missing_action(world: World, action: str) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0")
    code = "UnauthorizedOperation" if action.startswith("ec2:") else "AccessDeniedException"
    world.fault(action, refuse(code, action.partition(":")[2]), times=3)

    world.deliver(group)

    assert world.failures() == ["MissingPermissionError"]
    assert action in world.stack.failed()[0]["responsePayload"]["errorMessage"]


def test_exemptions_that_cannot_be_read_keep_us_from_acting_and_raise(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0")
    world.ask(
        "exempt", group=group, protocol="tcp", ports="443", source="0.0.0.0/0", **{"for": "1h"}, reason="r", by="b"
    )
    (item,) = boto3.client("dynamodb").scan(TableName=world.stack.ids["LedgerTable"])["Items"]
    boto3.client("dynamodb").put_item(TableName=world.stack.ids["LedgerTable"], Item=item | {"until": {"S": "soon"}})

    world.deliver(group)

    assert world.sources(group) == {"0.0.0.0/0"}
    assert world.failures() == ["LedgerError"]


def test_something_still_open_is_told_as_partial_once_and_raised(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    group = world.group()
    (rule,) = world.open(group, "0.0.0.0/0")
    ignored = (
        type("Response", (), {"status_code": 200})(),
        {"Return": True, "ResponseMetadata": {"HTTPStatusCode": 200}},
    )

    def ignore(**_: Any) -> Any:
        return ignored

    with at_ec2("before-call.ec2.RevokeSecurityGroupIngress", ignore):
        world.deliver(group)

    assert world.failures() == ["StillOpenError"]
    assert world.outcomes() == world.told() == ["partial"]
    assert rule in world.last_told().email
    world.deliver(group)
    assert world.sources(group) == set()
    assert world.told() == ["partial", "revoked"]


@pytest.mark.parametrize("before", [True, False], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize("second", [None, 0, 3, 6], ids=["once", "twice: first", "twice: fourth", "twice: seventh"])
@pytest.mark.parametrize("number", range(12))
def test_a_crash_at_any_call_ends_closed_with_one_act_and_told(
    world: World, number: int, second: int | None, *, before: bool
) -> None:
    group = world.group()
    rules = world.open(group, "0.0.0.0/0", "::/0", Description="temporary")
    calls = 9  # of SecurityGroupFunction; the rest are NoticeFunction's
    numbers = {number} if second is None else {number, number + 1 + second}
    world.crash_at(*numbers, before=before)

    world.deliver(group)

    assert world.sources(group) == set()
    (entry,) = world.stack.remediations()
    assert entry["outcome"] == "revoked"
    assert {rule["rule_id"] for rule in entry["rules"]} == {*rules}
    assert {rule["description"] for rule in entry["rules"]} == {"temporary"}
    assert set(world.told()) == {"revoked"}
    assert len(world.told()) <= 1 + (max(numbers) >= calls)
    assert world.failures() == []


def test_a_crash_between_the_publish_and_its_record_tells_a_second_time_and_no_other_does(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0")
    crashed = world.crash_at(10, before=False)

    world.deliver(group)

    assert next(crashed).action == "sns:Publish"
    assert world.told() == ["revoked", "revoked"]


def test_the_same_event_twice_is_one_act_and_one_message(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0")

    world.deliver(group)
    world.deliver(group)

    assert world.outcomes() == world.told() == ["revoked"]


def test_ten_copies_at_once_are_one_act_and_one_message(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "POWERTOOLS_METRICS_DISABLED", "true"
    )  # one set of metrics a process; Lambda gives each copy its own
    group = world.group()
    rules = world.open(group, "0.0.0.0/0", "::/0")

    world.stack.invoke_at_once(FUNCTION, world.event(group), copies=10)
    world.stack.pump()

    assert world.sources(group) == set()
    assert world.outcomes() == world.told() == ["revoked"]
    assert {rule["rule_id"] for rule in world.stack.remediations()[0]["rules"]} == {*rules}
