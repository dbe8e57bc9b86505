"""One fresh process of the bench: imports a handler, handles events, and says what those after the warm-up cost.

Runs without `site`, with the function's folder and the built layer on its path, as in Lambda.
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
    get_remaining_time_in_millis=lambda: 840_000,  # moto's slowness is not to stop a sweep
)
STATUS = Path("/proc/self/status")
UNIT = 1 if sys.platform == "darwin" else 1024  # of the resource module's memory


def main(name: str, file: str, warm_up: int) -> None:
    """Handle the events in `file` by the handler, such as `app.handler`.

    The last line on stderr has the CPU seconds of those after the first `warm_up`, and the process's peak memory in bytes.
    """
    events = json.loads(Path(file).read_text("utf-8"))
    module, _, function = name.rpartition(".")
    handler = getattr(importlib.import_module(module), function)
    for event in events[:warm_up]:
        handler(event, CONTEXT)
    before = _cpu()
    for event in events[warm_up:]:
        handler(event, CONTEXT)
    sys.stderr.write(f"\n{_cpu() - before} {_peak()}")
    sys.stderr.flush()
    sys.stdout.flush()
    os._exit(0)  # tidying up is not part of it: Lambda keeps the process


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _peak() -> int:
    """Give the peak memory; on Linux the resource module's also has that of the process that started this one."""
    if STATUS.exists():
        peaks = (line for line in STATUS.read_text("utf-8").splitlines() if line.startswith("VmHWM:"))
        return int(next(peaks).split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
