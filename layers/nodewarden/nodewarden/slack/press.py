"""A button that was pressed: read from the request, and what the message says afterwards. No AWS, no clock."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from nodewarden.errors import PressError
from nodewarden.security_group.event import line
from nodewarden.slack import blocks
from nodewarden.slack.button import BY_NAME, about_of, is_about, read_about
from nodewarden.slack.policy import USER_ID, WEBHOOK_HOST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nodewarden.slack.blocks import Block
    from nodewarden.slack.button import About, Button
    from nodewarden.slack.policy import SlackPolicy
    from nodewarden.slack.render import Payload

LARGEST_BODY = 1_000_000  # bytes: Slack sends the whole message with a press
MOST_BLOCKS_BYTES = 100_000  # of a message that is carried along to be replaced; ours are far smaller
LONGEST_NAME = 80  # characters of a user's name: whoever reads who it was finds the id behind it

# What an answer of a verb has, and the word that goes before it.
SAID_OF = {"exempt_until": "until", "wave": "wave", "applied": "applied"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """Who pressed which button of which message. `press_id` is the same where the same request comes again.

    `team` is the id of the workspace that the user is of, "" where Slack does not say.
    """

    press_id: str
    user_id: str
    user_name: str
    button: str
    about: About
    response_url: str
    blocks: list[Block]
    team: str = ""

    def event(self) -> dict[str, Any]:
        """Write it as an event; `read_event` reads it."""
        return {"press": asdict(self)}

    @property
    def by(self) -> str:
        """Who pressed, for the ledger: the name is what Slack says, the id is what the policy goes by."""
        return f"{self.user_name[:LONGEST_NAME] or 'somebody'} (Slack {self.user_id})"


def read_body(event: Mapping[str, Any]) -> bytes:
    """Give the raw body of a function URL's request; raises PressError where there is none, or too much of it."""
    body = event.get("body")
    if not isinstance(body, str) or len(body) > 2 * LARGEST_BODY:
        message = f"a request without a body, or with more than {LARGEST_BODY} bytes"
        raise PressError(message)
    try:
        raw = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except (binascii.Error, UnicodeError) as error:
        message = "a request with a body that is not base64, though it says so, or not a text"
        raise PressError(message) from error
    if len(raw) > LARGEST_BODY:
        message = f"a request with more than {LARGEST_BODY} bytes"
        raise PressError(message)
    return raw


def read_press(body: bytes, policy: SlackPolicy) -> Press:
    """Read the press of a button of ours (`block_actions`) from a request that Slack signed; raises PressError.

    The body is `payload=<JSON>`, as a form (https://docs.slack.dev/interactivity/handling-user-interaction).
    """
    try:
        payload = json.loads(parse_qs(body.decode(), strict_parsing=True, max_num_fields=5)["payload"][0])
        _check_kind(payload["type"])
        (action,) = payload["actions"]
        user = payload["user"]
        values = {
            "press_id": hashlib.sha256(body).hexdigest()[:32],
            "user_id": user["id"],
            "team": user.get("team_id") or "",
            "user_name": line(user.get("username") or user.get("name")),
            "button": action["action_id"],
            "about": asdict(read_about(action["value"])),
            "response_url": payload["response_url"],
            "blocks": _carried(payload.get("message", {}).get("blocks")),
        }
        press = _press(values)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        message = f"not the press of one button of ours ({type(error).__name__})"
        raise PressError(message) from error
    return _checked(press, policy)


def read_event(event: Mapping[str, Any], policy: SlackPolicy) -> Press:
    """Read a press that was handed over; raises PressError."""
    try:
        press = _press(event["press"])
    except (ValueError, KeyError, TypeError) as error:
        message = f"the event has no press of a button ({error!r})"
        raise PressError(message) from error
    return _checked(press, policy)


def replaced(press: Press, words: str) -> Payload:
    """Give the message without its buttons, and with who decided what in their place."""
    kept = [block for block in press.blocks if block.get("type") != "actions"]
    said = f"*{blocks.escape(BY_NAME[press.button].label)}*, <@{press.user_id}>: {_cut(words)}"
    decided = [*kept[: blocks.MOST_BLOCKS - 1], blocks.section(said)]
    return {"replace_original": True, "text": _decided(press, words)} | ({"blocks": decided} if kept else {})


def replaced_by_words(press: Press, words: str) -> Payload:
    """Give the same as text alone, for when Slack takes no blocks: who decided what, then as much of the message as fits."""
    texts = (block.get("text") for block in press.blocks)
    lines = [str(text.get("text", "")) for text in texts if isinstance(text, dict)]
    whole = blocks.fitting([_decided(press, words), *"\n".join(lines).split("\n")], blocks.LONGEST_TEXT)
    return {"replace_original": True, "text": whole}


def whispered(words: str) -> Payload:
    """Give a message that only the one who pressed sees; the buttons stay."""
    return {"response_type": "ephemeral", "replace_original": False, "text": blocks.cut(words, blocks.LONGEST_TEXT)}


def outcome(button: Button, answer: Mapping[str, Any]) -> str:
    """Say what a verb that was carried out came to."""
    done = [str(words) for name in ("opened", "open_already", "closed") for words in answer.get(name, ())]
    parts = [", ".join(done)]
    parts += [f"{word} {answer[name]}" for name, word in SAID_OF.items() if answer.get(name)]
    return "; ".join(part for part in parts if part) or f"{button.request['verb']} is done"


def _check_kind(kind: object) -> None:
    """Check that a payload is of a message's buttons: others have actions, too, and mean something else by them."""
    if kind != "block_actions":
        message = "not a press of a button"
        raise ValueError(message)


def _decided(press: Press, words: str) -> str:
    return f"{BY_NAME[press.button].label}, {blocks.escape(press.by)}: {_cut(words)}"


def _cut(words: str) -> str:
    return blocks.cut(words, blocks.LONGEST_TEXT // 2)


def _press(values: Mapping[str, Any]) -> Press:
    """Read what is a press by its form; raises ValueError, KeyError or TypeError."""
    names = ("press_id", "user_id", "team", "user_name", "button", "response_url")
    if not all(isinstance(values[name], str) for name in names):
        message = "not a text where there must be one"
        raise TypeError(message)
    about = about_of(**values["about"])
    return Press(**{name: values[name] for name in names}, about=about, blocks=values["blocks"])


def _checked(press: Press, policy: SlackPolicy) -> Press:
    button = BY_NAME.get(press.button)
    if button is None or not is_about(button, press.about):
        message = "a button that there is not, or about nothing that there could be"
        raise PressError(message)
    if not USER_ID.fullmatch(press.user_id):
        message = "a press by nobody"
        raise PressError(message)
    if not policy.trusts(press.response_url, WEBHOOK_HOST):
        message = f"the answer would go to another host than {WEBHOOK_HOST}, and slack.toml lists no such"
        raise PressError(message)
    return press


def _carried(found: object) -> list[Block]:
    """Give a message's blocks where they can be carried along; without them, the decision replaces the whole message."""
    if not isinstance(found, list) or not all(isinstance(block, dict) for block in found):
        return []
    return found if len(json.dumps(found)) <= MOST_BLOCKS_BYTES else []
