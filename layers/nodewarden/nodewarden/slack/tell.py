"""Posting one message of the topic to Slack: once a change, as far as Slack lets us know."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nodewarden.errors import SlackBusyError, SlackRefusedError
from nodewarden.slack.document import change_id, read
from nodewarden.slack.ledger import Posting
from nodewarden.slack.render import in_words, render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nodewarden.slack.client import Sender
    from nodewarden.slack.document import Document
    from nodewarden.slack.secret import SlackSecret
    from nodewarden.slack.wiring import SlackWiring


def tell(notification: Mapping[str, Any], wired: SlackWiring, sender: Sender, run: str) -> str:
    """Post one message (`Sns` of a record); says what became of it: `posted`, `posted before`, or `posted in words`.

    Written down before and after. A crash, or an answer that is lost, in between posts it twice rather than not at all:
    Slack has no way to say that a message is the same as one before.
    """
    document, ledger = read(notification.get("Subject"), str(notification["Message"])), wired.ledger
    change = change_id(document, str(notification["MessageId"]))
    match ledger.begin(change, run, _now()):
        case Posting.DONE:
            return "posted before"
        case Posting.SOMEBODY_ELSES:
            message = f"another run is posting change {change}, or died while it was: this one is tried again"
            raise SlackBusyError(message)
    said = _post(document, change, wired, sender)
    ledger.posted(change, _now())
    return said


def _post(document: Document, change: str, wired: SlackWiring, sender: Sender) -> str:
    """Post with the secret as it is remembered, and once more where it was replaced meanwhile."""
    secret = wired.secret()
    try:
        return _post_as(secret, document, change, sender)
    except SlackRefusedError as error:
        fresh = wired.secret(fresh=True) if error.stale else secret
        if fresh == secret:
            raise
        return _post_as(fresh, document, change, sender)


def _post_as(secret: SlackSecret, document: Document, change: str, sender: Sender) -> str:
    try:
        sender.post(secret, render(document, change, interactive=secret.interactive))
    except SlackRefusedError as error:
        if not error.blocks:
            raise
        sender.post(secret, in_words(document))
        return "posted in words"
    return "posted"


def _now() -> datetime:
    return datetime.now(UTC)
