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
    from nodewarden.security_group.rule import IngressRule

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
    """What is known of a group before it is looked at: its rules, the group, EKS hosts in it, what made us look.

    `lists` are prefix lists that were looked into already, None for one that holds nothing too wide; what is looked into
    now is added.
    """

    rules: tuple[IngressRule, ...] | None = None
    group: Group | None = None
    hosts: tuple[str, ...] = ()
    lists: dict[str, PrefixList | None] | None = None
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
    lists, unread = _wide_lists(rules, ec2, policy, {} if known.lists is None else known.lists)
    nothing = Look(place=place, rules=rules, entries=entries, unread=unread, cause=known.cause, run=known.run)
    if not policy.offending(rules, lists):
        return nothing
    group = known.group or ec2.group(place.group_id)
    if group is None:
        return replace(nothing, rules=(), unread={})
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
    rules: tuple[IngressRule, ...], ec2: Ec2, policy: SecurityGroupPolicy, known: dict[str, PrefixList | None]
) -> tuple[dict[str, PrefixList], dict[str, NodewardenError]]:
    """Look into the prefix lists that the rules name and that are not known; only those with something too wide are described.

    The second value is why some could not be read: that must not keep other rules open.
    """
    unread: dict[str, NodewardenError] = {}
    named = policy.lists_to_look_into(rules)
    for list_id in (i for i in named if i not in known):
        try:
            known[list_id] = _wide_list(list_id, ec2, policy)
        except AwsError as error:
            unread[list_id] = error
    return {list_id: found for list_id in named if (found := known.get(list_id))}, unread


def _wide_list(list_id: str, ec2: Ec2, policy: SecurityGroupPolicy) -> PrefixList | None:
    """Look into one list; None where it holds nothing too wide."""
    wide = tuple(entry for entry in ec2.prefix_list_entries(list_id) if policy.too_wide(entry))
    if not wide:
        return None
    described = ec2.prefix_lists({list_id: wide})
    if not described:
        message = f"the prefix list {list_id} holds {wide[0]}, but EC2 does not say whose it is: try again"
        raise AwsError(message)
    return described[0]
