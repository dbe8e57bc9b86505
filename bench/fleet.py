"""Many groups in a moto server of their own, for one sweep."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3

from local import runtime, template

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def fleet(groups: int, opened: int, folder: Path) -> Iterator[runtime.Moto]:
    """Run a moto server with this many groups, of which some are open, and an empty ledger; it records in `folder`."""
    recording, log = folder / "sweep-requests", folder / "sweep-moto.log"
    variables = {**os.environ, "MOTO_RECORDER_FILEPATH": str(recording)}
    command = (sys.executable, "-m", "bench.server", str(groups), str(opened))
    with log.open("wb") as written:
        process = subprocess.Popen(command, env=variables, cwd=template.ROOT, stdout=subprocess.PIPE, stderr=written)
    try:
        moto = runtime.Moto(f"http://127.0.0.1:{_port_of(process, log)}", recording)
        session = boto3.Session(region_name=runtime.REGION)
        runtime.create_ledger(session.client("dynamodb", endpoint_url=moto.endpoint))
        yield moto
    finally:
        process.terminate()
        process.communicate()


def _port_of(process: subprocess.Popen[bytes], log: Path) -> int:
    """Wait until the server says its port; raises RuntimeError with its log where it does not."""
    said = process.stdout.readline() if process.stdout else b""
    if not said:
        message = f"the server with many groups did not start: {log.read_text('utf-8')[-2000:]}"
        raise RuntimeError(message)
    return int(said)
