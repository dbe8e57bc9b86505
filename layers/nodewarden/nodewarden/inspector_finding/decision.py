"""Deciding what follows from findings: one decision for all that came of one incident. Values in, a decision out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nodewarden.ami_release.unmanaged import Kind, Unmanaged
from nodewarden.inspector_finding.action import (
    JudgeGroups,
    RecordFinding,
    RequestUrgent,
    named,
    request_id,
    tellings,
)
from nodewarden.inspector_finding.finding import Status
from nodewarden.inspector_finding.incident import ALL_CLOSED, NETWORK, SOME_SUPPRESSED, Incident, State
from nodewarden.inspector_finding.judgement import judging
from nodewarden.inspector_finding.merge import merge, record
from nodewarden.inspector_finding.outlook import Outlook, outlook

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from nodewarden.ami_release.standing import Standing
    from nodewarden.inspector_finding.action import Action
    from nodewarden.inspector_finding.finding import Finding
    from nodewarden.inspector_finding.incident import IncidentKey
    from nodewarden.inspector_finding.merge import Record
    from nodewarden.inspector_finding.policy import FindingPolicy
    from nodewarden.node_group import NodeGroupKey
    from nodewarden.rollout.state import Rollout

# Of hosts that may be rolled, but not for findings: why, and what people can do.
NOT_ASKED_FOR = {
    Kind.SELF_MANAGED: (
        "an urgent rollout is asked for managed node groups only",
        "Nothing to do where ami_release.toml has its family: it rolls with the next AMI of that. Else refresh it with a newer AMI.",
    )
}
LOOK_ELSEWHERE = (
    "Look at what else is on the way: network ACLs, load balancers, what the policy allows and who exempted what."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What follows, in the order to do it, and the incident as it is to be written last.

    What may be done twice comes before what makes a repetition harmless: a try that dies in between is made again.
    `changed` tells whether there is anything to write of the incident. What is to be told is in its `news` too: it is
    told from the record.
    """

    incident: Incident
    actions: tuple[Action, ...]
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen of one incident.

    `findings` are those that came; none where a sweep looks. `records` are, by ARN, those on record of these findings, or
    more of the incident's: each is judged again by the policy of now. `standing` and `rollout` are as for an outlook, both
    None where the hosts are in no managed node group.
    """

    key: IncidentKey
    findings: tuple[Finding, ...] = ()
    incident: Incident | None = None
    records: Mapping[str, Record] = field(default_factory=dict)
    standing: Standing | None = None
    rollout: Rollout | None = None


def decide(look: Look, policy: FindingPolicy, now: datetime) -> Decision:
    """Decide what follows from the findings of one incident, however many: at most one request and one thing to tell."""
    judge = judging(look.key, policy, now)
    merged, changed = merge(_before(look), look.records, map(record, look.findings), judge)
    written = tuple(map(RecordFinding, changed))
    if not merged.urgent:
        return decided(look.incident, merged.over(now, _ended_by(changed)), (), written)
    if look.key.about == NETWORK:
        return _reached(look, merged, written, policy, now)
    return _at_risk(look, merged, written, policy, now)


def _ended_by(changed: Iterable[Record]) -> str:
    suppressed = any(each.urgent and each.status is Status.SUPPRESSED for each in changed)
    return SOME_SUPPRESSED if suppressed else ALL_CLOSED


def _before(look: Look) -> Incident:
    """Give the incident so far, with what its node group runs now."""
    before = look.incident or Incident(key=look.key)
    if look.standing is None:
        return before
    group = look.standing.node_group
    same = before.release_version == group.release_version
    return replace(
        before,
        ami_type=group.ami_type,
        minor=group.version,
        release_version=group.release_version,
        rolled_at=before.rolled_at if same else None,
    )


def _at_risk(
    look: Look, merged: Incident, written: tuple[RecordFinding, ...], policy: FindingPolicy, now: datetime
) -> Decision:
    hosts = look.key.hosts
    if isinstance(hosts, Unmanaged):
        reason, advice = NOT_ASKED_FOR.get(hosts.kind, (hosts.reason, hosts.advice))
        told = merged.moved(State.NOT_ROLLED, hosts.kind, now, reason=reason, advice=advice)
        return decided(look.incident, told, (), written)
    seen = outlook(merged, look.standing, look.rollout, policy.give_up_after, now)
    # A rollout that had begun before it could be hastened is not what people heard was asked for.
    as_it_was = look.rollout is not None and not look.rollout.urgent and seen.state is State.IN_ROLLOUT
    word = State.IN_ROLLOUT.value if as_it_was else ""
    moved = replace(
        merged.moved(seen.state, seen.about, now, reason=seen.reason, advice=seen.advice, word=word),
        target=seen.target.release_version if seen.target else "",
        rollout_id=seen.rollout_id,
        rolled_at=seen.rolled_at,
    )
    asked = tuple(_requests(hosts, merged, seen))
    requested = moved.requested | {_asked(seen) for _ in asked}
    return decided(look.incident, replace(moved, requested=requested), asked, written)


def _requests(hosts: NodeGroupKey, incident: Incident, seen: Outlook) -> Iterable[RequestUrgent]:
    if seen.state is State.REQUESTED and seen.target and _asked(seen) not in incident.requested:
        yield RequestUrgent(
            request_id=request_id(hosts, seen.target.release_version),
            node_group=hosts,
            target=seen.target,
            cves=named(incident.urgent),
            hastens=seen.rollout_id,
        )


def _asked(seen: Outlook) -> str:
    """Say what is asked for: once for each release, and once more after each rollout that left the group alone."""
    release = seen.target.release_version if seen.target else ""
    return f"{release} after {seen.left_alone_by}" if seen.left_alone_by else release


def _reached(
    look: Look, merged: Incident, written: tuple[RecordFinding, ...], policy: FindingPolicy, now: datetime
) -> Decision:
    news = {each.record.arn for each in written if each.record.open}
    found = tuple(finding for finding in look.findings if finding.arn in news)
    groups = groups_to_judge(found)
    if groups:
        reason = "the security groups on the way are judged"
        after = merged.moved(State.REACHABLE, "", now, reason=reason, advice="")
    elif found:
        after = _not_to_blame(merged, "Inspector names no security group on the way", now)
    elif merged.state is State.REACHABLE and merged.changed_at and now - merged.changed_at >= policy.give_up_after:
        since = f"since {merged.changed_at:%Y-%m-%d %H:%M} UTC"
        after = _not_to_blame(merged, f"{merged.reason}, and Inspector reaches it all the same, {since}", now)
    else:
        after = merged
    return decided(look.incident, after, (groups,) if groups else (), written)


def groups_to_judge(findings: Iterable[Finding]) -> JudgeGroups | None:
    """Give the groups that findings point at, also of hosts that are none of EKS's; None where they name nothing.

    Judging decides by itself what is in scope.
    """
    paths = [finding.path for finding in findings if finding.path]
    groups = dict.fromkeys(group_id for path in paths for group_id in path.group_ids)
    interfaces = dict.fromkeys(each for path in paths if not path.group_ids for each in path.interface_ids)
    return JudgeGroups(tuple(groups), tuple(interfaces)) if groups or interfaces else None


def judged(incident: Incident, to_blame: Collection[str], unexplained: frozenset[str], now: datetime) -> Decision:
    """Decide what follows when the groups of reachable hosts were judged.

    `to_blame` are the groups in which a rule lets in what is open, whatever became of it: that is told by itself.
    `unexplained` is what is open and no rule that offends lets in: people hear that it is something else. The incident is
    as it was written with the request to judge.
    """
    quiet = replace(incident, news=())
    if incident.state is not State.REACHABLE:
        return Decision(incident=incident, actions=(), changed=False)
    if unexplained:
        reason = "no rule of the security groups on the way offends"
        return decided(incident, _not_to_blame(quiet, reason, now, unexplained), (), ())
    reason = f"a rule offends in {', '.join(named(to_blame))}"
    return decided(incident, quiet.moved(State.REACHABLE, "", now, reason=reason, advice=""), (), ())


def _not_to_blame(incident: Incident, reason: str, now: datetime, opens: frozenset[str] = frozenset()) -> Incident:
    return incident.moved(State.NOT_TO_BLAME, "", now, reason=reason, advice=LOOK_ELSEWHERE, only=opens)


def decided(
    before: Incident | None, after: Incident, first: tuple[Action, ...], written: tuple[RecordFinding, ...]
) -> Decision:
    """Give the decision: what is done, what is written, what is told; `changed` where the incident is not as before."""
    changed = bool(after.news) or before is None or replace(before, news=()) != after
    actions = (*first, *written, *tellings(after))
    return Decision(incident=after, actions=actions, changed=changed)
