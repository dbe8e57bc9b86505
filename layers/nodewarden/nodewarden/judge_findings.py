"""What Inspector finds on hosts: one decision for each incident, of all that a batch of messages says of it.

An incident and the findings that changed are written together, over what was read: who loses that reads again. What is
done before, closing groups and asking for rollouts, can be done twice; a message that fails comes again.
"""

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import reduce
from itertools import batched
from typing import TYPE_CHECKING, Any

from nodewarden.errors import CodeError, NodewardenError, ThrottledError
from nodewarden.finding_ledger import MOST_TOGETHER, Memory
from nodewarden.gather_findings import read_batch, whose
from nodewarden.gather_standing import NOT_LOOKED, gather_standings
from nodewarden.inspector_finding.coverage import decide_coverage
from nodewarden.inspector_finding.decision import Look, decide
from nodewarden.inspector_finding.incident import COVERAGE, NETWORK
from nodewarden.inspector_finding.merge import newer
from nodewarden.judge_reachable import Reachable
from nodewarden.node_group import NodeGroupKey
from nodewarden.settle_incident import settle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nodewarden.finding_item import Remembered
    from nodewarden.fleet_wiring import FleetWiring
    from nodewarden.gather_findings import Batch, Word
    from nodewarden.gather_standing import Stands
    from nodewarden.inspector_finding.decision import Decision
    from nodewarden.inspector_finding.incident import Incident, IncidentKey

# Seconds, at most, before each try to write what somebody else works on at the same time.
WAITS = (0, 0.1, 0.2, 0.4, 0.8, 1, 1, 1, 2, 2, 2, 2)
NO_EKS_HOST, GONE = "an instance that is no EKS host", "an instance that is gone"


@dataclass(slots=True, kw_only=True)
class Run:
    """A batch on its way: what it says, what was looked at for it, which groups were judged, what incidents became."""

    wired: FleetWiring
    now: datetime
    batch: Batch
    reachable: Reachable
    stands: Stands = NOT_LOOKED
    incidents: dict[IncidentKey, Incident] = field(default_factory=dict)

    @contextmanager
    def attempt(self, words: Iterable[Word]) -> Iterator[None]:
        """Let the messages of these words come again where something fails."""
        try:
            with _as_one_of_ours():
                yield
        except NodewardenError as error:
            self.batch.fail(words, error)


@contextmanager
def _as_one_of_ours() -> Iterator[None]:
    try:
        yield
    except NodewardenError:
        raise
    except Exception as error:
        message = f"a finding was not dealt with, by a fault of Nodewarden's: {error!r}. Look at it in Inspector, and report this"
        raise CodeError(message) from error


def judge_findings(messages: Iterable[Mapping[str, Any]], wired: FleetWiring) -> Run:
    """Decide about every incident that the messages are about; one that fails does not keep the others back.

    `messages` are a queue's, each with an `Inspector2 Finding` or an `Inspector2 Coverage` as its body.
    """
    batch, ledger = read_batch(messages, wired.account, wired.region), wired.finding_ledger
    run = Run(wired=wired, now=datetime.now(UTC), batch=batch, reachable=Reachable(wired=wired))
    remembered = ledger.findings(word.record.arn for word in batch.words)
    found = whose(batch.words, remembered, wired.instances(wired.account, wired.region))
    run.incidents = ledger.incidents(found.incidents)
    _look_ahead(found.incidents, remembered, run)
    for key, words in found.incidents.items():
        for some in batched(_by_arn(words).values(), MOST_TOGETHER, strict=False):
            together = [word for same in some for word in same]
            with run.attempt(together):
                run.incidents[key] = _settle(key, together, _memory(key, together, remembered, run), run)
    for arn, words in _by_arn(found.gone).items():
        with run.attempt(words):
            _keep(words, remembered.get(arn), run)
    with run.attempt(found.strangers):
        run.reachable.judge_strangers(found.strangers)
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
    """Look at the node groups of all incidents in one go; where that fails, whoever asks for one of them does."""
    groups = {
        key.hosts
        for key, words in incidents.items()
        if isinstance(key.hosts, NodeGroupKey) and _is_at_risk(key, words, _memory(key, words, remembered, run), run)
    }
    try:
        run.stands = gather_standings(groups, run.wired, run.now)
    except NodewardenError as error:
        run.stands = replace(NOT_LOOKED, asked=groups, unseen=dict.fromkeys((g.cluster for g in groups), error))


def _is_at_risk(key: IncidentKey, words: Iterable[Word], memory: Memory, run: Run) -> bool:
    """Tell whether it matters where the node group stands: where anything urgent is open, or comes."""
    if not isinstance(key.hosts, NodeGroupKey) or key.about in {NETWORK, COVERAGE}:
        return False
    if memory.incident and memory.incident.urgent:
        return True
    records = (*(word.record for word in words), *(each.record for each in memory.findings.values()))
    policy = run.wired.finding_policy
    return any(each.open and policy.judge(each.kind, each.risk, run.now).urgent for each in records)


def _settle(key: IncidentKey, words: Sequence[Word], memory: Memory, run: Run) -> Incident:
    """Decide about an incident and write it, again where somebody else wrote it meanwhile."""
    ledger = run.wired.finding_ledger
    for tries, seconds in enumerate(WAITS):
        if tries:
            time.sleep(random.uniform(0, seconds))  # noqa: S311  # no secret: it keeps two from meeting again
            memory = ledger.memory(key, {word.record.arn for word in words})
        decision = _decide(key, words, memory, run)
        if written := settle(decision, memory, ledger, run.now):
            return written
    message = f"{len(WAITS)} times somebody else wrote the incident {key.incident_id} first: the messages come again by themselves"
    raise ThrottledError(message)


def _decide(key: IncidentKey, words: Sequence[Word], memory: Memory, run: Run) -> Decision:
    if any(each.key not in {None, key} for each in memory.findings.values()):
        message = (
            f"a finding of the incident {key.incident_id} became part of another: its message comes again by itself"
        )
        raise ThrottledError(message)
    # What was open when nobody knew whose it was, no incident has counted.
    known = {arn: each.record for arn, each in memory.findings.items() if each.key or not each.record.open}
    if key.about == COVERAGE:
        return decide_coverage(key, (word.record for word in words), memory.incident, known, run.now)
    findings = tuple(word.finding for word in words if word.finding)
    look = Look(key=key, findings=findings, incident=memory.incident, records=known)
    if isinstance(key.hosts, NodeGroupKey) and _is_at_risk(key, words, memory, run):
        stands = _stands(key.hosts, run)
        standing, rollout = stands.standings.get(key.hosts), stands.rollouts.get(key.hosts)
        look = replace(look, standing=standing, rollout=rollout)
    return run.reachable.decided(decide(look, run.wired.finding_policy, run.now), words, run.now)


def _stands(group: NodeGroupKey, run: Run) -> Stands:
    """Give where a node group stands; raises what kept it from being seen."""
    stands = run.stands if group in run.stands.asked else gather_standings({group}, run.wired, run.now)
    if group not in stands.standings and group.cluster in stands.unseen:
        raise stands.unseen[group.cluster]
    return stands


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
