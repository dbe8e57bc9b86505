"""What is said of many findings at once, some of which cannot be dealt with: the others are, and it ends the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from local import hosts
from tests.functional.finding_world import CVE, OTHER_CVE, WORKERS, arn, found, reached, scanned
from tests.functional.test_inspector_finding_faults import spoil
from tests.functional.world import refuse

if TYPE_CHECKING:
    from tests.functional.finding_world import FindingWorld

ALWAYS = 10_000
REVOKE = "RevokeSecurityGroupIngress"


def failed(answer: dict[str, Any]) -> list[int]:
    """Give which of the events failed, by place."""
    return sorted(int(each["itemIdentifier"]) for each in answer["batchItemFailures"])


def cannot_close(inspected: FindingWorld) -> None:
    """Let no rule be revoked from now on."""
    inspected.fleet.world.fault(f"ec2:{REVOKE}", refuse("UnauthorizedOperation", REVOKE), times=ALWAYS)


@pytest.mark.parametrize("name", ["inspectorScore", "epss"])
def test_a_score_that_is_too_small_for_the_table_keeps_no_finding_back(inspected: FindingWorld, name: str) -> None:
    inspected.fleet.behind("dev")
    tiny = found(1)
    tiny["detail"][name] = {"score": 1e-200} if name == "epss" else 5e-324

    answer = inspected.invoke(tiny, *(found(number) for number in range(2, 60)))

    assert failed(answer) == []
    assert inspected.incident["open"] == 59


def test_a_finding_that_a_newer_nodewarden_wrote_keeps_no_other_of_its_incident_back(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    inspected.says(found(30))
    spoil(inspected, "finding")

    answer = inspected.invoke(*(found(number) for number in range(1, 60)))

    assert failed(answer) == [29]
    assert (inspected.incident["open"], inspected.incident["urgent"]) == (59, {CVE: 59})
    assert len(inspected.requests) == 1
    inspected.whole()


def test_a_group_of_an_instance_outside_of_eks_that_cannot_be_closed_fails_its_finding_alone(
    inspected: FindingWorld,
) -> None:
    _, shared = inspected.host(WORKERS, source="0.0.0.0/0")
    other = hosts.start_host(inspected.fleet.world.ec2, shared, hosts.WEB_SERVER)
    cannot_close(inspected)

    answer = inspected.invoke(
        *(found(number, tags=hosts.WEB_SERVER) for number in range(2, 5)),
        reached(1, other, shared, tags=hosts.WEB_SERVER),
        *(found(number, tags=hosts.WEB_SERVER) for number in range(5, 8)),
    )

    assert failed(answer) == [3]


def test_a_group_that_cannot_be_closed_keeps_no_closed_finding_of_the_incident_open(inspected: FindingWorld) -> None:
    first, harmless = inspected.host(WORKERS, source="10.0.0.0/8")
    inspected.says(reached(2, first, harmless))
    inspected.fleet.passes(hours=1)
    second, open_ = inspected.host(WORKERS, source="0.0.0.0/0")
    cannot_close(inspected)
    over = reached(2, first, harmless)
    over["detail"]["status"] = "CLOSED"

    answer = inspected.invoke(reached(1, second, open_), over)

    assert failed(answer) == [0]
    assert inspected.findings == {arn(2): "CLOSED"}
    inspected.whole()


def test_an_incident_is_not_said_to_be_over_in_a_batch_of_which_something_urgent_failed(
    inspected: FindingWorld,
) -> None:
    first, harmless = inspected.host(WORKERS, source="10.0.0.0/8")
    inspected.says(reached(2, first, harmless))
    inspected.fleet.passes(hours=1)
    second, open_ = inspected.host(WORKERS, source="0.0.0.0/0")
    cannot_close(inspected)
    over = reached(2, first, harmless)
    over["detail"]["status"] = "CLOSED"
    inspected.invoke(reached(1, second, open_), over)
    inspected.fleet.world.stack.pump()

    assert inspected.outcomes() == ["no-group-to-blame"]
    inspected.fleet.behind("dev")

    inspected.fleet.looks()

    assert inspected.states == ["closed"]
    assert inspected.outcomes() == ["no-group-to-blame", "closed"]


@pytest.mark.parametrize("action", ["ssm:GetParameters", "eks:DescribeNodegroup"])
def test_the_last_finding_is_closed_also_while_its_node_group_cannot_be_seen(
    inspected: FindingWorld, action: str
) -> None:
    inspected.fleet.behind("dev")
    inspected.says(found(1))
    inspected.fleet.passes(hours=1)
    inspected.fleet.world.fault(action, refuse("InternalServerError", action.partition(":")[2]), times=ALWAYS)

    inspected.says(found(1, "CLOSED"))

    assert inspected.findings == {arn(1): "CLOSED"}
    assert inspected.states == ["closed"]


def test_where_the_node_group_cannot_be_seen_what_is_closed_is_written_and_what_is_urgent_comes_again(
    inspected: FindingWorld,
) -> None:
    inspected.fleet.behind("dev")
    inspected.says(found(1), found(2))
    inspected.fleet.passes(hours=1)
    inspected.fleet.world.fault("ssm:GetParameters", refuse("InternalServerError", "GetParameters"), times=ALWAYS)

    answer = inspected.invoke(found(1, "CLOSED"), found(3))

    assert failed(answer) == [1]
    assert inspected.findings == {arn(1): "CLOSED", arn(2): "ACTIVE"}
    assert (inspected.states, inspected.incident["open"]) == (["urgent-requested"], 1)
    inspected.whole()


def test_where_ec2_does_not_say_whose_a_host_is_only_what_came_without_tags_comes_again(
    inspected: FindingWorld,
) -> None:
    inspected.fleet.behind("dev")
    instance, _ = inspected.host(WORKERS)
    denied = refuse("UnauthorizedOperation", "DescribeInstances")
    inspected.fleet.world.fault("ec2:DescribeInstances", denied, times=ALWAYS)

    answer = inspected.invoke(found(1), scanned(instance))

    assert failed(answer) == [1]
    assert inspected.states == ["urgent-requested"]


def test_more_than_one_write_takes_does_not_close_in_between_what_stays_open(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    inspected.says(*(found(number) for number in range(1, 100)))
    inspected.fleet.passes(minutes=5)

    inspected.says(
        *(found(number, "CLOSED") for number in range(1, 100)),
        *(found(number, cve=OTHER_CVE) for number in range(200, 205)),
    )

    assert inspected.outcomes() == ["urgent-requested"]
    assert (inspected.incident["round"], inspected.incident["urgent"]) == (1, {OTHER_CVE: 5})
    inspected.whole()


def test_more_closed_findings_than_one_write_takes_are_one_end(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    inspected.says(*(found(number) for number in range(1, 150)))
    inspected.fleet.passes(minutes=5)

    inspected.says(*(found(number, "CLOSED") for number in range(1, 150)))

    assert inspected.outcomes() == ["urgent-requested", "closed"]
    inspected.whole()


def test_the_coverage_of_hundreds_of_hosts_at_once_is_of_the_last_one_too(inspected: FindingWorld) -> None:
    instance, _ = inspected.host(WORKERS)
    event = scanned(instance)
    event["resources"] = [*(f"i-{number:017x}" for number in range(998)), instance]

    inspected.says(event)

    assert inspected.states == ["not-scanned"]


@pytest.mark.parametrize("event_id", ["x\nDone: nothing" + "y" * 150_000, "\ud800"], ids=["long", "surrogate"])
def test_the_id_of_an_event_is_written_as_one_short_line(inspected: FindingWorld, event_id: str) -> None:
    instance, group = inspected.host(WORKERS, source="0.0.0.0/0")

    answer = inspected.invoke(reached(1, instance, group) | {"id": event_id})

    assert failed(answer) == []
    (remediation,) = inspected.fleet.world.stack.remediations()
    written = remediation["cause"]["event_id"]
    assert (len(written) <= 256, written.isprintable()) == (True, True)


def test_each_group_is_closed_for_the_finding_that_leads_to_it(inspected: FindingWorld) -> None:
    (one, its), (other, others) = (inspected.host(WORKERS, source="0.0.0.0/0") for _ in range(2))

    inspected.says(reached(1, one, its) | {"id": "event-of-one"}, reached(2, other, others) | {"id": "event-of-other"})

    remediations = inspected.fleet.world.stack.remediations()
    causes = {each["group_id"]: each["cause"]["event_id"] for each in remediations}
    assert causes == {its: "event-of-one", others: "event-of-other"}
