"""Where a rollout stands: a head, and a progress for each of its node groups.

    planned ──► rolling ──► soaking ──► rolling (the next wave) ──► … ──► finished
       │  ▲                  │  ▲
       ▼  │                  ▼  │
     awaiting-approval (of the wave that comes next: asked first, then begun)

    planned, rolling, soaking, awaiting-approval ──► paused (a person) or halted (we)
    paused, halted ──► where it was, when a person resumes
    any of the above ──► aborting ──► aborted (no more starts; what updates is watched to its end)
    planned ──► superseded (a newer release, before the first start)

`finished`, `aborted` and `superseded` are final.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from nodewarden.node_group import HealthIssue, NodeGroup, NodeGroupKey, Target
    from nodewarden.rollout.answer import Answered
    from nodewarden.rollout.step import Step

SCHEMA = 1  # of what is stored: a reader refuses what is newer than it knows
HOLD_TAG = "nodewarden:hold"
PIN_TAG = "nodewarden:pin"
FORCE_TAG = "nodewarden:force"


class State(StrEnum):
    """How a rollout stands. Its value is what people and the table read."""

    PLANNED = "planned"
    ROLLING = "rolling"
    SOAKING = "soaking"
    AWAITING_APPROVAL = "awaiting-approval"
    HALTED = "halted"
    PAUSED = "paused"
    ABORTING = "aborting"
    FINISHED = "finished"
    ABORTED = "aborted"
    SUPERSEDED = "superseded"


FINAL = frozenset({State.FINISHED, State.ABORTED, State.SUPERSEDED})


class GroupState(StrEnum):
    """How a node group of a rollout stands."""

    WAITING = "waiting"
    STARTING = "starting"  # written before EKS is called; the next tick finds out what became of it
    UPDATING = "updating"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"  # by a person
    LEFT_ALONE = "left-alone"  # by us: it is no longer what was planned


ACTIVE = frozenset({GroupState.STARTING, GroupState.UPDATING})
UNFINISHED = ACTIVE | {GroupState.WAITING}


class HaltCause(StrEnum):
    """Why a rollout halted by itself."""

    FAILURES = "failures"  # more groups of a wave failed than it may have
    RECALL = "recall"  # the target was taken back
    GATE = "gate"  # after the soak, an alarm or a group's health stayed bad
    APPROVAL = "approval"  # nobody answered in time
    POLICY = "policy"  # the policy no longer has the wave


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """Why a rollout halted, and since when."""

    cause: HaltCause
    why: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupProgress:
    """A node group of a rollout and how far it came.

    `previous_release` and `minor` are what it ran when it was planned, in the rollout `rollout_id`. `attempt` counts
    deliberate tries. `started_at` is when the intent of the attempt was first written, `called_at` when EKS was last to be called. `stuck_since` is when
    something first stood in the way, `refusals` counts EKS's "Allowed release version is …", `not_before` bounds the
    next try. `update_before` is the latest refresh of a self-managed group when the intent was written: one that is not
    that one came after it. `accepted` is a failure (or an illness after the soak) that a person resumed over, `may_return` a group that a later plan takes in again,
    `healthy_at` when it was last found healthy after its wave's soak.
    """

    key: NodeGroupKey
    wave: str
    target: Target
    minor: str
    previous_release: str
    rollout_id: str = ""
    state: GroupState = GroupState.WAITING
    attempt: int = 1
    update_id: str | None = None
    update_before: str | None = None
    started_at: datetime | None = None
    called_at: datetime | None = None
    finished_at: datetime | None = None
    looked_at: datetime | None = None
    healthy_at: datetime | None = None
    stuck_since: datetime | None = None
    not_before: datetime | None = None
    refusals: int = 0
    errors: tuple[HealthIssue, ...] = ()
    why: str = ""
    accepted: bool = False
    may_return: bool = False

    @property
    def token(self) -> str:
        """The `clientRequestToken` of this attempt: the same each time the call is made again, so EKS updates once.

        To a token that it knows, EKS answers with the update of then: another rollout, and another minor, has its own.
        """
        return self._token()

    @property
    def forced_token(self) -> str:
        """The token of the same call with `force`, which is another one to EKS."""
        return self._token("force")

    def _token(self, *how: str) -> str:
        key, release = self.key, self.target.release_version
        where = (self.rollout_id, key.account, key.region, key.cluster, key.name)
        parts = (*where, self.minor, release, str(self.attempt), *how)
        return hashlib.sha256("|".join(parts).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """A rollout: the head, with all groups.

    `version` counts the writes of the head: the table's, which refuses a write over another. `waves` are the names of
    the waves that it has groups in, in their order as it was planned; `wave` is the index of the one that began last, -1
    before the first. `accepted` are the waves whose alarms a person resumed over. `asked_at` is when approval of the next wave was asked for, `trouble_since` when its gate first found
    something after the soak, `held_from` where a pause or halt goes back to. `steps` are what people should hear of the
    latest change that has any, numbered: `told` is the number of the last.
    """

    rollout_id: str
    family: str
    account: str
    region: str
    created_at: datetime
    waves: tuple[str, ...]
    groups: Mapping[NodeGroupKey, GroupProgress]
    state: State = State.PLANNED
    reason: str = ""
    urgent: bool = False
    version: int = 0
    schema: int = SCHEMA
    wave: int = -1
    wave_started_at: datetime | None = None
    wave_done_at: datetime | None = None
    asked_at: datetime | None = None
    trouble_since: datetime | None = None
    finished_at: datetime | None = None
    approved: frozenset[str] = frozenset()
    accepted: frozenset[str] = frozenset()
    recalls: frozenset[Target] = frozenset()
    halt: Halt | None = None
    held_from: State | None = None
    answers: tuple[Answered, ...] = ()
    steps: tuple[Step, ...] = ()
    told: int = 0
    why: str = ""

    @property
    def current_wave(self) -> str | None:
        """The name of the wave that began last; None before the first."""
        return self.waves[self.wave] if self.wave >= 0 else None

    @property
    def next_wave(self) -> str | None:
        """The name of the wave that comes next; None after the last."""
        return self.waves[self.wave + 1] if self.wave + 1 < len(self.waves) else None

    @property
    def begun_waves(self) -> tuple[str, ...]:
        """The names of the waves that began."""
        return self.waves[: self.wave + 1]

    @property
    def active(self) -> tuple[GroupProgress, ...]:
        """The groups that are starting or updating."""
        return tuple(group for group in self.groups.values() if group.state in ACTIVE)

    def of_wave(self, *names: str) -> tuple[GroupProgress, ...]:
        """Give the groups of some waves."""
        return tuple(group for group in self.groups.values() if group.wave in names)

    def with_groups(self, changed: Iterable[GroupProgress]) -> Rollout:
        """Give the rollout with some groups changed; itself where none is."""
        news = {group.key: group for group in changed if self.groups.get(group.key) != group}
        return replace(self, groups={**self.groups, **news}) if news else self

    def waiting_for(self, why: str) -> Rollout:
        """Give the rollout with what it waits for; itself where that is known."""
        return self if self.why == why else replace(self, why=why)


def kept_back(group: NodeGroup) -> str:
    """Say by which of its tags people keep a node group as it is; empty where none does."""
    if HOLD_TAG in group.tags:
        return f"held by the tag {HOLD_TAG}: {group.tags[HOLD_TAG] or 'no reason given'}"
    return f"pinned to {group.tags[PIN_TAG]} by the tag {PIN_TAG}" if PIN_TAG in group.tags else ""
