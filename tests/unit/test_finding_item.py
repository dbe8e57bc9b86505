"""What is written of incidents, findings and requests is read back as it was, and as exactly."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodewarden.ami_release.unmanaged import Kind as HostKind
from nodewarden.ami_release.unmanaged import Unmanaged
from nodewarden.aws.dynamodb import marshal, unmarshal
from nodewarden.errors import LedgerError
from nodewarden.finding_item import finding_item, incident_item, read_finding, read_incident, trigger_of
from nodewarden.inspector_finding.action import RequestUrgent
from nodewarden.inspector_finding.event import HIGHEST_SCORE
from nodewarden.inspector_finding.finding import Status
from nodewarden.inspector_finding.incident import OVER, Change, Incident, State
from nodewarden.inspector_finding.merge import Record, record
from nodewarden.urgent_request_item import read_asked, request_item
from tests.unit.inspector_finding_builders import (
    CVE,
    DAY,
    KARPENTER,
    NEW,
    NOW,
    TARGET,
    WORKERS,
    finding,
    key,
    reachable,
)

if TYPE_CHECKING:
    from nodewarden.inspector_finding.host import Hosts

RETENTION = timedelta(days=400)
ENDS = int((NOW + RETENTION).timestamp())
REQUEST = RequestUrgent(request_id="urgent-1", node_group=WORKERS, target=TARGET, cves=(CVE,), hastens="al2023-1")
FULL = Incident(
    key=key(),
    state=State.IN_ROLLOUT,
    reason="the rollout goes on",
    advice="wait",
    open=3,
    urgent={CVE: 2},
    first_observed_at=NOW - DAY,
    last_change_at=NOW + timedelta(microseconds=123456),
    changed_at=NOW,
    target=NEW,
    rollout_id="al2023-0123456789ab",
    requested=frozenset({NEW}),
    ami_type="AL2023_x86_64_STANDARD",
    minor="1.33",
    release_version="1.33.5-20261101",
    rolled_at=NOW - DAY,
    round=2,
    told=frozenset({f"roll {NEW}"}),
    ever_told=frozenset({f"roll {NEW}", "over "}),
    told_of=frozenset({CVE}),
    told_at=NOW - DAY,
    concerned=frozenset({CVE}),
    news=(Change(state=State.IN_ROLLOUT, about=NEW, only=(CVE,)),),
    messages=4,
    version=7,
)


def incident_again(incident: Incident) -> Incident:
    return read_incident(unmarshal(marshal(incident_item(incident, NOW, RETENTION))))


def record_again(written: Record) -> Record:
    item = {**finding_item(written, key(), NOW, RETENTION), "writes": 1}
    return read_finding(unmarshal(marshal(item))).record


@pytest.mark.parametrize("incident", [Incident(key=key()), FULL], ids=["of defaults", "of everything"])
def test_an_incident_is_read_as_it_was_written(incident: Incident) -> None:
    assert incident_again(incident) == incident


def test_the_incident_of_everything_has_no_default() -> None:
    blank = Incident(key=key())
    same = [each.name for each in fields(Incident) if getattr(FULL, each.name) == getattr(blank, each.name)]

    assert same == ["key", "schema"]


@pytest.mark.parametrize(
    "whose", [WORKERS, KARPENTER, *(Unmanaged(cluster="demo", kind=kind, where="") for kind in HostKind)]
)
def test_whose_an_incident_is_is_read_as_it_was_written(whose: Hosts) -> None:
    assert incident_again(Incident(key=key(hosts=whose))).key == key(hosts=whose)


@given(
    st.floats(0, HIGHEST_SCORE) | st.none(),
    st.floats(0.0001, 1) | st.none(),
    st.timedeltas(timedelta(0), timedelta(days=9)),
)
def test_a_finding_is_read_as_it_was_written_so_that_what_comes_again_is_seen_to_be_the_same(
    score: float | None, epss: float | None, after: timedelta
) -> None:
    known = record(finding(updated_at=NOW + after))
    assert known.risk
    known = replace(known, risk=replace(known.risk, score=score and round(score, 6), epss=epss and round(epss, 9)))

    assert record_again(known) == known


@pytest.mark.parametrize("written", [record(reachable()), replace(record(finding()), kind=None, risk=None)])
def test_a_record_of_another_kind_is_read_as_it_was_written(written: Record) -> None:
    assert record_again(written) == written


def test_a_record_says_whose_it_is_and_is_listed_under_its_incident() -> None:
    item = {**finding_item(record(finding()), key(), NOW, RETENTION), "writes": 3}

    assert (read_finding(item).key, read_finding(item).writes) == (key(), 3)
    assert item["trigger"] == trigger_of(key())


def test_a_record_of_a_host_that_is_gone_is_nobodys_and_goes_in_the_end() -> None:
    item = {**finding_item(record(finding()), None, NOW, RETENTION), "writes": 1}

    assert read_finding(item).key is None
    assert item["ttl"] == ENDS
    assert "trigger" not in item


@pytest.mark.parametrize(("status", "goes"), [(Status.ACTIVE, None), (Status.CLOSED, ENDS), (Status.SUPPRESSED, ENDS)])
def test_a_record_goes_when_it_is_over(status: Status, goes: int | None) -> None:
    assert finding_item(record(finding(status)), key(), NOW, RETENTION).get("ttl") == goes


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("count", [0, 2])
def test_an_incident_is_looked_at_again_until_it_is_over_and_nothing_is_open(state: State, count: int) -> None:
    item = incident_item(replace(FULL, state=state, open=count), NOW, RETENTION)
    over = state in OVER and not count

    assert (item.get("unsettled"), item.get("ttl")) == ((None, ENDS) if over else ("inspector_finding", None))


def test_neither_records_nor_requests_have_a_version_as_nobody_is_told_of_them() -> None:
    assert "version" not in finding_item(record(finding()), key(), NOW, RETENTION)
    assert "version" not in request_item(REQUEST, NOW, RETENTION)


def test_a_request_is_read_as_it_was_written_and_waits_to_be_taken() -> None:
    item = request_item(REQUEST, NOW, RETENTION)

    assert read_asked(unmarshal(marshal(item))).request == REQUEST
    assert item["unsettled"] == "request"


@pytest.mark.parametrize("missing", ["state", "urgent", "hosts", "news"])
def test_an_incident_that_lacks_something_is_not_guessed(missing: str) -> None:
    item = incident_item(FULL, NOW, RETENTION)
    del item[missing]

    with pytest.raises(LedgerError, match="cannot be understood"):
        read_incident(item)


def test_what_a_newer_nodewarden_wrote_is_not_read() -> None:
    with pytest.raises(LedgerError, match="newer Nodewarden"):
        read_finding({**finding_item(record(finding()), key(), NOW, RETENTION), "writes": 1, "schema": 2})
