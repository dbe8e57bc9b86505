"""Judging: what is to become of each rule that opens a group to the internet."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from nodewarden.record import Entries, Outcome, Pause, Place
from nodewarden.security_group.policy import EKS_HOSTS, Group, SecurityGroupPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from nodewarden.security_group.event import Cause
    from nodewarden.security_group.policy import PrefixList
    from nodewarden.security_group.rule import IngressRule

CLUSTER_TAGS = ("aws:eks:cluster-name", "eks:cluster-name")
OWNED_CLUSTER_TAG = "kubernetes.io/cluster/"
LOAD_BALANCER_TAG = "elbv2.k8s.aws/cluster"
LOAD_BALANCER_NAME = "k8s-elb-"
NO_ENTRIES = Entries()


class Mode(StrEnum):
    """Whether openings are revoked, or only told."""

    ENFORCE = "enforce"
    OBSERVE = "observe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen of one group. `group` is None when nothing offended (nobody asked) or when it vanished."""

    place: Place
    rules: tuple[IngressRule, ...]
    group: Group | None = None
    lists: Mapping[str, PrefixList] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    entries: Entries = NO_ENTRIES
    acting: Pause | None = None
    cause: Cause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is to become of one offending rule; `outcome` is None for a rule that is not ours to judge."""

    rule: IngressRule
    outcome: Outcome | None
    why: str
    reopens: str = ""


def cluster_of(group: Group) -> str | None:
    """Name the EKS cluster that a group's own tags make it part of (the cluster security group, eksctl's, Terraform's).

    None for a load balancer's group, which the in-tree controller tags for the cluster too: it is open on purpose, and
    only a host that uses it makes it ours.
    """
    if LOAD_BALANCER_TAG in group.tags or group.name.startswith(LOAD_BALANCER_NAME):
        return None
    named = next((group.tags[tag] for tag in CLUSTER_TAGS if group.tags.get(tag)), None)
    owned = (key.removeprefix(OWNED_CLUSTER_TAG) for key in group.tags if key.startswith(OWNED_CLUSTER_TAG))
    return named or next((name for name in owned if name), None)


def needs_hosts(group: Group, policy: SecurityGroupPolicy) -> bool:
    """Tell whether only the hosts that use the group can say if it is in scope."""
    return policy.scope == EKS_HOSTS and cluster_of(group) is None


def judge(look: Look, policy: SecurityGroupPolicy, mode: Mode, now: datetime) -> tuple[Verdict, ...]:
    """Judge every offending rule; none where the group is gone."""
    group = look.group
    if group is None:
        return ()
    stance, why = _stance(look, group, mode)
    return tuple(
        _left_alone(rule, group, look, policy, now)
        or Verdict(rule=rule, outcome=stance, why=why + _through(rule, look))
        for rule in policy.offending(look.rules, look.lists)
    )


def _through(rule: IngressRule, look: Look) -> str:
    found = look.lists.get(rule.source)
    return f", through the prefix list {found}" if found else ""


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


def _stance(look: Look, group: Group, mode: Mode) -> tuple[Outcome, str]:
    """Say what becomes of every rule that is ours to close, and why."""
    why = _why_open(cluster_of(group), look.hosts)
    if mode is Mode.OBSERVE:
        return Outcome.OBSERVED, f"{why}; the mode is observe"
    pause = next((p for p in (look.acting, look.entries.pause) if p and p.paused), None)
    if pause:
        return Outcome.PAUSED, f"{why}; paused by {pause.by}: {pause.reason}"
    return Outcome.REVOKED, why


def _why_open(cluster: str | None, hosts: tuple[str, ...]) -> str:
    if cluster:
        return f"open to the internet, and the group is tagged for the EKS cluster {cluster}"
    return f"open to the internet, and used by {hosts[0]}" if hosts else "open to the internet"
