"""SlackFunction: posts what the topic says to Slack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from nodewarden.slack.client import Sender
from nodewarden.slack.tell import tell
from nodewarden.slack.wiring import slack_wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> list[str]:
    """Post each message; raises where one cannot be, so that Lambda tries it again and then keeps it in the failures queue."""
    metrics.add_metric(name="SlackMessages", unit=MetricUnit.Count, value=len(event["Records"]))
    sender = Sender(seconds_left=lambda: context.get_remaining_time_in_millis() / 1000)
    said = [tell(record["Sns"], slack_wiring(), sender, context.aws_request_id) for record in event["Records"]]
    logger.info("told Slack", extra={"messages": said})
    metrics.add_metric(name="SlackMessagesWithoutBlocks", unit=MetricUnit.Count, value=said.count("posted in words"))
    return said
