"""What moto lacks of AWS, filled as AWS documents it; each is dropped when moto grows it."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.security_groups import SecurityGroup

FILTER = "filter_ip_permission__prefix_list_id"


class MotoGrewItError(AssertionError):
    """Moto does this itself now: drop ours."""


def fill() -> None:
    """Let `DescribeSecurityGroups` filter by `ip-permission.prefix-list-id`."""
    theirs = getattr(SecurityGroup, FILTER)
    if theirs is _names_prefix_list:
        return
    if "MotoNotImplementedError" not in theirs.__code__.co_names:
        raise MotoGrewItError(FILTER)
    setattr(SecurityGroup, FILTER, _names_prefix_list)


def _names_prefix_list(self: Any, values: list[str]) -> bool:
    return any(rule.prefix_list_id in values for rule in self.ingress_rules)
