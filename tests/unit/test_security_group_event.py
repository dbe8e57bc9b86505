"""CloudTrail's records as EventBridge delivers them: which group, and who; and records that nobody expects."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodewarden.errors import EventError, NoGroupInEventError
from nodewarden.security_group.event import Cause, Trigger, line, parse
from tests.unit.builders import ACCOUNT, GROUP_ID, REGION

EVENTS = Path(__file__).parents[2] / "events" / "security_group"
OTHER_GROUP = "sg-0123456789abcdef1"
RULE = "sgr-0123456789abcde00"
OTHER_RULE = "sgr-0123456789abcde01"
INTERFACE = "eni-0123456789abcdef0"
LIST = "pl-0123456789abcdef0"
TEN_MEGABYTES = "x" * 10_000_000

NESTED = {
    "groupId": GROUP_ID,
    "ipPermissions": {
        "items": [{"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}]
    },
}
FLAT = {"groupId": GROUP_ID, "cidrIp": "0.0.0.0/0", "fromPort": 22, "toPort": 22, "ipProtocol": "tcp"}


def event(**detail: object) -> dict[str, Any]:
    return {"account": ACCOUNT, "region": REGION, "detail": {"requestParameters": NESTED, **detail}}


def added(*rules: tuple[str, str]) -> dict[str, object]:
    """Give `responseElements` for (group, rule)."""
    return {"securityGroupRuleSet": {"items": [{"groupId": g, "securityGroupRuleId": r} for g, r in rules]}}


def modified(rules: object, group: object = GROUP_ID) -> dict[str, object]:
    return {"ModifySecurityGroupRulesRequest": {"GroupId": group, "SecurityGroupRule": rules}}


def actor(identity: object) -> tuple[str, str]:
    cause = parse(event(userIdentity=identity)).cause
    return cause.actor, cause.actor_type


def short(value: object) -> str:
    """Name a test by what it is about, even if that is ten megabytes long."""
    written = ascii(value)
    return written if len(written) < 60 else f"{written[:50]}... ({len(written)})"


def read_or_refused(anything: dict[str, Any]) -> Trigger | EventError:
    try:
        return parse(anything)
    except EventError as refused:
        return refused


def texts(cause: Cause) -> list[str]:
    values = asdict(cause)
    return [*values.pop("rule_ids"), *values.values()]


# Where to look


def test_an_opening_points_at_its_group_and_rules() -> None:
    trigger = parse(event(responseElements=added((GROUP_ID, RULE), (GROUP_ID, OTHER_RULE))))

    assert (trigger.account, trigger.region) == (ACCOUNT, REGION)
    assert (trigger.group_ids, trigger.group_names) == ((GROUP_ID,), ())
    assert trigger.cause.rule_ids == {RULE, OTHER_RULE}


def test_an_opening_in_the_short_form_points_at_its_group() -> None:
    flat = {**FLAT, "ipPermissions": {}}

    assert parse(event(requestParameters=flat)).group_ids == (GROUP_ID,)


@pytest.mark.parametrize("response", [None, {}, {"securityGroupRuleSet": {}}, {"_return": True}])
def test_an_opening_whose_answer_names_no_rules_points_at_its_group(response: object) -> None:
    trigger = parse(event(responseElements=response))

    assert (trigger.group_ids, trigger.cause.rule_ids) == ((GROUP_ID,), frozenset())


def test_a_group_that_only_the_answer_names_is_pointed_at() -> None:
    trigger = parse(event(requestParameters=None, responseElements=added((GROUP_ID, RULE))))

    assert trigger.group_ids == (GROUP_ID,)


def test_every_group_that_is_named_is_pointed_at_once() -> None:
    trigger = parse(event(responseElements=added((OTHER_GROUP, RULE), (GROUP_ID, OTHER_RULE), (OTHER_GROUP, RULE))))

    assert trigger.group_ids == (GROUP_ID, OTHER_GROUP)


def test_a_group_that_is_called_by_its_name_is_pointed_at_by_its_name() -> None:
    trigger = parse(event(requestParameters={"groupName": "default", "cidrIp": "0.0.0.0/0"}))

    assert (trigger.group_ids, trigger.group_names) == ((), ("default",))


def test_an_id_in_the_answer_is_better_than_a_name() -> None:
    trigger = parse(event(requestParameters={"groupName": "default"}, responseElements=added((GROUP_ID, RULE))))

    assert (trigger.group_ids, trigger.group_names) == ((GROUP_ID,), ())


def test_a_modification_of_one_rule_points_at_its_group_and_rule() -> None:
    trigger = parse(event(requestParameters=modified({"SecurityGroupRuleId": RULE, "tag": 1})))

    assert trigger.group_ids == (GROUP_ID,)
    assert trigger.cause.rule_ids == {RULE}


def test_a_modification_of_several_rules_points_at_its_group_and_rules() -> None:
    rules = [{"SecurityGroupRuleId": RULE, "tag": 1}, {"SecurityGroupRuleId": OTHER_RULE, "tag": 2}]

    trigger = parse(event(requestParameters=modified(rules)))

    assert trigger.group_ids == (GROUP_ID,)
    assert trigger.cause.rule_ids == {RULE, OTHER_RULE}


def test_an_instance_that_is_put_into_groups_points_at_them() -> None:
    groups = {"items": [{"groupId": GROUP_ID}, {"groupId": OTHER_GROUP}]}

    trigger = parse(event(requestParameters={"instanceId": "i-0123456789abcdef0", "groupSet": groups}))

    assert trigger.group_ids == (GROUP_ID, OTHER_GROUP)


def test_an_interface_that_is_put_into_groups_points_at_them_alone() -> None:
    groups = {"items": [{"groupId": GROUP_ID}]}

    trigger = parse(event(requestParameters={"networkInterfaceId": INTERFACE, "groupSet": groups}))

    assert (trigger.group_ids, trigger.interface_ids) == ((GROUP_ID,), ())


def test_an_interface_that_is_attached_points_at_the_groups_that_it_is_in() -> None:
    trigger = parse(event(requestParameters={"networkInterfaceId": INTERFACE, "instanceId": "i-0123456789abcdef0"}))

    assert (trigger.group_ids, trigger.group_names) == ((), ())
    assert (trigger.interface_ids, trigger.prefix_list_ids) == ((INTERFACE,), ())


@pytest.mark.parametrize(
    "parameters",
    [
        {"prefixListId": LIST},
        {"ModifyManagedPrefixListRequest": {"PrefixListId": LIST, "AddEntry": {"Cidr": "0.0.0.0/0", "tag": 1}}},
        {"RestoreManagedPrefixListVersionRequest": {"PrefixListId": LIST, "PreviousVersion": 1}},
    ],
    ids=lambda parameters: next(iter(parameters)),
)
def test_a_prefix_list_that_changes_points_at_the_groups_that_name_it(parameters: object) -> None:
    trigger = parse(event(requestParameters=parameters))

    assert (trigger.group_ids, trigger.group_names) == ((), ())
    assert (trigger.interface_ids, trigger.prefix_list_ids) == ((), (LIST,))


@pytest.mark.parametrize("name", sorted(file.stem for file in EVENTS.glob("*.json") if "ignored" not in file.stem))
def test_the_events_of_the_repository_point_somewhere_or_say_that_they_do_not(name: str) -> None:
    recorded = json.loads((EVENTS / f"{name}.json").read_text("utf-8"))

    result = read_or_refused(recorded)

    if name == "authorize-without-group":
        assert isinstance(result, NoGroupInEventError)
    else:
        assert isinstance(result, Trigger)
        assert result.cause.event_name == recorded["detail"]["eventName"]


# Nowhere to look


@pytest.mark.parametrize(
    "parameters",
    [
        None,
        {},
        [],
        "sg-0123456789abcdef0",
        {"groupId": None},
        {"groupId": [GROUP_ID]},
        {"groupId": {"id": GROUP_ID}},
        {"groupId": 7},
        {"groupId": ""},
        {"groupId": "sg-xyz"},
        {"groupId": f"{GROUP_ID}\n"},
        {"groupId": f" {GROUP_ID}"},
        {"groupId": GROUP_ID.upper()},
        {"groupId": "sg-" + "0" * 18},
        {"groupId": TEN_MEGABYTES},
        {"groupName": ""},
        {"groupName": ["default"]},
        {"groupName": "x" * 256},
        {"groupName": TEN_MEGABYTES},
        {"networkInterfaceId": f"{INTERFACE}\n"},
        {"networkInterfaceId": [INTERFACE]},
        {"prefixListId": "pl-xyz"},
        {"prefixListId": TEN_MEGABYTES},
        {"ModifyManagedPrefixListRequest": [{"PrefixListId": LIST}]},
        {"RestoreManagedPrefixListVersionRequest": {"PrefixListId": {"id": LIST}}},
        {"groupSet": {"items": [{"groupId": "default"}, GROUP_ID, None]}},
        {"ModifySecurityGroupRulesRequest": None},
        {"ModifySecurityGroupRulesRequest": [{"GroupId": GROUP_ID}]},
        modified({"SecurityGroupRuleId": RULE}, group=None),
        modified({"SecurityGroupRuleId": RULE}, group="sg-*"),
    ],
    ids=short,
)
def test_a_request_that_names_no_group_says_where_to_look_instead(parameters: object) -> None:
    with pytest.raises(
        NoGroupInEventError,
        match=r"^AuthorizeSecurityGroupIngress 0-1 names no security group, interface or prefix list: look",
    ):
        parse(event(requestParameters=parameters, eventName="AuthorizeSecurityGroupIngress", eventID="0-1"))


@pytest.mark.parametrize("length", [1, 255])
def test_a_group_name_as_short_or_long_as_ec2_lets_it_be_is_looked_for(length: int) -> None:
    assert parse(event(requestParameters={"groupName": "x" * length})).group_names == ("x" * length,)


@pytest.mark.parametrize("detail", [None, [], "text", 7, {}])
def test_an_event_without_a_record_names_no_group(detail: object) -> None:
    with pytest.raises(NoGroupInEventError, match=r"^the event "):
        parse({"account": ACCOUNT, "region": REGION, "detail": detail})


def test_what_cannot_be_judged_is_told_in_one_line() -> None:
    hostile = "Authorize\r\n\x1b[31mALL IS WELL\u2028" + TEN_MEGABYTES

    with pytest.raises(NoGroupInEventError) as told:
        parse(event(requestParameters=None, eventName=hostile, eventID=hostile))

    assert str(told.value).isprintable()
    assert len(str(told.value)) < 1000


@pytest.mark.parametrize(
    "account", [None, 111122223333, "", "11112222333", "1111222233334", "11112222333x", "111122223333\n", [ACCOUNT]]
)
def test_an_event_without_an_account_is_refused(account: object) -> None:
    with pytest.raises(EventError, match=r"^the event's account is"):
        parse(event() | {"account": account})


@pytest.mark.parametrize(
    "region", [None, 1, "", "eu", "eu-central", "eu-central-1\n", "EU-CENTRAL-1", "eu-central-1.example.com", "../eu-1"]
)
def test_an_event_without_a_region_is_refused(region: object) -> None:
    with pytest.raises(EventError, match=r"^the event's region is"):
        parse(event() | {"region": region})


@pytest.mark.parametrize("region", ["us-east-1", "us-gov-west-1", "cn-north-1", "ap-southeast-7", "eusc-de-east-1"])
def test_the_regions_of_every_partition_are_regions(region: str) -> None:
    assert parse(event() | {"region": region}).region == region


def test_an_account_has_ascii_digits() -> None:
    with pytest.raises(EventError):
        parse(event() | {"account": "\u0661" * 12})


def test_a_region_has_ascii_digits() -> None:
    with pytest.raises(EventError):
        parse(event() | {"region": "eu-central-\u0661"})


# Who


@pytest.mark.parametrize(
    ("identity", "who"),
    [
        ({"type": "Root", "accountId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root"}, f"the root user of {ACCOUNT}"),
        ({"type": "Root"}, "the root user of the account"),
        (
            {"type": "IAMUser", "userName": "bob", "arn": f"arn:aws:iam::{ACCOUNT}:user/bob"},
            f"arn:aws:iam::{ACCOUNT}:user/bob",
        ),
        (
            {
                "type": "AssumedRole",
                "principalId": "AROAEXAMPLE:alice",
                "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/E/a",
            },
            f"arn:aws:sts::{ACCOUNT}:assumed-role/E/a",
        ),
        ({"type": "AssumedRole", "principalId": "AROAEXAMPLE:alice"}, "AROAEXAMPLE:alice"),
        ({"type": "AWSService", "invokedBy": "eks-nodegroup.amazonaws.com"}, "eks-nodegroup.amazonaws.com"),
        ({"type": "WebIdentityUser", "userName": "carol", "principalId": "example.com:app:carol"}, "carol"),
        ({"type": "SomethingNew", "principalId": "something:new"}, "something:new"),
        ({"type": "SomethingNew"}, "unknown"),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value)[:40],
)
def test_the_caller_is_named_as_well_as_the_record_can(identity: dict[str, str], who: str) -> None:
    assert actor(identity) == (who, identity["type"])


@pytest.mark.parametrize("identity", [None, {}, [], "root", {"type": None}, {"type": ["Root"], "arn": {"a": "b"}}])
def test_a_caller_who_is_not_named_is_unknown(identity: object) -> None:
    assert actor(identity) == ("unknown", "unknown")


def test_a_caller_whose_arn_is_no_text_is_named_by_what_is() -> None:
    assert actor({"type": "IAMUser", "arn": 7, "invokedBy": "\n", "userName": "bob"}) == ("bob", "IAMUser")


def test_the_record_says_what_was_called_when_and_from_where() -> None:
    cause = parse(
        event(
            eventName="AuthorizeSecurityGroupIngress",
            eventID="0-1",
            eventTime="2026-11-24T09:15:42Z",
            userAgent="aws-cli/2",
            sourceIPAddress="203.0.113.10",
        )
    ).cause

    assert cause == Cause(
        event_name="AuthorizeSecurityGroupIngress",
        event_id="0-1",
        at="2026-11-24T09:15:42Z",
        actor="unknown",
        actor_type="unknown",
        user_agent="aws-cli/2",
        source_ip="203.0.113.10",
        rule_ids=frozenset(),
    )


def test_rule_ids_that_are_none_are_not_passed_on() -> None:
    rules = [{"SecurityGroupRuleId": "sgr-0\nsgr-1"}, {"SecurityGroupRuleId": 7}, "sgr-0123456789abcde00", None]

    assert parse(event(requestParameters=modified(rules))).cause.rule_ids == frozenset()


# Hostile text


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("plain", "plain"),
        ("", ""),
        ("a\nb\r\nc", "a b c"),
        ("  a \t b  ", "a b"),
        ("\x1b[31mred\x1b[0m", "[31mred [0m"),
        ("a\u2028b\u2029c\x85d", "a b c d"),
        ("\u202eevil\u200b", "evil"),
        ("\ud800", ""),
        ("größe 漢字 🚪", "größe 漢字 🚪"),
        ("x" * 257, "x" * 256),
        (TEN_MEGABYTES, "x" * 256),
        (None, ""),
        (7, ""),
        (["a"], ""),
        ({"a": "b"}, ""),
    ],
    ids=short,
)
def test_text_becomes_one_printable_line(written: object, read: str) -> None:
    assert line(written) == read


@given(st.text(st.characters()))
def test_any_text_becomes_one_printable_line(text: str) -> None:
    assert line(text).isprintable()
    assert len(line(text)) <= 256


def test_the_root_user_of_an_account_with_a_long_name_is_told_in_a_short_line() -> None:
    assert len(actor({"type": "Root", "accountId": TEN_MEGABYTES})[0]) <= 256


NAMES = st.sampled_from(
    [
        "requestParameters",
        "responseElements",
        "userIdentity",
        "securityGroupRuleSet",
        "items",
        "groupId",
        "groupName",
        "GroupId",
        "ModifySecurityGroupRulesRequest",
        "SecurityGroupRule",
        "SecurityGroupRuleId",
        "securityGroupRuleId",
        "type",
        "arn",
        "invokedBy",
        "userName",
        "principalId",
        "accountId",
        "eventName",
        "eventID",
        "eventTime",
        "userAgent",
        "sourceIPAddress",
    ]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(
        [GROUP_ID, OTHER_GROUP, RULE, "x\ny", "\x1b[2J", "x" * 2000, "IAMUser", "\u202e", "sg-", "default"]
    )
)
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(), inner))


def objects(**known: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Give objects that have any of the known keys, with what belongs there or with anything."""
    return st.fixed_dictionaries({}, optional={key: value | LEAVES for key, value in known.items()}) | LEAVES


GROUPS = st.sampled_from([GROUP_ID, OTHER_GROUP, "sg-\n", "x" * 2000])
RULES = st.sampled_from([RULE, OTHER_RULE, "sgr-\n", "sgr-" + "0" * 2000])
RECORDS = objects(
    eventName=JSON,
    userAgent=JSON,
    userIdentity=objects(
        type=st.just("Root") | JSON, accountId=JSON, arn=JSON, invokedBy=JSON, userName=JSON, principalId=JSON
    ),
    requestParameters=objects(
        groupId=GROUPS,
        groupName=JSON,
        groupSet=objects(items=st.lists(objects(groupId=GROUPS))),
        networkInterfaceId=st.just(INTERFACE) | JSON,
        prefixListId=st.just(LIST) | JSON,
        ModifyManagedPrefixListRequest=objects(PrefixListId=st.just(LIST) | JSON),
        ModifySecurityGroupRulesRequest=objects(
            GroupId=GROUPS,
            SecurityGroupRule=objects(SecurityGroupRuleId=RULES) | st.lists(objects(SecurityGroupRuleId=RULES)),
        ),
    ),
    responseElements=objects(
        securityGroupRuleSet=objects(items=st.lists(objects(groupId=GROUPS, securityGroupRuleId=RULES)))
    ),
)


@given(JSON | RECORDS)
def test_any_record_points_somewhere_or_is_refused(detail: object) -> None:
    result = read_or_refused({"account": ACCOUNT, "region": REGION, "detail": detail})

    if isinstance(result, EventError):
        assert str(result).isprintable()
        return
    assert result.group_ids or result.group_names or result.interface_ids or result.prefix_list_ids
    assert not (result.group_ids and (result.group_names or result.interface_ids))
    assert {*result.group_ids, *result.interface_ids, *result.prefix_list_ids} <= {
        GROUP_ID,
        OTHER_GROUP,
        INTERFACE,
        LIST,
    }
    assert all(text.isprintable() and len(text) <= 256 for text in texts(result.cause))


@given(JSON, JSON)
def test_any_account_and_region_are_those_of_aws_or_refused(account: object, region: object) -> None:
    with pytest.raises(EventError):
        parse(event() | {"account": account, "region": region})
