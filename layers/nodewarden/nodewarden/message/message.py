"""A message, and how its parts are laid out. No AWS, no clock."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from nodewarden.security_group.event import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nodewarden.record import Place

LONGEST_SUBJECT = 99  # SNS takes less than 100 characters
TO_FILL_IN = {"reason": "…", "by": "…"}  # in a command that a message suggests
WIDTH = 46  # characters that a phone shows side by side


class Command(str):
    """A line that is to be run as it stands: it has a line of its own, however long it is."""

    __slots__ = ()


# Each with its title; one text is a paragraph, several are a list. What has no words is left out.
type Sections = Sequence[tuple[str, str | list[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message for every kind of listener: its sections for people, `document` for machines.

    `attributes` are what subscriptions filter by; one with several values matches by any of them.
    """

    subject: str
    sections: Sections
    document: dict[str, Any]
    attributes: Mapping[str, str | list[str]]

    @property
    def text(self) -> str:
        """The body for email."""
        return text(self.sections)

    def bodies(self) -> str:
        """Give the bodies per protocol, as SNS takes them with MessageStructure json.

        The document has the words too, for those that lay them out anew: `subject`, and `sections` with `title` and `lines`,
        each of which has either `text` or `command`.
        """
        words = {"subject": self.subject, "sections": [*_documents(self.sections)]}
        return _json({"default": _json(self.document | words), "email": self.text, "https": _json(self._chat())})

    def _chat(self) -> dict[str, Any]:
        """Give Amazon Q Developer's custom notification (version 1.0, source custom)."""
        words = "\n".join(_chat_lines(self.sections))
        content = {"textType": "client-markdown", "title": _plain(self.subject), "description": words}
        return {"version": "1.0", "source": "custom", "content": content}


def subject(words: str) -> str:
    """Make a subject: one printable line of less than 100 characters."""
    printable = "".join(c for c in words if c.isprintable())
    return printable if len(printable) <= LONGEST_SUBJECT else printable[: LONGEST_SUBJECT - 1] + "…"


def text(sections: Sections) -> str:
    """Lay out the sections for a phone: short lines, titles and commands at their beginning.

    >>> print(text([("What", ["tcp/22 from ::/0", "tcp/80 from ::/0"]), ("Undo", Command("sam remote …")), ("Note", "")]))
    WHAT
      - tcp/22 from ::/0
      - tcp/80 from ::/0
    <BLANKLINE>
    UNDO
    sam remote …
    """
    return "\n\n".join("\n".join([title.upper(), *_laid_out(words)]) for title, words in sections if words)


def lasting(duration: timedelta) -> str:
    """Say a duration by its two largest parts.

    >>> lasting(timedelta(days=1, hours=2, minutes=3)), lasting(timedelta(minutes=20)), lasting(timedelta())
    ('1 day 2 hours', '20 minutes', '0 minutes')
    """
    minutes = round(duration / timedelta(minutes=1))
    parts = ((minutes // 1440, "day"), (minutes // 60 % 24, "hour"), (minutes % 60, "minute"))
    said = [f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count]
    return " ".join(said[:2]) or "0 minutes"


def command(function: str, request: dict[str, str], place: Place | None, stack: str) -> Command:
    """Give the command that sends a request to a deployed function."""
    where = {"account": place.account, "region": place.region} if place else {}
    event = _json(request | where).replace("'", "\\u0027")  # it stands between the quotes of a shell
    return Command(one_line(f"sam remote invoke {function} --stack-name {stack} --event '{event}'"))


def _laid_out(words: str | list[str]) -> Iterator[str]:
    lines = [words] if isinstance(words, str) else words
    listed = sum(not isinstance(line, Command) for line in lines) > 1
    for line in lines:
        yield line if isinstance(line, Command) else _wrapped(one_line(line), listed=listed)


def _wrapped(line: str, *, listed: bool) -> str:
    """Break a line between words; a line of a list gets its dash, one that has it already belongs to the line before.

    All is indented, so that whoever writes a name or a tag cannot have it broken into what looks like a title or a command.
    """
    inner = listed and line.startswith("- ")
    first = "  - " if listed and not inner else "    " if inner else "  "
    then = " " * (len(first) + 2 * inner)
    return textwrap.fill(
        line, WIDTH, initial_indent=first, subsequent_indent=then, break_long_words=False, break_on_hyphens=False
    )


def _documents(sections: Sections) -> Iterator[dict[str, Any]]:
    for title, words in sections:
        if words:
            lines = [words] if isinstance(words, str) else words
            yield {"title": title, "lines": [{_kind(line): one_line(line)} for line in lines]}


def _chat_lines(sections: Sections) -> Iterator[str]:
    for section in _documents(sections):
        yield f"{section['title']}:"
        yield from (_plain(words) for line in section["lines"] for words in line.values())


def _kind(line: str) -> str:
    return "command" if isinstance(line, Command) else "text"


def _json(value: object) -> str:
    """Write JSON without escapes for letters beyond ASCII: nested as here, each would take seven bytes."""
    return json.dumps(value, ensure_ascii=False)


def _plain(text: str) -> str:
    """Escape what a chat would take for a link or a mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
