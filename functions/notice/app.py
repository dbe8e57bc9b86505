"""NoticeFunction: turns changes of the ledger into messages on the topic."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from nodewarden.errors import PolicyError
from nodewarden.message.flood import NoticePolicy, unread
from nodewarden.notice import Telling, tell_each
from nodewarden.wiring import Wiring, wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Tell people of each record of the table's stream; answers which ones failed (`ReportBatchItemFailures`)."""
    telling = _telling(wiring())
    records = event["Records"]
    metrics.add_metric(name="Changes", unit=MetricUnit.Count, value=len(records))
    failures = tell_each(records, telling, datetime.now(UTC))
    for failure in failures:
        logger.error("not told", extra={"sequence_number": failure.sequence_number, "error": str(failure.error)})
    metrics.add_metric(name="ChangesNotTold", unit=MetricUnit.Count, value=len(failures))
    return {"batchItemFailures": [{"itemIdentifier": failure.sequence_number} for failure in failures]}


def _telling(wired: Wiring) -> Telling:
    return Telling(
        ledger=wired.ledger, digests=wired.digests, topic=wired.topic, stack=wired.stack, policy=_policy(wired)
    )


def _policy(wired: Wiring) -> NoticePolicy:
    """Give the policy; one that is wrong must not keep people from hearing, so each message says what is wrong."""
    try:
        return wired.notice_policy
    except PolicyError as error:
        logger.exception("notice.toml cannot be read")
        return unread(str(error))
