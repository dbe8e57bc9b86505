"""What arrives from the topic, as the document that is posted: a notice of ours, an alarm, or anybody's words."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

type Document = Mapping[str, Any]

ALARM_SEVERITIES = {"ALARM": "critical", "OK": "info"}


def change_id(document: Document, message_id: str) -> str:
    """Name a change: by our own name for it, so that a notice published twice is one; else by the message's id.

    Somebody else's words may be the same twice and mean two things: a backup that failed on two days.
    """
    change = document.get("change")
    named = f"change {change}" if isinstance(change, str) and change else f"message {message_id}"
    return hashlib.sha256(named.encode("utf-8", "replace")).hexdigest()[:32]


def read(subject: str | None, body: str) -> Document:
    """Give the document of a message: `subject`, `sections`, and what else our notices have; whatever it is, its words."""
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        values = None
    if isinstance(values, dict) and _is_notice(values):
        return values
    if isinstance(values, dict) and "AlarmName" in values:
        return _alarm(values)
    said = [(str(key), [str(value)]) for key, value in values.items()] if isinstance(values, dict) else []
    return _words(subject or "A message on the topic", said or [("What", [body])])


def _is_notice(values: Mapping[str, Any]) -> bool:
    """Tell whether a document has the form of our notices: sections of a title and lines, each a kind and its words."""
    sections, outcome = values.get("sections"), values.get("outcome", "")
    return (
        isinstance(outcome, str) and isinstance(sections, list) and bool(sections) and all(map(_is_section, sections))
    )


def _is_section(section: object) -> bool:
    if not isinstance(section, dict) or not isinstance(section.get("title"), str):
        return False
    lines = section.get("lines")
    return isinstance(lines, list) and all(
        isinstance(line, dict) and all(isinstance(words, str) for words in line.values()) for line in lines
    )


def _alarm(alarm: Mapping[str, Any]) -> Document:
    """Word a change of an alarm's state (CloudWatch's own JSON)."""
    state, name = str(alarm.get("NewStateValue", "")), str(alarm["AlarmName"])
    sections = [
        ("What", [str(alarm.get("AlarmDescription") or "the alarm changed its state")]),
        ("Why", [str(alarm.get("NewStateReason", ""))]),
        ("Where", [f"account {alarm.get('AWSAccountId', '')}, {alarm.get('Region', '')}"]),
    ]
    words = _words(f"{state}: {name}", sections)
    return {**words, "kind": "alarm", "severity": ALARM_SEVERITIES.get(state, "high"), "outcome": state}


def _words(subject: str, sections: list[tuple[str, list[str]]]) -> Document:
    laid_out = [{"title": title, "lines": [{"text": line} for line in lines if line]} for title, lines in sections]
    return {"subject": subject, "sections": laid_out}
