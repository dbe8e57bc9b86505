"""Windows and freezes: over midnight, by the clocks of their zone, and on the days on which clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodewarden.rollout.calendar import DAYS, Calendar, Freeze, Window, parse_day, parse_time, spoken

BERLIN = ZoneInfo("Europe/Berlin")
EVERY_DAY = frozenset(range(7))
TUESDAY = frozenset({1})
SUNDAY = frozenset({6})


def window(start: str, end: str, *, days: frozenset[int] = EVERY_DAY, zone: str = "Europe/Berlin") -> Window:
    return Window(days=days, start=parse_time(start), end=parse_time(end), zone=ZoneInfo(zone))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def freeze(start: str, end: str, reason: str = "a sale") -> Freeze:
    return Freeze(start=utc(start), end=utc(end), reason=reason)


@pytest.mark.parametrize(
    ("at", "allowed"),
    [
        ("2026-12-01T07:59:59", False),
        ("2026-12-01T08:00", True),
        ("2026-12-01T14:59:59", True),
        ("2026-12-01T15:00", False),
        ("2026-12-02T10:00", False),
    ],
)
def test_a_window_is_open_from_its_start_to_before_its_end_by_the_clocks_of_its_zone(at: str, *, allowed: bool) -> None:
    assert window("09:00", "16:00", days=TUESDAY).allows(utc(at)) is allowed


@pytest.mark.parametrize(("at", "allowed"), [("2026-07-07T06:59", False), ("2026-07-07T07:00", True)])
def test_a_window_moves_with_summer_time(at: str, *, allowed: bool) -> None:
    assert window("09:00", "16:00", days=TUESDAY).allows(utc(at)) is allowed


@pytest.mark.parametrize(
    ("at", "allowed"),
    [
        ("2026-12-01T20:59", False),
        ("2026-12-01T21:00", True),
        ("2026-12-02T02:59", True),
        ("2026-12-02T03:00", False),
        ("2026-12-02T22:00", False),
        ("2026-12-01T02:00", False),
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_it_starts_on(at: str, *, allowed: bool) -> None:
    assert window("22:00", "04:00", days=TUESDAY).allows(utc(at)) is allowed


@pytest.mark.parametrize(("at", "allowed"), [("2026-12-01T22:59", True), ("2026-12-01T23:00", False)])
def test_a_window_may_end_with_the_day(at: str, *, allowed: bool) -> None:
    assert window("09:00", "24:00", days=TUESDAY).allows(utc(at)) is allowed


# Berlin's clocks jump from 02:00 to 03:00 on 2027-03-28, at 01:00 UTC.
@pytest.mark.parametrize(
    ("start", "end", "opens", "closes"),
    [
        ("02:30", "04:00", "2027-03-28T01:00", "2027-03-28T02:00"),  # the start is skipped
        ("01:00", "02:30", "2027-03-28T00:00", "2027-03-28T01:00"),  # the end is skipped
        ("00:00", "24:00", "2027-03-27T23:00", "2027-03-28T22:00"),  # a day of 23 hours
        ("23:00", "05:00", "2027-03-28T21:00", "2027-03-29T03:00"),
    ],
)
def test_a_time_that_clocks_skip_is_the_moment_of_the_jump(start: str, end: str, opens: str, closes: str) -> None:
    ((begin, finish),) = window(start, end).spans(datetime(2027, 3, 28, tzinfo=BERLIN).date(), 1)

    assert (begin, finish) == (utc(opens), utc(closes))


def test_a_window_inside_the_jump_does_not_open_that_day() -> None:
    night = window("02:15", "02:45", days=SUNDAY)

    assert not any(night.allows(utc("2027-03-28T00:00") + timedelta(minutes=minute)) for minute in range(240))
    assert Calendar(windows=(night,)).opening(utc("2027-03-28T00:00")) == datetime(2027, 4, 4, 2, 15, tzinfo=BERLIN)


# Berlin's clocks go back from 03:00 to 02:00 on 2026-10-25, at 01:00 UTC: 02:30 is at 00:30 and at 01:30 UTC.
@pytest.mark.parametrize(
    ("start", "end", "opens", "closes"),
    [
        ("02:30", "04:00", "2026-10-25T00:30", "2026-10-25T03:00"),
        ("01:00", "02:30", "2026-10-24T23:00", "2026-10-25T01:30"),
        ("02:15", "02:45", "2026-10-25T00:15", "2026-10-25T01:45"),
        ("00:00", "24:00", "2026-10-24T22:00", "2026-10-25T23:00"),  # a day of 25 hours
    ],
)
def test_a_time_that_comes_twice_starts_with_its_first_and_ends_with_its_last(
    start: str, end: str, opens: str, closes: str
) -> None:
    ((begin, finish),) = window(start, end).spans(datetime(2026, 10, 25, tzinfo=BERLIN).date(), 1)

    assert (begin, finish) == (utc(opens), utc(closes))


def test_a_whole_day_that_a_zone_skipped_has_no_window() -> None:
    fridays = window("09:00", "16:00", days=frozenset({4}), zone="Pacific/Apia")  # there was no 2011-12-30

    ((begin, finish),) = fridays.spans(datetime(2011, 12, 30, tzinfo=UTC).date(), 1)

    assert begin == finish


@given(
    at=st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # hypothesis adds it
    start=st.integers(0, 1439),
    end=st.integers(1, 1440),
    days=st.frozensets(st.integers(0, 6), min_size=1),
    zone=st.sampled_from(["UTC", "Asia/Kolkata", "Asia/Kathmandu", "Pacific/Kiritimati", "America/Phoenix"]),
)
def test_where_clocks_never_change_a_window_is_what_the_wall_clock_reads(
    at: datetime, start: int, end: int, days: frozenset[int], zone: str
) -> None:
    local = at.astimezone(ZoneInfo(zone))
    minute, today, yesterday = local.hour * 60 + local.minute, local.weekday(), (local.weekday() - 1) % 7
    if end > start:
        expected = today in days and start <= minute < end
    else:
        expected = (today in days and minute >= start) or (yesterday in days and minute < end)

    assert Window(days=days, start=start, end=end, zone=ZoneInfo(zone)).allows(at) is expected


@given(
    at=st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # hypothesis adds it
    start=st.integers(0, 1439),
    length=st.integers(1, 1439),
    days=st.frozensets(st.integers(0, 6), min_size=1),
    frozen_for=st.integers(0, 20),
)
def test_the_next_opening_is_open_and_nothing_is_before_it(
    at: datetime, start: int, length: int, days: frozenset[int], frozen_for: int
) -> None:
    end = (start + length) % 1440 or 1440
    calendar = Calendar(
        windows=(Window(days=days, start=start, end=end, zone=BERLIN),),
        freezes=(Freeze(start=at, end=at + timedelta(days=frozen_for), reason="a freeze"),),
    )

    opening = calendar.opening(at)

    assert opening is not None
    assert calendar.allowance(opening).allowed
    before = (opening - at) // timedelta(minutes=1)
    steps = {before - 1, *range(0, before, max(1, before // 50))}
    assert not any(calendar.allowance(at + timedelta(minutes=step)).allowed for step in steps if 0 <= step < before)


def test_says_by_which_window_a_start_is_allowed() -> None:
    allowance = Calendar(windows=(window("09:00", "16:00", days=TUESDAY),)).allowance(utc("2026-12-01T10:00"))

    assert allowance.allowed
    assert allowance.why == "in the window tue 09:00-16:00 Europe/Berlin"


def test_says_when_the_next_window_opens() -> None:
    allowance = Calendar(windows=(window("09:00", "16:00", days=TUESDAY),)).allowance(utc("2026-11-28T10:00"))

    assert not allowance.allowed
    assert allowance.why == "outside the windows; starts Tuesday 2026-12-01 09:00 Europe/Berlin"
    assert allowance.opens_at == utc("2026-12-01T08:00")


def test_the_next_opening_is_the_first_of_several_windows() -> None:
    calendar = Calendar(windows=(window("09:00", "16:00", days=SUNDAY), window("22:00", "04:00", days=TUESDAY)))

    assert calendar.opening(utc("2026-11-30T10:00")) == utc("2026-12-01T21:00")


def test_a_freeze_that_ends_inside_a_window_opens_there() -> None:
    calendar = Calendar(windows=(window("09:00", "16:00"),), freezes=(freeze("2026-12-01T00:00", "2026-12-03T10:30"),))

    frozen = calendar.allowance(utc("2026-12-01T10:00"))

    assert frozen.why == (
        "frozen until Thursday 2026-12-03 10:30 UTC (a sale); starts Thursday 2026-12-03 11:30 Europe/Berlin"
    )
    assert not calendar.allowance(utc("2026-12-03T10:29:59")).allowed
    assert calendar.allowance(utc("2026-12-03T10:30")).allowed


def test_freezes_that_overlap_are_one() -> None:
    freezes = (freeze("2026-12-01T00:00", "2026-12-05T00:00"), freeze("2026-12-04T00:00", "2026-12-09T00:00"))

    assert Calendar(windows=(window("00:00", "24:00"),), freezes=freezes).opening(utc("2026-12-02T00:00")) == utc(
        "2026-12-09T00:00"
    )


def test_what_may_start_at_any_hour_is_bound_by_freezes_alone() -> None:
    calendar = Calendar(
        windows=(window("09:00", "16:00", days=TUESDAY),), freezes=(freeze("2026-12-05T00:00", "2026-12-06T00:00"),)
    )

    assert calendar.allowance(utc("2026-12-04T03:00"), any_hour=True).allowed
    assert not calendar.allowance(utc("2026-12-05T03:00"), any_hour=True).allowed
    assert calendar.allowance(utc("2026-12-05T03:00"), any_hour=True).opens_at == utc("2026-12-06T00:00")


def test_a_calendar_that_never_opens_says_what_to_do() -> None:
    calendar = Calendar(windows=(window("09:00", "16:00"),), freezes=(freeze("2026-01-01T00:00", "2099-01-01T00:00"),))

    allowance = calendar.allowance(utc("2026-12-01T10:00"))

    assert allowance.opens_at is None
    assert allowance.why.endswith("nothing opens within a year: add a window to the policy")


@pytest.mark.parametrize(
    "text", ["9:00", "09.00", "25:00", "24:01", "09:60", "-1:00", "09:00:00", "", "\u0660\u0669:00"]
)
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a time of day from 00:00 to 24:00"):
        parse_time(text)


def test_what_is_no_day_of_the_week_is_refused() -> None:
    assert [parse_day(day) for day in DAYS] == list(range(7))
    with pytest.raises(ValueError, match="must be one of mon, tue, "):
        parse_day("monday")


def test_a_moment_is_said_with_its_day_and_zone() -> None:
    assert spoken(datetime(2026, 12, 1, 9, tzinfo=BERLIN)) == "Tuesday 2026-12-01 09:00 Europe/Berlin"
