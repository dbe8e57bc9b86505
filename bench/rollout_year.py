"""`python -m bench.rollout_year`: a year of AMI releases over fleets of 10, 100 and 1,000 node groups, on a simulated clock.

38 releases come with the median gap of nine days that Amazon Linux 2023's EKS AMIs have. The policy is the shipped one; a
person approves the next morning. A tick comes every five minutes; while one wants to see nothing and changes nothing, only
one an hour is simulated. AWS calls are those that a shell makes for what `wanted` asks for.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from nodewarden import policy
from nodewarden.node_group import Cluster, NodeGroup, NodeGroupKey, Target, Update
from nodewarden.rollout.advance import advance, started, wanted
from nodewarden.rollout.answer import Answer, Verb
from nodewarden.rollout.observed import Observed, Seen, Started
from nodewarden.rollout.plan import Candidate, plan, settled
from nodewarden.rollout.policy import RolloutPolicy, read
from nodewarden.rollout.state import FINAL, GroupState, Rollout, State
from nodewarden.rollout.step import StepKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nodewarden.rollout.advance import Wanted

POLICY = Path(__file__).parents[1] / "layers" / "policy" / "policy"
# Node groups, clusters, and how many at once: none is as the policy says.
FLEETS: tuple[tuple[int, int, int | None], ...] = ((10, 2, None), (100, 10, None), (1000, 40, None), (1000, 40, 40))
RELEASES, YEAR = 38, timedelta(days=365)
BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
TICK, HOUR = timedelta(minutes=5), timedelta(hours=1)
WAVES = ("dev", "prod", "staging", "prod", "prod", "staging", "prod", "dev", "prod", "staging")
PARAMETER = "/aws/service/eks/optimized-ami/1.33/amazon-linux-2023/x86_64/standard/recommended/release_version"


@dataclass
class Year:
    """One year of one fleet."""

    policy: RolloutPolicy
    groups: dict[NodeGroupKey, NodeGroup]
    rollouts: list[Rollout] = field(default_factory=list)
    ends: dict[NodeGroupKey, datetime] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    steps: Counter[StepKind] = field(default_factory=Counter)
    took: list[float] = field(default_factory=list)
    most_calls: int = 0
    ticks: int = 0
    busy: bool = True
    reached: dict[str, set[str]] = field(default_factory=dict)

    def passes(self, releases: list[Target]) -> None:
        """Plan when a release comes and when a rollout ends; tick in between."""
        now, coming = BEGIN, list(releases)
        latest: Target | None = None
        new = False
        while now < BEGIN + YEAR:
            if coming and coming[0].released_at <= now:
                latest, new = coming.pop(0), True
            if latest and now.minute == 0 and (new or all(rollout.state in FINAL for rollout in self.rollouts)):
                self.plans(latest, now)
                new = False
            for index, rollout in enumerate(self.rollouts):
                if rollout.state not in FINAL and (self.busy or now.minute == 0):
                    self.rollouts[index] = self.ticked(rollout, now)
            now += TICK
            self.ticks += 1

    def plans(self, latest: Target, now: datetime) -> None:
        """Plan as the hourly run does."""
        behind = (g for g in self.groups.values() if g.release_version != latest.release_version)
        active = [rollout for rollout in self.rollouts if rollout.state not in FINAL]
        if active and any(group.started_at for group in active[0].groups.values()):
            return
        candidates = [Candidate(node_group=group, target=latest, family="AL2023") for group in behind]
        for planned in plan(candidates, active, self.policy, now, settled=settled(self.rollouts[-3:])):
            if planned.supersedes:
                self.rollouts = [r for r in self.rollouts if r.state in FINAL] + [planned.supersedes]
                self.steps[StepKind.SUPERSEDED] += 1
            self.rollouts.append(planned.rollout)
            self.steps[StepKind.PLANNED] += 1

    def ticked(self, rollout: Rollout, now: datetime) -> Rollout:
        """Look at what is wanted, advance, make the calls."""
        want = wanted(rollout, Observed(), self.policy, now)
        observed = Observed(groups=self.look(rollout, want, now), answers=tuple(self.answers))
        made = self.count(want)
        begin = time.thread_time()
        after, calls = advance(rollout, observed, self.policy, now)
        self.took.append(time.thread_time() - begin)
        for call in calls:
            self.ends[call.key] = now + timedelta(minutes=30)
        after = started(after, {call.key: Started(call.token) for call in calls}, self.policy, now)
        self.calls["UpdateNodegroupVersion"] += len(calls)
        self.most_calls = max(self.most_calls, made + len(calls))
        self.hears(rollout, after, now)
        self.busy = bool(made) or after != rollout
        return after

    def look(self, rollout: Rollout, want: Wanted, now: datetime) -> dict[NodeGroupKey, Seen]:
        """See what is asked for: updates take half an hour and work."""
        for key in want.watched:
            if self.ends[key] <= now:
                release = rollout.groups[key].target.release_version
                self.groups[key] = replace(self.groups[key], release_version=release)
        return {key: self.see(key, now) for key in (*want.watched, *want.next, *want.checked)}

    def see(self, key: NodeGroupKey, now: datetime) -> Seen:
        """See one node group."""
        busy = key in self.ends and now < self.ends[key]
        group = replace(self.groups[key], status="UPDATING") if busy else self.groups[key]
        update = Update(update_id="u", status="InProgress" if busy else "Successful", release_version=None)
        cluster = Cluster(account=key.account, region=key.region, name=key.cluster, status="ACTIVE", version="1.33")
        return Seen(node_group=group, cluster=cluster, update=update, free_addresses=500, zones=3)

    def count(self, want: Wanted) -> int:
        """Count the calls that a shell makes to see it."""
        made = Counter(
            DescribeNodegroup=len(want.watched) + len(want.next) + len(want.checked),
            DescribeUpdate=len(want.watched),
            DescribeCluster=len({key.cluster for key in want.next}),
            DescribeSubnets=int(bool(want.next)),
            DescribeAlarms=int(bool(want.alarms)),
            DescribeImages=int(bool(want.targets)),
            GetParameters=(len(want.targets) + 9) // 10,
        )
        self.calls += made
        return made.total()

    def hears(self, before: Rollout, after: Rollout, now: datetime) -> None:
        """Count the steps that people hear of; approve the next working morning."""
        if after.told == before.told:
            return
        for step in after.steps:
            self.steps[step.kind] += 1
            if step.kind is StepKind.WAVE_DONE:
                self.reached.setdefault(step.wave or "", set()).add(_release(after))
        if after.state is State.AWAITING_APPROVAL:
            morning = (now + timedelta(days=1)).replace(hour=9, minute=0, second=0)
            self.answers = [_approval(morning, len(self.steps) + len(self.took))]


def main(fleets: Iterable[tuple[int, int, int | None]] = FLEETS) -> None:
    """Simulate each fleet and print what it took."""
    settings = read(policy.load(POLICY, "rollout"))
    releases = releases_of_a_year(random.Random(38))  # noqa: S311  # a cadence, no secret
    table = Table(title="a year of 38 releases", title_justify="left")
    for column in (
        "",
        *(f"{groups} groups{f', {at_once} at once' if at_once else ''}" for groups, _, at_once in fleets),
    ):
        table.add_column(column, justify="left" if not column else "right")
    years = []
    for groups, clusters, at_once in fleets:
        its = replace(settings, max_concurrency=at_once or settings.max_concurrency)
        year = Year(policy=its, groups=fleet(groups, clusters))
        year.passes(releases)
        years.append(year)
    for name, cells in rows(years):
        table.add_row(name, *cells)
    Console(width=110, highlight=False).print(table)
    if not all(year.reached.get("prod") for year in years):
        sys.exit("production got no release: the shipped policy never gets there")


def rows(years: list[Year]) -> list[tuple[str, list[str]]]:
    """Say each measure of all fleets."""
    return [
        ("ticks", [f"{year.ticks:,}" for year in years]),
        ("rollouts planned", [str(year.steps[StepKind.PLANNED]) for year in years]),
        ("rollouts finished", [str(year.steps[StepKind.FINISHED]) for year in years]),
        ("releases that production got", [str(len(year.reached.get("prod", ()))) for year in years]),
        ("updates started", [f"{year.calls['UpdateNodegroupVersion']:,}" for year in years]),
        ("messages (steps)", [str(year.steps.total()) for year in years]),
        ("AWS calls to see and start", [f"{year.calls.total():,}" for year in years]),
        ("  of them for each update", [f"{year.calls.total() / started_in(year):.1f}" for year in years]),
        ("  most in one tick", [str(year.most_calls) for year in years]),
        ("advance, median ms", [f"{median(year.took) * 1000:.2f}" for year in years]),
        ("advance, 99 of 100 under ms", [f"{quantiles(year.took, n=100)[98] * 1000:.2f}" for year in years]),
        ("advance, longest ms", [f"{max(year.took) * 1000:.2f}" for year in years]),
    ]


def started_in(year: Year) -> int:
    """Count the updates of a year, at least one."""
    return max(1, year.calls["UpdateNodegroupVersion"])


def releases_of_a_year(chance: random.Random) -> list[Target]:
    """Give 38 releases whose gaps have a median of nine days and sum up to a year."""
    gaps = [chance.choice((2, 5, 7, 8, 9, 9, 10, 12, 14)) for _ in range(RELEASES)]
    scale = YEAR.days / sum(gaps)
    days = [round(sum(gaps[:number]) * scale * 24) for number in range(RELEASES)]
    return [_target(number, BEGIN + timedelta(hours=hours)) for number, hours in enumerate(days)]


def fleet(count: int, clusters: int) -> dict[NodeGroupKey, NodeGroup]:
    """Give a fleet: a fifth of it is dev, three tenths are staging, half is production."""
    groups = [_group(number, f"cluster-{number % clusters:02}") for number in range(count)]
    return {group.key: group for group in groups}


def _group(number: int, cluster: str) -> NodeGroup:
    return NodeGroup(
        key=NodeGroupKey(account="111122223333", region="eu-central-1", cluster=cluster, name=f"workers-{number:04}"),
        status="ACTIVE",
        ami_type="AL2023_x86_64_STANDARD",
        version="1.33",
        release_version="1.33.0-20251201",
        tags={"nodewarden:wave": WAVES[number % len(WAVES)]},
    )


def _target(number: int, at: datetime) -> Target:
    return Target(release_version=f"1.33.{number + 1}-{at:%Y%m%d}", parameter=PARAMETER, released_at=at)


def _release(rollout: Rollout) -> str:
    done = (group for group in rollout.groups.values() if group.state is GroupState.DONE)
    return next((group.target.release_version for group in done), "")


def _approval(at: datetime, number: int) -> Answer:
    return Answer(answer_id=f"answer-{number}", verb=Verb.APPROVE, by="alice", reason="fine", at=at)


if __name__ == "__main__":
    main()
