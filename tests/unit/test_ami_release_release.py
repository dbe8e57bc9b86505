"""Which way one release version lies from another: within a line of releases, and not beyond."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodewarden.ami_release.release import Way, built_on, minor_of, way

BACK = {
    Way.SAME: Way.SAME,
    Way.FORWARD: Way.BACKWARD,
    Way.BACKWARD: Way.FORWARD,
    Way.UNKNOWN: Way.UNKNOWN,
}
FEW = st.integers(min_value=0, max_value=12)
DAYS = st.dates(min_value=date(2025, 12, 25), max_value=date(2026, 1, 5))
RELEASES = st.one_of(
    st.builds(lambda minor, patch, day: f"1.{minor}.{patch}-{day:%Y%m%d}", FEW, FEW, DAYS),
    st.builds(lambda a, b, commit: f"1.{a}.{b}-{commit}", FEW, FEW, st.sampled_from(["ca9b9399", "0d4f2a11"])),
    st.builds(lambda minor, day: f"1.{minor}-{day:%Y.%m.%d}", FEW, DAYS),
    st.text(max_size=12),
)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("1.33.2-20260714", "1.33.2-20260714", Way.SAME),
        ("1.33.2-20260714", "1.33.2-20260720", Way.FORWARD),
        ("1.33.2-20260714", "1.33.10-20260714", Way.FORWARD),
        ("1.33.10-20260714", "1.33.9-20260720", Way.FORWARD),
        ("1.33.2-20260720", "1.33.2-20260714", Way.BACKWARD),
        ("1.33.2-20260714", "1.34.2-20260714", Way.UNKNOWN),
        ("1.9.2-20260714", "1.9.10-20260714", Way.FORWARD),
        ("1.30.0-ca9b9399", "1.30.1-0d4f2a11", Way.FORWARD),
        ("1.9.0-ca9b9399", "1.30.0-0d4f2a11", Way.FORWARD),
        ("1.30.0-ca9b9399", "1.29.9-0d4f2a11", Way.BACKWARD),
        ("1.30.0-ca9b9399", "1.30.0-0d4f2a11", Way.UNKNOWN),
        ("1.30.0-12345678", "1.31.0-0d4f2a11", Way.FORWARD),
        ("1.31-2024.11.12", "1.31-2024.12.01", Way.FORWARD),
        ("1.31-2024.11.12", "1.31-2023.12.01", Way.BACKWARD),
        ("1.31-2024.11.12", "1.32-2024.12.01", Way.UNKNOWN),
        ("1.31-2024.11.12", "1.31.2-20241112", Way.UNKNOWN),
        ("1.31-2024.13.12", "1.31-2024.11.12", Way.UNKNOWN),
        ("ami-0123456789abcdef0", "1.33.2-20260714", Way.UNKNOWN),
        ("", "1.33.2-20260714", Way.UNKNOWN),
        ("1.33.2-20260714", "1.33.2-20260720\n", Way.UNKNOWN),
    ],
)
def test_a_release_lies_so_from_another(before: str, after: str, expected: Way) -> None:
    assert way(before, after) is expected


@given(one=RELEASES, other=RELEASES)
def test_the_way_back_is_the_other_way(one: str, other: str) -> None:
    assert way(other, one) is BACK[way(one, other)]
    assert (way(one, other) is Way.SAME) == (one == other)


@given(one=RELEASES, two=RELEASES, three=RELEASES)
def test_forward_and_forward_again_is_forward(one: str, two: str, three: str) -> None:
    if way(one, two) is Way.FORWARD and way(two, three) is Way.FORWARD:
        assert way(one, three) is Way.FORWARD


@given(day=st.dates(min_value=date(2018, 6, 1), max_value=date(2099, 12, 30)), patch=FEW)
def test_a_later_build_is_forward_whatever_its_patch(day: date, patch: int) -> None:
    later = day + timedelta(days=1)

    assert way(f"1.33.{patch}-{day:%Y%m%d}", f"1.33.1-{later:%Y%m%d}") is Way.FORWARD


@pytest.mark.parametrize(
    ("release", "day"),
    [
        ("1.33.2-20260714", date(2026, 7, 14)),
        ("1.31-2024.11.12", date(2024, 11, 12)),
        ("1.30.0-ca9b9399", None),
        ("ami-0123456789abcdef0", None),
    ],
)
def test_a_release_names_the_day_of_its_build(release: str, day: date | None) -> None:
    assert built_on(release) == day


@pytest.mark.parametrize(("text", "minor"), [("1.33", (1, 33)), ("1.33.2", None), ("v1.33", None), ("", None)])
def test_a_kubernetes_version_is_read(text: str, minor: tuple[int, int] | None) -> None:
    assert minor_of(text) == minor
