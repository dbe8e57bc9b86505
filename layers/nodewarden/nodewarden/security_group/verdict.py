"""Judging: what is to become of each rule that opens a group to the internet."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from nodewarden.record import Entries, Outcome, Pause, Place
from nodewarden.security_group.group import cluster_of
from nodewarden.security_group.policy import EKS_HOSTS, SecurityGroupPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from nodewarden.errors import NodewardenError
    from nodewarden.security_group.event import Cause
    from nodewarden.security_group.group import Group, PrefixList
    from nodewarden.security_group.rule import IngressRule

NO_ENTRIES = Entries()


class Mode(StrEnum):
    """Whether openings are revoked, or only told."""

    ENFORCE = "enforce"
    OBSERVE = "observe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen of one group. `group` is None when nothing offended (nobody asked) or when it vanished.

    `unread` says why a prefix list could not be looked into: the other rules are judged all the same.
    """

    place: Place
    rules: tuple[IngressRule, ...]
    group: Group | None = None
    lists: Mapping[str, PrefixList] = field(default_factory=dict)
    unread: NodewardenError | None = None
    hosts: tuple[str, ...] = ()
    entries: Entries = NO_ENTRIES
    pause_of_acting: Pause | None = None
    cause: Cause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is to become of one offending rule; `outcome` is None for a rule that is out of scope."""

    rule: IngressRule
    outcome: Outcome | None
    why: str
    reopens: str = ""

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
    outcome, because = _stance(look, mode)
    return tuple(
        _left_alone(rule, group, look, policy, now)
        or Verdict(rule=rule, outcome=outcome, why=_why_open(rule, group, look) + because)
        for rule in policy.offending(look.rules, look.lists)
    )


def _left_alone(
    rule: IngressRule, group: Group, look: Look, policy: SecurityGroupPolicy, now: datetime
) -> Verdict | None:
    """Judge a rule that is not ours to close, whatever the mode."""
    if needs_hosts(group, policy) and not look.hosts:
        return Verdict(rule=rule, outcome=None, why="no EKS host uses the group and no cluster tag is on it")
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


def _stance(look: Look, mode: Mode) -> tuple[Outcome, str]:
    """Say what becomes of every rule that is ours to close, and what keeps us from closing it."""
    if mode is Mode.OBSERVE:
        return Outcome.OBSERVED, "; the mode is observe"
    pause = next((p for p in (look.pause_of_acting, look.entries.pause) if p and p.paused), None)
    if pause:
        return Outcome.PAUSED, f"; paused by {pause.by}: {pause.reason}"
    return Outcome.REVOKED, ""


def _why_open(rule: IngressRule, group: Group, look: Look) -> str:
    found = look.lists.get(rule.source)
    through = f" through the prefix list {found}" if found else ""
    if cluster := cluster_of(group):
        return f"open to the internet{through}, and the group is tagged for the EKS cluster {cluster}"
    used = f", and used by {look.hosts[0]}" if look.hosts else ""
    return f"open to the internet{through}{used}"
