"""The topic's functions on this machine: whom a message reaches, as the subscriptions' filter policies say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moto.cloudformation.models import cloudformation_backends
from moto.cloudformation.parsing import clean_json

from local import template
from local.aws import ACCOUNT
from local.event_pattern import matches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def deliveries(stack_id: str, region: str, sent: tuple[Any, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the functions that a message reaches, each with its event; `sent` is as moto keeps a message."""
    message_id, message, subject, attributes, _ = sent
    attributes = attributes or {}
    for function, policy in _subscribed(stack_id, region):
        if matches(policy, {name: _filtered(value) for name, value in attributes.items()}):
            yield function, _event(message_id, _body(message), subject, attributes)


def _subscribed(stack_id: str, region: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the subscribed functions with their filter policies, as the stack's parameters make them."""
    known = cloudformation_backends[ACCOUNT][region].get_stack(stack_id).resource_map
    for name, subscription in template.resources("AWS::SNS::Subscription").items():
        condition = template.translated()["Resources"][name].get("Condition")
        if subscription["Protocol"] == "lambda" and (not condition or known.lazy_condition_map[condition]):
            yield subscription["Endpoint"]["Fn::GetAtt"][0], clean_json(subscription["FilterPolicy"], known)


def _filtered(attribute: Mapping[str, str]) -> Any:
    """Give what an attribute is compared by: an array matches by any of its values."""
    return json.loads(attribute["Value"]) if attribute["Type"] == "String.Array" else attribute["Value"]


def _body(message: str) -> str:
    """Give the body for a function: that of `MessageStructure=json`, or the message as it is."""
    try:
        bodies = json.loads(message)
    except (ValueError, RecursionError):
        return message
    return str(bodies["default"]) if isinstance(bodies, dict) and "default" in bodies else message


def _event(message_id: str, body: str, subject: str | None, attributes: Mapping[str, Any]) -> dict[str, Any]:
    sns = {"MessageId": message_id, "Subject": subject, "Message": body, "MessageAttributes": dict(attributes)}
    return {"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": {"Type": "Notification", **sns}}]}
