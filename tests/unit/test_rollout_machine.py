"""Rollouts through everything that can happen: ticks lost, repeated and dying, people, failures, somebody else's hand."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from nodewarden.launch_template import LaunchTemplate
from nodewarden.node_group import CUSTOM, SELF_MANAGED, HealthIssue
from nodewarden.rollout.answer import Verb
from nodewarden.rollout.state import ACTIVE, FINAL, State
from tests.unit.rollout_builders import ALWAYS, DAY, HOUR, MINUTE, NOW, group, policy, wave
from tests.unit.rollout_world import GOLDEN, RELEASES, Fate, World

if TYPE_CHECKING:
    from datetime import timedelta

    from hypothesis.strategies import DataObject

    from nodewarden.node_group import NodeGroup
    from nodewarden.rollout.state import Rollout
    from tests.unit.rollout_world import Tick

WAVES = ("dev", "staging", "prod")
OFFICE_HOURS = {"days": ["mon", "tue", "wed", "thu"], "start": "09:00", "end": "16:00", "zone": "Europe/Berlin"}
NIGHTS = {"days": ["mon", "wed", "fri"], "start": "22:00", "end": "04:00", "zone": "America/New_York"}
URGENT = ("minimum_age", "soak", "window")
STEPS_TO_THE_END = 3000

waves = st.builds(
    lambda soak, approval, failures, alarms, urgent: {
        "soak": soak,
        "approval": approval,
        "max_failures": failures,
        "alarms": alarms,
        "urgent": urgent,
    },
    st.sampled_from(["0d", "0d", "2h", "1d"]),
    st.booleans(),
    st.sampled_from([0, 0, 1]),
    st.sampled_from([[], ["errors"]]),
    st.lists(st.sampled_from(URGENT), unique=True),
)
policies = st.builds(
    lambda each, age, windows, concurrency, frozen: policy(
        *(wave(name, **one) for name, one in zip(WAVES, each, strict=True)),
        window=windows,
        max_concurrency=concurrency,
        minimum_age=age,
        stuck_after="6h",
        approval_timeout="3d",
        freeze=[{"from": NOW + 2 * HOUR, "to": NOW + DAY, "reason": "a sale"}] if frozen else [],
    ),
    st.tuples(waves, waves, waves),
    st.sampled_from(["0d", "0d", "3d"]),
    st.sampled_from([[ALWAYS], [ALWAYS], [OFFICE_HOURS], [OFFICE_HOURS, NIGHTS]]),
    st.integers(1, 3),
    st.booleans(),
)
members = st.tuples(
    st.sampled_from(["red", "blue", "green"]),
    st.sampled_from(WAVES),
    st.sampled_from(["AL2023", "Windows", GOLDEN, GOLDEN]),
    st.sampled_from([*Fate, Fate.FAILS, Fate.SUCCEEDS, Fate.SUCCEEDS, Fate.SUCCEEDS]),
)
fleets = st.lists(members, min_size=1, max_size=7)


class Meddling(StrEnum):
    """What people and others do to a node group meanwhile."""

    HOLDS = "nodewarden:hold"
    PINS = "nodewarden:pin"
    TAKES_OUT = "takes it out of its wave"
    UPDATES = "updates it"
    DELETES = "deletes it"
    HARMS = "harms it"
    HEALS = "heals it"
    CROWDS = "fills or frees its subnets"
    UNHOOKS = "takes away or gives back what drains its hosts"


def member(number: int, cluster: str, of: str, family: str) -> NodeGroup:
    """Give a node group, with an AMI of its own in the golden family; of these every other one is self-managed."""
    kind = SELF_MANAGED if number % 2 else CUSTOM
    name = f"asg:workers-{number}" if family == GOLDEN and kind == SELF_MANAGED else f"workers-{number}"
    found = group(name, cluster, of=of, release=RELEASES[0])
    if family != GOLDEN:
        return found
    template = LaunchTemplate(template_id=f"lt-{number // 3:08x}", version="1")  # some share one
    return replace(found, ami_type=kind, launch_template=template)


class Rollouts(RuleBasedStateMachine):
    """One account and region, three AMI families, anything at any time."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.pending: list[Tick] = []

    @initialize(settings=policies, fleet=fleets, unhooked=st.booleans())
    def begins(self, settings: World, fleet: list[tuple[str, str, str, Fate]], *, unhooked: bool) -> None:
        groups = [
            (member(number, cluster, of, family), family) for number, (cluster, of, family, _) in enumerate(fleet)
        ]
        self.world = World(
            policy=settings,  # type: ignore[arg-type]  # drawn from the strategy of policies
            groups={each.key: each for each, _ in groups},
            family={each.key: family for each, family in groups},
            fates={each.key: fate for (each, _), (*_, fate) in zip(groups, fleet, strict=True)},
            latest=1,
        )
        self.world.plans()
        if unhooked:
            self.world.undrained = {each.key for each, _ in groups if each.key.auto_scaling_group}
        self.ticks_as_scheduled(3, 5, fair=True)

    # Ticks.

    @rule(data=st.data())
    def a_tick(self, data: DataObject) -> None:
        if rollout := self._some_rollout(data):
            self.world.ticks(rollout.rollout_id)

    @rule(times=st.integers(4, 30), minutes=st.sampled_from([5, 5, 30]), fair=st.booleans())
    def ticks_as_scheduled(self, times: int, minutes: int, *, fair: bool) -> None:
        for _ in range(times):
            if fair:
                self._people_are_fair()
            self._all_tick()
            self.world.passes(minutes * MINUTE)

    @rule(times=st.integers(1, 6))
    def ticks_go_on(self, times: int) -> None:
        self.ticks_as_scheduled(times, 5, fair=False)

    @rule(data=st.data(), steps=st.integers(0, 3))
    def a_tick_begins(self, data: DataObject, steps: int) -> None:
        if rollout := self._some_rollout(data):
            self.pending.append(self.world.begins_tick(rollout.rollout_id))
            self._goes_on(-1, steps)

    @precondition(lambda self: self.pending)
    @rule(data=st.data(), steps=st.integers(1, 3))
    def a_tick_goes_on(self, data: DataObject, steps: int) -> None:
        self._goes_on(data.draw(st.integers(0, len(self.pending) - 1)), steps)

    @rule(data=st.data(), steps=st.integers(0, 3))
    def a_tick_dies_in_the_middle(self, data: DataObject, steps: int) -> None:
        if rollout := self._some_rollout(data):
            tick = self.world.begins_tick(rollout.rollout_id)
            for _ in range(steps):
                if not tick.over:
                    self.world.goes_on(tick)

    @precondition(lambda self: self.pending)
    @rule(data=st.data())
    def a_tick_dies(self, data: DataObject) -> None:
        self.pending.pop(data.draw(st.integers(0, len(self.pending) - 1)))

    @rule(duration=st.sampled_from([MINUTE, 5 * MINUTE, 20 * MINUTE, HOUR, 7 * HOUR, DAY, 3 * DAY]))
    def time_passes(self, duration: timedelta) -> None:
        self.world.passes(duration)

    # People and AWS.

    @rule(verb=st.sampled_from([*Verb, Verb.APPROVE, Verb.RESUME]), data=st.data())
    def somebody_answers(self, verb: Verb, data: DataObject) -> None:
        if rollout := self._some_rollout(data):
            named = data.draw(st.none() | st.sampled_from(sorted(rollout.groups)))
            self.world.says(rollout, verb, named)

    @rule(data=st.data())
    def somebody_answers_what_was_asked(self, data: DataObject) -> None:
        if rollout := self._some_rollout(data):
            fitting = {
                State.AWAITING_APPROVAL: Verb.APPROVE,
                State.PAUSED: Verb.RESUME,
                State.HALTED: data.draw(st.sampled_from([Verb.RESUME, Verb.RETRY])),
            }
            if verb := fitting.get(rollout.state):
                self.world.says(rollout, verb)
                self.world.ticks(rollout.rollout_id)

    @rule(blind=st.booleans())
    def lists_of_updates_lag(self, *, blind: bool) -> None:
        self.world.blind = blind

    @rule(fate=st.sampled_from(Fate), data=st.data())
    def an_update_will(self, fate: Fate, data: DataObject) -> None:
        self.world.fates[data.draw(st.sampled_from(sorted(self.world.family)))] = fate

    @rule(urgent=st.booleans())
    def the_hour_strikes(self, *, urgent: bool) -> None:
        self.world.plans(urgent=urgent)

    @precondition(lambda self: self.world.latest + 1 < len(RELEASES))
    @rule(sure=st.integers(0, 3))
    def a_release_comes(self, sure: int) -> None:
        if not sure:
            self.world.latest += 1
            self.world.released_at = self.world.now
            self.world.plans()

    @rule(data=st.data())
    def a_release_is_recalled(self, data: DataObject) -> None:
        if rollout := self._some_rollout(data):
            self.world.recalled.add(next(iter(rollout.groups.values())).target)

    @rule(state=st.sampled_from(["OK", "ALARM", "INSUFFICIENT_DATA"]))
    def an_alarm_is(self, state: str) -> None:
        self.world.alarms["errors"] = state

    @rule(stance=st.sampled_from(["", "", "the mode is observe"]))
    def the_stance_is(self, stance: str) -> None:
        self.world.stance = stance

    @rule(data=st.data(), what=st.sampled_from(Meddling))
    def somebody_meddles(self, data: DataObject, what: Meddling) -> None:
        keys = sorted(self.world.groups)
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        found = self.world.groups[key]
        match what:
            case Meddling.HOLDS | Meddling.PINS:
                self.world.groups[key] = replace(found, tags={**found.tags, what.value: "a migration"})
            case Meddling.TAKES_OUT:
                self.world.groups[key] = replace(
                    found, tags={"nodewarden:wave": data.draw(st.sampled_from(["", "prod"]))}
                )
            case Meddling.UPDATES if found.status == "ACTIVE":
                release = data.draw(st.sampled_from(RELEASES))
                self.world.begin_update(key, release, Fate.SUCCEEDS, ours=False)
            case Meddling.DELETES:
                del self.world.groups[key]
            case Meddling.HARMS | Meddling.HEALS:
                ill = what is Meddling.HARMS
                issues = (HealthIssue(code="AccessDenied", message="the role"),) if ill else ()
                self.world.groups[key] = replace(found, issues=issues)
            case Meddling.CROWDS:
                self.world.crowded ^= {key}
            case Meddling.UNHOOKS if key.auto_scaling_group:
                self.world.undrained ^= {key}
            case _:
                pass

    @rule(cluster=st.sampled_from(["red", "blue"]), upgrading=st.booleans())
    def a_cluster_upgrades(self, cluster: str, *, upgrading: bool) -> None:
        (self.world.upgrading.add if upgrading else self.world.upgrading.discard)(cluster)

    # What holds.

    @invariant()
    def it_is_whole(self) -> None:
        if hasattr(self, "world"):
            self.world.is_whole()

    def teardown(self) -> None:
        """With fair ticks and fair people every rollout ends, and no group of it is on its way any more."""
        if not hasattr(self, "world"):
            return
        world = self.world
        self.pending, world.stance, world.alarms, world.fates, world.blind = [], "", {}, {}, False
        world.crowded, world.upgrading, world.undrained = set(), set(), set()
        world.groups = {key: replace(found, issues=()) for key, found in world.groups.items()}
        for _ in range(STEPS_TO_THE_END):
            if not world.active:
                break
            self._people_are_fair()
            self._all_tick()
            world.is_whole()
            self._time_goes_on()
        assert not world.active, [(rollout.state, rollout.why) for rollout in world.active]
        for rollout in world.table.values():
            assert rollout.state in FINAL
            assert not [each for each in rollout.groups.values() if each.state in ACTIVE]

    def _people_are_fair(self) -> None:
        for rollout in self.world.active:
            match rollout.state:
                case State.AWAITING_APPROVAL:
                    self.world.says(rollout, Verb.APPROVE)
                case State.HALTED | State.PAUSED:
                    self.world.says(rollout, Verb.RESUME)
                case _:
                    pass

    def _time_goes_on(self) -> None:
        """Let five minutes pass, or as long as nothing can happen."""
        world = self.world
        busy = any(each.status != "ACTIVE" for each in world.groups.values())
        opening = world.policy.calendar.opening(world.now)
        if busy or opening is None or opening == world.now:
            world.passes(20 * MINUTE)
        else:
            world.passes(max(opening - world.now, 20 * MINUTE))

    def _goes_on(self, index: int, steps: int) -> None:
        tick = self.pending[index]
        for _ in range(steps):
            if not tick.over:
                self.world.goes_on(tick)
        self.pending = [each for each in self.pending if not each.over]

    def _all_tick(self) -> None:
        for rollout in self.world.active:
            self.world.ticks(rollout.rollout_id)

    def _some_rollout(self, data: DataObject) -> Rollout | None:
        active = self.world.active
        return active[data.draw(st.integers(0, len(active) - 1))] if active else None


TestRollouts = Rollouts.TestCase
TestRollouts.settings = settings(
    max_examples=120,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
