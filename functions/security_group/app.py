"""SecurityGroupFunction: judges the security groups that an event points at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from nodewarden import gather
from nodewarden.carry_out import raise_first
from nodewarden.errors import NodewardenError
from nodewarden.gather import Known
from nodewarden.judge_group import Judged, judge_group
from nodewarden.security_group.event import parse
from nodewarden.wiring import wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Judge each group that the event points at; raises the first failure at the end.

    Raising makes Lambda try the event again, twice, and then put it into the failures queue.
    """
    metrics.add_metric(name="Events", unit=MetricUnit.Count, value=1)
    trigger = parse(event)
    wired = wiring()
    ec2 = wired.ec2(trigger.account, trigger.region)
    unsettled = gather.settle(trigger, ec2)
    failures: list[NodewardenError] = [unsettled] if unsettled else []
    outcomes = {}
    for place in gather.places(trigger, ec2):
        try:
            mode = wired.mode if trigger.opens else wired.arrival_mode
            judged = judge_group(place, wired, mode, Known(cause=trigger.cause))
        except NodewardenError as error:
            failures.append(error)
        else:
            failures += judged.failures
            outcomes[place.group_id] = _say(place.group_id, judged)
            if any(verdict.outcome is None for verdict in judged.verdicts):
                wired.ledger.forget_look(place)
    raise_first(failures)
    return outcomes


def _say(group_id: str, judged: Judged) -> list[dict[str, str]]:
    """Log and count what became of each offending rule; gives it as the answer."""
    said = judged.said()
    logger.info("judged", extra={"group": group_id, "open_to_the_internet": said})
    for outcome in judged.outcomes():
        metrics.add_metric(name=f"Rules-{outcome}", unit=MetricUnit.Count, value=1)
    return said
