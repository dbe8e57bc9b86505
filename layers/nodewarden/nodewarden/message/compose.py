"""Which words go with which change of the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from nodewarden.ami_release.fleet import FleetLook
from nodewarden.message.ami_release import of_look
from nodewarden.message.digest import Digest, of_digest
from nodewarden.message.inspector_finding import IncidentsChange, of_incidents
from nodewarden.message.person import of_breaker, of_exemption, of_pause
from nodewarden.message.rollout import RolloutStep, of_step
from nodewarden.message.security_group import of_remediation
from nodewarden.message.sweep import of_sweep
from nodewarden.record import Exemption, Pause, Remediation, Resumed
from nodewarden.security_group.sweep import SweepRun

if TYPE_CHECKING:
    from nodewarden.message.message import Message

type Change = Remediation | Exemption | Pause | Resumed | SweepRun | RolloutStep | FleetLook | IncidentsChange | Digest


def compose(changed: Change, stack: str) -> Message | None:  # noqa: PLR0911  # one for each kind of change
    """Word one changed ledger entry; None for changes that are nobody's news."""
    match changed:
        case Remediation():
            return of_remediation(changed, stack)
        case Exemption():
            return of_exemption(changed, stack)
        case Pause():
            return of_pause(changed, stack)
        case Resumed():
            return of_breaker(changed, stack)
        case SweepRun():
            return of_sweep(changed, stack)
        case RolloutStep():
            return of_step(changed, stack)
        case FleetLook():
            return of_look(changed, stack)
        case Digest():
            return of_digest(changed, stack)
        case IncidentsChange():
            return of_incidents(changed, stack)
        case _:
            assert_never(changed)
