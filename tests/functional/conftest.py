"""The whole stack in moto, one per test; groups, hosts and events to play with."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import boto3
import pytest
import time_machine
from moto import mock_aws

from local import (
    aws,  # noqa: F401  # sets the environment before moto and boto3 read it
    template,
)
from local.stack import Stack
from tests import roles
from tests.functional import golden_world
from tests.functional.fleet_watch import NOW, FleetWatch
from tests.functional.fleet_world import BEGIN, QUICK, FleetWorld
from tests.functional.golden_world import GoldenWorld
from tests.functional.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(name="stack")
def _stack() -> Iterator[Stack]:
    with mock_aws():
        stack = Stack({"AlertEmail": "security@example.com"})
        called: dict[str, set[str]] = {}
        stack.observers.append(lambda call: called.setdefault(call.function, set()).add(call.action))
        yield stack
        for function, calls in called.items():
            assert roles.needed(calls) <= roles.allowed(function), f"the role of {function} lacks what it called"


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
