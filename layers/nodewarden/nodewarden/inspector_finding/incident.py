"""Incidents: all findings about the hosts of one node group and one image, as one thing that people hear of.

Its state is found anew each time, from what is open, the node group's standing, and its rollout; any can follow any other:

    recorded, closed                         over: nothing urgent is open
    urgent-requested, in-rollout, rolled     the group is behind, being rolled, rolled
    waiting-for-ami, not-fixed               the group runs what there is
    not-rolled, node-group-gone              not ours to roll, kept back, gone
    reachable, no-group-to-blame             of the incident `network`
    not-scanned                              of the incident `coverage`
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from nodewarden.inspector_finding.finding import Kind
from nodewarden.node_group import NodeGroupKey

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from nodewarden.inspector_finding.finding import Finding
    from nodewarden.inspector_finding.host import Hosts

SCHEMA = 1  # of what is stored: a reader refuses what is newer than it knows
NETWORK, COVERAGE, UNKNOWN_IMAGE = "network", "coverage", "unknown-image"
# What opens and closes again and again, as a group that is scaled to nothing each night does, is told this often; after
# that once in QUIET, and where there is something that was never told.
MOST_ROUNDS, QUIET = 3, timedelta(days=7)
LATER = timedelta(days=1)  # what comes later in a state that was told is told as often
ALL_CLOSED, SOME_SUPPRESSED = "Inspector has closed all findings", "what was active last is suppressed in Inspector"


class State(StrEnum):
    """How an incident stands. Its value is what people and the table read."""

    RECORDED = "recorded"  # what is open is not urgent
    CLOSED = "closed"
    REQUESTED = "urgent-requested"
    IN_ROLLOUT = "in-rollout"
    ROLLED = "rolled"  # Inspector has not closed the findings of the hosts before yet
    WAITING = "waiting-for-ami"
    NOT_FIXED = "not-fixed"  # rolled, and active still
    NOT_ROLLED = "not-rolled"
    GONE = "node-group-gone"
    REACHABLE = "reachable"  # its security groups are judged, which is told by itself
    NOT_TO_BLAME = "no-group-to-blame"
    NOT_SCANNED = "not-scanned"


OVER = frozenset({State.RECORDED, State.CLOSED})
ROLL = frozenset({State.REQUESTED, State.IN_ROLLOUT})  # to people it is one change
SILENT = frozenset({State.ROLLED, State.GONE, State.REACHABLE})
# Nothing comes of these by itself: what is found later is told too.
STAYS = frozenset({State.WAITING, State.NOT_FIXED, State.NOT_ROLLED, State.NOT_TO_BLAME})


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentKey:
    """Which incident: `about` is the AMI's id, or `network` or `coverage`."""

    account: str
    region: str
    hosts: Hosts
    about: str

    @property
    def incident_id(self) -> str:
        """A name that is the same each time: what it is about, and a hash of that and of whose hosts."""
        match self.hosts:
            case NodeGroupKey(cluster=cluster, name=name):
                whose = (cluster, "node-group", name)
            case hosts:
                whose = (hosts.cluster, hosts.kind.value, hosts.where)
        text = "|".join((self.account, self.region, *whose, self.about))
        return f"{self.about}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of an incident that people hear of; `about` is a release, what keeps a group from rolling, or why not scanned.

    `only` names the vulnerabilities or ports that it is told for, where these are not all that are urgent.
    """

    state: State
    about: str
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An incident: the head, without the records under it.

    `open` counts the findings that are active, `urgent` those that are urgent, by what they are about. Since anything was
    urgent last, `concerned` is all that was, and `first_observed_at` and `last_change_at` are Inspector's moments of it.
    `target` is the release that the group is to be rolled to, `rollout_id` the rollout that does it, `requested` what was
    asked for: releases, and behind some the rollout that left the group alone. `ami_type`, `minor` and `release_version`
    are what the node group ran when it was last looked at, `rolled_at` since when, as far as is known.

    `round` counts how often it opened, `told` are the changes of this round that people heard of, `ever_told` those of any,
    `told_of` all that they were about, `told_at` is when they heard last. `news` is what the latest write is to tell,
    `messages` how many there were. `version` is the table's.
    """

    key: IncidentKey
    state: State = State.RECORDED
    reason: str = ""
    advice: str = ""
    open: int = 0
    urgent: Mapping[str, int] = field(default_factory=dict)
    concerned: frozenset[str] = frozenset()
    first_observed_at: datetime | None = None
    last_change_at: datetime | None = None
    changed_at: datetime | None = None
    target: str = ""
    rollout_id: str = ""
    requested: frozenset[str] = frozenset()
    ami_type: str = ""
    minor: str = ""
    release_version: str = ""
    rolled_at: datetime | None = None
    round: int = 1
    told: frozenset[str] = frozenset()
    ever_told: frozenset[str] = frozenset()
    told_of: frozenset[str] = frozenset()
    told_at: datetime | None = None
    news: tuple[Change, ...] = ()
    messages: int = 0
    version: int = 0
    schema: int = SCHEMA

    @property
    def asks(self) -> bool:
        """Whether anything of it may need a rollout."""
        return bool(self.urgent) and self.key.about not in {NETWORK, COVERAGE}

    @property
    def took(self) -> timedelta:
        """How long it was there: from when Inspector first saw any of it to its last word."""
        if self.first_observed_at is None or self.last_change_at is None:
            return timedelta()
        return max(self.last_change_at - self.first_observed_at, timedelta())

    def over(self, now: datetime, reason: str = ALL_CLOSED) -> Incident:
        """Give the incident with nothing urgent open: closed, or recorded only; told where people heard that it was there."""
        state = State.RECORDED if self.open else State.CLOSED
        said = "what is still open is not urgent by the policy" if self.open else reason
        reason = self.reason if self.state is state and self.reason else said
        over = replace(self._moved(state, Change(state=state, about=""), now), reason=reason, advice="")
        return replace(over, target="", rollout_id="", rolled_at=None, requested=frozenset())

    def moved(  # noqa: PLR0913  # by name
        self,
        state: State,
        about: str,
        now: datetime,
        *,
        reason: str,
        advice: str,
        only: frozenset[str] = frozenset(),
        word: str = "",
    ) -> Incident:
        """Give the incident in a state that is not over, in a new round where it was; told once in each round.

        Where nothing comes of the state by itself, what is found later is told too, once a day, and at once where that is
        what it is `only` about. `word` is what to people is one change, where it is not as ever with the state.
        """
        opens_again = self.state in OVER and (bool(self.told) or self.round > MOST_ROUNDS)
        here = replace(self, round=self._next_round(now), told=frozenset()) if opens_again else self
        change = Change(state=state, about=about, only=tuple(sorted(only)))
        return replace(here._moved(state, change, now, word), reason=reason, advice=advice)  # noqa: SLF001  # its own

    def _next_round(self, now: datetime) -> int:
        quiet = self.told_at is not None and now - self.told_at >= QUIET
        return min(self.round + 1, MOST_ROUNDS) if quiet else self.round + 1

    def _moved(self, state: State, change: Change, now: datetime, word: str = "") -> Incident:
        same = self.state is state and self.changed_at is not None
        moved = replace(self, state=state, changed_at=self.changed_at if same else now)
        said = f"{word or _word(state)} {change.about}"
        if said in self.told:
            later = self._later(change, now)
            return moved._tell(later, said, now) if later else moved  # noqa: SLF001  # its own
        if not self._is_heard(state, said):
            return moved
        if state in SILENT:
            return replace(moved, told=self.told | {said}) if state is State.REACHABLE else moved
        return moved._tell(change, said, now)  # noqa: SLF001  # its own

    def _tell(self, change: Change, said: str, now: datetime) -> Incident:
        return replace(
            self,
            told=self.told | {said},
            ever_told=self.ever_told | {said},
            told_of=self.told_of | (frozenset(change.only) or self.urgent.keys()),
            told_at=now,
            news=(*self.news, change),
            messages=self.messages + 1,
        )

    def _later(self, change: Change, now: datetime) -> Change | None:
        """Give what to tell of what was never told of, in a state that was; what is new cannot be fixed yet: it waits."""
        if change.state not in STAYS:
            return None
        recently = not change.only and self.told_at is not None and now - self.told_at < LATER
        never = (frozenset(change.only) or self.urgent.keys()) - self.told_of
        if recently or not never:
            return None
        state = State.WAITING if change.state is State.NOT_FIXED else change.state
        return Change(state=state, about=change.about, only=tuple(sorted(never)))

    def _is_heard(self, state: State, said: str) -> bool:
        """Tell whether people hear of the incident: of its end if they heard of it, of the rest within bounds."""
        if self.told or state in OVER:
            return bool(self.told)
        return self.round <= MOST_ROUNDS or said not in self.ever_told or not self.urgent.keys() <= self.told_of


def _word(state: State) -> str:
    return "over" if state in OVER else "roll" if state in ROLL else state.value


def incident_key(finding: Finding, hosts: Hosts) -> IncidentKey:
    """Say which incident a finding is part of."""
    about = NETWORK if finding.kind is Kind.NETWORK else finding.image_id or UNKNOWN_IMAGE
    return IncidentKey(account=finding.account, region=finding.region, hosts=hosts, about=about)
