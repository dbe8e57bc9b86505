"""InspectorFindingFunction: decides what follows from Inspector's findings on hosts, many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from nodewarden.fleet_wiring import fleet_wiring
from nodewarden.judge_findings import judge_findings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Decide about what a batch of messages says; answers which of them failed (`ReportBatchItemFailures`).

    Not by Powertools' batch processor: that hands over one message after the other, and here all are one decision.
    """
    messages = event["Records"]
    metrics.add_metric(name="FindingMessages", unit=MetricUnit.Count, value=len(messages))
    run = judge_findings(messages, fleet_wiring())
    incidents = {key.incident_id: incident.state.value for key, incident in run.incidents.items()}
    verdicts = {group: [verdict.word for verdict in one.verdicts] for group, one in run.reachable.groups.items()}
    logger.info("judged", extra={"incidents": incidents, "groups": verdicts, "ignored": dict(+run.batch.ignored)})
    for failure in run.stands.failures:
        logger.error("a rollout counts for nothing", extra={"error": f"{type(failure).__name__}: {failure}"})
    for key, error in run.left.items():
        logger.error(
            "counted, and left to the next look",
            extra={"incident": key.incident_id, "error": f"{type(error).__name__}: {error}"},
        )
    for message_id, error in run.batch.failed.items():
        logger.error("not judged", extra={"message_id": message_id, "error": f"{type(error).__name__}: {error}"})
    metrics.add_metric(name="FindingMessagesFailed", unit=MetricUnit.Count, value=len(run.batch.failed))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in run.batch.failed]}
