"""A world in which people are in Slack: what they see there, and which buttons they press."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from moto import mock_aws

from local.stack import REGION, Stack
from nodewarden import wiring
from tests.functional.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.fake_slack import Slack

ALICE, BOB, MALLORY = "U012ALICE", "U012B0B00", "U0MALL0RY"


@contextmanager
def slack_stack(slack: Slack, **parameters: str) -> Iterator[SlackWorld]:
    """Deploy the stack with a secret for that Slack."""
    wiring.forget()  # moto may give a secret the name of one of a test before
    with mock_aws():
        secrets = boto3.client("secretsmanager", region_name=REGION)
        secret = secrets.create_secret(Name="slack", SecretString=json.dumps(slack.bot))["ARN"]
        stack = Stack({"SlackSecretArn": secret, **parameters})
        yield SlackWorld(World(stack, boto3.client("ec2")), slack, secret)


@dataclass
class SlackWorld:
    """The world, its Slack, and the secret with which Nodewarden posts there."""

    world: World
    slack: Slack
    secret: str

    def closed_group(self, *ports: str) -> str:
        """Have a group opened and closed, and told."""
        group = self.world.group(f"eks-cluster-sg-demo-{len(self.world.stack.remediations())}")
        for port in ports or ("22",):
            self.world.open(group, "0.0.0.0/0", ports=port)
        self.world.deliver(group)
        return group

    def observed_group(self, *ports: str) -> str:
        """Have a group opened in the mode observe, and told."""
        self.world.stack.update(Mode="observe")
        return self.closed_group(*ports)

    def press(self, button: str, user: str = ALICE, message: int = -1) -> dict[str, Any]:
        """Press a button, and let everything follow; gives what Slack is answered at once."""
        answer = self.send(self.slack.press(button, user, message))
        self.world.stack.pump()
        return answer

    def send(self, event: dict[str, Any]) -> dict[str, Any]:
        """Send a request to the function URL."""
        answer: dict[str, Any] = self.world.stack.invoke("SlackButtonFunction", event)
        return answer

    def put_secret(self, **values: str) -> None:
        """Replace the secret."""
        boto3.client("secretsmanager").put_secret_value(SecretId=self.secret, SecretString=json.dumps(values))

    def headers(self) -> list[str]:
        """Give the headers of the messages, oldest first."""
        return [m.blocks[0]["text"]["text"] if m.blocks else m.text for m in self.slack.messages]

    def decisions(self) -> list[dict[str, Any]]:
        """Give what the ledger knows of decisions."""
        return [entry for entry in self.world.stack.entries() if entry["sk"] == "decision"]

    def exemptions(self) -> list[dict[str, Any]]:
        """Give the exemptions on record."""
        return [entry for entry in self.world.stack.entries() if entry["sk"].startswith("exemption#")]
