"""What holds of findings in whatever order, number and company they come."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from nodewarden.ami_release.standing import State as Stands
from nodewarden.ami_release.unmanaged import Kind as HostKind
from nodewarden.ami_release.unmanaged import Unmanaged
from nodewarden.inspector_finding.action import RequestUrgent, request_id
from nodewarden.inspector_finding.finding import Severity, Status
from nodewarden.inspector_finding.incident import MOST_ROUNDS, IncidentKey, State, incident_key
from nodewarden.inspector_finding.merge import newer, record
from nodewarden.node_group import NodeGroupKey
from nodewarden.rollout.state import GroupState
from nodewarden.rollout.state import State as Rolls
from tests.unit.inspector_finding_builders import (
    ACCOUNT,
    CVE,
    DAY,
    HOUR,
    IGNORED_CVE,
    NEW,
    NEW_AMI,
    NEWER,
    NOW,
    OLD_AMI,
    OTHER_CVE,
    REGION,
    TARGET,
    WORKERS,
    Story,
    counts,
    finding,
    rollout,
    standing,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nodewarden.ami_release.standing import Standing
    from nodewarden.inspector_finding.action import Action
    from nodewarden.inspector_finding.decision import Decision
    from nodewarden.inspector_finding.finding import Finding
    from nodewarden.rollout.state import Rollout

CVES = (CVE, OTHER_CVE, IGNORED_CVE)
TARGETS = (TARGET, replace(TARGET, release_version=NEWER, image_id=None))

findings = st.builds(
    lambda status, number, cve, severity, hours, first: finding(
        status,
        number=number,
        cve=cve,
        severity=severity,
        updated_at=NOW + hours * HOUR,
        first_observed_at=NOW - first * HOUR,
    ),
    st.sampled_from(Status),
    st.integers(1, 4),
    st.sampled_from(CVES),
    st.sampled_from([Severity.LOW, Severity.CRITICAL, Severity.CRITICAL]),
    st.integers(0, 4),
    st.integers(0, 4),
)
batches = st.lists(st.lists(findings, max_size=4), max_size=8)
standings = st.none() | st.builds(
    lambda state, runs, target: standing(state, runs=runs, target=target),
    st.sampled_from([*Stands, *[Stands.BEHIND] * 8, *[Stands.CURRENT] * 4]),
    st.sampled_from(["1.33.5-20261101", NEW]),
    st.sampled_from(TARGETS),
)
rollouts = st.none() | st.builds(
    lambda group_state, state, urgent, wave, target, finished: rollout(
        group_state, state, urgent=urgent, wave=wave, target=target, finished_at=finished
    ),
    st.sampled_from(GroupState),
    st.sampled_from(Rolls),
    st.booleans(),
    st.sampled_from([-1, 0]),
    st.sampled_from(TARGETS),
    st.just(NOW),
)
images = st.sampled_from([OLD_AMI, NEW_AMI])


@dataclass(frozen=True, kw_only=True)
class Step:
    """Findings that come, what is seen then, and whether the try dies before anything is written."""

    findings: tuple[Finding, ...]
    stands: Standing | None
    rolls: Rollout | None
    dies: bool
    sweep: bool


steps = st.builds(
    lambda some, stands, rolls, dies, sweep: Step(
        findings=tuple(some), stands=stands, rolls=rolls, dies=dies, sweep=sweep
    ),
    st.lists(findings, max_size=4),
    standings,
    rollouts,
    st.booleans(),
    st.booleans(),
)
histories = st.lists(steps, max_size=12)


def take(story: Story, step: Step, number: int) -> Decision:
    """Take a step; where it dies, what it decided was not written, and it is taken again."""
    before = (story.incident, dict(story.records))
    tries = 2 if step.dies else 1
    for _ in range(tries):
        story.incident, story.records = before[0], dict(before[1])
        decision = story.comes(
            *step.findings, at=NOW + number * DAY, stands=step.stands, rolls=step.rolls, sweep=step.sweep
        )
    return decision


@given(findings, findings, findings)
def test_the_newest_word_is_the_same_in_any_order(a: Finding, b: Finding, c: Finding) -> None:
    one, other, third = (replace(record(each), arn="x") for each in (a, b, c))

    assert newer(one, other) == newer(other, one)
    assert newer(newer(one, other), third) == newer(one, newer(other, third))
    assert newer(one, one) == one


@given(batches, standings, rollouts, images, st.randoms(use_true_random=False))
def test_any_order_and_repetition_ends_in_the_same_incident_and_records(
    some: list[list[Finding]], stands: Standing | None, rolls: Rollout | None, image: str, chance: random.Random
) -> None:
    one, other = Story(image), Story(image)
    everything = [each for batch in some for each in batch]
    for batch in some:
        one.comes(*batch, stands=stands, rolls=rolls)
    again = [*everything, *chance.choices(everything, k=len(everything))] if everything else []
    chance.shuffle(again)
    other.comes(stands=stands, rolls=rolls)
    one.comes(stands=stands, rolls=rolls)
    while again:
        size = chance.randint(1, 4)
        other.comes(*again[:size], stands=stands, rolls=rolls)
        again = again[size:]

    assert one.records == other.records
    assert counts(one.now) == counts(other.now)


@given(histories, images)
def test_the_counts_of_an_incident_are_those_of_its_records(history: list[Step], image: str) -> None:
    story = Story(image)
    for number, step in enumerate(history):
        take(story, step, number)

        there = [each for each in story.records.values() if each.open]
        assert story.now.open == len(there)
        assert story.now.urgent == dict(sorted(Counter(each.about for each in there if each.urgent).items()))
        assert (story.now.state is State.CLOSED) is (not there)


@given(histories, images)
def test_while_anything_is_urgent_a_node_group_is_asked_for_once_for_each_target_however_often_a_try_dies(
    history: list[Step], image: str
) -> None:
    story = Story(image)
    written, of_now = set[str](), list[str]()
    for number, step in enumerate(history):
        decision = take(story, step, number)
        of_now += [a.request_id for a in decision.actions if isinstance(a, RequestUrgent)]
        assert len(of_now) == len(set(of_now))
        written |= set(of_now)
        of_now = of_now if decision.incident.urgent else []

    assert {r.request_id for r in story.requests} == written
    assert {r.request_id for r in story.requests} <= {request_id(WORKERS, to.release_version) for to in TARGETS}


@given(histories, images)
def test_nothing_is_asked_for_but_for_a_group_that_is_behind_in_a_wave_and_at_risk(
    history: list[Step], image: str
) -> None:
    story = Story(image)
    for number, step in enumerate(history):
        for request in (a for a in take(story, step, number).actions if isinstance(a, RequestUrgent)):
            assert step.stands is not None
            assert step.stands.state is Stands.BEHIND
            assert request.target == step.stands.target
            assert request.cves
            assert IGNORED_CVE not in request.cves
            assert set(request.cves) <= {each.about for each in story.records.values() if each.open and each.urgent}


@given(histories, images, st.lists(findings, min_size=1, max_size=6), standings)
def test_what_is_closed_stays_closed_unless_a_newer_finding_comes(
    history: list[Step], image: str, late: list[Finding], stands: Standing | None
) -> None:
    story = Story(image)
    for number, step in enumerate(history):
        take(story, step, number)
    end = NOW + 100 * DAY
    everyone = {each.arn: each for each in (*(f for step in history for f in step.findings), *late)}
    story.comes(*(replace(each, status=Status.CLOSED, updated_at=end) for each in everyone.values()), at=end)
    told, asked = len(story.told), len(story.requests)
    story.comes(*late, stands=stands, at=end + DAY)
    assert (story.now.state, len(story.told), len(story.requests)) == (State.CLOSED, told, asked)

    story.comes(replace(late[0], status=Status.ACTIVE, updated_at=end + HOUR), stands=stands, at=end + DAY)
    assert story.now.state is not State.CLOSED


@given(st.lists(steps, min_size=1, max_size=40), images)
def test_messages_are_bounded_by_the_changes_of_an_incident(history: list[Step], image: str) -> None:
    story = Story(image)
    said: Counter[str] = Counter()
    for number, step in enumerate(history):
        said.update(map(word, take(story, replace(step, dies=False), number).incident.news))

    assert all(times <= MOST_ROUNDS + len(CVES) for times in said.values())
    assert story.now.messages == said.total() == len(story.told)


def word(change: object) -> str:
    return repr(change).replace(State.IN_ROLLOUT, State.REQUESTED).replace("IN_ROLLOUT", "REQUESTED")


@given(histories, images)
def test_the_same_batch_again_is_silent_and_asks_for_nothing(history: list[Step], image: str) -> None:
    story = Story(image)
    for number, step in enumerate(history):
        take(story, step, number)
        again = story.comes(
            *step.findings, at=NOW + number * DAY, stands=step.stands, rolls=step.rolls, sweep=step.sweep
        )

        assert (again.actions, again.changed) == ((), False)


# A day on which a vulnerability lands on everything

GROUPS, HOSTS, VULNERABILITIES, FINDINGS, BATCH = 25, 400, 60, 7_840, 10


def whose(host: int) -> NodeGroupKey | Unmanaged:
    number = host % GROUPS
    if number == GROUPS - 1:
        return Unmanaged(cluster="demo", kind=HostKind.KARPENTER, where="spot")
    return NodeGroupKey(account=ACCOUNT, region=REGION, cluster=f"demo-{number % 5}", name=f"workers-{number}")


def everything(chance: random.Random) -> list[tuple[IncidentKey, Finding]]:
    """Give 10,000 events in any order: findings, a seventh of them closed later, a tenth delivered twice."""
    found = []
    for host, cve in chance.sample([(host, cve) for host in range(HOSTS) for cve in range(VULNERABILITIES)], FINDINGS):
        each = finding(number=host * VULNERABILITIES + cve, cve=f"CVE-2026-{20000 + cve}")
        each = replace(each, instance_id=f"i-{host:017x}", image_id=OLD_AMI if host % 2 else NEW_AMI)
        found.append((incident_key(each, whose(host)), each))
    found += [(key, replace(each, status=Status.CLOSED, updated_at=NOW + HOUR)) for key, each in found[::7]]
    found += chance.sample(found, 10_000 - len(found))
    chance.shuffle(found)
    return found


def run(stories: dict[IncidentKey, Story], batch: Iterable[tuple[IncidentKey, Finding]]) -> None:
    by_incident: dict[IncidentKey, list[Finding]] = {}
    for key, each in batch:
        by_incident.setdefault(key, []).append(each)
    for key, some in by_incident.items():
        if key not in stories:
            stories[key] = Story(key.about, key.hosts)
        stories[key].comes(*some, stands=standing() if isinstance(key.hosts, NodeGroupKey) else None)


def test_a_day_of_many_thousand_findings_is_some_incidents_and_a_request_for_each_group() -> None:
    stories: dict[IncidentKey, Story] = {}
    batch = everything(random.Random(5))  # noqa: S311  # a shuffle
    for first in range(0, len(batch), BATCH):
        run(stories, batch[first : first + BATCH])

    asked = Counter(request.request_id for story in stories.values() for request in story.requests)
    told: list[Action] = [each for story in stories.values() for each in story.told]
    assert len(stories) == GROUPS * 2
    assert len(asked) == GROUPS - 1
    assert max(asked.values()) <= 2  # the group's two images ask for the same
    assert sum(story.now.open for story in stories.values()) == FINDINGS * 6 // 7
    assert len(told) <= 3 * len(stories)
