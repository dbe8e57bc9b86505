"""What was last seen of a release, and what is new about what is seen now.

    nothing remembered  ──────────────▶ first seen (remembered, announced to nobody)
    remembered X        ── SSM: Y ────▶ released   (Y is newer than X, or nothing says that it is older)
                        ── SSM: W ────▶ recalled   (W is older than X, or was named before it; all after W go with X)
                        ── image ─────▶ recalled   (X, and its image is withdrawn, deprecated or not allowed)
    recalled X          ── image ─────▶ restored   (X, and its image is usable again)

The memory has a version. Whoever compares reads the memory first and SSM after it, and writes the new memory only if the
version is still the one that was read: of two runs at once one loses. What changed is in the memory itself, so that it
can be announced from the record, and is not lost between writing and announcing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import takewhile
from typing import TYPE_CHECKING

from nodewarden.ami_release.image import why_unusable
from nodewarden.ami_release.release import Way, way

if TYPE_CHECKING:
    from datetime import datetime

    from nodewarden.ami_release.may_close import MayClose
    from nodewarden.node_group import Image, Target

MOST_RECALLED = 20  # recalls that are remembered for each parameter, the newest first
MOST_EARLIER = 10  # releases that a parameter named before


class NewsKind(StrEnum):
    """What is new about a release."""

    FIRST_SEEN = "first-seen"
    UNCHANGED = "unchanged"
    RELEASED = "released"
    RECALLED = "recalled"
    RESTORED = "restored"
    NOT_READY = "not-ready"  # SSM names a release whose image cannot be used yet: looked at again next time
    STALE = "stale"  # an answer older than the one before: SSM had not caught up


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What SSM and EC2 say now of the release for an AMI type and Kubernetes minor; `image` is None where not visible."""

    ami_type: str
    minor: str
    target: Target
    image: Image | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A release that a parameter named before, and when it was first seen to."""

    release_version: str
    first_seen: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What is remembered of one SSM parameter of an account and region.

    `release_version` is what it named last, `released_at` its LastModifiedDate then, `first_seen` when we first saw it
    so (what it goes back to keeps its moment), `previous` what it named before, `earlier` all that it named before and did
    not take back, the newest first. `recalled` are releases that were withdrawn, the newest first; the current one
    is among them while its image cannot be used. `change` is what changed last, `concerns` the release that this was
    about, `why` what a recall was seen by. `may_close` are incidents that waited for a release when it came; whether it has
    the fix, Inspector says. `version` counts the writes, from 1.
    """

    parameter: str
    ami_type: str
    minor: str
    release_version: str
    released_at: datetime
    first_seen: datetime
    change: NewsKind
    concerns: str
    why: str = ""
    image_id: str | None = None
    previous: str | None = None
    recalled: tuple[str, ...] = ()
    earlier: tuple[Earlier, ...] = ()
    may_close: tuple[MayClose, ...] = ()
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What comparing found, and the memory as it is to be; None where nothing is to be remembered yet.

    `why` says what a recall was seen by, or why a release is not ready.
    """

    kind: NewsKind
    sighting: Sighting | None
    why: str = ""

    @property
    def changed(self) -> Sighting | None:
        """The memory to write, on the condition that the stored version is one less (or that there is none, for 1)."""
        return self.sighting if self.sighting and self.kind is self.sighting.change else None


def compare(before: Sighting | None, seen: Seen, now: datetime) -> News:
    """Compare what is remembered of the target's parameter with what SSM and EC2 say now.

    A parameter that SSM does not have is nothing to compare: a standing says so. Comparing the new memory with the same
    answers finds nothing new.
    """
    target, fault = seen.target, why_unusable(seen.target, seen.image, now)
    if before is None:
        return _never_seen(seen, fault, now)
    if target.release_version == before.release_version:
        return _same_release(before, fault)
    if target.released_at < before.released_at:
        return News(kind=NewsKind.STALE, sighting=before)
    if _goes_back(before, target):
        return _moved_back(before, target, fault, now)
    return _moved_on(before, target, fault, now)


def is_recalled(sighting: Sighting | None, release_version: str) -> bool:
    """Tell whether a release was recalled, as far as is remembered: nothing may be rolled to it.

    What SSM named and is newer than what it names now was taken back, too, seen or not.
    """
    return sighting is not None and (release_version in sighting.recalled or _is_past(sighting, release_version))


def why_recalled(sighting: Sighting | None, target: Target, image: Image | None, now: datetime) -> str | None:
    """Say why nothing may be started towards a target any more, or None where it is sound.

    A target that SSM has replaced by a newer one is sound: a rollout carries its target to the end. `sighting` is what
    is remembered of the target's parameter, `image` the target's AMI, None where this account does not see it.
    """
    if sighting is not None and is_recalled(sighting, target.release_version):
        went_back = sighting.change is NewsKind.RECALLED and _is_past(sighting, target.release_version)
        ours = sighting.concerns == target.release_version or went_back
        why = f": {sighting.why}" if ours and sighting.why else ""
        return f"{target.release_version} was recalled{why}"
    return why_unusable(target, image, now)


def _never_seen(seen: Seen, fault: str | None, now: datetime) -> News:
    if fault:
        return News(kind=NewsKind.NOT_READY, sighting=None, why=fault)
    sighting = Sighting(
        parameter=seen.target.parameter,
        ami_type=seen.ami_type,
        minor=seen.minor,
        release_version=seen.target.release_version,
        released_at=seen.target.released_at,
        first_seen=now,
        change=NewsKind.FIRST_SEEN,
        concerns=seen.target.release_version,
        image_id=seen.target.image_id,
    )
    return News(kind=NewsKind.FIRST_SEEN, sighting=sighting)


def _same_release(before: Sighting, fault: str | None) -> News:
    release, was_recalled = before.release_version, is_recalled(before, before.release_version)
    if bool(fault) is was_recalled:
        return News(kind=NewsKind.UNCHANGED, sighting=before)
    kind = NewsKind.RECALLED if fault else NewsKind.RESTORED
    recalled = _with(release, before.recalled) if fault else _without(release, before.recalled)
    return _news(replace(before, recalled=recalled), kind, release, fault or "")


def _is_past(sighting: Sighting, release_version: str) -> bool:
    return way(sighting.release_version, release_version) is Way.FORWARD


def _goes_back(before: Sighting, target: Target) -> bool:
    """Tell whether the parameter names an older release now; one without order is older if it was named before."""
    match way(before.release_version, target.release_version):
        case Way.BACKWARD:
            return True
        case Way.UNKNOWN:
            return any(each.release_version == target.release_version for each in before.earlier)
        case _:
            return False


def _moved_back(before: Sighting, target: Target, fault: str | None, now: datetime) -> News:
    gone, back = before.release_version, target.release_version
    past = tuple(takewhile(lambda each: _is_after(each, back), before.earlier))
    left = before.earlier[len(past) :]
    known = left[:1] if left and left[0].release_version == back else ()
    recalled = _with(back, before.recalled) if fault else _without(back, before.recalled)
    for release in (*(each.release_version for each in reversed(past)), gone):
        recalled = _with(release, recalled)
    named = replace(
        _named(before, target, known[0].first_seen if known else now),
        previous=None,
        recalled=recalled,
        earlier=left[len(known) :],
    )
    over = f", past {', '.join(each.release_version for each in past)}" if past else ""
    return _news(named, NewsKind.RECALLED, gone, f"{target.parameter} went back from {gone} to {back}{over}")


def _is_after(earlier: Earlier, back: str) -> bool:
    """Tell whether an earlier release came after the one that is named again, as far as the ones before it did."""
    return earlier.release_version != back and way(back, earlier.release_version) is not Way.BACKWARD


def _moved_on(before: Sighting, target: Target, fault: str | None, now: datetime) -> News:
    if fault:
        return News(kind=NewsKind.NOT_READY, sighting=before, why=fault)
    release = target.release_version
    replaced = Earlier(release_version=before.release_version, first_seen=before.first_seen)
    earlier = (replaced, *(each for each in before.earlier if each.release_version != release))[:MOST_EARLIER]
    named = replace(_named(before, target, now), recalled=_without(release, before.recalled), earlier=earlier)
    return _news(named, NewsKind.RELEASED, release)


def _named(before: Sighting, target: Target, first_seen: datetime) -> Sighting:
    return replace(
        before,
        release_version=target.release_version,
        released_at=target.released_at,
        image_id=target.image_id,
        first_seen=first_seen,
        previous=before.release_version,
    )


def _news(sighting: Sighting, kind: NewsKind, concerns: str, why: str = "") -> News:
    changed = replace(sighting, change=kind, concerns=concerns, why=why, may_close=(), version=sighting.version + 1)
    return News(kind=kind, sighting=changed, why=why)


def _with(release: str, recalled: tuple[str, ...]) -> tuple[str, ...]:
    return (release, *_without(release, recalled))[:MOST_RECALLED]


def _without(release: str, recalled: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(each for each in recalled if each != release)
