"""Values that the tests of rollouts are about, each with what a test does not care to say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from nodewarden.node_group import Cluster, NodeGroup, NodeGroupKey, Target, Update
from nodewarden.rollout import policy as rollout_policy
from nodewarden.rollout.advance import advance, wanted
from nodewarden.rollout.answer import Answer, Verb
from nodewarden.rollout.observed import Observed, Seen
from nodewarden.rollout.plan import Candidate, plan
from nodewarden.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nodewarden.node_group import HealthIssue
    from nodewarden.rollout.observed import Start
    from nodewarden.rollout.policy import RolloutPolicy
    from nodewarden.rollout.state import GroupProgress, Rollout

ACCOUNT, REGION = "111122223333", "eu-central-1"
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)  # a Tuesday
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TICK = 5 * MINUTE
OLD, NEW, NEWER = "1.33.1-20261001", "1.33.2-20261110", "1.33.2-20261119"
PARAMETER = "/aws/service/eks/optimized-ami/1.33/amazon-linux-2023/x86_64/standard/recommended/release_version"
ALWAYS = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "00:00", "end": "24:00", "zone": "UTC"}
SETTINGS: dict[str, object] = {
    "minimum_age": "3d",
    "max_concurrency": 5,
    "approval_timeout": "7d",
    "stuck_after": "1d",
    "window": [ALWAYS],
}


def wave(name: str = "dev", **settings: object) -> dict[str, object]:
    """Write a wave of `rollout.toml` that goes by the tag."""
    return {
        "name": name,
        "match": {"tags": {"nodewarden:wave": name}},
        "soak": "1d",
        "approval": False,
        **settings,
    }


def policy(*waves: dict[str, object], **settings: object) -> RolloutPolicy:
    """Read the settings above, with some replaced; the wave dev where none is given."""
    return rollout_policy.read(Table("builders.toml: ", {**SETTINGS, "wave": list(waves or [wave()]), **settings}))


def key(name: str = "workers", cluster: str = "demo") -> NodeGroupKey:
    return NodeGroupKey(account=ACCOUNT, region=REGION, cluster=cluster, name=name)


def group(
    name: str = "workers",
    cluster: str = "demo",
    *,
    of: str = "dev",
    release: str = OLD,
    status: str = "ACTIVE",
    tags: Mapping[str, str] | None = None,
    issues: tuple[HealthIssue, ...] = (),
) -> NodeGroup:
    """Give a node group that is tagged for the wave `of`."""
    return NodeGroup(
        key=key(name, cluster),
        status=status,
        ami_type="AL2023_x86_64_STANDARD",
        version="1.33",
        release_version=release,
        subnets=("subnet-0123456789abcdef0", "subnet-0123456789abcdef1"),
        tags={"nodewarden:wave": of, **(tags or {})},
        issues=issues,
    )


def target(release: str = NEW, released_at: datetime = NOW - 4 * DAY) -> Target:
    return Target(release_version=release, parameter=PARAMETER, released_at=released_at)


def candidate(node_group: NodeGroup, to: Target | None = None) -> Candidate:
    return Candidate(node_group=node_group, target=to or target(), family="AL2023")


def planned(*groups: NodeGroup, settings: RolloutPolicy, to: Target | None = None, at: datetime = NOW) -> Rollout:
    """Plan one rollout of these groups."""
    (one,) = plan([candidate(each, to) for each in groups], (), settings, at)
    return one.rollout


def cluster(name: str = "demo", *, status: str = "ACTIVE", version: str = "1.33") -> Cluster:
    return Cluster(account=ACCOUNT, region=REGION, name=name, status=status, version=version)


def seen(
    node_group: NodeGroup | None,
    update: Update | None = None,
    *,
    its_cluster: Cluster | None = None,
    free_addresses: int | None = 100,
    zones: int | None = 2,
) -> Seen:
    """See a node group in an active cluster with room for the surge."""
    return Seen(
        node_group=node_group,
        cluster=its_cluster or cluster(node_group.key.cluster if node_group else "demo"),
        update=update,
        free_addresses=free_addresses,
        zones=zones,
    )


def update(
    status: str = "InProgress",
    *errors: HealthIssue,
    update_id: str = "update-1",
    release: str | None = NEW,
    at: datetime | None = None,
) -> Update:
    return Update(update_id=update_id, status=status, release_version=release, errors=errors, created_at=at)


def saw(*looks: Seen, **rest: object) -> Observed:
    """Observe these groups, by their keys."""
    groups = {look.node_group.key: look for look in looks if look.node_group}
    return replace(Observed(groups=groups), **rest)  # type: ignore[arg-type]  # the tests' own words


def answer(
    verb: Verb, at: datetime = NOW, *, number: int = 1, group: NodeGroupKey | None = None, wave: str | None = None
) -> Answer:
    return Answer(answer_id=f"answer-{number}", verb=verb, by="alice", reason="said so", at=at, group=group, wave=wave)


def alone(rollout: Rollout) -> GroupProgress:
    """Give the one group of a rollout."""
    (progress,) = rollout.groups.values()
    return progress


def kinds(rollout: Rollout) -> list[str]:
    """Say which steps the latest change told."""
    return [step.kind.value for step in rollout.steps]


def ticked(
    rollout: Rollout,
    settings: RolloutPolicy,
    now: datetime,
    look: Callable[[NodeGroupKey], Seen],
    extra: Observed | None = None,
) -> tuple[Rollout, tuple[Start, ...]]:
    """Take one tick that looks at all that is wanted; `extra` is what it sees besides."""
    extra = extra or Observed()
    want = wanted(rollout, extra, settings, now)
    groups = {each: look(each) for each in (*want.watched, *want.next, *want.checked)}
    return advance(rollout, replace(extra, groups={**groups, **extra.groups}), settings, now)
