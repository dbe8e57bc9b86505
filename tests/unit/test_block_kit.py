"""The Slack of the tests refuses what Slack documents that it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from local.block_kit import mistake


def text(words: str, kind: str = "mrkdwn", **more: Any) -> dict[str, Any]:
    return {"type": kind, "text": words, **more}


def button(**more: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": "a", "text": text("b", "plain_text"), **more}


def section(words: str = "a", **more: Any) -> dict[str, Any]:
    return {"type": "section", "text": text(words), **more}


GOOD: list[list[dict[str, Any]]] = [
    [section("a" * 3000)],
    [section()] * 50,
    [{"type": "header", "text": text("a" * 150, "plain_text", emoji=False)}],
    [{"type": "context", "elements": [text("a")] * 10}],
    [{"type": "divider"}],
    [{"type": "actions", "elements": [button(action_id=str(number), value="v" * 2000) for number in range(25)]}],
]


@pytest.mark.parametrize("blocks", GOOD)
def test_what_is_at_its_limit_is_taken(blocks: list[dict[str, Any]]) -> None:
    assert mistake({"text": "words", "blocks": blocks}) == ""


BAD: dict[str, list[Any]] = {
    "51 blocks": [section()] * 51,
    "a text of 3001": [section("a" * 3001)],
    "a text of nothing": [section("")],
    "a header of 151": [{"type": "header", "text": text("a" * 151, "plain_text")}],
    "a header of mrkdwn": [{"type": "header", "text": text("a")}],
    "11 elements of a context": [{"type": "context", "elements": [text("a")] * 11}],
    "26 buttons": [{"type": "actions", "elements": [button(action_id=str(number)) for number in range(26)]}],
    "two buttons of one action": [{"type": "actions", "elements": [button(), button()]}],
    "a button's text of 76": [{"type": "actions", "elements": [button(text=text("a" * 76, "plain_text"))]}],
    "a button's value of 2001": [{"type": "actions", "elements": [button(value="v" * 2001)]}],
    "a style that there is not": [{"type": "actions", "elements": [button(style="green")]}],
    "verbatim plain text": [{"type": "header", "text": text("a", "plain_text", verbatim=True)}],
    "a block that there is not": [{"type": "paragraph"}],
    "a key that there is not": [section(colour="red")],
    "one id twice": [section(block_id="a"), section(block_id="a")],
}


@pytest.mark.parametrize("blocks", BAD.values(), ids=BAD)
def test_what_is_beyond_is_refused(blocks: list[Any]) -> None:
    assert mistake({"text": "words", "blocks": blocks}) == "invalid_blocks"


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        ({}, "no_text"),
        ({"text": "a" * 40_001}, "msg_too_long"),
        ({"blocks": [section("a" * 3000)] * 5}, "msg_blocks_too_long"),
    ],
)
def test_a_message_that_is_empty_or_too_long_is_refused_by_its_own_word(payload: dict[str, Any], error: str) -> None:
    assert mistake(payload) == error
