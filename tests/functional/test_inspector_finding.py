"""Inspector's findings: one decision for each node group and image, however many findings."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from local import hosts
from local.fleet import BEHIND, RELEASE
from nodewarden import wiring
from tests.functional.finding_world import (
    CVE,
    INSPECTOR,
    OTHER_CVE,
    WORKERS,
    arn,
    found,
    reached,
    said,
    scanned,
)
from tests.functional.fleet_world import BEGIN

if TYPE_CHECKING:
    from tests.functional.finding_world import FindingWorld

NEWER = "1.33.3-20261120"
HOUR = timedelta(hours=1)


def on_target(inspected: FindingWorld, *waves: str) -> None:
    """Make a node group in each of these clusters that runs what there is."""
    for wave in waves:
        inspected.fleet.fleet.cluster(wave)
        inspected.fleet.fleet.node_group(wave, "workers-0", tags={"nodewarden:wave": "dev"})


# Behind


def test_a_group_that_is_behind_asks_for_one_urgent_rollout_however_many_findings(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")

    inspected.says(*(found(number, cve=f"CVE-2026-1000{number % 3}") for number in range(1, 121)))

    assert inspected.states == ["urgent-requested"]
    (request,) = inspected.requests
    assert request["target"]["release_version"] == RELEASE
    assert (inspected.incident["open"], sum(inspected.incident["urgent"].values())) == (120, 120)
    assert inspected.outcomes() == ["urgent-requested"]
    inspected.whole()
    assert inspected.fleet.world.stack.failed() == []


def test_a_request_becomes_one_urgent_rollout_that_says_why_and_is_taken(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    inspected.says(found())

    inspected.fleet.looks()
    inspected.fleet.looks()

    (rollout,) = inspected.fleet.heads
    assert (rollout["urgent"], rollout["reason"]) == (True, f"Inspector found {CVE} on dev/workers-0")
    assert "unsettled" not in inspected.requests[0]
    assert inspected.states == ["in-rollout"]
    assert inspected.outcomes() == ["urgent-requested"]


def test_two_images_of_a_group_ask_for_one_rollout(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")

    inspected.says(found(1), found(2, image="ami-0cccccccccccccccc"))

    assert inspected.states == ["urgent-requested", "urgent-requested"]
    assert len(inspected.requests) == 1


def test_what_production_is_rolled_to_urgently_the_waves_before_it_prove(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev", "prod")

    inspected.says(found(group="prod/workers-0"))
    inspected.fleet.looks()

    (rollout,) = inspected.fleet.heads
    assert (rollout["urgent"], rollout["waves"]) == (True, ["dev", "prod"])


def test_a_planned_rollout_is_hastened_and_not_a_second_one_started(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    inspected.fleet.looks()
    inspected.fleet.passes(minutes=15)

    inspected.says(found())
    inspected.fleet.looks()

    old, new = inspected.fleet.heads
    assert (old["state"], old["urgent"]) == ("superseded", False)
    assert (new["state"], new["urgent"]) == ("planned", True)
    assert "unsettled" not in inspected.requests[0]


def test_a_rollout_that_goes_on_is_joined(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    inspected.fleet.looks()
    inspected.fleet.ticks(2)

    inspected.says(found())
    inspected.fleet.looks()

    assert inspected.states == ["in-rollout"]
    assert inspected.requests == []
    assert len(inspected.fleet.heads) == 1
    assert inspected.outcomes() == ["in-rollout"]


def test_a_request_waits_while_another_rollout_of_the_family_goes_on(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    inspected.fleet.looks()
    inspected.fleet.ticks(2)
    inspected.fleet.fleet.node_group("dev", "late", release_version=BEHIND, tags={"nodewarden:wave": "dev"})

    inspected.says(found(group="dev/late"))
    inspected.fleet.looks()
    assert [request["unsettled"] for request in inspected.requests] == ["request"]
    inspected.fleet.until("finished")
    inspected.fleet.looks()

    assert inspected.fleet.rollout["urgent"] is True
    assert list(inspected.fleet.groups) == ["dev/late"]
    assert "unsettled" not in inspected.requests[0]


def test_a_request_that_somebody_serves_by_hand_is_let_go(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    inspected.says(found())
    inspected.fleet.starts_by_hand("dev")
    inspected.fleet.passes(minutes=30)

    inspected.fleet.looks()

    assert inspected.fleet.heads == []
    assert "unsettled" not in inspected.requests[0]
    assert inspected.states == ["rolled"]


def test_a_group_in_no_wave_is_told_and_not_rolled(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    inspected.fleet.fleet.tag({}, "dev", "workers-0")

    inspected.says(found(1), found(2))
    inspected.fleet.looks()

    assert inspected.states == ["not-rolled"]
    assert inspected.outcomes() == ["not-rolled"]
    assert "wave" in inspected.incident["advice"]
    assert inspected.fleet.heads == inspected.requests == []


def test_a_group_that_gets_into_a_wave_later_is_rolled_without_another_finding(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    inspected.fleet.fleet.tag({}, "dev", "workers-0")
    inspected.says(found())

    inspected.fleet.fleet.tag({"nodewarden:wave": "dev"}, "dev", "workers-0")
    inspected.fleet.looks()
    inspected.fleet.looks()

    assert inspected.fleet.rollout["urgent"] is True


def test_findings_that_are_not_urgent_are_recorded_and_told_to_nobody(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")

    calls = inspected.fleet.world.calls(
        lambda: inspected.says(*(found(n, severity="LOW") for n in range(1, 6))), "eks:"
    )

    assert (inspected.states, inspected.incident["open"]) == (["recorded"], 5)
    assert (calls, inspected.told(), inspected.requests) == ([], [], [])


def test_what_the_policy_says_newly_is_said_of_findings_on_record(inspected: FindingWorld, tmp_path: Any) -> None:
    inspected.fleet.behind("dev")
    inspected.says(found(1, severity="LOW"), found(2, severity="LOW"))
    inspected.fleet.looks()
    assert inspected.states == ["recorded"]

    policy = (tmp_path / "inspector_finding.toml").read_text("utf-8")
    always = f'\n[[always]]\ncve = "{CVE}"\nreason = "our hosts are reached through it"\n'
    (tmp_path / "inspector_finding.toml").write_text(
        policy.replace("\n[[urgent]]", f"{always}\n[[urgent]]", 1), "utf-8"
    )
    wiring.forget()
    inspected.fleet.looks()

    assert inspected.incident["urgent"] == {CVE: 2}
    assert len(inspected.requests) == 1
    inspected.whole()


# On its target


def test_a_group_on_its_target_waits_for_the_next_ami_and_is_told_once(inspected: FindingWorld) -> None:
    image = inspected.fleet.fleet.release(at=BEGIN - 200 * HOUR)
    on_target(inspected, "dev")

    inspected.says(found(1, image=image), found(2, image=image, cve=OTHER_CVE))
    inspected.says(found(3, image=image))
    inspected.fleet.looks()

    assert inspected.states == ["waiting-for-ami"]
    assert inspected.outcomes() == ["waiting-for-ami"]
    assert inspected.incident["urgent"] == {CVE: 2, OTHER_CVE: 1}


def test_what_waits_is_rolled_urgently_with_the_next_release(inspected: FindingWorld) -> None:
    image = inspected.fleet.fleet.release(at=BEGIN - 200 * HOUR)
    on_target(inspected, "dev")
    inspected.says(found(image=image))
    inspected.fleet.looks()
    inspected.fleet.passes(hours=1)

    inspected.fleet.fleet.release(NEWER)
    inspected.fleet.looks()
    inspected.fleet.looks()

    assert (inspected.fleet.rollout["urgent"], len(inspected.fleet.heads)) == (True, 1)
    assert inspected.states == ["in-rollout"]


def test_findings_of_the_new_ami_long_after_the_roll_say_that_it_does_not_fix_them(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    left_behind, new = (inspected.host(WORKERS)[0] for _ in range(2))
    inspected.says(found(instance=left_behind))
    inspected.fleet.looks()
    inspected.fleet.until("finished")

    image = next(iter({request["target"]["image_id"] for request in inspected.requests}))
    inspected.says(found(2, image=image, instance=new))
    assert "waiting-for-ami" in inspected.states
    inspected.fleet.passes(days=3)
    inspected.fleet.looks()

    assert inspected.states == ["not-fixed", "not-fixed"]
    assert sorted(inspected.outcomes()) == ["not-fixed", "urgent-requested", "waiting-for-ami"]


# Over


def test_the_last_finding_that_closes_is_told_with_the_time_that_it_took(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    inspected.says(found(1), found(2))
    inspected.fleet.looks()
    inspected.fleet.until("finished")

    inspected.says(found(1, "CLOSED"))
    assert "closed" not in inspected.outcomes()
    inspected.says(found(2, "CLOSED"))

    assert inspected.states == ["closed"]
    assert inspected.outcomes()[-1] == "closed"
    assert "ttl" in inspected.incident
    assert "unsettled" not in inspected.incident
    assert {*inspected.findings.values()} == {"CLOSED"}


def test_a_suppressed_finding_counts_no_more(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    inspected.says(found(1))
    inspected.fleet.passes(minutes=1)

    inspected.says(found(1, "SUPPRESSED"))

    assert inspected.states == ["closed"]
    inspected.whole()


# As events come


def test_what_is_delivered_twice_also_by_the_administrator_is_one_finding_and_written_once(
    inspected: FindingWorld,
) -> None:
    inspected.fleet.behind("dev")
    event = found()
    inspected.says(event, event)
    before = inspected.incident

    inspected.says(event, event | {"account": "444455556666"})

    assert inspected.incident == before
    assert inspected.incident["open"] == 1


def test_a_closed_that_comes_before_its_active_stays_closed(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    active = found(1)
    inspected.fleet.passes(minutes=5)

    inspected.says(found(1, "CLOSED"))
    inspected.says(active)

    assert inspected.findings == {arn(1): "CLOSED"}
    assert inspected.states == ["closed"]
    assert (inspected.told(), inspected.requests) == ([], [])


def test_a_finding_without_tags_belongs_where_its_hosts_tags_say(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    instance, _ = inspected.host(WORKERS)

    inspected.says(*(found(number, instance=instance, tags={}) for number in (1, 2)))

    assert list(inspected.incidents) == ["dev/workers-0 ami-0aaaaaaaaaaaaaaaa"]
    assert inspected.states == ["urgent-requested"]


def test_a_finding_that_is_on_record_stays_where_it_is_when_its_host_is_gone(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    inspected.says(found())
    inspected.fleet.passes(minutes=1)

    calls = inspected.fleet.world.calls(lambda: inspected.says(found(1, "CLOSED", tags={})), "ec2:DescribeInstances")

    assert inspected.states == ["closed"]
    assert calls == []


def test_what_is_said_of_a_host_that_is_gone_is_remembered_and_what_comes_late_is_seen_to_be_older(
    inspected: FindingWorld,
) -> None:
    inspected.fleet.behind("dev")
    late = found(1)
    inspected.fleet.passes(minutes=1)
    inspected.says(found(1, "CLOSED", tags={}))
    assert (inspected.incidents, inspected.findings) == ({}, {arn(1): "CLOSED"})

    inspected.says(late)

    assert inspected.states == ["closed"]
    assert inspected.requests == []
    inspected.whole()


def test_what_was_open_of_a_host_nobody_knew_counts_once_it_is_known_whose_it_is(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    inspected.says(found(1, tags={}))
    inspected.fleet.passes(minutes=1)

    inspected.says(found(1))

    assert inspected.incident["open"] == 1
    inspected.whole()


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        (hosts.SELF_MANAGED, "self-managed"),
        (hosts.KARPENTER, "karpenter"),
        ({**hosts.AUTO_MODE, "eks:kubernetes-node-class-name": "default"}, "auto-mode"),
    ],
)
def test_hosts_that_are_not_rolled_from_here_are_recorded_and_told_once_with_advice(
    inspected: FindingWorld, tags: dict[str, str], kind: str
) -> None:
    inspected.says(found(1, tags=tags))
    inspected.says(found(1, tags=tags), found(2, tags=tags, instance="i-00000000000000001"))

    assert (inspected.incident["hosts"]["kind"], inspected.incident["open"]) == (kind, 2)
    assert inspected.outcomes() == ["not-rolled"]
    assert inspected.incident["advice"]


def test_an_instance_that_is_no_eks_host_is_no_business_of_ours(inspected: FindingWorld) -> None:
    inspected.says(found(tags=hosts.WEB_SERVER))

    assert (inspected.incidents, inspected.findings, inspected.told()) == ({}, {}, [])


@pytest.mark.parametrize(
    "name",
    ["azure-machine-ignored", "container-image-ignored", "lambda-function-ignored", "image-on-demand-ignored"],
)
def test_what_is_about_no_host_and_reaches_the_function_anyway_is_left(inspected: FindingWorld, name: str) -> None:
    answer = inspected.invoke(said(name))

    assert answer == {"batchItemFailures": []}
    assert inspected.incidents == {}


def test_a_host_of_a_member_account_is_left_to_the_nodewarden_there(inspected: FindingWorld) -> None:
    event = found()
    event["detail"]["awsAccountId"] = "444455556666"

    inspected.says(event)

    assert inspected.incidents == {}
    assert inspected.fleet.world.stack.failed() == []


def test_untriaged_findings_are_recorded_and_become_urgent_when_inspector_says_more(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    inspected.says(found(severity="UNTRIAGED"))
    assert inspected.states == ["recorded"]
    inspected.fleet.passes(hours=1)

    inspected.says(found())

    assert inspected.states == ["urgent-requested"]


# What can be reached


def test_a_port_that_inspector_reaches_is_closed_as_a_changed_group_is(inspected: FindingWorld) -> None:
    instance, group = inspected.host(WORKERS, source="0.0.0.0/0")

    inspected.says(reached(1, instance, group))

    world = inspected.fleet.world
    assert world.sources(group) == set()
    assert world.outcomes() == ["revoked"]
    assert inspected.states == ["reachable"]
    assert inspected.told() == []
    assert (
        "Inspector2 Finding"
        in next(told for told in world.stack.told() if told.attributes["kind"] == "security_group").said
    )


def test_a_path_that_names_no_group_leads_to_those_of_its_interface(inspected: FindingWorld) -> None:
    instance, group = inspected.host(WORKERS, source="0.0.0.0/0")
    (interface,) = inspected.fleet.world.ec2.describe_network_interfaces(
        Filters=[{"Name": "attachment.instance-id", "Values": [instance]}]
    )["NetworkInterfaces"]

    inspected.says(reached(1, instance, interface=interface["NetworkInterfaceId"]))

    assert inspected.fleet.world.sources(group) == set()


def test_where_no_group_of_ours_is_to_blame_people_hear_of_it(inspected: FindingWorld) -> None:
    instance, group = inspected.host(WORKERS, source="10.0.0.0/8")

    inspected.says(reached(1, instance, group))
    inspected.says(reached(1, instance, group), reached(2, instance, group))

    assert inspected.states == ["no-group-to-blame"]
    assert inspected.outcomes() == ["no-group-to-blame"]
    assert "network ACLs" in inspected.incident["advice"]


def test_a_group_that_was_closed_before_inspector_says_it_is_to_blame_still(inspected: FindingWorld) -> None:
    instance, group = inspected.host(WORKERS, source="0.0.0.0/0")
    inspected.fleet.world.deliver(group)
    assert inspected.fleet.world.outcomes() == ["revoked"]

    inspected.says(reached(1, instance, group))

    assert inspected.states == ["reachable"]
    assert inspected.told() == []


def test_a_port_that_no_rule_lets_in_is_told_though_another_was_just_closed(inspected: FindingWorld) -> None:
    instance, group = inspected.host(WORKERS, source="0.0.0.0/0")
    other, innocent = inspected.host(WORKERS, source="10.0.0.0/8")

    inspected.says(
        reached(1, instance, group), reached(2, instance, group, port=8443), reached(3, other, innocent, port=22)
    )

    assert inspected.fleet.world.outcomes() == ["revoked"]
    assert inspected.outcomes() == ["no-group-to-blame"]
    assert inspected.told()[0].document["about"] == ["TCP/22", "TCP/8443"]


def test_what_inspector_reaches_days_after_it_was_closed_is_told(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    instance, group = inspected.host(WORKERS, source="0.0.0.0/0")
    inspected.says(reached(1, instance, group))
    assert inspected.outcomes() == []
    for _ in range(3):
        inspected.fleet.passes(days=1)
        inspected.fleet.looks()

    assert inspected.outcomes() == ["no-group-to-blame"]


def test_a_group_that_an_instance_outside_of_eks_shares_with_a_host_is_closed_too(inspected: FindingWorld) -> None:
    _, group = inspected.host(WORKERS, source="0.0.0.0/0")
    other = hosts.start_host(inspected.fleet.world.ec2, group, hosts.WEB_SERVER)

    inspected.says(reached(1, other, group, tags=hosts.WEB_SERVER))

    assert inspected.fleet.world.sources(group) == set()
    assert inspected.incidents == {}


def test_in_the_mode_observe_what_can_be_reached_is_told_and_left(inspected: FindingWorld) -> None:
    inspected.fleet.world.stack.update(Mode="observe")
    instance, group = inspected.host(WORKERS, source="0.0.0.0/0")

    inspected.says(reached(1, instance, group))

    assert inspected.fleet.world.sources(group) == {"0.0.0.0/0"}
    assert inspected.fleet.world.outcomes() == ["observed"]


def test_a_group_on_many_ways_is_judged_once_in_a_batch(inspected: FindingWorld) -> None:
    instance, group = inspected.host(WORKERS, source="10.0.0.0/8")

    calls = inspected.fleet.world.calls(
        lambda: inspected.says(*(reached(number, instance, group) for number in range(1, 21))), "ec2:"
    )

    assert calls == ["ec2:DescribeSecurityGroupRules"]


# What is not scanned


def test_hosts_that_are_not_scanned_are_told_once_for_each_group_and_reason_and_over_when_they_are(
    inspected: FindingWorld,
) -> None:
    some = [inspected.host(WORKERS)[0] for _ in range(3)]

    inspected.says(*map(scanned, some[:2]))
    inspected.says(scanned(some[2]), scanned(some[0]))
    assert inspected.outcomes() == ["not-scanned"]
    assert inspected.incident["open"] == 3
    inspected.fleet.passes(minutes=10)
    inspected.says(*(scanned(instance, "SUCCESSFUL") for instance in some))

    assert inspected.states == ["closed"]
    assert inspected.outcomes() == ["not-scanned", "closed"]
    inspected.whole()


def test_another_reason_is_told_beside_the_first(inspected: FindingWorld) -> None:
    some = [inspected.host(WORKERS)[0] for _ in range(2)]

    inspected.says(scanned(some[0]), scanned(some[1], "UNSUPPORTED_OS"))

    assert inspected.outcomes() == ["not-scanned", "not-scanned"]


# What is asked for, and the world moves on


@pytest.mark.parametrize("status", ["CLOSED", "SUPPRESSED"])
def test_what_is_over_before_it_is_planned_is_not_rolled_as_urgent(inspected: FindingWorld, status: str) -> None:
    inspected.fleet.behind("dev")
    inspected.says(found())
    inspected.fleet.passes(minutes=1)
    inspected.says(found(1, status))

    inspected.fleet.looks()
    inspected.fleet.passes(hours=2)
    inspected.fleet.looks()

    assert not inspected.fleet.rollout["urgent"]
    assert [request.get("unsettled") for request in inspected.requests] == [None]


def test_what_opens_again_is_asked_for_again(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    for status in ("ACTIVE", "CLOSED", "ACTIVE"):
        inspected.says(found(1, status))
        inspected.fleet.passes(minutes=1)

    inspected.fleet.looks()

    assert inspected.fleet.rollout["urgent"]


def test_a_group_that_was_held_meanwhile_is_rolled_as_urgent_when_it_is_not_any_more(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    inspected.says(found())
    inspected.fleet.looks()
    inspected.fleet.fleet.tag({"nodewarden:wave": "dev", "nodewarden:hold": "game day"}, "dev", "workers-0")
    inspected.fleet.until("finished")
    inspected.fleet.looks()
    assert inspected.states == ["not-rolled"]
    inspected.fleet.fleet.tag({"nodewarden:wave": "dev"}, "dev", "workers-0")

    for _ in range(2):
        inspected.fleet.passes(minutes=15)
        inspected.fleet.looks()

    assert inspected.fleet.rollout["urgent"]
    assert inspected.states == ["in-rollout"]


def test_a_rollout_that_begins_before_it_is_hastened_is_told_to_take_the_group_as_it_is(
    inspected: FindingWorld,
) -> None:
    inspected.fleet.behind("dev", "prod")
    inspected.fleet.looks()
    inspected.says(found())
    inspected.fleet.ticks(3)
    inspected.fleet.looks()

    assert not inspected.fleet.rollout["urgent"]
    assert inspected.outcomes() == ["urgent-requested", "in-rollout"]


# As a queue has them


def test_more_findings_than_one_write_takes_are_written_in_several(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")

    calls = inspected.fleet.world.calls(
        lambda: inspected.says(*(found(number, severity="LOW") for number in range(1, 131))), "dynamodb:Transact"
    )

    assert inspected.fleet.world.stack.attempts.count(INSPECTOR) == 1
    assert len(calls) == 2
    assert inspected.incident["open"] == 130
    inspected.whole()


# Asked for


def test_status_lists_the_open_incidents_the_urgent_first_and_why_each_stands_so(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    inspected.says(found(1, image="ami-0bbbbbbbbbbbbbbbb", severity="LOW"), found(2), found(3))

    answer = inspected.fleet.world.ask("status", what="incidents")

    assert [(each["state"], each["findings"]) for each in answer["incidents"]] == [
        ("urgent-requested", 2),
        ("recorded", 1),
    ]
    assert answer["incidents"][0]["urgent"] == {CVE: 2}
    assert answer["incidents"][0]["hosts"] == {"cluster": "dev", "kind": "node-group", "where": "workers-0"}
    assert answer["incidents"][0]["target"] == RELEASE
    assert (answer["in_all"], answer["unread"]) == (2, [])


def test_status_of_an_incident_shows_it_and_its_findings_also_when_it_is_over(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    inspected.says(found(1), found(2))
    inspected.fleet.passes(minutes=10)
    inspected.says(found(1, "CLOSED"), found(2, "CLOSED"))

    answer = inspected.fleet.world.ask("status", incident=inspected.incident["incident_id"])

    assert (answer["incident"]["state"], answer["incident"]["open"]) == ("closed", 0)
    assert sorted((each["arn"], each["status"]) for each in answer["findings"]) == [
        (arn(1), "CLOSED"),
        (arn(2), "CLOSED"),
    ]


@pytest.mark.parametrize(
    ("incident", "says"),
    [
        ("ami-0123456789abcdef0-0123456789ab", "there is no incident ami-0123456789abcdef0-0123456789ab: list those"),
        ("ami-0123456789abcdef0", "incident must be the id from a message or from status"),
    ],
)
def test_an_incident_that_there_is_not_is_refused_saying_where_they_are_listed(
    inspected: FindingWorld, incident: str, says: str
) -> None:
    answer = inspected.fleet.world.ask("status", incident=incident)

    assert answer["ok"] is False
    assert says in answer["error"]
