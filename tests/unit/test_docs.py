"""What the documents say is so: targets, files, parameters, events, settings, requests, links, errors, commands."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from nodewarden import errors
from nodewarden.ami_release.policy import read as read_ami_release
from nodewarden.ami_release.standing import State as Standing
from nodewarden.inspector_finding.incident import State as Incident
from nodewarden.inspector_finding.policy import read as read_findings
from nodewarden.message import flood
from nodewarden.message.rollout import HALTS
from nodewarden.message.way_on import ways_on
from nodewarden.record import Outcome
from nodewarden.rollout.policy import read as read_rollout
from nodewarden.rollout.state import GroupState, Halt, HaltCause, State
from nodewarden.rollout.step import StepKind, tell
from nodewarden.security_group import policy as security_group_policy
from nodewarden.security_group.event import parse
from nodewarden.slack import policy as slack_policy
from nodewarden.slack.button import BUTTONS
from nodewarden.table import Table
from nodewarden.undo import undo
from nodewarden.verbs import VERBS, operate
from tests.unit.rollout_builders import NOW, group, planned, policy

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import StrEnum

    from nodewarden.rollout.state import Rollout

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
README, CONTRIBUTING, CHANGELOG = (ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"))
RUNBOOK = ROOT / "docs/runbook.md"
POLICY = ROOT / "layers/policy/policy"
POLICIES = [
    ("security_group.toml", security_group_policy.read, "aws_prefix_lists"),
    ("rollout.toml", read_rollout, "freeze"),
    ("ami_release.toml", read_ami_release, "family"),
    ("inspector_finding.toml", read_findings, "give_up_after"),
    ("notice.toml", flood.read, "critical_alone"),
    ("slack.toml", slack_policy.read, "users"),
]
DOCUMENTS = [README, CONTRIBUTING, CHANGELOG, *sorted((ROOT / "docs").rglob("*.md"))]
RECORDS = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
MARKDOWN_LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")


class ReachedError(Exception):
    """The request was accepted: what comes next needs AWS."""


@dataclass(frozen=True)
class Unwired:
    """Wiring that ends where AWS would be asked."""

    account: str = "111122223333"
    region: str = "eu-central-1"

    def __getattr__(self, name: str) -> object:
        raise ReachedError(name)


def name_of(document: Path) -> str:
    return str(document.relative_to(ROOT))


def code(document: Path) -> str:
    """Give what a document has in code blocks, indented or fenced, and between backticks."""
    text = document.read_text("utf-8")
    fenced = re.findall(r"^```.*?^```", text, re.MULTILINE | re.DOTALL)
    return "\n".join([*fenced, *re.findall(r"^ {4}.*$", text, re.MULTILINE), *re.findall(r"`([^`]+)`", text)])


def requests(document: Path) -> dict[str, dict[str, Any]]:
    """Give the requests and events that a document shows, by their text: from `{"verb` or `{"account` to its brace."""
    text = document.read_text("utf-8")
    decoder, starts = json.JSONDecoder(), [match.start() for match in re.finditer(r'{"(?:verb|account)"', text)]
    return {text[start:end]: found for start in starts for found, end in [decoder.raw_decode(text, start)]}


@cache
def template() -> dict[str, dict[str, Any]]:
    parsed: dict[str, dict[str, Any]] = yaml_parse((ROOT / "template.yaml").read_text("utf-8"))
    return parsed


def event_names(pattern: object) -> set[str]:
    """Give the names of calls that an event pattern has, at any depth."""
    if isinstance(pattern, list):
        return set().union(*map(event_names, pattern))
    if not isinstance(pattern, dict):
        return set()
    return {*pattern.get("eventName", [])}.union(*map(event_names, pattern.values()))


def anchors(document: Path) -> set[str]:
    """Give the anchors that a document's headings make."""
    headings = re.findall(r"^#+ (.+)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_make_command_is_a_target(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):(?!=)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))

    assert set(re.findall(r"\bmake ([a-z][a-z-]*)", code(document))) <= targets


def test_every_target_that_help_shows_is_in_contributing() -> None:
    shown = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)

    assert [target for target in shown if target != "help" and f"`make {target}`" not in CONTRIBUTING.read_text()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_event_and_module_that_is_named_exists(document: Path) -> None:
    text = document.read_text("utf-8")
    events = re.findall(r"\bevents/[\w/.-]+\.json", text)
    modules = [f"{name.replace('.', '/')}.py" for name in re.findall(r"python -m ((?:local|bench)\.\w+)", text)]

    assert [path for path in (*events, *modules) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_relative_link_resolves(document: Path) -> None:
    for path, anchor in MARKDOWN_LINK.findall(document.read_text("utf-8")):
        target = document.parent / path if path else document

        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"


@pytest.mark.parametrize("section", ["Parameters", "Outputs"])
def test_every_parameter_and_output_is_in_the_readme(section: str) -> None:
    assert [name for name in template()[section] if f"`{name}`" not in README.read_text("utf-8")] == []


def test_the_defaults_of_parameters_are_as_the_readme_says() -> None:
    said = dict(re.findall(r"^\| `(\w+)` \| `?([^`|]*?)`? \|", README.read_text("utf-8"), re.MULTILINE))

    assert {name: str(value["Default"]) or "none" for name, value in template()["Parameters"].items()} == {
        name: said[name] for name in template()["Parameters"]
    }


@pytest.mark.parametrize("document", [README, CHANGELOG], ids=name_of)
def test_every_call_that_the_rules_listen_for_is_named(document: Path) -> None:
    functions = [r["Properties"] for r in template()["Resources"].values() if r["Type"] == "AWS::Serverless::Function"]
    rules = [e for f in functions for e in f.get("Events", {}).values() if e["Type"] == "EventBridgeRule"]
    names = event_names([rule["Properties"]["Pattern"] for rule in rules])

    assert "AuthorizeSecurityGroupIngress" in names
    assert [name for name in sorted(names) if f"`{name}`" not in document.read_text("utf-8")] == []


@pytest.mark.parametrize(("file", "reads", "has"), POLICIES)
def test_every_setting_of_the_policy_is_in_the_readme(file: str, reads: Callable[[Table], object], has: str) -> None:
    table = Table(f"{file}: ", tomllib.loads((POLICY / file).read_text("utf-8")))
    reads(table)

    assert has in table.known
    assert [key for key in table.known if not re.search(rf"`(\[\[)?{key}(]])?`", README.read_text("utf-8"))] == []


def test_every_button_is_in_the_readme_with_its_verb() -> None:
    lines = README.read_text("utf-8").splitlines()

    for button in BUTTONS:
        (line,) = (line for line in lines if line.startswith(f"| {button.label} | "))
        assert f"the verb `{button.request['verb']}`" in line


@pytest.mark.parametrize(
    ("file", "table", "has"),
    [("rollout.toml", "wave", {"soak", "alarms"}), ("inspector_finding.toml", "urgent", {"severities", "min_epss"})],
)
def test_every_setting_of_a_wave_and_of_what_is_urgent_is_in_the_readme(file: str, table: str, has: set[str]) -> None:
    entries = tomllib.loads((POLICY / file).read_text("utf-8"))[table]
    keys = {key for entry in entries for key in entry} - {"name"}

    assert has <= keys
    assert [key for key in sorted(keys) if f"`{key}`" not in README.read_text("utf-8")] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_function_that_is_named_is_in_the_template(document: Path) -> None:
    named = set(re.findall(r"(?<!lambda:)\b(?:[A-Z][a-z]+)+Function\b", document.read_text("utf-8")))

    assert named <= template()["Resources"].keys()


def test_every_function_and_what_it_may_do_is_in_the_readme() -> None:
    functions = [name for name, r in template()["Resources"].items() if r["Type"] == "AWS::Serverless::Function"]

    assert [name for name in functions if f"| `{name}` | " not in README.read_text("utf-8")] == []


@pytest.mark.parametrize("text", requests(README) | requests(RUNBOOK))
def test_every_request_that_is_shown_is_accepted(text: str) -> None:
    request_ = json.loads(text)
    if "verb" not in request_:
        assert parse(request_).group_ids
        return
    with pytest.raises(ReachedError):
        (undo if request_["verb"] == "undo" else operate)(request_, Unwired())  # type: ignore[arg-type]


def test_a_request_that_is_wrong_is_not_accepted() -> None:
    assert operate({"verb": "check", "group": "web"}, Unwired())["ok"] is False  # type: ignore[arg-type]


def test_every_verb_is_shown_in_the_readme() -> None:
    assert {request_.get("verb") for request_ in requests(README).values()} >= {*VERBS, "undo"}


@pytest.mark.parametrize("file", sorted((ROOT / "events").glob("[ou]*/*.json")), ids=lambda file: str(file.stem))
def test_every_request_among_the_events_is_accepted(file: Path) -> None:
    with pytest.raises(ReachedError):
        (undo if file.parent.name == "undo" else operate)(json.loads(file.read_text("utf-8")), Unwired())  # type: ignore[arg-type]


def test_every_error_is_in_the_runbook() -> None:
    classes = [name for name, each in vars(errors).items() if isinstance(each, type)]

    assert "StillOpenError" in classes
    assert [name for name in classes if f"| `{name}` | " not in RUNBOOK.read_text("utf-8")] == []


def test_every_alarm_has_its_heading_in_the_runbook() -> None:
    alarms = [name for name, r in template()["Resources"].items() if r["Type"] == "AWS::CloudWatch::Alarm"]

    assert [name for name in alarms if f"### {name}\n" not in RUNBOOK.read_text("utf-8")] == []


@pytest.mark.parametrize(
    "states",
    [Outcome, State, GroupState, Standing, Incident],
    ids=["outcome", "rollout", "group", "standing", "incident"],
)
def test_every_outcome_and_state_is_in_the_runbook(states: type[StrEnum]) -> None:
    rows = [row.split(" | ")[0] for row in RUNBOOK.read_text("utf-8").splitlines() if row.startswith("| `")]

    assert [each.value for each in states if not any(f"`{each.value}`" in row for row in rows)] == []


def test_every_cause_of_a_halt_is_in_the_runbook_as_its_message_calls_it() -> None:
    assert {*HALTS} == {*HaltCause}
    assert [said for said in HALTS.values() if f"| **{said}** | " not in RUNBOOK.read_text("utf-8")] == []


@pytest.mark.parametrize("cause", HaltCause)
def test_every_command_of_a_rollouts_message_is_accepted(cause: HaltCause) -> None:
    failed = [replace(g, state=GroupState.FAILED) for g in two_groups().groups.values()]
    halt = Halt(cause=cause, why="", at=NOW)
    rollout = replace(two_groups().with_groups(failed), halt=halt, state=State.HALTED)
    steps = (tell(rollout, kind, NOW, about={GroupState.FAILED}).steps[-1] for kind in StepKind)
    commands = [line for step in steps for line in ways_on(rollout, step, "nodewarden") if "--event" in line]
    offered = [json.loads(shlex.split(command)[-1]) for command in commands]

    assert {"approve", "reject", "pause", "resume", "abort"} <= {request_["verb"] for request_ in offered}
    for request_ in offered:
        with pytest.raises(ReachedError):
            operate(request_, Unwired())  # type: ignore[arg-type]


def two_groups() -> Rollout:
    return planned(group("a"), group("b", "other"), settings=policy())


def test_every_log_group_that_is_named_is_in_the_template() -> None:
    groups = {
        r["Properties"]["LogGroupName"]["Fn::Sub"] for r in template()["Resources"].values() if "Logs" in r["Type"]
    }
    named = re.findall(r"/aws/lambda/nodewarden[a-z-]*", RUNBOOK.read_text("utf-8"))

    assert named
    assert {name.replace("nodewarden", "${AWS::StackName}") for name in named} <= groups


@pytest.mark.parametrize(
    ("source", "opened"),
    [
        ("0.0.0.0/0", {"IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "everyone"}]}),
        ("::/0", {"Ipv6Ranges": [{"CidrIpv6": "::/0", "Description": "everyone"}]}),
        (
            "pl-0123456789abcdef0",
            {"PrefixListIds": [{"PrefixListId": "pl-0123456789abcdef0", "Description": "everyone"}]},
        ),
    ],
)
def test_the_runbook_makes_permissions_of_a_records_rules(source: str, opened: dict[str, Any]) -> None:
    jq = shutil.which("jq")
    if jq is None:
        pytest.skip("jq is not installed, which the runbook's commands need")
    program = re.findall(r"jq '([^']+)' record\.json > permissions\.json", RUNBOOK.read_text("utf-8"))
    with_ports = {"protocol": "tcp", "from_port": 22, "to_port": 22, "source": source, "description": "everyone"}
    without = {"protocol": "-1", "from_port": None, "to_port": None, "source": source, "description": ""}
    record = json.dumps({"ok": True, "remediation": {"rules": [with_ports, without]}})

    done = subprocess.run([jq, *program], input=record, capture_output=True, text=True, check=True)  # noqa: S603  # ours

    [[kind, [described]]] = opened.items()
    assert json.loads(done.stdout) == [
        {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, **opened},
        {"IpProtocol": "-1", kind: [{key: value for key, value in described.items() if key != "Description"}]},
    ]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: str(record.stem))
def test_a_decision_is_dated_short_and_in_the_list(record: Path) -> None:
    text = record.read_text("utf-8")

    assert re.match(rf"# {int(record.name[:4])}\. .+\n\n\d{{4}}-\d\d-\d\d\n", text)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "What it costs", "Alternatives"]
    assert len(text.splitlines()) <= 50
    assert f"]({record.name})" in (record.parent / "README.md").read_text("utf-8")
