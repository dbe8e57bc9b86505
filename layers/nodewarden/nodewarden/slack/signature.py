"""Whether a request comes from Slack: signature v0 over the raw body (https://docs.slack.dev, Verifying requests)."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

OLDEST = 300  # seconds, of either side of now
DIGITS = 12  # of a timestamp, and more than that is none
VERSION = "v0"
SIGNATURE = re.compile(rf"{VERSION}=[0-9a-f]{{64}}")


def refusal_unread(timestamp: str, signature: str, *, now: datetime) -> str:
    """Say why a request cannot be Slack's whatever it is signed with; empty where it can.

    `timestamp` and `signature` are the headers X-Slack-Request-Timestamp (seconds since 1970) and X-Slack-Signature.
    """
    if not timestamp.isascii() or not timestamp.isdecimal() or len(timestamp) > DIGITS:
        return "without a timestamp"
    if abs(now.timestamp() - int(timestamp)) > OLDEST:
        return "too old, or from the future"
    return "" if SIGNATURE.fullmatch(signature) else "without a signature"


def refusal(body: bytes, timestamp: str, signature: str, *, secret: str, now: datetime) -> str:
    """Say why a request is not taken for Slack's; empty where it is."""
    if why := refusal_unread(timestamp, signature, now=now):
        return why
    expected = sign(body, timestamp, secret)
    if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
        return "signed with another secret, or changed on its way"
    return ""


def sign(body: bytes, timestamp: str, secret: str) -> str:
    """Give the signature that Slack gives a body at a time."""
    signed = f"{VERSION}:{timestamp}:".encode() + body
    return f"{VERSION}={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"
