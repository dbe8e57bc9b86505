"""Incidents of Inspector's findings that wait for a release: whether it has the fix, Inspector says when hosts run it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MayClose:
    """An incident of Inspector's findings that waits for a release: whose hosts, and the first of what it is `about`."""

    incident_id: str
    cluster: str
    node_group: str
    about: tuple[str, ...]
