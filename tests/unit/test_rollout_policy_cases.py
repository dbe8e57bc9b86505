"""The cases of rollout.toml, each one a test, and what a case must look like."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nodewarden import policy
from nodewarden.errors import PolicyError
from nodewarden.node_group import NodeGroup, NodeGroupKey
from nodewarden.rollout.observed import Observed
from nodewarden.rollout.policy import RolloutPolicy, Wave, read
from nodewarden.rollout.state import GroupProgress, GroupState, Rollout, State
from nodewarden.table import Table
from tests.unit.rollout_builders import ACCOUNT, NEW, OLD, REGION, group, seen, target, ticked

if TYPE_CHECKING:
    from nodewarden.rollout.observed import Seen

FOLDER = Path(__file__).parents[2] / "layers" / "policy" / "policy"
OUTCOMES = ("starts", "waits", "asks", "halts", "no-wave")
TUESDAY = datetime(2026, 12, 1, 10, tzinfo=UTC)
LONG_AGO = datetime(2026, 11, 1, tzinfo=UTC)
OF_A_WAVE = ("soak", "approval", "max_failures", "alarms", "urgent")
ENOUGH = 1000


@dataclass(frozen=True, kw_only=True)
class After:
    wave: str
    done: datetime
    alarms: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Case:
    name: str
    setting: str
    group: NodeGroup
    at: datetime
    released: datetime
    urgent: bool
    updating: int
    failed: int
    addresses: int
    since: datetime | None
    after: After | None
    approved: bool
    policy: RolloutPolicy
    outcome: str


def read_case(table: Table, file: Table) -> Case:
    """Read one case of the file; raises PolicyError naming the key's path."""
    case = Case(
        name=table.text("name"),
        setting=table.choice("setting", settings_of(file)),
        group=group_of(table.table("group")) if "group" in table else group(),
        at=table.moment("at") or TUESDAY,
        released=table.moment("released") or LONG_AGO,
        urgent="urgent" in table and bool(table.values["urgent"]),
        updating=count(table, "updating", 0),
        failed=count(table, "failed", 0),
        addresses=count(table, "addresses", ENOUGH),
        since=table.moment("since"),
        after=after_of(table.table("after")) if "after" in table else None,
        approved="approved" in table and bool(table.values["approved"]),
        policy=policy_of(table.table("policy"), file),
        outcome=table.choice("outcome", OUTCOMES),
    )
    table.done()
    return case


def settings_of(file: Table) -> tuple[str, ...]:
    seen_of = Table(file.path, file.values)
    read(seen_of)
    return (*sorted(seen_of.known - {"case"}), *(f"wave.{each}" for each in OF_A_WAVE))


def count(table: Table, name: str, default: int) -> int:
    return table.number(name, at_least=0, at_most=ENOUGH) if name in table else default


def group_of(table: Table) -> NodeGroup:
    tags = table.table("tags")
    found = NodeGroupKey(
        account=table.text("account", ACCOUNT),
        region=table.text("region", REGION),
        cluster=table.text("cluster", "demo"),
        name=table.text("name", "workers"),
    )
    table.done()
    return replace(group(), key=found, tags={tag: tags.text(tag, "") for tag in tags.values})


def after_of(table: Table) -> After:
    alarms = table.table("alarms")
    done = table.moment("done")
    if done is None:
        missing = "done"
        raise table.wrong(missing, "is missing")
    after = After(wave=table.text("wave"), done=done, alarms={name: alarms.text(name) for name in alarms.values})
    table.done()
    return after


def policy_of(table: Table, file: Table) -> RolloutPolicy:
    settings = {each: value for each, value in file.values.items() if each != "case"}
    return read(Table(table.path, {**settings, **table.values}))


def progress(each: NodeGroup, wave: str, case: Case, state: GroupState = GroupState.WAITING) -> GroupProgress:
    return GroupProgress(
        key=each.key,
        wave=wave,
        target=target(released_at=case.released),
        minor=each.version,
        previous_release=OLD,
        state=state,
    )


def rollout_of(case: Case, wave: Wave) -> Rollout:
    """Give the rollout in which the group is next; what it says that the case does not is what was before."""
    its = progress(case.group, wave.name, case)
    hindered = case.since is not None and not wave.approval
    ill = [progress(group(f"ill-{n}", f"other-{n}"), wave.name, case, GroupState.FAILED) for n in range(case.failed)]
    before = [progress(group("before", "other"), case.after.wave, case, GroupState.DONE)] if case.after else []
    begun = hindered or bool(ill)
    return Rollout(
        rollout_id="al2023-0123456789ab",
        family="AL2023",
        account=case.group.key.account,
        region=case.group.key.region,
        created_at=case.released,
        waves=(*((case.after.wave,) if case.after else ()), wave.name),
        groups={each.key: each for each in (replace(its, stuck_since=case.since if hindered else None), *ill, *before)},
        state=State.ROLLING if begun else State.SOAKING if case.after else State.PLANNED,
        urgent=case.urgent,
        wave=(1 if case.after else 0) + (0 if begun else -1),
        wave_done_at=case.after.done if case.after else None,
        approved=frozenset({wave.name} if case.approved else ()),
        asked_at=case.since if wave.approval else None,
    )


def outcome_of(case: Case) -> str:
    """Say in the words of the cases what the service would do in its next ticks at that moment."""
    wave = case.policy.wave_of(case.group)
    if wave is None:
        return "no-wave"
    rollout = rollout_of(case, wave)
    if rollout.asked_at and not case.approved:
        rollout = replace(rollout, state=State.AWAITING_APPROVAL)
    extra = Observed(alarms=case.after.alarms if case.after else {}, others_active=case.updating)

    def look(each: NodeGroupKey) -> Seen:
        found = case.group if each == case.group.key else group(each.name, each.cluster, release=NEW)
        return seen(found, free_addresses=case.addresses)

    for _ in range(4):
        rollout, calls = ticked(rollout, case.policy, case.at, look, extra)
        if calls:
            assert [call.key for call in calls] == [case.group.key]
            return "starts"
    return {State.HALTED: "halts", State.AWAITING_APPROVAL: "asks"}.get(rollout.state, "waits")


FILE = policy.load(FOLDER, "rollout")
CASES = tuple(FILE.tables("case"))


@pytest.mark.parametrize("table", CASES, ids=lambda table: str(table.values.get("name", table.path)))
def test_the_case_comes_out_as_it_says(table: Table) -> None:
    case = read_case(table, FILE)

    assert outcome_of(case) == case.outcome, table.path


@pytest.mark.parametrize("setting", settings_of(FILE))
def test_a_setting_has_a_case_that_starts_and_one_that_does_not(setting: str) -> None:
    starts = {table.values.get("outcome") == "starts" for table in CASES if table.values.get("setting") == setting}

    assert True in starts, f"rollout.toml: {setting} has no case that starts: add one"
    assert False in starts, f"rollout.toml: {setting} has no case that does not start: add one"


def test_the_policy_as_it_is_shipped_asks_before_production_and_has_windows() -> None:
    shipped = read(FILE)

    assert [wave.name for wave in shipped.waves] == ["dev", "staging", "prod"]
    assert [wave.approval for wave in shipped.waves] == [False, False, True]
    assert shipped.calendar.windows


GOOD: dict[str, object] = {"name": "a release of three days is rolled", "setting": "minimum_age", "outcome": "starts"}
MALFORMED: dict[str, tuple[dict[str, object], str]] = {
    "without a name": ({"name": ""}, "case[0].name must be"),
    "about a setting that there is not": (
        {"setting": "maximum_age"},
        "case[0].setting must be one of approval_timeout, ",
    ),
    "with an outcome that there is not": ({"outcome": "rolls"}, "case[0].outcome must be one of starts, "),
    "with a misspelt key": ({"polcy": {}}, "case[0].polcy is not a setting here"),
    "with a misspelt key of a group": ({"group": {"nam": "x"}}, "case[0].group.nam is not a setting here"),
    "with a wave before that was never done": ({"after": {"wave": "dev"}}, "case[0].after.done is missing"),
    "with a moment that is none": ({"at": "tomorrow"}, "case[0].at must be a date"),
    "with a setting that is wrong": ({"policy": {"minimum_age": "3"}}, "case[0].policy.minimum_age must be a duration"),
}


@pytest.mark.parametrize(("changes", "message"), MALFORMED.values(), ids=MALFORMED)
def test_a_case_is_refused_with_its_path(changes: dict[str, object], message: str) -> None:
    file = Table("rollout.toml: ", {**FILE.values, "case": [GOOD | changes]})
    (table,) = file.tables("case")

    with pytest.raises(PolicyError) as refused:
        read_case(table, file)

    assert str(refused.value).startswith(f"rollout.toml: {message}")
