"""A press of a button: who may, who is first, the verb to its function, and what the message says then."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nodewarden.errors import SlackError, SlackRefusedError
from nodewarden.slack.button import BY_NAME, request_of
from nodewarden.slack.press import outcome, replaced, replaced_by_words, whispered

if TYPE_CHECKING:
    from nodewarden.slack.button import Button
    from nodewarden.slack.client import Sender
    from nodewarden.slack.press import Press
    from nodewarden.slack.wiring import SlackWiring


def hand_over(press: Press, wired: SlackWiring, sender: Sender) -> str:
    """Carry out a press; says what became of it: `done`, `refused`, `too late` or `not allowed`.

    Safe to repeat: a press that is repeated goes on where it was. What a verb came to is written down before the message is
    changed, so the verb is asked for again only where a run died between the two, by the token of the same press.
    """
    button = BY_NAME[press.button]
    if not wired.policy.may(press.user_id, button.name, press.team):
        words = (
            f"You may not press {button.label}: users.{button.name} in slack.toml does not list {press.user_id}"
            f"{f' of the workspace {wired.policy.team}' if wired.policy.team else ''}."
        )
        return _whisper("not allowed", words, press, sender)
    decision = wired.ledger.claim(press.about.change, press.press_id, press.by, datetime.now(UTC))
    if decision.refusal:
        return _whisper("refused", decision.refusal, press, sender)
    if not decision.ours:
        said = decision.said or "that is being done"
        return _whisper("too late", f"Too late: {decision.by} decided already ({said}).", press, sender)
    return _finish(press, button, decision.said, wired, sender)


def _finish(press: Press, button: Button, said: str, wired: SlackWiring, sender: Sender) -> str:
    """Have the verb carried out unless that is done already, then take the buttons away."""
    ledger, change = wired.ledger, press.about.change
    if not said:
        request = request_of(button, press.about, press.by, press.press_id)
        answer = wired.functions.ask(wired.function(button.function), request)
        if not answer.get("ok"):
            words = f"{button.label} could not be done: {answer.get('error') or 'no reason was given'}"
            ledger.withdraw(change, press.press_id, words)
            return _whisper("refused", words, press, sender)
        said = outcome(button, answer)
        ledger.decided(change, press.press_id, said)
    _replace(press, said, sender)
    return "done"


def _replace(press: Press, said: str, sender: Sender) -> None:
    """Take the buttons away and say what was decided, in words alone where Slack takes no blocks."""
    try:
        sender.respond(press.response_url, replaced(press, said))
    except SlackRefusedError as error:
        if not error.blocks:
            raise
        sender.respond(press.response_url, replaced_by_words(press, said))


def _whisper(became: str, words: str, press: Press, sender: Sender) -> str:
    """Tell the one who pressed. Nothing was changed, so it is no failure where they do not hear it: the log says so."""
    try:
        sender.respond(press.response_url, whispered(words))
    except SlackError as error:
        return f"{became}, which could not be said: {error}"
    return became
