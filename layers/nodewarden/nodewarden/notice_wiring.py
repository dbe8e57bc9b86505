"""What telling is made of, beside what all functions are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nodewarden import policy
from nodewarden.digest_ledger import DigestLedger
from nodewarden.errors import PolicyError
from nodewarden.message import flood
from nodewarden.notice import Telling
from nodewarden.wiring import once

if TYPE_CHECKING:
    from nodewarden.fleet_wiring import FleetWiring
    from nodewarden.message.flood import NoticePolicy
    from nodewarden.wiring import Wiring


def telling(wired: FleetWiring) -> Telling:
    """Give what telling takes. A policy that is wrong must not keep people from hearing: each message then says what is wrong."""
    return Telling(
        ledger=wired.ledger,
        digests=digests(wired),
        topic=wired.topic,
        bus=wired.bus,
        stack=wired.stack,
        policy=_policy(wired.variable("POLICY_FOLDER")),
    )


def digests(wired: Wiring) -> DigestLedger:
    """Give the digests in the ledger."""
    return DigestLedger(items=wired.items, retention=wired.retention)


@once
def _policy(folder: str) -> NoticePolicy:
    try:
        return flood.read(policy.load(Path(folder), "notice"))
    except PolicyError as error:
        return flood.unread(str(error))
