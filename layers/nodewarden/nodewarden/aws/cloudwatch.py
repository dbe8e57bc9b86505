"""CloudWatch alarms by their one verb."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING

from nodewarden.aws.meaning import meaning

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_cloudwatch import CloudWatchClient

NAMES = 100  # that a call takes
MISSING = "MISSING"  # ours, where CloudWatch knows no alarm of the name: a gate must not open for a typing mistake


@dataclass(frozen=True, slots=True)
class Alarms:
    """The alarms of one account and region."""

    client: CloudWatchClient

    def states(self, names: Iterable[str]) -> dict[str, str]:
        """Say of each named alarm OK, ALARM, INSUFFICIENT_DATA or MISSING (`DescribeAlarms`, of every type)."""
        names = tuple(dict.fromkeys(names))
        found = {n: state for some in batched(names, NAMES, strict=False) for n, state in self._states(some).items()}
        return {name: found.get(name, MISSING) for name in names}

    def _states(self, names: tuple[str, ...]) -> dict[str, str]:
        # Without AlarmTypes CloudWatch answers metric alarms only.
        pages = self.client.get_paginator("describe_alarms").paginate(
            AlarmNames=list(names), AlarmTypes=["MetricAlarm", "CompositeAlarm", "LogAlarm"]
        )
        with meaning("cloudwatch"):
            alarms = [
                alarm
                for page in pages
                for kind in (page.get("MetricAlarms", []), page.get("CompositeAlarms", []), page.get("LogAlarms", []))
                for alarm in kind
            ]
        return {alarm["AlarmName"]: alarm["StateValue"] for alarm in alarms}
