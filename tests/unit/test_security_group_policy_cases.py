"""The cases of security_group.toml, each one a test, and what a case must look like."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nodewarden import policy
from nodewarden.errors import PolicyError
from nodewarden.record import Entries, Outcome
from nodewarden.security_group.decision import Revoke, decide
from nodewarden.security_group.group import Group, PrefixList
from nodewarden.security_group.policy import SecurityGroupPolicy, read
from nodewarden.security_group.rule import PROTOCOLS_WITH_PORTS, PortRange, parse_protocol, parse_source
from nodewarden.security_group.verdict import Look, Mode
from nodewarden.table import Table
from tests.unit.builders import HOUR, group, look, remediation, rule

if TYPE_CHECKING:
    from nodewarden.record import Remediation
    from nodewarden.security_group.rule import IngressRule

FOLDER = Path(__file__).parents[2] / "layers" / "policy" / "policy"
OUTCOMES = ("revoked", "exempt", "left-to-controller", "flapping", "held", "out-of-scope", "not-offending")
BEFORE_ANY_EXEMPTION_ENDS = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Case:
    name: str
    setting: str
    look: Look
    policy: SecurityGroupPolicy
    at: datetime
    let_through: int
    outcome: str


def read_case(table: Table, file: Table) -> Case:
    """Read one case of the file; raises PolicyError naming the key's path."""
    opened, settings = rule_of(table.table("rule")), policy_of(table.table("policy"), file)
    at = table.moment("at") or BEFORE_ANY_EXEMPTION_ENDS
    closed = table.number("closed", at_least=0, at_most=100, default=0)
    case = Case(
        name=table.text("name"),
        setting=table.choice("setting", settings_of(file)),
        look=look(
            opened,
            group=group_of(table.table("group")) if "group" in table else group(),
            lists=lists_of(table.table("prefix_list"), opened.source, settings) if "prefix_list" in table else {},
            hosts=table.array("hosts", str),
            entries=Entries(remediations=tuple(closed_before(opened, number, at) for number in range(closed))),
        ),
        policy=settings,
        at=at,
        let_through=table.number("let_through", at_least=0, at_most=1000, default=0),
        outcome=table.choice("outcome", OUTCOMES),
    )
    table.done()
    return case


def closed_before(opened: IngressRule, number: int, at: datetime) -> Remediation:
    """Give the record of the same opening, closed under another rule id within the last day."""
    rule_id = f"sgr-{1000 + number:017x}"
    return remediation(Outcome.REVOKED, replace(opened, rule_id=rule_id), changed_at=at - HOUR)


def settings_of(file: Table) -> tuple[str, ...]:
    seen = Table(file.path, file.values)
    read(seen)
    return tuple(sorted(seen.known - {"case"}))


def rule_of(table: Table) -> IngressRule:
    protocol = table.parsed("protocol", parse_protocol)
    ports = str(table.parsed("ports", PortRange.parse)) if protocol in PROTOCOLS_WITH_PORTS else ""
    opened = rule(protocol, ports, table.parsed("source", source), description=table.text("description", ""))
    table.done()
    return opened


def lists_of(table: Table, list_id: str, settings: SecurityGroupPolicy) -> dict[str, PrefixList]:
    """Read the list that is the rule's source; as the service does, see only what is too wide in it."""
    wide = tuple(entry for entry in table.array("holds", ip_network) if settings.too_wide(entry))
    found = PrefixList(list_id=list_id, name="", owner=table.text("owner"), wide=wide)
    table.done()
    return {list_id: found} if wide else {}


def source(text: str) -> str:
    if parse_source(text) is None and not text.startswith(("pl-", "sg-")):
        message = f"must be a CIDR block, a prefix list (pl-…) or a peer group (sg-…), not {text!r}"
        raise ValueError(message)
    return text


def group_of(table: Table) -> Group:
    tags = table.table("tags")
    named = group(table.text("name"), {key: tags.text(key, "") for key in tags.values})
    table.done()
    return named


def policy_of(table: Table, file: Table) -> SecurityGroupPolicy:
    settings = {key: value for key, value in file.values.items() if key != "case"}
    return read(Table(table.path, {**settings, **table.values}))


def outcome_of(case: Case) -> str:
    """Say in the words of the cases what the service would do."""
    decision = decide(case.look, case.policy, Mode.ENFORCE, case.at)
    if not decision.verdicts:
        return "not-offending"
    (verdict,) = decision.verdicts
    closed = any(isinstance(action, Revoke) for action in decision.actions)
    assert closed is (verdict.outcome == "revoked")
    if closed and case.let_through >= case.policy.breaker_groups_an_hour:
        return "held"
    return verdict.outcome.value if verdict.outcome else "out-of-scope"


FILE = policy.load(FOLDER, "security_group")
CASES = tuple(FILE.tables("case"))


@pytest.mark.parametrize("table", CASES, ids=lambda table: str(table.values.get("name", table.path)))
def test_the_case_comes_out_as_it_says(table: Table) -> None:
    case = read_case(table, FILE)

    assert outcome_of(case) == case.outcome, table.path


@pytest.mark.parametrize("setting", settings_of(FILE))
def test_a_setting_has_a_case_that_is_closed_and_one_that_is_not(setting: str) -> None:
    closed = {table.values.get("outcome") == "revoked" for table in CASES if table.values.get("setting") == setting}

    assert True in closed, f"security_group.toml: {setting} has no case that is closed: add one"
    assert False in closed, f"security_group.toml: {setting} has no case that is not closed: add one"


@pytest.mark.parametrize("index", range(len(read(FILE).controllers)))
def test_a_controller_has_a_case_that_is_left_to_it(index: int) -> None:
    cases = [read_case(table, FILE) for table in FILE.tables("case")]
    left = {case.policy.controller_of(*case.look.rules) for case in cases if case.outcome == "left-to-controller"}

    assert read(FILE).controllers[index] in left, f"security_group.toml: controller[{index}] has no case: add one"


GOOD: dict[str, object] = {
    "name": "SSH from anywhere is closed",
    "setting": "widest_ipv4",
    "rule": {"protocol": "tcp", "ports": "22", "source": "0.0.0.0/0"},
    "outcome": "revoked",
}
MALFORMED: dict[str, tuple[dict[str, object], str]] = {
    "without a name": ({"name": ""}, "case[0].name must be"),
    "about a setting that there is not": ({"setting": "widest_ipv5"}, "case[0].setting must be one of allowed, "),
    "with an outcome that there is not": ({"outcome": "closed"}, "case[0].outcome must be one of revoked, "),
    "with a misspelt key": ({"polcy": {}}, "case[0].polcy is not a setting here"),
    "without what the rule opens": ({"rule": {"source": "::/0"}}, "case[0].rule.protocol is missing"),
    "without ports": ({"rule": {"protocol": "tcp", "source": "::/0"}}, "case[0].rule.ports is missing"),
    "with ports where there are none": (
        {"rule": {"protocol": "icmp", "ports": "8", "source": "::/0"}},
        "case[0].rule.ports is not a setting here",
    ),
    "with a source that is none": (
        {"rule": {"protocol": "all", "source": "the internet"}},
        "case[0].rule.source must be a CIDR block",
    ),
    "with a prefix list without an owner": ({"prefix_list": {"holds": []}}, "case[0].prefix_list.owner is missing"),
    "with a prefix list that holds no network": (
        {"prefix_list": {"owner": "AWS", "holds": ["everybody"]}},
        "case[0].prefix_list.holds[0] ",
    ),
    "with a group without a name": ({"group": {"tags": {}}}, "case[0].group.name is missing"),
    "with a tag that is no text": ({"group": {"name": "web", "tags": {"a": 1}}}, "case[0].group.tags.a must be"),
    "with a host that is no text": ({"hosts": [1]}, "case[0].hosts[0] must be"),
    "with a setting that there is not": ({"policy": {"alowed": []}}, "case[0].policy.alowed is not a setting"),
    "with a setting that is wrong": ({"policy": {"never": ["::/129"]}}, "case[0].policy.never[0] "),
    "with a day that is none": ({"at": "tomorrow"}, "case[0].at must be a date"),
}


@pytest.mark.parametrize(("changes", "message"), MALFORMED.values(), ids=MALFORMED)
def test_a_case_is_refused_with_its_path(changes: dict[str, object], message: str) -> None:
    file = Table("security_group.toml: ", {**FILE.values, "case": [GOOD | changes]})
    (table,) = file.tables("case")

    with pytest.raises(PolicyError) as refused:
        read_case(table, file)

    assert str(refused.value).startswith(f"security_group.toml: {message}")


@pytest.mark.parametrize("key", GOOD)
def test_a_case_without_what_it_needs_is_refused_with_its_path(key: str) -> None:
    file = Table("security_group.toml: ", {**FILE.values, "case": [{k: v for k, v in GOOD.items() if k != key}]})
    (table,) = file.tables("case")

    with pytest.raises(PolicyError, match=rf"^security_group\.toml: case\[0\]\.{key}"):
        read_case(table, file)
