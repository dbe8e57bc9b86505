"""A small world for rollouts: an EKS that updates node groups, a table that refuses stale writes, ticks that can die."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from nodewarden.node_group import (
    AMI_FAMILY,
    SELF_MANAGED,
    Cluster,
    HealthIssue,
    NodeGroup,
    NodeGroupKey,
    Target,
    Update,
)
from nodewarden.rollout.advance import advance, started, wanted
from nodewarden.rollout.answer import Answer, Verb
from nodewarden.rollout.observed import Busy, NotAllowedYet, Observed, Refused, Seen, Started, StartRefresh, StartUpdate
from nodewarden.rollout.plan import Candidate, Why, plan, settled
from nodewarden.rollout.policy import Skippable
from nodewarden.rollout.state import ACTIVE, FINAL, UNFINISHED, GroupState, State
from tests.unit.rollout_builders import DAY, MINUTE, NOW, PARAMETER

if TYPE_CHECKING:
    from nodewarden.launch_template import LaunchTemplate
    from nodewarden.rollout.observed import Result, Start
    from nodewarden.rollout.policy import RolloutPolicy
    from nodewarden.rollout.state import Rollout

GOLDEN = "golden"  # the family of groups with AMIs of their own
RELEASES = tuple(f"1.33.{number}-202611{10 + number}" for number in range(9))
LAMBDA_LASTS = timedelta(minutes=15)


class Fate(StrEnum):
    """What becomes of a node group's next update."""

    SUCCEEDS = "succeeds"
    FAILS = "fails"
    LEAVES_ISSUES = "leaves-issues"
    NOT_ALLOWED = "not-allowed"
    REFUSED = "refused"
    LOST = "lost"  # once: of two calls the second is not made, of one it is made and nobody hears of it


@dataclass(slots=True)
class Running:
    """An update of the world's EKS; `ours` where a rollout started it."""

    update: Update
    ends_at: datetime
    fate: Fate
    ours: bool


@dataclass(slots=True)
class Tick:
    """A tick under way: what it read, what it means to write, and the calls it has yet to make."""

    rollout_id: str
    began: datetime
    version: int
    starts: int
    after: Rollout
    calls: list[Start]
    results: list[tuple[NodeGroupKey, Result]] = field(default_factory=list)
    written: bool = False
    over: bool = False


@dataclass
class World:
    """Everything that is true outside of the pure code."""

    policy: RolloutPolicy
    groups: dict[NodeGroupKey, NodeGroup]
    family: dict[NodeGroupKey, str]
    now: datetime = NOW
    latest: int = 0
    released_at: datetime = NOW - 5 * DAY
    table: dict[str, Rollout] = field(default_factory=dict)
    planned: dict[str, frozenset[NodeGroupKey]] = field(default_factory=dict)
    running: dict[NodeGroupKey, list[Running]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    tried: set[tuple[NodeGroupKey, str, int]] = field(default_factory=set)
    fates: dict[NodeGroupKey, Fate] = field(default_factory=dict)
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    alarms: dict[str, str] = field(default_factory=dict)
    recalled: set[Target] = field(default_factory=set)
    upgrading: set[str] = field(default_factory=set)
    crowded: set[NodeGroupKey] = field(default_factory=set)
    undrained: set[NodeGroupKey] = field(default_factory=set)
    versions: dict[tuple[LaunchTemplate, str], str] = field(default_factory=dict)
    stance: str = ""
    attempts: dict[str, tuple[NodeGroupKey, str, int]] = field(default_factory=dict)
    blind: bool = False  # whether ListUpdates does not show yet what was started
    starts: int = (
        0  # counts the writes with intents, of all rollouts: the item that their transaction is conditional on
    )

    @property
    def active(self) -> list[Rollout]:
        return [rollout for rollout in self.table.values() if rollout.state not in FINAL]

    def target(self, family: str = "AL2023") -> Target:
        parameter = f"{AMI_FAMILY}{family}" if family == GOLDEN else PARAMETER
        return Target(release_version=RELEASES[self.latest], parameter=parameter, released_at=self.released_at)

    def plans(self, *, urgent: bool = False) -> None:
        """Plan as the hourly run does: everything that is behind the latest release."""
        behind = [g for g in self.groups.values() if RELEASES.index(g.release_version) < self.latest]
        targets = {g.key: self.target(self.family[g.key]) for g in behind}
        sound = [g for g in behind if targets[g.key] not in self.recalled and g.key not in self.undrained]
        candidates = [Candidate(node_group=g, target=targets[g.key], family=self.family[g.key]) for g in sound]
        why = Why(reason="a finding" if urgent else "a release", urgent=urgent)
        known = settled(self.table.values())
        for planned in plan(candidates, self.active, self.policy, self.now, settled=known, why=why):
            if planned.supersedes:
                self.write(self.table[planned.supersedes.rollout_id], planned.supersedes)
            self.planned[planned.rollout.rollout_id] = frozenset(planned.rollout.groups)
            self.table[planned.rollout.rollout_id] = replace(planned.rollout, version=1)

    def write(self, before: Rollout, after: Rollout) -> None:
        """Put a head over the one that it was made of, and hold the promises that bind every write."""
        assert before.state not in FINAL, "a final rollout changed"
        assert after.groups.keys() == self.planned[after.rollout_id], "a group was lost"
        ids = [done.answer.answer_id for done in after.answers]
        assert len(set(ids)) == len(ids), "an answer was applied twice"
        if after.state in FINAL:
            assert not after.active, "a rollout ended with updates under way"
        if before.state in {State.HALTED, State.PAUSED} and after.state not in {State.HALTED, State.SUPERSEDED}:
            same = after.state is before.state
            assert same or len(after.answers) > len(before.answers), "went on without an answer"
        for begun in range(before.wave + 1, after.wave + 1):
            self._may_begin(after, begun)
        self.table[after.rollout_id] = replace(after, version=before.version + 1)

    def _may_begin(self, rollout: Rollout, begun: int) -> None:
        wave = self.policy.wave(rollout.waves[begun])
        assert wave
        if all(group.state is GroupState.SKIPPED for group in rollout.of_wave(wave.name)):
            return
        if wave.approval:
            said = {done.answer.verb for done in rollout.answers if not done.refused}
            assert wave.name in rollout.approved, "a wave began without approval"
            assert Verb.APPROVE in said, "nobody approved"
        if begun == 0:
            return
        past = self.policy.wave(rollout.waves[begun - 1])
        assert past
        ended = rollout.of_wave(past.name)
        assert not [group for group in ended if group.state in UNFINISHED], "the wave before was not done"
        failed = [group for group in ended if group.state is GroupState.FAILED and not group.accepted]
        assert len(failed) <= past.max_failures, "the wave before failed"
        soak = timedelta() if rollout.urgent and Skippable.SOAK in past.urgent else past.soak
        done = [group.finished_at for group in ended if group.state is GroupState.DONE]
        assert all(finished and finished + soak <= self.now for finished in done), "the wave before had not soaked"
        alarms = () if past.name in rollout.accepted else past.alarms
        assert all(self.alarms.get(name, "OK") == "OK" for name in alarms), "an alarm was not OK"

    # A tick, in the steps in which it can die.

    def begins_tick(self, rollout_id: str) -> Tick:
        """Read, look, decide."""
        stored = self.table[rollout_id]
        rest = self._rest(stored)
        want = wanted(stored, rest, self.policy, self.now)
        looked = {key: self._seen(stored, key) for key in (*want.watched, *want.next, *want.checked)}
        seen = replace(
            rest,
            groups=looked,
            alarms={name: self.alarms.get(name, "OK") for name in want.alarms},
            recalls={target: "taken back" for target in want.targets if target in self.recalled},
            answers=tuple(self.answers.get(rollout_id, ())),
        )
        after, calls = advance(stored, seen, self.policy, self.now)
        assert not [call for call in calls if looked[call.key].left], "a refresh of a group whose hosts nothing drains"
        return Tick(rollout_id, self.now, stored.version, self.starts, after, list(calls))

    def goes_on(self, tick: Tick) -> None:
        """Take the tick's next step: write the intents, make one call, or write what came of the calls."""
        if self.now - tick.began >= LAMBDA_LASTS:
            tick.over = True
        elif not tick.written:
            self._writes_intents(tick)
        elif tick.calls:
            call = tick.calls.pop(0)
            if result := self.updates(call):
                tick.results.append((call.key, result))
        else:
            self._writes_results(tick)

    def ticks(self, rollout_id: str) -> None:
        """Take a whole tick."""
        tick = self.begins_tick(rollout_id)
        while not tick.over:
            self.goes_on(tick)

    def _rest(self, rollout: Rollout) -> Observed:
        others = [g for r in self.table.values() if r.rollout_id != rollout.rollout_id for g in r.active]
        busy = frozenset(group.key.cluster for group in others)
        return Observed(others_active=len(others), busy_clusters=busy, stance=self.stance)

    def _seen(self, rollout: Rollout, key: NodeGroupKey) -> Seen:
        progress = rollout.groups[key]
        known = [each.update for each in self.running.get(key, [])]
        if progress.update_id:
            known = [update for update in known if update.update_id == progress.update_id]
        elif self.blind and not key.auto_scaling_group:
            known = []
        group = self.groups.get(key)
        cluster = Cluster(
            account=key.account,
            region=key.region,
            name=key.cluster,
            status="UPDATING" if key.cluster in self.upgrading else "ACTIVE",
            version="1.33",
        )
        return Seen(
            node_group=group,
            cluster=cluster,
            update=known[-1] if known and group else None,
            free_addresses=0 if key in self.crowded else 50,
            zones=2,
            left="nothing drains its hosts" if key in self.undrained else "",
        )

    def _writes_intents(self, tick: Tick) -> None:
        before = self.table[tick.rollout_id]
        lost = before.version != tick.version or (tick.calls and self.starts != tick.starts)
        if lost or before.state in FINAL:
            tick.over = True
            return
        for call in tick.calls:
            self._may_start(tick.after, call)
        self.starts += bool(tick.calls)
        self.write(before, tick.after)
        tick.after = self.table[tick.rollout_id]
        tick.written = True

    def _may_start(self, rollout: Rollout, call: Start) -> None:
        assert rollout.state is State.ROLLING, f"a start while {rollout.state}"
        assert not self.stance, "a start while nothing may be started"
        progress = rollout.groups[call.key]
        attempt = (call.key, call.release_version, progress.attempt)
        assert self.attempts.setdefault(call.token, attempt) == attempt, "one token for two attempts"
        wave = self.policy.wave(progress.wave)
        assert wave
        for begun in rollout.begun_waves:
            ill = [g for g in rollout.of_wave(begun) if g.state is GroupState.FAILED and not g.accepted]
            its = self.policy.wave(begun)
            assert its
            assert len(ill) <= its.max_failures, "a start after too many failures"
        assert progress.wave in rollout.begun_waves, "a start before its wave began"
        any_hour = rollout.urgent and Skippable.WINDOW in wave.urgent
        assert self.policy.calendar.frozen(self.now) is None, "a start in a freeze"
        assert any_hour or any(w.allows(self.now) for w in self.policy.calendar.windows), "a start outside the windows"
        young = self.now < progress.target.released_at + self.policy.minimum_age
        assert not young or (rollout.urgent and Skippable.MINIMUM_AGE in wave.urgent), "a start to a young release"

    def _writes_results(self, tick: Tick) -> None:
        tick.over = True
        before = self.table[tick.rollout_id]
        if before.version != tick.after.version or not tick.results:
            return
        self.write(before, started(before, dict(tick.results), self.policy, self.now))

    # EKS.

    def updates(self, call: Start) -> Result | None:
        """Do what UpdateNodegroupVersion does: the same token gives the same update; None where nobody can say.

        StartInstanceRefresh knows no token: it refuses while one goes on, and else starts another. For both, the launch
        template version was made before, once.
        """
        group = self.groups.get(call.key)
        if group is None:
            return None
        lost = self.fates.get(call.key) is Fate.LOST and bool(self.fates.pop(call.key))
        if not isinstance(call, StartUpdate):
            assert (group.ami_type == SELF_MANAGED) == isinstance(call, StartRefresh), "another call than for its kind"
            known = self.versions.get((call.source, call.release_version))
            self.versions[call.source, call.release_version] = known or f"{len(self.versions) + 2}"
            if lost:
                return None
        result = self._started(call, group)
        return None if lost else result

    def _started(self, call: Start, group: NodeGroup) -> Result:
        if not isinstance(call, StartRefresh) and call.token in self.tokens:
            return Started(self.tokens[call.token])
        if group.status != "ACTIVE" or self._was_refreshed(call):
            return Busy()
        fate = self.fates.get(call.key, Fate.SUCCEEDS)
        if fate is Fate.NOT_ALLOWED and isinstance(call, StartUpdate):
            return NotAllowedYet("Allowed release version is another")
        if fate in {Fate.REFUSED, Fate.NOT_ALLOWED}:
            return Refused("InvalidRequestException", "no")
        self._holds(call, group)
        self.tokens[call.token] = self.begin_update(call.key, call.release_version, fate, ours=True)
        return Started(self.tokens[call.token])

    def _was_refreshed(self, call: Start) -> bool:
        """Look once more at the latest refresh, as is done right before a call that has no token."""
        known = self.running.get(call.key, [])
        return isinstance(call, StartRefresh) and call.after != (known[-1].update.update_id if known else None)

    def _holds(self, call: Start, group: NodeGroup) -> None:
        """Hold the promises that bind every update that comes about."""
        there = [(key, run) for key, runs in self.running.items() for run in runs if key in self.groups]
        under_way = [key for key, run in there if run.ours and run.update.status == "InProgress"]
        assert call.key.cluster not in {key.cluster for key in under_way}, "two of one cluster"
        assert len(under_way) < self.policy.max_concurrency, "more than max_concurrency"
        older = RELEASES.index(call.release_version) < RELEASES.index(group.release_version)
        assert not older, "a downgrade"
        attempt = self.attempts[call.token]
        assert attempt not in self.tried, "two updates for one attempt"
        self.tried.add(attempt)

    def begin_update(self, key: NodeGroupKey, release: str, fate: Fate, *, ours: bool) -> str:
        """Start an update, ours or somebody else's."""
        runs = self.running.setdefault(key, [])
        update_id = f"{key.cluster}-{key.name}-{len(runs)}"
        skewed = self.now - MINUTE if key.auto_scaling_group else self.now  # Auto Scaling's clock is not ours
        update = Update(update_id=update_id, status="InProgress", release_version=release, created_at=skewed)
        runs.append(Running(update, self.now + 25 * MINUTE, fate, ours))
        self.groups[key] = replace(self.groups[key], status="UPDATING")
        return update_id

    def passes(self, duration: timedelta) -> None:
        """Let time pass; updates end."""
        self.now += duration
        for key, runs in self.running.items():
            for run in runs:
                if run.update.status == "InProgress" and run.ends_at <= self.now:
                    self._ends(key, run)

    def _ends(self, key: NodeGroupKey, run: Running) -> None:
        bad = run.fate is Fate.FAILS
        errors = (HealthIssue(code="PodEvictionFailure", message="a budget", resource_ids=("i-1",)),) if bad else ()
        run.update = replace(run.update, status="Failed" if bad else "Successful", errors=errors)
        if group := self.groups.get(key):
            issue = HealthIssue(code="NodeCreationFailure", message="did not join")
            self.groups[key] = replace(
                group,
                status="ACTIVE",
                release_version=group.release_version if bad else run.update.release_version or group.release_version,
                launch_template=self._template_after(group, run, bad=bad),
                issues=(issue,) if run.fate is Fate.LEAVES_ISSUES else group.issues,
            )

    def _template_after(self, group: NodeGroup, run: Running, *, bad: bool) -> LaunchTemplate | None:
        used, release = group.launch_template, run.update.release_version or ""
        if used is None or bad:
            return used
        return replace(used, version=self.versions.get((used, release), f"9{RELEASES.index(release)}"))

    # People.

    def says(self, rollout: Rollout, verb: Verb, group: NodeGroupKey | None = None) -> None:
        """Put an answer of a person."""
        given = self.answers.setdefault(rollout.rollout_id, [])
        given.append(
            Answer(
                answer_id=f"{rollout.rollout_id}-{len(given)}",
                verb=verb,
                by="alice",
                reason="said so",
                at=self.now,
                group=group,
            )
        )

    def is_whole(self) -> None:
        """Hold what is true between any two steps."""
        families = [rollout.family for rollout in self.active]
        assert len(set(families)) == len(families), "two active rollouts of one family"
        keys = [key for rollout in self.active for key in rollout.groups]
        assert len(set(keys)) == len(keys), "a group is in two active rollouts"
        clusters = [group.key.cluster for rollout in self.active for group in rollout.active]
        assert len(set(clusters)) == len(clusters), "two groups of one cluster"
        assert len(clusters) <= self.policy.max_concurrency, "more than max_concurrency"


__all__ = ["ACTIVE", "GOLDEN", "RELEASES", "Fate", "Tick", "World"]
