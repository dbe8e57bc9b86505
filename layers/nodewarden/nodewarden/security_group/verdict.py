"""Judging: what is to become of each rule that opens a group to the internet."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from nodewarden.record import UNFINISHED, Entries, Outcome, Pause, Place
from nodewarden.security_group.flapping import closings, openers
from nodewarden.security_group.group import cluster_of
from nodewarden.security_group.policy import EKS_HOSTS, STOP, SecurityGroupPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from nodewarden.errors import NodewardenError
    from nodewarden.security_group.event import Cause
    from nodewarden.security_group.group import Group, PrefixList
    from nodewarden.security_group.rule import IngressRule

NO_ENTRIES = Entries()
# What nobody writes down of a rule that was only found.
BY_AN_ACT = UNFINISHED | {Outcome.HELD, Outcome.PAUSED}


class Mode(StrEnum):
    """Whether openings are revoked, or only told."""

    ENFORCE = "enforce"
    OBSERVE = "observe"
    OBSERVE_EXISTING = "observe-existing"  # a sweep's: what no event announced is only told
    OBSERVE_LISTED = "observe-listed"  # of what arrives at a group: what a sweep listed is left as it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen of one group. `group` is None when nothing offended (nobody asked) or when it vanished.

    `unread` says which prefix lists could not be looked into, and why: the other rules are judged all the same. `hosts` are EKS hosts
    that use the group, `hosts_elsewhere` instances of other accounts that do, of which we cannot see what they are. `run`
    names the sweep that looks, "" where something else made us look.
    """

    place: Place
    rules: tuple[IngressRule, ...]
    group: Group | None = None
    lists: Mapping[str, PrefixList] = field(default_factory=dict)
    unread: Mapping[str, NodewardenError] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    hosts_elsewhere: tuple[str, ...] = ()
    entries: Entries = NO_ENTRIES
    pause_of_acting: Pause | None = None
    cause: Cause | None = None
    run: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is to become of one offending rule; `outcome` is None for a rule that is out of scope.

    `closings` and `reopened_by` are as in a `Remediation`.
    """

    rule: IngressRule
    outcome: Outcome | None
    why: str
    reopens: str = ""
    closings: int = 0
    reopened_by: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """The outcome as people and logs read it."""
        return self.outcome.value if self.outcome else "out-of-scope"


def needs_hosts(group: Group, policy: SecurityGroupPolicy) -> bool:
    """Tell whether only the hosts that use the group can say if it is in scope."""
    return policy.scope == EKS_HOSTS and cluster_of(group) is None


def judge(look: Look, policy: SecurityGroupPolicy, mode: Mode, now: datetime) -> tuple[Verdict, ...]:
    """Judge every offending rule; none where the group is gone."""
    group = look.group
    if group is None:
        return ()
    return tuple(
        _left_alone(rule, group, look, policy, now) or _to_close(rule, group, look, policy, mode, now)
        for rule in policy.offending(look.rules, look.lists)
    )


def _left_alone(
    rule: IngressRule, group: Group, look: Look, policy: SecurityGroupPolicy, now: datetime
) -> Verdict | None:
    """Judge a rule that is not ours to close, whatever the mode."""
    if needs_hosts(group, policy) and not look.hosts:
        return _not_ours(rule, look)
    if group.owner != look.place.account:
        why = f"the group belongs to account {group.owner}: only its owner can close it"
        return Verdict(rule=rule, outcome=Outcome.OWNED_ELSEWHERE, why=why)
    if exemption := next((e for e in look.entries.exemptions if e.covers(rule, now)), None):
        why = f"exempt until {exemption.until:%Y-%m-%d %H:%M} UTC: {exemption.reason} ({exemption.by})"
        return Verdict(rule=rule, outcome=Outcome.EXEMPT, why=why, reopens=exemption.reopens)
    if standing := policy.exemption_of(group, rule, now):
        return Verdict(rule=rule, outcome=Outcome.EXEMPT, why=f"exempt by the policy: {standing.reason}")
    if controller := policy.controller_of(rule):
        why = f"left to its controller ({controller.description}): limit it with {controller.annotation}"
        return Verdict(rule=rule, outcome=Outcome.LEFT_TO_CONTROLLER, why=why)
    return None


def _not_ours(rule: IngressRule, look: Look) -> Verdict:
    """Judge a rule of a group that no EKS host of this account uses."""
    if not look.hosts_elsewhere:
        return Verdict(rule=rule, outcome=None, why="no EKS host uses the group and no cluster tag is on it")
    host = look.hosts_elsewhere[0]
    why = f"used by {host}: only that account can see whether it is an EKS host, so deploy Nodewarden there"
    return Verdict(rule=rule, outcome=Outcome.OWNED_ELSEWHERE, why=why)


def _to_close(  # noqa: PLR0913, PLR0917 all that a judgement depends on
    rule: IngressRule, group: Group, look: Look, policy: SecurityGroupPolicy, mode: Mode, now: datetime
) -> Verdict:
    """Judge a rule that is ours to close."""
    outcome, because = _stance(rule, look, mode)
    verdict = Verdict(rule=rule, outcome=outcome, why=_why_open(rule, group, look) + because)
    earlier = closings(rule, look.entries.remediations, now)
    if outcome is not Outcome.REVOKED or len(earlier) + 1 < policy.flapping_times_a_day:
        return verdict
    counted = replace(verdict, closings=len(earlier) + 1, reopened_by=openers(earlier, rule, look.cause))
    if policy.on_flapping == STOP and not _is_begun(rule, look.entries):
        why = f"{verdict.why}; closed {len(earlier)} times within a day, and the policy says to stop"
        return replace(counted, outcome=Outcome.FLAPPING, why=why)
    return verdict if any(closing.remediation.closings for closing in earlier) else counted


def _stance(rule: IngressRule, look: Look, mode: Mode) -> tuple[Outcome, str]:
    """Say what becomes of a rule that is ours to close, and what keeps us from closing it."""
    if mode is Mode.OBSERVE:
        return Outcome.OBSERVED, "; the mode is observe"
    if mode is Mode.OBSERVE_LISTED and _is_listed(rule, look.entries):
        return Outcome.OBSERVED, "; listed by the sweep, whose mode is observe"
    if mode is Mode.OBSERVE_EXISTING and not _is_announced(rule, look.entries):
        return Outcome.OBSERVED, "; found by the sweep, whose mode is observe"
    pause = next((p for p in (look.pause_of_acting, look.entries.pause) if p and p.paused), None)
    if pause:
        return Outcome.PAUSED, f"; paused by {pause.by}: {pause.reason}"
    return Outcome.REVOKED, ""


def _is_begun(rule: IngressRule, entries: Entries) -> bool:
    return any(r.outcome in UNFINISHED and rule.rule_id in r.rule_ids for r in entries.remediations)


def _is_announced(rule: IngressRule, entries: Entries) -> bool:
    """Tell whether an event told of the rule before, or an act of ours, or a person's exemption or undo is about it."""
    theirs = (r for r in entries.remediations if rule.rule_id in r.rule_ids)
    return any(r.announced or r.outcome in BY_AN_ACT for r in theirs) or any(
        e.is_about(rule) for e in entries.exemptions
    )


def _is_listed(rule: IngressRule, entries: Entries) -> bool:
    """Tell whether a sweep found the rule and left it: nobody has opened it since."""
    theirs = [r for r in entries.remediations if rule.rule_id in r.rule_ids and r.outcome is Outcome.OBSERVED]
    return any(r.run for r in theirs) and not _is_announced(rule, entries)


def _why_open(rule: IngressRule, group: Group, look: Look) -> str:
    found = look.lists.get(rule.source)
    through = f" through the prefix list {found}" if found else ""
    if cluster := cluster_of(group):
        return f"open to the internet{through}, and the group is tagged for the EKS cluster {cluster}"
    used = f", and used by {look.hosts[0]}" if look.hosts else ""
    return f"open to the internet{through}{used}"
