"""SecurityGroupSweepFunction: judges every security group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from nodewarden.carry_out import raise_first
from nodewarden.sweep_groups import sweep_groups
from nodewarden.wiring import wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(_event: object, context: LambdaContext) -> dict[str, Any]:
    """Judge every group; raises the first failure at the end, when all others are judged and told."""
    metrics.add_metric(name="Sweeps", unit=MetricUnit.Count, value=1)
    swept = sweep_groups(wiring(), context.aws_request_id, lambda: context.get_remaining_time_in_millis() / 1000)
    if swept is None:
        return {"skipped": "another run is at it"}
    run = swept.run
    said = {"groups": run.looked_at, "stopped": run.stopped, "outcomes": dict(run.counts), "missed": len(run.missed)}
    logger.info("swept", extra=said | {"failures": run.failures})
    metrics.add_metric(name="GroupsSwept", unit=MetricUnit.Count, value=run.looked_at)
    metrics.add_metric(name="OpeningsWithoutEvent", unit=MetricUnit.Count, value=len(run.missed))
    raise_first(swept.failures)
    return said
