"""EventBridge by its one verb."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nodewarden.aws.meaning import meaning, refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mypy_boto3_events import EventBridgeClient

SOURCE = "nodewarden"
ACTION = "events:PutEvents"


@dataclass(frozen=True, slots=True)
class Bus:
    """An event bus of one account and region."""

    client: EventBridgeClient
    name: str = "default"

    def put(self, detail_type: str, detail: Mapping[str, object], resources: Iterable[str] = ()) -> None:
        """Put one event of ours (`PutEvents`). An entry that EventBridge does not take is an error like any other."""
        with meaning("events"):
            answer = self.client.put_events(
                Entries=[
                    {
                        "EventBusName": self.name,
                        "Source": SOURCE,
                        "DetailType": detail_type,
                        "Detail": json.dumps(detail, ensure_ascii=False),
                        "Resources": list(resources),
                    }
                ]
            )
        if answer["FailedEntryCount"]:
            failed = answer["Entries"][0]
            raise refusal(ACTION, failed.get("ErrorCode", ""), failed.get("ErrorMessage", ""))
