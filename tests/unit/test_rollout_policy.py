"""rollout.toml as text: what it may say, and which mistake is called what."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from nodewarden import policy
from nodewarden.errors import PolicyError
from nodewarden.rollout.policy import RolloutPolicy, Skippable, parse_duration, read
from tests.unit.rollout_builders import group
from tests.unit.rollout_builders import policy as settings
from tests.unit.rollout_builders import wave as wave_of

WINDOW = '{ days = ["mon"], start = "09:00", end = "16:00", zone = "UTC" }'
WAVE = 'name = "dev", match = { clusters = ["*"] }, soak = "1d", approval = false'
SETTINGS = {
    "minimum_age": '"3d"',
    "max_concurrency": "5",
    "approval_timeout": '"7d"',
    "stuck_after": '"1d"',
    "window": f"[{WINDOW}]",
}


def toml(**changes: str | None) -> str:
    """Write the settings, some replaced, added, or left out (None)."""
    return "\n".join(f"{key} = {value}" for key, value in {**SETTINGS, **changes}.items() if value is not None)


def window(**changes: str) -> str:
    parts = {"days": '["mon"]', "start": '"09:00"', "end": '"16:00"', "zone": '"UTC"', **changes}
    return toml(window=f"[{{ {', '.join(f'{key} = {value}' for key, value in parts.items())} }}]")


def freeze(text: str) -> str:
    return toml(freeze=f"[{{ {text} }}]")


def wave(rest: str, start: str = WAVE) -> str:
    return toml(wave=f"[{{ {start}, {rest} }}]")


def read_text(text: str) -> RolloutPolicy:
    return read(policy.parse("rollout.toml", text))


MISTAKES = {
    "a misspelt setting": (toml(minimum_ag='"3d"'), "minimum_ag is not a setting here"),
    "a misspelt key of a window": (window(zon='"UTC"'), "window[0].zon is not a setting here"),
    "a misspelt key of a freeze": (
        freeze('from = 2026-12-18, to = 2026-12-19, reason = "x", too = 1'),
        "freeze[0].too is not a setting here",
    ),
    "a misspelt key of a wave": (wave("aproval = true"), "wave[0].aproval is not a setting here"),
    "a misspelt key of a match": (
        wave('match = { cluster = ["x"] }', 'name = "dev", soak = "1d", approval = false'),
        "wave[0].match.cluster is not a setting here",
    ),
    "no minimum age": (toml(minimum_age=None), "minimum_age is missing"),
    "a duration without a unit": (toml(minimum_age='"3"'), "minimum_age must be a duration of up to a year"),
    "a duration that is a number": (toml(minimum_age="3"), "minimum_age must be a text"),
    "a duration of two parts": (toml(stuck_after='"1d12h"'), "stuck_after must be a duration"),
    "a duration that is negative": (toml(stuck_after='"-1d"'), "stuck_after must be a duration"),
    "a duration of more than a year": (toml(stuck_after='"53w"'), "stuck_after must be a duration of up to a year"),
    "an approval that is never waited for": (
        toml(approval_timeout='"0d"'),
        "approval_timeout must be longer than nothing",
    ),
    "a hindrance that is never waited for": (toml(stuck_after='"0m"'), "stuck_after must be longer than nothing"),
    "no concurrency": (toml(max_concurrency="0"), "max_concurrency must be a whole number from 1 to 40"),
    "more at once than a transaction holds": (toml(max_concurrency="41"), "max_concurrency must be a whole number"),
    "no window": (toml(window=None), "window is missing: nothing could ever start; for every hour write one with days"),
    "an empty list of windows": (toml(window="[]"), "window is missing"),
    "a window without days": (window(days="[]"), "window[0].days must name at least one"),
    "a window on a day that there is not": (window(days='["mon", "tues"]'), "window[0].days[1] must be one of mon, "),
    "a window with a time that there is not": (window(start='"9"'), "window[0].start must be a time of day"),
    "a window with a time that is no text": (window(start="09:00:00"), "window[0].start must be a text"),
    "a window of no length": (window(end='"09:00"'), "window[0].end must not be the start"),
    "a window in a zone that there is not": (window(zone='"Berlin"'), "window[0].zone must be an IANA time zone"),
    "a window in a zone that is a path": (window(zone='"../etc/passwd"'), "window[0].zone must be an IANA time zone"),
    "a window in a zone that is a folder": (window(zone='"Europe"'), "window[0].zone must be an IANA time zone"),
    "a window without a zone": (
        toml(window='[{ days = ["mon"], start = "09:00", end = "16:00" }]'),
        "window[0].zone is missing",
    ),
    "a freeze without a reason": (freeze("from = 2026-12-18, to = 2026-12-19"), "freeze[0].reason is missing"),
    "a freeze without an end": (freeze('from = 2026-12-18, reason = "x"'), "freeze[0].to is missing"),
    "a freeze without a beginning": (freeze('to = 2026-12-18, reason = "x"'), "freeze[0].from is missing"),
    "a freeze that ends before it begins": (
        freeze('from = 2026-12-18, to = 2026-12-17, reason = "x"'),
        "freeze[0].to must not be before from",
    ),
    "a freeze at a time without an offset": (
        freeze('from = 2026-12-18T10:00:00, to = 2026-12-19, reason = "x"'),
        "freeze[0].from must be a date",
    ),
    "a freeze from a text": (
        freeze('from = "2026-12-18", to = 2026-12-19, reason = "x"'),
        "freeze[0].from must be a date",
    ),
    "a wave without a name": (wave('soak = "1d"', "match = {}"), "wave[0].name is missing"),
    "a wave that matches nothing said": (
        wave('soak = "1d"', 'name = "dev", match = {}'),
        "wave[0].match.clusters is missing: a wave says which groups it is about",
    ),
    "a wave without a match": (wave('soak = "1d"', 'name = "dev"'), "wave[0].match.clusters is missing"),
    "a wave with an empty list of clusters": (
        wave('soak = "1d"', 'name = "dev", match = { clusters = [] }'),
        "wave[0].match.clusters must name at least one",
    ),
    "a wave with a tag that is no text": (
        wave('soak = "1d"', 'name = "dev", match = { tags = { wave = 1 } }'),
        "wave[0].match.tags.wave must be a text",
    ),
    "a wave without a soak": (
        wave("approval = false", 'name = "dev", match = { clusters = ["*"] }'),
        "wave[0].soak is missing",
    ),
    "a wave that does not say whether it is approved": (
        wave('soak = "1d"', 'name = "dev", match = { clusters = ["*"] }'),
        "wave[0].approval is missing",
    ),
    "an approval that is a text": (
        wave('approval = "no"', 'name = "dev", match = { clusters = ["*"] }, soak = "1d"'),
        "wave[0].approval must be true or false",
    ),
    "a negative number of failures": (wave("max_failures = -1"), "wave[0].max_failures must be a whole number"),
    "an alarm that is no text": (wave("alarms = [1]"), "wave[0].alarms[0] must be a text"),
    "a freeze that urgency skips": (wave('urgent = ["freeze"]'), "wave[0].urgent[0] must be one of minimum_age, "),
    "two waves of one name": (toml(wave=f"[{{ {WAVE} }}, {{ {WAVE} }}]"), "wave[1].name must be another than 'dev'"),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.values(), ids=MISTAKES)
def test_is_refused_with_its_path(text: str, message: str) -> None:
    with pytest.raises(PolicyError) as refused:
        read_text(text)

    assert str(refused.value).startswith(f"rollout.toml: {message}")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("30m", timedelta(minutes=30)),
        ("12h", timedelta(hours=12)),
        ("3d", timedelta(days=3)),
        ("2w", timedelta(weeks=2)),
        ("0d", timedelta()),
        ("366d", timedelta(days=366)),
    ],
)
def test_durations_are_whole_numbers_of_one_unit(text: str, meant: timedelta) -> None:
    assert parse_duration(text) == meant


def test_what_is_optional_may_be_left_out() -> None:
    sparse = read_text(wave('soak = "1d"', 'name = "dev", match = { clusters = ["*"] }, approval = false'))

    assert (sparse.waves[0].max_failures, sparse.waves[0].alarms, sparse.waves[0].urgent) == (0, (), frozenset())
    assert sparse.calendar.freezes == ()
    assert read_text(toml()).waves == ()


def test_cases_are_not_the_services_business() -> None:
    assert read_text(toml(case="[{ anything = 1 }]")) == read_text(toml())


def test_a_freeze_holds_all_of_its_days_by_the_clocks_of_its_zone() -> None:
    zone = ZoneInfo("Europe/Berlin")

    (frozen,) = read_text(
        freeze('from = 2026-12-18, to = 2027-01-06, zone = "Europe/Berlin", reason = "x"')
    ).calendar.freezes

    assert (frozen.start, frozen.end) == (datetime(2026, 12, 18, tzinfo=zone), datetime(2027, 1, 7, tzinfo=zone))


def test_a_freeze_may_have_its_exact_times() -> None:
    (frozen,) = read_text(
        freeze('from = 2026-12-18T10:00:00Z, to = 2026-12-18T12:00:00Z, reason = "x"')
    ).calendar.freezes

    assert (frozen.start, frozen.end) == (
        datetime(2026, 12, 18, 10, tzinfo=UTC),
        datetime(2026, 12, 18, 12, tzinfo=UTC),
    )


def test_a_group_is_in_the_first_wave_that_it_fits() -> None:
    both = settings(wave_of("first", match={"clusters": ["*"]}), wave_of("second", match={"clusters": ["demo"]}))

    found = both.wave_of(group())

    assert found
    assert found.name == "first"


@pytest.mark.parametrize(
    "match",
    [
        {"clusters": ["prod-*"]},
        {"groups": ["spot-?"]},
        {"regions": ["us-*"]},
        {"accounts": ["444455556666"]},
        {"tags": {"team": "shop"}},
        {"tags": {"team": "*"}},
        {"clusters": ["demo"], "tags": {"team": "shop"}},
    ],
    ids=str,
)
def test_all_that_a_match_says_must_fit(match: dict[str, object]) -> None:
    assert settings(wave_of(match=match)).wave_of(group()) is None


@pytest.mark.parametrize(
    "match",
    [
        {"clusters": ["prod-*", "de*"]},
        {"groups": ["work???"]},
        {"regions": ["eu-*"]},
        {"accounts": ["111122223333"]},
        {"tags": {"nodewarden:wave": "d*"}},
        {"clusters": ["demo"], "tags": {"nodewarden:wave": "dev"}},
    ],
    ids=str,
)
def test_a_match_takes_wildcards_and_lists(match: dict[str, object]) -> None:
    assert settings(wave_of(match=match)).wave_of(group())


def test_names_are_told_apart_by_case() -> None:
    shouting = replace(group(), tags={"nodewarden:wave": "DEV"})

    assert settings().wave_of(shouting) is None


def test_urgency_skips_what_the_wave_says() -> None:
    (hasty,) = read_text(wave('urgent = ["soak", "window"]')).waves

    assert hasty.urgent == {Skippable.SOAK, Skippable.WINDOW}
