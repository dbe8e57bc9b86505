"""What Inspector finds on hosts: one decision for each incident, of all that a batch of messages says of it.

An incident and the findings that changed are written together, over what was read: who loses that reads again. What is
done before, closing groups and asking for rollouts, can be done twice; a message that fails comes again.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial, reduce
from itertools import batched
from typing import TYPE_CHECKING, Any

from nodewarden.ami_release.standing import State as Standing
from nodewarden.errors import NodewardenError, ThrottledError, faults_of_ours
from nodewarden.finding_ledger import MOST_TOGETHER, Memory
from nodewarden.gather_findings import read_batch, whose
from nodewarden.gather_standing import NOT_LOOKED, gather_standings
from nodewarden.inspector_finding.coverage import decide_coverage
from nodewarden.inspector_finding.decision import Look, decide
from nodewarden.inspector_finding.incident import COVERAGE, NETWORK
from nodewarden.inspector_finding.judgement import judging
from nodewarden.inspector_finding.merge import newer
from nodewarden.inspector_finding.urgency import count, leave_urgent
from nodewarden.judge_reachable import Reachable
from nodewarden.node_group import NodeGroupKey
from nodewarden.settle_incident import settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from nodewarden.finding_item import Remembered
    from nodewarden.fleet_wiring import FleetWiring
    from nodewarden.gather_findings import Batch, Word
    from nodewarden.gather_standing import Stands
    from nodewarden.inspector_finding.decision import Decision
    from nodewarden.inspector_finding.incident import Incident, IncidentKey
    from nodewarden.inspector_finding.merge import Record

# Seconds, at most, before each try to write what somebody else works on at the same time.
WAITS = (0, 0.1, 0.2, 0.4, 0.8, 1, 1, 1, 2, 2, 2, 2)
NO_EKS_HOST, GONE = "an instance that is no EKS host", "an instance that is gone"


@dataclass(slots=True, kw_only=True)
class Run:
    """A batch on its way: what it says, what was looked at for it, which groups were judged, what incidents became.

    `left` are incidents of which words were written and nothing was decided, as their node group could not be seen.
    """

    wired: FleetWiring
    now: datetime
    batch: Batch
    reachable: Reachable
    stands: Stands = NOT_LOOKED
    incidents: dict[IncidentKey, Incident] = field(default_factory=dict)
    left: dict[IncidentKey, NodewardenError] = field(default_factory=dict)

    def deal(self, findings: Sequence[Sequence[Word]], act: Callable[[Sequence[Word]], None]) -> None:
        """Deal with what is said of findings, together; where that fails, by halves: what fails alone comes again.

        Throttling is of all of them: they come again together.
        """
        words = [word for same in findings for word in same]
        try:
            with faults_of_ours("a finding was not dealt with", "Look at it in Inspector, and report this"):
                act(words)
        except NodewardenError as error:
            if len(findings) < 2 or isinstance(error, ThrottledError):  # noqa: PLR2004  # one has no halves
                self.batch.fail(words, error)
                return
            middle = len(findings) // 2
            self.deal(findings[:middle], act)
            self.deal(findings[middle:], act)


def judge_findings(messages: Iterable[Mapping[str, Any]], wired: FleetWiring) -> Run:
    """Decide about every incident that the messages are about; one that fails does not keep the others back.

    `messages` are a queue's, each with an `Inspector2 Finding` or an `Inspector2 Coverage` as its body.
    """
    batch, ledger = read_batch(messages, wired.account, wired.region), wired.finding_ledger
    run = Run(wired=wired, now=datetime.now(UTC), batch=batch, reachable=Reachable(wired=wired))
    remembered = ledger.findings(word.record.arn for word in batch.words)
    found = whose(batch, remembered, wired.instances(wired.account, wired.region))
    run.incidents = ledger.incidents(found.incidents)
    _look_ahead(found.incidents, remembered, run)
    for key, words in found.incidents.items():
        _settle_all(key, words, remembered, run)
    for arn, words in _by_arn(found.gone).items():
        run.deal([words], partial(_keep, before=remembered.get(arn), run=run))
    if found.strangers:
        run.deal([*_by_arn(found.strangers).values()], run.reachable.judge_strangers)
    batch.ignored.update({GONE: len(found.gone), NO_EKS_HOST: len(found.strangers)})
    return run


def _by_arn(words: Iterable[Word]) -> dict[str, list[Word]]:
    found: dict[str, list[Word]] = {}
    for word in words:
        found.setdefault(word.record.arn, []).append(word)
    return found


def _memory(key: IncidentKey, words: Iterable[Word], remembered: Mapping[str, Remembered], run: Run) -> Memory:
    arns = {word.record.arn for word in words}
    return Memory(incident=run.incidents.get(key), findings={arn: remembered[arn] for arn in arns & remembered.keys()})


def _look_ahead(
    incidents: Mapping[IncidentKey, Sequence[Word]], remembered: Mapping[str, Remembered], run: Run
) -> None:
    """Look at the node groups of all incidents in one go; where that fails, whoever needs one of them does."""
    groups = {
        key.hosts
        for key, words in incidents.items()
        if isinstance(key.hosts, NodeGroupKey)
        and key.about not in {NETWORK, COVERAGE}
        and _count(key, words, _memory(key, words, remembered, run), run).incident.urgent
    }
    try:
        run.stands = gather_standings(groups, run.wired, run.now)
    except NodewardenError as error:
        run.stands = replace(NOT_LOOKED, asked=groups, unseen=dict.fromkeys((g.cluster for g in groups), error))


def _settle_all(key: IncidentKey, words: Iterable[Word], remembered: Mapping[str, Remembered], run: Run) -> None:
    """Settle an incident in as many writes as it takes; what is urgent comes first, so it does not close in between."""

    def is_quiet(same: Sequence[Word]) -> bool:
        return _are_quiet(key, same, _memory(key, same, remembered, run), run)

    writes = [*batched(sorted(_by_arn(words).values(), key=is_quiet), MOST_TOGETHER, strict=False)]
    failed = {*run.batch.failed}
    for number, findings in enumerate(writes, start=1):

        def act(some: Sequence[Word], *, is_last: bool = number == len(writes)) -> None:
            more = not is_last or not failed.issuperset(run.batch.failed)
            run.incidents[key] = _settle(key, some, _memory(key, some, remembered, run), run, more=more)

        run.deal(findings, act)


def _are_quiet(key: IncidentKey, words: Iterable[Word], memory: Memory, run: Run) -> bool:
    """Tell whether what is said of findings, and on record of them, leaves nothing urgent there."""
    said = (*_known(memory).values(), *(word.record for word in words))
    return not leave_urgent(key, said, judging(key, run.wired.finding_policy, run.now))


def _count(key: IncidentKey, words: Iterable[Word], memory: Memory, run: Run) -> Decision:
    records, judge = (word.record for word in words), judging(key, run.wired.finding_policy, run.now)
    return count(key, memory.incident, _known(memory), records, judge)


def _known(memory: Memory) -> dict[str, Record]:
    """Give what an incident has counted: not what was open when nobody knew whose it was."""
    return {arn: each.record for arn, each in memory.findings.items() if each.key or not each.record.open}


def _settle(key: IncidentKey, words: Sequence[Word], memory: Memory, run: Run, *, more: bool) -> Incident:
    """Decide about an incident and write it, again where somebody else wrote it meanwhile."""
    ledger = run.wired.finding_ledger
    for tries, seconds in enumerate(WAITS):
        if tries:
            time.sleep(random.uniform(0, seconds))  # noqa: S311  # no secret: it keeps two from meeting again
            memory = ledger.memory(key, {word.record.arn for word in words})
        decision = _decide(key, words, memory, run, more=more)
        if written := settle(decision, memory, ledger, run.now):
            return written
    message = f"{len(WAITS)} times somebody else wrote the incident {key.incident_id} first: the messages come again by themselves"
    raise ThrottledError(message)


def _decide(key: IncidentKey, words: Sequence[Word], memory: Memory, run: Run, *, more: bool) -> Decision:
    """Decide about an incident; with `more` to come of it, what is not urgent is only counted."""
    if any(each.key not in {None, key} for each in memory.findings.values()):
        message = (
            f"a finding of the incident {key.incident_id} became part of another: its message comes again by itself"
        )
        raise ThrottledError(message)
    counted, is_quiet = _count(key, words, memory, run), _are_quiet(key, words, memory, run)
    if more and is_quiet:
        return counted
    known = _known(memory)
    if key.about == COVERAGE:
        return decide_coverage(key, (word.record for word in words), memory.incident, known, run.now)
    findings = tuple(word.finding for word in words if word.finding)
    look = Look(key=key, findings=findings, incident=memory.incident, records=known)
    if isinstance(key.hosts, NodeGroupKey) and key.about != NETWORK and counted.incident.urgent:
        try:
            look = _seen(look, key.hosts, run)
        except NodewardenError as error:
            if not is_quiet:
                raise
            run.left[key] = error
            return counted
        if (
            look.standing and look.standing.state is Standing.CUSTOM
        ):  # its family and launch template the next look sees
            return counted
    return run.reachable.decided(decide(look, run.wired.finding_policy, run.now), words, run.now)


def _seen(look: Look, group: NodeGroupKey, run: Run) -> Look:
    """Take in where a node group stands; raises what kept it from being seen."""
    stands = run.stands if group in run.stands.asked else gather_standings({group}, run.wired, run.now)
    if group not in stands.standings and group.cluster in stands.unseen:
        raise stands.unseen[group.cluster]
    return replace(look, standing=stands.standings.get(group), rollout=stands.rollouts.get(group))


def _keep(words: Sequence[Word], before: Remembered | None, run: Run) -> None:
    """Remember what is said of a host that is gone: what comes late is then seen to be older."""
    newest = reduce(newer, (word.record for word in words))
    if before:
        newest = newer(before.record, newest)
    if before and newest == before.record:
        return
    if not run.wired.finding_ledger.keep(newest, before, run.now):
        message = f"somebody else wrote the finding {newest.arn} first: its message comes again by itself"
        raise ThrottledError(message)
