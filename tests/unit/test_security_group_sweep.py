"""What a sweep tells of, and what the next one has to know: values in, values out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodewarden.message.compose import compose
from nodewarden.message.message import LONGEST_SUBJECT
from nodewarden.record import Outcome, Remediation
from nodewarden.security_group.sweep import (
    MOST_AWAITED,
    MOST_FINDINGS,
    MOST_UNTOLD,
    ORDER,
    SILENT,
    Awaited,
    Stop,
    SweepRun,
    begin,
    due,
    finish,
    is_news,
)
from tests.unit.builders import ACCOUNT, HOUR, NOW, REGION, remediation, rule

FIRST = SweepRun(account=ACCOUNT, region=REGION, run_id="first", began_at=NOW, counts={})
HERE = Stop("token", "sg-0123456789abcdef0")
WHOLE = replace(FIRST, completed_before=True)
CHANGED = st.lists(st.builds(lambda outcome, n: new(outcome, number=n), st.sampled_from(Outcome), st.integers(1, 500)))


def new(outcome: Outcome = Outcome.REVOKED, *, number: int = 1, source: str = "0.0.0.0/0") -> Remediation:
    return replace(remediation(outcome, rule(source=source, number=number)), version=0)


def ended(run: SweepRun, *changed: Remediation, stopped_at: Stop | None = None, later: timedelta = HOUR) -> SweepRun:
    nameless = due(run, NOW + later)
    return finish(
        run,
        changed,
        now=NOW + later,
        looked_at=10,
        stopped_at=stopped_at,
        failures=(),
        ending=(),
        missed=nameless,
    )


def test_every_outcome_is_in_the_order_of_a_digest_or_is_nobodys_news() -> None:
    assert {*ORDER} | SILENT == {*Outcome}
    assert not {*ORDER} & SILENT


@given(CHANGED)
def test_the_counts_are_of_all_that_is_news_and_the_findings_are_the_worst_of_it(changed: list[Remediation]) -> None:
    run = ended(FIRST, *changed)

    news = [r for r in changed if r.outcome not in SILENT]
    assert sum(run.counts.values()) == len(news)
    assert len(run.findings) == min(len(news), MOST_FINDINGS)
    ranks = [ORDER.index(finding.outcome) for finding in run.findings]
    assert ranks == sorted(ranks)
    assert sorted(ORDER.index(r.outcome) for r in news)[: len(ranks)] == ranks


@given(changed=CHANGED, stopped=st.booleans(), missed=st.booleans())
def test_a_run_that_is_news_has_a_message_that_says_something(
    *, changed: list[Remediation], stopped: bool, missed: bool
) -> None:
    found = Awaited(place=new().place, remediation_id="lost", found_at=NOW - HOUR)
    run = ended(replace(WHOLE, awaited=(found,) if missed else ()), *changed, stopped_at=HERE if stopped else None)

    if is_news(run):
        message = compose(run, "nodewarden")
        assert message is not None
        assert message.subject.removeprefix("Sweep: ").removesuffix(f", {REGION}")
        assert len(message.subject) <= LONGEST_SUBJECT
    else:
        assert (run.findings, run.missed, stopped) == ((), (), False)


@given(st.lists(st.tuples(CHANGED, st.booleans()), max_size=8))
def test_what_is_remembered_from_run_to_run_stays_bounded(runs: list[tuple[list[Remediation], bool]]) -> None:
    before = None
    for number, (changed, stopped) in enumerate(runs):
        run = begin(before, ACCOUNT, REGION, str(number), NOW)
        before = ended(run, *changed, stopped_at=HERE if stopped else None)

        assert len(before.awaited) <= MOST_AWAITED
        assert before.untold == ()


def test_the_next_run_begins_where_one_that_stopped_left_the_list() -> None:
    stopped = ended(FIRST, stopped_at=HERE)

    assert stopped.stopped
    following = begin(stopped, ACCOUNT, REGION, "second", NOW)
    assert Stop(following.cursor, following.passed) == HERE
    assert begin(ended(FIRST), ACCOUNT, REGION, "second", NOW).cursor == ""


def test_that_runs_stop_is_news_once_a_day() -> None:
    first = ended(FIRST, stopped_at=HERE)
    second = ended(begin(first, ACCOUNT, REGION, "second", NOW), stopped_at=HERE, later=2 * HOUR)
    whole = ended(begin(second, ACCOUNT, REGION, "third", NOW), later=3 * HOUR)
    fourth = ended(begin(whole, ACCOUNT, REGION, "fourth", NOW), stopped_at=HERE, later=4 * HOUR)
    next_day = ended(begin(fourth, ACCOUNT, REGION, "fifth", NOW), stopped_at=HERE, later=26 * HOUR)

    assert [is_news(run) for run in (first, second, whole, fourth, next_day)] == [True, False, False, False, True]


def test_runs_that_died_are_told_by_the_next_that_ends_since_the_first_of_them_began() -> None:
    second = begin(FIRST, ACCOUNT, REGION, "second", NOW + HOUR)
    third = begin(second, ACCOUNT, REGION, "third", NOW + 2 * HOUR)

    assert third.untold == ("first", "second")
    assert third.untold_since == NOW
    assert ended(third).untold == ()


def test_runs_that_die_again_and_again_are_remembered_within_bounds_and_once_each() -> None:
    run = FIRST
    for number in range(300):
        run = begin(run, ACCOUNT, REGION, str(number // 3), NOW)

    assert len(run.untold) == len({*run.untold}) == MOST_UNTOLD


def test_a_run_that_is_tried_again_began_when_its_first_try_did() -> None:
    assert begin(FIRST, ACCOUNT, REGION, "first", NOW + HOUR).began_at == NOW
    assert begin(FIRST, ACCOUNT, REGION, "second", NOW + HOUR).began_at == NOW + HOUR


def test_what_flaps_is_named_first_of_its_outcome() -> None:
    plain, flapping = new(number=1), replace(new(number=2), closings=3, reopened_by=("alice",))

    run = ended(FIRST, plain, flapping)

    assert [finding.closings for finding in run.findings] == [3, 0]
    assert run.findings[0].reopened_by == ("alice",)


def test_a_run_that_is_tried_again_tells_what_its_first_try_did() -> None:
    assert begin(FIRST, ACCOUNT, REGION, "first", NOW).untold == ("first",)


def test_before_the_first_whole_run_nothing_is_taken_for_a_lost_event() -> None:
    assert ended(FIRST, new()).awaited == ()
    assert ended(FIRST, stopped_at=HERE).completed_before is False
    assert ended(FIRST).completed_before is True


@pytest.mark.parametrize(
    "known",
    [
        replace(new(), version=1),
        new(source="pl-0123456789abcdef0"),
        new(source="sg-0fedcba9876543210"),
    ],
    ids=["on record already", "through a prefix list", "from a peer"],
)
def test_what_no_event_has_to_tell_of_is_not_awaited(known: Remediation) -> None:
    assert ended(WHOLE, known).awaited == ()


def test_an_event_that_is_late_is_waited_for_an_hour() -> None:
    run = begin(ended(WHOLE, new(), later=timedelta(0)), ACCOUNT, REGION, "second", NOW)

    assert due(run, NOW + HOUR - timedelta(seconds=1)) == ()
    assert [awaited.remediation_id for awaited in due(run, NOW + HOUR)] == [new().remediation_id]


def test_lost_events_are_told_once_a_day_and_those_of_meanwhile_are_kept_for_then() -> None:
    told = ended(replace(WHOLE, awaited=(Awaited(place=new().place, remediation_id="a", found_at=NOW),)))
    assert [missed.remediation_id for missed in told.missed] == ["a"]

    again = begin(told, ACCOUNT, REGION, "second", NOW)
    kept = replace(again, awaited=(Awaited(place=new().place, remediation_id="b", found_at=NOW),))
    assert ended(kept, later=2 * HOUR).missed == ()
    assert [awaited.remediation_id for awaited in ended(kept, later=2 * HOUR).awaited] == ["b"]
    assert [missed.remediation_id for missed in ended(kept, later=26 * HOUR).missed] == ["b"]


def test_an_opening_whose_event_came_is_awaited_no_more() -> None:
    run = replace(WHOLE, awaited=(Awaited(place=new().place, remediation_id="a", found_at=NOW),))

    named = finish(run, (), now=NOW + HOUR, looked_at=1, stopped_at=None, failures=(), ending=(), missed=())

    assert named.awaited == named.missed == ()
