"""RolloutFunction: takes one tick of the rollouts that go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from nodewarden.carry_out import raise_first
from nodewarden.fleet_wiring import fleet_wiring
from nodewarden.tick_rollout import tick_rollouts

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from nodewarden.tick_rollout import Ticked

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Tick every rollout, or the one that `rollout` names; raises the first failure when all others are ticked."""
    metrics.add_metric(name="Ticks", unit=MetricUnit.Count, value=1)
    run = tick_rollouts(fleet_wiring(), str(event.get("rollout", "")))
    answer = {ticked.rollout.rollout_id: _said(ticked) for ticked in run.ticked}
    logger.info("ticked", extra={"rollouts": answer, "starts_nothing_as": run.stance})
    metrics.add_metric(name="UpdatesStarted", unit=MetricUnit.Count, value=sum(len(t.started) for t in run.ticked))
    raise_first(run.failures)
    return answer


def _said(ticked: Ticked) -> dict[str, Any]:
    rollout = ticked.rollout
    said = {"state": rollout.state.value, "wave": rollout.current_wave, "why": rollout.why}
    return {**said, "started": [str(key) for key in ticked.started], "another_was_faster": ticked.lost}
