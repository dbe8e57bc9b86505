"""The bench measures against bare boto3 that makes the same calls: else its ratios would mean nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import process, sweep
from bench.__main__ import count_calls
from bench.world import World
from local import (
    aws,  # noqa: F401  # sets the environment before the server and boto3 read it
    runtime,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_the_baseline_of_an_event_makes_our_calls(tmp_path: Path) -> None:
    with runtime.moto(tmp_path) as moto:
        _, drift = count_calls(World.of(moto), moto, *process.sides(moto, tmp_path))

    assert drift == []


def test_the_baseline_of_a_sweep_makes_our_calls(tmp_path: Path) -> None:
    assert sweep.drift(tmp_path) == []
