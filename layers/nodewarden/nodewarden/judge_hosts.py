"""Hosts that started, and interfaces that they got: a group may have been open before, so each makes us look at its groups.

Starts come in batches, from a queue: one call describes all instances of a batch, one more the rules of all their groups.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from nodewarden.errors import NodewardenError
from nodewarden.gather import Known
from nodewarden.judge_group import Judged, judge_group
from nodewarden.queue_message import event_of
from nodewarden.record import Place, stamp
from nodewarden.security_group.event import HostStart, parse_host_start
from nodewarden.security_group.policy import ALL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nodewarden.security_group.group import Host
    from nodewarden.wiring import Wiring

# A start has us look at a group once in this time: a rule that is added meanwhile makes an event of its own.
LOOK_AGAIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class HostsJudged:
    """What became of the groups that were looked at, and which messages of the queue failed, with why."""

    groups: dict[str, Judged] = field(default_factory=dict)
    failed: dict[str, NodewardenError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Started:
    """A host that started, and the queue's message that says so; `again` where it was received before, and failed."""

    message_id: str
    again: bool
    start: HostStart


def judge_hosts(records: Iterable[Mapping[str, Any]], wired: Wiring) -> HostsJudged:
    """Judge the groups of every host that started; a message that fails does not keep the others back.

    `records` are a queue's, each with an `EC2 Instance State-change Notification` or an `AttachNetworkInterface` as its body.
    """
    judged = HostsJudged()
    for (account, region), started in _by_place(records, judged).items():
        try:
            _judge_region(account, region, started, wired, judged)
        except NodewardenError as error:
            judged.failed.update({each.message_id: error for each in started})
    return judged


def _by_place(records: Iterable[Mapping[str, Any]], judged: HostsJudged) -> dict[tuple[str, str], list[Started]]:
    found: dict[tuple[str, str], list[Started]] = defaultdict(list)
    for record in records:
        try:
            start = parse_host_start(event_of(record))
        except NodewardenError as error:
            judged.failed[record["messageId"]] = error
        else:
            found[start.account, start.region].append(Started(record["messageId"], _times(record) > 1, start))
    return found


def _times(record: Mapping[str, Any]) -> int:
    """Tell how often the queue gave the message out, this time included (`ApproximateReceiveCount`)."""
    return int(record["attributes"]["ApproximateReceiveCount"])


def _judge_region(account: str, region: str, started: list[Started], wired: Wiring, judged: HostsJudged) -> None:
    ec2, policy, now = wired.ec2(account, region), wired.security_group_policy, datetime.now(UTC)
    hosts = [h for h in ec2.hosts({each.start.instance_id for each in started}) if h.kind or policy.scope == ALL]
    group_ids = dict.fromkeys(group_id for host in hosts for group_id in host.group_ids)
    places = [Place(account=account, region=region, group_id=group_id) for group_id in group_ids]
    due = [place for place in places if wired.ledger.looked(place) < stamp(now - LOOK_AGAIN)]
    rules = ec2.ingress_rules_of(place.group_id for place in due)
    for place in due:
        within = {host.instance_id: host for host in hosts if place.group_id in host.group_ids}
        messages = [each for each in started if each.start.instance_id in within]
        # A try before may have closed the group and died before it could say so.
        if policy.is_suspicious(rules[place.group_id]) or any(each.again for each in messages):
            known = Known(hosts=_words(within.values()), cause=messages[0].start.cause)
            if not _judge(place, known, messages, wired, judged):
                continue
        wired.ledger.look_done(place, now)


def _judge(place: Place, known: Known, messages: list[Started], wired: Wiring, judged: HostsJudged) -> bool:
    """Judge one group; where that fails, the messages of the hosts in it do, and it is looked at again."""
    try:
        judged.groups[place.group_id] = found = judge_group(place, wired, wired.arrival_mode, known)
        failures = found.failures
    except NodewardenError as error:
        failures = [error]
    judged.failed.update({each.message_id: failures[0] for each in messages if failures})
    return not failures


def _words(hosts: Iterable[Host]) -> tuple[str, ...]:
    return tuple(f"{host.instance_id} ({host.kind})" for host in hosts if host.kind)
