"""The buttons under a message, as data: when each is offered, and the verb that it hands over."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from nodewarden.request import REMEDIATION_ID
from nodewarden.security_group.event import ACCOUNT, REGION

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping

LONGEST_VALUE = 2000  # characters of a button's value that Slack takes


class Function(StrEnum):
    """The functions that a button may hand a verb to, by their names in the template."""

    OPERATOR = "OperatorFunction"
    UNDO = "UndoFunction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """One button: under messages of `kind` with one of `outcomes`, about what `about` names in the message's document.

    `name` is the policy's word for it, `request` the verb with its fixed fields, `sure` what is asked before it counts.
    """

    name: str
    label: str
    function: Function
    request: Mapping[str, str]
    kind: str
    outcomes: frozenset[str]
    about: str
    names: re.Pattern[str]
    sure: str
    dangerous: bool = False


# One line of data each. A verb that comes later needs nothing but its own here, and its users in slack.toml.
BUTTONS = (
    Button(
        name="revoke",
        label="Revoke now",
        function=Function.OPERATOR,
        request={"verb": "revoke"},
        kind="security_group",
        outcomes=frozenset({"observed"}),
        about="remediation",
        names=REMEDIATION_ID,
        sure="Closes the opening for good, whatever the mode. It can be undone.",
    ),
    Button(
        name="undo",
        label="Undo for 4 h",
        function=Function.UNDO,
        request={"verb": "undo", "for": "4h"},
        kind="security_group",
        outcomes=frozenset({"revoked", "partial"}),
        about="remediation",
        names=REMEDIATION_ID,
        sure="Opens the group to the internet again, for four hours.",
        dangerous=True,
    ),
    Button(
        name="exempt",
        label="Exempt for 24 h",
        function=Function.OPERATOR,
        request={"verb": "exempt", "for": "24h"},
        kind="security_group",
        outcomes=frozenset({"observed", "held", "paused", "flapping"}),
        about="remediation",
        names=REMEDIATION_ID,
        sure="Leaves the opening as it is for a day.",
        dangerous=True,
    ),
)
BY_NAME = {button.name: button for button in BUTTONS}


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a button is about: the message's change, and something of an account and region."""

    change: str
    account: str
    region: str
    name: str

    def value(self) -> str:
        """Write it as the value of a button; `read_about` reads it."""
        return json.dumps([self.change, self.account, self.region, self.name])


def offered(document: Mapping[str, Any], change: str) -> tuple[tuple[Button, About], ...]:
    """Give the buttons that go under a message, each with what it is about."""
    texts = {name: str(document.get(name, "")) for name in ("kind", "outcome", "account", "region")}
    named = (
        (
            button,
            About(change=change, account=texts["account"], region=texts["region"], name=str(document[button.about])),
        )
        for button in BUTTONS
        if button.kind == texts["kind"] and texts["outcome"] in button.outcomes and button.about in document
    )
    return tuple((button, about) for button, about in named if is_about(button, about))


def read_about(value: str) -> About:
    """Read the value of a button that was pressed; raises ValueError where it is none of ours."""
    try:
        parts = json.loads(value) if len(value) <= LONGEST_VALUE else None
    except ValueError:
        parts = None
    if not isinstance(parts, list) or len(parts) != len(fields(About)) or not all(isinstance(p, str) for p in parts):
        message = "not the value of a button"
        raise ValueError(message)
    change, account, region, name = parts
    return About(change=change, account=account, region=region, name=name)


def is_about(button: Button, about: About) -> bool:
    """Tell whether what the button is about has the form of such a thing, of an account and of a region."""
    forms = ((button.names, about.name), (ACCOUNT, about.account), (REGION, about.region))
    return all(form.fullmatch(text) for form, text in forms)


def request_of(button: Button, about: About, by: str) -> dict[str, str]:
    """Give the request that the button hands over."""
    where = {"account": about.account, "region": about.region, button.about: about.name}
    return {**button.request, **where, "by": by, "reason": f"the button {button.label} in Slack"}
