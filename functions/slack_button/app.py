"""SlackButtonFunction, SlackDecisionFunction: a button in Slack is pressed, and what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from nodewarden.errors import AwsError, PressError, SlackSecretError
from nodewarden.slack.press import read_event
from nodewarden.slack.verify import verified
from nodewarden.slack.wiring import slack_wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer Slack at once (it waits three seconds): hand over what it signed; 401 for all else, without saying why.

    503 where the secret cannot be read: then nobody can be told from Slack. The metric counts it; an error would let everybody
    ring an alarm.
    """
    wired = slack_wiring()
    metrics.add_metric(name="SlackRequests", unit=MetricUnit.Count, value=1)
    try:
        press = verified(event, wired)
    except PressError as error:
        logger.warning("refused", extra={"why": str(error)})
        metrics.add_metric(name="SlackRequestsRefused", unit=MetricUnit.Count, value=1)
        return {"statusCode": 401, "body": ""}
    except (AwsError, SlackSecretError):
        logger.exception("not verified")
        metrics.add_metric(name="SlackRequestsNotVerified", unit=MetricUnit.Count, value=1)
        return {"statusCode": 503, "body": ""}
    wired.functions.start(wired.decision_function, press.event())
    logger.info("handed over", extra={"button": press.button, "by": press.by, "about": dict(press.about.names)})
    return {"statusCode": 200, "body": ""}


@logger.inject_lambda_context
@metrics.log_metrics
def decide(event: dict[str, Any], context: LambdaContext) -> str:
    """Carry out a press; raises where that fails, so that Lambda tries it again and then keeps it in the failures queue."""
    from nodewarden.slack.client import Sender  # noqa: PLC0415 slack_sdk costs a press part of its three seconds
    from nodewarden.slack.hand_over import hand_over  # noqa: PLC0415

    metrics.add_metric(name="SlackPresses", unit=MetricUnit.Count, value=1)
    wired = slack_wiring()
    press = read_event(event, wired.policy)
    sender = Sender(seconds_left=lambda: context.get_remaining_time_in_millis() / 1000)
    said = hand_over(press, wired, sender)
    logger.info(
        "decided", extra={"button": press.button, "by": press.by, "about": dict(press.about.names), "said": said}
    )
    return said
