"""AWS by verbs: only the calls we make, with error codes turned into meaning once."""

from __future__ import annotations

from botocore.config import Config

# Worst case of one call is attempts * (connect + read) plus two short waits, well inside a function's
# timeout (a stack test compares them). `standard`: `adaptive` is experimental and sleeps in the client.
ATTEMPTS = 3
CONNECT_SECONDS = 2
READ_SECONDS = 8

CLIENT_CONFIG = Config(
    connect_timeout=CONNECT_SECONDS,
    read_timeout=READ_SECONDS,
    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
)
