"""Whether a request of the function URL is the press of a button, sent by Slack.

Everybody can call it, so what is asked of AWS is bounded: nothing for what no secret could have signed, the secret at most
once a minute for what another secret signed.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from nodewarden.errors import PressError, SlackSecretError
from nodewarden.slack.press import read_body, read_press
from nodewarden.slack.signature import refusal, refusal_unread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nodewarden.slack.press import Press
    from nodewarden.slack.wiring import SlackWiring

# A signature that does not fit makes us read the secret again, as it may have been replaced; but forged ones no more often.
READ_AGAIN = timedelta(minutes=1)
# One that fits is believed by a secret that was read no longer ago than this: one that leaked and was replaced signs nothing.
BELIEVED = timedelta(minutes=5)


def verified(event: Mapping[str, Any], wired: SlackWiring) -> Press:
    """Give the press that a request is; raises PressError where Slack did not sign it, or it is none.

    Raises SlackSecretError or AwsError where that cannot be known.
    """
    body, now = read_body(event), datetime.now(UTC)
    timestamp, signature = (_header(event, name) for name in ("x-slack-request-timestamp", "x-slack-signature"))
    if why := refusal_unread(timestamp, signature, now=now) or _refusal(body, timestamp, signature, wired, now):
        message = f"a request {why}"
        raise PressError(message)
    return read_press(body, wired.policy)


def _header(event: Mapping[str, Any], name: str) -> str:
    headers = event.get("headers")
    found = headers.items() if isinstance(headers, dict) else ()
    return next((str(value) for key, value in found if str(key).lower() == name), "")


def _refusal(body: bytes, timestamp: str, signature: str, wired: SlackWiring, now: datetime) -> str:
    """Say why the signature is not Slack's, by the secret as it is remembered, or as it is now."""
    why = refusal(body, timestamp, signature, secret=_signing_secret(wired), now=now)
    if wired.secret_read_at and now - wired.secret_read_at > (READ_AGAIN if why else BELIEVED):
        return refusal(body, timestamp, signature, secret=_signing_secret(wired, fresh=True), now=now)
    return why


def _signing_secret(wired: SlackWiring, *, fresh: bool = False) -> str:
    """Give the signing secret; raises SlackSecretError where there is none: an empty one would sign for everybody."""
    secret = wired.secret(fresh=fresh, sparing=READ_AGAIN)
    if not secret.interactive:
        message = (
            "the secret of SlackSecretArn has no bot_token and signing_secret, so no button can be verified: add them"
        )
        raise SlackSecretError(message)
    return secret.signing_secret
