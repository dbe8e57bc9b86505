"""The whole stack in moto, one per test; groups, hosts and events to play with."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3
import pytest
import time_machine
from moto import mock_aws

from local import (
    aws,  # noqa: F401  # sets the environment before moto and boto3 read it
    template,
)
from local.fake_slack import Slack
from local.stack import Stack
from tests import roles
from tests.functional import golden_world
from tests.functional.finding_world import FindingWorld
from tests.functional.fleet_watch import NOW, FleetWatch
from tests.functional.fleet_world import BEGIN, QUICK, FleetWorld
from tests.functional.golden_world import GoldenWorld
from tests.functional.slack_world import ALICE, BOB, SlackWorld, slack_stack
from tests.functional.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


PARAMETERS = {
    "AlertEmail": "security@example.com",
    "GoldenInstanceRoleArns": "arn:aws:iam::111122223333:role/hosts,arn:aws:iam::111122223333:role/eks/other-hosts",
}


@pytest.fixture(name="stack")
def _stack() -> Iterator[Stack]:
    with mock_aws(), watched(Stack(PARAMETERS)) as stack:
        yield stack


@contextmanager
def watched(stack: Stack) -> Iterator[Stack]:
    """Hold what the functions call against their roles."""
    called: dict[str, set[str]] = {}
    stack.observers.append(lambda call: called.setdefault(call.function, set()).add(call.action))
    yield stack
    for function, calls in called.items():
        assert roles.needed(calls) <= roles.allowed(function), f"the role of {function} lacks what it called"


@pytest.fixture(name="slack")
def _slack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slack]:
    """Serve a Slack that the policy trusts, where alice may press all buttons, bob two, and nobody else any."""
    shutil.copytree(template.ROOT / "layers/policy/policy", tmp_path / "policy")
    with Slack(tmp_path) as slack:
        alice, both = f'["{ALICE}"]', f'["{ALICE}", "{BOB}"]'
        may = {"revoke": alice, "undo": both, "exempt": alice, "approve": both, "reject": alice}
        users = "\n".join(f"{button} = {users}" for button, users in may.items())
        (tmp_path / "policy/slack.toml").write_text(f'hosts = ["{slack.address}"]\n[users]\n{users}\n', "utf-8")
        monkeypatch.setenv("NODEWARDEN_POLICY_FOLDER", str(tmp_path / "policy"))
        monkeypatch.setenv("SSL_CERT_FILE", str(slack.certificate))
        yield slack


@pytest.fixture(name="slack_world")
def _slack_world(slack: Slack) -> Iterator[SlackWorld]:
    with slack_stack(slack) as slack_world, watched(slack_world.world.stack):
        yield slack_world


@pytest.fixture(name="world")
def _world(stack: Stack) -> World:
    return World(stack, boto3.client("ec2"))


@pytest.fixture(name="watch")
def _watch(stack: Stack) -> Iterator[FleetWatch]:
    with time_machine.travel(NOW):
        yield FleetWatch(stack)


@pytest.fixture(name="fleet")
def _fleet(world: World) -> Iterator[FleetWorld]:
    with time_machine.travel(BEGIN, tick=False) as clock:
        yield FleetWorld(world, clock)


@pytest.fixture(name="quick")
def _quick(fleet: FleetWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FleetWorld:
    """Give a fleet that rolls by a policy of hours, its alarm OK."""
    shutil.copytree(template.ROOT / "layers/policy/policy", tmp_path, dirs_exist_ok=True)
    (tmp_path / "rollout.toml").write_text(QUICK, "utf-8")
    monkeypatch.setenv("NODEWARDEN_POLICY_FOLDER", str(tmp_path))
    fleet.alarm("OK")
    return fleet


@pytest.fixture(name="slack_fleet")
def _slack_fleet(slack_world: SlackWorld, tmp_path: Path) -> Iterator[FleetWorld]:
    """Give the same fleet as `quick`, whose people are in Slack."""
    (tmp_path / "policy/rollout.toml").write_text(QUICK, "utf-8")
    with time_machine.travel(BEGIN, tick=False) as clock:
        fleet = FleetWorld(slack_world.world, clock)
        fleet.alarm("OK")
        yield fleet


@pytest.fixture(name="inspected")
def _inspected(quick: FleetWorld, tmp_path: Path) -> FindingWorld:
    """Give a fleet that rolls by a policy of hours, and that Inspector scans, by the shipped policies otherwise."""
    for name in ("inspector_finding", "security_group"):
        shipped = (template.ROOT / f"layers/policy/policy/{name}.toml").read_text("utf-8")
        (tmp_path / f"{name}.toml").write_text(shipped, "utf-8")
    return FindingWorld(quick)


@pytest.fixture(name="allowing_https")
def _allowing_https(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the policy allow tcp/443."""
    shipped = (template.ROOT / "layers/policy/policy/security_group.toml").read_text("utf-8")
    allowing = '\nallowed = [\n  { protocol = "tcp", ports = "443", reason = "TLS ends on the hosts" },'
    (tmp_path / "security_group.toml").write_text(shipped.replace("\nallowed = [", allowing, 1), "utf-8")
    monkeypatch.setenv("NODEWARDEN_POLICY_FOLDER", str(tmp_path))


@pytest.fixture(name="golden")
def _golden(quick: FleetWorld, tmp_path: Path) -> GoldenWorld:
    """Give a fleet whose node groups have AMIs of a family."""
    golden_world.write(tmp_path)
    return GoldenWorld(quick)
