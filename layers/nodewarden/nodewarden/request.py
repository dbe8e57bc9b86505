"""A person's verb as a value: checked before anything is looked at or changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from nodewarden.errors import NodewardenError, RequestError
from nodewarden.node_group import SELF_MANAGED_NAME
from nodewarden.record import Place
from nodewarden.security_group.event import ACCOUNT, GROUP_ID, REGION, line
from nodewarden.table import Table

LONGEST = timedelta(days=90)
ROLLOUT_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,29}-[0-9a-f]{12}")  # an AMI family, and what tells its rollouts apart
INCIDENT_ID = re.compile(r"(?:ami-[0-9a-f]{8,17}|network|coverage|unknown-image)-[0-9a-f]{12}")
REMEDIATION_ID = re.compile(rf"({GROUP_ID.pattern})-[0-9a-f]{{12}}")


def parse_duration(text: str) -> timedelta:
    """Read `4h` or `2d`; raises ValueError for anything else, for nothing, and for more than 90 days.

    >>> parse_duration("4h")
    datetime.timedelta(seconds=14400)
    """
    match = re.fullmatch(r"([1-9][0-9]{0,3})([hd])", text)
    length = timedelta(**{{"h": "hours", "d": "days"}[match[2]]: int(match[1])}) if match else None
    if length is None or length > LONGEST:
        message = f"must be hours or days such as '4h' or '2d', at most 90 days, not {text[:20]!r}"
        raise ValueError(message)
    return length


def matching(pattern: re.Pattern[str], what: str) -> Callable[[str], str]:
    """Give what checks that a text has a form, and raises ValueError saying `what` it must be."""

    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            message = f"must be {what}, not {line(text)!r}"
            raise ValueError(message)
        return text

    return check


parse_group_id = matching(GROUP_ID, "a security group's id such as sg-0123456789abcdef0")
FROM_A_MESSAGE = "the id from a message or from status, such as"
parse_remediation_id = matching(REMEDIATION_ID, f"{FROM_A_MESSAGE} sg-0123456789abcdef0-0123456789ab")
parse_rollout_id = matching(ROLLOUT_ID, f"{FROM_A_MESSAGE} al2023-0123456789ab")
parse_incident_id = matching(INCIDENT_ID, f"{FROM_A_MESSAGE} ami-0123456789abcdef0-0123456789ab")


def parse_node_group(text: str) -> tuple[str, str]:
    """Read a node group's cluster and name; raises ValueError.

    >>> parse_node_group("demo/workers")
    ('demo', 'workers')
    """
    cluster, _, name = text.partition("/")
    if not cluster or not name or ("/" in name and not name.startswith(SELF_MANAGED_NAME)):
        message = f"must be a cluster and its node group such as demo/workers, not {line(text)!r}"
        raise ValueError(message)
    return cluster, name


def words(text: str) -> str:
    """Make one printable line of what a person wrote; raises ValueError where nothing is left."""
    if not (clean := line(text)):
        message = "must say something"
        raise ValueError(message)
    return clean


@dataclass(frozen=True, slots=True)
class Request:
    """A request that is read key by key, as `Table` is."""

    table: Table
    account: str
    region: str

    @classmethod
    def of(cls, event: object, *, account: str, region: str, verbs: tuple[str, ...]) -> tuple[str, Request]:
        """Read the verb, account and region (those of Nodewarden where they are not given); raises RequestError."""
        if not isinstance(event, Mapping):
            message = f'a request is a JSON object such as {{"verb": "{verbs[0]}", …}}'
            raise RequestError(message)
        table = Table("", event, RequestError)
        verb = table.choice("verb", verbs)
        place = {"account": matching(ACCOUNT, "twelve digits"), "region": matching(REGION, "a region's name")}
        values = {
            name: table.parsed(name, check, default)
            for (name, check), default in zip(place.items(), (account, region), strict=True)
        }
        return verb, cls(table, **values)

    def place(self, group: str) -> Place:
        """Give the group's place in the request's account and region."""
        return Place(account=self.account, region=self.region, group_id=group)

    def who_and_why(self) -> dict[str, str]:
        """Read `by` (recorded as claimed) and `reason`, neither of which may be missing."""
        return {"by": self.table.parsed("by", words), "reason": self.table.parsed("reason", words)}

    def token(self) -> str:
        """Read the `token` that tells the same request from a second one; "" where it has none."""
        return self.table.parsed("token", words) if "token" in self.table else ""


def answer(error: NodewardenError) -> dict[str, Any]:
    """Say as JSON that a request failed, and what to do."""
    return {"ok": False, "error": f"{type(error).__name__}: {error}", "notes": list(getattr(error, "__notes__", ()))}
