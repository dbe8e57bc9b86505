"""What the secret of Slack holds. Its values are never shown: not in errors, not in a repr."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeGuard

from nodewarden.errors import SlackSecretError
from nodewarden.slack.policy import API_HOST, WEBHOOK_HOST

if TYPE_CHECKING:
    from nodewarden.slack.policy import SlackPolicy

KEYS = frozenset({"webhook_url", "bot_token", "channel", "signing_secret", "api_url"})
API_URL = f"https://{API_HOST}/api/"
TOKEN = re.compile(r"xox[a-z.]*-[A-Za-z0-9.-]{1,500}")
CHANNEL = re.compile(r"[CGD][A-Z0-9]{2,20}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackSecret:
    """An incoming webhook, or a bot's token with the id of its channel; with a signing secret, buttons too."""

    webhook_url: str = field(default="", repr=False)
    bot_token: str = field(default="", repr=False)
    channel: str = ""
    signing_secret: str = field(default="", repr=False)
    api_url: str = API_URL

    @property
    def interactive(self) -> bool:
        """Whether messages get buttons: a press of one can be verified, and the app that gets it is ours."""
        return bool(self.bot_token and self.signing_secret)


def read(text: str, policy: SlackPolicy) -> SlackSecret:
    """Read the secret's JSON object of texts; raises SlackSecretError, which never cites a value.

    `{"webhook_url"}`, or `{"bot_token", "channel"}`, the latter with `signing_secret` for buttons, and with `api_url` where
    Slack is not at https://slack.com/api/.
    """
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not _is_texts(values):
        what = f"must be a JSON object of texts with no other keys than {', '.join(sorted(KEYS))}"
    else:
        secret = SlackSecret(**values)
        what = _mistake(secret, policy)
        if not what:
            return secret
    message = f"the secret of SlackSecretArn {what}: put a corrected one into Secrets Manager"
    raise SlackSecretError(message)


def _is_texts(values: object) -> TypeGuard[dict[str, str]]:
    return (
        isinstance(values, dict) and values.keys() <= KEYS and all(isinstance(value, str) for value in values.values())
    )


def _mistake(secret: SlackSecret, policy: SlackPolicy) -> str:
    """Say what is wrong with the secret, without a word of it; empty where nothing is."""
    if bool(secret.webhook_url) is bool(secret.bot_token):
        return "must have either webhook_url, or bot_token and channel"
    if secret.webhook_url:
        trusted = policy.trusts(secret.webhook_url, WEBHOOK_HOST)
        return "" if trusted else f"webhook_url must be https, on {WEBHOOK_HOST} or a host that slack.toml lists"
    if not TOKEN.fullmatch(secret.bot_token):
        return "bot_token must be a token of Slack, such as xoxb-…"
    if not CHANNEL.fullmatch(secret.channel):
        return "channel must be the channel's id, such as C012AB3CD (channel, View channel details)"
    trusted = policy.trusts(secret.api_url, API_HOST)
    return "" if trusted else f"api_url must be https, on {API_HOST} or a host that slack.toml lists"
