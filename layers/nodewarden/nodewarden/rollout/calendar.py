"""When a node group may be started: windows allow, freezes forbid, and what neither speaks of is not allowed."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
MINUTES_OF_DAY = 24 * 60
HORIZON = 400  # days to look ahead for an opening: more than a year of freezes is no plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Days of the week and hours in which starts are allowed.

    `start` and `end` are minutes after midnight by the wall clocks of `zone`. A window whose end is not after its start
    passes midnight and belongs to the day it starts on. Where clocks are set back, a time that comes twice counts from
    its first as a start and to its last as an end; where they are set forward, a time that is skipped counts as the
    moment of the jump. So a window is never torn, and one that lies inside a jump does not open that day.
    """

    days: frozenset[int]
    start: int
    end: int
    zone: tzinfo

    def spans(self, first: date, count: int) -> Iterator[tuple[datetime, datetime]]:
        """Give what the window allows on `count` days from `first`: from a moment (UTC) to before another."""
        for day in (first + DAY * number for number in range(count)):
            if day.weekday() in self.days:
                last = day + DAY if self.end <= self.start else day
                yield _moment(day, self.start, self.zone, fold=0), _moment(last, self.end, self.zone, fold=1)

    def allows(self, now: datetime) -> bool:
        """Tell whether the window is open at `now`."""
        return any(begin <= now < end for begin, end in self.spans(self._yesterday(now), 2))

    def openings(self, now: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Give the spans that are open at `now` or open later, in order."""
        return ((begin, end) for begin, end in self.spans(self._yesterday(now), HORIZON) if end > now)

    def _yesterday(self, now: datetime) -> date:
        return now.astimezone(self.zone).date() - DAY

    def __str__(self) -> str:
        days = ", ".join(DAYS[day] for day in sorted(self.days))
        return f"{days} {_clock(self.start)}-{_clock(self.end)} {self.zone}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """Nothing is started from `start` to before `end`, whatever the windows and the urgency."""

    start: datetime
    end: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """Whether a start is allowed, by which window or why not, and when the next opening is.

    `opens_at` is in the zone of its window; None where it is open, or where nothing opens within a year.
    """

    allowed: bool
    why: str
    opens_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """All windows and freezes of a policy."""

    windows: tuple[Window, ...]
    freezes: tuple[Freeze, ...] = ()

    def frozen(self, now: datetime) -> Freeze | None:
        """Find the freeze that `now` lies in: the one that ends last."""
        found = [freeze for freeze in self.freezes if freeze.start <= now < freeze.end]
        return max(found, key=lambda freeze: freeze.end, default=None)

    def allowance(self, now: datetime, *, any_hour: bool = False) -> Allowance:
        """Say whether a start is allowed at `now`; `any_hour` skips the windows, never a freeze."""
        if freeze := self.frozen(now):
            return self._later(now, f"frozen until {spoken(freeze.end)} ({freeze.reason})", any_hour=any_hour)
        if any_hour:
            return Allowance(allowed=True, why="urgent: at any hour")
        if window := next((window for window in self.windows if window.allows(now)), None):
            return Allowance(allowed=True, why=f"in the window {window}")
        return self._later(now, "outside the windows", any_hour=False)

    def opening(self, now: datetime, *, any_hour: bool = False) -> datetime | None:
        """Find the first moment from `now` on at which a start is allowed; None where there is none within a year."""
        if any_hour:
            return self._thawed(now)
        return min(filter(None, (self._first(window, now) for window in self.windows)), default=None)

    def _later(self, now: datetime, why: str, *, any_hour: bool) -> Allowance:
        opens_at = self.opening(now, any_hour=any_hour)
        then = f"starts {spoken(opens_at)}" if opens_at else "nothing opens within a year: add a window to the policy"
        return Allowance(allowed=False, why=f"{why}; {then}", opens_at=opens_at)

    def _first(self, window: Window, now: datetime) -> datetime | None:
        for begin, end in window.openings(now):
            at = self._thawed(max(begin, now))
            if at < end:
                return at.astimezone(window.zone)
        return None

    def _thawed(self, at: datetime) -> datetime:
        while freeze := self.frozen(at):
            at = freeze.end
        return at


def parse_time(text: str) -> int:
    """Read a time of day such as `09:00` as minutes after midnight; `24:00` is the day's end. Raises ValueError.

    >>> parse_time("09:30"), parse_time("24:00")
    (570, 1440)
    """
    hours, colon, minutes = text.partition(":")
    if colon and len(text) == len("09:00") and f"{hours}{minutes}".isascii() and f"{hours}{minutes}".isdigit():
        total = int(hours) * 60 + int(minutes)
        if int(minutes) < 60 and total <= MINUTES_OF_DAY:  # noqa: PLR2004 minutes of an hour
            return total
    message = f"must be a time of day from 00:00 to 24:00, not {text!r}"
    raise ValueError(message)


def parse_day(text: str) -> int:
    """Read a day of the week such as `mon`; 0 is Monday. Raises ValueError."""
    if text not in DAYS:
        message = f"must be one of {', '.join(DAYS)}, not {text!r}"
        raise ValueError(message)
    return DAYS.index(text)


def spoken(at: datetime) -> str:
    """Say a moment as people do, with its zone: `Tuesday 2026-12-01 09:00 Europe/Berlin`."""
    return f"{NAMES[at.weekday()]} {at:%Y-%m-%d %H:%M} {at.tzinfo}"


def _moment(day: date, minutes: int, zone: tzinfo, *, fold: int) -> datetime:
    """Give the moment (UTC) at which the zone's clocks read that time; the moment of the jump where they skip it."""
    day, minutes = day + DAY * (minutes // MINUTES_OF_DAY), minutes % MINUTES_OF_DAY
    local = datetime.combine(day, time(minutes // 60, minutes % 60, fold=fold), zone)
    moment = local.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return moment
    early, late = (local.replace(fold=each).astimezone(UTC) for each in (1, 0))
    before = early.astimezone(zone).utcoffset()
    steps = range((late - early) // MINUTE)
    jumped = bisect_left(steps, 1, key=lambda step: int((early + step * MINUTE).astimezone(zone).utcoffset() != before))
    return early + jumped * MINUTE


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
