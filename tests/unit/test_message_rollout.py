"""The words for a rollout: what people read at each step, and that what they are told to run can be run."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from nodewarden.message.message import command
from nodewarden.message.release_notes import notes
from nodewarden.message.rollout import HALTS, RolloutStep, of_step
from nodewarden.node_group import HealthIssue
from nodewarden.rollout.state import GroupState, Halt, HaltCause, State
from nodewarden.rollout.step import StepKind, tell
from tests.unit.builders import lines
from tests.unit.rollout_builders import DAY, HOUR, MINUTE, NEW, NEWER, NOW, group, key, planned, policy, target, wave

if TYPE_CHECKING:
    from nodewarden.message.message import Message
    from nodewarden.rollout.state import Rollout

POLICY = policy(wave(), wave("prod", approval=True), minimum_age="7d")
BUDGET = HealthIssue(
    code="PodEvictionFailure",
    message="Reached max retries while trying to evict pods",
    resource_ids=("ip-192-0-2-10.internal",),
)
CAPACITY = HealthIssue(code="AsgInstanceLaunchFailures", message="no capacity", resource_ids=("eks-asg",))
FEW = 100  # characters of a subject, as SNS wants
MOST = 256 * 1024  # bytes of a message, as SNS takes


def two_waves() -> Rollout:
    rollout = planned(group("a"), group("b", "other"), group("p", "shop", of="prod"), settings=POLICY)
    return replace(rollout, rollout_id="al2023-0123456789ab")


def with_group(rollout: Rollout, name: str, cluster: str = "demo", **changes: object) -> Rollout:
    changed = replace(rollout.groups[key(name, cluster)], **changes)  # type: ignore[arg-type]
    return rollout.with_groups([changed])


def worded(rollout: Rollout) -> Message:
    """Word the last step from the head alone, as it comes from the table's stream."""
    return of_step(RolloutStep(rollout=replace(rollout, groups={}), step=rollout.steps[-1]), "nodewarden")


def requests(message: Message) -> list[dict[str, str]]:
    """Read the requests of the commands that are offered under Next."""
    commands = [shlex.split(line) for line in lines(message) if line.startswith("Next: sam remote invoke")]
    return [json.loads(words[words.index("--event") + 1]) for words in commands]


def halted(cause: HaltCause, why: str = "said so", *groups: str) -> Rollout:
    rollout = replace(two_waves(), state=State.HALTED, wave=0, halt=Halt(cause=cause, why=why, at=NOW))
    for name in groups:
        rollout = with_group(
            rollout,
            name,
            "demo" if name == "a" else "other",
            state=GroupState.FAILED,
            why="the update failed: PodEvictionFailure",
            errors=(BUDGET, CAPACITY),
        )
    return tell(rollout, StepKind.HALTED, NOW, wave="dev", why=why, about={GroupState.FAILED})


def test_a_plan_says_which_groups_go_where_and_when() -> None:
    message = worded(two_waves())

    assert message.subject == f"Planned: 3 node groups to AL2023 {NEW}, eu-central-1"
    assert lines(message)[:9] == [
        f"What: 3 node groups (AL2023) are to run {NEW}: rollout al2023-0123456789ab",
        "What: demo/a (wave dev): 1.33.1-20261001 → 1.33.2-20261110",
        "What: other/b (wave dev): 1.33.1-20261001 → 1.33.2-20261110",
        "What: shop/p (wave prod): 1.33.1-20261001 → 1.33.2-20261110",
        "Where: account 111122223333, eu-central-1",
        "Why: a newer AMI is released",
        "When: wave dev (2 node groups): not before Friday 2026-11-27 09:00 UTC",
        "When: wave prod (1 node group): when dev is done and has run for 1 day, and somebody approves it",
        "Done: Nothing is started yet. To keep a node group as it is, tag it nodewarden:hold=<reason>.",
    ]
    assert "Changes: https://github.com/awslabs/amazon-eks-ami/releases/tag/v20261110" in lines(message)
    assert message.attributes == {"kind": "rollout", "severity": "info", "outcome": "planned"}


def test_a_plan_that_no_window_lets_start_says_so() -> None:
    rollout = two_waves()
    step = replace(rollout.steps[-1], expected_at=None)

    message = worded(replace(rollout, steps=(step,)))

    assert "When: wave dev (2 node groups): never: nothing opens within a year" in "\n".join(lines(message))


def test_an_urgent_plan_says_so() -> None:
    rollout = two_waves()
    (step,) = rollout.steps
    unsoaked = replace(step, waves=tuple(replace(wave, soak=0 * DAY) for wave in step.waves))

    message = worded(replace(rollout, urgent=True, steps=(unsoaked,)))

    assert "When: wave prod (1 node group): when dev is done, and somebody approves it" in lines(message)
    assert message.subject == f"Planned, urgent: 3 node groups to AL2023 {NEW}, eu-central-1"
    assert "Why: urgent: a newer AMI is released" in lines(message)


@pytest.mark.parametrize("kind", [StepKind.WAVE_STARTED, StepKind.FINISHED])
def test_whoever_sets_a_release_in_code_is_told_the_new_one_as_their_next_run_would_put_the_old_one_back(
    kind: StepKind,
) -> None:
    message = worded(tell(two_waves(), kind, NOW, wave="dev"))

    assert f"Code: Where Terraform or CloudFormation sets their release version, set it to {NEW} there." in lines(
        message
    )


def test_a_plan_asks_nobody_to_change_code_yet() -> None:
    assert "Code:" not in "\n".join(lines(worded(two_waves())))


def test_several_releases_are_all_named() -> None:
    both = with_group(two_waves(), "a", target=target(NEWER))

    message = worded(tell(both, StepKind.ABORTED, NOW))

    assert message.subject == f"Aborted: 0 of 3 node groups at AL2023 {NEW} and 1 more, eu-central-1"
    assert f"to {NEW}, {NEWER}: 3 waiting" in lines(message)[0]


def test_a_wave_that_is_done_says_how_long_it_took_and_what_comes_next() -> None:
    rollout = replace(two_waves(), state=State.SOAKING, wave=0, wave_started_at=NOW)
    for name, cluster, took in (("a", "demo", 20), ("b", "other", 70)):
        times = {"started_at": NOW, "finished_at": NOW + took * MINUTE}
        rollout = with_group(rollout, name, cluster, state=GroupState.DONE, **times)
    rollout = replace(
        tell(rollout, StepKind.WAVE_DONE, NOW + 2 * HOUR, wave="dev"), why="wave dev soaks until tomorrow"
    )

    message = worded(rollout)

    assert message.subject == f"Wave dev done: 2 of 2 node groups at AL2023 {NEW}, eu-central-1"
    assert "Took: 2 hours; one update 20 minutes (median), 1 hour 10 minutes at most" in lines(message)
    assert "When: wave dev soaks until tomorrow; then wave prod" in lines(message)
    assert message.document["seconds"] == 7200


def test_a_question_shows_the_release_and_the_exact_commands_to_answer_it() -> None:
    rollout = replace(two_waves(), state=State.AWAITING_APPROVAL, wave=0)
    why = "without an answer until Tuesday the rollout halts"
    asked = tell(rollout, StepKind.AWAITING_APPROVAL, NOW, wave="prod", why=why, expected_at=NOW + DAY)

    message = worded(asked)

    assert message.subject == f"Approval wanted for wave prod: 1 node group to AL2023 {NEW}, eu-central-1"
    assert "What: shop/p: 1.33.1-20261001 → 1.33.2-20261110" in lines(message)
    assert f"When: not before Wednesday 2026-11-25 09:00 UTC, when it is approved; {why}" in lines(message)
    about = {"rollout": rollout.rollout_id, "wave": "prod", "reason": "…", "by": "…"}
    assert requests(message) == [{"verb": "approve", **about}, {"verb": "reject", **about}]
    assert message.attributes["severity"] == "high"


def test_a_halt_names_codes_resources_and_health_issues_and_says_what_to_do() -> None:
    message = worded(halted(HaltCause.FAILURES, "1 of wave dev failed, 0 may: demo/a", "a"))

    assert message.subject == f"HALTED, updates failed: AL2023 {NEW}, eu-central-1"
    assert lines(message)[1:4] == [
        "What: FAILED demo/a: the update failed: PodEvictionFailure",
        "What: - PodEvictionFailure (ip-192-0-2-10.internal): Reached max retries while trying to evict pods",
        "What: - AsgInstanceLaunchFailures (eks-asg): no capacity",
    ]
    assert "Why: 1 of wave dev failed, 0 may: demo/a" in lines(message)
    assert (
        "Advice: PodEvictionFailure: a pod could not be evicted from an old host within 15 minutes. Find"
        in "\n".join(lines(message))
    )
    assert "AsgInstanceLaunchFailures: the Auto Scaling group cannot start hosts. Read its" in "\n".join(lines(message))
    assert [request["verb"] for request in requests(message)] == ["retry", "resume", "abort"]


def test_advice_on_a_code_is_given_once_for_all_groups_and_one_of_them_can_be_skipped() -> None:
    message = worded(halted(HaltCause.FAILURES, "2 of wave dev failed", "a", "b"))

    assert "\n".join(lines(message)).count("Find the disruption budget") == 1
    assert [(r["verb"], r.get("group")) for r in requests(message)][2] == ("skip", "demo/a")


@pytest.mark.parametrize(
    ("cause", "verbs"),
    [
        (HaltCause.RECALL, ["resume", "abort"]),
        (HaltCause.GATE, ["resume", "abort"]),
        (HaltCause.POLICY, ["resume", "abort"]),
        (HaltCause.APPROVAL, ["approve", "abort"]),
    ],
)
def test_each_halt_offers_the_ways_on_that_fit_its_cause(cause: HaltCause, verbs: list[str]) -> None:
    message = worded(halted(cause))

    assert HALTS[cause] in message.subject
    assert [request["verb"] for request in requests(message)] == verbs


def test_a_finished_rollout_says_what_changed_and_what_was_left_alone_and_why() -> None:
    rollout = with_group(two_waves(), "a", state=GroupState.LEFT_ALONE, why="held by the tag nodewarden:hold: a test")
    for name, cluster in (("b", "other"), ("p", "shop")):
        rollout = with_group(rollout, name, cluster, state=GroupState.DONE)
    over = replace(rollout, state=State.FINISHED)

    message = worded(tell(over, StepKind.FINISHED, NOW, about={GroupState.LEFT_ALONE, GroupState.DONE}))

    assert message.subject == f"Finished: 2 of 3 node groups at AL2023 {NEW}, eu-central-1"
    assert lines(message)[1:4] == [
        "What: left alone demo/a (wave dev): held by the tag nodewarden:hold: a test",
        "What: done other/b (wave dev): 1.33.1-20261001 → 1.33.2-20261110",
        "What: done shop/p (wave prod): 1.33.1-20261001 → 1.33.2-20261110",
    ]
    assert message.attributes["severity"] == "medium"
    assert requests(message) == []


def test_a_rollout_of_which_all_is_done_leaves_nothing_to_say() -> None:
    rollout = planned(group("a"), settings=POLICY)
    done = with_group(rollout, "a", state=GroupState.DONE)

    message = worded(tell(replace(done, state=State.FINISHED), StepKind.FINISHED, NOW))

    assert message.attributes["severity"] == "info"
    assert "What is not done" not in "\n".join(lines(message))


@pytest.mark.parametrize(
    ("family", "release", "page"),
    [
        ("AL2023", NEW, "https://github.com/awslabs/amazon-eks-ami/releases/tag/v20261110"),
        ("AL2023", "unheard-of", "https://github.com/awslabs/amazon-eks-ami/releases"),
        ("Bottlerocket", "1.30.0-ca9b9399", "https://github.com/bottlerocket-os/bottlerocket/releases/tag/v1.30.0"),
        ("Bottlerocket", "unheard-of", "https://github.com/bottlerocket-os/bottlerocket/releases"),
        (
            "Windows",
            "1.31-2026.11.12",
            "https://docs.aws.amazon.com/eks/latest/userguide/eks-ami-versions-windows.html",
        ),
    ],
)
def test_what_is_new_in_a_release_can_be_read_with_its_maker(family: str, release: str, page: str) -> None:
    assert notes(family, [release, release]) == [page]


def test_amis_that_somebody_builds_have_no_notes_that_we_know() -> None:
    assert notes("golden", ["ami-0123456789abcdef0"]) == []


@pytest.mark.parametrize("kind", StepKind)
def test_every_step_has_a_subject_its_place_and_its_evidence(kind: StepKind) -> None:
    message = worded(tell(two_waves(), kind, NOW, wave="dev", why="w" * 300, by="alice@example.com"))

    assert len(message.subject) < FEW
    assert "Where: account 111122223333, eu-central-1" in lines(message)
    assert lines(message)[-1].startswith("Evidence: sam remote invoke OperatorFunction")
    assert message.attributes["outcome"] == kind.value
    assert message.document["by"] == "alice@example.com"


def test_who_paused_and_why_is_said_and_how_to_go_on() -> None:
    paused = replace(two_waves(), state=State.PAUSED)

    message = worded(tell(paused, StepKind.PAUSED, NOW, why="a launch", by="alice@example.com"))

    assert "Who: alice@example.com: a launch" in lines(message)
    assert requests(message)[0] == {"verb": "resume", "what": paused.rollout_id, "reason": "…", "by": "…"}


def test_who_was_refused_is_said_with_why_and_with_what_stops_the_rollout() -> None:
    why = "reject (no) was not applied: the rollout is rolling: it does not wait for an approval"

    message = worded(tell(two_waves(), StepKind.ANSWER_REFUSED, NOW, why=why, by="alice@example.com"))

    assert message.subject.startswith("Answer of alice@example.com refused")
    assert f"Who: alice@example.com: {why}" in lines(message)
    assert [request["verb"] for request in requests(message)[:2]] == ["pause", "abort"]


def test_the_worst_halt_fits_into_one_message() -> None:
    long = HealthIssue(
        code="PodEvictionFailure", message="ä" * 500, resource_ids=tuple(f"i-{n:017x}" for n in range(20))
    )
    rollout = planned(*[group(f"workers-{n}", f"cluster-{n}") for n in range(50)], settings=POLICY)
    failed = [
        replace(each, state=GroupState.FAILED, why="w" * 500, errors=(long,) * 10) for each in rollout.groups.values()
    ]

    message = worded(
        tell(rollout.with_groups(failed), StepKind.HALTED, NOW, wave="dev", about={GroupState.FAILED}, why="w" * 900)
    )

    assert "What: and 30 more" in lines(message)
    assert "and 15 more" in "\n".join(lines(message))
    assert len(message.bodies().encode()) < MOST


def test_a_command_stays_one_word_of_the_shell_whatever_is_named_in_it() -> None:
    named = {"verb": "approve", "wave": "bob's; rm -rf /"}

    words = shlex.split(command("OperatorFunction", named, None, "nodewarden"))

    assert json.loads(words[-1]) == named
