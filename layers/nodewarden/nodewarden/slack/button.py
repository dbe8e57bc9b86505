"""The buttons under a message, as data: when each is offered, and the verb that it hands over."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from nodewarden.request import REMEDIATION_ID, ROLLOUT_ID
from nodewarden.security_group.event import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_VALUE = 2000  # characters of a button's value that Slack takes
WAVE = re.compile(r"[^\x00-\x1f\x7f]{1,100}")  # whatever rollout.toml calls it


class Function(StrEnum):
    """The functions that a button may hand a verb to, by their names in the template."""

    OPERATOR = "OperatorFunction"
    UNDO = "UndoFunction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """One button: under messages of `kind` with one of `outcomes`.

    `name` is the policy's word for it, `request` the verb with its fixed fields, `about` the fields that the message's
    document gives, each with its form, and `sure` what is asked before it counts. `takes_token` where the verb tells a
    repeated request from a second one by a token; `revoke` looks at what is on record.
    """

    name: str
    label: str
    function: Function
    request: Mapping[str, str]
    kind: str
    outcomes: frozenset[str]
    about: Mapping[str, re.Pattern[str]]
    sure: str
    dangerous: bool = False
    takes_token: bool = False


# One line of data each. A verb that comes later needs nothing but its own here, and its users in slack.toml.
BUTTONS = (
    Button(
        name="revoke",
        label="Revoke now",
        function=Function.OPERATOR,
        request={"verb": "revoke"},
        kind="security_group",
        outcomes=frozenset({"observed", "held"}),
        about={"remediation": REMEDIATION_ID},
        sure="Closes the opening for good, whatever the mode. It can be undone.",
    ),
    Button(
        name="undo",
        label="Undo for 4 h",
        function=Function.UNDO,
        request={"verb": "undo", "for": "4h"},
        kind="security_group",
        outcomes=frozenset({"revoked", "partial"}),
        about={"remediation": REMEDIATION_ID},
        sure="Opens the group to the internet again, for four hours.",
        dangerous=True,
        takes_token=True,
    ),
    Button(
        name="exempt",
        label="Exempt for 24 h",
        function=Function.OPERATOR,
        request={"verb": "exempt", "for": "24h"},
        kind="security_group",
        outcomes=frozenset({"observed", "held", "paused", "flapping"}),
        about={"remediation": REMEDIATION_ID},
        sure="Leaves the opening as it is for a day.",
        dangerous=True,
        takes_token=True,
    ),
    Button(
        name="approve",
        label="Approve",
        function=Function.OPERATOR,
        request={"verb": "approve"},
        kind="rollout",
        outcomes=frozenset({"awaiting-approval"}),
        about={"rollout": ROLLOUT_ID, "wave": WAVE},
        sure="Lets the wave begin: EKS replaces its hosts, in the hours that the policy allows.",
        takes_token=True,
    ),
    Button(
        name="reject",
        label="Reject",
        function=Function.OPERATOR,
        request={"verb": "reject"},
        kind="rollout",
        outcomes=frozenset({"awaiting-approval"}),
        about={"rollout": ROLLOUT_ID, "wave": WAVE},
        sure="Ends the rollout here: what is not done stays as it is, and is planned again with the next release.",
        dangerous=True,
        takes_token=True,
    ),
)
BY_NAME = {button.name: button for button in BUTTONS}


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a button is about: the message's change, an account and region, and what the button names there."""

    change: str
    account: str
    region: str
    names: Mapping[str, str]

    @property
    def said(self) -> str:
        """Say what a button is about, whatever the message over it says."""
        what = ", ".join(f"{name} {value}" for name, value in self.names.items())
        return f"This is about {what} in account {self.account}, {self.region}."

    def value(self) -> str:
        """Write it as the value of a button; `read_about` reads it."""
        return json.dumps([self.change, self.account, self.region, dict(self.names)])


def offered(document: Mapping[str, Any], change: str) -> tuple[tuple[Button, About], ...]:
    """Give the buttons that go under a message, each with what it is about."""
    kind, outcome = document.get("kind"), document.get("outcome")
    fitting = (button for button in BUTTONS if button.kind == kind and outcome in button.outcomes)
    about = ((button, _about(button, document, change)) for button in fitting)
    return tuple((button, each) for button, each in about if is_about(button, each))


def read_about(value: str) -> About:
    """Read the value of a button that was pressed; raises ValueError where it is none of ours."""
    try:
        change, account, region, names = json.loads(value[: LONGEST_VALUE + 1])  # a longer one is cut, and no JSON then
    except (ValueError, TypeError) as error:
        message = "not the value of a button"
        raise ValueError(message) from error
    return about_of(change, account, region, names)


def about_of(change: object, account: object, region: object, names: object) -> About:
    """Check that everything is a text; raises ValueError."""
    named = [*names, *names.values()] if isinstance(names, dict) else [None]
    if not all(isinstance(text, str) for text in (change, account, region, *named)):
        message = "not the value of a button"
        raise ValueError(message)
    return About(change=str(change), account=str(account), region=str(region), names=dict(names))  # type: ignore[call-overload]


def is_about(button: Button, about: About) -> bool:
    """Tell whether what the button is about has the form of such a thing, of an account and of a region."""
    forms = [(ACCOUNT, about.account), (REGION, about.region)]
    forms += [(form, about.names.get(name, "")) for name, form in button.about.items()]
    return about.names.keys() == button.about.keys() and all(form.fullmatch(text) for form, text in forms)


def request_of(button: Button, about: About, by: str, press_id: str) -> dict[str, str]:
    """Give the request that the button hands over."""
    where = {"account": about.account, "region": about.region, **about.names}
    token = {"token": press_id} if button.takes_token else {}
    return {**button.request, **where, **token, "by": by, "reason": f"the button {button.label} in Slack"}


def _about(button: Button, document: Mapping[str, Any], change: str) -> About:
    account, region = (str(document.get(name, "")) for name in ("account", "region"))
    names = {name: str(document.get(name, "")) for name in button.about}
    return About(change=change, account=account, region=region, names=names)
