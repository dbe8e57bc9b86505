"""Summing a look at the fleet up: how it stands, and what of that people have not heard yet.

What was said before is remembered as marks, one for each node group that a person may have to do something about.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from nodewarden.ami_release.ami_type import family_of
from nodewarden.ami_release.fleet import Failure, FleetLook, Listed, Plan, ReleaseNews, StateListed
from nodewarden.ami_release.sighting import NewsKind
from nodewarden.ami_release.standing import State
from nodewarden.ami_release.summary import summarize

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from nodewarden.ami_release.sighting import Sighting
    from nodewarden.ami_release.standing import Standing
    from nodewarden.ami_release.unmanaged import Unmanaged
    from nodewarden.node_group import NodeGroupKey

MOST_OF_A_STATE = 10  # that the record lists: it is one item of up to 400 KB
MOST_NEW = 20
MOST_RELEASES = 40
MOST_CONCERNED = 10  # node groups that one release names
MOST_FAILURES = 10
# A look that failed is tried again twice within minutes; what the next one by the schedule still cannot see has lasted.
LASTS = timedelta(minutes=10)
COOL_DOWN = timedelta(days=1)  # that what was told has to be away before it is told again

# Behind is told with its rollout, up to date is no news.
SILENT = frozenset({State.BEHIND, State.CURRENT})
# Said again for each release: what keeps a group from this one may not keep it from the next.
OF_A_TARGET = frozenset({State.NO_WAVE, State.TRIED, State.IMAGE_UNUSABLE, State.TARGET_RECALLED, State.RUNS_RECALLED})
TOLD = frozenset({NewsKind.RELEASED, NewsKind.RECALLED, NewsKind.RESTORED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a look saw besides the node groups' standings: `unseen` names clusters that could not be read as a whole."""

    sightings: Collection[Sighting]
    unmanaged: Collection[Unmanaged]
    plans: Collection[Plan]
    clusters: int
    unseen: Collection[str] = ()
    failures: tuple[str, ...] = ()
    planned: tuple[str, ...] = ()


def sum_up(
    standings: Collection[Standing], around: Surroundings, before: FleetLook | None, look: FleetLook
) -> FleetLook:
    """Fill in a `look` that has its place, name and moment. `before` is the look before it, None where it is the first."""
    said = before.said if before else frozenset()
    heard = before.heard if before else {}
    rollout_of = {key: plan.rollout_id for plan in around.plans for key in plan.groups}
    marks = {mark_of(standing): standing for standing in standings if standing.state not in SILENT}
    unmanaged_marks = {_mark(each.cluster, each.kind): each for each in sorted(around.unmanaged, reverse=True)}
    new = sorted((s for mark, s in marks.items() if mark not in said), key=lambda s: (s.state, s.node_group.key))
    releases = _releases(standings, around, heard)
    summary = summarize(standings, around.unmanaged, MOST_OF_A_STATE)
    failing = _failing(around.failures, before, look.looked_at)
    known = {failure.what for failure in before.failing if failure.told} if before else set()
    kept = {mark for mark in said for cluster in around.unseen if mark.startswith(_mark_of_cluster(cluster))}
    summed = replace(
        look,
        clusters=around.clusters,
        counts={section.state.value: section.count for section in summary.sections} | {"unmanaged": summary.unmanaged},
        states=tuple(
            StateListed(
                state=section.state,
                count=section.count,
                waves=section.waves,
                shown=tuple(_listed(standing, rollout_of) for standing in section.shown),
            )
            for section in summary.sections
        ),
        unmanaged=summary.unmanaged_shown,
        releases=releases[:MOST_RELEASES],
        more_releases=len(releases[MOST_RELEASES:]),
        new=tuple(_listed(standing, rollout_of) for standing in new[:MOST_NEW]),
        news=len(new),
        new_unmanaged=tuple(sorted(e for mark, e in unmanaged_marks.items() if mark not in said))[:MOST_NEW],
        planned=around.planned,
        going=tuple(sorted(plan.rollout_id for plan in around.plans)),
        failures=tuple(failure.what for failure in failing if failure.told and failure.what not in known),
        failing=failing,
        said=frozenset({*marks, *unmanaged_marks, *kept}),
        heard={**heard, **{sighting.parameter: sighting.version for sighting in around.sightings}},
    )
    return replace(summed, version=(before.version if before else 0) + summed.is_news)


def _failing(failures: Iterable[str], before: FleetLook | None, now: datetime) -> tuple[Failure, ...]:
    """Give what fails, each told once it has lasted, and what was told and failed lately: it may come and go."""
    known = {failure.what: failure for failure in before.failing} if before else {}
    unseen = before.unseen if before else ()
    failing = []
    for what in tuple(dict.fromkeys(failures))[:MOST_FAILURES]:
        since = known[what].since if what in unseen else now
        told = now - since >= LASTS or (what in known and known[what].told)
        failing.append(Failure(what=what, since=since, last=now, told=told))
    again = {failure.what for failure in failing}
    away = (f for f in known.values() if f.told and f.what not in again and now - f.last < COOL_DOWN)
    return (*failing, *sorted(away, key=lambda failure: failure.last, reverse=True)[:MOST_FAILURES])


def mark_of(standing: Standing) -> str:
    """Mark how a node group stands, so that the same is not said twice."""
    key = standing.node_group.key
    target = standing.target.release_version if standing.target and standing.state in OF_A_TARGET else ""
    return _mark(key.cluster, key.name, standing.state, target)


def _mark(cluster: str, *what: str) -> str:
    return _mark_of_cluster(cluster) + hashlib.sha256("|".join((cluster, *what)).encode()).hexdigest()[:12]


def _mark_of_cluster(cluster: str) -> str:
    return hashlib.sha256(cluster.encode()).hexdigest()[:8]


def _listed(standing: Standing, rollout_of: Mapping[NodeGroupKey, str]) -> Listed:
    key = standing.node_group.key
    return Listed(
        cluster=key.cluster,
        name=key.name,
        state=standing.state,
        reason=standing.reason,
        advice=standing.advice,
        wave=standing.wave,
        rollout=rollout_of.get(key, ""),
    )


def _releases(standings: Iterable[Standing], around: Surroundings, heard: Mapping[str, int]) -> tuple[ReleaseNews, ...]:
    """Give what people did not hear of the sightings, recalls first."""
    of: dict[tuple[str, str], list[Standing]] = {}
    for standing in standings:
        of.setdefault((standing.node_group.ami_type, standing.node_group.version), []).append(standing)
    unheard = (s for s in around.sightings if s.change in TOLD and s.version > heard.get(s.parameter, 0))
    found = (_release(sighting, of.get((sighting.ami_type, sighting.minor), []), around.plans) for sighting in unheard)
    return tuple(sorted(found, key=lambda news: (news.kind is NewsKind.RELEASED, news.ami_type, news.minor)))


def _release(sighting: Sighting, concerned: list[Standing], plans: Iterable[Plan]) -> ReleaseNews:
    groups = sorted(standing.node_group.key for standing in concerned)
    ours = [plan for plan in plans if any(plan.groups.get(key) == sighting.concerns for key in groups)]
    behind = Counter(s.wave for s in concerned if s.state is State.BEHIND and s.wave is not None)
    return ReleaseNews(
        kind=sighting.change,
        family=family_of(sighting.ami_type),
        ami_type=sighting.ami_type,
        minor=sighting.minor,
        release_version=sighting.concerns,
        previous=sighting.previous,
        why=sighting.why,
        released_at=sighting.released_at,
        node_groups=len(groups),
        states=dict(sorted(Counter(standing.state.value for standing in concerned).items())),
        waves=dict(sorted(behind.items())),
        named=tuple(str(key) for key in groups[:MOST_CONCERNED]),
        rollouts=tuple(sorted(plan.rollout_id for plan in ours)),
        expected_at=min((plan.expected_at for plan in ours if plan.expected_at), default=None),
        may_close=sighting.may_close,
    )
