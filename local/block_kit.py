"""What Slack takes of Block Kit, as https://docs.slack.dev/reference/block-kit states it; written without our renderer in view.

Only the blocks that we could want are known; any other is refused, as an unknown one is by Slack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

type Block = Any

MOST_BLOCKS = 50
LONGEST_FALLBACK = 40_000
LONGEST_TOGETHER = 13_000  # `msg_blocks_too_long`: undocumented, and seen from about here on
TEXT_KEYS = {"plain_text": {"type", "text", "emoji"}, "mrkdwn": {"type", "text", "verbatim"}}
INVALID = "invalid_blocks"


class InvalidBlocksError(ValueError):
    """Slack would answer `invalid_blocks`."""


def mistake(payload: Any) -> str:
    """Give the error that Slack answers to a message; empty where it takes it."""
    blocks, text = payload.get("blocks"), payload.get("text")
    if not blocks and not text:
        return "no_text"
    if text is not None and (not isinstance(text, str) or len(text) > LONGEST_FALLBACK):
        return "msg_too_long"
    try:
        _check_blocks(blocks if blocks is not None else [])
    except InvalidBlocksError:
        return INVALID
    return "msg_blocks_too_long" if len(str(_texts(blocks))) > LONGEST_TOGETHER else ""


def _check_blocks(blocks: Any) -> None:
    _must(isinstance(blocks, list) and len(blocks) <= MOST_BLOCKS, "more than 50 blocks")
    ids = [block.get("block_id") for block in blocks if "block_id" in block]
    _must(len(ids) == len(set(ids)), "a block_id twice")
    for block in blocks:
        check = BLOCKS.get(block.get("type"))
        _must(check is not None, f"an unknown block {block.get('type')!r}")
        _must(len(block.get("block_id", "")) <= 255, "a block_id of more than 255 characters")  # noqa: PLR2004 Slack's
        if check:
            check({key: value for key, value in block.items() if key not in {"type", "block_id"}})


def _header(block: Block) -> None:
    _keys(block, {"text"})
    _text(block["text"], 150, kinds={"plain_text"})


def _section(block: Block) -> None:
    _keys(block, {"text"}, {"fields"})
    _text(block["text"], 3000)
    fields = block.get("fields", [])
    _must(len(fields) <= 10, "more than 10 fields")  # noqa: PLR2004 Slack's
    for text in fields:
        _text(text, 2000)


def _context(block: Block) -> None:
    _keys(block, {"elements"})
    _must(1 <= len(block["elements"]) <= 10, "elements of a context")  # noqa: PLR2004 Slack's
    for element in block["elements"]:
        _text(element, 3000)


def _divider(block: Block) -> None:
    _keys(block, set())


def _actions(block: Block) -> None:
    _keys(block, {"elements"})
    _must(1 <= len(block["elements"]) <= 25, "elements of actions")  # noqa: PLR2004 Slack's
    ids = [element.get("action_id") for element in block["elements"]]
    _must(len(ids) == len(set(ids)), "an action_id twice")
    for element in block["elements"]:
        _button(element)


def _button(button: Block) -> None:
    _must(button.get("type") == "button", "an element that is no button")
    _keys(button, {"type", "text", "action_id"}, {"value", "style", "confirm", "url"})
    _text(button["text"], 75, kinds={"plain_text"})
    _must(len(button["action_id"]) <= 255, "a long action_id")  # noqa: PLR2004 Slack's
    _must(len(button.get("value", "")) <= 2000, "a long value")  # noqa: PLR2004 Slack's
    _must(button.get("style", "primary") in {"primary", "danger"}, "an unknown style")
    if "confirm" in button:
        confirm = button["confirm"]
        _keys(confirm, {"title", "text", "confirm", "deny"}, {"style"})
        for name, longest in {"title": 100, "text": 300, "confirm": 30, "deny": 30}.items():
            _text(confirm[name], longest, kinds={"plain_text"})


BLOCKS: dict[Any, Callable[[Block], None]] = {
    "header": _header,
    "section": _section,
    "context": _context,
    "divider": _divider,
    "actions": _actions,
}


def _text(text: Any, longest: int, kinds: frozenset[str] | set[str] = frozenset(TEXT_KEYS)) -> None:
    _must(isinstance(text, dict) and text.get("type") in kinds, "a text of another type")
    _keys(text, {"type", "text"}, TEXT_KEYS[text["type"]])
    _must(isinstance(text["text"], str) and 1 <= len(text["text"]) <= longest, f"a text beyond {longest} characters")


def _keys(block: Any, needed: set[str], more: set[str] | frozenset[str] = frozenset()) -> None:
    _must(needed <= block.keys() <= needed | more, f"keys {sorted(block)}, not {sorted(needed | more)}")


def _must(so: bool, what: str) -> None:  # noqa: FBT001 an assertion
    if not so:
        raise InvalidBlocksError(what)


def _texts(value: Any) -> list[str]:
    """Collect the texts of blocks, at any depth."""
    if isinstance(value, dict):
        own = [value["text"]] if isinstance(value.get("text"), str) else []
        return own + [text for inner in value.values() for text in _texts(inner)]
    return [text for inner in value for text in _texts(inner)] if isinstance(value, list) else []
