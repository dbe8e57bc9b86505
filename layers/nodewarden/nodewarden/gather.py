"""Looking at the world: all that a decision about a group needs, in as few calls as it takes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nodewarden.errors import AwsError
from nodewarden.record import Place
from nodewarden.security_group.verdict import Look, needs_hosts

if TYPE_CHECKING:
    from nodewarden.aws.ec2 import Ec2
    from nodewarden.errors import NodewardenError
    from nodewarden.ledger import Ledger
    from nodewarden.security_group.event import Cause, Trigger
    from nodewarden.security_group.group import PrefixList
    from nodewarden.security_group.policy import SecurityGroupPolicy
    from nodewarden.security_group.rule import IngressRule, Network


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


def look(place: Place, ec2: Ec2, ledger: Ledger, policy: SecurityGroupPolicy, cause: Cause | None = None) -> Look:
    """Look at one group: its rules and ledger entries; the rest only when a rule offends.

    The rules are read before the entries: an undo writes its exemption before it opens the group, so whoever sees the
    opening sees the exemption.
    """
    rules = ec2.ingress_rules(place.group_id)
    entries = ledger.entries(place, datetime.now(UTC))
    lists, unread = _wide_lists(rules, ec2, policy)
    if not policy.offending(rules, lists):
        return Look(place=place, rules=rules, entries=entries, unread=unread, cause=cause)
    group = ec2.group(place.group_id)
    if group is None:
        return Look(place=place, rules=(), entries=entries, cause=cause)
    hosts = ec2.eks_hosts(place.group_id) if needs_hosts(group, policy) else ()
    return Look(
        place=place,
        rules=rules,
        group=group,
        lists=lists,
        unread=unread,
        hosts=hosts,
        entries=entries,
        pause_of_acting=ledger.pause_of_acting(),
        cause=cause,
    )


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
