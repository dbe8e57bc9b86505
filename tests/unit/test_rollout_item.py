"""What is stored of a rollout is what is read again, whatever became of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodewarden.aws.dynamodb import marshal, unmarshal
from nodewarden.errors import LedgerError
from nodewarden.node_group import HealthIssue
from nodewarden.record import stamp
from nodewarden.rollout.answer import Verb
from nodewarden.rollout.state import GroupProgress, GroupState, Halt, HaltCause, Rollout, State
from nodewarden.rollout.step import Durations, StepKind, tell
from nodewarden.rollout_item import answer_item, group_item, head_item, read_head, read_rollout
from tests.unit.rollout_builders import DAY, NOW, answer, group, key, planned, policy, target, wave
from tests.unit.rollout_world import Fate, World

if TYPE_CHECKING:
    from collections.abc import Mapping

KEPT = 400 * DAY
SETTINGS = policy(wave("dev"), wave("prod", approval=True))
moments = st.integers(0, 10**9).map(lambda ms: NOW + timedelta(milliseconds=ms))


def stored(rollout: Rollout) -> list[dict[str, Any]]:
    """Write a rollout as the table keeps it: head and groups, through DynamoDB's types."""
    items = [head_item(rollout, NOW, KEPT), *(group_item(rollout, each) for each in rollout.groups.values())]
    return [unmarshal(marshal(item)) for item in items]


def read(items: list[dict[str, Any]]) -> Rollout:
    found = read_rollout(items)
    assert found
    return found.rollout


def some() -> Rollout:
    return planned(group("a"), group("b", of="prod"), settings=SETTINGS)


@given(
    state=st.sampled_from(State),
    cause=st.sampled_from(HaltCause),
    at=st.none() | moments,
    whole=st.integers(0, 10**6),
    yes=st.booleans(),
    text=st.text(max_size=40),
)
def test_a_head_is_read_as_it_was_written(
    state: State, cause: HaltCause, at: Any, whole: int, text: str, *, yes: bool
) -> None:
    written = replace(
        some(),
        state=state,
        halt=Halt(cause=cause, why=text, at=at) if at else None,
        held_from=state if yes else None,
        urgent=yes,
        why=text,
        version=whole,
        wave_started_at=at,
        wave_done_at=at,
        asked_at=at,
        trouble_since=at,
        finished_at=at,
        approved=frozenset({"dev", text}),
        accepted=frozenset({text}),
        recalls=frozenset({target(), replace(target(), image_id="ami-0123456789abcdef0")}),
    )
    written = tell(written, StepKind.WAVE_DONE, NOW, wave="dev", why=text, about={GroupState.WAITING})
    durations = Durations(wave=DAY, median=timedelta(minutes=20), longest=timedelta(hours=2))
    *first, last = written.steps
    written = replace(written, steps=(*first, replace(last, durations=durations)))

    assert read(stored(written)) == written


@given(state=st.sampled_from(GroupState), at=st.none() | moments, whole=st.integers(0, 99), yes=st.booleans())
def test_a_group_is_read_as_it_was_written(state: GroupState, at: Any, whole: int, *, yes: bool) -> None:
    rollout = some()
    issue = HealthIssue(code="PodEvictionFailure", message="a budget", resource_ids=("i-1", "i-2"))
    progress = replace(
        rollout.groups[key("a")],
        state=state,
        attempt=whole + 1,
        update_id="0123" if yes else None,
        refusals=whole,
        errors=(issue,) * (whole % 3),
        accepted=yes,
        may_return=not yes,
        **dict.fromkeys(MOMENTS, at),
    )
    written = rollout.with_groups([progress])

    assert read(stored(written)).groups == written.groups


MOMENTS = ("started_at", "called_at", "finished_at", "looked_at", "healthy_at", "stuck_since", "not_before")


@pytest.mark.parametrize("fate", Fate)
def test_a_rollout_that_is_stored_after_each_tick_goes_the_same_way_as_one_that_is_not(fate: Fate) -> None:
    groups = {each.key: each for each in (group("a", release="1.33.0-20261110"), group("b", release="1.33.0-20261110"))}
    worlds = [World(policy(), dict(groups), dict.fromkeys(groups, "AL2023"), latest=3) for _ in range(2)]
    for number, world in enumerate(worlds):
        world.fates = dict.fromkeys(groups, fate)
        world.plans()
        for count in range(60):
            (name,) = world.table
            world.ticks(name)
            if count == 40:
                world.says(world.table[name], Verb.ABORT)
            if number:
                world.table[name] = read(stored(world.table[name]))
            world.passes(timedelta(minutes=40))

    assert worlds[0].table == worlds[1].table


def test_an_answer_is_read_as_it_was_put() -> None:
    rollout = some()
    given_ = answer(Verb.SKIP, group=key("a"))

    found = read_rollout([*stored(rollout), unmarshal(marshal(answer_item(rollout.rollout_id, given_, KEPT)))])

    assert found
    assert found.answers == (given_,)


def test_a_partition_without_a_head_is_no_rollout() -> None:
    assert read_rollout(stored(some())[1:]) is None


def test_a_rollout_that_lost_a_group_is_not_read_without_it() -> None:
    with pytest.raises(LedgerError, match="has 1 of its 2 groups"):
        read_rollout(stored(some())[:-1])


def test_what_a_newer_nodewarden_wrote_is_not_guessed_at() -> None:
    head, *_ = stored(some())

    with pytest.raises(LedgerError, match="newer Nodewarden"):
        read_head({**head, "schema": Decimal(2)})


@pytest.mark.parametrize("change", [{"state": "sleeping"}, {"created_at": "yesterday"}, {"recalls": 3}])
def test_a_head_that_cannot_be_understood_is_an_error(change: Mapping[str, Any]) -> None:
    head, *_ = stored(some())

    with pytest.raises(LedgerError, match="cannot be understood"):
        read_head({**head, **change})


def test_what_was_not_written_yet_gets_the_value_that_it_begins_with() -> None:
    rollout = some()
    head, *groups = stored(rollout)
    needed = {"pk", "sk", "schema", "size", "step", "rollout_id", "family", "account", "region", "created_at", "waves"}
    group_needs = {"pk", "sk", "schema", "key", "wave", "target", "minor", "previous_release"}
    least = [
        {name: item[name] for name in needs & item.keys()}
        for item, needs in ((head, needed), *((each, group_needs) for each in groups))
    ]

    of_none = rollout.with_groups(replace(each, rollout_id="") for each in rollout.groups.values())
    assert read(least) == replace(of_none, reason="", steps=())


def test_every_field_of_a_rollout_is_stored() -> None:
    rollout = some()
    head, first, *_ = stored(rollout)

    assert {*Rollout.__slots__} - head.keys() == {"groups", "told"}
    assert {*GroupProgress.__slots__} - first.keys() == set()


def test_up_to_where_people_heard_is_not_ours_to_write() -> None:
    assert "told" not in head_item(some(), NOW, KEPT)


def test_what_has_ended_is_kept_for_the_retention() -> None:
    ended = replace(some(), state=State.FINISHED)

    assert head_item(ended, NOW, KEPT)["ttl"] == int((NOW + KEPT).timestamp())
    assert "ttl" not in head_item(some(), NOW, KEPT)
    assert head_item(some(), NOW, KEPT)["changed_at"] == stamp(NOW)


def test_a_head_stays_small_however_many_groups_fail_with_however_much_to_say() -> None:
    errors = tuple(
        HealthIssue(code="NodeCreationFailure", message="x" * 500, resource_ids=("i-0123456789abcdef0",) * 20)
        for _ in range(10)
    )
    rollout = planned(*(group(f"w{n}", f"c{n}") for n in range(50)), settings=SETTINGS)
    failed = rollout.with_groups(
        replace(each, state=GroupState.FAILED, errors=errors) for each in rollout.groups.values()
    )
    for _ in range(4):
        failed = tell(failed, StepKind.HALTED, NOW, why="x" * 500, about={GroupState.FAILED})

    assert len(str(marshal(head_item(failed, NOW, KEPT)))) < 400_000
