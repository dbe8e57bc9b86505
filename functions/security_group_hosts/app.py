"""SecurityGroupHostsFunction: judges the security groups of hosts that start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from nodewarden.judge_hosts import judge_hosts
from nodewarden.wiring import wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Judge the groups of hosts that started; answers which messages of the queue failed (`ReportBatchItemFailures`)."""
    records = event["Records"]
    metrics.add_metric(name="HostStarts", unit=MetricUnit.Count, value=len(records))
    judged = judge_hosts(records, wiring())
    for group_id, one in judged.groups.items():
        logger.info("judged", extra={"group": group_id, "open_to_the_internet": one.said()})
        for outcome in one.outcomes():
            metrics.add_metric(name=f"Rules-{outcome}", unit=MetricUnit.Count, value=1)
    for message_id, error in judged.failed.items():
        logger.error("not judged", extra={"message_id": message_id, "error": f"{type(error).__name__}: {error}"})
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in judged.failed]}
