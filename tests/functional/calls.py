"""Every AWS call that the functions made in the functional tests, for the test of their roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.stack import Call

# function -> actions it called
CALLS: dict[str, set[str]] = {}


def record(call: Call) -> None:
    """Remember which function called what."""
    CALLS.setdefault(call.function, set()).add(call.action)
