"""Gather, decide, carry out: what becomes of one security group."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nodewarden import gather
from nodewarden.carry_out import carry_out
from nodewarden.gather import NOTHING_KNOWN, Known
from nodewarden.security_group.decision import decide

if TYPE_CHECKING:
    from nodewarden.errors import NodewardenError
    from nodewarden.record import Place, Remediation
    from nodewarden.security_group.verdict import Mode, Verdict
    from nodewarden.wiring import Wiring


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What became of each offending rule, what was written down, and what failed on the way."""

    verdicts: tuple[Verdict, ...]
    written: tuple[Remediation, ...]
    failures: list[NodewardenError]


def judge_group(place: Place, wired: Wiring, mode: Mode, known: Known = NOTHING_KNOWN) -> Judged:
    """Judge one group; raises what keeps it from being judged at all, and gives what failed while acting."""
    ec2, ledger, policy = wired.ec2(place.account, place.region), wired.ledger, wired.security_group_policy
    look = gather.look(place, ec2, ledger, policy, known)
    decision = decide(look, policy, mode, datetime.now(UTC))
    done = carry_out(decision.actions, ec2, ledger, wired.breaker)
    unread = [look.unread] if look.unread else []
    return Judged(verdicts=decision.verdicts, written=done.written, failures=[*done.failures, *unread])
