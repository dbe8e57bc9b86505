"""What moto spends most of the tests' time on and nobody looks at: done at less cost, with the same outcome."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from moto.cloudformation.models import Stack
from moto.core.serialize import ResponseSerializer
from moto.kms import models as keys
from moto.kms.utils import generate_private_key

TABLES = {"dynamodb", "dynamodbstreams"}
_their_template = Stack.parse_template
_private_key = cache(generate_private_key)
_their_value = ResponseSerializer.get_value


def fill() -> None:
    """Hasten templates, keys and tables, in this process.

    One private key of a kind serves all: moto makes one for each symmetric key too, which has no use for it.
    """
    Stack.parse_template = staticmethod(_parse_template)  # type: ignore[method-assign]
    ResponseSerializer.get_value = _get_value  # type: ignore[method-assign]
    setattr(keys, "generate_private_key", _private_key)  # noqa: B010  # it has that from elsewhere


def _parse_template(template: str) -> dict[str, Any]:
    """Read a template that is JSON as such: as YAML, which JSON is too, it takes a hundred times as long."""
    try:
        parsed: dict[str, Any] = json.loads(template)
    except json.JSONDecodeError:
        parsed = _their_template(template)
    return parsed


def _get_value(self: ResponseSerializer, value: Any, key: str, shape: Any) -> Any:
    """Take DynamoDB's answers as moto has them, by the names of the wire, for which it tries others first."""
    if type(value) is dict and self.operation_model.service_model.service_name in TABLES:
        return value.get(key)
    return _their_value(self, value, key, shape)
