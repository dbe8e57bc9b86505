"""The cases of inspector_finding.toml, each one a test, and what a case must look like."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nodewarden import policy
from nodewarden.ami_release.standing import State as Stands
from nodewarden.errors import PolicyError
from nodewarden.inspector_finding.action import RequestUrgent
from nodewarden.inspector_finding.decision import Look, decide
from nodewarden.inspector_finding.event import parse
from nodewarden.inspector_finding.finding import Finding
from nodewarden.inspector_finding.incident import State
from nodewarden.inspector_finding.policy import FindingPolicy, read
from nodewarden.rollout.state import GroupState
from nodewarden.rollout.state import State as Rolls
from nodewarden.table import Table
from tests.unit.inspector_finding_builders import ACCOUNT, INSTANCE, NEW, NEW_AMI, REGION, arn, key, rollout, standing

if TYPE_CHECKING:
    from nodewarden.ami_release.standing import Standing
    from nodewarden.rollout.state import Rollout

FOLDER = Path(__file__).parents[2] / "layers" / "policy" / "policy"
OUTCOMES = ("urgent", "recorded", "waiting", "not-fixed")
BEFORE_ANY_EXPIRY = datetime(2026, 12, 1, tzinfo=UTC)
OF_AN_ENTRY = ("severities", "exploit_available", "fix_available", "min_epss")


@dataclass(frozen=True, kw_only=True)
class Case:
    name: str
    setting: str
    finding: Finding
    rolled: datetime | None
    at: datetime
    policy: FindingPolicy
    outcome: str


def read_case(table: Table, file: Table) -> Case:
    """Read one case of the file; raises PolicyError naming the key's path."""
    case = Case(
        name=table.text("name"),
        setting=table.choice("setting", settings_of(file)),
        finding=finding_of(table.table("finding")),
        rolled=table.moment("rolled"),
        at=table.moment("at") or BEFORE_ANY_EXPIRY,
        policy=policy_of(table.table("policy"), file),
        outcome=table.choice("outcome", OUTCOMES),
    )
    table.done()
    return case


def settings_of(file: Table) -> tuple[str, ...]:
    seen = Table(file.path, file.values)
    read(seen)
    return (*sorted(seen.known - {"case"}), *(f"urgent.{name}" for name in OF_AN_ENTRY))


def finding_of(table: Table) -> Finding:
    """Make the event that Inspector would send and read it, so that a case says things in Inspector's words."""
    host = {"type": "AWS_EC2_INSTANCE", "id": INSTANCE, "details": {"awsEc2Instance": {"imageId": NEW_AMI}}}
    said = {name: table.text(name) for name in ("severity", "exploit_available", "fix_available") if name in table}
    detail = {
        "findingArn": arn(),
        "status": "ACTIVE",
        "type": "PACKAGE_VULNERABILITY",
        "severity": said.get("severity"),
        "exploitAvailable": said.get("exploit_available"),
        "fixAvailable": said.get("fix_available"),
        "epss": {"score": table.values["epss"]} if "epss" in table else None,
        "packageVulnerabilityDetails": {"vulnerabilityId": table.text("cve", "CVE-2026-10009")},
        "resources": [host],
        "updatedAt": "2026-11-24T09:00:00Z",
    }
    event = {"source": "aws.inspector2", "detail-type": "Inspector2 Finding", "account": ACCOUNT, "region": REGION}
    found = parse({**event, "detail": detail})
    assert isinstance(found, Finding)
    if (
        "severity" not in said
        or ("epss" in table and found.risk.epss is None)
        or found.risk.severity != said["severity"]
    ):
        wrong = "severity" if found.risk.severity != said.get("severity") else "epss"
        raise table.wrong(wrong, "must be as Inspector says it")
    table.done()
    return found


def policy_of(table: Table, file: Table) -> FindingPolicy:
    settings = {name: value for name, value in file.values.items() if name != "case"}
    return read(Table(table.path, {**settings, **table.values}))


def outcome_of(case: Case) -> str:
    """Say in the words of the cases what the service would do."""
    stands, rolls = where(case)
    look = Look(key=key(NEW_AMI), findings=(case.finding,), standing=stands, rollout=rolls)
    decision = decide(look, case.policy, case.at)
    asked = any(isinstance(action, RequestUrgent) for action in decision.actions)
    match decision.incident.state:
        case State.REQUESTED if asked:
            return "urgent"
        case State.WAITING:
            return "waiting"
        case state:
            assert not asked
            return state.value


def where(case: Case) -> tuple[Standing, Rollout | None]:
    if case.rolled is None:
        return standing(), None
    return standing(Stands.CURRENT, runs=NEW), rollout(GroupState.DONE, Rolls.FINISHED, finished_at=case.rolled)


FILE = policy.load(FOLDER, "inspector_finding")
CASES = tuple(FILE.tables("case"))


@pytest.mark.parametrize("table", CASES, ids=lambda table: str(table.values.get("name", table.path)))
def test_the_case_comes_out_as_it_says(table: Table) -> None:
    case = read_case(table, FILE)

    assert outcome_of(case) == case.outcome, table.path


@pytest.mark.parametrize("setting", settings_of(FILE))
def test_a_setting_has_a_case_on_either_side(setting: str) -> None:
    outcomes = {table.values.get("outcome") for table in CASES if table.values.get("setting") == setting}

    assert len(outcomes) == 2, f"inspector_finding.toml: {setting} has cases of one side only: add one of the other"


@pytest.mark.parametrize("index", range(len(read(FILE).urgent)))
def test_an_entry_has_a_case_that_is_urgent_by_it_alone(index: int) -> None:
    urgent = [case for case in (read_case(table, FILE) for table in CASES) if case.outcome == "urgent"]
    entry = read(FILE).urgent[index]
    others = [each for each in read(FILE).urgent if each != entry]

    assert [
        case.name
        for case in urgent
        if entry.covers(case.finding.risk) and not any(other.covers(case.finding.risk) for other in others)
    ], f"inspector_finding.toml: urgent[{index}] has no case of its own: add one"


GOOD: dict[str, object] = {
    "name": "a critical finding is urgent",
    "setting": "urgent",
    "finding": {"severity": "CRITICAL", "fix_available": "YES"},
    "outcome": "urgent",
}
MALFORMED: dict[str, tuple[dict[str, object], str]] = {
    "without a name": ({"name": ""}, "case[0].name must be"),
    "about a setting that there is not": ({"setting": "severities"}, "case[0].setting must be one of always, "),
    "with an outcome that there is not": ({"outcome": "rolled"}, "case[0].outcome must be one of urgent, "),
    "with a misspelt key": ({"rolld": 1}, "case[0].rolld is not a setting here"),
    "without a severity": ({"finding": {"epss": 0.1}}, "case[0].finding.severity must be as Inspector says it"),
    "with a severity that there is not": ({"finding": {"severity": "SEVERE"}}, "case[0].finding.severity must be as"),
    "with a probability that is none": ({"finding": {"severity": "LOW", "epss": 7}}, "case[0].finding.epss must be as"),
    "with a misspelt key of the finding": (
        {"finding": {"severity": "LOW", "exploit": "YES"}},
        "case[0].finding.exploit is not a setting here",
    ),
    "with a day that is none": ({"at": "tomorrow"}, "case[0].at must be a date"),
    "with a setting that is wrong": (
        {"policy": {"give_up_after": "soon"}},
        "case[0].policy.give_up_after must be a dur",
    ),
}


@pytest.mark.parametrize(("changes", "message"), MALFORMED.values(), ids=MALFORMED)
def test_a_case_is_refused_with_its_path(changes: dict[str, object], message: str) -> None:
    file = Table("inspector_finding.toml: ", {**FILE.values, "case": [GOOD | changes]})
    (table,) = file.tables("case")

    with pytest.raises(PolicyError) as refused:
        read_case(table, file)

    assert str(refused.value).startswith(f"inspector_finding.toml: {message}")


def test_the_shipped_policy_ignores_nothing_and_waits_two_days() -> None:
    shipped = read(FILE)

    assert (shipped.always, shipped.ignore, shipped.give_up_after.days) == ((), (), 2)
    assert replace(shipped, urgent=()) != shipped
