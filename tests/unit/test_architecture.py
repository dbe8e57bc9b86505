"""What the shape of the code promises: which modules are pure, how long they are, what they are called."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from nodewarden import errors

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers" / "nodewarden" / "nodewarden"
PURE = (
    "nodewarden.ami_release.ami_type",
    "nodewarden.ami_release.announcement",
    "nodewarden.ami_release.caveat",
    "nodewarden.ami_release.event",
    "nodewarden.ami_release.fleet",
    "nodewarden.ami_release.fleet_news",
    "nodewarden.ami_release.golden",
    "nodewarden.ami_release.image",
    "nodewarden.ami_release.judgement",
    "nodewarden.ami_release.may_close",
    "nodewarden.ami_release.policy",
    "nodewarden.ami_release.release",
    "nodewarden.ami_release.sighting",
    "nodewarden.ami_release.standing",
    "nodewarden.ami_release.summary",
    "nodewarden.ami_release.target",
    "nodewarden.ami_release.unmanaged",
    "nodewarden.errors",
    "nodewarden.auto_scaling_group",
    "nodewarden.launch_template",
    "nodewarden.finding_item",
    "nodewarden.inspector_finding.action",
    "nodewarden.inspector_finding.coverage",
    "nodewarden.inspector_finding.decision",
    "nodewarden.inspector_finding.event",
    "nodewarden.inspector_finding.finding",
    "nodewarden.inspector_finding.gone",
    "nodewarden.inspector_finding.host",
    "nodewarden.inspector_finding.incident",
    "nodewarden.inspector_finding.judgement",
    "nodewarden.inspector_finding.merge",
    "nodewarden.inspector_finding.moment",
    "nodewarden.inspector_finding.outlook",
    "nodewarden.inspector_finding.policy",
    "nodewarden.inspector_finding.scan",
    "nodewarden.inspector_finding.urgency",
    "nodewarden.inspector_finding.waiting",
    "nodewarden.policy",
    "nodewarden.record",
    "nodewarden.request",
    "nodewarden.table",
    "nodewarden.rollout.advance",
    "nodewarden.rollout.advice",
    "nodewarden.rollout.answer",
    "nodewarden.rollout.calendar",
    "nodewarden.rollout.gate",
    "nodewarden.rollout.halt",
    "nodewarden.rollout.observed",
    "nodewarden.rollout.plan",
    "nodewarden.rollout.policy",
    "nodewarden.rollout.preflight",
    "nodewarden.rollout.start",
    "nodewarden.rollout.state",
    "nodewarden.rollout.step",
    "nodewarden.rollout.timing",
    "nodewarden.rollout.watch",
    "nodewarden.rollout.wave",
    "nodewarden.security_group.decision",
    "nodewarden.security_group.event",
    "nodewarden.security_group.group",
    "nodewarden.security_group.policy",
    "nodewarden.security_group.rule",
    "nodewarden.security_group.verdict",
    "nodewarden.security_group.flapping",
    "nodewarden.security_group.sweep",
    "nodewarden.item",
    "nodewarden.rollout_item",
    "nodewarden.message.ami_release",
    "nodewarden.message.compose",
    "nodewarden.message.digest",
    "nodewarden.message.flood",
    "nodewarden.message.incident_change",
    "nodewarden.message.inspector_evidence",
    "nodewarden.message.inspector_finding",
    "nodewarden.message.message",
    "nodewarden.message.person",
    "nodewarden.message.progress",
    "nodewarden.message.release_notes",
    "nodewarden.message.rollout",
    "nodewarden.message.security_group",
    "nodewarden.message.sweep",
    "nodewarden.message.way_on",
    "nodewarden.slack.blocks",
    "nodewarden.slack.button",
    "nodewarden.slack.document",
    "nodewarden.slack.policy",
    "nodewarden.slack.press",
    "nodewarden.slack.render",
    "nodewarden.slack.secret",
    "nodewarden.slack.signature",
)
AWS = {"boto3", "botocore"}
SAYS_NOTHING = {"util", "utils", "helper", "helpers", "common", "base", "manager", "managers", "misc"}
LONGEST = 250


def name_of(file: Path) -> str:
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(file): file for file in sorted(PACKAGE.rglob("*.py"))}


def only_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def statements(node: ast.AST) -> list[ast.AST]:
    """Give every node that runs, those inside functions too."""
    inner = [] if only_for_types(node) else list(ast.iter_child_nodes(node))
    return [node, *(found for child in inner for found in statements(child))]


def imports(name: str) -> set[str]:
    """Give the modules that one of ours imports when it runs, with the packages around them."""
    found = set()
    for node in statements(ast.parse(MODULES[name].read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name} imports relatively: this test cannot follow"
            found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {".".join(parts[:end]) for each in found for parts in [each.split(".")] for end in range(1, len(parts) + 1)}


def ways_to_aws(name: str, way: tuple[str, ...] = ()) -> list[str]:
    """Say through which of our modules `name` comes to import the AWS SDK."""
    if name in way:
        return []
    here = (*way, name)
    ours = sorted(each for each in imports(name) if each in MODULES)
    direct = [" → ".join((*here, each)) for each in sorted(imports(name) & AWS)]
    return [*direct, *(found for each in ours for found in ways_to_aws(each, here))]


@pytest.mark.parametrize("name", PURE)
def test_a_pure_module_does_not_come_to_import_the_aws_sdk(name: str) -> None:
    assert ways_to_aws(name) == []


def test_a_module_that_calls_aws_is_seen_to_do_so() -> None:
    assert "nodewarden.wiring → boto3" in ways_to_aws("nodewarden.wiring")


@pytest.mark.parametrize("folder", sorted(ROOT.glob("functions/*")), ids=lambda folder: folder.name)
def test_a_function_is_one_file(folder: Path) -> None:
    assert [file.name for file in folder.iterdir() if file.name != "__pycache__"] == ["app.py"]


def test_no_module_has_a_name_that_says_nothing() -> None:
    tops = [ROOT / top for top in ("layers", "functions", "local", "tests", "bench")]
    named = [path for top in tops for path in top.rglob("*") if path.suffix == ".py" or path.is_dir()]

    assert PACKAGE / "errors.py" in named
    assert [path for path in named if path.stem in SAYS_NOTHING] == []


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_short_enough_to_be_read(name: str) -> None:
    assert len(MODULES[name].read_text("utf-8").splitlines()) <= LONGEST


def drawn() -> dict[str, str]:
    """Read the tree in the docstring of errors.py: each class and the one above it."""
    above: list[str] = []
    bases = {}
    for row in (errors.__doc__ or "").splitlines():
        if match := re.match(r"(?P<lines>[│ ├└─]*)(?P<name>[A-Z]\w+Error)\b", row):
            depth = len(match["lines"]) // 4
            above[depth:] = [match["name"]]
            bases[match["name"]] = above[depth - 1] if depth else "Exception"
    return bases


def test_the_tree_of_errors_is_as_it_is_drawn() -> None:
    real = {
        name: each.__base__.__name__
        for name, each in vars(errors).items()
        if isinstance(each, type) and issubclass(each, BaseException) and each.__base__
    }

    assert drawn() == real


@pytest.mark.parametrize("name", sorted(MODULES.keys() - {"nodewarden.errors"}))
def test_every_error_is_in_the_tree(name: str) -> None:
    classes = [node for node in ast.walk(ast.parse(MODULES[name].read_text("utf-8"))) if isinstance(node, ast.ClassDef)]
    bases = {ast.unparse(base) for node in classes for base in node.bases}

    assert not [base for base in bases if base.endswith(("Error", "Exception"))]
