"""The moments that Inspector writes, in three formats (user guide, "EventBridge event schema", and `Coverage`)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LONGEST = 40
# Not by strptime: its names of months and days are those of the process's locale.
UNIX = re.compile(
    r"[A-Z][a-z]{2} (?P<month>[A-Z][a-z]{2}) (?P<day>\d{1,2}) "
    r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)(\.(?P<fraction>\d{1,6}))? (UTC|GMT|Z) (?P<year>\d{4})",
    re.ASCII,
)
CLOCK_OF_TWELVE = re.compile(
    r"(?P<month>[A-Z][a-z]{2}) (?P<day>\d{1,2}), (?P<year>\d{4}),? "
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d):(?P<second>\d\d)\s(?P<half>AM|PM)",
    re.ASCII,
)
NOON = 12


def parse_moment(value: object) -> datetime | None:
    """Read a moment, in UTC where it names no zone; None for what is none.

    >>> parse_moment("Mar 20, 2023, 6:08:05 PM")
    datetime.datetime(2023, 3, 20, 18, 8, 5, tzinfo=datetime.timezone.utc)
    """
    if not isinstance(value, str) or len(value) > LONGEST:
        return None
    # Java writes a narrow no-break space before AM and PM since 20.
    text = value.replace("\u202f", " ")
    try:
        if match := UNIX.fullmatch(text):
            return _moment(match, int(match["hour"]))
        if match := CLOCK_OF_TWELVE.fullmatch(text):
            return _moment(match, _hour(int(match["hour"]), match["half"]))
        iso = datetime.fromisoformat(text)
        return iso.astimezone(UTC) if iso.tzinfo else iso.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _hour(hour: int, half: str) -> int:
    if not 1 <= hour <= NOON:
        raise ValueError(hour)
    return hour % NOON + (NOON if half == "PM" else 0)


def _moment(match: re.Match[str], hour: int) -> datetime:
    named = match.groupdict()
    return datetime(
        int(named["year"]),
        MONTHS.index(named["month"]) + 1,
        int(named["day"]),
        hour,
        int(named["minute"]),
        int(named["second"]),
        int((named.get("fraction") or "0").ljust(6, "0")),
        tzinfo=UTC,
    )
