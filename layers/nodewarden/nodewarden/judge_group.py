"""Gather, decide, carry out: what becomes of one security group."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nodewarden import gather
from nodewarden.carry_out import carry_out
from nodewarden.errors import faults_of_ours
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

    def said(self) -> list[dict[str, str]]:
        """Say what became of each offending rule, for the log and the answer."""
        became = {rule_id: r.outcome.value for r in self.written for rule_id in r.rule_ids}
        return [
            {
                "rule": str(v.rule),
                "rule_id": v.rule.rule_id,
                "outcome": became.get(v.rule.rule_id, v.word),
                "why": v.why,
            }
            for v in self.verdicts
        ]

    def outcomes(self) -> list[str]:
        """Give the outcome of each offending rule, for metrics."""
        return [one["outcome"] for one in self.said()]


def judge_group(place: Place, wired: Wiring, mode: Mode, known: Known = NOTHING_KNOWN) -> Judged:
    """Judge one group; raises what keeps it from being judged at all, and gives what failed while acting.

    Raises CodeError for a fault of our own, so that one group does not keep others from being judged.
    """
    with faults_of_ours(f"{place.group_id} was not judged", "Judge it by hand, and report this"):
        ec2, ledger, policy = wired.ec2(place.account, place.region), wired.ledger, wired.security_group_policy
        look = gather.look(place, ec2, ledger, policy, known)
        decision = decide(look, policy, mode, datetime.now(UTC))
        done = carry_out(decision.actions, ec2, ledger, wired.breaker)
        failures = [*done.failures, *look.unread.values()]
        return Judged(verdicts=decision.verdicts, written=done.written, failures=failures)
