"""The secret of Slack: read strictly, and never shown."""

from __future__ import annotations

import json
import traceback
from typing import Any

import pytest

from nodewarden.errors import SlackSecretError
from nodewarden.slack.policy import SlackPolicy
from nodewarden.slack.secret import API_URL, SlackSecret, read

WEBHOOK = "https://hooks.slack.com/services/T012AB3CD/B012AB3CD/hush"
TOKEN = "xoxb-012345678901-hush"
BOT = {"bot_token": TOKEN, "channel": "C012AB3CD"}
POLICY = SlackPolicy(hosts=frozenset({"hooks.slack-gov.com"}), users={})


def test_a_webhook_is_read_and_has_no_buttons() -> None:
    secret = read(json.dumps({"webhook_url": WEBHOOK}), POLICY)

    assert secret == SlackSecret(webhook_url=WEBHOOK)
    assert not secret.interactive


@pytest.mark.parametrize(("more", "interactive"), [({}, False), ({"signing_secret": "hush"}, True)])
def test_a_bot_has_buttons_with_a_signing_secret_only(more: dict[str, str], *, interactive: bool) -> None:
    secret = read(json.dumps(BOT | more), POLICY)

    assert secret.interactive is interactive
    assert secret.api_url == API_URL == "https://slack.com/api/"


WRONG: dict[str, Any] = {
    "nothing": {},
    "a list": [TOKEN],
    "a text": TOKEN,
    "both": BOT | {"webhook_url": WEBHOOK},
    "a number": {"webhook_url": 7},
    "another key": BOT | {"hush": "hush"},
    "no channel": {"bot_token": TOKEN},
    "a channel's name": BOT | {"channel": "#general-hush"},
    "no token": BOT | {"bot_token": "hush"},
    "a token with a line break": BOT | {"bot_token": TOKEN + "\nhush"},
    "a webhook without TLS": {"webhook_url": WEBHOOK.replace("https", "http")},
    "a webhook on another host": {"webhook_url": "https://example.com/hush"},
    "a webhook on another port": {"webhook_url": "https://hooks.slack.com:8443/hush"},
    "a webhook with a user": {"webhook_url": "https://hush@hooks.slack.com/services"},
    "a webhook with a backslash": {"webhook_url": "https://example.com\\@hooks.slack.com/hush"},
    "a webhook with a line break": {"webhook_url": "https://hooks.slack.com/\nhush"},
    "a webhook of no form": {"webhook_url": "https://[hush"},
    "an API on another host": BOT | {"api_url": "https://example.com/hush/"},
}


@pytest.mark.parametrize("values", WRONG.values(), ids=WRONG)
def test_a_wrong_secret_says_what_to_do_and_nothing_that_it_holds(values: Any) -> None:
    with pytest.raises(SlackSecretError, match="put a corrected one into Secrets Manager") as raised:
        read(json.dumps(values), POLICY)

    said = "".join(traceback.format_exception(raised.value))
    assert TOKEN not in said
    assert "hush" not in said.replace(str(__file__), "").split("SlackSecretError: ")[1]


def test_a_secret_that_is_not_json_is_not_shown() -> None:
    with pytest.raises(SlackSecretError) as raised:
        read("hush {", POLICY)

    assert "hush" not in str(raised.value)
    assert raised.value.__context__ is None


def test_a_secret_hides_what_is_secret_when_it_is_written_out() -> None:
    secret = read(json.dumps(BOT | {"signing_secret": "hush"}), POLICY)

    assert TOKEN not in repr(secret)
    assert "hush" not in repr(secret)
