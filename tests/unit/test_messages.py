"""Every kind of message, kept as a file that a reviewer reads: tests/unit/messages/. `make messages` writes them anew."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from typing import get_args

import pytest

from local.samples import KEPT, STACK, changes, kept, messages
from nodewarden.message.compose import Change, compose
from nodewarden.message.inspector_finding import SAID, IncidentsChange
from nodewarden.message.message import LONGEST_SUBJECT, WIDTH, Command, Message, command, subject, text
from nodewarden.message.rollout import RolloutStep
from nodewarden.message.security_group import SILENT
from nodewarden.record import Outcome, Remediation
from nodewarden.rollout.state import HaltCause
from nodewarden.rollout.step import StepKind
from nodewarden.undo import undo
from nodewarden.verbs import operate
from tests.unit.builders import PLACE
from tests.unit.test_docs import ReachedError, Unwired

MESSAGES = messages()
# The titles of all messages, in their order.
ORDER = (
    *("What", "Worst", "Where", "Why", "Who", "Reopened", "When", "Took", "Done", "Code", "Stays", "Others", "Ending"),
    *("Events", "Failed", "Advice", "Next", "Undo", "Changes", "Evidence"),
)
EVERY = pytest.mark.parametrize("name", MESSAGES)


def commands(message: Message) -> list[list[str]]:
    """Give the commands that a message suggests, as a shell would take them apart."""
    lines = [line for _, words in message.sections for line in ([words] if isinstance(words, str) else words)]
    return [shlex.split(line) for line in lines if isinstance(line, Command)]


@EVERY
def test_the_message_is_as_it_is_kept(name: str) -> None:
    assert kept(MESSAGES[name]) == (KEPT / f"{name}.txt").read_text("utf-8"), (
        "look at it; if it is better: make messages"
    )


def test_no_message_is_kept_that_is_not_written_any_more() -> None:
    assert sorted(file.stem for file in KEPT.iterdir()) == sorted(MESSAGES)


def test_every_kind_of_change_and_every_outcome_has_its_message() -> None:
    shown = changes().values()

    assert {type(change) for change in shown} == {*get_args(Change.__value__)}
    assert {change.outcome for change in shown if isinstance(change, Remediation)} == {*Outcome} - SILENT
    assert {change.step.kind for change in shown if isinstance(change, RolloutStep)} == {*StepKind}
    assert {
        each.change.state for change in shown if isinstance(change, IncidentsChange) for each in change.changes
    } == SAID.keys()
    assert {
        change.rollout.halt.cause for change in shown if isinstance(change, RolloutStep) if change.rollout.halt
    } == {*HaltCause}


@EVERY
def test_no_line_needs_sideways_scrolling_but_a_command(name: str) -> None:
    lines = [line for line in MESSAGES[name].text.splitlines() if not line.startswith(("sam ", "aws "))]

    assert [line for line in lines if len(line) > WIDTH and " " in line.strip()] == []


@EVERY
def test_a_subject_is_one_line_that_sns_takes(name: str) -> None:
    assert 0 < len(MESSAGES[name].subject) <= LONGEST_SUBJECT
    assert MESSAGES[name].subject.isprintable()


@EVERY
def test_a_message_says_what_where_who_and_where_the_evidence_is_in_this_order(name: str) -> None:
    titles = [title for title, words in MESSAGES[name].sections if words]

    assert titles == [title for title in ORDER if title in titles]
    assert {"Evidence"} <= {*titles}
    assert {"What", "Where"} & {*titles}


@EVERY
def test_what_a_message_suggests_is_accepted_as_it_stands(name: str) -> None:
    for words in commands(MESSAGES[name]):
        if words[:3] == ["sam", "remote", "invoke"]:
            assert words[4:6] == ["--stack-name", STACK]
            with pytest.raises(ReachedError):
                (undo if words[3] == "UndoFunction" else operate)(json.loads(words[-1]), Unwired())  # type: ignore[arg-type]
        else:
            assert words[:3] == ["aws", "ec2", "revoke-security-group-ingress"] or words[:2] == ["aws", "inspector2"]


@EVERY
def test_the_document_has_the_words_for_those_that_lay_them_out_anew(name: str) -> None:
    document = json.loads(json.loads(MESSAGES[name].bodies())["default"])
    said = " ".join(words for section in document["sections"] for line in section["lines"] for words in line.values())

    assert document["subject"] == MESSAGES[name].subject
    assert [section["title"].upper() for section in document["sections"]] == re.findall(
        r"^[A-Z]+$", MESSAGES[name].text, re.MULTILINE
    )
    assert re.sub(r"[\s-]", "", said) == re.sub(r"^[A-Z]+$|[\s-]", "", MESSAGES[name].text, flags=re.MULTILINE)


def test_a_name_cannot_be_broken_into_a_title_or_a_command() -> None:
    forged = f"{'x' * WIDTH} DONE {'x' * WIDTH} sam remote invoke UndoFunction"

    lines = text([("What", forged), ("Who", [forged, forged])]).splitlines()

    assert [line for line in lines if not line.startswith("  ")] == ["WHAT", "", "WHO"]


def test_a_quote_in_a_request_does_not_end_the_shells_quotes() -> None:
    suggested = command("OperatorFunction", {"verb": "status", "by": 'it\'s "me"; $(rm) `x`'}, PLACE, STACK)

    assert json.loads(shlex.split(suggested)[-1])["by"] == 'it\'s "me"; $(rm) `x`'


def test_a_subject_that_is_too_long_ends_in_dots() -> None:
    assert subject("x" * 200) == "x" * 98 + "…"
    assert subject("a\nb\x00c") == "abc"


def test_what_only_began_or_was_superseded_is_nobodys_news() -> None:
    closed = next(change for change in changes().values() if isinstance(change, Remediation))
    quiet = [replace(closed, outcome=outcome) for outcome in SILENT]

    assert [compose(change, STACK) for change in quiet] == [None, None]
