"""What is urgent of what is said of an incident: it is what needs a look at the node group, and what is written first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nodewarden.inspector_finding.action import RecordFinding
from nodewarden.inspector_finding.decision import decided
from nodewarden.inspector_finding.incident import Incident
from nodewarden.inspector_finding.merge import merge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nodewarden.inspector_finding.decision import Decision
    from nodewarden.inspector_finding.incident import IncidentKey
    from nodewarden.inspector_finding.judgement import Judge
    from nodewarden.inspector_finding.merge import Record


def leave_urgent(key: IncidentKey, words: Iterable[Record], judge: Judge) -> bool:
    """Tell whether words, the newest about each finding, leave anything urgent there."""
    return bool(merge(Incident(key=key), {}, words, judge)[0].urgent)


def count(
    key: IncidentKey, before: Incident | None, known: Mapping[str, Record], words: Iterable[Record], judge: Judge
) -> Decision:
    """Take words into an incident and decide nothing: it stays in its state, with nothing to tell.

    `known` is as for `merge`. What follows is decided with other words of the incident, or by the next sweep.
    """
    merged, changed = merge(before or Incident(key=key), known, words, judge)
    return decided(before, merged, (), tuple(map(RecordFinding, changed)))
