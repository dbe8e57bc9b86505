"""Requests as a moto server recorded them: which action, and of which shape."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `shape` are its arguments without their values."""

    service: str
    action: str
    shape: str


def calls(requests: list[dict[str, Any]]) -> list[Call]:
    """Read what the server recorded."""
    return [_call(request) for request in requests]


def differences(ours: list[Call], baseline: list[Call]) -> list[str]:
    """Say where the baseline makes other calls than ours."""
    if [call.action for call in ours] != [call.action for call in baseline]:
        ours_named, theirs_named = (" ".join(call.action for call in side) for side in (ours, baseline))
        return [f"ours calls {ours_named}", f"the baseline {theirs_named}"]
    pairs = zip(ours, baseline, strict=True)
    return [f"{a.action}: {a.shape}, the baseline {b.shape}" for a, b in pairs if a.shape != b.shape]


def _call(request: dict[str, Any]) -> Call:
    body = base64.b64decode(request["body"]).decode()
    target = request["headers"].get("X-Amz-Target")
    if target:
        return Call("dynamodb", target.partition(".")[2], json.dumps(_shape(json.loads(body)), sort_keys=True))
    form = parse_qs(body, keep_blank_values=True)
    return Call("ec2", form["Action"][0], " ".join(sorted(form)))


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shape(inner) for key, inner in value.items()}
    return [_shape(inner) for inner in value] if isinstance(value, list) else type(value).__name__
