"""Inspector's events as EventBridge delivers them: what they say of a host; and events that nobody expects."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodewarden.errors import EventError
from nodewarden.inspector_finding.event import MOST_PACKAGES, MOST_TAGS, parse
from nodewarden.inspector_finding.finding import (
    Coverage,
    Exploit,
    Finding,
    Fix,
    Kind,
    NotAHost,
    Severity,
    Status,
)
from nodewarden.inspector_finding.moment import parse_moment
from nodewarden.security_group.rule import PortRange
from tests.unit.inspector_finding_builders import (
    ACCOUNT,
    ADMINISTRATOR,
    CVE,
    GROUP_ID,
    INSTANCE,
    INTERFACE_ID,
    OLD_AMI,
    REGION,
)

if TYPE_CHECKING:
    from collections.abc import Callable

EVENTS = Path(__file__).parents[2] / "events" / "inspector_finding"
FILES = {file.stem: json.loads(file.read_text("utf-8")) for file in sorted(EVENTS.glob("*.json"))}
IGNORED = [name for name in FILES if name.endswith("-ignored")]
TEN_MEGABYTES = "x" * 10_000_000


def event(name: str = "package-vulnerability") -> Any:
    return deepcopy(FILES[name])


def found(anything: dict[str, Any]) -> Finding:
    finding = parse(anything)
    assert isinstance(finding, Finding)
    return finding


def with_detail(**detail: object) -> dict[str, Any]:
    changed: dict[str, Any] = event()
    changed["detail"] |= detail
    return changed


def with_resource(**resource: object) -> dict[str, Any]:
    changed: dict[str, Any] = event()
    changed["detail"]["resources"][0] |= resource
    return changed


# What a finding says


def test_a_vulnerability_names_its_host_image_and_risk() -> None:
    finding = found(event())

    assert (finding.account, finding.region, finding.instance_id, finding.image_id) == (
        ACCOUNT,
        REGION,
        INSTANCE,
        OLD_AMI,
    )
    assert (finding.kind, finding.status, finding.title) == (Kind.PACKAGE, Status.ACTIVE, f"{CVE} - openssl-libs")
    assert (finding.risk.cve, finding.risk.severity, finding.risk.score, finding.risk.epss) == (
        CVE,
        Severity.CRITICAL,
        9.1,
        0.41,
    )
    assert (finding.risk.exploit_available, finding.risk.fix_available) == (Exploit.YES, Fix.YES)
    assert [(p.name, p.version, p.fixed_in) for p in finding.packages] == [
        ("openssl-libs", "3.2.2", "1:3.2.2-7.amzn2023.0.1")
    ]
    assert finding.tags is not None
    assert finding.tags["eks:nodegroup-name"] == "workers"
    assert finding.about == CVE


def test_the_administrators_copy_is_the_same_finding() -> None:
    copy = event("package-vulnerability-to-administrator")

    assert copy["account"] == ADMINISTRATOR
    assert parse(copy) == parse(event())
    assert found(copy).dedupe_key == found(event()).dedupe_key


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("package-vulnerability", Status.ACTIVE),
        ("package-vulnerability-closed", Status.CLOSED),
        ("package-vulnerability-suppressed", Status.SUPPRESSED),
    ],
)
def test_a_finding_says_how_it_stands(name: str, status: Status) -> None:
    finding = found(event(name))

    assert (finding.status, finding.arn) == (status, found(event()).arn)


def test_what_inspector_has_not_rated_is_untriaged_and_the_rest_unknown() -> None:
    finding = found(event("package-vulnerability-untriaged-without-tags"))

    assert (finding.risk.severity, finding.risk.epss, finding.risk.score) == (Severity.UNTRIAGED, None, None)
    assert (finding.risk.exploit_available, finding.risk.fix_available) == (Exploit.NO, Fix.NO)
    assert finding.tags is None


def test_a_port_that_is_reachable_names_groups_interfaces_and_ports() -> None:
    finding = found(event("network-reachability"))

    assert (finding.kind, finding.risk.cve) == (Kind.NETWORK, "")
    assert finding.path is not None
    assert (finding.path.group_ids, finding.path.interface_ids) == ((GROUP_ID,), (INTERFACE_ID,))
    assert (finding.path.ports, finding.path.opens, finding.about) == (PortRange(22, 22), "TCP/22", "TCP/22")


@pytest.mark.parametrize(
    "ports", [None, {}, {"begin": "22", "end": "22"}, {"begin": 23, "end": 22}, {"begin": -1, "end": 70000}]
)
def test_ports_that_are_none_are_all(ports: object) -> None:
    changed = event("network-reachability")
    changed["detail"]["networkReachabilityDetails"]["openPortRange"] = ports

    assert found(changed).about == "TCP/all"


def test_a_code_vulnerability_and_a_type_that_is_not_known_are_findings_too() -> None:
    assert found(with_detail(type="CODE_VULNERABILITY")).kind is Kind.CODE
    assert found(with_detail(type="SECRET_EXPOSURE")).kind is Kind.OTHER


def test_a_severity_that_is_not_known_is_untriaged() -> None:
    assert found(with_detail(severity="APOCALYPTIC")).risk.severity is Severity.UNTRIAGED


# When


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Wed Sep 04 16:59:44.356 UTC 2024", datetime(2024, 9, 4, 16, 59, 44, 356000, tzinfo=UTC)),
        ("Thu Sep 5 13:06:56 UTC 2024", datetime(2024, 9, 5, 13, 6, 56, tzinfo=UTC)),
        ("Mar 20, 2023, 6:08:05 PM", datetime(2023, 3, 20, 18, 8, 5, tzinfo=UTC)),
        ("Oct 16, 2019, 12:00:00 AM", datetime(2019, 10, 16, tzinfo=UTC)),
        ("Oct 16, 2019, 12:00:00 PM", datetime(2019, 10, 16, 12, tzinfo=UTC)),
        ("Mar 20, 2023, 6:08:05\u202fPM", datetime(2023, 3, 20, 18, 8, 5, tzinfo=UTC)),
        ("2023-01-20T22:51:35.665501Z", datetime(2023, 1, 20, 22, 51, 35, 665501, tzinfo=UTC)),
        ("2023-01-20T22:51:35+02:00", datetime(2023, 1, 20, 20, 51, 35, tzinfo=UTC)),
        ("2023-01-20T22:51:35", datetime(2023, 1, 20, 22, 51, 35, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_in_each_of_inspectors_formats(written: str, meant: datetime) -> None:
    assert parse_moment(written) == meant


@pytest.mark.parametrize(
    "written",
    [
        None,
        0,
        "",
        "yesterday",
        "Wed Foo 04 16:59:44.356 UTC 2024",
        "Wed Sep 31 16:59:44 UTC 2024",
        "Wed Sep 04 24:59:44 UTC 2024",
        "Mar 20, 2023, 13:08:05 PM",
        "Mar 20, 2023, 0:08:05 AM",
        "Wed Sep ٠٤ 16:59:44 UTC 2024",
        "0001-01-01T00:00:00+14:00",
        TEN_MEGABYTES,
    ],
    ids=lambda written: ascii(written)[:40],
)
def test_what_is_no_moment_is_none(written: object) -> None:
    assert parse_moment(written) is None


def test_without_a_word_on_when_it_was_updated_the_events_time_stands() -> None:
    finding = found(with_detail(updatedAt="soon", firstObservedAt=None, lastObservedAt=7))

    assert finding.updated_at == datetime(2026, 11, 24, 9, 0, 5, tzinfo=UTC)
    assert (finding.first_observed_at, finding.last_observed_at) == (None, None)


def test_a_word_from_the_far_future_is_of_when_it_was_sent_and_one_of_a_clock_that_is_fast_stands() -> None:
    far = found(with_detail(updatedAt="9999-12-31T23:59:59Z"))
    fast = found(with_detail(updatedAt="2026-11-24T09:30:00Z"))
    scan = parse(event("coverage-inactive") | {"detail": coverage_detail(eventTimestamp="9999-12-31T23:59:59Z")})

    assert far.updated_at == datetime(2026, 11, 24, 9, 0, 5, tzinfo=UTC)
    assert fast.updated_at == datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
    assert isinstance(scan, Coverage)
    assert scan.at == datetime(2026, 11, 24, 9, 10, 35, tzinfo=UTC)


def coverage_detail(**detail: object) -> dict[str, Any]:
    return {**event("coverage-inactive")["detail"], **detail}


@pytest.mark.parametrize("tiny", [1e-200, 5e-324])
def test_a_score_of_more_digits_than_the_table_takes_is_rounded(tiny: float) -> None:
    finding = found(with_detail(inspectorScore=tiny, epss={"score": tiny}))

    assert (finding.risk.score, finding.risk.epss) == (0.0, 0.0)
    assert found(with_detail(epss={"score": 0.123456})).risk.epss == 0.123456


def test_the_coverage_of_a_thousand_hosts_is_of_each() -> None:
    instances = [f"i-{number:017x}" for number in range(1000)]

    coverage = parse(event("coverage-inactive") | {"resources": instances})

    assert isinstance(coverage, Coverage)
    assert coverage.instance_ids == tuple(instances)


# What is no host


@pytest.mark.parametrize("name", IGNORED)
def test_what_is_no_host_is_a_value_and_no_error(name: str) -> None:
    assert isinstance(parse(event(name)), NotAHost)


def test_it_says_what_it_is() -> None:
    said = {name: parse(event(name)) for name in IGNORED}

    assert said["container-image-ignored"] == NotAHost(what="AWS_ECR_CONTAINER_IMAGE")
    assert said["lambda-function-ignored"] == NotAHost(what="AWS_LAMBDA_FUNCTION")
    assert said["azure-machine-ignored"] == NotAHost(what="Microsoft.Compute/virtualMachines of AZURE")
    assert said["image-on-demand-ignored"] == NotAHost(what="an event of inspector2.ami.ondemand")


def test_an_instance_that_another_provider_has_is_no_host() -> None:
    assert parse(with_resource(provider="AZURE")) == NotAHost(what="AWS_EC2_INSTANCE of AZURE")


def test_an_instance_whose_provider_is_not_named_is_one_of_aws() -> None:
    changed = event()
    del changed["detail"]["resources"][0]["provider"]

    assert parse(changed) == parse(event())


def test_another_kind_of_event_is_no_host() -> None:
    assert parse({**event(), "detail-type": "Inspector2 Scan"}) == NotAHost(what="an event of type Inspector2 Scan")


def test_a_host_that_is_not_the_first_resource_is_found() -> None:
    changed = event()
    changed["detail"]["resources"].insert(0, {"type": "AWS_ECR_REPOSITORY", "id": "x"})

    assert parse(changed) == parse(event())


# Coverage


def test_coverage_that_stops_says_of_which_host_and_why() -> None:
    assert parse(event("coverage-inactive")) == Coverage(
        account=ACCOUNT,
        region=REGION,
        instance_ids=(INSTANCE,),
        scan="PACKAGE",
        active=False,
        reason="UNMANAGED_EC2_INSTANCE",
        at=datetime(2026, 11, 24, 9, 10, 35, 665501, tzinfo=UTC),
    )


def test_coverage_that_is_back_says_so() -> None:
    coverage = parse(event("coverage-active"))

    assert isinstance(coverage, Coverage)
    assert coverage.active


def test_coverage_without_a_word_on_the_scan_is_refused() -> None:
    changed = event("coverage-inactive")
    changed["detail"]["scanStatus"] = {"statusCodeValue": ["ACTIVE"]}

    with pytest.raises(EventError, match="neither ACTIVE nor INACTIVE"):
        parse(changed)


# What cannot be understood

BROKEN: dict[str, tuple[Callable[[], dict[str, Any]], str]] = {
    "no account": (lambda: {**event(), "account": None}, "twelve digits"),
    "no region": (lambda: {**event(), "region": "moon"}, "not the name of one"),
    "no resources": (lambda: with_detail(resources=[]), "names no resource"),
    "resources that are none": (lambda: with_detail(resources="i-0123"), "names no resource"),
    "no detail": (lambda: {**event(), "detail": None}, "names no resource"),
    "an instance without an id": (lambda: with_resource(id="web-1"), "'web-1', which is not the id of an instance"),
    "no ARN": (lambda: with_detail(findingArn=None), "which is not the ARN of a finding"),
    "an ARN with more in it": (lambda: with_detail(findingArn=found(event()).arn + "\n"), "not the ARN of a finding"),
    "a status that there is not": (lambda: with_detail(status="GONE"), "none of ACTIVE, SUPPRESSED, CLOSED"),
    "a status that is a list": (lambda: with_detail(status=["ACTIVE"]), "has the status ''"),
    "no moment at all": (lambda: {**with_detail(updatedAt=None), "time": None}, "neither when it was updated"),
}


@pytest.mark.parametrize(("broken", "message"), BROKEN.values(), ids=BROKEN)
def test_an_event_that_cannot_be_understood_is_an_error(broken: Callable[[], dict[str, Any]], message: str) -> None:
    with pytest.raises(EventError, match=message):
        parse(broken())


# What somebody else writes


def test_texts_are_one_line_and_short() -> None:
    finding = found(with_detail(title=f"a\nb\r\u2028c\x1b[31m{TEN_MEGABYTES}"))

    assert finding.title.startswith("a b c [31mx")
    assert len(finding.title) == 256


def test_what_comes_in_numbers_is_bounded() -> None:
    changed = with_resource(tags={f"tag-{number}": TEN_MEGABYTES for number in range(1000)})
    package = changed["detail"]["packageVulnerabilityDetails"]["vulnerablePackages"][0]
    changed["detail"]["packageVulnerabilityDetails"]["vulnerablePackages"] = [package] * 10_000
    finding = found(changed)

    assert finding.tags is not None
    assert (len(finding.tags), len(finding.packages)) == (MOST_TAGS, MOST_PACKAGES)
    assert max(map(len, finding.tags.values())) == 256


@pytest.mark.parametrize("cve", ["CVE-2026-1\nCVE-2026-2", "", "x" * 65, 7, ["CVE-2026-1"]])
def test_an_id_that_is_none_is_no_vulnerability(cve: object) -> None:
    details = {**event()["detail"]["packageVulnerabilityDetails"], "vulnerabilityId": cve}

    assert found(with_detail(packageVulnerabilityDetails=details)).risk.cve == ""


@pytest.mark.parametrize("number", [True, "0.9", -0.1, 1.1, float("nan"), float("inf"), 10**400, None, [0.9]])
def test_a_probability_that_is_none_is_not_known(number: object) -> None:
    assert found(with_detail(epss={"score": number})).risk.epss is None


@pytest.mark.parametrize("account", ["11112222333", 111122223333, None])
def test_an_account_that_is_none_is_the_providers(account: object) -> None:
    assert found(with_detail(awsAccountId=account)).account == ACCOUNT


def test_a_region_that_is_none_is_the_events() -> None:
    assert found(with_resource(region="N/A")).region == REGION


@pytest.mark.parametrize("tags", [{}, [], None, "eks"])
def test_tags_that_are_none_are_to_be_asked_for(tags: object) -> None:
    assert found(with_resource(tags=tags)).tags is None


@pytest.mark.parametrize("image", [None, "ami-XYZ", "ami-0123456789abcdef0\n"])
def test_an_image_that_is_none_is_not_known(image: object) -> None:
    assert found(with_resource(details={"awsEc2Instance": {"imageId": image}})).image_id == ""


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def paths(value: object, way: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Give the way to everything in an event."""
    inner = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    return [way, *(path for key, each in inner for path in paths(each, (*way, key)))][0 if way else 1 :]


@given(st.sampled_from(["package-vulnerability", "network-reachability", "coverage-inactive"]), st.data(), anything)
def test_whatever_stands_in_one_place_the_event_is_read_or_refused(
    name: str, data: st.DataObject, value: object
) -> None:
    changed = event(name)
    *way, last = data.draw(st.sampled_from(paths(changed)))
    inner = changed
    for step in way:
        inner = inner[step]
    inner[last] = value

    assert_bounded(changed)


@given(st.fixed_dictionaries({"account": st.just(ACCOUNT), "region": st.just(REGION), "source": st.just("aws.inspector2"), "detail-type": st.sampled_from(["Inspector2 Finding", "Inspector2 Coverage"]), "detail": anything, "resources": anything}))  # fmt: skip
def test_whatever_an_event_holds_it_is_read_or_refused(changed: dict[str, Any]) -> None:
    assert_bounded(changed)


def assert_bounded(changed: dict[str, Any]) -> None:
    try:
        read = parse(changed)
    except EventError as refused:
        assert len(str(refused).splitlines()) == 1  # noqa: PT017  # either is fine
        return
    texts = [text for text in asdict(read).values() if isinstance(text, str)]
    assert all(len(text) <= 320 and len(text.splitlines()) <= 1 for text in texts)


# The queue's batch


def test_a_batch_of_the_queue_holds_events_as_they_are_and_one_that_is_none() -> None:
    bodies = [record["body"] for record in FILES["sqs-batch"]["Records"]]
    read = [parse(json.loads(body)) for body in bodies if body.startswith("{")]

    assert len({record["messageId"] for record in FILES["sqs-batch"]["Records"]}) == len(bodies) == len(read) + 1
    assert [type(each) for each in read] == [Finding, Finding, Finding, Coverage, NotAHost]
    assert read[0] == read[1]


def test_events_name_only_accounts_of_the_documentation() -> None:
    assert {value["account"] for name, value in FILES.items() if name != "sqs-batch"} == {ACCOUNT, ADMINISTRATOR}
    assert replace(found(event())) == found(event())
