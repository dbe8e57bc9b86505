"""Sending to Slack: what it is busy with is waited for and sent again, what it refuses is an error that says what to do."""

from __future__ import annotations

import http.client
import json
import logging
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, override
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, build_opener

from slack_sdk.webhook import WebhookClient, WebhookResponse

from nodewarden.errors import SlackRefusedError, SlackUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from urllib.request import Request

    from nodewarden.slack.render import Payload
    from nodewarden.slack.secret import SlackSecret

OK = 200
TOO_MANY = 429
SERVER_ERROR = 500
SECONDS = 10  # that Slack may take for an answer
WAITS = (1.0, 2.0, 4.0, 8.0)  # seconds before each further try, where Slack does not say how long
MOST_BYTES = 1_000_000  # of an answer that are read: Slack's are far smaller
# What is Slack's own word for an error. Anything else, such as a page of a proxy, may repeat what was sent and where to.
CODE = re.compile(r"[a-z_]{1,60}")

# Errors of the Web API that pass by themselves (https://docs.slack.dev/reference/methods/chat.postMessage, Errors).
PASSING = frozenset(
    {"fatal_error", "internal_error", "rate_limited", "ratelimited", "request_timeout", "service_unavailable"}
)
# What a corrected secret would mend.
STALE_STATUSES = frozenset({401, 403, 404, 410})
STALE = frozenset(
    {
        "account_inactive",
        "channel_not_found",
        "invalid_auth",
        "is_archived",
        "not_authed",
        "not_in_channel",
        "token_expired",
        "token_revoked",
    }
)
BLOCKS_REFUSED = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})
UNREADABLE = "no word of Slack's"
ADVICE = {
    "channel_not_found": "invite the app to the channel, or correct channel in the secret",
    "not_in_channel": "invite the app to the channel",
    "is_archived": "put another channel into the secret",
    "missing_scope": "give the app the scope chat:write and install it again",
    "action_prohibited": "a workspace's admin restricts posting there",
}
SECRET_ADVICE = "put a valid token, or the URL of a webhook that there is, into the secret"  # noqa: S105 it is not one

# slack_sdk logs URLs and bodies; what went wrong is in our errors.
_silent = logging.getLogger("nodewarden.slack.silent")
_silent.setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: a status (0 for no answer at all), Slack's word for it, and for how long it asks to wait."""

    status: int
    code: str = ""
    wait: float | None = None

    @property
    def passes(self) -> bool:
        """Whether the same may be taken later."""
        return self.status in {0, TOO_MANY} or self.status >= SERVER_ERROR or self.code in PASSING


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Sends within the time that is left; `sleep` is how it waits, `patience` for how many seconds it does for an answer."""

    seconds_left: Callable[[], float]
    sleep: Callable[[float], None] = time.sleep
    patience: int = SECONDS

    def post(self, secret: SlackSecret, payload: Payload) -> None:
        """Post a message where the secret says; raises SlackRefusedError, SlackUnavailableError."""
        if secret.webhook_url:
            self.respond(secret.webhook_url, payload)
        else:
            self._send(lambda: _call(secret, payload, self.patience))

    def respond(self, url: str, payload: Payload) -> None:
        """Send to a webhook or a response URL; raises SlackRefusedError, SlackUnavailableError."""
        self._send(lambda: _hook(url, payload, self.patience))

    def _send(self, send: Callable[[], Answer]) -> None:
        for wait in (*WAITS, None):
            answer = send()
            if answer.passes and wait is not None and self._waited(answer.wait, wait):
                continue
            if answer.status == OK and not answer.code:
                return
            raise _failure(answer)

    def _waited(self, asked: float | None, otherwise: float) -> bool:
        """Wait, unless there would be no time left to send."""
        seconds = otherwise if asked is None else asked
        if seconds + self.patience > self.seconds_left():
            return False
        self.sleep(seconds)
        return True


class _NoRedirects(HTTPRedirectHandler):
    """Takes a redirect for the answer: what is followed gets the token and the message, wherever it is."""

    @override
    def redirect_request(self, *_: Any) -> None:
        """Give no request to follow up with."""


class _Client(WebhookClient):
    """slack_sdk's client that sends JSON, but it stays where it was sent, and reads whatever comes back as text."""

    @override
    def _perform_http_request_internal(self, url: str, req: Request) -> WebhookResponse:
        try:
            answer = build_opener(_NoRedirects).open(req, timeout=self.timeout)
        except HTTPError as error:
            answer = error
        with answer:
            body = answer.read(MOST_BYTES).decode("utf-8", "replace")
        return WebhookResponse(url=url, status_code=answer.status, body=body, headers=dict(answer.headers.items()))


def _call(secret: SlackSecret, payload: Payload, patience: int) -> Answer:
    """Call `chat.postMessage`, which says what it refuses in JSON, mostly with status 200."""
    quiet = {"unfurl_links": False, "unfurl_media": False, "parse": "none", "link_names": False}
    headers = {"Authorization": f"Bearer {secret.bot_token}"}
    url, body = f"{secret.api_url}chat.postMessage", {"channel": secret.channel, **quiet, **payload}
    return _sent(_Client(url, timeout=patience, default_headers=headers, logger=_silent, retry_handlers=[]), body)


def _hook(url: str, payload: Payload, patience: int) -> Answer:
    """Send to a webhook or a response URL, which answer a word."""
    return _sent(_Client(url, timeout=patience, logger=_silent, retry_handlers=[]), payload, done="ok")


def _sent(client: _Client, body: Payload, *, done: str = "") -> Answer:
    """Send, and take for posted only what Slack says that it posted: `{"ok": true}`, or the word `done`."""
    try:
        response = client.send_dict(body)
    except (URLError, OSError, http.client.HTTPException) as error:
        return _no_answer(error)
    status, said = response.status_code, response.body.strip()
    values = _object(said)
    if status == OK and (values.get("ok") is True or (done and said == done)):
        return Answer(status=OK)
    code = str(values.get("error")) if values else said
    return Answer(status=status, code=code if CODE.fullmatch(code) else UNREADABLE, wait=_wait(response.headers))


def _object(text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def _no_answer(error: Exception) -> Answer:
    """Name what kept Slack from answering, but not what was sent or where to."""
    reason = error.reason if isinstance(error, URLError) else error
    return Answer(status=0, code=reason if isinstance(reason, str) else type(reason).__name__)


def _wait(headers: Mapping[str, Any]) -> float | None:
    """Read the header Retry-After, in seconds."""
    said = next((str(value) for name, value in headers.items() if name.lower() == "retry-after"), "")
    return float(said) if said.isascii() and said.isdecimal() else None


def _failure(answer: Answer) -> SlackRefusedError | SlackUnavailableError:
    said = f"HTTP {answer.status}: {answer.code}" if answer.status else answer.code
    if answer.passes:
        return SlackUnavailableError(
            f"Slack did not take the message ({said}) within the time there was: it is tried again, and then kept in "
            "FailuresQueue; look at https://slack-status.com and send it again from there"
        )
    stale = answer.code in STALE or answer.status in STALE_STATUSES
    advice = SECRET_ADVICE if stale else "look the error up at https://docs.slack.dev"
    if answer.code == UNREADABLE and not stale:
        advice = "something else answered in Slack's place: look at the URL in the secret, and at what is in between"
    advice = ADVICE.get(answer.code, advice)
    refused = SlackRefusedError(f"Slack refuses the message ({said}): {advice}; then send it again from FailuresQueue")
    refused.stale, refused.blocks = stale, answer.code in BLOCKS_REFUSED
    return refused
