"""A press of a button in Slack, from a cold start to the answer: Slack waits for three seconds."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from bench.process import Side
from bench.row import Row, plain_row
from local import fake_slack, runtime, slack_runtime, template

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FUNCTION = "SlackButtonFunction"
PATIENCE = 3  # seconds that Slack waits
WHOLE_CPU = 1769  # MB with which Lambda gives one CPU; less memory gets its share


def row(moto: runtime.Moto, folder: Path, turns: Iterable[int]) -> Row:
    """Measure fresh processes: seconds of CPU, at the share of one that Lambda gives the function."""
    share = template.resources("AWS::Lambda::Function")[FUNCTION]["MemorySize"] / WHOLE_CPU
    code = runtime.path_of(runtime.function_folder(FUNCTION))
    variables = runtime.environment(FUNCTION, code, moto.endpoint) | slack_runtime.variables(moto, fake_slack.BOT)
    side = Side("app.handler", variables, folder / "press.json")
    cpu = statistics.median(side.run_whole([slack_runtime.press()]).cpu for _ in turns)
    return plain_row("press of a button in Slack, cold, seconds", "s", cpu / share, PATIENCE)
