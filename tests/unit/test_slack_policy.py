"""slack.toml: its cases, each one a test; what a case must look like; and what is refused, with its path."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nodewarden import policy
from nodewarden.errors import PolicyError
from nodewarden.slack.button import BUTTONS
from nodewarden.slack.policy import WEBHOOK_HOST, SlackPolicy, parse_user_id, read
from nodewarden.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parents[2] / "layers" / "policy" / "policy"
FILE = policy.load(FOLDER, "slack")
CASES = tuple(FILE.tables("case"))
NAMES = tuple(button.name for button in BUTTONS)


def settings(table: Table) -> SlackPolicy:
    own = {key: value for key, value in FILE.values.items() if key != "case"}
    return read(Table(table.path, {**own, **table.values}))


def outcome_of(case: Table) -> bool:
    """Say whether what the case is about is accepted; raises PolicyError naming the key's path."""
    given = settings(case.table("policy"))
    if "webhook" in case:
        accepted = given.trusts(case.text("webhook"), WEBHOOK_HOST)
    else:
        press = case.table("press")
        accepted = given.may(press.parsed("user", parse_user_id), press.choice("button", NAMES), press.text("team", ""))
        press.done()
    return accepted


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.values.get("name", case.path)))
def test_the_case_comes_out_as_it_says(case: Table) -> None:
    accepted = outcome_of(case)

    case.text("name")
    case.choice("setting", ("hosts", "users", "team"))
    assert accepted is (case.choice("outcome", ("accepted", "refused")) == "accepted"), case.path
    case.done()


@pytest.mark.parametrize("setting", ["hosts", "users", "team"])
def test_a_setting_has_a_case_that_is_accepted_and_one_that_is_refused(setting: str) -> None:
    outcomes = {case.values["outcome"] for case in CASES if case.values["setting"] == setting}

    assert outcomes == {"accepted", "refused"}, f"slack.toml: {setting} needs cases of both kinds"


def test_nobody_may_press_anything_until_somebody_is_listed() -> None:
    shipped = read(policy.load(FOLDER, "slack"))

    assert shipped == SlackPolicy(hosts=frozenset(), users={name: frozenset() for name in NAMES})


def test_the_policy_knows_every_button() -> None:
    assert [*FILE.table("users").values] == [*NAMES]


WRONG: dict[str, tuple[Mapping[str, Any], str]] = {
    "a host with a scheme": ({"hosts": ["https://example.com"]}, "hosts[0] must be a host"),
    "a host with a path": ({"hosts": ["example.com/x"]}, "hosts[0] must be a host"),
    "a host with a star": ({"hosts": ["*.example.com"]}, "hosts[0] must be a host"),
    "a name for an id": ({"users": {"undo": ["alice"]}}, "users.undo[0] must be a Slack user's id"),
    "everybody": ({"users": {"undo": ["*"]}}, "users.undo[0] must be a Slack user's id"),
    "a button that there is not": ({"users": {"open": []}}, "users.open is not a setting here"),
    "a setting that there is not": ({"user": {}}, "user is not a setting here"),
    "a team's name": ({"team": "example"}, "team must be a workspace's id"),
    "users that are no table": ({"users": ["U012AB3CD"]}, "users must be a table"),
}


@pytest.mark.parametrize(("values", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_refused_with_its_path(values: Mapping[str, Any], message: str) -> None:
    with pytest.raises(PolicyError) as refused:
        read(Table("slack.toml: ", values))

    assert str(refused.value).startswith(f"slack.toml: {message}")
