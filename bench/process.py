"""Fresh processes that handle events, ours and the baseline's, and what they cost."""

from __future__ import annotations

import compileall
import json
import resource
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local import runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

FUNCTION, SWEEP = "SecurityGroupFunction", "SecurityGroupSweepFunction"
POLICY = "security_group.toml"
BREAKER = "breaker_groups_an_hour = 20\n", "breaker_groups_an_hour = 1000\n"  # as shipped, and off
HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds, and the peak of the memory in bytes."""

    cpu: float
    memory: float


@dataclass(frozen=True, slots=True)
class Side:
    """A handler, and the variables that its process gets; `file` takes the events."""

    handler: str
    variables: dict[str, str]
    file: Path

    def run(self, events: Sequence[dict[str, Any]], warm_up: int = 0) -> Cost:
        """Handle events in a fresh process; gives the CPU seconds of those after the warm-up."""
        self.file.write_text(json.dumps(events), "utf-8")
        command = (*runtime.PYTHON, "-P", str(HERE / "child.py"), self.handler, str(self.file), str(warm_up))
        done = subprocess.run(
            command, env=self.variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return Cost(*map(float, done.stderr.split()[-2:]))

    def run_whole(self, events: Sequence[dict[str, Any]]) -> Cost:
        """Handle events in a fresh process; gives the CPU seconds from the interpreter's start to the answer."""
        before = _cpu_of_children()
        cost = self.run(events)
        return replace(cost, cpu=_cpu_of_children() - before)


def sides(moto: runtime.Moto, folder: Path) -> tuple[Side, Side]:
    """Give ours as it was built, and the baseline with the same packages; `folder` takes what they need.

    The baseline reads botocore's models as they come: trimming them is ours.
    """
    ours = Side("app.handler", _variables(FUNCTION, runtime.function_folder(FUNCTION), moto), folder / "events.json")
    theirs = replace(ours, handler="bench.baseline.handler", variables=_variables(FUNCTION, _bare(folder), moto))
    theirs.variables.pop("AWS_DATA_PATH")
    return ours, theirs


def sweeping_sides(moto: runtime.Moto, folder: Path) -> tuple[Side, Side]:
    """Give our sweep with the breaker off, and the baseline's with the same packages and models."""
    swept = {"SWEEP_MODE": "enforce", "POLICY_FOLDER": str(_without_breaker(folder))}
    ours, theirs = (
        Side(handler, _variables(SWEEP, code, moto) | swept, folder / "events.json")
        for handler, code in (
            ("app.handler", runtime.function_folder(SWEEP)),
            ("bench.baseline_sweep.handler", _bare(folder)),
        )
    )
    return ours, theirs


def with_our_models(side: Side) -> Side:
    """Let a side read our trimmed models: what is left is what our own code costs."""
    return replace(side, variables={**side.variables, "AWS_DATA_PATH": str(runtime.MODELS)})


def compare[T](ours: Callable[[], T], baseline: Callable[[], T], turns: Iterable[int]) -> tuple[list[T], list[T]]:
    """Measure both by turns, so that a noisy moment hits both."""
    pairs = [(ours(), baseline()) for _ in turns]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _variables(function: str, code: Path, moto: runtime.Moto) -> dict[str, str]:
    return runtime.environment(function, runtime.path_of(code), moto.endpoint)


def _bare(folder: Path) -> Path:
    """Put the baseline into a folder of its own, compiled as the layer is."""
    bare = folder / "bare"
    (bare / "bench").mkdir(parents=True, exist_ok=True)
    for name in ("__init__", "baseline", "baseline_sweep"):
        shutil.copy(HERE / f"{name}.py", bare / "bench")
    compileall.compile_dir(bare, quiet=1)
    return bare


def _without_breaker(folder: Path) -> Path:
    """Give a policy's folder: as shipped, but with the breaker as wide as it goes."""
    shipped = (runtime.POLICY / POLICY).read_text("utf-8")
    if BREAKER[0] not in shipped:
        message = f"{POLICY} does not say {BREAKER[0]!r}"
        raise ValueError(message)
    own = folder / "policy"
    own.mkdir(exist_ok=True)
    (own / POLICY).write_text(shipped.replace(*BREAKER), "utf-8")
    return own


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
