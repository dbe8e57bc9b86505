"""A message, and how its parts are laid out. No AWS, no clock."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from nodewarden.security_group.event import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nodewarden.record import Place

LONGEST_SUBJECT = 99  # SNS takes less than 100 characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message for every kind of listener: `text` for email, `document` for machines, `chat` for Amazon Q."""

    subject: str
    text: str
    document: dict[str, Any]
    attributes: dict[str, str]

    def bodies(self) -> str:
        """Give the bodies per protocol, as SNS takes them with MessageStructure json."""
        document, chat = _json(self.document), _json(self._chat())
        return _json({"default": document, "email": self.text, "https": chat})

    def _chat(self) -> dict[str, Any]:
        """Give Amazon Q Developer's custom notification (version 1.0, source custom)."""
        content = {"textType": "client-markdown", "title": _plain(self.subject), "description": _plain(self.text)}
        return {"version": "1.0", "source": "custom", "content": content}


def subject(words: str) -> str:
    """Make a subject: one printable line of less than 100 characters."""
    printable = "".join(c for c in words if c.isprintable())
    return printable if len(printable) <= LONGEST_SUBJECT else printable[: LONGEST_SUBJECT - 1] + "…"


def text(sections: Iterable[tuple[str, str | list[str]]]) -> str:
    """Lay out the named sections, one below the other; those without words are left out, a list is one line each."""
    return "\n".join(f"{name + ':':<10}{_section(words)}" for name, words in sections if words)


def lasting(duration: timedelta) -> str:
    """Say a duration by its two largest parts.

    >>> lasting(timedelta(days=1, hours=2, minutes=3)), lasting(timedelta(minutes=20)), lasting(timedelta())
    ('1 day 2 hours', '20 minutes', '0 minutes')
    """
    minutes = round(duration / timedelta(minutes=1))
    parts = ((minutes // 1440, "day"), (minutes // 60 % 24, "hour"), (minutes % 60, "minute"))
    said = [f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count]
    return " ".join(said[:2]) or "0 minutes"


def command(function: str, request: dict[str, str], place: Place | None, stack: str) -> str:
    """Give the command that sends a request to a deployed function."""
    where = {"account": place.account, "region": place.region} if place else {}
    event = json.dumps(request | where, ensure_ascii=False).replace(
        "'", "\\u0027"
    )  # it stands between quotes of a shell
    return f"sam remote invoke {function} --stack-name {stack} --event '{event}'"


def _json(value: object) -> str:
    """Write JSON without escapes for letters beyond ASCII: nested as here, each would take seven bytes."""
    return json.dumps(value, ensure_ascii=False)


def _section(words: str | list[str]) -> str:
    return f"\n{'':10}".join(map(one_line, words)) if isinstance(words, list) else one_line(words)


def _plain(text: str) -> str:
    """Escape what a chat would take for a link or a mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
