"""Sending to Slack, over TLS to a Slack on this machine: what is waited for, what is refused, and what to do then."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from local.fake_slack import BROKEN, CHANNEL, LOST, SILENT, TOKEN, WEBHOOK_PATH, Fault, Slack
from nodewarden.errors import SlackRefusedError, SlackUnavailableError
from nodewarden.slack.client import WAITS, Sender
from nodewarden.slack.secret import SlackSecret

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAYLOAD = {"text": "words"}


@dataclass
class Clock:
    """Time that passes by waiting only."""

    left: float = 600
    waited: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.left -= seconds


@pytest.fixture(name="slack")
def _slack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slack]:
    with Slack(tmp_path) as slack:
        monkeypatch.setenv("SSL_CERT_FILE", str(slack.certificate))
        yield slack


def sender(clock: Clock, patience: int = 10) -> Sender:
    return Sender(seconds_left=lambda: clock.left, sleep=clock.sleep, patience=patience)


def secrets(slack: Slack) -> dict[str, SlackSecret]:
    return {"bot": SlackSecret(**slack.bot), "webhook": SlackSecret(webhook_url=slack.webhook_url)}


@pytest.mark.parametrize("how", ["bot", "webhook"])
def test_a_message_arrives(slack: Slack, how: str) -> None:
    sender(Clock()).post(secrets(slack)[how], PAYLOAD)

    assert [message.text for message in slack.messages] == ["words"]


@pytest.mark.parametrize("how", ["bot", "webhook"])
@pytest.mark.parametrize("asked", [0, 7])
def test_429_is_waited_for_as_long_as_slack_asks(slack: Slack, how: str, asked: int) -> None:
    clock = Clock()
    slack.fail(Fault(status=429, body="ratelimited", headers={"Retry-After": str(asked)}))

    sender(clock).post(secrets(slack)[how], PAYLOAD)

    assert clock.waited == [asked]
    assert len(slack.messages) == 1


@pytest.mark.parametrize("how", ["bot", "webhook"])
@pytest.mark.parametrize("fault", [BROKEN, Fault(status=503), Fault(), Fault(status=429, body="ratelimited")])
def test_what_passes_is_tried_again_after_longer_and_longer_waits(slack: Slack, how: str, fault: Fault) -> None:
    clock = Clock()
    slack.fail(fault, fault)

    sender(clock).post(secrets(slack)[how], PAYLOAD)

    assert clock.waited == [*WAITS[:2]]
    assert len(slack.messages) == 1


@pytest.mark.parametrize("how", ["bot", "webhook"])
def test_a_slack_that_does_not_answer_is_not_waited_for_without_end(slack: Slack, how: str) -> None:
    slack.fail(SILENT)

    sender(Clock(), patience=1).post(secrets(slack)[how], PAYLOAD)

    assert len(slack.messages) == 1


def test_an_answer_that_is_lost_is_the_one_way_to_a_message_twice(slack: Slack) -> None:
    slack.fail(LOST)

    sender(Clock()).post(secrets(slack)["bot"], PAYLOAD)

    assert len(slack.messages) == 2


@pytest.mark.parametrize("left", [0, 5, 16])
def test_nothing_is_waited_for_beyond_the_time_that_is_left(slack: Slack, left: float) -> None:
    clock = Clock(left=left)
    slack.fail(Fault(status=429, body="ratelimited", headers={"Retry-After": "7"}))

    with pytest.raises(SlackUnavailableError, match="HTTP 429: ratelimited"):
        sender(clock).post(secrets(slack)["webhook"], PAYLOAD)

    assert clock.waited == []


def test_a_slack_that_is_down_is_given_up_on_and_says_so(slack: Slack) -> None:
    clock = Clock()
    slack.fail(*[BROKEN] * 5)

    with pytest.raises(SlackUnavailableError, match=r"slack-status\.com"):
        sender(clock).post(secrets(slack)["webhook"], PAYLOAD)

    assert clock.waited == [*WAITS]


REFUSED: dict[str, tuple[Fault, bool, bool, str]] = {
    "403": (Fault(status=403, body="invalid_token"), True, False, "put a valid token"),
    "404": (Fault(status=404, body="no_service"), True, False, "put a valid token"),
    "401": (Fault(status=401, body=""), True, False, "put a valid token"),
    "archived": (Fault(status=410, body="channel_is_archived"), True, False, "put a valid token"),
    "blocks": (Fault(status=400, body="invalid_blocks"), False, True, "docs.slack.dev"),
    "anything": (Fault(status=400, body="invalid_payload"), False, False, "docs.slack.dev"),
}


@pytest.mark.parametrize(("fault", "stale", "blocks", "advice"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_not_tried_again_and_says_what_to_do(
    slack: Slack, fault: Fault, advice: str, *, stale: bool, blocks: bool
) -> None:
    clock = Clock()
    slack.fail(fault)

    with pytest.raises(SlackRefusedError, match=advice) as raised:
        sender(clock).post(secrets(slack)["webhook"], PAYLOAD)

    assert (raised.value.stale, raised.value.blocks) == (stale, blocks)
    assert WEBHOOK_PATH not in str(raised.value)
    assert clock.waited == []


@pytest.mark.parametrize(
    ("code", "stale"),
    [("invalid_auth", True), ("not_in_channel", True), ("invalid_blocks", False), ("missing_scope", False)],
)
def test_what_the_web_api_refuses_is_told_by_its_own_word(slack: Slack, code: str, *, stale: bool) -> None:
    slack.fail(Fault(status=400, body=code))

    with pytest.raises(SlackRefusedError, match=code) as raised:
        sender(Clock()).post(secrets(slack)["bot"], PAYLOAD)

    assert raised.value.stale is stale
    assert TOKEN not in str(raised.value)


@pytest.mark.parametrize("how", ["bot", "webhook"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_neither_token_nor_message_goes_after_it(slack: Slack, how: str, status: int) -> None:
    slack.fail(Fault(status=status, headers={"Location": f"https://{slack.address}/elsewhere"}, raw=True))

    with pytest.raises(SlackRefusedError, match=f"HTTP {status}"):
        sender(Clock()).post(secrets(slack)[how], PAYLOAD)

    assert [status for _, status in slack.requests] == [status]


ODD: dict[str, tuple[str, dict[str, str]]] = {
    "a page": ("<html>maintenance</html>", {"Content-Type": "text/html"}),
    "nothing": ("", {}),
    "a list": ("[1]", {}),
    "a number": ("1", {}),
    "a text": ('"ok"', {}),
    "no text": ("\udcff\udcfe", {}),
    "a charset that there is not": ("{}", {"Content-Type": "text/plain; charset=nonsense"}),
    "an error that is no word": ('{"ok": false, "error": {"a": 1}}', {}),
    "nested too deep": ("[" * 100_000, {}),
    "ok that is not true": ('{"ok": "true"}', {}),
}


@pytest.mark.parametrize("how", ["bot", "webhook"])
@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("status", [200, 400])
def test_an_answer_that_slack_would_not_give_is_not_taken_for_posted(
    slack: Slack, how: str, odd: str, status: int
) -> None:
    body, headers = ODD[odd]
    slack.fail(Fault(status=status, body=body, headers=headers, raw=True))

    with pytest.raises(SlackRefusedError, match=f"HTTP {status}: no word of Slack's"):
        sender(Clock()).post(secrets(slack)[how], PAYLOAD)


@pytest.mark.parametrize("how", ["bot", "webhook"])
@pytest.mark.parametrize("odd", ODD)
def test_an_odd_answer_of_a_slack_that_fails_is_waited_for_as_any_other(slack: Slack, how: str, odd: str) -> None:
    body, headers = ODD[odd]
    slack.fail(Fault(status=503, body=body, headers=headers, raw=True))

    sender(Clock()).post(secrets(slack)[how], PAYLOAD)

    assert len(slack.messages) == 1


@pytest.mark.parametrize("body", ["ok", "ok\n", '{"ok":true}'])
def test_a_response_url_says_in_one_of_two_ways_that_it_has_the_message(slack: Slack, body: str) -> None:
    slack.fail(Fault(status=200, body=body))

    sender(Clock()).post(secrets(slack)["webhook"], PAYLOAD)

    assert len(slack.requests) == 1


def test_a_wait_that_nobody_could_wait_is_not_waited(slack: Slack) -> None:
    clock = Clock()
    slack.fail(Fault(status=429, headers={"Retry-After": "9" * 400}))

    with pytest.raises(SlackUnavailableError, match="HTTP 429"):
        sender(clock).post(secrets(slack)["webhook"], PAYLOAD)

    assert clock.waited == []


@pytest.mark.parametrize("how", ["bot", "webhook"])
def test_a_page_that_repeats_the_address_or_the_token_puts_neither_into_the_error(slack: Slack, how: str) -> None:
    page = f"<html>404 Not Found: {WEBHOOK_PATH} was not found for {TOKEN}</html>"
    slack.fail(Fault(status=404, body=page, raw=True))

    with pytest.raises(SlackRefusedError, match="HTTP 404") as raised:
        sender(Clock()).post(secrets(slack)[how], PAYLOAD)

    assert raised.value.stale
    assert WEBHOOK_PATH not in str(raised.value)
    assert TOKEN not in str(raised.value)


def test_a_certificate_that_nobody_signed_is_not_spoken_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with Slack(tmp_path) as slack, pytest.raises(SlackUnavailableError, match="SSLCertVerificationError"):
        sender(Clock(left=1)).post(secrets(slack)["bot"], PAYLOAD)

    assert slack.messages == []


def test_a_bots_message_goes_to_its_channel_without_previews_of_links(slack: Slack) -> None:
    sender(Clock()).post(secrets(slack)["bot"], PAYLOAD)

    assert slack.payloads == [
        {
            "channel": CHANNEL,
            "unfurl_links": False,
            "unfurl_media": False,
            "parse": "none",
            "link_names": False,
            "text": "words",
        }
    ]
