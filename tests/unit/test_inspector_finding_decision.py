"""What follows from findings: a sentence for each thing that can become of a node group."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from nodewarden.ami_release.standing import State as Stands
from nodewarden.ami_release.unmanaged import Kind as HostKind
from nodewarden.ami_release.unmanaged import Unmanaged
from nodewarden.inspector_finding.action import (
    MOST_NAMED,
    Close,
    JoinRollout,
    JudgeGroups,
    RecordFinding,
    RequestUrgent,
    TellNotFixed,
    TellNotRolled,
    TellNotToBlame,
    TellRequested,
    WaitForAmi,
    request_id,
    tellings,
)
from nodewarden.inspector_finding.decision import NOT_ASKED_FOR, groups_to_judge, judged
from nodewarden.inspector_finding.finding import Kind, Severity, Status
from nodewarden.inspector_finding.incident import NETWORK, UNKNOWN_IMAGE, Incident, State, incident_key
from nodewarden.inspector_finding.waiting import Released, may_close, names_for_release
from nodewarden.rollout.state import GroupState
from nodewarden.rollout.state import State as Rolls
from tests.unit.inspector_finding_builders import (
    ACCOUNT,
    ALWAYS_CVE,
    CVE,
    DAY,
    GROUP_ID,
    HOUR,
    IGNORED_CVE,
    INTERFACE_ID,
    KARPENTER,
    MINUTE,
    NEW,
    NEW_AMI,
    NEWER,
    NOW,
    OLD_AMI,
    ON_TARGET,
    OTHER_CVE,
    REGION,
    TARGET,
    WORKERS,
    Story,
    finding,
    key,
    policy,
    reachable,
    rollout,
    standing,
)

if TYPE_CHECKING:
    from nodewarden.ami_release.standing import Standing
    from nodewarden.rollout.state import Rollout

CLOSED, SUPPRESSED = Status.CLOSED, Status.SUPPRESSED
NEWER_TARGET = replace(TARGET, release_version=NEWER)


# A group that is behind


def test_a_critical_finding_on_a_group_that_is_behind_asks_for_one_urgent_rollout() -> None:
    decision = Story().comes(finding(), stands=standing())

    record, request, told = decision.actions[1], decision.actions[0], decision.actions[2]
    assert isinstance(record, RecordFinding)
    assert request == RequestUrgent(
        request_id=request_id(WORKERS, NEW), node_group=WORKERS, target=TARGET, cves=(CVE,), hastens=""
    )
    assert told == TellRequested(release_version=NEW, cves=(CVE,))
    assert (decision.incident.state, decision.incident.target, decision.incident.open) == (State.REQUESTED, NEW, 1)


def test_two_hundred_findings_of_sixty_vulnerabilities_are_one_request_and_one_message() -> None:
    story = Story()
    findings = [finding(number=number, cve=f"CVE-2026-{20000 + number % 60}") for number in range(200)]
    for first in range(0, 200, 10):
        story.comes(*findings[first : first + 10], stands=standing(), at=NOW + first * MINUTE)

    assert (len(story.requests), story.tells()) == (1, ["TellRequested"])
    assert (story.now.open, len(story.now.urgent)) == (200, 60)
    assert len(story.records) == 200


def test_a_request_names_some_of_many_vulnerabilities_and_the_incident_has_all() -> None:
    story = Story()
    story.comes(*(finding(number=n, cve=f"CVE-2026-{20000 + n}") for n in range(60)), stands=standing())

    assert len(story.requests[0].cves) == MOST_NAMED
    assert len(story.now.urgent) == 60


def test_two_images_of_one_group_ask_for_the_same_request() -> None:
    one, other = Story(OLD_AMI), Story("ami-0cccccccccccccccc")
    one.comes(finding(), stands=standing())
    other.comes(finding(number=2), stands=standing())

    assert one.now.key.incident_id != other.now.key.incident_id
    assert one.requests[0].request_id == other.requests[0].request_id


def test_a_newer_release_is_asked_for_once_more() -> None:
    story = Story()
    story.comes(finding(), stands=standing())
    story.comes(stands=standing(target=NEWER_TARGET), at=NOW + DAY)
    story.comes(stands=standing(target=NEWER_TARGET), at=NOW + 2 * DAY)

    assert [request.target.release_version for request in story.requests] == [NEW, NEWER]
    assert story.tells() == ["TellRequested", "TellRequested"]


def test_a_finding_that_is_not_severe_is_recorded_and_nobody_hears_of_it() -> None:
    story = Story()
    decision = story.comes(finding(severity=Severity.LOW), stands=standing())

    assert [type(action) for action in decision.actions] == [RecordFinding]
    assert (story.now.state, story.now.open, story.now.urgent) == (State.RECORDED, 1, {})


def test_an_untriaged_finding_is_recorded_only() -> None:
    story = Story()
    story.comes(finding(severity=Severity.UNTRIAGED), stands=standing())

    assert (story.now.state, story.requests) == (State.RECORDED, [])


def test_a_finding_that_is_rated_later_is_asked_for_then() -> None:
    story = Story()
    story.comes(finding(severity=Severity.UNTRIAGED), stands=standing())
    story.comes(finding(updated_at=NOW + HOUR), stands=standing(), at=NOW + HOUR)

    assert (story.now.state, len(story.requests)) == (State.REQUESTED, 1)


@pytest.mark.parametrize("kind", [Kind.CODE, Kind.OTHER])
def test_what_no_ami_changes_is_recorded_only(kind: Kind) -> None:
    story = Story()
    story.comes(finding(kind=kind), stands=standing())

    assert (story.now.state, story.requests, story.told) == (State.RECORDED, [], [])


def test_an_ignored_vulnerability_is_recorded_with_the_reason() -> None:
    story = Story()
    story.comes(finding(cve=IGNORED_CVE), stands=standing())

    assert (story.now.state, story.requests, story.told) == (State.RECORDED, [], [])
    assert [each.why for each in story.records.values()] == ["ignored by the policy: needs a desktop"]


def test_a_vulnerability_that_is_always_urgent_is_though_low() -> None:
    story = Story()
    story.comes(finding(cve=ALWAYS_CVE, severity=Severity.LOW), stands=standing())

    assert [request.cves for request in story.requests] == [(ALWAYS_CVE,)]


def test_when_a_vulnerability_is_no_longer_ignored_a_sweep_asks_for_it() -> None:
    until = NOW + DAY
    story = Story(settings=policy(ignore=[{"cve": CVE, "reason": "reviewed", "until": until}]))
    story.comes(finding(), stands=standing())
    assert story.requests == []

    story.comes(stands=standing(), at=until, sweep=True)

    assert (story.now.urgent, len(story.requests)) == ({CVE: 1}, 1)


def test_what_was_urgent_and_is_ignored_now_is_told_to_be_over_and_why() -> None:
    story = Story()
    story.comes(finding(), stands=standing())
    story.settings = policy(ignore=[{"cve": CVE, "reason": "reviewed"}])
    story.comes(stands=standing(), at=NOW + DAY, sweep=True)

    (*_, told) = story.told
    assert isinstance(told, Close)
    assert told.reason == "what is still open is not urgent by the policy"
    assert story.now.state is State.RECORDED


# A group that is in a rollout


def test_a_rollout_that_goes_on_is_joined_and_no_second_one_asked_for() -> None:
    story = Story()
    story.comes(finding(), stands=standing(), rolls=rollout())

    assert story.requests == []
    assert story.told == [JoinRollout(rollout_id="al2023-0123456789ab", release_version=NEW, cves=(CVE,))]
    assert (story.now.state, story.now.rollout_id) == (State.IN_ROLLOUT, "al2023-0123456789ab")


def test_a_planned_rollout_that_is_urgent_is_joined() -> None:
    story = Story()
    story.comes(finding(), stands=standing(), rolls=rollout(state=Rolls.PLANNED, wave=-1, urgent=True))

    assert (story.requests, story.tells()) == ([], ["JoinRollout"])


def test_a_planned_rollout_that_is_not_urgent_is_hastened_by_the_one_request() -> None:
    story = Story()
    planned = rollout(state=Rolls.PLANNED, wave=-1)
    story.comes(finding(), stands=standing(), rolls=planned)
    story.comes(finding(number=2), stands=standing(), rolls=planned)

    assert [request.hastens for request in story.requests] == [planned.rollout_id]
    assert story.tells() == ["TellRequested"]


def test_a_planned_rollout_is_hastened_to_the_newest_release() -> None:
    story = Story()
    story.comes(finding(), stands=standing(target=NEWER_TARGET), rolls=rollout(state=Rolls.PLANNED, wave=-1))

    assert [(request.target, request.hastens) for request in story.requests] == [(NEWER_TARGET, "al2023-0123456789ab")]


def test_a_rollout_that_has_started_a_group_is_joined_though_no_wave_is_said_to_have_begun() -> None:
    planned = rollout(state=Rolls.PLANNED, wave=-1)
    other = replace(planned.groups[WORKERS], key=replace(WORKERS, name="other"), started_at=NOW)
    story = Story()
    story.comes(finding(), stands=standing(), rolls=replace(planned, groups={**planned.groups, other.key: other}))

    assert (story.requests, story.tells()) == ([], ["JoinRollout"])


@pytest.mark.parametrize("state", [Rolls.PAUSED, Rolls.ABORTING])
def test_a_rollout_that_a_person_stopped_is_joined_as_nothing_hastens_it(state: Rolls) -> None:
    story = Story()
    story.comes(finding(), stands=standing(), rolls=rollout(state=state, wave=-1))

    assert (story.requests, story.tells()) == ([], ["JoinRollout"])


def test_a_rollout_that_is_halted_is_joined_with_the_advice_to_resume_it() -> None:
    story = Story()
    story.comes(finding(), stands=standing(), rolls=rollout(state=Rolls.HALTED))

    assert story.now.advice == "Resume the rollout al2023-0123456789ab to have it rolled."


def test_the_rollout_that_was_asked_for_is_not_told_again_when_it_comes() -> None:
    story = Story()
    story.comes(finding(), stands=standing())
    story.comes(finding(number=2), stands=standing(), rolls=rollout(urgent=True))

    assert (story.now.state, story.tells()) == (State.IN_ROLLOUT, ["TellRequested"])


def test_a_rollout_to_an_older_release_is_joined_and_the_newer_asked_for_when_it_is_through() -> None:
    story = Story()
    newer = standing(target=NEWER_TARGET)
    story.comes(finding(), stands=newer, rolls=rollout())
    assert story.requests == []

    story.comes(stands=newer, rolls=rollout(GroupState.DONE, Rolls.FINISHED), at=NOW + DAY)

    assert [request.target.release_version for request in story.requests] == [NEWER]


def test_a_superseded_rollout_is_none() -> None:
    story = Story()
    story.comes(finding(), stands=standing(), rolls=rollout(state=Rolls.SUPERSEDED, wave=-1))

    assert [request.hastens for request in story.requests] == [""]


@pytest.mark.parametrize(
    ("group_state", "state", "advice"),
    [
        (GroupState.FAILED, Rolls.ROLLING, "Mend what stood in its way"),
        (GroupState.SKIPPED, Rolls.ROLLING, "Mend what stood in its way"),
        (GroupState.LEFT_ALONE, Rolls.FINISHED, "Mend what stood in its way"),
        (GroupState.WAITING, Rolls.ABORTED, "Mend what stood in its way"),
        (GroupState.DONE, Rolls.FINISHED, "Something put it back"),
    ],
)
def test_a_group_that_a_rollout_is_through_with_is_told_and_not_asked_for_again(
    group_state: GroupState, state: Rolls, advice: str
) -> None:
    story = Story()
    story.comes(finding(), stands=standing(), rolls=rollout(group_state, state))

    assert (story.requests, story.now.state) == ([], State.NOT_ROLLED)
    assert story.now.advice.startswith(advice)


def test_a_group_that_may_return_is_asked_for() -> None:
    story = Story()
    story.comes(finding(), stands=standing(), rolls=rollout(GroupState.LEFT_ALONE, Rolls.FINISHED, may_return=True))

    assert len(story.requests) == 1


# A group that is not rolled


@pytest.mark.parametrize(
    "state",
    [
        Stands.NO_WAVE,
        Stands.TRIED,
        Stands.HELD,
        Stands.PINNED,
        Stands.CUSTOM,
        Stands.UNKNOWN_TYPE,
        Stands.NO_TARGET,
        Stands.UNREADABLE,
        Stands.ENDED,
        Stands.AHEAD_OF_CONTROL_PLANE,
        Stands.NOT_IN_SERVICE,
    ],
)
def test_a_group_that_is_kept_back_is_told_once_with_the_advice_and_not_rolled(state: Stands) -> None:
    story = Story()
    for number in range(5):
        story.comes(finding(number=number), stands=standing(state))

    assert story.requests == []
    assert story.told == [TellNotRolled(reason=f"it is {state}", advice="do this", cves=(CVE,))]


@pytest.mark.parametrize(
    "hosts",
    [
        KARPENTER,
        Unmanaged(cluster="demo", kind=HostKind.AUTO_MODE, where=""),
        Unmanaged(cluster="demo", kind=HostKind.SELF_MANAGED, where="asg"),
    ],
    ids=lambda hosts: str(hosts.kind),
)
def test_hosts_of_no_managed_node_group_are_recorded_and_told_once_with_the_advice(hosts: Unmanaged) -> None:
    story = Story(hosts=hosts)
    story.comes(finding(number=1))
    story.comes(finding(number=2))

    assert (len(story.records), story.requests) == (2, [])
    reason, advice = NOT_ASKED_FOR.get(hosts.kind, (hosts.reason, hosts.advice))
    assert story.told == [TellNotRolled(reason=reason, advice=advice, cves=(CVE,))]


def test_a_group_that_is_gone_is_recorded_without_a_word() -> None:
    story = Story()
    story.comes(finding())

    assert (story.now.state, story.told, story.requests) == (State.GONE, [], [])


def test_a_group_that_comes_into_a_wave_is_asked_for_then() -> None:
    story = Story()
    story.comes(finding(), stands=standing(Stands.NO_WAVE))
    story.comes(stands=standing(), at=NOW + HOUR)

    assert story.tells() == ["TellNotRolled", "TellRequested"]
    assert len(story.requests) == 1


# A group on its target


@pytest.mark.parametrize("state", [Stands.CURRENT, Stands.AHEAD, Stands.RUNS_RECALLED])
def test_a_group_on_its_target_waits_for_an_ami_with_its_vulnerabilities_and_that_is_told_once(state: Stands) -> None:
    story = Story(NEW_AMI)
    story.comes(finding(), finding(number=2, cve=OTHER_CVE), stands=standing(state, runs=NEW))
    story.comes(finding(number=3), stands=standing(state, runs=NEW), at=NOW + DAY)

    assert story.requests == []
    assert story.told == [WaitForAmi(release_version=NEW, reason=f"it is {state}", cves=(CVE, OTHER_CVE))]
    assert story.now.urgent == {CVE: 2, OTHER_CVE: 1}


@pytest.mark.parametrize("state", [Stands.TARGET_RECALLED, Stands.IMAGE_UNUSABLE])
def test_a_group_whose_target_cannot_be_used_waits_for_an_ami(state: Stands) -> None:
    story = Story()
    story.comes(finding(), stands=standing(state))

    assert (story.requests, story.tells()) == ([], ["WaitForAmi"])


def test_a_group_that_waits_is_asked_for_when_the_next_release_comes() -> None:
    story = Story(NEW_AMI)
    story.comes(finding(), stands=ON_TARGET)
    story.comes(stands=standing(runs=NEW, target=NEWER_TARGET), at=NOW + DAY)

    assert story.tells() == ["WaitForAmi", "TellRequested"]
    assert [request.target.release_version for request in story.requests] == [NEWER]


def test_a_group_that_was_rolled_long_enough_ago_is_told_that_the_new_ami_does_not_fix_it() -> None:
    story = Story(NEW_AMI)
    done = rollout(GroupState.DONE, Rolls.FINISHED, finished_at=NOW)
    story.comes(finding(), stands=ON_TARGET, rolls=done, at=NOW + HOUR)
    story.comes(stands=ON_TARGET, rolls=done, at=NOW + 2 * DAY - MINUTE)
    assert story.tells() == ["WaitForAmi"]

    story.comes(stands=ON_TARGET, rolls=done, at=NOW + 2 * DAY)
    story.comes(stands=ON_TARGET, rolls=done, at=NOW + 3 * DAY)

    (_, told) = story.told
    assert isinstance(told, TellNotFixed)
    assert told.reason == f"it runs {NEW} since 2026-11-24 09:00 UTC: the new AMI does not fix it"
    assert story.now.state is State.NOT_FIXED


def test_when_the_roll_is_remembered_the_rollout_need_not_be() -> None:
    story = Story(NEW_AMI)
    story.comes(finding(), stands=ON_TARGET, rolls=rollout(GroupState.DONE, Rolls.FINISHED, finished_at=NOW))
    story.comes(stands=ON_TARGET, at=NOW + 2 * DAY)

    assert story.now.state is State.NOT_FIXED


def test_a_group_that_runs_what_there_is_and_was_not_rolled_by_us_waits_however_long() -> None:
    story = Story(NEW_AMI)
    story.comes(finding(), stands=ON_TARGET)
    story.comes(stands=ON_TARGET, at=NOW + 20 * DAY)

    assert (story.now.state, story.tells()) == (State.WAITING, ["WaitForAmi"])


def test_findings_of_the_ami_before_are_waited_for_in_silence_after_the_roll() -> None:
    story = Story(OLD_AMI)
    story.comes(finding(), stands=standing())
    story.comes(
        stands=ON_TARGET, rolls=rollout(GroupState.DONE, Rolls.FINISHED, finished_at=NOW + HOUR), at=NOW + 2 * HOUR
    )

    assert (story.now.state, story.tells()) == (State.ROLLED, ["TellRequested"])


def test_findings_of_the_ami_before_that_stay_are_told_as_hosts_that_were_left_behind() -> None:
    story = Story(OLD_AMI)
    story.comes(finding(), stands=ON_TARGET, at=NOW)
    story.comes(stands=ON_TARGET, at=NOW + 2 * DAY)

    (told,) = story.told
    assert isinstance(told, TellNotFixed)
    assert told.reason.endswith("hosts of the AMI before are still reported")


def test_hosts_of_an_ami_that_nobody_names_wait_with_the_group() -> None:
    story = Story(UNKNOWN_IMAGE)
    story.comes(finding(image_id=""), stands=ON_TARGET)

    assert story.now.state is State.WAITING


def test_hosts_of_a_group_that_is_ahead_wait_whatever_image_its_target_has() -> None:
    story = Story(OLD_AMI)
    story.comes(finding(), stands=standing(Stands.AHEAD, runs=NEWER))

    assert story.now.state is State.WAITING


@pytest.mark.parametrize(
    "rolls",
    [
        rollout(GroupState.DONE, Rolls.FINISHED, target=NEWER_TARGET, finished_at=NOW - 9 * DAY),
        rollout(GroupState.FAILED, Rolls.FINISHED, finished_at=NOW - 9 * DAY),
    ],
    ids=["to another release", "that failed"],
)
def test_a_rollout_that_did_not_bring_what_the_group_runs_does_not_say_since_when(rolls: Rollout) -> None:
    story = Story(NEW_AMI)
    story.comes(finding(), stands=ON_TARGET, rolls=rolls)

    assert (story.now.state, story.now.rolled_at) == (State.WAITING, None)


def test_another_release_forgets_when_the_one_before_was_rolled() -> None:
    story = Story(NEW_AMI)
    story.comes(finding(), stands=ON_TARGET, rolls=rollout(GroupState.DONE, Rolls.FINISHED, finished_at=NOW))
    newer = standing(Stands.CURRENT, runs=NEWER, target=replace(NEWER_TARGET, image_id=None))
    story.comes(stands=newer, at=NOW + 5 * DAY)

    assert (story.now.state, story.now.rolled_at) == (State.WAITING, None)


# Closing


def test_the_last_finding_that_is_closed_closes_the_incident_and_tells_the_time_it_took() -> None:
    story = Story()
    story.comes(finding(number=1), finding(number=2), stands=standing())
    story.comes(finding(CLOSED, number=1, updated_at=NOW + DAY), stands=ON_TARGET, at=NOW + DAY)
    assert story.now.state is State.ROLLED

    story.comes(finding(CLOSED, number=2, updated_at=NOW + 2 * DAY), stands=ON_TARGET, at=NOW + 2 * DAY)

    (*_, told) = story.told
    assert told == Close(took=2 * DAY + HOUR, reason="Inspector has closed all findings", cves=(CVE,))
    assert (story.now.state, story.now.open, story.now.urgent) == (State.CLOSED, 0, {})


def test_a_suppressed_finding_is_not_there_any_more() -> None:
    story = Story()
    story.comes(finding(), stands=standing())
    story.comes(finding(SUPPRESSED, updated_at=NOW + HOUR), stands=standing(), at=NOW + HOUR)

    assert (story.now.state, story.tells()) == (State.CLOSED, ["TellRequested", "Close"])


def test_an_incident_that_nobody_heard_of_closes_in_silence() -> None:
    story = Story()
    story.comes(finding(severity=Severity.LOW), stands=standing())
    story.comes(finding(CLOSED, severity=Severity.LOW, updated_at=NOW + HOUR), stands=standing())

    assert (story.now.state, story.told) == (State.CLOSED, [])


def test_when_only_what_is_not_urgent_is_left_the_incident_is_over() -> None:
    story = Story()
    story.comes(finding(number=1), finding(number=2, cve=OTHER_CVE, severity=Severity.LOW), stands=standing())
    story.comes(finding(CLOSED, number=1, updated_at=NOW + HOUR), stands=standing())

    assert (story.now.state, story.now.open) == (State.RECORDED, 1)
    assert story.tells() == ["TellRequested", "Close"]


def test_closed_before_active_stays_closed() -> None:
    story = Story()
    story.comes(finding(CLOSED, updated_at=NOW + HOUR), stands=standing())
    story.comes(finding(updated_at=NOW), stands=standing())

    assert (story.now.state, story.now.open, story.requests, story.told) == (State.CLOSED, 0, [], [])


def test_of_two_words_of_one_moment_closed_is_the_last() -> None:
    for order in ((finding(), finding(CLOSED)), (finding(CLOSED), finding())):
        story = Story()
        for each in order:
            story.comes(each, stands=standing())

        assert story.now.open == 0


def test_a_closed_incident_that_a_newer_finding_opens_is_told_again() -> None:
    story = Story(NEW_AMI)
    story.comes(finding(), stands=ON_TARGET)
    story.comes(finding(CLOSED, updated_at=NOW + HOUR), stands=ON_TARGET)
    story.comes(finding(updated_at=NOW + DAY), stands=standing(Stands.NO_WAVE), at=NOW + DAY)

    assert (story.now.state, story.now.round) == (State.NOT_ROLLED, 2)
    assert story.tells() == ["WaitForAmi", "Close", "TellNotRolled"]


def test_what_opens_and_closes_each_night_is_told_for_three_nights_and_then_once_a_week() -> None:
    story = Story(NEW_AMI)
    told = []
    for night in range(20):
        at = NOW + night * DAY
        story.comes(finding(number=night, updated_at=at), stands=ON_TARGET, at=at)
        story.comes(finding(CLOSED, number=night, updated_at=at + HOUR), stands=ON_TARGET, at=at + HOUR)

        told += [night] * bool(story.now.told)

    assert told == [0, 1, 2, 10, 18]
    assert story.tells() == ["WaitForAmi", "Close"] * len(told)
    assert story.now.state is State.CLOSED


def test_after_three_nights_what_was_never_said_of_it_is_told() -> None:
    story = Story(NEW_AMI)
    for night in range(4):
        at = NOW + night * DAY
        story.comes(finding(number=night, updated_at=at), stands=ON_TARGET, at=at)
        story.comes(finding(CLOSED, number=night, updated_at=at + HOUR), stands=ON_TARGET, at=at + HOUR)
    story.comes(finding(number=9, updated_at=NOW + 4 * DAY), stands=standing(Stands.HELD), at=NOW + 4 * DAY)

    assert story.tells()[-1] == "TellNotRolled"


def test_what_opens_again_after_months_is_told_however_often() -> None:
    story = Story(NEW_AMI)
    for number in range(5):
        at = NOW + number * 80 * DAY
        story.comes(finding(number=number, updated_at=at), stands=ON_TARGET, at=at)
        story.comes(finding(CLOSED, number=number, updated_at=at + HOUR), stands=ON_TARGET, at=at + HOUR)

    assert story.tells() == ["WaitForAmi", "Close"] * 5


@pytest.mark.parametrize("stands", [ON_TARGET, standing(Stands.NO_WAVE), standing(Stands.HELD)], ids=str)
def test_what_is_found_later_where_nothing_comes_of_it_is_told_by_itself_once_a_day(stands: Standing) -> None:
    story = Story(NEW_AMI)
    story.comes(finding(number=1), stands=stands)
    story.comes(finding(number=2, cve=OTHER_CVE), stands=stands, at=NOW + HOUR)
    assert len(story.told) == 1
    for hours in (24, 25):
        story.comes(stands=stands, sweep=True, at=NOW + hours * HOUR)

    _, later = story.told
    assert isinstance(later, WaitForAmi | TellNotRolled)
    assert later.cves == (OTHER_CVE,)


def test_a_vulnerability_that_is_found_long_after_the_roll_waits_for_the_next_ami() -> None:
    story = Story(NEW_AMI)
    rolled = rollout(GroupState.DONE, Rolls.FINISHED, finished_at=NOW - 10 * DAY)
    story.comes(finding(first_observed_at=NOW), stands=ON_TARGET, rolls=rolled)
    assert story.tells() == ["WaitForAmi"]
    story.comes(stands=ON_TARGET, rolls=rolled, sweep=True, at=NOW + 2 * DAY)

    assert story.tells() == ["WaitForAmi", "TellNotFixed"]


def test_what_is_found_later_in_what_the_new_ami_does_not_fix_waits_for_the_next() -> None:
    story = Story(NEW_AMI)
    rolled = rollout(GroupState.DONE, Rolls.FINISHED, finished_at=NOW - 3 * DAY)
    story.comes(finding(first_observed_at=NOW - 3 * DAY), stands=ON_TARGET, rolls=rolled)
    later = finding(number=2, cve=OTHER_CVE, first_observed_at=NOW + 2 * DAY)
    story.comes(later, stands=ON_TARGET, rolls=rolled, at=NOW + 2 * DAY)

    assert story.tells() == ["TellNotFixed", "WaitForAmi"]
    assert story.told[-1].cves == (OTHER_CVE,)  # type: ignore[union-attr]


def test_the_end_is_of_what_was_urgent_and_of_this_time_only() -> None:
    story = Story(NEW_AMI)
    low = finding(number=1, severity=Severity.LOW, cve="CVE-2026-10009", first_observed_at=NOW - 300 * DAY)
    before = finding(number=2, cve=OTHER_CVE, first_observed_at=NOW - 100 * DAY, updated_at=NOW - 100 * DAY)
    story.comes(low, before, stands=ON_TARGET)
    story.comes(replace(before, status=CLOSED, updated_at=NOW - 99 * DAY), stands=ON_TARGET)
    story.comes(finding(number=3, first_observed_at=NOW), stands=ON_TARGET)
    closed = finding(CLOSED, number=3, first_observed_at=NOW, updated_at=NOW + HOUR)
    story.comes(closed, stands=ON_TARGET, at=NOW + HOUR)

    first, last = (told for told in story.told if isinstance(told, Close))
    assert (first.cves, first.took) == ((OTHER_CVE,), DAY)
    assert (last.cves, last.took) == ((CVE,), HOUR)


def test_what_a_rollout_left_alone_for_what_may_pass_is_asked_for_once_more() -> None:
    story = Story()
    story.comes(finding(), stands=standing())
    left = rollout(GroupState.LEFT_ALONE, Rolls.FINISHED, urgent=True, may_return=True)
    for hours in (1, 2):
        story.comes(stands=standing(), rolls=left, sweep=True, at=NOW + hours * HOUR)

    assert len(story.requests) == 2
    assert story.now.state is State.REQUESTED


def test_a_rollout_that_began_before_it_was_hastened_is_told_as_it_is_not_urgent() -> None:
    story = Story()
    story.comes(finding(), stands=standing(), rolls=rollout(state=Rolls.PLANNED, wave=-1))
    story.comes(stands=standing(), rolls=rollout(), sweep=True, at=NOW + HOUR)

    assert story.tells() == ["TellRequested", "JoinRollout"]


def test_what_is_suppressed_at_the_end_is_not_said_to_be_closed() -> None:
    story = Story(NEW_AMI)
    story.comes(finding(), stands=ON_TARGET)
    story.comes(finding(Status.SUPPRESSED), stands=ON_TARGET)

    close = story.told[-1]
    assert isinstance(close, Close)
    assert close.reason == "what was active last is suppressed in Inspector"


def test_after_that_a_vulnerability_of_which_nobody_was_told_is_told() -> None:
    story = Story(NEW_AMI)
    for night in range(10):
        at = NOW + night * DAY
        story.comes(finding(number=night, updated_at=at), stands=ON_TARGET, at=at)
        story.comes(finding(CLOSED, number=night, updated_at=at + HOUR), stands=ON_TARGET, at=at + HOUR)
    story.comes(finding(number=99, cve=OTHER_CVE, updated_at=NOW + 10 * DAY), stands=ON_TARGET, at=NOW + 10 * DAY)

    told = story.told[-1]
    assert isinstance(told, WaitForAmi)
    assert told.cves == (OTHER_CVE,)


# Delivered twice


def test_the_same_batch_again_changes_nothing_and_tells_nobody() -> None:
    story = Story()
    batch = [finding(number=number) for number in range(10)]
    story.comes(*batch, stands=standing())
    again = story.comes(*batch, *batch, stands=standing(), at=NOW + MINUTE)

    assert (again.actions, again.changed) == ((), False)
    assert replace(story.now, news=()) == again.incident


def test_a_try_that_died_before_it_was_written_is_made_again_with_the_same_request() -> None:
    died, again = Story(), Story()
    died.comes(finding(), stands=standing())
    again.comes(finding(), stands=standing(), at=NOW + MINUTE)

    assert died.requests == again.requests


def test_a_request_comes_before_the_record_that_would_hide_it() -> None:
    kinds = [type(action) for action in Story().comes(finding(), stands=standing()).actions]

    assert kinds.index(RequestUrgent) < kinds.index(RecordFinding)


def test_what_is_to_be_told_is_read_from_what_was_written() -> None:
    decision = Story().comes(finding(), stands=standing())

    assert tellings(decision.incident) == decision.actions[-1:]


def test_a_finding_that_changes_nothing_of_the_state_is_written_with_nothing_to_tell() -> None:
    story = Story()
    story.comes(finding(), stands=standing())
    second = story.comes(finding(number=2), stands=standing())

    assert (second.changed, second.incident.news, second.incident.messages) == (True, (), 1)


# Network reachability

SSH = frozenset({"TCP/22"})


def test_a_port_that_is_reachable_has_the_groups_on_the_way_judged_before_it_is_recorded() -> None:
    decision = Story(NETWORK).comes(reachable())

    assert decision.actions[0] == JudgeGroups((GROUP_ID,), ())
    assert [type(action) for action in decision.actions[1:]] == [RecordFinding]
    assert (decision.incident.state, decision.incident.urgent) == (State.REACHABLE, {"TCP/22": 1})


def test_a_way_that_names_no_group_has_those_of_its_interfaces_judged() -> None:
    decision = Story(NETWORK).comes(reachable(groups=()))

    assert decision.actions[0] == JudgeGroups((), (INTERFACE_ID,))


def test_forty_hosts_behind_one_group_have_it_judged_once() -> None:
    decision = Story(NETWORK).comes(*(reachable(number=number) for number in range(40)))

    assert [action for action in decision.actions if isinstance(action, JudgeGroups)] == [JudgeGroups((GROUP_ID,), ())]


def test_a_delivery_again_has_nothing_judged() -> None:
    story = Story(NETWORK)
    story.comes(reachable())

    assert story.comes(reachable()).actions == ()


def test_a_port_that_was_closed_meanwhile_has_nothing_judged() -> None:
    story = Story(NETWORK)
    decision = story.comes(replace(reachable(), status=CLOSED))

    assert [type(action) for action in decision.actions] == [RecordFinding]


def test_where_no_group_is_to_blame_people_hear_that_it_is_something_else_once() -> None:
    story = Story(NETWORK)
    for number in range(3):
        story.comes(reachable(number=number))
        story.written(judged(story.now, (), SSH, NOW))

    (told,) = story.told
    assert isinstance(told, TellNotToBlame)
    assert (told.opens, told.reason) == (("TCP/22",), "no rule of the security groups on the way offends")
    assert story.now.state is State.NOT_TO_BLAME


def test_where_a_group_is_to_blame_that_is_told_by_itself() -> None:
    story = Story(NETWORK)
    story.comes(reachable())
    story.written(judged(story.now, (GROUP_ID,), frozenset(), NOW))

    assert (story.now.state, story.now.reason, story.told) == (
        State.REACHABLE,
        f"a rule offends in {GROUP_ID}",
        [],
    )


def test_what_no_rule_lets_in_is_told_beside_what_one_does_and_at_once() -> None:
    story = Story(NETWORK)
    story.comes(reachable(), reachable(number=2, port=8443))
    story.written(judged(story.now, (GROUP_ID,), frozenset({"TCP/8443"}), NOW))
    story.comes(reachable(number=3, port=3389), at=NOW + MINUTE)
    story.written(judged(story.now, (), frozenset({"TCP/3389"}), NOW + MINUTE))

    assert [told.opens for told in story.told if isinstance(told, TellNotToBlame)] == [("TCP/8443",), ("TCP/3389",)]


def test_what_is_reached_days_after_its_groups_were_judged_is_told_once() -> None:
    story = Story(NETWORK)
    story.comes(reachable())
    story.written(judged(story.now, (GROUP_ID,), frozenset(), NOW))
    for days in range(1, 6):
        story.comes(at=NOW + days * DAY)

    (told,) = story.told
    assert isinstance(told, TellNotToBlame)
    assert (
        told.reason
        == f"a rule offends in {GROUP_ID}, and Inspector reaches it all the same, since 2026-11-24 09:00 UTC"
    )


def test_where_inspector_names_no_group_nor_interface_none_is_to_blame() -> None:
    story = Story(NETWORK)
    story.comes(reachable(groups=(), interfaces=()))

    assert (story.now.state, story.tells()) == (State.NOT_TO_BLAME, ["TellNotToBlame"])


def test_when_inspector_no_longer_reaches_the_host_that_is_told() -> None:
    story = Story(NETWORK)
    story.comes(reachable())
    story.written(judged(story.now, (GROUP_ID,), frozenset(), NOW))
    story.comes(replace(reachable(), status=CLOSED, updated_at=NOW + HOUR))

    (told,) = story.told
    assert isinstance(told, Close)
    assert told.took == 2 * HOUR


def test_what_was_closed_before_its_groups_were_judged_stays_closed() -> None:
    story = Story(NETWORK)
    story.comes(reachable())
    story.comes(replace(reachable(), status=CLOSED, updated_at=NOW + HOUR))
    late = judged(story.now, (), SSH, NOW + HOUR)

    assert (late.changed, late.actions, late.incident.state) == (False, (), State.CLOSED)


def test_hosts_that_are_none_of_eks_have_their_groups_judged_too() -> None:
    assert groups_to_judge([reachable()]) == JudgeGroups((GROUP_ID,), ())
    assert groups_to_judge([finding()]) is None


# Which incident, and which release


def test_findings_of_one_group_and_image_are_one_incident_and_of_another_image_another() -> None:
    assert incident_key(finding(number=1), WORKERS) == incident_key(finding(number=2, cve=OTHER_CVE), WORKERS)
    assert incident_key(finding(), WORKERS) != incident_key(finding(image_id=NEW_AMI), WORKERS)
    assert incident_key(finding(image_id=""), WORKERS).about == UNKNOWN_IMAGE
    assert incident_key(reachable(), WORKERS).about == NETWORK


def test_an_incidents_id_is_the_same_each_time_and_another_for_other_hosts() -> None:
    ids = {
        key(hosts=hosts).incident_id
        for hosts in (WORKERS, replace(WORKERS, name="other"), KARPENTER, replace(KARPENTER, where="other"))
    }

    assert len(ids) == 4
    assert key().incident_id == key().incident_id
    assert key().incident_id.startswith(OLD_AMI)


def released(release: str = NEWER, ami_type: str = "AL2023_x86_64_STANDARD", minor: str = "1.33") -> Released:
    return Released(account=ACCOUNT, region=REGION, ami_type=ami_type, minor=minor, release_version=release)


def waiting(about: str = NEW_AMI) -> Incident:
    story = Story(about)
    story.comes(finding(), stands=ON_TARGET)
    return story.now


def test_a_release_names_the_incidents_that_wait_for_it() -> None:
    incident = waiting()

    assert names_for_release([incident], released()) == (incident,)
    assert names_for_release([incident], released(release=NEW)) == ()
    assert names_for_release([incident], released(minor="1.34")) == ()
    assert names_for_release([incident], released(ami_type="BOTTLEROCKET_x86_64")) == ()
    assert names_for_release([incident], replace(released(), region="eu-west-1")) == ()


def test_a_release_names_what_waits_or_is_not_fixed_and_nothing_else() -> None:
    named = {state for state in State if names_for_release([replace(waiting(), state=state)], released())}

    assert named == {State.WAITING, State.NOT_FIXED}


def test_a_release_says_of_what_waits_whose_it_is_and_the_first_of_what_it_is_about() -> None:
    story = Story(NEW_AMI)
    story.comes(*(finding(number=n, cve=f"CVE-2026-{20000 + n}") for n in range(9)), stands=ON_TARGET)

    (named,) = may_close([story.now], released())

    assert (named.incident_id, named.cluster, named.node_group) == (story.key.incident_id, "demo", "workers")
    assert named.about == ("CVE-2026-20000", "CVE-2026-20001", "CVE-2026-20002")
