"""`make bench`: measures the built functions, prints tables, and writes build/bench.json. Says what is over target."""

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

from bench import button, process, sweep
from bench.calls import Call, calls, differences
from bench.row import Compared, Row, plain_row, ratio_row
from bench.world import OFFICE, World
from local import (
    aws,  # noqa: F401  # sets the environment before the server and boto3 read it
    runtime,
    template,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.process import Side
    from bench.sweep import Swept

COLD_TURNS, WARM_TURNS, SWEEP_TURNS, PRESS_TURNS = 25, 15, 3, 5
WARM_UP, WARM = 5, 15  # events of a process
RESULT = template.ROOT / "build/bench.json"
console = Console(width=120, highlight=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """All that was measured; `drift` says where a baseline makes other calls than ours."""

    rows: list[Row]
    sweeps: list[Swept]
    drift: list[str]


def main() -> None:
    """Measure, print, write."""
    with TemporaryDirectory() as folder:
        results = _measure(Path(folder))
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(_document(results), indent=2) + "\n", "utf-8")
    _print(results)


def _measure(folder: Path) -> Results:
    with runtime.moto(folder) as moto:
        ours, baseline = process.sides(moto, folder)
        world = World.of(moto)
        counted, drift = count_calls(world, moto, ours, baseline)
        rows = [*_cpu(world, ours, baseline), *counted]
        rows.append(button.row(moto, folder, range(PRESS_TURNS)))
    drift += sweep.drift(folder)
    rows += sweep.compare(folder, _turns("sweeps", range(SWEEP_TURNS)))
    sizes = track(sweep.SIZES, description="sweeps of ever more groups", console=console, transient=True)
    sweeps = [sweep.sweep(groups, folder) for groups in sizes]
    return Results(rows=[*rows, *sweep.growth(sweeps)], sweeps=sweeps, drift=drift)


def _cpu(world: World, ours: Side, baseline: Side) -> list[Row]:
    groups = world.clusters(WARM_UP + WARM)

    def cold(side: Side) -> float:
        return side.run_whole(world.reopen(groups[:1])).cpu

    def warm(side: Side) -> float:
        return side.run(world.reopen(groups), WARM_UP).cpu / WARM

    alike = process.with_our_models(baseline)
    started = process.compare(lambda: cold(ours), lambda: cold(baseline), _turns("cold starts", range(COLD_TURNS)))
    trimmed = process.compare(
        lambda: cold(ours), lambda: cold(alike), _turns("cold starts, models alike", range(COLD_TURNS))
    )
    warmed = process.compare(lambda: warm(ours), lambda: warm(baseline), _turns("warm events", range(WARM_TURNS)))
    return [
        ratio_row("cold start to first revoke, CPU", Compared(*started), 1.15),
        ratio_row("the same, baseline with our models", Compared(*trimmed), 1.15),
        ratio_row("warm violating event, CPU", Compared(*warmed), 1.3),
    ]


def _turns(what: str, turns: Sequence[int]) -> Iterable[int]:
    return track(turns, description=f"{what}, ours and the baseline by turns", console=console, transient=True)


def count_calls(world: World, moto: runtime.Moto, ours: Side, baseline: Side) -> tuple[list[Row], list[str]]:
    """Count the EC2 calls of four events, and say where the baseline's are not ours."""
    clean, violating, many = world.clusters(3)
    used = world.used_by_a_host()
    made = {
        ("EC2 calls, clean event", 1): _requests(moto, ours, world.open(clean, OFFICE)),
        ("EC2 calls, violating event", 4): _requests(moto, ours, world.open(violating)),
        ("EC2 calls, ten rules offend", 4): _requests(moto, ours, world.open(many, rules=10)),
        ("EC2 calls, hosts looked up", 6): _requests(moto, ours, world.open(used)),
    }
    rows = [plain_row(name, "calls", sweep.ec2(found), target) for (name, target), found in made.items()]
    bare = _requests(moto, baseline, *world.reopen([violating]))
    return rows, differences(made["EC2 calls, violating event", 4], bare)


def _requests(moto: runtime.Moto, side: Side, event: dict[str, Any]) -> list[Call]:
    with moto.recorded() as requests:
        side.run([event])
    return calls(requests)


def _print(results: Results) -> None:
    console.print(_table(results.rows))
    console.print(
        f"medians of {COLD_TURNS} cold, {WARM_TURNS} warm and {SWEEP_TURNS} sweeping fresh processes of each, by turns;"
        " the ratio is of each turn, with its quartiles; the sweeps' baseline has our models"
    )
    console.print(_growth_table(results.sweeps))
    console.print(
        "one process each, from start to answer, with the breaker off; every second open group is tagged for a cluster,"
        " the hosts of the others are looked up"
    )
    for row in results.rows:
        if not row.ok:
            console.print(f"[bold red]over target:[/] {row.name}: {row.cost:.2f}, target {row.target:g}")
    for difference in results.drift:
        console.print(f"[bold red]bench/baseline*.py no longer makes our calls:[/] {difference}")


def _table(rows: Iterable[Row]) -> Table:
    table = Table(title="against bare boto3 that makes the same calls", title_justify="left")
    for column in ("", "ours", "baseline", "ratio", "target", ""):
        table.add_column(column, justify="left" if not column else "right")
    for row in rows:
        table.add_row(row.name, *_cells(row), _said(row))
    return table


def _said(row: Row) -> str:
    if row.target is None:
        return ""
    return "[green]ok[/]" if row.ok else "[bold red]over[/]"


def _cells(row: Row) -> tuple[str, str, str, str]:
    target = "" if row.target is None else f"≤ {row.target:g}"
    if row.baseline is None or row.quartiles is None:
        return f"{round(row.ours, 2):g}", "", "", target
    ratio = f"{row.cost:.2f} ({row.quartiles[0]:.2f} to {row.quartiles[1]:.2f})"
    return f"{row.ours:.1f} {row.unit}", f"{row.baseline:.1f} {row.unit}", ratio, target


def _growth_table(sweeps: Iterable[Swept]) -> Table:
    table = Table(title="a sweep, by how many groups there are", title_justify="left")
    for column in ("groups", "open", "EC2 calls", "per open group", "CPU", "peak memory"):
        table.add_column(column, justify="right")
    for swept in sweeps:
        cells = f"{swept.groups:,}", f"{swept.opened:,}", f"{swept.calls:,}", f"{swept.calls / swept.opened:.2f}"
        table.add_row(*cells, f"{swept.cost.cpu:.1f} s", f"{swept.cost.memory * sweep.MEGA:.1f} MB")
    return table


def _document(results: Results) -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processes": {"cold": COLD_TURNS, "warm": WARM_TURNS, "sweep": SWEEP_TURNS},
        "rows": [{**asdict(row), "ok": row.ok} for row in results.rows],
        "sweeps": [asdict(swept) for swept in results.sweeps],
        "baseline_differs": results.drift,
    }


if __name__ == "__main__":
    main()
