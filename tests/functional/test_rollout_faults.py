"""Ticks that die, meet another one, or cannot see: no second update, nothing forgotten, and it goes on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local.fleet import BEHIND, RELEASE
from nodewarden import wiring
from nodewarden.aws.dynamodb import marshal
from tests.functional.fleet_world import ROLLOUT, WHO
from tests.functional.world import refuse

if TYPE_CHECKING:
    from tests.functional.fleet_world import FleetWorld

# The calls of a tick that starts an update, of the one that sees it end, and of the last; a test below counts them.
STARTING, ENDING, LAST = 12, 7, 8


def planned(quick: FleetWorld, *waves: str, groups: int = 1) -> None:
    """Plan a rollout, and begin its first wave."""
    quick.behind(*(waves or ("dev",)), groups=groups)
    quick.looks()
    quick.ticks()


def two_families(quick: FleetWorld) -> None:
    """Plan rollouts of two AMI families in one cluster, and begin their first waves."""
    quick.behind("dev")
    rockets = "BOTTLEROCKET_x86_64"
    quick.fleet.release("1.30.0-ca9b9399", ami_type=rockets, at=datetime(2026, 11, 1, tzinfo=UTC))
    dev = {"nodewarden:wave": "dev"}
    quick.fleet.node_group("dev", "rockets", ami_type=rockets, release_version="1.29.0-aaaaaaaa", tags=dev)
    quick.looks()
    quick.ticks()


def head(quick: FleetWorld, of: dict[str, Any]) -> dict[str, Any]:
    """Read a head again."""
    (found,) = (each for each in quick.heads if each["pk"] == of["pk"])
    return found


def ends_well(quick: FleetWorld) -> None:
    """See that the one group was updated once, and all of it told once."""
    quick.until("finished")
    assert quick.runs("dev") == RELEASE
    assert len(quick.updates("dev")) == 1
    assert quick.states == {"dev/workers-0": "done"}
    assert quick.groups["dev/workers-0"]["attempt"] == 1
    assert quick.steps() == ["planned", "wave-started", "wave-done", "finished"]


def calls_of_a_tick(quick: FleetWorld) -> int:
    made = quick.world.calls(lambda: quick.world.stack.invoke(ROLLOUT, {}))
    return len(made)


def test_the_calls_at_which_a_sandbox_dies_below_are_all_that_there_are(quick: FleetWorld) -> None:
    planned(quick)

    assert calls_of_a_tick(quick) == STARTING
    quick.passes(minutes=21)
    assert calls_of_a_tick(quick) == ENDING
    quick.passes(hours=1)
    looked = calls_of_a_tick(quick)
    assert (looked, quick.rollout["state"]) == (LAST, "finished")


@pytest.mark.parametrize("before", [True, False], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize("number", range(STARTING))
def test_a_crash_at_any_call_of_a_start_makes_no_second_update_and_goes_on(
    quick: FleetWorld, number: int, *, before: bool
) -> None:
    planned(quick)
    crashed = quick.crash_at(number, before=before)

    quick.ticks()

    assert crashed
    ends_well(quick)


@pytest.mark.parametrize("before", [True, False], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize("number", range(ENDING))
def test_a_crash_at_any_call_after_an_update_ended_loses_nothing(
    quick: FleetWorld, number: int, *, before: bool
) -> None:
    planned(quick)
    quick.ticks()
    quick.passes(minutes=21)
    quick.crash_at(number, before=before)

    quick.ticks()

    ends_well(quick)


@pytest.mark.parametrize("before", [True, False], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize("number", range(LAST))
def test_a_crash_at_any_call_of_the_last_tick_ends_it_and_leaves_nothing_behind(
    quick: FleetWorld, number: int, *, before: bool
) -> None:
    planned(quick)
    quick.ticks()
    quick.until("soaking")
    quick.passes(hours=1)
    quick.crash_at(number, before=before)

    quick.ticks()

    ends_well(quick)
    assert [entry["sk"] for entry in quick.entries() if "ttl" not in entry] == []


def test_a_start_whose_answer_is_lost_is_found_and_not_made_again(quick: FleetWorld) -> None:
    planned(quick)
    quick.world.fault(
        "eks:UpdateNodegroupVersion", refuse("ThrottlingException", "UpdateNodegroupVersion"), before=False
    )

    quick.ticks()

    ends_well(quick)


def test_a_start_that_was_not_made_is_made_by_the_next_tick_with_the_same_token(quick: FleetWorld) -> None:
    planned(quick)
    sent = quick.sent("UpdateNodegroupVersion")
    quick.world.fault("eks:UpdateNodegroupVersion", refuse("ThrottlingException", "UpdateNodegroupVersion"))

    quick.ticks()

    ends_well(quick)
    assert len({call["clientRequestToken"] for call in sent}) == 1
    assert quick.world.failures() == []


def test_of_two_ticks_at_once_one_starts_and_the_other_says_that_it_was_late(quick: FleetWorld) -> None:
    planned(quick, groups=3)
    answers: list[dict[str, Any]] = []
    quick.world.fault("dynamodb:TransactWriteItems", lambda: answers.append(quick.world.stack.invoke(ROLLOUT, {})))

    late = quick.world.stack.invoke(ROLLOUT, {})

    name = quick.rollout["rollout_id"]
    assert answers[0][name]["started"] == ["dev/workers-0"]
    assert (late[name]["started"], late[name]["another_was_faster"]) == ([], True)
    assert [len(quick.updates("dev", f"workers-{number}")) for number in range(3)] == [1, 0, 0]


def test_copies_of_a_tick_in_parallel_make_one_update(quick: FleetWorld) -> None:
    planned(quick, groups=3)

    quick.world.stack.invoke_at_once(ROLLOUT, {}, 3)
    quick.world.stack.pump()

    assert sum(len(quick.updates("dev", f"workers-{number}")) for number in range(3)) == 1
    quick.until("finished")
    assert set(quick.states.values()) == {"done"}


def test_ticks_of_two_rollouts_at_once_keep_to_one_update_in_a_cluster(quick: FleetWorld) -> None:
    two_families(quick)
    first, second = (each["rollout_id"] for each in quick.heads)
    quick.world.fault("dynamodb:TransactWriteItems", lambda: quick.world.stack.invoke(ROLLOUT, {"rollout": second}))

    late = quick.world.stack.invoke(ROLLOUT, {"rollout": first})

    assert late[first]["another_was_faster"] is True
    going = [update for name in ("workers-0", "rockets") for update in quick.updates("dev", name)]
    assert len(going) == 1


def test_one_node_group_that_cannot_be_seen_keeps_no_other_back_and_is_raised(quick: FleetWorld) -> None:
    quick.behind("dev", "prod")
    quick.fleet.tag({"nodewarden:wave": "dev"}, "prod", "workers-0")
    quick.looks()
    quick.ticks()
    quick.world.fault("eks:DescribeNodegroup", refuse("AccessDeniedException", "DescribeNodegroup"), times=1)

    with pytest.raises(Exception, match="lacks eks:DescribeNodegroup") as raised:
        quick.world.stack.invoke(ROLLOUT, {})

    assert type(raised.value).__name__ == "MissingPermissionError"
    assert sorted(quick.states.values()) == ["updating", "waiting"]


def test_a_fault_of_our_own_in_one_rollout_keeps_no_other_back_and_is_raised(quick: FleetWorld) -> None:
    two_families(quick)
    quick.world.fault("eks:DescribeNodegroup", [].pop)

    with pytest.raises(Exception, match="by a fault of Nodewarden's: IndexError") as raised:
        quick.world.stack.invoke(ROLLOUT, {})

    assert type(raised.value).__name__ == "CodeError"
    started = [each for name in ("workers-0", "rockets") for each in quick.updates("dev", name)]
    assert len(started) == 1


def test_an_update_that_eks_refuses_fails_the_group_and_halts_saying_why(quick: FleetWorld) -> None:
    planned(quick)
    quick.world.fault("eks:UpdateNodegroupVersion", refuse("AccessDeniedException", "UpdateNodegroupVersion"))

    quick.ticks(2)

    assert quick.rollout["state"] == "halted"
    (error,) = quick.groups["dev/workers-0"]["errors"]
    assert error["code"] == "AccessDeniedException"
    assert "the role lacks eks:UpdateNodegroupVersion" in error["message"]


def test_a_group_that_eks_is_busy_with_is_left_until_it_is_not(quick: FleetWorld) -> None:
    planned(quick)
    quick.world.fault("eks:UpdateNodegroupVersion", refuse("ResourceInUseException", "UpdateNodegroupVersion"))

    quick.ticks()

    ends_well(quick)


@pytest.mark.parametrize("action", ["ec2:DescribeImages", "ec2:DescribeSubnets"])
def test_nothing_starts_where_the_look_before_it_failed(quick: FleetWorld, action: str) -> None:
    planned(quick)
    quick.world.fault(action, refuse("UnauthorizedOperation", action.partition(":")[2]), times=3)

    quick.ticks()

    assert quick.updates("dev") == []
    assert quick.world.failures() == ["MissingPermissionError"]
    ends_well(quick)


def test_a_wave_does_not_begin_where_its_predecessors_alarms_cannot_be_read(quick: FleetWorld) -> None:
    planned(quick, "dev", "prod")
    quick.until("soaking")
    quick.world.fault("cloudwatch:DescribeAlarms", refuse("AccessDenied", "DescribeAlarms"), times=99)

    quick.ticks(4, every=timedelta(minutes=30))

    assert quick.rollout["state"] == "soaking"
    assert "errors is not known" in quick.rollout["why"]


def test_beside_a_rollout_that_cannot_be_understood_nothing_starts(quick: FleetWorld) -> None:
    two_families(quick)
    first, second = quick.heads
    put(quick, {"pk": first["pk"], "sk": "head"}, schema=2)

    with pytest.raises(Exception, match="written by a newer Nodewarden: deploy that one"):
        quick.world.stack.invoke(ROLLOUT, {})

    assert [quick.updates("dev", name) for name in ("workers-0", "rockets")] == [[], []]
    assert f"the rollout {first['rollout_id']} cannot be read" in head(quick, second)["why"]


def test_nothing_starts_where_what_was_seen_of_releases_cannot_be_read(quick: FleetWorld) -> None:
    planned(quick)
    (sighting,) = (entry for entry in quick.world.stack.entries() if entry["sk"].startswith("sighting#"))
    put(quick, {"pk": sighting["pk"], "sk": sighting["sk"]}, schema=2)

    with pytest.raises(Exception, match="written by a newer Nodewarden: deploy that one"):
        quick.world.stack.invoke(ROLLOUT, {})

    assert quick.updates("dev") == []
    assert quick.rollout["why"] == "nothing is started: what was seen of releases cannot be read"


def test_a_rollout_that_has_lost_a_group_is_not_taken_for_one_without_it(quick: FleetWorld) -> None:
    planned(quick, groups=2)
    key = {"pk": quick.rollout["pk"], "sk": "group#dev/workers-1"}
    boto3.client("dynamodb").delete_item(TableName=quick.world.stack.ids["LedgerTable"], Key=marshal(key))

    quick.ticks()

    assert quick.world.failures() == ["LedgerError"]
    assert quick.updates("dev") == []


def test_a_rollout_that_has_lost_a_group_is_given_up_as_the_runbook_says_and_planned_anew(quick: FleetWorld) -> None:
    planned(quick, groups=2)
    table, client = quick.world.stack.ids["LedgerTable"], boto3.client("dynamodb")
    client.delete_item(TableName=table, Key=marshal({"pk": quick.rollout["pk"], "sk": "group#dev/workers-1"}))
    account, region = quick.rollout["account"], quick.rollout["region"]
    assert "as the runbook says under LedgerError" in quick.says("abort")["error"]

    client.update_item(
        TableName=table,
        Key=marshal({"pk": f"rollouts#{account}#{region}", "sk": "going"}),
        UpdateExpression="REMOVE #family",
        ExpressionAttributeNames={"#family": "family#AL2023"},
    )
    quick.passes(minutes=15)
    quick.looks()

    quick.until("finished")
    assert [quick.runs("dev", name) for name in ("workers-0", "workers-1")] == [RELEASE, RELEASE]


def test_a_rollout_that_an_earlier_nodewarden_wrote_with_less_goes_on(quick: FleetWorld) -> None:
    planned(quick)
    table, client = quick.world.stack.ids["LedgerTable"], boto3.client("dynamodb")
    later = {
        "head": ("recalls", "trouble_since", "asked_at", "urgent", "held_from"),
        "group#dev/workers-0": ("accepted", "may_return", "healthy_at", "refusals", "errors", "looked_at"),
    }
    for sk, names in later.items():
        client.update_item(
            TableName=table,
            Key=marshal({"pk": quick.rollout["pk"], "sk": sk}),
            UpdateExpression="REMOVE " + ", ".join(names),
        )

    quick.ticks()

    ends_well(quick)


def test_a_planned_rollout_is_never_seen_without_all_of_its_groups(quick: FleetWorld) -> None:
    quick.behind("dev", groups=2)
    seen: list[tuple[int, int]] = []

    def look() -> None:
        entries = quick.world.stack.entries()
        heads = sum(entry["sk"] == "head" for entry in entries)
        seen.append((heads, sum(entry["sk"].startswith("group#") for entry in entries)))

    quick.world.fault("dynamodb:TransactWriteItems", look, before=False, times=99)
    quick.looks()

    assert seen == [(0, 2), (1, 2)]


def test_a_tick_by_hand_of_a_rollout_that_there_is_not_says_where_to_find_them(quick: FleetWorld) -> None:
    with pytest.raises(Exception, match="list them with the verb status"):
        quick.world.stack.invoke(ROLLOUT, {"rollout": "al2023-0123456789ab"})


def test_a_tick_by_hand_of_one_that_has_ended_says_how(quick: FleetWorld) -> None:
    planned(quick)
    quick.until("finished")
    name = quick.rollout["rollout_id"]

    answer = quick.world.stack.invoke(ROLLOUT, {"rollout": name})

    assert answer[name]["state"] == "finished"


def test_in_the_mode_observe_a_rollout_is_planned_and_told_and_starts_nothing(quick: FleetWorld) -> None:
    quick.world.stack.update(Mode="observe")
    quick.behind("dev")
    quick.looks()

    quick.ticks(5)

    assert quick.updates("dev") == []
    assert quick.steps() == ["planned"]
    assert quick.rollout["why"] == "nothing is started: the mode is observe"
    quick.world.stack.update(Mode="enforce")
    ends_well(quick)


def test_a_pause_of_acting_stops_starts_and_what_updates_is_watched_on(quick: FleetWorld) -> None:
    planned(quick, groups=2)
    quick.ticks()
    quick.world.ask("pause", what="acting", **WHO)

    quick.ticks(8)

    assert sorted(quick.states.values()) == ["done", "waiting"]
    assert quick.rollout["why"] == f"nothing is started: acting is paused by {WHO['by']}: {WHO['reason']}"
    quick.world.ask("resume", what="acting", **WHO)
    quick.until("finished")
    assert set(quick.states.values()) == {"done"}


def test_a_pause_of_acting_that_comes_during_the_look_stops_the_start(quick: FleetWorld) -> None:
    planned(quick)
    quick.world.fault("ec2:DescribeSubnets", lambda: quick.world.ask("pause", what="acting", **WHO), times=1)

    quick.ticks()

    assert quick.updates("dev") == []
    assert quick.states == {"dev/workers-0": "waiting"}
    assert quick.rollout["why"] == f"nothing is started: acting is paused by {WHO['by']}: {WHO['reason']}"


def test_a_window_that_closes_during_the_look_stops_the_start(fleet: FleetWorld) -> None:
    fleet.behind("dev")
    fleet.looks()
    fleet.until("rolling", every=timedelta(minutes=5))
    fleet.world.fault("ec2:DescribeSubnets", lambda: fleet.passes(hours=12), times=1)

    fleet.ticks()

    assert fleet.updates("dev") == []
    assert "outside the windows" in fleet.rollout["why"]


def test_a_policy_that_is_wrong_starts_nothing_and_is_raised(
    quick: FleetWorld, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned(quick)
    (tmp_path / "rollout.toml").write_text("minimum_age = 'soon'", "utf-8")
    monkeypatch.setenv("NODEWARDEN_POLICY_FOLDER", str(tmp_path))
    wiring.forget()

    quick.ticks()

    assert quick.runs("dev") == BEHIND
    assert quick.updates("dev") == []
    assert quick.world.failures() == ["PolicyError"]


def put(quick: FleetWorld, key: dict[str, str], **attributes: Any) -> None:
    """Change attributes of an item as nobody should."""
    client = boto3.client("dynamodb")
    client.update_item(
        TableName=quick.world.stack.ids["LedgerTable"],
        Key=marshal(key),
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
        ExpressionAttributeNames={f"#{name}": name for name in attributes},
        ExpressionAttributeValues=marshal({f":{name}": value for name, value in attributes.items()}),
    )
