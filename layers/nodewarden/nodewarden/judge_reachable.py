"""Judging the security groups on the way to hosts that Inspector can reach: each once in a batch, however many say it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nodewarden.carry_out import CLOSING, raise_first
from nodewarden.gather import Known
from nodewarden.inspector_finding.action import JudgeGroups
from nodewarden.inspector_finding.decision import groups_to_judge, judged
from nodewarden.inspector_finding.event import FINDING
from nodewarden.inspector_finding.finding import Status
from nodewarden.judge_group import judge_group
from nodewarden.record import Place, stamp
from nodewarden.security_group.event import Cause

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nodewarden.fleet_wiring import FleetWiring
    from nodewarden.gather_findings import Word
    from nodewarden.inspector_finding.decision import Decision
    from nodewarden.judge_group import Judged
    from nodewarden.security_group.rule import IngressRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Reachable:
    """The groups that were judged in a batch, by id."""

    wired: FleetWiring
    groups: dict[str, Judged] = field(default_factory=dict)

    def decided(self, decision: Decision, words: Sequence[Word], now: datetime) -> Decision:
        """Judge the groups that a decision asks for, and take in what that came to; raises what failed of it.

        All of it is written at once: a try that dies before that judges again, and finds what it closed in the ledger.
        """
        for action in decision.actions:
            if isinstance(action, JudgeGroups):
                to_blame = self.to_blame(action, words)
                after = judged(decision.incident, to_blame, _unexplained(words, to_blame), now)
                return replace(decision, incident=after.incident, changed=decision.changed or after.changed)
        return decision

    def judge_strangers(self, words: Sequence[Word]) -> None:
        """Judge the groups on the way to instances that are no EKS hosts: an EKS host may be in them too."""
        found = [word for word in words if word.finding and word.finding.status is Status.ACTIVE]
        if asked := groups_to_judge(word.finding for word in found if word.finding):
            self.to_blame(asked, found)

    def to_blame(self, action: JudgeGroups, words: Sequence[Word]) -> dict[str, list[IngressRule]]:
        """Judge groups, and give the rules that offend, or were closed within a day, by their group."""
        account, region = words[0].account, words[0].region
        ec2 = self.wired.ec2(account, region)
        of_interfaces = ec2.groups_of_interfaces(action.interface_ids) if action.interface_ids else ()
        places = [
            Place(account=account, region=region, group_id=group_id)
            for group_id in dict.fromkeys((*action.group_ids, *of_interfaces))
        ]
        for place in places:
            if place.group_id not in self.groups:
                self.groups[place.group_id] = judge_group(
                    place, self.wired, self.wired.mode, Known(cause=_cause(words, place.group_id))
                )
        raise_first([failure for place in places for failure in self.groups[place.group_id].failures])
        found = {place.group_id: self._offending(place) for place in places}
        return {group_id: rules for group_id, rules in found.items() if rules}

    def _offending(self, place: Place) -> list[IngressRule]:
        now = [verdict.rule for verdict in self.groups[place.group_id].verdicts if verdict.outcome]
        entries = self.wired.ledger.entries(place, datetime.now(UTC))
        return now + [rule for r in entries.remediations if r.outcome in CLOSING for rule in r.rules]


def _unexplained(words: Iterable[Word], to_blame: Mapping[str, list[IngressRule]]) -> frozenset[str]:
    """Give what is open on the way to hosts, and let in by none of the rules that offend in its own groups."""
    paths = [word.finding.path for word in words if word.finding and word.record.open and word.finding.path]
    return frozenset(
        path.opens
        for path in paths
        if not any(path.is_let_in_by(rule) for group in path.group_ids or to_blame for rule in to_blame.get(group, ()))
    )


def _cause(words: Sequence[Word], group_id: str) -> Cause:
    """Say that Inspector made us look: who opened the group, it does not know."""
    word = max(
        (word for word in words if word.finding and word.finding.path), key=lambda word: _points_at(word, group_id)
    )
    return Cause(
        event_name=FINDING,
        event_id=word.event_id,
        at=stamp(word.record.updated_at),
        actor="",
        actor_type="",
        user_agent="",
        source_ip="",
        rule_ids=frozenset(),
    )


def _points_at(word: Word, group_id: str) -> tuple[bool, bool]:
    """Rank a word by whether its path leads to a group: by name, else by an interface, of which it has the groups."""
    path = word.finding.path if word.finding else None
    return (bool(path and group_id in path.group_ids), bool(path and not path.group_ids))
