"""What arrives from the topic, as the document that is posted: a notice of ours, an alarm, or anybody's words."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

type Document = Mapping[str, Any]

ALARM_SEVERITIES = {"ALARM": "critical", "OK": "info"}


def change_id(body: str) -> str:
    """Name a change by what is said of it: published twice, the same words are still one change."""
    return hashlib.sha256(body.encode("utf-8", "replace")).hexdigest()[:32]


def read(subject: str | None, body: str) -> Document:
    """Give the document of a message: `subject`, `sections`, and what else our notices have."""
    try:
        values = json.loads(body)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        return _words(subject or "A message on the topic", [("What", [body])])
    if isinstance(values.get("sections"), list):
        return values
    if "AlarmName" in values:
        return _alarm(values)
    return _words(subject or "A message on the topic", [(str(key), [str(value)]) for key, value in values.items()])


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
