"""What is new about a release, and that it is announced once."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodewarden.ami_release.announcement import DETAIL_TYPE, SOURCE, detail
from nodewarden.ami_release.may_close import MayClose
from nodewarden.ami_release.sighting import (
    MOST_EARLIER,
    MOST_RECALLED,
    News,
    NewsKind,
    Seen,
    Sighting,
    compare,
    is_recalled,
    why_recalled,
)
from nodewarden.node_group import Image, Target
from tests.unit.builders import HOUR, NOW, REGION

EXAMPLE = Path(__file__).parents[2] / "events" / "ami_release" / "node-ami-released-ignored.json"
PARAMETER = "/aws/service/eks/optimized-ami/1.33/amazon-linux-2023/x86_64/standard/recommended/release_version"
IMAGE_ID = "ami-0123456789abcdef0"
FINE = Image(image_id=IMAGE_ID, state="available", allowed=True, deprecated_at=NOW + timedelta(days=700))
OLD, MIDDLE, NEW = "1.33.5-20261101", "1.33.5-20261114", "1.33.5-20261123"
UNUSABLE = {
    "not visible": None,
    "not allowed": replace(FINE, allowed=False),
    "deprecated": replace(FINE, deprecated_at=NOW),
    "deregistered": replace(FINE, state="deregistered"),
}
NO_ORDER, NO_ORDER_EITHER = "1.30.0-ca9b9399", "1.30.0-0d4f2a11"


def seen(
    release: str, image: Image | None = FINE, *, released_at: datetime = NOW, image_id: str | None = IMAGE_ID
) -> Seen:
    target = Target(release_version=release, parameter=PARAMETER, released_at=released_at, image_id=image_id)
    return Seen(ami_type="AL2023_x86_64_STANDARD", minor="1.33", target=target, image=image)


def after(*looks: Seen) -> News:
    """Compare one look after the other, writing each memory."""
    before, news = None, None
    for look in looks:
        news = compare(before, look, NOW)
        before = news.sighting
    assert news
    return news


def memory(*looks: Seen) -> Sighting:
    sighting = after(*looks).sighting
    assert sighting
    return sighting


def test_the_first_sight_is_remembered_and_announced_to_nobody() -> None:
    news = compare(None, seen(NEW), NOW)

    assert news.kind is NewsKind.FIRST_SEEN
    assert news.changed == Sighting(
        parameter=PARAMETER,
        ami_type="AL2023_x86_64_STANDARD",
        minor="1.33",
        release_version=NEW,
        released_at=NOW,
        first_seen=NOW,
        change=NewsKind.FIRST_SEEN,
        concerns=NEW,
        image_id=IMAGE_ID,
    )
    assert detail(news.changed, REGION) is None


def test_a_newer_release_is_announced_with_the_one_before() -> None:
    news = after(seen(MIDDLE), seen(NEW))

    assert news.changed
    assert (news.kind, news.changed.concerns, news.changed.version) == (NewsKind.RELEASED, NEW, 2)
    assert (news.changed.release_version, news.changed.previous) == (NEW, MIDDLE)
    assert detail(news.changed, REGION) is not None


def test_what_is_remembered_of_a_newer_release_is_its_own() -> None:
    look = seen(NEW, replace(FINE, image_id="ami-0fedcba9876543210"), image_id="ami-0fedcba9876543210")

    sighting = compare(memory(seen(MIDDLE, released_at=NOW - HOUR)), look, NOW + HOUR).changed

    assert sighting
    assert (sighting.image_id, sighting.released_at) == ("ami-0fedcba9876543210", NOW)
    assert sighting.first_seen == NOW + HOUR


def test_a_release_that_has_no_order_is_announced() -> None:
    assert after(seen(NO_ORDER), seen(NO_ORDER_EITHER)).kind is NewsKind.RELEASED


def test_a_release_is_announced_once() -> None:
    news = after(seen(MIDDLE), seen(NEW), seen(NEW))

    assert (news.kind, news.changed) == (NewsKind.UNCHANGED, None)


def test_of_two_runs_at_once_one_loses_by_the_version() -> None:
    before = memory(seen(MIDDLE))

    one, other = (compare(before, seen(NEW), NOW + n * HOUR).changed for n in range(2))

    assert one
    assert other
    assert one.version == other.version == before.version + 1


@pytest.mark.parametrize("image", UNUSABLE.values(), ids=UNUSABLE)
def test_a_release_whose_image_cannot_be_used_yet_waits(image: Image | None) -> None:
    news = after(seen(MIDDLE), seen(NEW, image))

    assert (news.kind, news.changed) == (NewsKind.NOT_READY, None)
    assert IMAGE_ID in news.why
    assert after(seen(MIDDLE), seen(NEW, image), seen(NEW)).kind is NewsKind.RELEASED


def test_a_release_without_an_image_waits() -> None:
    assert after(seen(MIDDLE), seen(NEW, image_id=None)).kind is NewsKind.NOT_READY


def test_nothing_is_remembered_of_a_first_sight_whose_image_cannot_be_used() -> None:
    news = compare(None, seen(NEW, None), NOW)

    assert (news.kind, news.sighting) == (NewsKind.NOT_READY, None)


def test_a_parameter_that_goes_back_recalls_what_it_named() -> None:
    sighting = memory(seen(MIDDLE), seen(NEW), seen(MIDDLE))

    assert (sighting.change, sighting.concerns, sighting.release_version) == (NewsKind.RECALLED, NEW, MIDDLE)
    assert sighting.why == f"{PARAMETER} went back from {NEW} to {MIDDLE}"
    assert is_recalled(sighting, NEW)
    assert not is_recalled(sighting, MIDDLE)
    assert detail(sighting, REGION) is None


def test_a_parameter_may_go_back_further_than_it_was_seen_to_come() -> None:
    assert after(seen(MIDDLE), seen(NEW), seen(OLD)).kind is NewsKind.RECALLED


def test_what_has_no_order_is_recalled_where_the_parameter_names_again_what_it_named_before() -> None:
    sighting = memory(seen(NO_ORDER), seen(NO_ORDER_EITHER), seen(NO_ORDER))

    assert sighting.change is NewsKind.RECALLED
    assert sighting.recalled == (NO_ORDER_EITHER,)


def test_a_parameter_that_goes_back_past_a_release_recalls_that_one_too() -> None:
    sighting = memory(seen(OLD), seen(MIDDLE), seen(NEW), seen(OLD))

    assert sighting.recalled == (NEW, MIDDLE)
    assert sighting.why == f"{PARAMETER} went back from {NEW} to {OLD}, past {MIDDLE}"
    assert why_recalled(sighting, seen(MIDDLE).target, FINE, NOW) == f"{MIDDLE} was recalled: {sighting.why}"
    assert why_recalled(sighting, seen(OLD).target, FINE, NOW) is None


def test_what_a_parameter_went_back_past_stays_recalled_after_the_next_release() -> None:
    sighting = memory(seen(OLD), seen(MIDDLE), seen(NEW), seen(OLD), seen("1.33.5-20261130"))

    assert why_recalled(sighting, seen(MIDDLE).target, FINE, NOW) == f"{MIDDLE} was recalled"


def test_a_target_that_is_newer_than_what_the_parameter_went_back_to_is_recalled_even_if_it_was_never_seen() -> None:
    sighting = memory(seen(NEW), seen(OLD))

    assert is_recalled(sighting, MIDDLE)
    assert why_recalled(sighting, seen(MIDDLE).target, FINE, NOW) == f"{MIDDLE} was recalled: {sighting.why}"


def test_a_parameter_that_goes_back_past_what_has_no_order_recalls_that_too() -> None:
    third = "1.30.0-1b2c3d4e"

    sighting = memory(seen(NO_ORDER), seen(NO_ORDER_EITHER), seen(third), seen(NO_ORDER))

    assert sighting.recalled == (third, NO_ORDER_EITHER)
    assert not is_recalled(sighting, NO_ORDER)


def test_a_release_that_is_named_again_keeps_the_moment_when_it_was_first_seen() -> None:
    before = None
    for hours, release in enumerate((OLD, MIDDLE, NEW, MIDDLE)):
        at = NOW + hours * HOUR
        before = compare(before, seen(release, released_at=at), at).sighting

    assert before
    assert (before.release_version, before.first_seen) == (MIDDLE, NOW + HOUR)
    assert [(each.release_version, each.first_seen) for each in before.earlier] == [(OLD, NOW)]


def test_the_releases_before_are_not_remembered_without_end() -> None:
    sighting = memory(*(seen(f"1.33.5-202611{day:02}") for day in range(1, 31)))

    assert len(sighting.earlier) == MOST_EARLIER
    assert sighting.earlier[0].release_version == "1.33.5-20261129"


def test_what_has_no_order_and_was_recalled_can_be_released_again() -> None:
    news = after(seen(NO_ORDER), seen(NO_ORDER_EITHER), seen(NO_ORDER), seen(NO_ORDER_EITHER))

    assert news.kind is NewsKind.RELEASED


@pytest.mark.parametrize("image", UNUSABLE.values(), ids=UNUSABLE)
def test_a_release_whose_image_is_withdrawn_is_recalled_once(image: Image | None) -> None:
    looks = (seen(MIDDLE), seen(NEW), seen(NEW, image))

    assert (after(*looks).kind, after(*looks).why) == (NewsKind.RECALLED, memory(*looks).why)
    assert memory(*looks).recalled == (NEW,)
    assert after(*looks, seen(NEW, image)).kind is NewsKind.UNCHANGED


def test_a_release_whose_image_comes_back_is_restored() -> None:
    sighting = memory(seen(NEW), seen(NEW, None), seen(NEW))

    assert (sighting.change, sighting.concerns, sighting.why) == (NewsKind.RESTORED, NEW, "")
    assert not is_recalled(sighting, NEW)
    assert detail(sighting, REGION) is None


def test_a_recalled_release_that_is_released_again_is_announced_again() -> None:
    sighting = memory(seen(MIDDLE), seen(NEW), seen(MIDDLE), seen(NEW))

    assert sighting.change is NewsKind.RELEASED
    assert not is_recalled(sighting, NEW)


def test_the_release_after_a_recall_leaves_the_recall_known() -> None:
    sighting = memory(seen(OLD), seen(MIDDLE), seen(OLD), seen(NEW))

    assert (sighting.change, sighting.recalled) == (NewsKind.RELEASED, (MIDDLE,))


def test_an_answer_that_is_older_than_the_one_before_is_no_recall() -> None:
    news = after(seen(MIDDLE, released_at=NOW - HOUR), seen(NEW), seen(MIDDLE, released_at=NOW - HOUR))

    assert (news.kind, news.changed) == (NewsKind.STALE, None)


def test_of_a_parameter_never_seen_nothing_is_recalled() -> None:
    assert not is_recalled(None, NEW)


def test_a_target_that_was_recalled_says_what_it_was_seen_by() -> None:
    sighting = memory(seen(MIDDLE), seen(NEW), seen(MIDDLE))

    assert why_recalled(sighting, seen(NEW).target, FINE, NOW) == f"{NEW} was recalled: {sighting.why}"


def test_a_target_that_was_recalled_stays_so_after_the_next_release() -> None:
    sighting = memory(seen(OLD), seen(MIDDLE), seen(OLD), seen(NEW))

    assert why_recalled(sighting, seen(MIDDLE).target, FINE, NOW) == f"{MIDDLE} was recalled"


@pytest.mark.parametrize("sighting", [None, memory(seen(MIDDLE), seen(NEW))], ids=["unseen", "replaced"])
def test_a_target_that_a_newer_release_replaced_is_sound_while_its_image_is(sighting: Sighting | None) -> None:
    assert why_recalled(sighting, seen(MIDDLE).target, FINE, NOW) is None
    assert IMAGE_ID in str(why_recalled(sighting, seen(MIDDLE).target, None, NOW))


def test_recalls_are_not_remembered_without_end() -> None:
    back = [look for n in range(30) for look in (seen(f"1.33.5-202611{n + 1:02}"), seen("1.33.5-20261001"))]

    recalled = memory(*back).recalled

    assert len(recalled) == MOST_RECALLED
    assert recalled[0] == "1.33.5-20261130"


def test_the_detail_of_the_event_is_as_in_the_example() -> None:
    example = json.loads(EXAMPLE.read_text("utf-8"))
    released_at = datetime(2026, 11, 24, 8, 12, 30, tzinfo=UTC)
    waits = MayClose(
        incident_id="ami-0123456789abcdef0-0123456789ab",
        cluster="demo",
        node_group="workers",
        about=("CVE-2026-10001",),
    )
    remembered = memory(seen(MIDDLE, released_at=released_at - HOUR), seen(NEW, released_at=released_at))
    sighting = replace(remembered, may_close=(waits,))

    assert (example["source"], example["detail-type"]) == (SOURCE, DETAIL_TYPE)
    assert detail(sighting, REGION) == example["detail"]


LOOKS = st.lists(
    st.builds(
        seen,
        st.sampled_from([OLD, MIDDLE, NEW, NO_ORDER, NO_ORDER_EITHER, "?"]),
        st.sampled_from([FINE, FINE, *UNUSABLE.values()]),
        released_at=st.sampled_from([NOW - HOUR, NOW]),
    ),
    min_size=1,
    max_size=8,
)


@given(looks=LOOKS)
def test_the_same_answers_are_no_news_again(looks: list[Seen]) -> None:
    news, again = after(*looks), after(*looks, looks[-1])

    assert again.changed is None
    assert again.sighting == news.sighting


@given(looks=LOOKS)
def test_a_recall_announces_no_release_and_each_write_has_a_version_of_its_own(looks: list[Seen]) -> None:
    before = None
    for look in looks:
        news = compare(before, look, NOW)
        if written := news.changed:
            assert written.version == (before.version + 1 if before else 1)
            assert (detail(written, REGION) is not None) == (news.kind is NewsKind.RELEASED)
            assert is_recalled(written, written.concerns) == (news.kind is NewsKind.RECALLED)
        before = news.sighting
