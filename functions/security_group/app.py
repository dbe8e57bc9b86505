"""SecurityGroupFunction, SecurityGroupHostsFunction, SecurityGroupSweepFunction: judge groups, for three reasons to look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from nodewarden import gather
from nodewarden.carry_out import raise_first
from nodewarden.errors import NodewardenError
from nodewarden.gather import Known
from nodewarden.judge_group import Judged, judge_group
from nodewarden.judge_hosts import judge_hosts
from nodewarden.security_group.event import parse
from nodewarden.sweep_groups import sweep_groups
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
            outcomes[place.group_id] = _answer(place.group_id, judged)
            if any(verdict.outcome is None for verdict in judged.verdicts):
                wired.ledger.forget_look(place)
    raise_first(failures)
    return outcomes


@logger.inject_lambda_context
@metrics.log_metrics
def hosts(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Judge the groups of hosts that started; answers which messages of the queue failed (`ReportBatchItemFailures`)."""
    records = event["Records"]
    metrics.add_metric(name="HostStarts", unit=MetricUnit.Count, value=len(records))
    judged = judge_hosts(records, wiring())
    for group_id, one in judged.groups.items():
        _answer(group_id, one)
    for message_id, error in judged.failed.items():
        logger.error("not judged", extra={"message_id": message_id, "error": f"{type(error).__name__}: {error}"})
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in judged.failed]}


@logger.inject_lambda_context
@metrics.log_metrics
def sweep(_event: object, context: LambdaContext) -> dict[str, Any]:
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


def _answer(group_id: str, judged: Judged) -> list[dict[str, str]]:
    """Say what became of each offending rule, in the log and as the answer."""
    outcomes = {rule_id: r.outcome.value for r in judged.written for rule_id in r.rule_ids}
    verdicts = [
        {"rule": str(v.rule), "rule_id": v.rule.rule_id, "outcome": outcomes.get(v.rule.rule_id, v.word), "why": v.why}
        for v in judged.verdicts
    ]
    logger.info("judged", extra={"group": group_id, "open_to_the_internet": verdicts})
    for verdict in verdicts:
        metrics.add_metric(name=f"Rules-{verdict['outcome']}", unit=MetricUnit.Count, value=1)
    return verdicts
