"""Slack's signature: ours is what Slack's own library makes, and nothing else passes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.signature import SignatureVerifier

from nodewarden.slack.signature import refusal, sign
from tests.unit.builders import NOW

SECRET = "0123456789abcdef"
STAMP = str(int(NOW.timestamp()))


@given(st.text(), st.integers(0, 10**11))
def test_a_signature_is_as_slacks_own_library_makes_it(body: str, at: int) -> None:
    raw = body.encode("utf-8", "replace")

    assert sign(raw, str(at), SECRET) == SignatureVerifier(SECRET).generate_signature(timestamp=str(at), body=raw)


@given(st.binary())
def test_what_is_signed_passes_and_a_changed_body_does_not(body: bytes) -> None:
    signature = sign(body, STAMP, SECRET)

    assert refusal(body, STAMP, signature, secret=SECRET, now=NOW) == ""
    assert refusal(body + b" ", STAMP, signature, secret=SECRET, now=NOW)


@pytest.mark.parametrize(("seconds", "passes"), [(0, True), (300, True), (-300, True), (301, False), (-301, False)])
def test_five_minutes_are_the_limit_to_either_side(seconds: int, *, passes: bool) -> None:
    refused = refusal(b"", STAMP, sign(b"", STAMP, SECRET), secret=SECRET, now=NOW + timedelta(seconds=seconds))

    assert (refused == "") is passes


@given(st.text(), st.text())
def test_whatever_is_in_the_headers_is_refused(timestamp: str, signature: str) -> None:
    assert refusal(b"body", timestamp, signature, secret=SECRET, now=NOW)


@pytest.mark.parametrize("timestamp", ["", "-1", "1e9", "٣", "²", "1" * 13, "0x10", " 1", "1 "])
def test_a_time_that_is_no_number_of_seconds_is_refused(timestamp: str) -> None:
    signature = sign(b"", timestamp, SECRET)

    assert refusal(b"", timestamp, signature, secret=SECRET, now=NOW) == "without a timestamp"
