"""The words for a node group of a rollout: where it came from and goes to, or what went wrong and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nodewarden.rollout.advice import advice
from nodewarden.rollout.state import GroupState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nodewarden.node_group import HealthIssue
    from nodewarden.rollout.state import GroupProgress

# A message is at most 256 KB in all its forms: twenty groups with this much of each fit.
MOST_ERRORS, MOST_IDS, LONGEST_SAID = 3, 5, 300
MOST_CODES = 10


def described(group: GroupProgress, *, with_wave: bool) -> Iterator[str]:
    """Give the lines about a group; for one that failed also EKS's errors and health issues."""
    yield f"{_label(group)}{group.key}{f' (wave {group.wave})' if with_wave else ''}{_detail(group)}"
    for error in group.errors[:MOST_ERRORS] if group.state is GroupState.FAILED else ():
        yield f"- {error.code}{_resources(error)}: {error.message[:LONGEST_SAID]}"


def advised(groups: Iterable[GroupProgress]) -> list[str]:
    """Say of each code of the groups that failed what it means and what to do, once."""
    errors = (error for group in groups if group.state is GroupState.FAILED for error in group.errors[:MOST_ERRORS])
    codes = list(dict.fromkeys(error.code for error in errors))[:MOST_CODES]
    return [f"{code}: {known.means}. {known.do}" for code, known in zip(codes, map(advice, codes), strict=True)]


def errors_of(group: GroupProgress) -> list[dict[str, object]]:
    """Give the errors of a group for machines."""
    return [
        {"code": e.code, "message": e.message[:LONGEST_SAID], "resources": list(e.resource_ids[:MOST_IDS])}
        for e in group.errors[:MOST_ERRORS]
    ]


def _label(group: GroupProgress) -> str:
    match group.state:
        case GroupState.FAILED:
            return "FAILED "
        case GroupState.LEFT_ALONE:
            return "left alone "
        case GroupState.WAITING:
            return ""
        case _:
            return f"{group.state.value} "


def _detail(group: GroupProgress) -> str:
    if group.state in {GroupState.WAITING, GroupState.DONE}:
        by = f", {group.why}" if group.state is GroupState.DONE and group.target.family and group.why else ""
        return f": {group.previous_release} → {group.target.release_version}{by}"
    return f": {group.why}" if group.why else ""


def _resources(error: HealthIssue) -> str:
    shown = ", ".join(error.resource_ids[:MOST_IDS])
    more = len(error.resource_ids) - MOST_IDS
    return f" ({shown}{f' and {more} more' if more > 0 else ''})" if shown else ""
