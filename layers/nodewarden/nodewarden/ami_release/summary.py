"""Node groups by how they stand, for a message or a listing: everything is counted, and some of each is shown."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nodewarden.ami_release.standing import Standing, State
from nodewarden.security_group.event import line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nodewarden.ami_release.unmanaged import Unmanaged

MOST_SHOWN = 20  # of each state


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The node groups of one state: how many, how many of each wave, and the first of them in order."""

    state: State
    count: int
    waves: Mapping[str, int]
    shown: tuple[Standing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Sections in the order of `State`, none of them empty, and what is in no node group."""

    sections: tuple[Section, ...]
    unmanaged: int
    unmanaged_shown: tuple[Unmanaged, ...]


def summarize(standings: Iterable[Standing], unmanaged: Iterable[Unmanaged] = (), most: int = MOST_SHOWN) -> Summary:
    """Count standings by their state, and show `most` of each."""
    by_state: dict[State, list[Standing]] = {state: [] for state in State}
    for standing in sorted(standings, key=lambda standing: standing.node_group.key):
        by_state[standing.state].append(standing)
    others = sorted(unmanaged)
    return Summary(
        sections=tuple(_section(state, its, most) for state, its in by_state.items() if its),
        unmanaged=len(others),
        unmanaged_shown=tuple(others[:most]),
    )


def _section(state: State, standings: list[Standing], most: int) -> Section:
    waves = Counter(standing.wave for standing in standings if standing.wave is not None)
    return Section(state=state, count=len(standings), waves=dict(sorted(waves.items())), shown=tuple(standings[:most]))


def counts(summary: Summary) -> dict[str, int]:
    """Give how many there are of each state, and `unmanaged`: for machines."""
    return {section.state.value: section.count for section in summary.sections} | {"unmanaged": summary.unmanaged}


def lines(summary: Summary) -> Iterator[str]:
    """Give the lines that people read."""
    for section in summary.sections:
        waves = ", ".join(f"{count} in {line(wave)}" for wave, count in section.waves.items())
        yield f"{section.state}: {section.count}{f' ({waves})' if waves else ''}"
        for standing in section.shown:
            yield f"  {standing.node_group.key}: {standing.reason}. {standing.advice}"
        yield from _rest(section.count - len(section.shown))
    if summary.unmanaged:
        yield f"in no managed node group: {summary.unmanaged}"
        for each in summary.unmanaged_shown:
            where = f"{each.cluster}/{each.where}" if each.where else each.cluster
            yield f"  {each.kind} {where}: {each.reason}. {each.advice}"
        yield from _rest(summary.unmanaged - len(summary.unmanaged_shown))


def _rest(count: int) -> Iterator[str]:
    if count:
        yield f"  and {count} more"
