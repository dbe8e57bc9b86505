"""AmiReleaseFunction: looks which AMIs are released or recalled, and which node groups are behind, and plans rollouts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from nodewarden.ami_release.event import parse
from nodewarden.ami_release.sighting import NewsKind
from nodewarden.carry_out import raise_first
from nodewarden.fleet_wiring import fleet_wiring
from nodewarden.look_at_fleet import look_at_fleet
from nodewarden.point_at_ami import why_ignored

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Look at the whole fleet: by schedule, by hand, or as an AMI came or went that concerns it.

    Raises the first failure when everything else is done.
    """
    metrics.add_metric(name="AmiReleaseWakes", unit=MetricUnit.Count, value=1)
    wired, pointed = fleet_wiring(), parse(event)
    if pointed and (why := why_ignored(pointed, wired)):
        metrics.add_metric(name="AmisIgnored", unit=MetricUnit.Count, value=1)
        logger.info("ignored", extra={"why": why})
        return {"ignored": why}
    metrics.add_metric(name="FleetLooks", unit=MetricUnit.Count, value=1)
    looked = look_at_fleet(wired)
    if looked is None:
        metrics.add_metric(name="FleetLooksSkipped", unit=MetricUnit.Count, value=1)
        return {"skipped": "another run was faster"}
    look = looked.look
    said = {
        "clusters": look.clusters,
        "node_groups": dict(look.counts),
        "releases": [f"{news.kind} {news.release_version} ({news.ami_type}, {news.minor})" for news in look.releases],
        "planned": list(look.planned),
    }
    logger.info("looked", extra=said | {"failures": look.unseen})
    metrics.add_metric(name="NodeGroupsBehind", unit=MetricUnit.Count, value=look.counts.get("behind", 0))
    for kind in (NewsKind.RELEASED, NewsKind.RECALLED):
        count = sum(news.kind is kind for news in look.releases)
        metrics.add_metric(name=f"Amis-{kind}", unit=MetricUnit.Count, value=count)
    metrics.add_metric(name="RolloutsPlanned", unit=MetricUnit.Count, value=len(look.planned))
    raise_first(looked.failures)
    return said
