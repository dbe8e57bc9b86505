"""Whether a request of the function URL is the press of a button, sent by Slack."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from nodewarden.errors import PressError, SlackSecretError
from nodewarden.slack.press import read_body, read_press
from nodewarden.slack.signature import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nodewarden.slack.press import Press
    from nodewarden.slack.wiring import SlackWiring

# A signature that does not fit makes us read the secret again, as it may have been replaced; but forged ones no more often.
READ_AGAIN = timedelta(minutes=1)


def verified(event: Mapping[str, Any], wired: SlackWiring) -> Press:
    """Give the press that a request is; raises PressError where Slack did not sign it, or it is none."""
    body, now = read_body(event), datetime.now(UTC)
    headers = {str(name).lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    timestamp = headers.get("x-slack-request-timestamp", "")
    signature = headers.get("x-slack-signature", "")
    why = refusal(body, timestamp, signature, secret=_signing_secret(wired), now=now)
    if why and wired.secret_read_at and now - wired.secret_read_at > READ_AGAIN:
        why = refusal(body, timestamp, signature, secret=_signing_secret(wired, fresh=True), now=now)
    if why:
        message = f"a request {why}"
        raise PressError(message)
    return read_press(body, wired.policy)


def _signing_secret(wired: SlackWiring, *, fresh: bool = False) -> str:
    """Give the signing secret; raises SlackSecretError where there is none: an empty one would sign for everybody."""
    secret = wired.secret(fresh=fresh)
    if not secret.interactive:
        message = (
            "the secret of SlackSecretArn has no bot_token and signing_secret, so no button can be verified: add them"
        )
        raise SlackSecretError(message)
    return secret.signing_secret
