"""SNS by its one verb."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nodewarden.aws.meaning import meaning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sns.type_defs import MessageAttributeValueTypeDef


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic."""

    client: SNSClient
    arn: str

    def publish(self, subject: str, bodies: str, attributes: Mapping[str, str | list[str]]) -> None:
        """Publish one message; `bodies` is a JSON object with a body per protocol (`Publish`, MessageStructure json).

        A subscription's filter compares an attribute with several values by any of them (data type String.Array).
        """
        with meaning("sns"):
            self.client.publish(
                TopicArn=self.arn,
                Subject=subject,
                Message=bodies,
                MessageStructure="json",
                MessageAttributes={name: _attribute(value) for name, value in attributes.items()},
            )


def _attribute(value: str | list[str]) -> MessageAttributeValueTypeDef:
    if isinstance(value, str):
        return {"DataType": "String", "StringValue": value}
    return {"DataType": "String.Array", "StringValue": json.dumps(value)}
