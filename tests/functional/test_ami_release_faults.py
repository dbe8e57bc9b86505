"""The look at the fleet when things fail: clusters that cannot be read, sandboxes that die, two runs at once."""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local.fleet import AL2023, BEHIND, RELEASE
from local.stack import Crash
from nodewarden.ami_release.summary import MOST_SHOWN
from nodewarden.errors import LedgerError, MissingPermissionError
from tests.functional.fleet_watch import FUNCTION, NEWER
from tests.functional.world import refuse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from local.stack import Call
    from tests.functional.fleet_watch import FleetWatch


def denied(watch: FleetWatch, action: str, *, times: int = 100, after: int = 0) -> None:
    """Refuse the calls of an action, from the one with this number on."""
    refusal, count = refuse("AccessDeniedException", action.partition(":")[2]), iter(range(10_000))

    def refuse_it(call: Call) -> None:
        if call.action == action and call.before and after <= next(count) < after + times:
            refusal()

    watch.stack.observers.append(refuse_it)


@pytest.mark.parametrize(
    "action", ["eks:DescribeCluster", "eks:ListNodegroups", "eks:DescribeNodegroup", "eks:ListFargateProfiles"]
)
def test_a_cluster_that_cannot_be_read_does_not_hide_the_others_and_is_told(watch: FleetWatch, action: str) -> None:
    watch.fleet.cluster("another")
    for cluster in ("another", "demo"):
        watch.behind(cluster=cluster)

    for minutes in (0, 15):
        assert watch.told() == []
        denied(watch, action, times=1)
        with watch.later(minutes=minutes), pytest.raises(MissingPermissionError, match=action):
            watch.look()
        watch.stack.pump()

    assert watch.planned()["AL2023"]["demo/workers"] == RELEASE
    (message,) = watch.told()
    assert message.document["failures"][0].startswith(f"another: the role lacks {action}")
    assert message.attributes["severity"] == "high"


def test_hosts_that_cannot_be_read_do_not_hide_the_node_groups(watch: FleetWatch) -> None:
    watch.behind()
    watch.behind("alone", tags={})
    watch.look()
    denied(watch, "ec2:DescribeInstances", times=2)

    for minutes in (15, 30):
        with watch.later(minutes=minutes), pytest.raises(MissingPermissionError, match="ec2:DescribeInstances"):
            watch.look()
        watch.stack.pump()

    assert watch.standings() == {"demo/alone": "in-no-wave", "demo/workers": "behind"}
    assert [len(message.document["new"]) for message in watch.told()] == [1, 0]


def test_what_cannot_be_read_is_told_once_and_again_when_it_is_something_else(watch: FleetWatch) -> None:
    denied(watch, "eks:ListFargateProfiles")
    for minutes in (0, 15, 30):
        with watch.later(minutes=minutes):
            watch.look_is_due()
    denied(watch, "eks:ListNodegroups")
    for minutes in (45, 60, 75):
        with watch.later(minutes=minutes):
            watch.look_is_due()

    assert [len(message.document["failures"]) for message in watch.told()] == [1, 1]


def test_clusters_that_cannot_be_read_in_turn_are_not_told_at_each_look(watch: FleetWatch) -> None:
    for cluster in ("another", "third"):
        watch.fleet.cluster(cluster)
    refusal, count = refuse("ThrottlingException", "ListFargateProfiles"), iter(range(10_000))

    def refuse_each_fourth(call: Call) -> None:
        if call.action == "eks:ListFargateProfiles" and call.before and next(count) % 4 == 0:
            refusal()

    watch.stack.observers.append(refuse_each_fourth)
    for number in range(8):
        with watch.later(minutes=15 * number):
            watch.look_is_due()

    assert watch.told() == []


def test_what_could_not_be_read_is_raised_in_the_end_and_kept(watch: FleetWatch) -> None:
    watch.behind()
    denied(watch, "eks:ListFargateProfiles")

    watch.look_is_due()

    assert watch.failures() == ["MissingPermissionError"]
    assert watch.planned() == {"AL2023": {"demo/workers": RELEASE}}


def test_what_was_told_of_a_cluster_is_not_told_again_after_it_could_not_be_read(watch: FleetWatch) -> None:
    watch.behind(tags={})
    watch.look()
    denied(watch, "eks:ListNodegroups", times=3)
    watch.look_is_due()
    watch.stack.observers.pop()

    watch.look()

    assert [len(message.document["new"]) for message in watch.told()] == [1]


@pytest.mark.parametrize("action", ["eks:ListClusters", "ssm:GetParameters", "ec2:DescribeImages"])
def test_without_what_every_judgement_needs_nothing_is_planned_and_the_alarm_speaks(
    watch: FleetWatch, action: str
) -> None:
    watch.behind()
    denied(watch, action)

    watch.look_is_due()

    assert watch.rollouts() == []
    assert watch.failures() == ["MissingPermissionError"]


def test_a_policy_that_is_wrong_plans_nothing_and_is_raised(
    watch: FleetWatch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch.behind()
    (tmp_path / "rollout.toml").write_text("minimum_age = 'soon'", "utf-8")
    monkeypatch.setenv("NODEWARDEN_POLICY_FOLDER", str(tmp_path))

    watch.look_is_due()

    assert watch.rollouts() == []
    assert watch.failures() == ["PolicyError"]


def release_and_recall(watch: FleetWatch) -> None:
    """Look before, and let a release and a recall come: what the next look has to find."""
    watch.fleet.release(BEHIND, ami_type="AL2023_ARM_64_STANDARD")
    watch.fleet.release(ami_type="AL2023_ARM_64_STANDARD")
    watch.behind("arm", ami_type="AL2023_ARM_64_STANDARD", release_version=RELEASE)
    watch.behind("x86", release_version=RELEASE)
    watch.behind("alone", tags={})
    watch.look()
    watch.fleet.release(NEWER)
    watch.fleet.recall(ami_type="AL2023_ARM_64_STANDARD")


def end_state(watch: FleetWatch) -> dict[str, Any]:
    return {
        "standings": watch.standings(),
        "going": watch.planned(),
        "announced": [event["release_version"] for event in watch.announced()],
        "told": sorted(
            f"{news['kind']} {news['ami_type']}" for message in watch.told() for news in message.document["releases"]
        ),
        "alone": [new["name"] for message in watch.told() for new in message.document["new"]],
    }


EXPECTED = {
    "standings": {"demo/alone": "in-no-wave", "demo/arm": "runs-recalled", "demo/x86": "behind"},
    "going": {"AL2023": {"demo/x86": NEWER}},
    "announced": [NEWER],
    "told": ["recalled AL2023_ARM_64_STANDARD", f"released {AL2023}"],
    "alone": ["alone", "alone", "arm"],
}
CALLS = 24  # of the look that finds all this


def test_a_release_and_a_recall_are_found_in_as_many_calls_as_the_crashes_below_try(watch: FleetWatch) -> None:
    release_and_recall(watch)
    calls: list[Call] = []
    watch.stack.observers.append(calls.append)

    watch.look()

    assert sum(call.function == FUNCTION and call.before for call in calls) == CALLS
    assert end_state(watch) == EXPECTED


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("number", range(CALLS))
def test_a_look_that_dies_at_any_call_is_done_by_the_retry(watch: FleetWatch, number: int, *, before: bool) -> None:
    release_and_recall(watch)
    crash(watch, number, before=before)

    watch.look_is_due()

    assert end_state(watch) == EXPECTED
    assert watch.failures() == []


def crash(watch: FleetWatch, number: int, *, before: bool, function: str = FUNCTION) -> None:
    """Let the sandbox die once, at a call of a function."""
    count = iter(range(10_000))

    def die(call: Call) -> None:
        if call.function == function and call.before is before and next(count) == number:
            raise Crash

    watch.stack.observers.append(die)


@pytest.mark.parametrize("number", range(4))
def test_an_announcement_that_dies_is_made_again_and_never_lost(watch: FleetWatch, number: int) -> None:
    watch.behind()
    watch.look()
    watch.fleet.release(NEWER)
    crash(watch, number, before=False, function="NoticeFunction")

    watch.look()

    assert {event["release_version"] for event in watch.announced()} == {NEWER}
    assert watch.sighting()["told"] == 2


def test_a_bus_that_is_down_does_not_keep_people_from_hearing(watch: FleetWatch) -> None:
    watch.behind()
    watch.look()
    watch.fleet.release(NEWER)
    denied(watch, "events:PutEvents", times=2)

    watch.look()

    assert [event["release_version"] for event in watch.announced()] == [NEWER]
    assert [message.attributes["outcome"] for message in watch.told()] == ["released"]


def test_of_two_looks_at_once_one_plans_and_announces(watch: FleetWatch) -> None:
    release_and_recall(watch)

    watch.stack.invoke_at_once(FUNCTION, {}, 3)
    watch.stack.pump()

    assert end_state(watch) == EXPECTED


def test_of_two_first_looks_at_once_one_plans(watch: FleetWatch) -> None:
    watch.behind()

    watch.stack.invoke_at_once(FUNCTION, {}, 3)
    watch.stack.pump()

    assert watch.planned() == {"AL2023": {"demo/workers": RELEASE}}
    assert len(watch.rollouts()) == 1


def test_a_look_that_another_one_overtook_says_so_and_writes_nothing(watch: FleetWatch) -> None:
    watch.behind(tags={})
    overtake(watch, lambda: watch.stack.invoke(FUNCTION, {}))

    assert watch.look() == {"skipped": "another run was faster"}
    assert watch.remembered()["number"] == 1


def overtake(watch: FleetWatch, then: Callable[[], object]) -> None:
    """Do something once, while a look reads what AWS released."""
    left = [then]

    def happen(call: Call) -> None:
        if call.action == "ec2:DescribeImages" and not call.before and left:
            contextvars.Context().run(left.pop())  # the other run, not this one

    watch.stack.observers.append(happen)


def test_what_a_newer_nodewarden_wrote_is_not_written_over(watch: FleetWatch) -> None:
    watch.behind()
    watch.look()
    entry = watch.remembered()
    boto3.client("dynamodb").update_item(
        TableName=watch.stack.ids["LedgerTable"],
        Key={"pk": {"S": entry["pk"]}, "sk": {"S": entry["sk"]}},
        UpdateExpression="SET #schema = :newer",
        ExpressionAttributeNames={"#schema": "schema"},
        ExpressionAttributeValues={":newer": {"N": "2"}},
    )

    with pytest.raises(LedgerError, match="newer Nodewarden"):
        watch.look()


def test_a_fleet_of_failures_and_of_things_left_alone_is_told_in_part_and_counted_as_a_whole(
    watch: FleetWatch,
) -> None:
    for number in range(MOST_SHOWN + 5):
        watch.behind(f"group-{number:02}", tags={})

    watch.look()

    (message,) = watch.told()
    assert len(message.document["new"]) == MOST_SHOWN
    assert message.document["new_in_all"] == MOST_SHOWN + 5
    assert "and 5 more" in message.said
