"""Block Kit: the blocks that we use, cut to what Slack takes (https://docs.slack.dev/reference/block-kit)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nodewarden.slack.button import About, Button

MOST_BLOCKS = 50
LONGEST_TEXT = 3000
LONGEST_HEADER = 150
LONGEST_SURE = 300  # of the text of a confirmation
DOTS = "…"

type Block = dict[str, Any]

ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def escape(text: str) -> str:
    """Escape what Slack would take for a link or a mention.

    >>> escape("<!channel> & co")
    '&lt;!channel&gt; &amp; co'
    """
    return "".join(ENTITIES.get(letter, letter) for letter in text)


def cut(text: str, longest: int) -> str:
    """Escape a text and cut it so that it is no longer than that, never inside an entity.

    >>> cut("a<b", 5), cut("a<b<c", 7)
    ('a…', 'a&lt;b…')
    """
    escaped = escape(text)
    if len(escaped) <= longest:
        return escaped
    kept = ""
    for letter in text:
        following = kept + ENTITIES.get(letter, letter)
        if len(following) + len(DOTS) > longest:
            break
        kept = following
    return kept + DOTS


def fitting(lines: Sequence[str], longest: int) -> str:
    """Put lines below each other, as many whole ones as there is room for, and say how many more there are."""
    if len(whole := "\n".join(lines)) <= longest:
        return whole
    kept = list(lines)
    while kept and len("\n".join([*kept, _more(len(lines) - len(kept))])) > longest:
        kept.pop()
    return "\n".join([*kept, _more(len(lines) - len(kept))])


def _more(count: int) -> str:
    return f"and {count} more"


def header(words: str) -> Block:
    """Give a header; `words` are escaped and cut here."""
    return {"type": "header", "text": plain(cut(words, LONGEST_HEADER))}


def section(text: str) -> Block:
    """Give a section of escaped mrkdwn."""
    return {"type": "section", "text": markdown(text)}


def context(text: str) -> Block:
    """Give small print of escaped mrkdwn."""
    return {"type": "context", "elements": [markdown(text)]}


def actions(buttons: Iterable[tuple[Button, About]]) -> Block:
    """Give a row of buttons, each of which asks before it counts."""
    return {"type": "actions", "elements": [_button(button, about) for button, about in buttons]}


def plain(text: str) -> Block:
    """Give a text object in which nothing is formatted; `:names:` stay words."""
    return {"type": "plain_text", "text": text, "emoji": False}


def markdown(text: str) -> Block:
    """Give a text object of mrkdwn; verbatim, as otherwise Slack makes links and mentions of plain words."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _button(button: Button, about: About) -> Block:
    style = "danger" if button.dangerous else "primary"
    return {
        "type": "button",
        "action_id": button.name,
        "text": plain(button.label),
        "value": about.value(),
        "style": style,
        "confirm": {
            "title": plain(f"{button.label}?"),
            "text": plain(cut(f"{button.sure} {about.said}", LONGEST_SURE)),
            "confirm": plain(button.label),
            "deny": plain("Leave it"),
            "style": style,
        },
    }
