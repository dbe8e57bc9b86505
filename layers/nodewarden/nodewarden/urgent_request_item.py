"""How a request for an urgent rollout is written as an item, and read back.

request#<request_id>  request  put once, however many incidents ask; `unsettled` until planning has taken it
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from nodewarden.inspector_finding.action import RequestUrgent
from nodewarden.item import SCHEMA, read_entry
from nodewarden.node_group import NodeGroupKey, Target
from nodewarden.record import stamp
from nodewarden.rollout_item import ends_at, written

if TYPE_CHECKING:
    from datetime import timedelta

    from nodewarden.item import Item

REQUEST = "request"


def request_keys(request_id: str) -> Item:
    """Give the keys of a request's item."""
    return {"pk": f"{REQUEST}#{request_id}", "sk": REQUEST}


def request_item(request: RequestUrgent, now: datetime, retention: timedelta) -> Item:
    """Write what is asked for."""
    return {
        **request_keys(request.request_id),
        "schema": SCHEMA,
        **written(request),
        "asked_at": stamp(now),
        "unsettled": REQUEST,
        "ttl": ends_at(now, retention),
    }


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, and when it was put last."""

    request: RequestUrgent
    at: datetime


def read_asked(item: Item) -> Asked:
    """Read what is asked for; raises LedgerError."""
    return read_entry(item, lambda item: Asked(_request(item), datetime.fromisoformat(item["asked_at"])))


def _request(item: Item) -> RequestUrgent:
    target = item["target"]
    return RequestUrgent(
        request_id=item["request_id"],
        node_group=NodeGroupKey(**item["node_group"]),
        target=Target(**target | {"released_at": datetime.fromisoformat(target["released_at"])}),
        cves=tuple(item["cves"]),
        hastens=item["hastens"],
    )
