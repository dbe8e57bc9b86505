"""What a sweep costs that finds one group in ten open and closes them all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench import process
from bench.calls import Call, calls, differences
from bench.fleet import fleet
from bench.row import Compared, Row, plain_row, ratio_row

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bench.process import Cost

GROUPS = 2000
SIZES = (200, GROUPS, 10_000)
ONE_OPEN_IN = 10
FEW = 60  # groups, enough to see which calls are made
PAGE = 1000
CALLS_PER_OPEN = 5
FLAT = 1.1
MEGA = 1e-6
EVENT: dict[str, Any] = {"source": "aws.events", "detail-type": "Scheduled Event"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """One sweep of ours."""

    groups: int
    opened: int
    calls: int
    cost: Cost


def compare(folder: Path, turns: Iterable[int]) -> list[Row]:
    """Hold our sweep of 2,000 groups against the baseline's, each turn with groups of its own."""

    def cost(which: int) -> Cost:
        return _sweep(GROUPS, folder, which)[0]

    ours, baseline = process.compare(lambda: cost(0), lambda: cost(1), turns)
    name = f"sweep of {GROUPS:,} groups, {GROUPS // ONE_OPEN_IN} open"
    cpu = Compared([one.cpu for one in ours], [one.cpu for one in baseline])
    memory = Compared([one.memory for one in ours], [one.memory for one in baseline])
    return [
        ratio_row(f"{name}, CPU", cpu, 1.3, "s", 1),
        ratio_row("the same, peak memory", memory, None, "MB", MEGA),
    ]


def drift(folder: Path) -> list[str]:
    """Say where the baseline's sweep makes other calls than ours."""
    return differences(*(_sweep(FEW, folder, which)[1] for which in (0, 1)))


def sweep(groups: int, folder: Path) -> Swept:
    """Let ours sweep this many groups."""
    cost, made = _sweep(groups, folder, 0)
    return Swept(groups=groups, opened=groups // ONE_OPEN_IN, calls=ec2(made), cost=cost)


def growth(sweeps: Iterable[Swept]) -> list[Row]:
    """Hold the calls against the groups that are open, and the memory of the largest sweep against a smaller one's."""
    by_size = {swept.groups: swept for swept in sweeps}
    swept, largest = by_size[GROUPS], by_size[max(SIZES)]
    target = GROUPS // PAGE + CALLS_PER_OPEN * swept.opened
    name = f"sweep's peak memory, {largest.groups:,} groups to {GROUPS:,}"
    return [
        plain_row(f"EC2 calls, sweep of {GROUPS:,} groups", "calls", swept.calls, target),
        plain_row(name, "times", largest.cost.memory / swept.cost.memory, FLAT),
    ]


def _sweep(groups: int, folder: Path, which: int) -> tuple[Cost, list[Call]]:
    """Let ours (0) or the baseline's (1) sweep; raises where it did not close every opening."""
    opened = groups // ONE_OPEN_IN
    with fleet(groups, opened, folder) as moto:
        side = process.sweeping_sides(moto, folder)[which]
        with moto.recorded() as requests:
            cost = side.run_whole([EVENT])
    made = calls(requests)
    if sum(call.action == "RevokeSecurityGroupIngress" for call in made) != opened:
        message = f"{side.handler} did not close {opened} groups"
        raise RuntimeError(message)
    return cost, made


def ec2(made: Iterable[Call]) -> int:
    """Count the calls of EC2."""
    return sum(call.service == "ec2" for call in made)
