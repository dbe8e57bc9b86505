"""The policy of `rollout.toml`: which groups are in which wave, when they may start, and what halts a rollout."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nodewarden.rollout.calendar import DAY, Calendar, Freeze, Window, parse_day, parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nodewarden.node_group import NodeGroup
    from nodewarden.table import Table

UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": DAY, "w": 7 * DAY}
LONGEST = 366 * DAY
# A tick is written as one DynamoDB transaction of up to 100 items: each group that updates or starts is one of them.
MOST_AT_ONCE = 40
ANYTHING = ("*",)


class Skippable(StrEnum):
    """What an urgent rollout may skip where its wave says so; never a freeze, an approval, the order or health."""

    MINIMUM_AGE = "minimum_age"
    SOAK = "soak"
    WINDOW = "window"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Which node groups a wave is about: all of what is said must fit; `*` is a wildcard in each."""

    accounts: tuple[str, ...] = ANYTHING
    regions: tuple[str, ...] = ANYTHING
    clusters: tuple[str, ...] = ANYTHING
    groups: tuple[str, ...] = ANYTHING
    tags: Mapping[str, str]

    def covers(self, group: NodeGroup) -> bool:
        """Tell whether the node group fits."""
        key = group.key
        named = ((key.account, self.accounts), (key.region, self.regions), (key.cluster, self.clusters))
        return (
            all(_fits(value, globs) for value, globs in (*named, (key.name, self.groups)))
            and all(tag in group.tags and fnmatchcase(group.tags[tag], glob) for tag, glob in self.tags.items())
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """Node groups that roll together.

    `soak` is how long they run before the next wave, `approval` whether a person must say yes before this one,
    `max_failures` how many may fail before it halts, `alarms` the CloudWatch alarms that must be OK before the next wave.
    """

    name: str
    match: Match
    soak: timedelta
    approval: bool
    max_failures: int
    alarms: tuple[str, ...]
    urgent: frozenset[Skippable]


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutPolicy:
    """What `rollout.toml` says."""

    minimum_age: timedelta
    max_concurrency: int
    approval_timeout: timedelta
    stuck_after: timedelta
    calendar: Calendar
    waves: tuple[Wave, ...]

    def wave_of(self, group: NodeGroup) -> Wave | None:
        """Find the wave of a node group: the first that it fits."""
        return next((wave for wave in self.waves if wave.match.covers(group)), None)

    def wave(self, name: str) -> Wave | None:
        """Find a wave by its name."""
        return next((wave for wave in self.waves if wave.name == name), None)


def read(table: Table) -> RolloutPolicy:
    """Check `rollout.toml` and give its policy; raises PolicyError naming the key's path."""
    policy = RolloutPolicy(
        minimum_age=table.parsed("minimum_age", parse_duration),
        max_concurrency=table.number("max_concurrency", at_least=1, at_most=MOST_AT_ONCE),
        approval_timeout=table.parsed("approval_timeout", _some_time),
        stuck_after=table.parsed("stuck_after", _some_time),
        calendar=Calendar(
            windows=tuple(_window(entry) for entry in table.tables("window")),
            freezes=tuple(_freeze(entry) for entry in table.tables("freeze")),
        ),
        waves=tuple(_wave(entry) for entry in table.tables("wave")),
    )
    if not policy.calendar.windows:
        always = 'days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], start = "00:00", end = "24:00"'
        key = "window"
        raise table.wrong(key, f"is missing: nothing could ever start; for every hour write one with {always}")
    _distinct(table, policy.waves)
    table.tables("case")  # the cases are the tests', not the service's
    table.done()
    return policy


def parse_duration(text: str) -> timedelta:
    """Read a duration: a whole number of m(inutes), h(ours), d(ays) or w(eeks), up to a year. Raises ValueError.

    >>> parse_duration("3d")
    datetime.timedelta(days=3)
    """
    match = re.fullmatch(r"(?P<count>[0-9]{1,6})(?P<unit>[mhdw])", text)
    duration = int(match["count"]) * UNITS[match["unit"]] if match else None
    if duration is None or duration > LONGEST:
        message = f"must be a duration of up to a year such as 30m, 12h, 3d or 2w, not {text!r}"
        raise ValueError(message)
    return duration


def parse_zone(text: str) -> tzinfo:
    """Read an IANA time zone such as `Europe/Berlin`. Raises ValueError."""
    if text == "UTC":  # needs no time zone database
        return UTC
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"must be an IANA time zone such as Europe/Berlin or UTC, not {text!r}"
        raise ValueError(message) from error


def _some_time(text: str) -> timedelta:
    if duration := parse_duration(text):
        return duration
    message = f"must be longer than nothing, not {text!r}"
    raise ValueError(message)


def _window(table: Table) -> Window:
    window = Window(
        days=frozenset(_some(table, "days", table.array("days", parse_day))),
        start=table.parsed("start", parse_time),
        end=table.parsed("end", parse_time),
        zone=table.parsed("zone", parse_zone),
    )
    if window.start == window.end:
        key = "end"
        raise table.wrong(key, "must not be the start; for the whole day write 00:00 and 24:00")
    table.done()
    return window


def _freeze(table: Table) -> Freeze:
    zone = table.parsed("zone", parse_zone, "UTC")
    freeze = Freeze(
        start=_edge(table, "from", zone, days=0), end=_edge(table, "to", zone, days=1), reason=table.text("reason")
    )
    if freeze.end <= freeze.start:
        key = "to"
        raise table.wrong(key, "must not be before from")
    table.done()
    return freeze


def _edge(table: Table, key: str, zone: tzinfo, *, days: int) -> datetime:
    """Read an edge of a freeze: a time with its offset, or a day, which is frozen from its beginning to its end."""
    value = table.values.get(key)
    if isinstance(value, date) and not isinstance(value, datetime):
        table.moment(key)
        return datetime(value.year, value.month, value.day, tzinfo=zone) + days * DAY
    if moment := table.moment(key):
        return moment
    raise table.wrong(key, "is missing")


def _wave(table: Table) -> Wave:
    wave = Wave(
        name=table.text("name"),
        match=_match(table.table("match")),
        soak=table.parsed("soak", parse_duration),
        approval=_yes(table, "approval"),
        max_failures=table.number("max_failures", at_least=0, at_most=1000) if "max_failures" in table else 0,
        alarms=table.array("alarms", str),
        urgent=frozenset(table.array("urgent", _skippable)),
    )
    table.done()
    return wave


def _match(table: Table) -> Match:
    tags = table.table("tags")
    match = Match(
        accounts=_globs(table, "accounts"),
        regions=_globs(table, "regions"),
        clusters=_globs(table, "clusters"),
        groups=_globs(table, "groups"),
        tags={key: tags.text(key) for key in tags.values},
    )
    if not table.values:
        key = "clusters"
        raise table.wrong(key, 'is missing: a wave says which groups it is about; for all write clusters = ["*"]')
    table.done()
    return match


def _globs(table: Table, key: str) -> tuple[str, ...]:
    return _some(table, key, table.array(key, str)) if key in table else ANYTHING


def _some[T](table: Table, key: str, values: tuple[T, ...]) -> tuple[T, ...]:
    if not values:
        raise table.wrong(key, "must name at least one")
    return values


def _yes(table: Table, key: str) -> bool:
    if key not in table:
        raise table.wrong(key, "is missing")
    value = table.values[key]
    if not isinstance(value, bool):
        raise table.wrong(key, f"must be true or false, not {value!r}")
    return value


def _skippable(text: str) -> Skippable:
    if text not in set(Skippable):
        message = f"must be one of {', '.join(Skippable)}, not {text!r}"
        raise ValueError(message)
    return Skippable(text)


def _distinct(table: Table, waves: tuple[Wave, ...]) -> None:
    names = [wave.name for wave in waves]
    for index, name in enumerate(names):
        if name in names[:index]:
            key = f"wave[{index}].name"
            raise table.wrong(key, f"must be another than {name!r}: a wave has that name")


def _fits(value: str, globs: tuple[str, ...]) -> bool:
    return globs == ANYTHING or any(fnmatchcase(value, glob) for glob in globs)
