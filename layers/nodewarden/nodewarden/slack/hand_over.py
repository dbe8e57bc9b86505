"""A press of a button: who may, who is first, the verb to its function, and what the message says then."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nodewarden.slack.button import BY_NAME, request_of
from nodewarden.slack.press import outcome, replaced, whispered

if TYPE_CHECKING:
    from nodewarden.slack.button import Button
    from nodewarden.slack.client import Sender
    from nodewarden.slack.press import Press
    from nodewarden.slack.wiring import SlackWiring


def hand_over(press: Press, wired: SlackWiring, sender: Sender) -> str:
    """Carry out a press; says what became of it: `done`, `refused`, `too late` or `not allowed`.

    Safe to repeat: a press that is repeated goes on where it was. What a verb came to is written down before the message is
    changed, so the verb runs again only where a run died between the two.
    """
    button, change = BY_NAME[press.button], press.about.change
    if not wired.policy.may(press.user_id, button.name):
        words = f"You may not press {button.label}: users.{button.name} in slack.toml does not list {press.user_id}."
        sender.respond(press.response_url, whispered(words))
        return "not allowed"
    decision = wired.ledger.claim(change, press.press_id, press.by, datetime.now(UTC))
    if not decision.ours:
        said = decision.said or "that is being done"
        sender.respond(press.response_url, whispered(f"Too late: {decision.by} decided already ({said})."))
        return "too late"
    return _finish(press, button, decision.said, wired, sender)


def _finish(press: Press, button: Button, said: str, wired: SlackWiring, sender: Sender) -> str:
    """Have the verb carried out unless that is done already, then take the buttons away."""
    ledger, change = wired.ledger, press.about.change
    if not said:
        request = request_of(button, press.about, press.by, press.press_id)
        answer = wired.functions.ask(wired.function(button.function), request)
        if not answer.get("ok"):
            ledger.withdraw(change, press.press_id)
            words = f"{button.label} could not be done: {answer.get('error') or 'no reason was given'}"
            sender.respond(press.response_url, whispered(words))
            return "refused"
        said = outcome(button, answer)
        ledger.decided(change, press.press_id, said)
    sender.respond(press.response_url, replaced(press, said))
    return "done"
