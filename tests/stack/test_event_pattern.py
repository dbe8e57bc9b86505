"""The matcher that stands in for EventBridge and for Lambda's event source filters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local.event_pattern import UnsupportedOperatorError, matches

# What AWS's own event-ruler answered.
VECTORS = Path(__file__).parents[2].parent / "shared/reference/event-pattern-vectors.json"
# Patterns that AWS takes and that are not known here.
UNSUPPORTED = {
    "prefix eq-ignore-case",
    "suffix eq-ignore-case",
    "wildcard escaped star",
    "cidr v4",
    "cidr v4 miss",
    "cidr v6",
    "cidr with host bits",
    "cidr on a CIDR string value",
}
CLOUDTRAIL = {
    "source": ["aws.ec2"],
    "detail": {"eventName": ["AuthorizeSecurityGroupIngress"], "errorCode": [{"exists": False}]},
}
VERSIONED = {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"NewImage": {"version": {"N": [{"exists": True}]}}}}


def call(**detail: object) -> dict[str, Any]:
    return {"source": "aws.ec2", "detail": {"eventName": "AuthorizeSecurityGroupIngress", **detail}}


def vectors() -> list[Any]:
    if not VECTORS.exists():
        absent = pytest.mark.skip(reason="the project stands alone: event-ruler's vectors are not part of it")
        return [pytest.param({}, marks=absent, id="no vectors")]
    return [pytest.param(vector, id=vector["name"]) for vector in json.loads(VECTORS.read_text("utf-8"))]


@pytest.mark.parametrize("vector", vectors())
def test_it_answers_as_event_ruler_does_or_refuses_to(vector: dict[str, Any]) -> None:
    if vector["name"] in UNSUPPORTED:
        with pytest.raises(UnsupportedOperatorError):
            matches(vector["pattern"], vector["event"])
    elif vector["expected"] == "invalid":
        with pytest.raises(ValueError, match=r"not supported in event patterns|not an event pattern"):
            matches(vector["pattern"], vector["event"])
    else:
        assert matches(vector["pattern"], vector["event"]) is vector["expected"]


def test_a_call_that_succeeded_matches_where_the_pattern_says_errorcode_must_not_exist() -> None:
    assert matches(CLOUDTRAIL, call())


def test_a_refused_call_does_not_match_where_the_pattern_says_errorcode_must_not_exist() -> None:
    assert not matches(CLOUDTRAIL, call(errorCode="Client.UnauthorizedOperation"))


def test_a_field_that_must_not_exist_may_hold_an_object_because_only_leaves_exist() -> None:
    assert matches(CLOUDTRAIL, call(errorCode={"name": "x"}))


def test_every_field_of_the_pattern_must_match() -> None:
    assert not matches(CLOUDTRAIL, call() | {"source": "aws.rds"})


@pytest.mark.parametrize(("name", "expected"), [("INSERT", True), ("MODIFY", True), ("REMOVE", False)])
def test_a_stream_filter_takes_the_changes_that_it_names(name: str, *, expected: bool) -> None:
    assert matches(VERSIONED, {"eventName": name, "dynamodb": {"NewImage": {"version": {"N": "1"}}}}) is expected


def test_a_stream_filter_leaves_out_an_item_without_the_attribute() -> None:
    assert not matches(VERSIONED, {"eventName": "INSERT", "dynamodb": {"NewImage": {"seen": {"N": "1"}}}})


@pytest.mark.parametrize(
    ("wanted", "value", "expected"),
    [
        (1, 1.0, True),
        (1, True, False),
        (True, 1, False),
        (0, False, False),
        ("1", 1, False),
        (None, None, True),
        (None, "", False),
        (None, "null", False),
    ],
)
def test_values_are_the_same_as_json_has_it(wanted: object, value: object, *, expected: bool) -> None:
    assert matches({"a": [wanted]}, {"a": value}) is expected


def test_any_element_of_an_array_will_do() -> None:
    assert matches({"a": ["x", "y"]}, {"a": ["z", "y"]})


@pytest.mark.parametrize(
    ("element", "expected"),
    [([{"a": 1, "b": 2}], True), ([[0], {"a": 1, "b": [2, 3]}], True), ([{"a": 1}, {"b": 2}], False)],
)
def test_a_pattern_looks_through_arrays_in_arrays(element: object, *, expected: bool) -> None:
    assert matches({"items": {"a": [1], "b": [2]}}, {"items": [element]}) is expected


def test_two_elements_of_one_array_do_not_match_together() -> None:
    opened_to_all = {"items": {"port": [22], "ranges": {"cidr": ["0.0.0.0/0"]}}}
    ssh = {"port": 22, "ranges": [{"cidr": "10.0.0.0/8"}]}
    web = {"port": 443, "ranges": [{"cidr": "0.0.0.0/0"}]}
    assert not matches(opened_to_all, {"items": [ssh, web]})
    assert matches(opened_to_all, {"items": [ssh, web, ssh | {"ranges": [{"cidr": "::/0"}, {"cidr": "0.0.0.0/0"}]}]})


def test_elements_of_two_arrays_match_together() -> None:
    assert matches({"a": {"x": [1]}, "b": {"x": [2]}}, {"a": [{"x": 0}, {"x": 1}], "b": [{"x": 2}]})


def test_a_field_is_absent_if_the_element_that_matched_has_none() -> None:
    pattern = {"items": {"a": [1], "b": [{"exists": False}]}}
    assert matches(pattern, {"items": [{"a": 1}, {"b": 2}]})
    assert not matches(pattern, {"items": [{"a": 1, "b": 2}, {"a": 2}]})


def test_the_choices_of_two_ors_combine() -> None:
    pattern = {"$or": [{"a": [1]}, {"a": [2]}], "in": {"$or": [{"b": [1]}, {"c": [1]}]}}
    assert matches(pattern, {"a": 2, "in": {"c": 1}})
    assert not matches(pattern, {"a": 2, "in": {"c": 2}})
    assert not matches(pattern, {"a": 3, "in": {"b": 1}})


@pytest.mark.parametrize(
    ("operator", "hit", "miss"),
    [
        ({"prefix": "i-"}, "i-0abc", "eni-0abc"),
        ({"suffix": ".png"}, "a.png", "a.png.txt"),
        ({"equals-ignore-case": "tcp"}, "TCP", "TCPS"),
        ({"wildcard": "arn:*:node/*"}, "arn:aws:node/\n1", "arn:aws:pod/1"),
        ({"numeric": [">", 0, "<=", 5]}, 5, 0),
        ({"numeric": ["=", 3]}, 3.0, "3"),
        ({"anything-but": ["a", "b"]}, "c", "b"),
        ({"anything-but": 1}, True, 1.0),
        ({"anything-but": {"prefix": ["a", "b"]}}, "cab", "bac"),
        ({"exists": True}, None, []),
    ],
)
def test_an_operator_passes_one_value_and_not_the_other(operator: object, hit: object, miss: object) -> None:
    assert matches({"a": [operator]}, {"a": hit})
    assert not matches({"a": [operator]}, {"a": miss})
    assert not matches({"a": [operator]}, {})


@pytest.mark.parametrize(
    "operator",
    [
        {"cidr": "10.0.0.0/8"},
        {"contains": "x"},
        {"exists": "true"},
        {"prefix": 1},
        {"prefix": {"equals-ignore-case": "x"}},
        {"wildcard": "a**b"},
        {"numeric": ["<", 0, ">", 5]},
        {"numeric": [">", True]},
        {"numeric": [">", 0, "<"]},
        {"anything-but": []},
        {"anything-but": [None]},
        {"anything-but": ["a", 1]},
        {"anything-but": {"anything-but": ["a"]}},
        {"anything-but": {"prefix": []}},
        {"anything-but": {"prefix": "a", "suffix": "b"}},
    ],
)
def test_an_operator_that_is_not_known_is_refused_by_name_even_where_the_field_is_missing(
    operator: dict[str, object],
) -> None:
    with pytest.raises(UnsupportedOperatorError, match="|".join(operator)):
        matches({"a": [operator]}, {})


@pytest.mark.parametrize(
    "pattern",
    [
        {},
        {"a": {}},
        {"a": []},
        {"a": "x"},
        {"a": None},
        {"a": [["x"]]},
        {"a": [{}]},
        {"a": [{"prefix": "x", "suffix": "y"}]},
        {"$or": [{"a": [1]}]},
        {"$or": {"a": [1]}},
        {"$or": [{"a": [1]}, {"b": [1]}, "c"]},
        {"a": [1], "$or": [{"a": [2]}, {"b": [1]}]},
    ],
)
def test_what_is_no_pattern_is_refused(pattern: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not an event pattern") as refused:
        matches(pattern, {"a": "x"})
    assert not isinstance(refused.value, UnsupportedOperatorError)
