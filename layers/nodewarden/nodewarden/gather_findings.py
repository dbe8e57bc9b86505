"""Reading what Inspector says, many messages of a queue at once, and finding out which incidents it is about."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nodewarden.errors import NodewardenError
from nodewarden.inspector_finding.coverage import coverage_key
from nodewarden.inspector_finding.coverage import records as coverage_records
from nodewarden.inspector_finding.event import parse
from nodewarden.inspector_finding.finding import Coverage, Finding, NotAHost
from nodewarden.inspector_finding.host import Gone, NotEks, belonging
from nodewarden.inspector_finding.incident import IncidentKey, incident_key
from nodewarden.inspector_finding.merge import record
from nodewarden.queue_message import event_of
from nodewarden.security_group.event import line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nodewarden.aws.instance import Instances
    from nodewarden.finding_item import Remembered
    from nodewarden.inspector_finding.host import Hosts
    from nodewarden.inspector_finding.merge import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One thing that a message says of one host: a finding, or None where it says whether the host is scanned."""

    message_id: str
    event_id: str
    account: str
    region: str
    record: Record
    finding: Finding | None

    def key(self, hosts: Hosts) -> IncidentKey:
        """Say which incident of some hosts it is about."""
        if self.finding is None:
            return coverage_key(self.account, self.region, hosts)
        return incident_key(self.finding, hosts)


@dataclass(frozen=True, slots=True)
class Batch:
    """What a batch of messages says; which of them failed, with why; and what of them is no business of ours, counted."""

    words: list[Word] = field(default_factory=list)
    failed: dict[str, NodewardenError] = field(default_factory=dict)
    ignored: Counter[str] = field(default_factory=Counter)

    def fail(self, words: Iterable[Word], error: NodewardenError) -> None:
        """Let the messages of these words come again."""
        self.failed.update({word.message_id: error for word in words})


@dataclass(frozen=True, slots=True)
class Whose:
    """Words by the incident that they are about; those of hosts that are gone, and of instances that are no EKS hosts."""

    incidents: dict[IncidentKey, list[Word]] = field(default_factory=lambda: defaultdict(list))
    gone: list[Word] = field(default_factory=list)
    strangers: list[Word] = field(default_factory=list)


def read_batch(messages: Iterable[Mapping[str, Any]], account: str, region: str) -> Batch:
    """Read the queue's messages; what is about another account or region is for the Nodewarden there.

    An administrator of Inspector gets what all members get: that is no fault, and not lost.
    """
    batch = Batch()
    for message in messages:
        try:
            event = event_of(message)
            said = parse(event)
        except NodewardenError as error:
            batch.failed[message["messageId"]] = error
            continue
        if isinstance(said, NotAHost):
            batch.ignored[said.what] += 1
        elif (said.account, said.region) != (account, region):
            batch.ignored[f"a host of {said.account} in {said.region}"] += 1
        else:
            batch.words.extend(_words(str(message["messageId"]), line(event.get("id")), said))
    return batch


def _words(message_id: str, event_id: str, said: Finding | Coverage) -> Iterator[Word]:
    finding = said if isinstance(said, Finding) else None
    for each in (record(said),) if isinstance(said, Finding) else coverage_records(said):
        yield Word(
            message_id=message_id,
            event_id=event_id,
            account=said.account,
            region=said.region,
            record=each,
            finding=finding,
        )


def whose(batch: Batch, remembered: Mapping[str, Remembered], instances: Instances) -> Whose:
    """Find out whose the words are: what is on record stays where it is, of others their host's tags say it.

    Where EC2 does not say the tags of those that came without, their messages come again.
    """
    found, unknown = Whose(), list[Word]()
    for word in batch.words:
        before = remembered.get(word.record.arn)
        if before and before.key:
            found.incidents[before.key].append(word)
        else:
            unknown.append(word)
    untagged = [word for word in unknown if not _tags(word)]
    try:
        tags = instances.tags(word.record.instance_id for word in untagged)
    except NodewardenError as error:
        batch.fail(untagged, error)
        tags, unknown = {}, [word for word in unknown if _tags(word)]
    for word in unknown:
        instance_id = word.record.instance_id
        match belonging(word.account, word.region, instance_id, _tags(word) or tags.get(instance_id)):
            case Gone():
                found.gone.append(word)
            case NotEks():
                found.strangers.append(word)
            case hosts:
                found.incidents[word.key(hosts)].append(word)
    return found


def _tags(word: Word) -> Mapping[str, str] | None:
    return word.finding.tags if word.finding else None
