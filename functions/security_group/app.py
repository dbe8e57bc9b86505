"""SecurityGroupFunction: judges the security groups that an event points at."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from nodewarden import gather
from nodewarden.carry_out import carry_out, raise_first
from nodewarden.errors import NodewardenError
from nodewarden.security_group.decision import Decision, decide
from nodewarden.security_group.event import Trigger, parse
from nodewarden.wiring import Wiring, wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from nodewarden.record import Place

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Gather, decide, carry out, for each group that the event points at; raises the first failure at the end.

    Raising makes Lambda try the event again, twice, and then put it into the failures queue.
    """
    metrics.add_metric(name="Events", unit=MetricUnit.Count, value=1)
    trigger = parse(event)
    wired = wiring()
    failures = []
    outcomes = {}
    for place in gather.places(trigger, wired.ec2(trigger.account, trigger.region)):
        try:
            outcomes[place.group_id] = _answer(place, _judge(place, trigger, wired))
        except NodewardenError as error:
            failures.append(error)
    raise_first(failures)
    return outcomes


def _judge(place: Place, trigger: Trigger, wired: Wiring) -> Decision:
    ec2, ledger, policy = wired.ec2(place.account, place.region), wired.ledger, wired.security_group_policy
    look = gather.look(place, ec2, ledger, policy, trigger.cause)
    decision = decide(look, policy, wired.mode, datetime.now(UTC))
    carry_out(decision.actions, ec2, ledger)
    if look.unread:
        raise look.unread
    return decision


def _answer(place: Place, decision: Decision) -> list[dict[str, str]]:
    """Say what became of each offending rule, in the log and as the answer."""
    verdicts = [
        {"rule": str(v.rule), "rule_id": v.rule.rule_id, "outcome": v.word, "why": v.why} for v in decision.verdicts
    ]
    logger.info("judged", extra={"group": place.group_id, "open_to_the_internet": verdicts})
    for verdict in verdicts:
        metrics.add_metric(name=f"Rules-{verdict['outcome']}", unit=MetricUnit.Count, value=1)
    return verdicts
