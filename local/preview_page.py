"""The page of `make preview`: messages as an email program and Slack show them on a phone, light and dark side by side.

One file without anything from elsewhere. It is a likeness: fonts, colours and gaps are about those of the real ones.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Any

from local import template
from nodewarden.slack.render import ICONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nodewarden.message.message import Message

type Payload = Mapping[str, Any]
type Shown = tuple[Message, Payload]

TITLE = "What people hear from Nodewarden"
STYLE = template.ROOT / "local/preview.css"
FOOTER = "--\nIf you wish to stop receiving notifications from this topic, please click or visit the link below to unsubscribe: …"


def page(shown: Mapping[str, Shown]) -> str:
    """Give the page for messages and their Slack payloads, by name."""
    links = "".join(f'<a href="#{name}">{_words(name)}</a>' for name in shown)
    articles = "\n".join(_article(name, each) for name, each in shown.items())
    return _document(
        f"""<header><h1>{TITLE}</h1>
<p>Each message by email and in Slack, as wide as a phone, light and dark.</p><nav>{links}</nav></header>
<main>
{articles}
</main>"""
    )


def picture(*shown: Shown) -> str:
    """Give a page of two messages in one row, for a screenshot."""
    (first, in_slack), (second, in_slack_too) = shown
    phones = [
        _phone("email light", _email(first)),
        _phone("slack dark", _slack(in_slack)),
        _phone("email dark", _email(second)),
        _phone("slack light", _slack(in_slack_too)),
    ]
    return _document(f'<main class="row">{"".join(phones)}</main>')


def _document(body: str) -> str:
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{TITLE}</title>
<style>
{STYLE.read_text("utf-8")}</style>
{body}
</html>
"""


def _article(name: str, shown: Shown) -> str:
    message, payload = shown
    severity, outcome = (str(message.document[key]) for key in ("severity", "outcome"))
    phones = "\n".join(
        _phone(f"{kind} {scheme}", html)
        for kind, html in (("email", _email(message)), ("slack", _slack(payload)))
        for scheme in ("light", "dark")
    )
    pills = f'<span class="pill {severity}">{severity}</span> <span class="pill">{escape(outcome)}</span>'
    return f'<article id="{name}"><h2>{_words(name)} {pills}</h2><div class="row">\n{phones}\n</div></article>'


def _phone(classes: str, html: str) -> str:
    return f'<div class="phone {classes}">{html}</div>'


def _email(message: Message) -> str:
    return (
        f'<div class="subject">{escape(message.subject)}</div>'
        '<div class="from"><span class="face">N</span><span><b>Nodewarden</b><br>'
        "<small>no-reply@sns.amazonaws.com</small></span></div>"
        f'<div class="body">{escape(message.text)}\n\n<span class="footer">{escape(FOOTER)}</span></div>'
    )


def _slack(payload: Payload) -> str:
    blocks = "".join(_block(block) for block in payload["blocks"])
    return (
        '<div class="face">N</div><div class="post"><b>Nodewarden</b> <span class="app">APP</span> '
        f"<small>9:00 AM</small>{blocks}</div>"
    )


def _block(block: Mapping[str, Any]) -> str:
    match block["type"]:
        case "header":
            return f'<div class="title">{_dotted(block["text"]["text"])}</div>'
        case "section":
            return f'<div class="section">{"".join(_mrkdwn(block["text"]["text"]))}</div>'
        case "context":
            return f'<div class="small">{"".join(element["text"] for element in block["elements"])}</div>'
        case "actions":
            return f'<div class="buttons">{"".join(_button(element) for element in block["elements"])}</div>'
        case unknown:
            raise ValueError(unknown)


def _dotted(text: str) -> str:
    """Draw the icon of a severity, which not every machine has a letter for."""
    severity = next((severity for severity, icon in ICONS.items() if text.startswith(icon)), "")
    return f'<span class="dot {severity}"></span>{text.removeprefix(ICONS[severity])}' if severity else text


def _button(element: Mapping[str, Any]) -> str:
    return f'<span class="button {element.get("style", "")}">{escape(element["text"]["text"])}</span>'


def _mrkdwn(text: str) -> Iterator[str]:
    """Give mrkdwn as HTML: code between three ticks, and titles between asterisks; `&`, `<`, `>` are escaped in it already."""
    for index, part in enumerate(text.split("```")):
        if index % 2:
            yield f"<pre>{part}</pre>"
        else:
            yield re.sub(r"^\*(.+)\*$", r"<b>\1</b>", part.strip("\n"), flags=re.MULTILINE)


def _words(name: str) -> str:
    return name.replace("-", " ").capitalize()
