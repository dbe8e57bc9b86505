"""Looking at the world: all that a decision about a group needs, in as few calls as it takes."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nodewarden.errors import AwsError, PrefixListChangingError
from nodewarden.record import Place
from nodewarden.security_group.group import NO_HOSTS, Hosts
from nodewarden.security_group.verdict import Look, needs_hosts

if TYPE_CHECKING:
    from nodewarden.aws.ec2 import Ec2
    from nodewarden.errors import NodewardenError
    from nodewarden.ledger import Ledger
    from nodewarden.security_group.event import Cause, Trigger
    from nodewarden.security_group.group import Group, PrefixList
    from nodewarden.security_group.policy import SecurityGroupPolicy
    from nodewarden.security_group.rule import IngressRule, Network

# Seconds before each look at a prefix list that is being changed.
WAITS = (0, 1.5, 3)


def settle(trigger: Trigger, ec2: Ec2) -> PrefixListChangingError | None:
    """Wait a little for prefix lists that are being changed: until then EC2 answers what they held before.

    Gives the error to raise in the end where that takes longer; the event is then tried again.
    """
    if not trigger.prefix_list_ids:
        return None
    for seconds in WAITS:
        time.sleep(seconds)
        if not (changing := ec2.lists_changing(trigger.prefix_list_ids)):
            return None
    message = (
        f"{', '.join(changing)} was still being changed, so what it held before was judged: the event is tried again; "
        "if it persists, look at the list's state in EC2"
    )
    return PrefixListChangingError(message)


def places(trigger: Trigger, ec2: Ec2) -> tuple[Place, ...]:
    """Give the groups that the event points at: all of a name, of an interface, and all that name a prefix list."""
    ids = list(trigger.group_ids)
    if trigger.group_names:
        ids += ec2.groups_named(trigger.group_names)
    if trigger.interface_ids:
        ids += ec2.groups_of_interfaces(trigger.interface_ids)
    if trigger.prefix_list_ids:
        ids += ec2.groups_referencing(trigger.prefix_list_ids)
    return tuple(Place(account=trigger.account, region=trigger.region, group_id=i) for i in dict.fromkeys(ids))


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a group before it is looked at: its rules, the group, EKS hosts in it, what made us look."""

    rules: tuple[IngressRule, ...] | None = None
    group: Group | None = None
    hosts: tuple[str, ...] = ()
    cause: Cause | None = None
    run: str = ""


NOTHING_KNOWN = Known()


def look(place: Place, ec2: Ec2, ledger: Ledger, policy: SecurityGroupPolicy, known: Known = NOTHING_KNOWN) -> Look:
    """Look at one group: its rules and ledger entries; the rest only when a rule offends.

    The rules are read before the entries: an undo writes its exemption before it opens the group, so whoever sees the
    opening sees the exemption.
    """
    rules = ec2.ingress_rules(place.group_id) if known.rules is None else known.rules
    entries = ledger.entries(place, datetime.now(UTC))
    lists, unread = _wide_lists(rules, ec2, policy)
    nothing = Look(place=place, rules=rules, entries=entries, unread=unread, cause=known.cause, run=known.run)
    if not policy.offending(rules, lists):
        return nothing
    group = known.group or ec2.group(place.group_id)
    if group is None:
        return replace(nothing, rules=(), unread=None)
    hosts = _hosts(place, group, ec2, policy, known)
    return replace(
        nothing,
        group=group,
        lists=lists,
        hosts=hosts.ours,
        hosts_elsewhere=hosts.elsewhere,
        pause_of_acting=ledger.pause_of_acting(),
    )


def _hosts(place: Place, group: Group, ec2: Ec2, policy: SecurityGroupPolicy, known: Known) -> Hosts:
    """Give the hosts that use the group, asked for only where nothing else says that it is in scope."""
    if known.hosts:
        return Hosts(ours=known.hosts, elsewhere=())
    return ec2.eks_hosts(place.group_id, place.account) if needs_hosts(group, policy) else NO_HOSTS


def _wide_lists(
    rules: tuple[IngressRule, ...], ec2: Ec2, policy: SecurityGroupPolicy
) -> tuple[dict[str, PrefixList], NodewardenError | None]:
    """Look into the prefix lists that the rules name; only those with something too wide are described.

    The second value is why that failed, if it did: a list that cannot be read must not keep other rules open.
    """
    wide: dict[str, tuple[Network, ...]] = {}
    try:
        for list_id in policy.lists_to_look_into(rules):
            if found := tuple(entry for entry in ec2.prefix_list_entries(list_id) if policy.too_wide(entry)):
                wide[list_id] = found
        return {found.list_id: found for found in ec2.prefix_lists(wide)} if wide else {}, None
    except AwsError as error:
        return {}, error
