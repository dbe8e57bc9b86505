"""SNS by its one verb."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nodewarden.aws.meaning import meaning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_sns import SNSClient


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic."""

    client: SNSClient
    arn: str

    def publish(self, subject: str, bodies: str, attributes: Mapping[str, str]) -> None:
        """Publish one message; `bodies` is a JSON object with a body per protocol (`Publish`, MessageStructure json)."""
        with meaning("sns"):
            self.client.publish(
                TopicArn=self.arn,
                Subject=subject,
                Message=bodies,
                MessageStructure="json",
                MessageAttributes={k: {"DataType": "String", "StringValue": v} for k, v in attributes.items()},
            )
