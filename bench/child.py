"""One fresh process of the bench: imports app.py, handles events, and says what those after the warm-up cost.

Runs without `site`, with a folder that has an app.py and the built layer on its path, as in Lambda.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
from pathlib import Path
from types import SimpleNamespace

CONTEXT = SimpleNamespace(
    function_name="bench",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-central-1:111122223333:function:bench",
    aws_request_id="52fdfc07-2182-454f-963f-5f0f9a621d72",
)


def main(file: str, warm_up: int) -> None:
    """Handle the events in `file`; the last line on stderr is the CPU seconds of those after the first `warm_up`."""
    events = json.loads(Path(file).read_text("utf-8"))
    handler = importlib.import_module("app").handler
    for event in events[:warm_up]:
        handler(event, CONTEXT)
    before = _cpu()
    for event in events[warm_up:]:
        handler(event, CONTEXT)
    sys.stderr.write(f"\n{_cpu() - before}")
    sys.stderr.flush()
    sys.stdout.flush()
    os._exit(0)  # tidying up is not part of it: Lambda keeps the process


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
