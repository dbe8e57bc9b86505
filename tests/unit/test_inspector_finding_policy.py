"""inspector_finding.toml as text: what it may say, and which mistake is called what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nodewarden import policy
from nodewarden.errors import PolicyError
from nodewarden.inspector_finding.finding import Exploit, Fix, Kind, Risk, Severity
from nodewarden.inspector_finding.policy import FindingPolicy, read
from tests.unit.inspector_finding_builders import CVE, NOW

SETTINGS = {"give_up_after": '"2d"', "urgent": '[{ severities = ["CRITICAL"] }]'}


def toml(**changes: str | None) -> str:
    """Write the settings, some replaced, added, or left out (None)."""
    return "\n".join(f"{key} = {value}" for key, value in {**SETTINGS, **changes}.items() if value is not None)


def read_text(text: str) -> FindingPolicy:
    return read(policy.parse("inspector_finding.toml", text))


def urgent(rest: str) -> str:
    return toml(urgent=f"[{{ {rest} }}]")


NAMED = f'cve = "{CVE}", reason = "reviewed"'
MISTAKES = {
    "a misspelt setting": (toml(give_up="1"), "give_up is not a setting here"),
    "no time to give up after": (toml(give_up_after=None), "give_up_after is missing"),
    "a time that is none": (toml(give_up_after='"soon"'), "give_up_after must be a duration"),
    "a time that is a number": (toml(give_up_after="2"), "give_up_after must be a text"),
    "an entry without severities": (urgent("min_epss = 0.1"), "urgent[0].severities must name at least one"),
    "a severity that there is not": (urgent('severities = ["SEVERE"]'), "urgent[0].severities[0] must be one of"),
    "a severity in small letters": (urgent('severities = ["high"]'), "urgent[0].severities[0] must be one of"),
    "severities that are no array": (urgent('severities = "HIGH"'), "urgent[0].severities must be an array"),
    "no exploits": (
        urgent('severities = ["HIGH"], exploit_available = []'),
        "urgent[0].exploit_available must name at least one",
    ),
    "an exploit that is neither": (
        urgent('severities = ["HIGH"], exploit_available = ["MAYBE"]'),
        "urgent[0].exploit_available[0] must be one of YES, NO",
    ),
    "a fix that is a truth": (
        urgent('severities = ["HIGH"], fix_available = [true]'),
        "urgent[0].fix_available[0] must be a text",
    ),
    "a probability above one": (
        urgent('severities = ["HIGH"], min_epss = 20'),
        "urgent[0].min_epss must be a probability",
    ),
    "a probability below nothing": (
        urgent('severities = ["HIGH"], min_epss = -0.1'),
        "urgent[0].min_epss must be a prob",
    ),
    "a probability that is no number": (
        urgent('severities = ["HIGH"], min_epss = nan'),
        "urgent[0].min_epss must be a p",
    ),
    "a probability that is a truth": (
        urgent('severities = ["HIGH"], min_epss = true'),
        "urgent[0].min_epss must be a pr",
    ),
    "a probability that is a text": (
        urgent('severities = ["HIGH"], min_epss = "0.1"'),
        "urgent[0].min_epss must be a pr",
    ),
    "a misspelt key of an entry": (urgent('severities = ["HIGH"], epss = 0.1'), "urgent[0].epss is not a setting here"),
    "a vulnerability without a reason": (toml(ignore=f'[{{ cve = "{CVE}" }}]'), "ignore[0].reason is missing"),
    "a reason without a vulnerability": (toml(always='[{ reason = "x" }]'), "always[0].cve is missing"),
    "a wildcard": (toml(ignore='[{ cve = "CVE-2026-*", reason = "x" }]'), "ignore[0].cve must be the id of one"),
    "an end that is a text": (toml(ignore=f'[{{ {NAMED}, until = "2027-01-01" }}]'), "ignore[0].until must be a date"),
    "a misspelt end": (toml(always=f"[{{ {NAMED}, untl = 2027-01-01 }}]"), "always[0].untl is not a setting here"),
    "a vulnerability that is both": (
        toml(always=f"[{{ {NAMED} }}]", ignore=f"[{{ {NAMED} }}]"),
        f"ignore[0].cve {CVE} is in [[always]] too",
    ),
    "a case that is no table": (toml(case='["x"]'), "case must be an array of tables"),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.values(), ids=MISTAKES)
def test_is_refused_with_its_path(text: str, message: str) -> None:
    with pytest.raises(PolicyError) as refused:
        read_text(text)

    assert str(refused.value).startswith(f"inspector_finding.toml: {message}")


def test_what_is_optional_may_be_left_out() -> None:
    sparse = read_text('give_up_after = "12h"')

    assert (sparse.urgent, sparse.always, sparse.ignore) == ((), (), ())
    assert sparse.give_up_after == timedelta(hours=12)


def test_cases_are_not_the_services_business() -> None:
    assert read_text(toml(case="[{ anything = 1 }]")) == read_text(toml())


def test_an_entry_that_says_only_a_severity_takes_any_of_it() -> None:
    sparse = read_text(toml())

    for exploit in Exploit:
        for fix in Fix:
            risk = Risk(cve=CVE, severity=Severity.CRITICAL, exploit_available=exploit, fix_available=fix)
            assert sparse.judge(Kind.PACKAGE, risk, NOW).urgent


def test_a_whole_number_is_a_probability_too() -> None:
    assert read_text(urgent('severities = ["HIGH"], min_epss = 1')).urgent[0].min_epss == 1.0


def test_the_end_of_an_ignored_vulnerability_is_in_the_reason() -> None:
    timed = read_text(toml(ignore=f"[{{ {NAMED}, until = 2027-01-31 }}]"))
    risk = Risk(cve=CVE, severity=Severity.CRITICAL)

    judgement = timed.judge(Kind.PACKAGE, risk, datetime(2027, 1, 30, 23, 59, tzinfo=UTC))
    assert judgement.why == "ignored by the policy until 2027-01-31 00:00 UTC: reviewed"
    assert timed.judge(Kind.PACKAGE, risk, datetime(2027, 1, 31, tzinfo=UTC)).urgent


def test_a_reachable_host_is_urgent_whatever_the_policy_says_of_vulnerabilities() -> None:
    risk = Risk(cve="", severity=Severity.INFORMATIONAL)

    assert read_text('give_up_after = "0d"').judge(Kind.NETWORK, risk, NOW).urgent


def test_a_judgement_says_what_is_known() -> None:
    risk = Risk(cve=CVE, severity=Severity.HIGH, epss=0.123456, exploit_available=Exploit.YES)

    assert (
        read_text(toml()).judge(Kind.PACKAGE, risk, NOW).why == "recorded only: HIGH, exploit YES, fix NO, EPSS 0.123"
    )
