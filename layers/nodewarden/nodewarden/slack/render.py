"""A document as a Slack message: values in, Block Kit out. No AWS, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nodewarden.slack import blocks
from nodewarden.slack.blocks import LONGEST_TEXT, MOST_BLOCKS
from nodewarden.slack.button import offered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nodewarden.slack.blocks import Block
    from nodewarden.slack.document import Document

type Payload = dict[str, Any]

# Slack refuses messages whose blocks are too long together (`msg_blocks_too_long`) and does not say from where on.
LONGEST_MESSAGE = 12_000
LONGEST_LINE = 1000
# Header, small print, buttons, and the line that says how many sections are left out.
BESIDE_SECTIONS = 4

ICONS = {"critical": "🔴", "high": "🟠", "medium": "🟡", "info": "⚪"}


def render(document: Document, change: str, *, interactive: bool) -> Payload:
    """Give the message for a document: `text` for notifications, `blocks` for reading; with buttons where `interactive`."""
    subject = f"{ICONS.get(str(document.get('severity')), '')} {document.get('subject', '')}".strip()
    buttons = offered(document, change) if interactive else ()
    return {
        "text": blocks.cut(subject, LONGEST_TEXT),
        "blocks": [
            blocks.header(subject or "Nodewarden"),
            *_sections(_texts(document)),
            *([blocks.context(small)] if (small := _small_print(document)) else []),
            *([blocks.actions(buttons)] if buttons else []),
        ],
    }


def in_words(document: Document) -> Payload:
    """Give the message as text alone, for when Slack takes no blocks."""
    subject = blocks.cut(str(document.get("subject", "Nodewarden")), LONGEST_TEXT // 2)
    return {"text": blocks.fitting([f"*{subject}*", *"\n".join(_texts(document)).split("\n")], LONGEST_TEXT)}


def _texts(document: Document) -> list[str]:
    """Lay out each section of a document as escaped mrkdwn that Slack takes as one text."""
    return [text for section in document.get("sections", ()) if (text := _text(section))]


def _text(section: Mapping[str, Any]) -> str:
    lines = [(kind, str(words)) for line in section["lines"] for kind, words in line.items()]
    listed = sum(kind != "command" for kind, _ in lines) > 1
    said = [_line(kind, words, listed=listed) for kind, words in lines if words]
    return blocks.fitting([f"*{blocks.cut(str(section['title']), LONGEST_LINE)}*", *said], LONGEST_TEXT) if said else ""


def _line(kind: str, words: str, *, listed: bool) -> str:
    if kind == "command":
        return f"```{blocks.cut(words.replace('```', "'''"), LONGEST_LINE)}```"
    if not listed:
        return blocks.cut(words, LONGEST_TEXT // 2)
    is_under = words.startswith("- ")
    return ("      ◦ " if is_under else "• ") + blocks.cut(words.removeprefix("- "), LONGEST_LINE)


def _sections(texts: list[str]) -> list[Block]:
    """Give the sections that fit into a message, and say how many do not."""
    kept, room = [], LONGEST_MESSAGE
    for text in texts[: MOST_BLOCKS - BESIDE_SECTIONS]:
        if len(text) > room:
            break
        kept.append(blocks.section(text))
        room -= len(text)
    more = len(texts) - len(kept)
    return [
        *kept,
        *([blocks.context(f"and {more} more sections: look at the email, or ask the ledger")] if more else []),
    ]


def _small_print(document: Document) -> str:
    said = [str(document.get(name, "")) for name in ("severity", "kind", "outcome", "account", "region")]
    return blocks.cut(" · ".join(words.replace("_", " ") for words in said if words), LONGEST_LINE)
