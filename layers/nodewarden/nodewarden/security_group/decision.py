"""Deciding what becomes of a group's rules: values in, a decision out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from nodewarden.record import STANDING, UNFINISHED, Entries, Outcome, Pause, Place, Remediation, remediation_id
from nodewarden.security_group.policy import EKS_HOSTS, Group, SecurityGroupPolicy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from nodewarden.security_group.event import Cause
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


@dataclass(frozen=True, slots=True)
class Revoke:
    """Revoke the rules of a remediation, or finish what an earlier run began."""

    remediation: Remediation


@dataclass(frozen=True, slots=True)
class Note:
    """Write down a new outcome; nothing is done to the group."""

    remediation: Remediation


type Action = Revoke | Note


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One verdict for each offending rule, and what follows, in order."""

    verdicts: tuple[Verdict, ...]
    actions: tuple[Action, ...]


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


def decide(look: Look, policy: SecurityGroupPolicy, mode: Mode, now: datetime) -> Decision:
    """Judge every offending rule and compare with what the ledger says was done or told before."""
    group = look.group
    if group is None:
        return Decision(verdicts=(), actions=_settle(look, {}, ()))
    stance, why = _stance(look, group, mode)
    verdicts = tuple(
        _left_alone(rule, group, look, policy, now) or Verdict(rule=rule, outcome=stance, why=why)
        for rule in policy.offending(look.rules)
    )
    judged = {v.rule.rule_id: v for v in verdicts if v.outcome is not None}
    fresh: tuple[Action, ...] = (*_revokes(look, group, judged), *_notes(look, group, judged))
    return Decision(verdicts=verdicts, actions=(*_settle(look, judged, fresh), *fresh))


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


def _revokes(look: Look, group: Group, judged: Mapping[str, Verdict]) -> tuple[Revoke, ...]:
    """Continue unfinished remediations first; what they do not hold becomes one new remediation."""
    to_revoke = {rule_id: v for rule_id, v in judged.items() if v.outcome is Outcome.REVOKED}
    unfinished = [r for r in look.entries.remediations if r.outcome in UNFINISHED and to_revoke.keys() & {*r.rule_ids}]
    begun = tuple(Revoke(replace(r, rules=_still_its(r, look.rules, to_revoke))) for r in unfinished)
    held = {rule_id for r in unfinished for rule_id in r.rule_ids}
    rest = [v for rule_id, v in to_revoke.items() if rule_id not in held]
    return (*begun, Revoke(_remediation(look, group, rest))) if rest else begun


def _still_its(
    remediation: Remediation, rules: Iterable[IngressRule], to_revoke: Mapping[str, Verdict]
) -> tuple[IngressRule, ...]:
    """Give its rules that are gone or to be revoked; those modified in place meanwhile as they are now."""
    seen = {rule.rule_id: rule for rule in rules}
    kept = (r for r in remediation.rules if r.rule_id not in seen or r.rule_id in to_revoke)
    return tuple(seen.get(rule.rule_id, rule) for rule in kept)


def _notes(look: Look, group: Group, judged: Mapping[str, Verdict]) -> tuple[Note, ...]:
    """Write down each standing outcome of rules for which the ledger does not say the same already."""
    news: dict[tuple[Outcome, str], list[Verdict]] = {}
    latest = _latest(look.entries.remediations)
    for rule_id, verdict in judged.items():
        if verdict.outcome in STANDING and not _says_so(latest.get(rule_id), verdict):
            news.setdefault((verdict.outcome, verdict.reopens), []).append(verdict)
    return tuple(Note(_remediation(look, group, verdicts)) for verdicts in news.values())


def _says_so(record: Remediation | None, verdict: Verdict) -> bool:
    if record is None or record.outcome is not verdict.outcome:
        return False
    return verdict.rule.opens in {rule.opens for rule in record.rules if rule.rule_id == verdict.rule.rule_id}


def _latest(remediations: Iterable[Remediation]) -> dict[str, Remediation]:
    """Give for each rule the remediation that changed last; superseded ones speak for no rule."""
    by_change = sorted(
        (r for r in remediations if r.outcome is not Outcome.SUPERSEDED and r.changed_at),
        key=lambda r: (r.changed_at, r.version),
    )
    return {rule_id: r for r in by_change for rule_id in r.rule_ids}


def _settle(look: Look, judged: Mapping[str, Verdict], fresh: Iterable[Action]) -> tuple[Note, ...]:
    """Close the records whose rules are no longer what the record says."""
    taken = {rule_id: a.remediation.remediation_id for a in fresh for rule_id in a.remediation.rule_ids}
    latest = {rule_id: r.remediation_id for rule_id, r in _latest(look.entries.remediations).items()} | taken
    notes = []
    for record in look.entries.remediations:
        if record.remediation_id in taken.values() or record.outcome not in STANDING | UNFINISHED:
            continue
        elsewhere = any(latest.get(i) != record.remediation_id for i in record.rule_ids)
        if record.outcome in UNFINISHED:
            notes.append(_end_of_unfinished(record, elsewhere=elsewhere, rules=look.rules))
        elif not any(latest.get(i) == record.remediation_id and i in judged for i in record.rule_ids):
            notes.append(_ended(record, elsewhere=elsewhere))
    return tuple(notes)


def _end_of_unfinished(record: Remediation, *, elsewhere: bool, rules: Iterable[IngressRule]) -> Note:
    """Close an act that was begun and has nothing left to revoke: what is no longer there was closed."""
    present = {rule.rule_id for rule in rules}
    closed = tuple(rule for rule in record.rules if rule.rule_id not in present)
    if closed:
        return Note(replace(record, rules=closed, outcome=Outcome.REVOKED, remaining=()))
    return _ended(record, elsewhere=elsewhere)


def _ended(record: Remediation, *, elsewhere: bool) -> Note:
    if elsewhere:
        return Note(replace(record, outcome=Outcome.SUPERSEDED))
    return Note(
        replace(
            record,
            outcome=Outcome.GONE,
            why="no longer open to the internet, or no longer in scope: somebody changed it",
        )
    )


def _remediation(look: Look, group: Group, verdicts: Iterable[Verdict]) -> Remediation:
    verdicts = tuple(verdicts)
    rules = tuple(v.rule for v in verdicts)
    name = remediation_id(look.place, (rule.rule_id for rule in rules))
    known = next((r for r in look.entries.remediations if r.remediation_id == name), None)
    return Remediation(
        remediation_id=name,
        place=look.place,
        group_name=group.name,
        group_tags=group.tags,
        outcome=verdicts[0].outcome or Outcome.OBSERVED,
        rules=rules,
        why="; ".join(dict.fromkeys(v.why for v in verdicts)),
        hosts=look.hosts,
        cause=look.cause,
        reopens=verdicts[0].reopens,
        version=known.version if known else 0,
    )
