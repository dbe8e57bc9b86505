"""Hosts that Inspector does not scan: told once for each reason, over when they are scanned again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nodewarden.inspector_finding.action import Close, RecordFinding, TellNotScanned
from nodewarden.inspector_finding.coverage import coverage_key, decide_coverage, records
from nodewarden.inspector_finding.finding import Coverage
from nodewarden.inspector_finding.incident import COVERAGE, State
from nodewarden.inspector_finding.scan import NO_HOST, PASSING, advice_on
from tests.unit.inspector_finding_builders import ACCOUNT, DAY, HOUR, KARPENTER, NOW, REGION, WORKERS, Story

if TYPE_CHECKING:
    from datetime import datetime

    from nodewarden.inspector_finding.decision import Decision

UNMANAGED, STALE = "UNMANAGED_EC2_INSTANCE", "STALE_INVENTORY"


def says(
    reason: str = UNMANAGED, *hosts: int, active: bool = False, at: datetime = NOW, scan: str = "PACKAGE"
) -> Coverage:
    ids = tuple(f"i-{number:017x}" for number in hosts or (1,))
    return Coverage(account=ACCOUNT, region=REGION, instance_ids=ids, scan=scan, active=active, reason=reason, at=at)


def comes(story: Story, *coverages: Coverage, at: datetime = NOW) -> Decision:
    words = [record for coverage in coverages for record in records(coverage)]
    known = {word.arn: story.records[word.arn] for word in words if word.arn in story.records}
    return story.written(decide_coverage(story.key, words, story.incident, known, at))


def test_forty_hosts_that_are_not_scanned_are_told_once_with_the_advice() -> None:
    story = Story(COVERAGE)
    for number in range(40):
        comes(story, says(UNMANAGED, number))

    (told,) = story.told
    assert isinstance(told, TellNotScanned)
    assert told.reason == UNMANAGED
    assert "AmazonSSMManagedInstanceCore" in told.advice
    assert (story.now.state, story.now.urgent) == (State.NOT_SCANNED, {UNMANAGED: 40})


def test_each_reason_is_told_once() -> None:
    story = Story(COVERAGE)
    comes(story, says(UNMANAGED, 1), says(STALE, 2))
    comes(story, says(UNMANAGED, 3), says(STALE, 4))

    assert [told.reason for told in story.told if isinstance(told, TellNotScanned)] == [STALE, UNMANAGED]
    assert len(story.told) == 2


def test_when_the_last_host_is_scanned_again_that_is_told_with_the_time_it_took() -> None:
    story = Story(COVERAGE)
    comes(story, says(UNMANAGED, 1, 2))
    comes(story, says("SUCCESSFUL", 1, active=True, at=NOW + HOUR))
    assert story.tells() == ["TellNotScanned"]

    comes(story, says("SUCCESSFUL", 2, active=True, at=NOW + DAY), at=NOW + DAY)

    (_, told) = story.told
    assert isinstance(told, Close)
    assert (told.took, told.cves) == (DAY, (UNMANAGED,))
    assert story.now.state is State.CLOSED


def test_active_that_came_before_inactive_stays_active() -> None:
    story = Story(COVERAGE)
    comes(story, says("SUCCESSFUL", active=True, at=NOW + HOUR))
    comes(story, says(UNMANAGED, at=NOW))

    assert (story.now.state, story.told) == (State.CLOSED, [])


@pytest.mark.parametrize("reason", sorted(NO_HOST))
def test_a_host_that_is_no_more_or_rests_lacks_nothing(reason: str) -> None:
    story = Story(COVERAGE)
    comes(story, says(UNMANAGED))
    comes(story, says(reason, at=NOW + HOUR))

    assert (story.now.state, story.tells()) == (State.CLOSED, ["TellNotScanned", "Close"])


@pytest.mark.parametrize("reason", sorted(PASSING))
def test_what_passes_by_itself_is_not_told(reason: str) -> None:
    story = Story(COVERAGE)
    decision = comes(story, says(reason))

    assert [type(action) for action in decision.actions] == [RecordFinding]
    assert story.now.state is State.RECORDED


def test_scans_of_packages_and_of_the_network_are_two_things_of_one_host() -> None:
    story = Story(COVERAGE)
    comes(story, says(UNMANAGED, scan="PACKAGE"), says(UNMANAGED, scan="NETWORK"))
    comes(story, says("SUCCESSFUL", active=True, at=NOW + HOUR, scan="NETWORK"))

    assert story.now.urgent == {UNMANAGED: 1}


def test_a_delivery_again_changes_nothing() -> None:
    story = Story(COVERAGE)
    comes(story, says())
    again = comes(story, says(), says())

    assert (again.actions, again.changed) == ((), False)


def test_a_reason_that_is_not_known_is_told_with_where_to_look() -> None:
    assert "Account management" in advice_on("SOMETHING_NEW")


def test_an_incident_of_scans_is_another_than_those_of_findings() -> None:
    assert coverage_key(ACCOUNT, REGION, WORKERS) == Story(COVERAGE).key
    assert coverage_key(ACCOUNT, REGION, KARPENTER).incident_id != coverage_key(ACCOUNT, REGION, WORKERS).incident_id
