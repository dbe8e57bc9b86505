"""What people should hear of a rollout: one step at a time, not each group. The words are made elsewhere, from this."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import median_low
from typing import TYPE_CHECKING

from nodewarden.rollout.state import GroupState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime, timedelta

    from nodewarden.rollout.state import GroupProgress, Rollout

MOST_GROUPS = 20  # of a step: the head is one item of up to 400 KB
MOST_RELEASES = 20  # of a step: each AMI type and Kubernetes minor may have its own


class StepKind(StrEnum):
    """Which step of a rollout."""

    PLANNED = "planned"
    SUPERSEDED = "superseded"
    WAVE_STARTED = "wave-started"
    WAVE_DONE = "wave-done"
    AWAITING_APPROVAL = "awaiting-approval"
    HALTED = "halted"
    PAUSED = "paused"
    RESUMED = "resumed"
    ANSWER_REFUSED = "answer-refused"
    NOT_ALLOWED_YET = "not-allowed-yet"
    FINISHED = "finished"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """How long a wave took from its beginning, and its updates: the middle one and the longest."""

    wave: timedelta
    median: timedelta
    longest: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWave:
    """A wave as it was planned: how many groups it has, how long they run before the next, whether a person is asked first."""

    name: str
    groups: int
    soak: timedelta
    approval: bool


# The steps that look ahead: they are about the groups that wait.
AHEAD = frozenset({StepKind.PLANNED, StepKind.WAVE_STARTED, StepKind.AWAITING_APPROVAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: `number` counts the steps of the rollout.

    `counts` says how many groups are in each state, of the wave where one is named, else of the rollout (where EKS does
    not take a release yet, of those that were refused); `groups` are those it is about (waiting, failed, left alone, done), at most 20; `releases` is what the groups that are counted
    go to, at most 20. `expected_at` is when the next start is allowed. `waves` are all waves in order, where it is planned.
    """

    kind: StepKind
    number: int
    at: datetime
    wave: str | None
    counts: Mapping[GroupState, int]
    why: str = ""
    by: str = ""
    groups: tuple[GroupProgress, ...] = ()
    durations: Durations | None = None
    expected_at: datetime | None = None
    releases: tuple[str, ...] = ()
    waves: tuple[PlannedWave, ...] = ()

    @property
    def total(self) -> int:
        """How many groups are counted."""
        return sum(self.counts.values())


def tell(  # noqa: PLR0913  # what a step says is said by name
    rollout: Rollout,
    kind: StepKind,
    now: datetime,
    *,
    wave: str | None = None,
    why: str = "",
    by: str = "",
    about: Iterable[GroupState] = (),
    expected_at: datetime | None = None,
    waves: tuple[PlannedWave, ...] = (),
    groups: Iterable[GroupProgress] | None = None,
) -> Rollout:
    """Add a step to what people should hear; `about` are the states of the groups that it lists.

    It counts and lists the given `groups`; where there are none, those of the wave, or all.
    """
    groups = tuple(groups or (rollout.of_wave(wave) if wave else rollout.groups.values()))
    states = frozenset({GroupState.WAITING} if kind in AHEAD else about)
    listed = sorted((group for group in groups if group.state in states), key=lambda group: _turn(rollout, group))
    step = Step(
        kind=kind,
        number=rollout.told + 1,
        at=now,
        wave=wave,
        counts=Counter(group.state for group in groups),
        why=why,
        by=by,
        groups=tuple(listed)[:MOST_GROUPS],
        durations=_durations(rollout, groups, now) if kind is StepKind.WAVE_DONE else None,
        expected_at=expected_at,
        releases=tuple(sorted({group.target.release_version for group in groups}))[:MOST_RELEASES],
        waves=waves,
    )
    return replace(rollout, steps=(*rollout.steps, step), told=step.number)


def _turn(rollout: Rollout, group: GroupProgress) -> tuple[bool, int]:
    """Put what needs a person first, then wave by wave."""
    return group.state is GroupState.DONE, rollout.waves.index(group.wave)


def _durations(rollout: Rollout, groups: Iterable[GroupProgress], now: datetime) -> Durations | None:
    done = (group for group in groups if group.state is GroupState.DONE)
    took = [group.finished_at - group.started_at for group in done if group.finished_at and group.started_at]
    if not took or rollout.wave_started_at is None:
        return None
    return Durations(wave=now - rollout.wave_started_at, median=median_low(took), longest=max(took))
