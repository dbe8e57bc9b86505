"""What our sweep is measured against: bare boto3 making the calls of a sweep that closes what it finds."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bench.baseline import DYNAMODB, EC2, TABLE, TRIGGER, Opening, entries, ingress_rules, is_open, shut, stamp, update

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNT, REGION = os.environ["ACCOUNT"], os.environ["AWS_REGION"]
GROUPS_AN_HOUR = 1000
MOST_FINDINGS = 50
KEY: dict[str, Any] = {"pk": {"S": f"sweep#{ACCOUNT}#{REGION}"}, "sk": {"S": "sweep"}}
NULL = {"NULL": True}
NONE: dict[str, Any] = {"L": []}
REMOVED = ("ttl", "unsettled")


def handler(_event: object, context: Any) -> None:
    """Close every group that is open to the internet, and write down before and after what the sweep came to."""
    DYNAMODB.get_item(TableName=TABLE, Key=KEY, ConsistentRead=True)
    began, run = datetime.now(UTC), context.aws_request_id
    _begin(run, began)
    _unsettled(TRIGGER)
    looked_at, shut_down = 0, []
    for page in _pages():
        looked_at += len(page)
        shut_down += [_shut(group, run) for group in page if _is_open(group)]
    _unsettled("exemption")
    _finish(run, began, looked_at, shut_down)


def _pages() -> Iterator[list[Any]]:
    page = EC2.describe_security_groups(MaxResults=1000)
    yield list(page["SecurityGroups"])
    while token := page.get("NextToken"):
        page = EC2.describe_security_groups(MaxResults=1000, NextToken=token)
        yield list(page["SecurityGroups"])


def _is_open(group: Any) -> bool:
    return any(source["CidrIp"] == "0.0.0.0/0" for rule in group["IpPermissions"] for source in rule["IpRanges"])


def _shut(group: Any, run: str) -> Opening:
    rules = [rule for rule in ingress_rules([group["GroupId"]]) if is_open(rule)]
    entries(ACCOUNT, REGION, group["GroupId"])
    hosts = () if group.get("Tags") else _hosts(group["GroupId"])
    opening = Opening(account=ACCOUNT, region=REGION, group=group, rules=rules, cause=NULL, hosts=hosts, run=run)
    shut(opening, GROUPS_AN_HOUR)
    return opening


def _hosts(group_id: str) -> tuple[str, ...]:
    filters: Any = [{"Name": "group-id", "Values": [group_id]}]
    how: Any = {"MaxResults": 1000, "IncludeManagedResources": True}
    interfaces = EC2.describe_network_interfaces(Filters=filters, **how)["NetworkInterfaces"]
    filters = [{"Name": "instance-id", "Values": [i["Attachment"]["InstanceId"] for i in interfaces]}]
    reservations = EC2.describe_instances(Filters=filters, **how)["Reservations"]
    return tuple(i["InstanceId"] for reservation in reservations for i in reservation["Instances"])


def _unsettled(what: str) -> None:
    DYNAMODB.query(
        TableName=TABLE,
        IndexName="unsettled",
        KeyConditionExpression="#n0 = :v0",
        FilterExpression="(#n1 = :v1 AND #n2 = :v2)",
        ExpressionAttributeNames={"#n0": "unsettled", "#n1": "account", "#n2": "region"},
        ExpressionAttributeValues={":v0": {"S": what}, ":v1": {"S": ACCOUNT}, ":v2": {"S": REGION}},
    )


def _begin(run: str, began: datetime) -> None:
    condition = "(((attribute_not_exists(#n0) OR #n1 <> :v0) OR #n2 = :v1) OR #n3 < :v2)"
    names = {"#n0": "pk", "#n1": "finished_at", "#n2": "run_id", "#n3": "began_at"}
    dead = began - timedelta(minutes=15)
    compared = {":v0": NULL, ":v1": {"S": run}, ":v2": {"S": stamp(dead)}}
    update(KEY, _run(run, began), (), condition, names, compared, REMOVED)


def _finish(run: str, began: datetime, looked_at: int, shut_down: list[Opening]) -> None:
    came_to = {
        "finished_at": {"S": stamp(datetime.now(UTC))},
        "looked_at": {"N": str(looked_at)},
        "counts": {"M": {"revoked": {"N": str(len(shut_down))}}},
        "findings": {"L": [{"M": _finding(opening)} for opening in shut_down[:MOST_FINDINGS]]},
        "completed_before": {"BOOL": True},
    }
    values = _run(run, began) | came_to
    update(KEY, values, ("version",), "#n0 = :v0", {"#n0": "run_id"}, {":v0": {"S": run}}, REMOVED)


def _run(run: str, began: datetime) -> dict[str, Any]:
    return {
        "schema": {"N": "1"},
        "account": {"S": ACCOUNT},
        "region": {"S": REGION},
        "run_id": {"S": run},
        "began_at": {"S": stamp(began)},
        "finished_at": NULL,
        "looked_at": {"N": "0"},
        "stopped": {"BOOL": False},
        "cursor": {"S": ""},
        "passed": {"S": ""},
        "stopped_told_at": NULL,
        "counts": {"M": {}},
        "findings": NONE,
        "failures": NONE,
        "ending": NONE,
        "awaited": NONE,
        "missed": NONE,
        "missed_told_at": NULL,
        "completed_before": {"BOOL": False},
        "untold": NONE,
        "untold_since": NULL,
    }


def _finding(opening: Opening) -> dict[str, Any]:
    rule = opening.rules[0]
    return {
        "remediation_id": {"S": f"{opening.group['GroupId']}-{rule['SecurityGroupRuleId']}"},
        "group_name": {"S": opening.group["GroupName"]},
        "outcome": {"S": "revoked"},
        "opens": {"S": f"tcp {rule['FromPort']} from {rule['CidrIpv4']}"},
        "closings": {"N": "0"},
    }
