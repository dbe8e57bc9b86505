"""NoticeFunction: turns changes of the ledger into messages on the topic, and releases into events on the bus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from nodewarden.fleet_wiring import fleet_wiring
from nodewarden.notice import tell_each

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Tell people of each record of the table's stream; answers which ones failed (`ReportBatchItemFailures`)."""
    wired = fleet_wiring()
    records = event["Records"]
    metrics.add_metric(name="Changes", unit=MetricUnit.Count, value=len(records))
    failures = tell_each(records, wired.ledger, wired.topic, wired.bus, wired.stack)
    for failure in failures:
        logger.error("not told", extra={"sequence_number": failure.sequence_number, "error": str(failure.error)})
    metrics.add_metric(name="ChangesNotTold", unit=MetricUnit.Count, value=len(failures))
    return {"batchItemFailures": [{"itemIdentifier": failure.sequence_number} for failure in failures]}
