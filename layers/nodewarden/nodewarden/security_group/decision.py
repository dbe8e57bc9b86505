"""Deciding what follows from the verdicts and the ledger: values in, a decision out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nodewarden.record import STANDING, UNFINISHED, Outcome, Remediation, remediation_id
from nodewarden.security_group.verdict import Look, Mode, Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from nodewarden.security_group.group import Group
    from nodewarden.security_group.policy import SecurityGroupPolicy
    from nodewarden.security_group.rule import IngressRule


# DynamoDB takes items of up to 400 KB, and an entry has more than its rules.
ENTRY_BYTES = 150_000
LONGEST_WHY = 2000
MOST_HOSTS = 20
MOST_REOPENED_BY = 6


@dataclass(frozen=True, slots=True)
class Revoke:
    """Revoke the rules of a remediation, or finish what an earlier run began.

    `held_at` is since when the breaker holds any of them, None where it does not; the remediation's outcome is HELD where
    it is on record as that.
    """

    remediation: Remediation
    held_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Write down a new outcome; nothing is done to the group."""

    remediation: Remediation


@dataclass(frozen=True, slots=True)
class Attribute:
    """Write down who opened what a sweep found before the event came; the outcome stays."""

    remediation: Remediation


type Action = Revoke | Note | Attribute


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One verdict for each offending rule, and what follows, in order."""

    verdicts: tuple[Verdict, ...]
    actions: tuple[Action, ...]


def decide(look: Look, policy: SecurityGroupPolicy, mode: Mode, now: datetime) -> Decision:
    """Judge every offending rule and compare with what the ledger says was done or told before."""
    verdicts = judge(look, policy, mode, now)
    actions = (*_follows(look, verdicts), *_attributions(look))
    return Decision(verdicts=verdicts, actions=tuple(_in_run(action, look.run) for action in actions))


def _follows(look: Look, verdicts: tuple[Verdict, ...]) -> tuple[Action, ...]:
    if look.group is None:
        return _settle(look, {}, ())
    judged = {v.rule.rule_id: v for v in verdicts if v.outcome is not None}
    away = {v.rule.rule_id for v in verdicts if v.outcome is None}
    revokes, notes = _revokes(look, look.group, judged), _notes(look, look.group, judged)
    return (*revokes, *_settle(look, judged, (*revokes, *notes), away), *notes)


def _in_run(action: Action, run: str) -> Action:
    """Let the record say which sweep brings its outcome about, if one does."""
    return (
        action if isinstance(action, Attribute) else replace(action, remediation=replace(action.remediation, run=run))
    )


def _attributions(look: Look) -> tuple[Attribute, ...]:
    """Name who opened what is on record already without a name: the event came after a sweep."""
    cause = look.cause
    if cause is None or not cause.event_name:
        return ()
    nameless = (r for r in look.entries.remediations if not r.announced and cause.rule_ids & {*r.rule_ids})
    return tuple(Attribute(replace(r, cause=cause)) for r in nameless)


def _revokes(look: Look, group: Group, judged: Mapping[str, Verdict]) -> tuple[Revoke, ...]:
    """Continue unfinished remediations first; what they do not hold becomes one new remediation."""
    to_revoke = {rule_id: v for rule_id, v in judged.items() if v.outcome is Outcome.REVOKED}
    begun = []
    for unfinished in (r for r in look.entries.remediations if r.outcome in UNFINISHED):
        its = _still_its(unfinished, look.rules, to_revoke)
        if to_revoke.keys() & {rule.rule_id for rule in its}:
            begun.append(Revoke(replace(unfinished, rules=its)))
            to_revoke = {i: v for i, v in to_revoke.items() if i not in unfinished.rule_ids}
    rest = (_revoke(look, group, some) for some in _entries_of(to_revoke.values()))
    return (*begun, *rest)


def _revoke(look: Look, group: Group, verdicts: tuple[Verdict, ...]) -> Revoke:
    latest = _latest(look.entries.remediations)
    on_record = (latest[v.rule.rule_id] for v in verdicts if v.rule.rule_id in latest)
    held = [r for r in on_record if r.outcome is Outcome.HELD and r.changed_at]
    entry = _remediation(look, group, verdicts)
    if any(r.remediation_id == entry.remediation_id for r in held):
        entry = replace(entry, outcome=Outcome.HELD)
    return Revoke(entry, held_at=min((r.changed_at for r in held if r.changed_at), default=None))


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
    return tuple(Note(_remediation(look, group, some)) for new in news.values() for some in _entries_of(new))


def _entries_of(verdicts: Iterable[Verdict]) -> tuple[tuple[Verdict, ...], ...]:
    """Part verdicts so that each part fits into one ledger entry: a rule with fifty tags takes up to 58 KB."""
    parts: list[list[Verdict]] = []
    left = 0
    for verdict in verdicts:
        weight = len(repr(verdict.rule).encode())
        if weight > left:
            parts.append([])
            left = ENTRY_BYTES
        parts[-1].append(verdict)
        left -= weight
    return tuple(map(tuple, parts))


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


def _settle(
    look: Look, judged: Mapping[str, Verdict], fresh: Iterable[Action], away: Iterable[str] = ()
) -> tuple[Note, ...]:
    """Close the records whose rules are no longer what the record says.

    `away` are rules that are open, but that no EKS host uses now: hosts come and go, so nothing is said of them.
    """
    fresh = tuple(fresh)
    acted_on = {a.remediation.remediation_id for a in fresh}
    taken = {rule_id: a.remediation.remediation_id for a in fresh for rule_id in a.remediation.rule_ids}
    latest = {rule_id: r.remediation_id for rule_id, r in _latest(look.entries.remediations).items()} | taken
    notes = []
    for record in look.entries.remediations:
        if record.remediation_id in acted_on or record.outcome not in STANDING | UNFINISHED:
            continue
        if _is_undecided(record, look, away):
            continue
        own = tuple(rule for rule in record.rules if latest.get(rule.rule_id) == record.remediation_id)
        if record.outcome in UNFINISHED:
            notes.append(_end_of_unfinished(record, own, look.rules))
        elif not any(rule.rule_id in judged for rule in own):
            notes.append(_ended(record, own))
    return tuple(notes)


def _is_undecided(record: Remediation, look: Look, away: Iterable[str]) -> bool:
    """Tell whether it cannot be said that a record is over: its rules are there, but a list is unread or the hosts are away."""
    there = {(rule.rule_id, rule.opens) for rule in look.rules}
    present = [rule for rule in record.rules if (rule.rule_id, rule.opens) in there]
    if any(rule.source in look.unread for rule in present):
        return True
    return record.outcome in STANDING and any(rule.rule_id in away for rule in present)


def _end_of_unfinished(record: Remediation, own: tuple[IngressRule, ...], rules: Iterable[IngressRule]) -> Note:
    """Close an act that was begun and has nothing left to revoke: what is no longer there was closed."""
    present = {rule.rule_id for rule in rules}
    closed = tuple(rule for rule in record.rules if rule.rule_id not in present)
    if closed:
        return Note(replace(record, rules=closed, outcome=Outcome.REVOKED, remaining=()))
    return _ended(record, own)


def _ended(record: Remediation, own: tuple[IngressRule, ...]) -> Note:
    """End a record: `own` are its rules that no other record speaks for."""
    if not own:
        return Note(replace(record, outcome=Outcome.SUPERSEDED))
    why = "no longer open to the internet, or no longer in scope: somebody changed it"
    return Note(replace(record, rules=own, outcome=Outcome.GONE, why=why))


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
        why="; ".join(dict.fromkeys(v.why for v in verdicts))[:LONGEST_WHY],
        hosts=look.hosts[:MOST_HOSTS],
        cause=look.cause if known is None or (look.cause and look.cause.event_name) else known.cause,
        reopens=verdicts[0].reopens,
        closings=max(v.closings for v in verdicts),
        reopened_by=tuple(dict.fromkeys(who for v in verdicts for who in v.reopened_by))[:MOST_REOPENED_BY],
        version=known.version if known else 0,
    )
