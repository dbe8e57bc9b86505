"""notice.toml: its cases, each one a test, what it must look like, and what is told together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodewarden import policy
from nodewarden.errors import PolicyError
from nodewarden.message.digest import SEVERITIES
from nodewarden.message.flood import MOST_TOGETHER, News, NoticePolicy, read, sort_out, unread
from nodewarden.message.message import Message
from nodewarden.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER = Path(__file__).parents[2] / "layers/policy/policy"
FILE = policy.load(FOLDER, "notice")
CASES = tuple(FILE.tables("case"))
SETTINGS = ("digest_above", "critical_alone")


def news(severity: str, number: int, *, version: int = 1, kind: str = "security_group", **document: str) -> News:
    said = Message(
        subject=f"{severity} {number}",
        sections=[],
        document={"kind": kind, "severity": severity, "outcome": "revoked", **document},
        attributes={},
    )
    return News(pk=f"{kind}{number}", sk="remediation", version=version, sequence_number=str(number), message=said)


def incidents(table: Table) -> list[News]:
    severities = [s for s in SEVERITIES for _ in range(table.number(s, at_least=0, at_most=1000, default=0))]
    table.done()
    return [news(severity, number) for number, severity in enumerate(severities)]


def policy_of(table: Table) -> NoticePolicy:
    settings = {key: value for key, value in FILE.values.items() if key != "case"}
    return read(Table(table.path, {**settings, **table.values}))


@pytest.mark.parametrize("table", CASES, ids=lambda table: str(table.values.get("name", table.path)))
def test_the_case_comes_out_as_it_says(table: Table) -> None:
    table.text("name")
    table.choice("setting", SETTINGS)
    said = [table.number(key, at_least=0, at_most=1000) for key in ("alone", "digested")]

    alone, digests = sort_out(incidents(table.table("incidents")), policy_of(table.table("policy")))
    table.done()

    assert [len(alone), sum(map(len, digests))] == said, table.path


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_has_a_case_with_a_digest_and_one_without(setting: str) -> None:
    digested = {bool(table.values["digested"]) for table in CASES if table.values.get("setting") == setting}

    assert digested == {True, False}, f"notice.toml: {setting} has no case with a digest, or none without: add one"


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({"digest_above": 0}, "digest_above must be a whole number from 1 to 100, not 0"),
        ({"critical_alone": -1}, "critical_alone must be a whole number from 0 to 100, not -1"),
        ({"digest_over": 5}, "digest_over is not a setting here; there are case, critical_alone, digest_above"),
    ],
)
def test_a_setting_that_is_wrong_is_named(settings: dict[str, object], wrong: str) -> None:
    with pytest.raises(PolicyError) as refused:
        read(Table("notice.toml: ", settings))

    assert str(refused.value) == f"notice.toml: {wrong}"


def test_of_a_flood_the_worst_comes_first_and_the_rest_as_it_came() -> None:
    came = [news("info", 0), news("high", 1), news("critical", 2), news("high", 3)]

    alone, (digest,) = sort_out(came, NoticePolicy(digest_above=1, critical_alone=0))

    assert alone == []
    assert [one.sequence_number for one in digest] == ["2", "1", "3", "0"]


def test_the_changes_of_one_entry_are_one_incident_and_never_told_apart() -> None:
    came = [news("high", 0), news("critical", 0, version=2), news("high", 1), news("high", 2)]

    alone, (digest,) = sort_out(came, NoticePolicy(digest_above=2, critical_alone=1))

    assert alone == came[:2]
    assert digest == came[2:]
    assert sort_out(came, NoticePolicy(digest_above=3, critical_alone=1)) == (came, [])


def test_a_digest_is_not_put_into_a_digest() -> None:
    digests = [news("critical", number, digest="0123456789ab") for number in range(9)]

    assert sort_out(digests, NoticePolicy(digest_above=1, critical_alone=0)) == (digests, [])


def test_without_a_policy_everything_is_told_by_itself() -> None:
    came = [news("high", number) for number in range(1000)]

    assert sort_out(came, unread("notice.toml: is not TOML")) == (came, [])


ALL_SORTS = st.lists(
    st.builds(
        news,
        st.sampled_from(SEVERITIES),
        st.integers(0, 300),
        version=st.integers(1, 3),
        kind=st.sampled_from(["security_group", "exemption"]),
    ),
    max_size=250,
    unique_by=lambda one: one.change,
)


@given(ALL_SORTS, st.integers(1, 100), st.integers(0, 100))
def test_whatever_comes_is_told_once_in_digests_of_one_kind_that_a_transaction_holds(
    came: Sequence[News], digest_above: int, critical_alone: int
) -> None:
    alone, digests = sort_out(came, NoticePolicy(digest_above=digest_above, critical_alone=critical_alone))

    told = [one.change for part in (alone, *digests) for one in part]
    assert sorted(told) == sorted(one.change for one in came)
    assert all(len({one.kind for one in digest}) == 1 for digest in digests)
    assert all(len({(one.pk, one.sk) for one in digest}) <= MOST_TOGETHER for digest in digests)
