"""OperatorFunction: carries out a person's verbs, but for undo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from nodewarden.fleet_wiring import fleet_wiring
from nodewarden.verbs import operate

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: object, _context: LambdaContext) -> dict[str, Any]:
    """Answer as `nodewarden.verbs.operate` says."""
    metrics.add_metric(name="Verbs", unit=MetricUnit.Count, value=1)
    answer = operate(event, fleet_wiring())
    logger.info("answered", extra={"answer": answer})
    metrics.add_metric(name="VerbsRefused", unit=MetricUnit.Count, value=0 if answer["ok"] else 1)
    return answer
