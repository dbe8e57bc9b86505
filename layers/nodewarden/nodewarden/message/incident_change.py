"""A change of an incident, as one thing to say: what it is about, why, what was done, what people can do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from nodewarden.inspector_finding.action import (
    Close,
    JoinRollout,
    TellNotFixed,
    TellNotRolled,
    TellNotScanned,
    TellNotToBlame,
    TellRequested,
    WaitForAmi,
    named,
    tellings,
)

if TYPE_CHECKING:
    from datetime import timedelta

    from nodewarden.inspector_finding.action import Telling
    from nodewarden.inspector_finding.incident import Change, Incident


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentChange:
    """A change of an incident that is to be told, and the incident as it was written with it."""

    incident: Incident
    change: Change

    @property
    def telling(self) -> Telling:
        """What is to be said of it."""
        (told,) = tellings(replace(self.incident, news=(self.change,)))
        return told

    @property
    def about(self) -> tuple[str, ...]:
        """The vulnerabilities, what can be reached, or why hosts are not scanned, by name."""
        match self.telling:
            case TellNotScanned(reason=reason):
                return (reason,)
            case Close(cves=cves):
                return cves
            case _:
                return named(self.change.only or self.incident.urgent)

    @property
    def took(self) -> timedelta | None:
        """How long it took, where it is over."""
        return self.telling.took if isinstance(self.telling, Close) else None


def why(change: IncidentChange) -> str:
    """Give the reason, where it is not said already as what it is about or what was done."""
    return "" if isinstance(change.telling, (TellNotScanned, Close)) else change.incident.reason


def done(change: IncidentChange) -> str:  # noqa: PLR0911  # one for each
    """Say what was done."""
    match change.telling:
        case TellRequested(release_version=release):
            hastens = f", in place of {change.incident.rollout_id}" * bool(change.incident.rollout_id)
            return (
                f"Asked for an urgent rollout to {release}{hastens}: it skips what rollout.toml lets an urgent one skip, and "
                "its plan is told by itself, with the way to end it. Inspector closes the findings if the AMI has the fix."
            )
        case JoinRollout(rollout_id=rollout_id, release_version=release):
            return f"Nothing more: the rollout {rollout_id} takes it to {release} already."
        case WaitForAmi(release_version=release):
            return f"Nothing is rolled: it runs {release}, and there is nothing newer to roll to. The message about the next release names this."
        case TellNotRolled():
            return "Nothing is rolled."
        case TellNotFixed():
            return "Nothing more until the next release, whose message names this."
        case TellNotToBlame():
            return "Nothing is closed: no rule of a security group is to blame."
        case TellNotScanned():
            return (
                "Nothing: what is not scanned has no findings, and looks safe. You hear when Inspector scans it again."
            )
        case Close(reason=reason):
            return f"Closed the incident: {reason}."
        case _ as never:
            assert_never(never)


def advice(change: IncidentChange) -> str:
    """Say what people can do; nothing where it is over."""
    match change.telling:
        case TellNotScanned(advice=advice):
            return advice
        case Close():
            return ""
        case _:
            return change.incident.advice
