"""What ours is measured against: bare boto3 making the calls that a violating event takes, with the same arguments.

No policy, no exemptions, no errors turned into meaning, no logs. The bench says so where its calls are no longer ours.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

EC2 = boto3.client("ec2")
DYNAMODB = boto3.client("dynamodb")
TABLE = os.environ["LEDGER_TABLE"]
ENDED = ("gone", "revoked", "superseded", "undone")
BEGINNABLE = ("exempt", "gone", "left-to-controller", "observed", "owned-elsewhere", "paused", "superseded", "undone")
WHY = "open to the internet, and the group is tagged for the EKS cluster demo"


def handler(event: dict[str, Any], _context: object) -> None:
    """Revoke what is open to the internet, and write it down before and after."""
    group_id = event["detail"]["requestParameters"]["groupId"]
    rules = [rule for rule in _rules(group_id) if rule.get("CidrIpv4") == "0.0.0.0/0"]
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat(timespec="milliseconds")
    partition = {"S": f"{event['account']}#{event['region']}#{group_id}"}
    DYNAMODB.query(
        TableName=TABLE,
        KeyConditionExpression="pk = :pk",
        FilterExpression="((attribute_not_exists(#n0) OR (NOT #n1 IN (:v0, :v1, :v2, :v3))) OR #n2 >= :v4)",
        ExpressionAttributeNames={"#n0": "outcome", "#n1": "outcome", "#n2": "changed_at"},
        ExpressionAttributeValues={":pk": partition, **_numbered(*ENDED, yesterday)},
        ConsistentRead=True,
    )
    group = EC2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"][0]
    DYNAMODB.get_item(TableName=TABLE, Key={"pk": {"S": "control"}, "sk": {"S": "pause"}}, ConsistentRead=True)
    key: dict[str, Any] = {"pk": partition, "sk": {"S": f"remediation#{group_id}-{rules[0]['SecurityGroupRuleId']}"}}
    values = _values(event, group, rules)
    _begin(key, values)
    ids = [rule["SecurityGroupRuleId"] for rule in rules]
    EC2.revoke_security_group_ingress(GroupId=group_id, SecurityGroupRuleIds=ids)
    if any(rule["SecurityGroupRuleId"] in ids for rule in _rules(group_id)):
        raise RuntimeError(group_id)
    _close(key, values)


def _rules(group_id: str) -> list[Any]:
    filters: Any = [{"Name": "group-id", "Values": [group_id]}]
    found: list[Any] = list(EC2.describe_security_group_rules(Filters=filters, MaxResults=1000)["SecurityGroupRules"])
    return [rule for rule in found if not rule["IsEgress"]]


def _begin(key: dict[str, Any], values: dict[str, Any]) -> None:
    names = {"#n0": "pk", "#n1": "outcome"}
    condition = "(attribute_not_exists(#n0) OR #n1 IN (:v0, :v1, :v2, :v3, :v4, :v5, :v6, :v7))"
    begun = values | {"outcome": {"S": "begun"}}
    _update(key, begun, ("version", "tries"), condition, names | {"#ttl": "ttl"}, _numbered(*BEGINNABLE))


def _numbered(*texts: str) -> dict[str, Any]:
    return {f":v{i}": {"S": text} for i, text in enumerate(texts)}


def _close(key: dict[str, Any], values: dict[str, Any]) -> None:
    names = {"#n0": "outcome", "#n1": "outcome"}
    compared = _numbered("revoked", "undone", "revoked")
    ttl = {"N": str(int(datetime.now(UTC).timestamp()) + 400 * 86400)}
    closed = values | {"outcome": {"S": "revoked"}, "ttl": ttl}
    _update(key, closed, ("version",), "((NOT #n0 IN (:v0, :v1)) AND #n1 <> :v2)", names, compared)


def _update(  # noqa: PLR0913, PLR0917  # a call's arguments
    key: dict[str, Any],
    values: dict[str, Any],
    counted: tuple[str, ...],
    condition: str,
    names: dict[str, str],
    compared: dict[str, Any],
) -> None:
    sets = [f"#a{i} = :a{i}" for i in range(len(values))]
    sets += [f"{name} = if_not_exists({name}, :zero) + :one" for name in counted]
    numbers: dict[str, Any] = {":zero": {"N": "0"}, ":one": {"N": "1"}}
    DYNAMODB.update_item(
        TableName=TABLE,
        Key=key,
        UpdateExpression="SET " + ", ".join(sets) + (" REMOVE #ttl" if "#ttl" in names else ""),
        ConditionExpression=condition,
        ExpressionAttributeNames={f"#a{i}": name for i, name in enumerate(values)} | names,
        ExpressionAttributeValues={f":a{i}": value for i, value in enumerate(values.values())} | numbers | compared,
    )


def _values(event: dict[str, Any], group: Any, rules: list[Any]) -> dict[str, Any]:
    return {
        "schema": {"N": "1"},
        "trigger": {"S": "security_group"},
        "remediation_id": {"S": f"{group['GroupId']}-{rules[0]['SecurityGroupRuleId']}"},
        "account": {"S": event["account"]},
        "region": {"S": event["region"]},
        "group_id": {"S": group["GroupId"]},
        "group_name": {"S": group["GroupName"]},
        "group_tags": {"M": {tag["Key"]: {"S": tag["Value"]} for tag in group["Tags"]}},
        "outcome": {"S": ""},
        "rules": {"L": [{"M": _rule(rule)} for rule in rules]},
        "why": {"S": WHY},
        "hosts": {"L": []},
        "cause": {"M": _cause(event)},
        "changed_at": {"S": datetime.now(UTC).isoformat(timespec="milliseconds")},
        "remaining": {"L": []},
        "already_gone": {"L": []},
        "undone": {"NULL": True},
        "reopens": {"S": ""},
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
