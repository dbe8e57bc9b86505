"""What ours is measured against: bare boto3 making the calls that a violating event takes, with the same arguments.

No policy, no exemptions, no errors turned into meaning, no logs. The bench says so where its calls are no longer ours.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

EC2 = boto3.client("ec2")
DYNAMODB = boto3.client("dynamodb")
TABLE = os.environ["LEDGER_TABLE"]
TRIGGER = "security_group"
ENDED = ("gone", "revoked", "superseded", "undone")
BEGINNABLE = (
    "exempt",
    "flapping",
    "gone",
    "held",
    "left-to-controller",
    "observed",
    "owned-elsewhere",
    "paused",
    "superseded",
    "undone",
)
ROOM = "(((attribute_not_exists(#n0) OR contains(#n1, :v0)) OR size(#n2) < :v1) OR attribute_exists(#n3))"
GROUPS_AN_HOUR = 20
WHY = "open to the internet, and the group is tagged for the EKS cluster demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Rules of a group that are to be revoked, and what is written down of it."""

    account: str
    region: str
    group: Any
    rules: list[Any]
    cause: dict[str, Any]
    hosts: tuple[str, ...] = ()
    run: str = ""


def handler(event: dict[str, Any], _context: object) -> None:
    """Revoke what is open to the internet, and write it down before and after."""
    group_id, account, region = event["detail"]["requestParameters"]["groupId"], event["account"], event["region"]
    rules = [rule for rule in ingress_rules([group_id]) if is_open(rule)]
    entries(account, region, group_id)
    group = EC2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"][0]
    shut(Opening(account=account, region=region, group=group, rules=rules, cause={"M": _cause(event)}))


def ingress_rules(group_ids: list[str]) -> list[Any]:
    """List the ingress rules of groups."""
    filters: Any = [{"Name": "group-id", "Values": group_ids}]
    found: list[Any] = list(EC2.describe_security_group_rules(Filters=filters, MaxResults=1000)["SecurityGroupRules"])
    return [rule for rule in found if not rule["IsEgress"]]


def is_open(rule: Any) -> bool:
    """Tell whether a rule is open to the internet."""
    return bool(rule.get("CidrIpv4") == "0.0.0.0/0")


def entries(account: str, region: str, group_id: str) -> None:
    """Read what the ledger has of a group."""
    yesterday = stamp(datetime.now(UTC) - timedelta(days=1))
    DYNAMODB.query(
        TableName=TABLE,
        KeyConditionExpression="#n0 = :v0",
        FilterExpression="((attribute_not_exists(#n1) OR (NOT #n2 IN (:v1, :v2, :v3, :v4))) OR #n3 >= :v5)",
        ExpressionAttributeNames={"#n0": "pk", "#n1": "outcome", "#n2": "outcome", "#n3": "changed_at"},
        ExpressionAttributeValues=numbered(f"{account}#{region}#{group_id}", *ENDED, yesterday),
        ConsistentRead=True,
    )


def shut(opening: Opening, groups_an_hour: int = GROUPS_AN_HOUR) -> None:
    """Revoke the rules of an opening where neither a pause nor the breaker is in the way."""
    DYNAMODB.get_item(TableName=TABLE, Key={"pk": {"S": "control"}, "sk": {"S": "pause"}}, ConsistentRead=True)
    _ask_the_breaker(opening, groups_an_hour)
    group_id, ids = opening.group["GroupId"], [rule["SecurityGroupRuleId"] for rule in opening.rules]
    partition = f"{opening.account}#{opening.region}#{group_id}"
    key: dict[str, Any] = {"pk": {"S": partition}, "sk": {"S": f"remediation#{group_id}-{ids[0]}"}}
    values = _values(opening)
    _begin(key, values)
    EC2.revoke_security_group_ingress(GroupId=group_id, SecurityGroupRuleIds=ids)
    if any(rule["SecurityGroupRuleId"] in ids for rule in ingress_rules([group_id])):
        raise RuntimeError(group_id)
    _close(key, values)


def numbered(*texts: str) -> dict[str, Any]:
    """Give texts as the values that a condition compares with."""
    return {f":v{i}": {"S": text} for i, text in enumerate(texts)}


def stamp(moment: datetime) -> str:
    """Write a moment."""
    return moment.isoformat(timespec="milliseconds")


def update(  # noqa: PLR0913, PLR0917  # a call's arguments
    key: dict[str, Any],
    values: dict[str, Any],
    counted: tuple[str, ...],
    condition: str,
    names: dict[str, str],
    compared: dict[str, Any],
    removed: tuple[str, ...],
) -> None:
    """Set an item's attributes."""
    sets = [f"#a{i} = :a{i}" for i in range(len(values))]
    sets += [f"#c{i} = if_not_exists(#c{i}, :zero) + :one" for i in range(len(counted))]
    names = (
        names | {f"#c{i}": name for i, name in enumerate(counted)} | {f"#r{i}": name for i, name in enumerate(removed)}
    )
    numbers: dict[str, Any] = {":zero": {"N": "0"}, ":one": {"N": "1"}} if counted else {}
    DYNAMODB.update_item(
        TableName=TABLE,
        Key=key,
        UpdateExpression="SET " + ", ".join(sets) + f" REMOVE {', '.join(f'#r{i}' for i in range(len(removed)))}",
        ConditionExpression=condition,
        ExpressionAttributeNames={f"#a{i}": name for i, name in enumerate(values)} | names,
        ExpressionAttributeValues={f":a{i}": value for i, value in enumerate(values.values())} | numbers | compared,
    )


def _ask_the_breaker(opening: Opening, groups_an_hour: int) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    group = f"{opening.region}/{opening.group['GroupId']}"
    DYNAMODB.update_item(
        TableName=TABLE,
        Key={"pk": {"S": f"breaker#{opening.account}"}, "sk": {"S": f"hour#{stamp(hour)}"}},
        UpdateExpression="SET #a0 = :a0 ADD #add :add",
        ConditionExpression=ROOM,
        ExpressionAttributeNames={
            "#a0": "ttl",
            "#add": "groups",
            "#n0": "groups",
            "#n1": "groups",
            "#n2": "groups",
            "#n3": "resumed_by",
        },
        ExpressionAttributeValues={
            ":a0": {"N": str(int(hour.timestamp()) + 2 * 86400)},
            ":add": {"SS": [group]},
            ":v0": {"S": group},
            ":v1": {"N": str(groups_an_hour)},
        },
    )


def _begin(key: dict[str, Any], values: dict[str, Any]) -> None:
    names = {"#n0": "pk", "#n1": "outcome"}
    among = ", ".join(f":v{i}" for i in range(len(BEGINNABLE)))
    condition = f"(attribute_not_exists(#n0) OR #n1 IN ({among}))"
    begun = values | {"outcome": {"S": "begun"}, "unsettled": {"S": TRIGGER}}
    update(key, begun, ("version", "tries"), condition, names, numbered(*BEGINNABLE), ("ttl",))


def _close(key: dict[str, Any], values: dict[str, Any]) -> None:
    names = {"#n0": "outcome", "#n1": "outcome"}
    compared = numbered("revoked", "undone", "revoked")
    ttl = {"N": str(int(datetime.now(UTC).timestamp()) + 400 * 86400)}
    closed = values | {"outcome": {"S": "revoked"}, "ttl": ttl}
    update(key, closed, ("version",), "((NOT #n0 IN (:v0, :v1)) AND #n1 <> :v2)", names, compared, ("unsettled",))


def _values(opening: Opening) -> dict[str, Any]:
    group, rules = opening.group, opening.rules
    return {
        "schema": {"N": "1"},
        "trigger": {"S": TRIGGER},
        "remediation_id": {"S": f"{group['GroupId']}-{rules[0]['SecurityGroupRuleId']}"},
        "account": {"S": opening.account},
        "region": {"S": opening.region},
        "group_id": {"S": group["GroupId"]},
        "group_name": {"S": group["GroupName"]},
        "group_tags": {"M": {tag["Key"]: {"S": tag["Value"]} for tag in group.get("Tags", [])}},
        "outcome": {"S": ""},
        "rules": {"L": [{"M": _rule(rule)} for rule in rules]},
        "why": {"S": WHY},
        "hosts": {"L": [{"S": host} for host in opening.hosts]},
        "cause": opening.cause,
        "changed_at": {"S": stamp(datetime.now(UTC))},
        "remaining": {"L": []},
        "already_gone": {"L": []},
        "undone": {"NULL": True},
        "reopens": {"S": ""},
        "closings": {"N": "0"},
        "reopened_by": {"L": []},
        "run": {"S": opening.run},
    }


def _rule(rule: Any) -> dict[str, Any]:
    return {
        "rule_id": {"S": rule["SecurityGroupRuleId"]},
        "protocol": {"S": rule["IpProtocol"]},
        "from_port": {"N": str(rule["FromPort"])},
        "to_port": {"N": str(rule["ToPort"])},
        "source": {"S": rule["CidrIpv4"]},
        "description": {"S": rule.get("Description", "")},
        "tags": {"M": {}},
    }


def _cause(event: dict[str, Any]) -> dict[str, Any]:
    detail = event["detail"]
    rules = detail["responseElements"]["securityGroupRuleSet"]["items"]
    return {
        "event_name": {"S": detail["eventName"]},
        "event_id": {"S": detail["eventID"]},
        "at": {"S": detail["eventTime"]},
        "actor": {"S": detail["userIdentity"]["arn"]},
        "actor_type": {"S": detail["userIdentity"]["type"]},
        "user_agent": {"S": detail["userAgent"]},
        "source_ip": {"S": detail["sourceIPAddress"]},
        "rule_ids": {"L": [{"S": rule["securityGroupRuleId"]} for rule in rules]},
    }
