"""The words for findings: what people read of an incident, of a flood of them, and that what they are told to run is right."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.validate import validate_parameters

from nodewarden.ami_release.standing import State as Stands
from nodewarden.inspector_finding.coverage import decide_coverage, records
from nodewarden.inspector_finding.decision import judged
from nodewarden.inspector_finding.finding import Coverage, Kind, Severity, Status
from nodewarden.inspector_finding.incident import COVERAGE, NETWORK, Change, State
from nodewarden.message.incident_change import IncidentChange
from nodewarden.message.inspector_finding import SAID, IncidentsChange, of_incidents
from nodewarden.node_group import NodeGroupKey
from tests.unit.builders import lines
from tests.unit.inspector_finding_builders import (
    ACCOUNT,
    CVE,
    DAY,
    HOUR,
    KARPENTER,
    NEW,
    NEW_AMI,
    NOW,
    OLD_AMI,
    ON_TARGET,
    OTHER_CVE,
    REGION,
    WORKERS,
    Story,
    finding,
    reachable,
    rollout,
    standing,
)

if TYPE_CHECKING:
    from nodewarden.inspector_finding.host import Hosts
    from nodewarden.inspector_finding.incident import Incident
    from nodewarden.message.message import Message

FEW = 100  # characters of a subject, as SNS wants
MOST = 256 * 1024  # bytes of a message, as SNS takes


def changes(incident: Incident) -> tuple[IncidentChange, ...]:
    return tuple(IncidentChange(incident=incident, change=change) for change in incident.news)


def worded(*incidents: Incident) -> Message:
    """Word what the latest writes of incidents tell, at once."""
    return of_incidents(
        IncidentsChange(tuple(change for incident in incidents for change in changes(incident))), "nodewarden"
    )


def said(message: Message) -> str:
    return "\n".join(lines(message))


def behind(hosts: Hosts = WORKERS, findings: int = 3) -> Incident:
    story = Story(hosts=hosts)
    story.comes(*(finding(number=number) for number in range(findings)), stands=standing())
    return story.now


def closed() -> Incident:
    story = Story()
    story.comes(finding(), stands=standing())
    story.comes(finding(Status.CLOSED, updated_at=NOW + DAY), at=NOW + DAY)
    return story.now


def not_scanned(*reasons: str, active: bool = False, story: Story | None = None) -> Incident:
    story = story or Story(COVERAGE)
    for reason in reasons:
        at = NOW + HOUR * active
        seen = Coverage(
            account=ACCOUNT,
            region=REGION,
            instance_ids=("i-1", "i-2"),
            scan=reason if not active else reasons[0],
            active=active,
            reason=reason,
            at=at,
        )
        story.written(decide_coverage(story.key, records(seen), story.incident, story.records, at))
    return story.now


def test_a_request_says_what_where_why_and_what_was_done() -> None:
    message = worded(behind())

    assert message.subject == f"Urgent rollout asked for: {CVE} on demo/workers, eu-central-1"
    assert lines(message)[:5] == [
        f"What: {CVE} (3 findings)",
        f"Where: node group demo/workers ({OLD_AMI}), account 111122223333, eu-central-1",
        "Why: it is behind",
        "Who: found by Amazon Inspector",
        (
            f"Done: Asked for an urgent rollout to {NEW}: it skips what rollout.toml lets an urgent one skip, and its plan is "
            "told by itself, with the way to end it. Inspector closes the findings if the AMI has the fix."
        ),
    ]
    assert message.attributes == {"kind": "inspector_finding", "severity": "high", "outcome": "urgent-requested"}


def test_a_request_in_place_of_a_planned_rollout_names_that() -> None:
    story = Story()
    story.comes(finding(), stands=standing(), rolls=rollout(wave=-1))

    assert f"to {NEW}, in place of al2023-0123456789ab:" in said(worded(story.now))


def test_a_rollout_that_is_joined_is_named() -> None:
    story = Story()
    story.comes(finding(), stands=standing(), rolls=rollout())

    message = worded(story.now)

    assert f"Done: Nothing more: the rollout al2023-0123456789ab takes it to {NEW} already." in lines(message)
    assert message.attributes["severity"] == "medium"


def test_a_group_that_waits_says_for_what_and_what_people_can_do() -> None:
    story = Story(NEW_AMI)
    story.comes(finding(), finding(number=2, cve=OTHER_CVE), stands=ON_TARGET)

    message = worded(story.now)

    assert message.subject == f"Waiting for an AMI: {CVE} and 1 more on demo/workers, eu-central-1"
    assert f"What: {CVE} (1 finding), {OTHER_CVE} (1 finding)" in lines(message)
    assert f"it runs {NEW}, and there is nothing newer to roll to" in said(message)
    assert "Advice: Nothing to do: the next release is rolled as urgent." in said(message)


def test_hosts_of_no_node_group_are_named_with_the_advice() -> None:
    story = Story(hosts=KARPENTER)
    story.comes(finding())

    message = worded(story.now)

    assert message.subject == f"Vulnerable, and NOT rolled: {CVE} on karpenter hosts demo/spot, eu-central-1"
    assert f"Advice: {KARPENTER.advice}" in lines(message)
    assert (message.document["incidents"][0]["node_group"], message.document["incidents"][0]["other_hosts"]) == (
        None,
        "karpenter spot",
    )


def test_what_the_new_ami_does_not_fix_says_since_when() -> None:
    story = Story(NEW_AMI)
    story.comes(finding(first_observed_at=NOW - 3 * DAY), stands=ON_TARGET)
    waits = replace(story.now, rolled_at=NOW - 3 * DAY)
    story.incident = waits
    story.comes(stands=ON_TARGET, sweep=True)

    message = worded(story.now)

    assert message.subject.startswith("NOT fixed by the new AMI: ")
    assert f"Why: it runs {NEW} since 2026-11-21 09:00 UTC: the new AMI does not fix it" in lines(message)


def test_a_port_that_no_group_opens_says_where_to_look() -> None:
    story = Story(NETWORK)
    story.comes(reachable())
    story.written(judged(story.now, (), frozenset({"TCP/22"}), NOW))

    message = worded(story.now)

    assert message.subject == "Reachable, and no security group is to blame: TCP/22 on demo/workers, eu-central-1"
    assert "Where: node group demo/workers, account 111122223333, eu-central-1" in lines(message)
    assert "Advice: Look at what else is on the way: network ACLs" in said(message)


def test_hosts_that_are_not_scanned_are_told_with_the_reason_and_the_advice() -> None:
    message = worded(not_scanned("UNMANAGED_EC2_INSTANCE"))

    assert message.subject == "Not scanned by Inspector: UNMANAGED_EC2_INSTANCE on demo/workers, eu-central-1"
    assert "What: UNMANAGED_EC2_INSTANCE (2 scans)" in lines(message)
    assert "Advice: Let Systems Manager manage the hosts" in said(message)


def test_two_reasons_of_one_batch_are_two_changes_that_each_have_their_advice() -> None:
    both = worded(not_scanned("NO_INVENTORY", "STALE_INVENTORY"))

    assert "InspectorInventoryCollection-do-not-delete" not in said(both)
    assert "Look whether the hosts' SSM Agent runs" in said(both)


def test_the_end_says_how_long_it_took_and_what_it_was_about() -> None:
    message = worded(closed())

    assert message.subject == f"Closed by Inspector: {CVE} on demo/workers, eu-central-1"
    assert lines(message)[0] == f"What: {CVE}"
    assert "Took: 1 day 1 hour, since Inspector first saw any of it" in lines(message)
    assert "Done: Closed the incident: Inspector has closed all findings." in lines(message)
    assert message.document["incidents"][0]["seconds"] == 25 * 3600
    assert message.attributes == {"kind": "inspector_finding", "severity": "info", "outcome": "closed"}


def test_the_end_of_what_is_no_vulnerability_has_words_of_its_own() -> None:
    story = Story(NETWORK)
    story.comes(reachable())
    story.written(judged(story.now, (), frozenset({"TCP/22"}), NOW))
    story.comes(replace(reachable(), status=Status.CLOSED, updated_at=NOW + HOUR))
    unscanned = Story(COVERAGE)
    not_scanned("NO_INVENTORY", story=unscanned)
    scanned = not_scanned("NO_INVENTORY", active=True, story=unscanned)

    assert worded(story.now).subject.startswith("No longer reachable: TCP/22 on ")
    assert worded(scanned).subject.startswith("Scanned by Inspector again: NO_INVENTORY on ")


def test_a_flood_is_one_message_that_names_each_node_group_once() -> None:
    groups = [replace(WORKERS, name=f"workers-{number}") for number in range(3)]

    message = worded(*map(behind, groups))

    assert message.subject == f"Urgent rollout asked for: {CVE} on 3 node groups, eu-central-1"
    assert lines(message)[:5] == [
        f"What: {CVE}",
        *(f"What: node group demo/{group.name} ({OLD_AMI}), 3 findings: it is behind" for group in groups),
        "Where: account 111122223333, eu-central-1",
    ]
    assert said(message).count("Asked for an urgent rollout") == 1
    assert [each["node_group"] for each in message.document["incidents"]] == [group.name for group in groups]


def test_a_flood_names_of_each_what_is_not_the_same_of_all() -> None:
    other = Story(hosts=replace(WORKERS, name="other"))
    other.comes(finding(cve=OTHER_CVE), stands=standing())

    message = worded(behind(), other.now)

    assert lines(message)[:3] == [
        f"What: {CVE}, {OTHER_CVE}",
        f"What: node group demo/workers ({OLD_AMI}), {CVE}, 3 findings: it is behind",
        f"What: node group demo/other ({OLD_AMI}), {OTHER_CVE}, 1 finding: it is behind",
    ]


def test_the_end_of_several_says_of_each_how_long_it_took() -> None:
    later = replace(closed(), last_change_at=NOW + 2 * DAY)

    message = worded(closed(), replace(later, key=replace(later.key, hosts=replace(WORKERS, name="other"))))

    assert lines(message)[1:3] == [
        f"What: node group demo/workers ({OLD_AMI}), after 1 day 1 hour",
        f"What: node group demo/other ({OLD_AMI}), after 2 days 1 hour",
    ]


def test_a_flood_of_different_hosts_counts_them() -> None:
    told = worded(behind(), *(replace(behind(), key=replace(behind().key, hosts=KARPENTER)),))

    assert told.subject.endswith("on 2 kinds of hosts, eu-central-1")


def test_the_largest_flood_fits_into_one_message() -> None:
    long = NodeGroupKey(account=ACCOUNT, region=REGION, cluster="c" * 100, name="n" * 63)
    story = Story(hosts=long)
    story.comes(*(finding(number=n, cve=f"CVE-2026-{10000 + n}") for n in range(60)), stands=standing(Stands.HELD))
    incident = replace(story.now, reason="ä" * 500, advice="ü" * 500)
    flood = [
        replace(incident, key=replace(incident.key, hosts=replace(long, name=f"{n:063}")), advice=f"{n}{'ü' * 500}")
        for n in range(100)
    ]

    message = worded(*flood)

    assert "What: and 80 more" in lines(message)
    assert (len(message.document["incidents"]), message.document["incidents_in_all"]) == (25, 100)
    assert len(message.bodies().encode()) < MOST
    assert len(message.subject) < FEW


@pytest.mark.parametrize("letter", ["漏", "\N{LADY BEETLE}"])
def test_a_flood_of_findings_that_go_by_long_titles_fits_into_one_message(letter: str) -> None:
    flood = []
    for pool in range(60):
        story = Story(hosts=replace(KARPENTER, where=f"pool-{pool}"))
        titled = [
            replace(finding(number=n, severity=Severity.CRITICAL, cve=""), title=f"{pool} {n} {letter * 240}")
            for n in range(20)
        ]
        story.comes(*titled)
        flood.append(story.now)

    message = worded(*flood)

    assert len(message.bodies().encode()) < MOST
    assert message.document["incidents_in_all"] == 60
    assert 0 < len(message.document["incidents"]) < 50
    assert f"0 0 {letter * 59}…" in said(message)
    assert letter * 61 not in said(message)


@pytest.mark.parametrize("state", SAID)
def test_every_change_has_a_subject_its_place_and_its_evidence(state: State) -> None:
    incident = replace(behind(), news=(Change(state=state, about="STALE_INVENTORY"),), told_of=frozenset({CVE}))

    message = worded(incident)

    assert len(message.subject) < FEW
    assert message.attributes["outcome"] == state.value
    assert "account 111122223333, eu-central-1" in said(message)
    request = f'{{"verb": "status", "incident": "{incident.key.incident_id}"}}'
    command = f"sam remote invoke OperatorFunction --stack-name nodewarden --event '{request}'"
    assert f"Evidence: {command}" in lines(message)


def test_every_state_that_people_hear_of_has_its_words() -> None:
    silent = {State.ROLLED, State.GONE, State.REACHABLE}

    assert {*SAID} == {*State} - silent


@pytest.mark.parametrize(
    ("incident", "operation", "filters"),
    [
        (behind(), "ListFindings", {"vulnerabilityId", "resourceTags"}),
        (closed(), "ListFindings", {"vulnerabilityId", "resourceTags"}),
        (not_scanned("NO_INVENTORY"), "ListCoverage", {"scanStatusCode", "resourceType", "ec2InstanceTags"}),
    ],
    ids=["urgent", "closed", "not scanned"],
)
def test_the_command_that_shows_what_inspector_says_is_one_that_it_takes(
    incident: Incident, operation: str, filters: set[str]
) -> None:
    words = shlex.split(lines(worded(incident))[-1].removeprefix("Evidence: "))
    criteria = json.loads(words[words.index("--filter-criteria") + 1])
    shape = boto3.client("inspector2", "eu-central-1").meta.service_model.operation_model(operation).input_shape

    validate_parameters({"filterCriteria": criteria}, shape)
    assert words[:5] == [
        "aws",
        "inspector2",
        {"ListFindings": "list-findings"}.get(operation, "list-coverage"),
        "--region",
        REGION,
    ]
    assert criteria.keys() == filters


def test_a_title_that_is_no_vulnerability_stays_one_word_of_the_shell() -> None:
    odd = "bob's; rm -rf /"
    incident = replace(behind(), urgent={odd: 1})

    words = shlex.split(lines(worded(incident))[-1].removeprefix("Evidence: "))

    assert json.loads(words[-1])["vulnerabilityId"] == [{"comparison": "EQUALS", "value": odd}]


def test_a_finding_that_is_not_severe_has_nothing_to_word() -> None:
    story = Story()
    story.comes(finding(severity=Severity.LOW), finding(number=2, kind=Kind.CODE), stands=standing())

    assert changes(story.now) == ()
