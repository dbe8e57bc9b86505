"""`make bench`: measures the built function, prints a table, and writes build/bench.json. Says what is over target."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench import process
from bench.calls import Call, calls, differences
from bench.world import OFFICE, World
from local import (
    aws,  # noqa: F401  # sets the environment before the server and boto3 read it
    runtime,
    template,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.process import Compared, Side

COLD_TURNS, WARM_TURNS = 25, 15
WARM_UP, WARM = 5, 15  # events of a process
RESULT = template.ROOT / "build/bench.json"
console = Console(width=120, highlight=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measure; `cost` is what is held against the target: a ratio, or a number of calls."""

    name: str
    unit: str
    ours: float
    cost: float
    target: float
    baseline: float | None = None
    quartiles: tuple[float, float] | None = None

    @property
    def ok(self) -> bool:
        """Whether the target is met."""
        return self.cost <= self.target


def main() -> None:
    """Measure, print, write."""
    with TemporaryDirectory() as folder, runtime.moto(Path(folder)) as moto:
        ours, baseline = process.sides(moto, Path(folder))
        world = World.of(moto)
        rows, drift = _calls(world, moto, ours, baseline)
        rows = [*_cpu(world, ours, baseline), *rows]
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(_document(rows, drift), indent=2) + "\n", "utf-8")
    _print(rows, drift)


def _cpu(world: World, ours: Side, baseline: Side) -> list[Row]:
    groups = world.clusters(WARM_UP + WARM)

    def cold(side: Side) -> float:
        return side.run_whole(world.reopen(groups[:1]))

    def warm(side: Side) -> float:
        return side.run(world.reopen(groups), WARM_UP) / WARM

    compared = process.compare(lambda: cold(ours), lambda: cold(baseline), _turns("cold starts", COLD_TURNS))
    trimmed = process.compare(
        lambda: cold(ours),
        lambda: cold(process.with_our_models(baseline)),
        _turns("cold starts, models alike", COLD_TURNS),
    )
    warmed = process.compare(lambda: warm(ours), lambda: warm(baseline), _turns("warm events", WARM_TURNS))
    return [
        _ratio("cold start to first revoke, CPU", compared, 1.15),
        _ratio("the same, baseline with our models", trimmed, 1.15),
        _ratio("warm violating event, CPU", warmed, 1.3),
    ]


def _turns(what: str, count: int) -> Iterable[int]:
    return track(range(count), description=f"{what}, ours and the baseline by turns", console=console, transient=True)


def _ratio(name: str, compared: Compared, target: float) -> Row:
    ours, baseline = compared.medians
    ratio, *quartiles = compared.ratio
    return Row(
        name=name,
        unit="ms",
        ours=ours * 1000,
        baseline=baseline * 1000,
        cost=ratio,
        quartiles=(quartiles[0], quartiles[1]),
        target=target,
    )


def _calls(world: World, moto: runtime.Moto, ours: Side, baseline: Side) -> tuple[list[Row], list[str]]:
    """Count the EC2 calls of four events, and say where the baseline's are not ours."""
    clean, violating, many = world.clusters(3)
    used = world.used_by_a_host()
    made = {
        ("EC2 calls, clean event", 1): _requests(moto, ours, world.open(clean, OFFICE)),
        ("EC2 calls, violating event", 4): _requests(moto, ours, world.open(violating)),
        ("EC2 calls, ten rules offend", 4): _requests(moto, ours, world.open(many, rules=10)),
        ("EC2 calls, hosts looked up", 6): _requests(moto, ours, world.open(used)),
    }
    rows = [_count(name, target, found) for (name, target), found in made.items()]
    bare = _requests(moto, baseline, *world.reopen([violating]))
    return rows, differences(made["EC2 calls, violating event", 4], bare)


def _requests(moto: runtime.Moto, side: Side, event: dict[str, Any]) -> list[Call]:
    with moto.recorded() as requests:
        side.run([event])
    return calls(requests)


def _count(name: str, target: int, found: list[Call]) -> Row:
    count = sum(call.service == "ec2" for call in found)
    return Row(name=name, unit="calls", ours=count, cost=count, target=target)


def _print(rows: list[Row], drift: list[str]) -> None:
    table = Table(title="against bare boto3 that makes the same calls", title_justify="left")
    for column in ("", "ours", "baseline", "ratio", "target", ""):
        table.add_column(column, justify="left" if not column else "right")
    for row in rows:
        table.add_row(row.name, *_cells(row), "[green]ok[/]" if row.ok else "[bold red]over[/]")
    console.print(table)
    console.print(
        f"medians of {COLD_TURNS} cold and {WARM_TURNS} warm fresh processes of each, by turns; the ratio is of each turn,"
        " with its quartiles"
    )
    for row in rows:
        if not row.ok:
            console.print(f"[bold red]over target:[/] {row.name}: {row.cost:.2f}, target {row.target:g}")
    for difference in drift:
        console.print(f"[bold red]bench/baseline.py no longer makes our calls:[/] {difference}")


def _cells(row: Row) -> tuple[str, str, str, str]:
    if row.baseline is None or row.quartiles is None:
        return f"{row.ours:.0f}", "", "", f"{row.target:g}"
    ratio = f"{row.cost:.2f} ({row.quartiles[0]:.2f} to {row.quartiles[1]:.2f})"
    return f"{row.ours:.1f} {row.unit}", f"{row.baseline:.1f} {row.unit}", ratio, f"≤ {row.target:g}"


def _document(rows: list[Row], drift: list[str]) -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processes": {"cold": COLD_TURNS, "warm": WARM_TURNS},
        "rows": [{**asdict(row), "ok": row.ok} for row in rows],
        "baseline_differs": drift,
    }


if __name__ == "__main__":
    main()
