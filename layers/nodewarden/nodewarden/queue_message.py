"""The messages of a queue, each with an event of EventBridge as its body."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nodewarden.errors import EventError

if TYPE_CHECKING:
    from collections.abc import Mapping


def event_of(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read the event in a message of the queue; raises EventError where there is none."""
    try:
        event = json.loads(message["body"])
    except (ValueError, RecursionError) as error:
        what = f"the queue's message {message['messageId']} is not JSON: {error}"
        raise EventError(what) from error
    if not isinstance(event, dict):
        what = f"the queue's message {message['messageId']} is not an event"
        raise EventError(what)
    return event
