"""A document as a Slack message: within Slack's limits whatever it holds, and never more than words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.block_kit import mistake
from local.samples import messages
from nodewarden.message.compose import compose
from nodewarden.record import Outcome
from nodewarden.slack import blocks
from nodewarden.slack.button import BUTTONS, is_about, offered, read_about, request_of
from nodewarden.slack.document import change_id, read
from nodewarden.slack.render import in_words, render
from nodewarden.undo import undo
from nodewarden.verbs import VERBS, operate
from tests.unit.builders import remediation, rule
from tests.unit.test_docs import ReachedError, Unwired

if TYPE_CHECKING:
    from collections.abc import Mapping

CHANGE = "0123456789abcdef"
TEXTS = st.text(max_size=40) | st.sampled_from(["<!channel>", "&" * 1100, "<" * 200, "a" * 1600, "- b", "```", "\n\n"])
LINES = st.lists(st.dictionaries(st.sampled_from(["text", "command"]), TEXTS, min_size=1, max_size=1), max_size=6)
DOCUMENTS = st.fixed_dictionaries(
    {"subject": TEXTS, "sections": st.lists(st.fixed_dictionaries({"title": TEXTS, "lines": LINES}), max_size=3)},
    optional={"severity": TEXTS, "kind": TEXTS, "outcome": TEXTS, "account": TEXTS, "region": TEXTS},
)


def told(outcome: Outcome, *rules: Any) -> Mapping[str, Any]:
    """Give the document of what became of an opening, as the topic carries it."""
    message = compose(remediation(outcome, *(rules or (rule(),))), "nodewarden")
    assert message is not None
    return read(message.subject, json.loads(message.bodies())["default"])


def texts(value: Any) -> list[dict[str, Any]]:
    """Collect the text objects of a message."""
    if isinstance(value, dict):
        return ([value] if value.get("type") in {"mrkdwn", "plain_text"} else []) + texts([*value.values()])
    return [text for inner in value for text in texts(inner)] if isinstance(value, list) else []


@given(DOCUMENTS)
def test_whatever_a_document_holds_slack_takes_its_message(document: dict[str, Any]) -> None:
    assert mistake(render(document, CHANGE, interactive=True)) == ""
    assert mistake(in_words(document)) == ""
    assert len(in_words(document)["text"]) <= 3000


@given(DOCUMENTS)
def test_nothing_in_a_message_is_markup_of_slacks(document: dict[str, Any]) -> None:
    payload = render(document, CHANGE, interactive=True)

    for text in [payload["text"], in_words(document)["text"], *(text["text"] for text in texts(payload["blocks"]))]:
        assert "<" not in text
        assert ">" not in text
        assert "&" not in text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    assert all(text.get("verbatim") for text in texts(payload["blocks"]) if text["type"] == "mrkdwn")


@given(st.text(alphabet="a&<> ", max_size=50), st.integers(5, 60))
def test_a_cut_never_goes_through_an_entity(text: str, longest: int) -> None:
    cut = blocks.cut(text, longest)

    assert len(cut) <= longest
    assert "&" not in cut.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")


def test_a_long_list_is_cut_by_whole_lines_and_says_how_many_more_there_are() -> None:
    lines = [{"text": f"rule {number} " + "x" * 90} for number in range(100)]

    payload = render({"subject": "s", "sections": [{"title": "What", "lines": lines}]}, CHANGE, interactive=False)

    text = payload["blocks"][1]["text"]["text"]
    shown = text.count("• rule ")
    assert 20 < shown < 100
    assert text.endswith(f"and {100 - shown} more")


def test_the_largest_message_is_cut_to_what_slack_takes_together() -> None:
    sections = [{"title": "What", "lines": [{"text": "a" * 900}] * 50} for _ in range(20)]

    payload = render({"subject": "s", "sections": sections}, CHANGE, interactive=False)

    assert mistake(payload) == ""
    assert "and 16 more sections" in payload["blocks"][-1]["elements"][0]["text"]


def test_a_message_with_more_sections_than_slack_takes_says_how_many_are_left_out() -> None:
    sections = [{"title": f"Section {number}", "lines": [{"text": "words"}]} for number in range(100)]

    payload = render({"subject": "s", "sections": sections}, CHANGE, interactive=False)

    assert len(payload["blocks"]) <= 50
    assert "and 54 more sections" in payload["blocks"][-1]["elements"][0]["text"]


def test_a_command_keeps_its_line_as_it_is() -> None:
    document = told(Outcome.REVOKED)

    assert "```sam remote invoke UndoFunction --stack-name nodewarden --event '{" in json.dumps(
        render(document, CHANGE, interactive=False)
    )


@pytest.mark.parametrize(
    ("outcome", "buttons"),
    [
        (Outcome.REVOKED, ["undo"]),
        (Outcome.PARTIAL, ["undo"]),
        (Outcome.OBSERVED, ["revoke", "exempt"]),
        (Outcome.HELD, ["revoke", "exempt"]),
        (Outcome.PAUSED, ["exempt"]),
        (Outcome.FLAPPING, ["exempt"]),
        (Outcome.GONE, []),
        (Outcome.EXEMPT, []),
        (Outcome.UNDONE, []),
        (Outcome.OWNED_ELSEWHERE, []),
        (Outcome.LEFT_TO_CONTROLLER, []),
    ],
)
def test_each_outcome_has_the_buttons_that_mean_something_then(outcome: Outcome, buttons: list[str]) -> None:
    assert [button.name for button, _ in offered(told(outcome), CHANGE)] == buttons


@pytest.mark.parametrize("name", sorted(name for name in messages() if "rollout" in name))
def test_of_a_rollout_only_a_question_has_buttons(name: str) -> None:
    message = messages()[name]
    document = read(message.subject, json.loads(message.bodies())["default"])
    asked = ["approve", "reject"] if name == "rollout-awaiting-approval" else []

    assert [button.name for button, _ in offered(document, CHANGE)] == asked


def test_a_button_asks_about_what_it_acts_on_whatever_the_message_says() -> None:
    lie = {**told(Outcome.REVOKED), "subject": "Closed: a test group", "sections": []}

    (button,) = render(lie, CHANGE, interactive=True)["blocks"][-1]["elements"]

    assert button["confirm"]["text"]["text"] == (
        f"Opens the group to the internet again, for four hours. This is about remediation {lie['remediation']} "
        f"in account {lie['account']}, {lie['region']}."
    )


def test_a_question_with_the_longest_names_is_one_that_slack_takes() -> None:
    document = messages()["rollout-awaiting-approval"].document | {"wave": "&" * 100}

    assert mistake(render(document, CHANGE, interactive=True)) == ""


def test_a_button_answers_for_the_wave_that_was_asked_for_and_no_later_one() -> None:
    document = messages()["rollout-awaiting-approval"].document
    (button, about), _ = offered(document, CHANGE)

    assert request_of(button, about, "alice", CHANGE)["wave"] == "prod"


@pytest.mark.parametrize("wave", ["", "a\nb", "w" * 101])
def test_what_cannot_be_a_wave_has_no_button(wave: str) -> None:
    assert offered({**messages()["rollout-awaiting-approval"].document, "wave": wave}, CHANGE) == ()


def test_a_message_without_buttons_has_no_row_for_them() -> None:
    assert [b["type"] for b in render(told(Outcome.GONE), CHANGE, interactive=True)["blocks"]].count("actions") == 0
    assert [b["type"] for b in render(told(Outcome.REVOKED), CHANGE, interactive=False)["blocks"]].count("actions") == 0


@pytest.mark.parametrize("button", BUTTONS, ids=lambda button: button.name)
def test_a_button_hands_over_a_verb_that_there_is_and_asks_before(button: Any) -> None:
    assert button.request["verb"] in {*VERBS, "undo"}
    assert (button.request["verb"] == "undo") is (button.function == "UndoFunction")
    assert 0 < len(button.sure) <= 300


@pytest.mark.parametrize("button", BUTTONS, ids=lambda button: button.name)
def test_what_a_button_hands_over_is_accepted_as_a_request(button: Any) -> None:
    documents = [read(message.subject, json.loads(message.bodies())["default"]) for message in messages().values()]
    about = next(about for each in documents for one, about in offered(each, CHANGE) if one is button)
    request = request_of(button, about, "alice (Slack U012AB3CD)", CHANGE)

    with pytest.raises(ReachedError):
        (undo if request["verb"] == "undo" else operate)(request, Unwired())  # type: ignore[arg-type]


def test_a_buttons_value_comes_back_as_what_it_was() -> None:
    ((button, about),) = offered(told(Outcome.REVOKED), CHANGE)

    assert read_about(about.value()) == about
    assert is_about(button, about)


@pytest.mark.parametrize(
    "value",
    ["", "[]", "{}", "[1, 2, 3, 4]", '["a"]', '["a", "b", "c", {"d": 1}]', '["a", "b", "c", "d"]', "7", "x" * 3000],
)
def test_a_value_that_is_none_of_ours_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="not the value of a button"):
        read_about(value)


def test_an_alarm_is_worded_from_what_cloudwatch_says() -> None:
    document = read(None, json.dumps({"AlarmName": "a", "NewStateValue": "OK", "Region": "EU", "AWSAccountId": "1"}))

    assert (document["subject"], document["severity"], document["kind"]) == ("OK: a", "info", "alarm")


@pytest.mark.parametrize("body", ["words", "[1]", "7", "null", '{"a": {"b": 1}}', '{"sections": 7}', ""])
def test_whatever_is_on_the_topic_becomes_a_message(body: str) -> None:
    assert mistake(render(read("Subject", body), CHANGE, interactive=True)) == ""


def test_the_same_words_are_the_same_change_and_others_are_another() -> None:
    ours = {"change": "a#b#sg-1/remediation#x/1", "sections": []}

    assert change_id(ours, "one") == change_id(ours | {"subject": "x"}, "two") != change_id({}, "one")
    assert change_id({}, "one") != change_id({}, "two")
    assert change_id({"change": "one"}, "x") != change_id({}, "one")
