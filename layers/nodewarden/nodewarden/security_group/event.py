"""CloudTrail's record of an API call, as EventBridge delivers it: where to look, and who to name.

Nothing here is believed beyond that: the rules are read from EC2. Every field can be missing, null or of another type
(`AWS API Call via CloudTrail`; shapes in events/security_group/).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nodewarden.errors import EventError, NoGroupInEventError

GROUP_ID = re.compile(r"sg-[0-9a-f]{8,17}")
INSTANCE_ID = re.compile(r"i-[0-9a-f]{8,17}")
INTERFACE_ID = re.compile(r"eni-[0-9a-f]{8,17}")
PREFIX_LIST_ID = re.compile(r"pl-[0-9a-f]{8,17}")
RULE_ID = re.compile(r"sgr-[0-9a-f]{8,17}")
ACCOUNT = re.compile(r"[0-9]{12}")
REGION = re.compile(r"[a-z]{2,4}(-[a-z]{1,10}){1,3}-[0-9]{1,2}")
OPENING = frozenset(
    {
        "AuthorizeSecurityGroupIngress",
        "ModifySecurityGroupRules",
        "ModifyManagedPrefixList",
        "RestoreManagedPrefixListVersion",
    }
)
ARRIVALS = frozenset({"AttachNetworkInterface", "ModifyInstanceAttribute", "ModifyNetworkInterfaceAttribute"})
LONGEST_TEXT = 256
LONGEST_GROUP_NAME = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What the event claims about who did what, for people to read: never for deciding. All bounded, one line each."""

    event_name: str
    event_id: str
    at: str
    actor: str
    actor_type: str
    user_agent: str
    source_ip: str
    rule_ids: frozenset[str]

    @property
    def opens(self) -> bool:
        """Whether the call can open a group by itself; others bring a host to a group that is open already."""
        return self.event_name in OPENING


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """Where an event points: groups by id or (where it gives no id) by name, of interfaces, or naming prefix lists."""

    account: str
    region: str
    group_ids: tuple[str, ...]
    group_names: tuple[str, ...]
    interface_ids: tuple[str, ...]
    prefix_list_ids: tuple[str, ...]
    cause: Cause

    @property
    def opens(self) -> bool:
        """Whether the event may be about an opening: any but a call that brings an interface or instance to a group."""
        return self.cause.event_name not in ARRIVALS


def parse(event: Mapping[str, Any]) -> Trigger:
    """Read the event; raises EventError without account or region, NoGroupInEventError without a group."""
    account, region = place(event)
    detail = event.get("detail")
    ids = tuple(dict.fromkeys(_group_ids(detail)))
    names = () if ids else tuple(dict.fromkeys(_group_names(detail)))
    interfaces = _matching(INTERFACE_ID, [at(detail, "requestParameters", "networkInterfaceId")])
    lists = _matching(PREFIX_LIST_ID, _prefix_list_ids(detail))
    if not (ids or names or interfaces or lists):
        message = (
            f"{line(at(detail, 'eventName')) or 'the event'} {line(at(detail, 'eventID'))} names no security group, interface or prefix list: "
            "look at the record in CloudTrail; what it is about was not judged"
        )
        raise NoGroupInEventError(message)
    return Trigger(
        account=account,
        region=region,
        group_ids=ids,
        group_names=names,
        interface_ids=() if ids else interfaces,
        prefix_list_ids=lists,
        cause=_cause(detail),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStart:
    """An instance that is running now, or that got another interface."""

    account: str
    region: str
    instance_id: str
    cause: Cause


def parse_host_start(event: Mapping[str, Any]) -> HostStart:
    """Read `EC2 Instance State-change Notification`, or the call `AttachNetworkInterface`.

    Raises EventError without account, region or instance.
    """
    account, region = place(event)
    detail = event.get("detail")
    called = at(detail, "eventName") == "AttachNetworkInterface"
    instance = at(detail, "requestParameters", "instanceId") if called else at(detail, "instance-id")
    if not isinstance(instance, str) or not INSTANCE_ID.fullmatch(instance):
        message = f"the event {line(event.get('id'))} is about {line(instance)!r}, which is not the id of an instance"
        raise EventError(message)
    return HostStart(
        account=account,
        region=region,
        instance_id=instance,
        cause=_cause(detail) if called else _cause_of_start(event),
    )


def _cause_of_start(event: Mapping[str, Any]) -> Cause:
    return Cause(
        event_name=line(event.get("detail-type")),
        event_id=line(event.get("id")),
        at=line(event.get("time")),
        actor="",
        actor_type="",
        user_agent="",
        source_ip="",
        rule_ids=frozenset(),
    )


def place(event: Mapping[str, Any]) -> tuple[str, str]:
    """Give the event's account and region; raises EventError where they are not one."""
    account, region = event.get("account"), event.get("region")
    if not isinstance(account, str) or not ACCOUNT.fullmatch(account):
        message = f"the event's account is {line(account)!r}, not twelve digits"
        raise EventError(message)
    if not isinstance(region, str) or not REGION.fullmatch(region):
        message = f"the event's region is {line(region)!r}, which is not the name of one"
        raise EventError(message)
    return account, region


def at(value: object, *keys: str) -> object:
    """Follow `keys` through nested objects; None where the path ends early."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def each(value: object) -> Iterator[object]:
    """Give the items of CloudTrail's lists: a list, `{"items": […]}`, or one object standing for itself."""
    items = value.get("items", [value]) if isinstance(value, Mapping) else value
    return iter(items if isinstance(items, list) else [])


def line(value: object) -> str:
    """Make one printable line of at most 256 characters; empty for anything but text."""
    return one_line(value[: LONGEST_TEXT * 4])[:LONGEST_TEXT] if isinstance(value, str) else ""


def one_line(text: str) -> str:
    """Make one printable line: whoever writes a tag or a name must not write lines of our messages."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _group_ids(detail: object) -> Iterator[str]:
    candidates = [
        at(detail, "requestParameters", "groupId"),
        at(detail, "requestParameters", "ModifySecurityGroupRulesRequest", "GroupId"),
        *(at(rule, "groupId") for rule in each(at(detail, "responseElements", "securityGroupRuleSet"))),
        *(at(group, "groupId") for group in each(at(detail, "requestParameters", "groupSet"))),
    ]
    return (text for text in candidates if isinstance(text, str) and GROUP_ID.fullmatch(text))


def _prefix_list_ids(detail: object) -> Iterator[object]:
    yield at(detail, "requestParameters", "prefixListId")
    for request in ("ModifyManagedPrefixListRequest", "RestoreManagedPrefixListVersionRequest"):
        yield at(detail, "requestParameters", request, "PrefixListId")


def _matching(pattern: re.Pattern[str], candidates: Iterable[object]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(c for c in candidates if isinstance(c, str) and pattern.fullmatch(c)))


def _group_names(detail: object) -> Iterator[str]:
    name = at(detail, "requestParameters", "groupName")
    if isinstance(name, str) and 0 < len(name) <= LONGEST_GROUP_NAME:
        yield name


def _rule_ids(detail: object) -> Iterator[str]:
    modified = at(detail, "requestParameters", "ModifySecurityGroupRulesRequest", "SecurityGroupRule")
    candidates = [
        *(at(rule, "securityGroupRuleId") for rule in each(at(detail, "responseElements", "securityGroupRuleSet"))),
        *(at(rule, "SecurityGroupRuleId") for rule in each(modified)),
    ]
    return (text for text in candidates if isinstance(text, str) and RULE_ID.fullmatch(text))


def _cause(detail: object) -> Cause:
    return Cause(
        event_name=line(at(detail, "eventName")),
        event_id=line(at(detail, "eventID")),
        at=line(at(detail, "eventTime")),
        actor=_actor(at(detail, "userIdentity")),
        actor_type=line(at(detail, "userIdentity", "type")) or "unknown",
        user_agent=line(at(detail, "userAgent")),
        source_ip=line(at(detail, "sourceIPAddress")),
        rule_ids=frozenset(_rule_ids(detail)),
    )


def _actor(identity: object) -> str:
    """Say who called, best source first; `userIdentity` elements by type are in the CloudTrail user guide."""
    if at(identity, "type") == "Root":
        return line(f"the root user of {line(at(identity, 'accountId')) or 'the account'}")
    candidates = (at(identity, "arn"), at(identity, "invokedBy"), at(identity, "userName"), at(identity, "principalId"))
    return next((text for text in map(line, candidates) if text), "unknown")
