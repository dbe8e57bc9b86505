"""A look at the whole fleet of an account and region, as it is remembered and told: values only.

One look is told in one message: a release comes for some twenty AMI types and each Kubernetes minor at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from nodewarden.ami_release.ami_type import Family
    from nodewarden.ami_release.may_close import MayClose
    from nodewarden.ami_release.sighting import NewsKind
    from nodewarden.ami_release.standing import State
    from nodewarden.ami_release.unmanaged import Unmanaged
    from nodewarden.node_group import NodeGroupKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A node group as people read of it; `rollout` is the id of the one that takes it along, empty for none."""

    cluster: str
    name: str
    state: State
    reason: str
    advice: str
    wave: str | None
    rollout: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateListed:
    """The node groups of one state: how many, how many of each wave, and the first of them."""

    state: State
    count: int
    waves: Mapping[str, int]
    shown: tuple[Listed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseNews:
    """A release of one AMI type and Kubernetes minor that came, was recalled or was restored, and whom it concerns.

    `kind` is one of these three, `why` what a recall was seen by, `previous` the release that SSM named before.
    `node_groups` counts those of the AMI type and minor, `states` says how they stand, `waves` in which waves those are
    that are behind, `named` are the first of them as `cluster/name`. `rollouts` take them along; `expected_at` is when
    the first of these may start, None where none is planned or it goes on already. `may_close` are incidents that wait for it.
    """

    kind: NewsKind
    family: Family | None
    ami_type: str
    minor: str
    release_version: str
    previous: str | None
    why: str
    released_at: datetime
    node_groups: int
    states: Mapping[str, int]
    waves: Mapping[str, int]
    named: tuple[str, ...]
    rollouts: tuple[str, ...] = ()
    expected_at: datetime | None = None
    may_close: tuple[MayClose, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A rollout that goes on, as far as a look is about it: which node groups to which release, and its first start.

    `expected_at` is None where it was planned by an earlier look.
    """

    rollout_id: str
    groups: Mapping[NodeGroupKey, str]
    expected_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What could not be seen, in words; since when each look failed so, when the last one did, and whether it was told."""

    what: str
    since: datetime
    last: datetime
    told: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetLook:
    """What a look came to, and what the next has to know.

    `counts` are node groups by state, and `unmanaged`; `states` list the first of each. News, all empty where there is
    none: `releases`; `new`, the node groups that stand as nobody was told (`news` counts them all); `new_unmanaged`;
    `planned`, the ids of new rollouts; `failures`, what could not be seen for so long that people should hear of it.

    Memory: `said` marks what people heard of, `heard` is the version of each sighting that they heard of, `failing` what
    could not be seen, and what was told and went away lately, and `going` the ids of the rollouts that went on. `number` counts the looks: whoever
    writes one says which one it comes after. `version` counts those with news.
    """

    account: str
    region: str
    number: int
    looked_at: datetime
    clusters: int = 0
    counts: Mapping[str, int]
    states: tuple[StateListed, ...] = ()
    unmanaged: tuple[Unmanaged, ...] = ()
    releases: tuple[ReleaseNews, ...] = ()
    more_releases: int = 0
    new: tuple[Listed, ...] = ()
    news: int = 0
    new_unmanaged: tuple[Unmanaged, ...] = ()
    planned: tuple[str, ...] = ()
    going: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    failing: tuple[Failure, ...] = ()
    said: frozenset[str] = frozenset()
    heard: Mapping[str, int]
    version: int = 0

    @property
    def unseen(self) -> tuple[str, ...]:
        """What this look could not see, in words."""
        return tuple(failure.what for failure in self.failing if failure.last == self.looked_at)

    @property
    def is_news(self) -> bool:
        """Whether people should hear of it; new rollouts are told by themselves."""
        return bool(self.releases or self.new or self.new_unmanaged or self.failures)
