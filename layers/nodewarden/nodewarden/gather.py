"""Looking at the world: all that a decision about a group needs, in as few calls as it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nodewarden.record import Place
from nodewarden.security_group.verdict import Look, needs_hosts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nodewarden.aws.ec2 import Ec2
    from nodewarden.ledger import Ledger
    from nodewarden.security_group.event import Cause, Trigger
    from nodewarden.security_group.policy import SecurityGroupPolicy


def places(trigger: Trigger, ec2: Ec2) -> tuple[Place, ...]:
    """Give the groups that the event points at; those called by name are looked up, and all of that name are judged."""
    ids: Iterable[str] = trigger.group_ids or ec2.groups_named(trigger.group_names)
    return tuple(Place(account=trigger.account, region=trigger.region, group_id=group_id) for group_id in ids)


def look(place: Place, ec2: Ec2, ledger: Ledger, policy: SecurityGroupPolicy, cause: Cause | None = None) -> Look:
    """Look at one group: its rules and ledger entries; the rest only when a rule offends.

    The rules are read before the entries: an undo writes its exemption before it opens the group, so whoever sees the
    opening sees the exemption.
    """
    rules = ec2.ingress_rules(place.group_id)
    entries = ledger.entries(place)
    if not policy.offending(rules):
        return Look(place=place, rules=rules, entries=entries, cause=cause)
    group = ec2.group(place.group_id)
    if group is None:
        return Look(place=place, rules=(), entries=entries, cause=cause)
    hosts = ec2.eks_hosts(place.group_id) if needs_hosts(group, policy) else ()
    return Look(
        place=place, rules=rules, group=group, hosts=hosts, entries=entries, acting=ledger.acting(), cause=cause
    )
