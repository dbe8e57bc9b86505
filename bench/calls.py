"""Requests as a moto server recorded them: which action, and of which shape."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Iterator

# Arguments of DynamoDB whose values are no data.
SPOKEN = (
    "/ConditionExpression",
    "/ExpressionAttributeNames",
    "/FilterExpression",
    "/KeyConditionExpression",
    "/UpdateExpression",
)
MORE = 9  # calls around the first that differs


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `shape` are its arguments without their values; the names of attributes and expressions stay."""

    service: str
    action: str
    shape: frozenset[str]


def calls(requests: list[dict[str, Any]]) -> list[Call]:
    """Read what the server recorded."""
    return [_call(request) for request in requests]


def differences(ours: list[Call], baseline: list[Call]) -> list[str]:
    """Say where the baseline makes other calls than ours, each difference once."""
    if [call.action for call in ours] != [call.action for call in baseline]:
        return [_first_other(ours, baseline)]
    pairs = [(a, b) for a, b in zip(ours, baseline, strict=True) if a.shape != b.shape]
    said = (
        f"{a.action}: only ours {sorted(a.shape - b.shape)}, only the baseline {sorted(b.shape - a.shape)}"
        for a, b in pairs
    )
    return list(dict.fromkeys(said))


def _first_other(ours: list[Call], baseline: list[Call]) -> str:
    """Name the calls up to the first that differs, and some more."""
    same = next(i for i, (a, b) in enumerate(zip_longest(ours, baseline)) if not a or not b or a.action != b.action)
    begin, end = max(0, same - MORE), same + MORE
    ours_named, theirs_named = (" ".join(call.action for call in side[begin:end]) for side in (ours, baseline))
    return f"from call {begin + 1} ours calls {ours_named}, the baseline {theirs_named}"


def _call(request: dict[str, Any]) -> Call:
    body = base64.b64decode(request["body"]).decode()
    target = request["headers"].get("X-Amz-Target")
    if target:
        return Call("dynamodb", target.partition(".")[2], frozenset(_shape(json.loads(body))))
    form = parse_qs(body, keep_blank_values=True)
    return Call("ec2", form["Action"][0], frozenset(form))


def _shape(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _shape(inner, f"{path}/{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _shape(inner, f"{path}[]")
    else:
        yield f"{path}={value}" if path.startswith(SPOKEN) else path
