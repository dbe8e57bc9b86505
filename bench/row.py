"""A line of the bench's table: what was measured, and what it is held against."""

from __future__ import annotations

import statistics
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measure; `cost` is what is held against the target, if there is one: a ratio, or a number of calls."""

    name: str
    unit: str
    ours: float
    cost: float
    target: float | None
    baseline: float | None = None
    quartiles: tuple[float, float] | None = None

    @property
    def ok(self) -> bool:
        """Whether the target is met."""
        return self.target is None or self.cost <= self.target


@dataclass(frozen=True, slots=True)
class Compared:
    """What the same work cost ours and the baseline in turn: seconds of CPU, or bytes."""

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
        low, middle, high = statistics.quantiles((ours / baseline for ours, baseline in pairs), n=4, method="inclusive")
        return middle, low, high


def ratio_row(name: str, compared: Compared, target: float | None, unit: str = "ms", units: float = 1000) -> Row:
    """Hold ours against the baseline's; there are `units` of the unit in what was measured."""
    ours, baseline = compared.medians
    ratio, *quartiles = compared.ratio
    return Row(
        name=name,
        unit=unit,
        ours=ours * units,
        baseline=baseline * units,
        cost=ratio,
        quartiles=(quartiles[0], quartiles[1]),
        target=target,
    )


def plain_row(name: str, unit: str, cost: float, target: float) -> Row:
    """Hold a number of ours against a target."""
    return Row(name=name, unit=unit, ours=cost, cost=cost, target=target)
