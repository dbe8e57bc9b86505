"""Fresh processes that handle events, ours and the baseline's, and what they cost."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local import runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

FUNCTION = "SecurityGroupFunction"
HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Side:
    """A folder with an app.py, and the variables that its process gets."""

    variables: dict[str, str]
    file: Path

    def run(self, events: Sequence[dict[str, Any]], warm_up: int = 0) -> float:
        """Handle events in a fresh process; gives the CPU seconds of those after the warm-up."""
        self.file.write_text(json.dumps(events), "utf-8")
        command = (*runtime.PYTHON, "-P", str(HERE / "child.py"), str(self.file), str(warm_up))
        done = subprocess.run(
            command, env=self.variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return float(done.stderr.split()[-1])

    def run_whole(self, events: Sequence[dict[str, Any]]) -> float:
        """Handle events in a fresh process; gives the CPU seconds from the interpreter's start to the answer."""
        before = _cpu_of_children()
        self.run(events)
        return _cpu_of_children() - before


@dataclass(frozen=True, slots=True)
class Compared:
    """CPU seconds of the same work, done by ours and by the baseline in turn."""

    ours: list[float]
    baseline: list[float]

    @property
    def medians(self) -> tuple[float, float]:
        """Ours, and the baseline's."""
        return statistics.median(self.ours), statistics.median(self.baseline)

    @property
    def ratio(self) -> tuple[float, float, float]:
        """Ours to the baseline's, turn by turn: the median, and the quartiles around it."""
        pairs = zip(self.ours, self.baseline, strict=True)
        low, middle, high = statistics.quantiles((ours / baseline for ours, baseline in pairs), n=4)
        return middle, low, high


def sides(moto: runtime.Moto, folder: Path) -> tuple[Side, Side]:
    """Give ours as it was built, and the baseline with the same packages; `folder` takes what they need.

    The baseline reads botocore's models as they come: trimming them is ours.
    """
    baseline = folder / "baseline"
    baseline.mkdir()
    (baseline / "app.py").symlink_to(HERE / "baseline.py")
    ours, theirs = (
        Side(runtime.environment(FUNCTION, runtime.path_of(code), moto.endpoint), folder / "events.json")
        for code in (runtime.function_folder(FUNCTION), baseline)
    )
    theirs.variables.pop("AWS_DATA_PATH")
    return ours, theirs


def with_our_models(side: Side) -> Side:
    """Let a side read our trimmed models: what is left is what our own code costs."""
    return replace(side, variables={**side.variables, "AWS_DATA_PATH": str(runtime.MODELS)})


def compare(ours: Callable[[], float], baseline: Callable[[], float], turns: Iterable[int]) -> Compared:
    """Measure both by turns, so that a noisy moment hits both."""
    pairs = [(ours(), baseline()) for _ in turns]
    return Compared([pair[0] for pair in pairs], [pair[1] for pair in pairs])


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
