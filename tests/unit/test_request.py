"""A person's verbs as they are written, and which mistake is called what."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodewarden.errors import AccountError, NodewardenError, RequestError
from nodewarden.record import Place, remediation_id
from nodewarden.request import Request, answer, parse_duration, parse_group_id, parse_remediation_id, words
from tests.unit.builders import ACCOUNT, GROUP_ID, OTHER_ACCOUNT, PLACE, REGION

EXEMPT = {"verb": "exempt", "group": GROUP_ID, "for": "4h", "reason": "a demo", "by": "alice"}
VERBS = ("check", "exempt")


def read(event: object) -> tuple[str, Request]:
    return Request.of(event, account=ACCOUNT, region=REGION, verbs=VERBS)


def read_whole(event: object) -> dict[str, Any]:
    """Read what the verb exempt asks for; raises RequestError."""
    verb, request = read(event)
    values = {
        "verb": verb,
        "place": request.place(request.table.parsed("group", parse_group_id)),
        "for": request.table.parsed("for", parse_duration),
        **request.who_and_why(),
    }
    request.table.done()
    return values


# What is understood


def test_a_request_is_read_whole() -> None:
    assert read_whole(EXEMPT) == {
        "verb": "exempt",
        "place": PLACE,
        "for": timedelta(hours=4),
        "reason": "a demo",
        "by": "alice",
    }


def test_a_request_is_about_the_account_and_region_that_it_names() -> None:
    named = read_whole(EXEMPT | {"account": OTHER_ACCOUNT, "region": "us-gov-west-1"})

    assert named["place"] == Place(account=OTHER_ACCOUNT, region="us-gov-west-1", group_id=GROUP_ID)


def test_a_reason_becomes_one_line() -> None:
    assert read_whole(EXEMPT | {"reason": " a\n\tdemo \x1b"})["reason"] == "a demo"


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("1h", timedelta(hours=1)),
        ("4h", timedelta(hours=4)),
        ("36h", timedelta(hours=36)),
        ("2d", timedelta(days=2)),
        ("90d", timedelta(days=90)),
        ("2160h", timedelta(days=90)),
    ],
)
def test_a_duration_is_hours_or_days(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4",
        "h",
        "0h",
        "04h",
        "-1h",
        "+1h",
        "1.5h",
        "4 h",
        "4h ",
        "4h\n",
        "4H",
        "4m",
        "1w",
        "1h30m",
        "\u0664h",
        "4hd",
    ],
)
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must be hours or days such as '4h' or '2d', at most 90 days, not "):
        parse_duration(text)


@pytest.mark.parametrize("text", ["91d", "2161h", "9999d", "99999d", "9" * 5000 + "h"])
def test_more_than_ninety_days_are_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"at most 90 days, not .{1,22}$"):
        parse_duration(text)


@given(st.text())
def test_any_text_is_a_duration_of_an_hour_to_ninety_days_or_refused(text: str) -> None:
    for suffix in ("", "h", "d"):
        try:
            length = parse_duration(text + suffix)
        except ValueError:
            continue
        assert timedelta(hours=1) <= length <= timedelta(days=90)


@pytest.mark.parametrize("text", ["sg-01234567", "sg-0123456789abcdef0"])
def test_a_group_id_is_short_or_long(text: str) -> None:
    assert parse_group_id(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "default", "sg-", "sg-0123456", "sg-0123456789abcdef01", "sg-0123456789ABCDEF0", f"{GROUP_ID}\n", "sg-*"],
)
def test_anything_else_is_no_group_id(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must be a security group's id such as sg-"):
        parse_group_id(text)


def test_the_id_of_a_remediation_is_one() -> None:
    made = remediation_id(PLACE, ["sgr-0123456789abcde00"])

    assert parse_remediation_id(made) == made


def test_the_id_of_a_remediation_is_about_the_rules_and_not_their_order() -> None:
    assert remediation_id(PLACE, ["sgr-1", "sgr-0"]) == remediation_id(PLACE, ["sgr-0", "sgr-1"])
    assert remediation_id(PLACE, ["sgr-1", "sgr-0"]) != remediation_id(PLACE, ["sgr-1"])


@pytest.mark.parametrize(
    "other",
    [
        Place(account=OTHER_ACCOUNT, region=REGION, group_id=GROUP_ID),
        Place(account=ACCOUNT, region="us-east-1", group_id=GROUP_ID),
        Place(account=ACCOUNT, region=REGION, group_id="sg-0123456789abcdef1"),
    ],
    ids=str,
)
def test_the_id_of_a_remediation_is_of_one_place(other: Place) -> None:
    assert remediation_id(other, ["sgr-0"]) != remediation_id(PLACE, ["sgr-0"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        GROUP_ID,
        f"{GROUP_ID}-",
        f"{GROUP_ID}-0123456789a",
        f"{GROUP_ID}-0123456789abc",
        f"{GROUP_ID}-0123456789aB",
        f"{GROUP_ID}-0123456789ab\n",
        "sgr-0123456789abcdef0-0123456789ab",
    ],
    ids=ascii,
)
def test_anything_else_is_no_remediation(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must be the id from a message or from status"):
        parse_remediation_id(text)


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\x1b", "\u202e\u200b"], ids=ascii)
def test_words_that_nobody_can_read_say_nothing(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must say something$"):
        words(text)


# What is refused


@pytest.mark.parametrize("event", [None, [], [EXEMPT], "exempt", 7, True], ids=str)
def test_a_request_that_is_no_object_is_refused_with_an_example(event: object) -> None:
    with pytest.raises(RequestError, match=r'^a request is a JSON object such as \{"verb": "check", …\}$'):
        read(event)


MISTAKES: dict[str, tuple[dict[str, object], str]] = {
    "a verb that there is not": ({"verb": "open"}, "verb must be one of check, exempt, not 'open'"),
    "a verb that is no text": ({"verb": ["exempt"]}, "verb must be a text"),
    "an empty verb": ({"verb": ""}, "verb must be a text"),
    "an account with too few digits": ({"account": "1"}, "account must be twelve digits, not '1'"),
    "an account that is a number": ({"account": 111122223333}, "account must be a text"),
    "a region that there cannot be": ({"region": "Frankfurt"}, "region must be a region's name, not 'Frankfurt'"),
    "a region that is a host": ({"region": "eu-central-1.example.com"}, "region must be a region's name"),
    "a group that is a name": ({"group": "default"}, "group must be a security group's id such as sg-"),
    "a duration that is too long": ({"for": "91d"}, "for must be hours or days such as '4h' or '2d', at most 90 days"),
    "a duration that is a number": ({"for": 4}, "for must be a text, not 4"),
    "a reason that says nothing": ({"reason": " \n"}, "reason must say something"),
    "an empty reason": ({"reason": ""}, "reason must be a text"),
    "a reason that is null": ({"reason": None}, "reason is missing"),
    "a person who is no text": ({"by": {"name": "alice"}}, "by must be a text"),
    "a field that there is not": ({"until": "4h"}, "until is not a setting here; there are account, by, for, "),
}


@pytest.mark.parametrize(("changes", "message"), MISTAKES.values(), ids=MISTAKES)
def test_is_refused_and_said_what_to_do(changes: dict[str, object], message: str) -> None:
    with pytest.raises(RequestError) as refused:
        read_whole(EXEMPT | changes)

    assert message in str(refused.value)


@pytest.mark.parametrize("field", EXEMPT)
def test_a_request_without_what_it_needs_is_refused(field: str) -> None:
    with pytest.raises(RequestError, match=rf"\b{field} is missing$"):
        read_whole({key: value for key, value in EXEMPT.items() if key != field})


def test_what_is_refused_begins_with_the_field() -> None:
    with pytest.raises(RequestError, match=r"^verb must be one of"):
        read(EXEMPT | {"verb": "open"})


@given(st.dictionaries(st.sampled_from([*EXEMPT, "account", "region", "else"]), st.none() | st.integers() | st.text()))
def test_any_fields_are_understood_or_refused(changes: dict[str, object]) -> None:
    try:
        understood = read_whole(EXEMPT | changes)
    except RequestError:
        return

    assert understood["reason"].isprintable()
    assert understood["by"].isprintable()
    assert "else" not in changes


def test_the_answer_to_what_failed_says_why_and_what_failed_besides() -> None:
    failed = AccountError("account 444455556666 is not ours")
    failed.add_note("also: nothing")

    assert answer(failed) == {
        "ok": False,
        "error": "AccountError: account 444455556666 is not ours",
        "notes": ["also: nothing"],
    }


def test_the_answer_to_what_failed_alone_has_no_notes() -> None:
    assert answer(NodewardenError("x"))["notes"] == []
