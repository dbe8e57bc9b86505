"""What of a look people hear: each standing once, each release once, what could not be seen until it can."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from nodewarden.ami_release.fleet import FleetLook, Plan
from nodewarden.ami_release.fleet_news import MOST_NEW, MOST_RELEASES, Surroundings, sum_up
from nodewarden.ami_release.may_close import MayClose
from nodewarden.ami_release.sighting import Earlier, NewsKind, Sighting
from nodewarden.ami_release.standing import Standing, State
from nodewarden.ami_release.unmanaged import Kind, Unmanaged
from nodewarden.aws.dynamodb import marshal, unmarshal
from nodewarden.fleet_ledger import look_item, read_look
from nodewarden.node_group import NodeGroup, NodeGroupKey, Target
from nodewarden.sighting_ledger import read_sighting, sighting_item
from tests.unit.builders import ACCOUNT, HOUR, NOW, REGION

if TYPE_CHECKING:
    from collections.abc import Iterable

AL2023, BOTTLEROCKET = "AL2023_x86_64_STANDARD", "BOTTLEROCKET_x86_64"
OLD, NEW = "1.33.5-20261114", "1.33.5-20261123"
MINUTE = timedelta(minutes=1)


def standing(
    name: str = "workers",
    state: State = State.HELD,
    *,
    cluster: str = "demo",
    target: str = NEW,
    ami_type: str = AL2023,
    wave: str | None = "dev",
) -> Standing:
    key = NodeGroupKey(account=ACCOUNT, region=REGION, cluster=cluster, name=name)
    group = NodeGroup(key=key, status="ACTIVE", ami_type=ami_type, version="1.33", release_version=OLD)
    to = Target(release_version=target, parameter=f"/{ami_type}", released_at=NOW)
    return Standing(node_group=group, state=state, reason="because", advice="do this", target=to, wave=wave)


WAITS = MayClose(incident_id="ami-0-0123456789ab", cluster="demo", node_group="workers", about=("CVE-2026-10001",))


def sighting(change: NewsKind = NewsKind.RELEASED, version: int = 2, ami_type: str = AL2023) -> Sighting:
    return Sighting(
        parameter=f"/{ami_type}",
        ami_type=ami_type,
        minor="1.33",
        release_version=NEW,
        released_at=NOW,
        first_seen=NOW,
        change=change,
        concerns=NEW,
        previous=OLD,
        version=version,
    )


def look(
    *standings: Standing,
    before: FleetLook | None = None,
    sightings: Iterable[Sighting] = (),
    at: datetime = NOW,
    **around: Any,
) -> FleetLook:
    surroundings = Surroundings(sightings=tuple(sightings), **{"unmanaged": (), "plans": (), "clusters": 1, **around})
    number = before.number + 1 if before else 1
    blank = FleetLook(account=ACCOUNT, region=REGION, number=number, looked_at=at, counts={}, heard={})
    return sum_up(standings, surroundings, before, blank)


def new(summed: FleetLook) -> list[str]:
    return [f"{listed.state} {listed.cluster}/{listed.name}" for listed in summed.new]


def test_what_is_left_alone_is_news_once() -> None:
    first = look(standing())
    again = look(standing(), before=first)

    assert (new(first), first.version) == (["held demo/workers"], 1)
    assert (new(again), again.version, again.is_news) == ([], 1, False)


def test_what_is_behind_or_up_to_date_is_no_news() -> None:
    summed = look(standing("one", State.BEHIND), standing("two", State.CURRENT))

    assert summed.counts == {"behind": 1, "up-to-date": 1, "unmanaged": 0}
    assert (summed.is_news, summed.version) == (False, 0)


def test_what_was_left_alone_rolled_and_is_left_alone_again_is_news_again() -> None:
    first = look(standing())
    between = look(standing(state=State.BEHIND), before=first)

    assert new(look(standing(), before=between)) == ["held demo/workers"]


def test_a_group_is_in_no_wave_anew_for_each_release_and_held_only_once() -> None:
    groups = [standing("one", State.NO_WAVE), standing("two", State.HELD)]
    first = look(*groups)

    later = look(*(replace(g, target=standing(target="1.33.6-20261201").target) for g in groups), before=first)

    assert new(later) == ["in-no-wave demo/one"]


def test_what_was_said_of_a_cluster_that_could_not_be_read_stays_said() -> None:
    first = look(standing(cluster="demo"), standing(cluster="other"))

    unread = look(before=first, unseen=["demo"], failures=("demo: denied",))
    after = look(standing(cluster="demo"), standing(cluster="other"), before=unread)

    assert new(after) == ["held other/workers"]


def told_of(*looks: tuple[timedelta, tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Give the failures that each look tells, of looks after some time with what they could not see."""
    told, before = [], None
    for after, failures in looks:
        before = look(before=before, at=NOW + after, failures=failures)
        told.append(before.failures)
    return told


def test_a_failure_is_told_once_when_it_has_lasted_until_the_next_look_by_the_schedule() -> None:
    looks = [(minutes * MINUTE, ("demo: denied",)) for minutes in (0, 1, 3, 15, 30, 3000)]

    assert told_of(*looks) == [(), (), (), ("demo: denied",), (), ()]


def test_another_failure_is_told_when_it_has_lasted_too() -> None:
    both = ("demo: denied", "other: throttled")

    told = told_of((0 * MINUTE, both[:1]), (15 * MINUTE, both), (30 * MINUTE, both), (45 * MINUTE, ()))

    assert told == [(), ("demo: denied",), ("other: throttled",), ()]


def test_failures_that_come_and_go_between_looks_are_not_told() -> None:
    one, other = ("demo: throttled",), ("other: throttled",)

    told = told_of(*((minutes * MINUTE, (one, other, ())[minutes // 15 % 3]) for minutes in range(0, 300, 15)))

    assert not any(told)


def test_a_failure_that_was_told_is_told_again_only_when_it_was_away_for_a_day() -> None:
    often = [(hours * HOUR + minutes * MINUTE, ("demo: denied",)) for hours in (0, 12, 24) for minutes in (0, 15)]
    well = [((hours - 1) * HOUR, ()) for hours in (12, 24, 60)]
    later = [(60 * HOUR, ("demo: denied",)), (60 * HOUR + 15 * MINUTE, ("demo: denied",))]

    told = told_of(*sorted([*often, *well, *later]))

    assert [len(failures) for failures in told] == [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1]


def test_what_a_look_could_not_see_is_known_whether_it_is_told_or_not() -> None:
    first = look(failures=("demo: denied",))
    well = look(before=first, at=NOW + HOUR)

    assert (first.unseen, first.is_news) == (("demo: denied",), False)
    assert (well.unseen, well.is_news) == ((), False)


def test_more_that_is_new_than_a_message_holds_is_counted() -> None:
    summed = look(*(standing(f"group-{number}") for number in range(MOST_NEW + 5)))

    assert (len(summed.new), summed.news) == (MOST_NEW, MOST_NEW + 5)


def test_a_release_is_news_until_a_look_that_tells_it_is_written() -> None:
    first = look(sightings=[sighting(NewsKind.FIRST_SEEN, 1)])
    told = look(before=first, sightings=[sighting()])
    again = look(before=told, sightings=[sighting()])

    assert [len(each.releases) for each in (first, told, again)] == [0, 1, 0]
    assert told.heard == {f"/{AL2023}": 2}


def test_what_is_seen_first_is_no_news_whatever_its_version() -> None:
    assert look(sightings=[sighting(NewsKind.FIRST_SEEN)]).releases == ()


def test_a_release_names_whom_it_concerns_and_the_rollout_that_takes_them_along() -> None:
    groups = [
        standing("one", State.BEHIND),
        standing("two", State.BEHIND, wave="prod"),
        standing("three", State.HELD),
        standing("four", State.BEHIND, ami_type=BOTTLEROCKET),
    ]
    ours = Plan(rollout_id="al2023-1", groups={groups[0].node_group.key: NEW}, expected_at=NOW + timedelta(days=3))
    theirs = Plan(rollout_id="al2023-0", groups={groups[1].node_group.key: OLD}, expected_at=NOW)

    (news,) = look(*groups, sightings=[sighting()], plans=[ours, theirs]).releases

    assert (news.node_groups, news.states, news.waves) == (3, {"behind": 2, "held": 1}, {"dev": 1, "prod": 1})
    assert news.named == ("demo/one", "demo/three", "demo/two")
    assert (news.rollouts, news.expected_at) == (("al2023-1",), NOW + timedelta(days=3))


def test_recalls_come_before_releases() -> None:
    found = look(sightings=[sighting(), sighting(NewsKind.RECALLED, ami_type=BOTTLEROCKET)]).releases

    assert [news.kind for news in found] == [NewsKind.RECALLED, NewsKind.RELEASED]


def test_more_releases_than_a_record_holds_are_counted_and_not_told_later() -> None:
    many = [sighting(ami_type=f"TYPE_{number}") for number in range(MOST_RELEASES + 3)]
    summed = look(sightings=many)

    assert (len(summed.releases), summed.more_releases) == (MOST_RELEASES, 3)
    assert look(sightings=many, before=summed).releases == ()


def test_hosts_in_no_node_group_are_news_once_for_each_cluster_and_kind() -> None:
    hosts = [Unmanaged(cluster="demo", kind=Kind.SELF_MANAGED, where=f"i-{number:017x}") for number in range(3)]
    first = look(unmanaged=hosts[:2])
    again = look(unmanaged=hosts, before=first)

    assert first.new_unmanaged == (hosts[0],)
    assert (again.new_unmanaged, again.counts) == ((), {"unmanaged": 3})


states = st.sampled_from(State)
fleets = st.lists(
    st.builds(standing, st.text("abc", min_size=1, max_size=3), states, cluster=st.sampled_from(["demo", "other"])),
    unique_by=lambda each: each.node_group.key,
    max_size=12,
)


@given(fleets, fleets)
def test_the_same_fleet_is_never_told_twice_and_a_look_reads_as_it_was_written(
    first: list[Standing], second: list[Standing]
) -> None:
    waited = replace(sighting(), may_close=(WAITS,))
    before = look(*first, sightings=[waited], unmanaged=[Unmanaged(cluster="demo", kind=Kind.FARGATE, where="a")])
    after = look(*second, before=before, sightings=[sighting()], failures=["demo: denied"])

    assert not look(*second, before=after, sightings=[sighting()]).is_news
    assert {listed.name for listed in after.new} <= {each.node_group.key.name for each in second}
    for summed in (before, after):
        assert read_look(unmarshal(marshal(look_item(summed)))) == summed


@given(st.sampled_from(NewsKind), st.lists(st.sampled_from([OLD, NEW]), unique=True), st.none() | st.just(OLD))
def test_a_sighting_reads_as_it_was_written(kind: NewsKind, recalled: list[str], previous: str | None) -> None:
    earlier = tuple(Earlier(release_version=release, first_seen=NOW) for release in recalled)
    written = replace(sighting(kind), recalled=tuple(recalled), previous=previous, earlier=earlier, may_close=(WAITS,))

    assert read_sighting(unmarshal(marshal(sighting_item(written, ACCOUNT, REGION)))) == written


def test_a_record_of_a_thousand_node_groups_that_are_all_left_alone_fits_into_an_item() -> None:
    states_of_all = [state for state in State if state is not State.BEHIND]
    groups = [
        replace(standing(f"group-{n:04}-{'x' * 50}", state, cluster=f"cluster-{n % 40}"), reason="r" * 300)
        for state in states_of_all
        for n in range(1000 // len(states_of_all))
    ]
    many = [sighting(ami_type=f"TYPE_{number}") for number in range(110)]

    written = str(marshal(look_item(look(*groups, sightings=many))))

    assert len(written) < 400_000
