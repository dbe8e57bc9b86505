"""A fleet of node groups, the AMIs that AWS publishes, the stack that watches both, and who listens to it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import time_machine

from local.aws import ACCOUNT
from local.fleet import AL2023, BEHIND, RELEASE, Fleet

if TYPE_CHECKING:
    from local.stack import Stack, Told

FUNCTION = "AmiReleaseFunction"
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)  # a Tuesday
NEWER = "1.33.3-20261120"
BOTTLEROCKET = "BOTTLEROCKET_x86_64"
DEV = {"nodewarden:wave": "dev"}


@dataclass
class FleetWatch:
    """The fleet, its AMIs, and a queue that subscribes to releases."""

    stack: Stack
    fleet: Fleet = field(default_factory=Fleet)
    queue: str = ""

    def __post_init__(self) -> None:
        """Make the cluster demo, publish two AMIs, and subscribe."""
        for release in (BEHIND, RELEASE):
            self.fleet.release(release)
        self.fleet.cluster()
        sqs, events = boto3.client("sqs"), boto3.client("events")
        self.queue = sqs.create_queue(QueueName="subscriber")["QueueUrl"]
        pattern = {"source": ["nodewarden"], "detail-type": ["Node AMI Released"]}
        events.put_rule(Name="subscriber", EventPattern=json.dumps(pattern))
        arn = f"arn:aws:sqs:eu-central-1:{ACCOUNT}:subscriber"
        events.put_targets(Rule="subscriber", Targets=[{"Id": "subscriber", "Arn": arn}])

    def behind(self, name: str = "workers", cluster: str = "demo", **differs: Any) -> str:
        """Make a node group of the wave dev that is one release behind."""
        return self.fleet.node_group(cluster, name, **{"release_version": BEHIND, "tags": DEV, **differs})

    def look(self) -> dict[str, Any]:
        """Look by hand, and let the messages go out; gives the answer."""
        answer: dict[str, Any] = self.stack.invoke(FUNCTION, {})
        self.stack.pump()
        return answer

    def look_is_due(self) -> None:
        """Let the schedule come round, and the messages go out."""
        self.stack.on_schedule(FUNCTION)

    def later(self, **delta: float) -> time_machine.travel:
        """Let time pass, for as long as the context is entered."""
        return time_machine.travel(datetime.now(UTC) + timedelta(**delta))

    def remembered(self) -> dict[str, Any]:
        """Read what is remembered of the latest look."""
        (entry,) = (entry for entry in self.stack.entries() if entry["sk"] == "standings")
        return entry

    def standings(self) -> dict[str, str]:
        """Give the state of each node group that the latest look lists."""
        listed = (one for section in self.remembered()["states"] for one in section["shown"])
        return {f"{one['cluster']}/{one['name']}": one["state"] for one in listed}

    def sighting(self, ami_type: str = AL2023, minor: str = "1.33") -> dict[str, Any]:
        """Read what is remembered of an AMI type's parameter."""
        found = (entry for entry in self.stack.entries() if entry["sk"].startswith("sighting#"))
        (entry,) = (entry for entry in found if (entry["ami_type"], entry["minor"]) == (ami_type, minor))
        return entry

    def rollouts(self) -> list[dict[str, Any]]:
        """Read the heads of all rollouts, oldest first."""
        heads = (e for e in self.stack.entries() if e["pk"].startswith("rollout#") and e["sk"] == "head")
        return sorted(heads, key=lambda head: str(head["created_at"]))

    def planned(self) -> dict[str, dict[str, str]]:
        """Give the node groups of each AMI family's rollout that goes on, with the releases that they go to."""
        going = {head["pk"]: head["family"] for head in self.rollouts() if head["state"] == "planned"}
        groups = [e for e in self.stack.entries() if e["sk"].startswith("group#") and e["pk"] in going]
        targets = {(e["pk"], e["sk"].removeprefix("group#")): e["target"]["release_version"] for e in groups}
        return {
            family: {name: release for (pk, name), release in sorted(targets.items()) if pk == of}
            for of, family in going.items()
        }

    def announced(self) -> list[dict[str, Any]]:
        """Give the releases that the subscriber got, oldest first."""
        sqs = boto3.client("sqs")
        found = sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [json.loads(message["Body"])["detail"] for message in found.get("Messages", [])]

    def told(self, kind: str = "ami_release") -> list[Told]:
        """Give the messages about the fleet, oldest first."""
        return [message for message in self.stack.told() if message.attributes["kind"] == kind]

    def failures(self) -> list[str]:
        """Name the errors of what is in the failures queue."""
        return [failure["responsePayload"]["errorType"] for failure in self.stack.failed()]
