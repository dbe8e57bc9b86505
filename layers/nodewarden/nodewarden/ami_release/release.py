"""Release versions: which way one lies from another.

Equality says whether a node group runs its target. The way is asked for one thing only: to see a move backwards, which
is a recall or a group that is ahead.

    Amazon Linux   1.33.2-20260714    Kubernetes version and the day of the build: the day decides, then the patch
    Bottlerocket   1.30.0-ca9b9399    its own version and a commit, which has no order
    Windows        1.31-2024.11.12    Kubernetes minor and the day of the build
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

AMAZON_LINUX = re.compile(
    r"(?P<minor>\d{1,2}\.\d{1,3})\.(?P<patch>\d{1,4})-(?P<y>20\d\d)(?P<m>\d\d)(?P<d>\d\d)", re.ASCII
)
BOTTLEROCKET = re.compile(r"(?P<a>\d{1,4})\.(?P<b>\d{1,4})\.(?P<c>\d{1,4})-(?P<commit>[0-9a-f]{7,40})", re.ASCII)
KUBERNETES = re.compile(r"(\d{1,2})\.(\d{1,3})", re.ASCII)
WINDOWS = re.compile(r"(?P<minor>\d{1,2}\.\d{1,3})-(?P<y>20\d\d)\.(?P<m>\d\d)\.(?P<d>\d\d)", re.ASCII)


class Way(StrEnum):
    """Which way one release version lies from another."""

    SAME = "same"
    FORWARD = "forward"
    BACKWARD = "backward"
    UNKNOWN = "unknown"  # not the same, and nothing says which is newer


@dataclass(frozen=True, slots=True)
class _Release:
    """What can be ordered of a release version: only within one `line`."""

    line: str
    rank: tuple[int, ...]
    day: date | None = None


def way(before: str, after: str) -> Way:
    """Say which way `after` lies from `before`.

    >>> way("1.33.2-20260714", "1.33.1-20260720").value
    'forward'
    >>> way("1.30.0-ca9b9399", "1.30.0-0d4f2a11").value
    'unknown'
    """
    if before == after:
        return Way.SAME
    old, new = _read(before), _read(after)
    if old is None or new is None or old.line != new.line or old.rank == new.rank:
        return Way.UNKNOWN
    return Way.FORWARD if old.rank < new.rank else Way.BACKWARD


def built_on(release_version: str) -> date | None:
    """Give the day that a release version names; None for Bottlerocket's, which name none.

    >>> built_on("1.31-2024.11.12")
    datetime.date(2024, 11, 12)
    """
    release = _read(release_version)
    return release.day if release else None


def minor_of(kubernetes: str) -> tuple[int, int] | None:
    """Read a Kubernetes version such as `1.33` so that it can be ordered; None for what is none.

    >>> minor_of("1.9") < minor_of("1.33")
    True
    """
    match = KUBERNETES.fullmatch(kubernetes)
    return (int(match[1]), int(match[2])) if match else None


def _read(text: str) -> _Release | None:
    # Amazon Linux is asked first: a day of this century is hardly ever a commit.
    if (match := AMAZON_LINUX.fullmatch(text)) and (day := _day(match)):
        return _Release(f"AL {match['minor']}", (day.toordinal(), int(match["patch"])), day)
    if (match := WINDOWS.fullmatch(text)) and (day := _day(match)):
        return _Release(f"Windows {match['minor']}", (day.toordinal(),), day)
    if match := BOTTLEROCKET.fullmatch(text):
        return _Release("Bottlerocket", (int(match["a"]), int(match["b"]), int(match["c"])))
    return None


def _day(match: re.Match[str]) -> date | None:
    try:
        return date(int(match["y"]), int(match["m"]), int(match["d"]))
    except ValueError:
        return None
