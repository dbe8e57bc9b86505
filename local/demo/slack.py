"""The story of a message in Slack: an opening is closed and told there, and somebody presses the button under it."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from unittest import mock

import boto3
from moto import mock_aws
from rich.console import Group
from rich.panel import Panel
from rich.text import Text

from local import hosts, template
from local.demo.screen import console, quietly, title
from local.demo.security_group import event_of, rules
from local.fake_slack import Slack
from local.stack import REGION, Stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_ec2 import EC2Client

type Block = Mapping[str, Any]


ALICE = "U012ALICE"


def tell() -> list[str]:
    """Tell the story; gives what is wrong at its end."""
    with mock_aws(), _workspace() as slack:
        secrets = boto3.client("secretsmanager", region_name=REGION)
        secret = secrets.create_secret(Name="slack", SecretString=json.dumps(slack.bot))["ARN"]
        stack, ec2 = Stack({"SlackSecretArn": secret}), boto3.client("ec2")
        group = _told(stack, ec2, slack)
        return _wrong(stack, slack, *_pressed(stack, ec2, slack, group))


def _told(stack: Stack, ec2: EC2Client, slack: Slack) -> str:
    """Have a group opened and closed, and show what Slack has of it; gives the group."""
    title("14. The same in Slack: an opening is closed, and the message has a button")
    group = hosts.make_group(ec2, "eks-cluster-sg-demo", hosts.CLUSTER_TAGS)
    event = event_of("authorize-ssh-from-anywhere", group, [hosts.open_ssh(ec2, group)])
    quietly(stack.deliver, event)
    console.print(_panel(slack.messages[-1].blocks, "Slack, #security"))
    return group


def _pressed(stack: Stack, ec2: EC2Client, slack: Slack, group: str) -> tuple[dict[str, Any], set[str]]:
    """Let Alice press the button; gives what Slack is answered at once, and what the group then opens."""
    title("15. Alice, whom slack.toml lists, presses Undo for 4 h")
    answer = quietly(stack.invoke, "SlackButtonFunction", slack.press("undo", ALICE))
    quietly(stack.pump)
    undone = rules(ec2, group, "The group after Alice pressed it")
    console.print(_panel(slack.messages[0].blocks, "Slack, #security: the message after that"))
    return answer, undone


def _wrong(stack: Stack, slack: Slack, answer: Mapping[str, Any], undone: set[str]) -> list[str]:
    """Say what is not as it must be at the end."""
    message = slack.messages[0]
    checks = {
        "Slack did not get the messages that email got": len(slack.messages) == len(stack.told()),
        "Slack was not answered": answer["statusCode"] == 200,  # noqa: PLR2004
        "the button did not open the group again": undone == {"0.0.0.0/0 "},
        "the message does not say who decided, or still has its button": not message.buttons and ALICE in message.words,
        "an event is in the failures queue": not stack.failed(),
    }
    return [what for what, right in checks.items() if not right]


@contextmanager
def _workspace() -> Iterator[Slack]:
    """Serve a Slack that the policy trusts, and where Alice may undo."""
    with TemporaryDirectory() as folder, Slack(Path(folder)) as slack:
        policy = Path(folder) / "policy"
        shutil.copytree(template.ROOT / "layers/policy/policy", policy)
        trusting = f'hosts = ["{slack.address}"]\n[users]\nundo = ["{ALICE}"]\n'
        (policy / "slack.toml").write_text(trusting, "utf-8")
        ours = {"NODEWARDEN_POLICY_FOLDER": str(policy), "SSL_CERT_FILE": str(slack.certificate)}
        with mock.patch.dict(os.environ, ours):
            yield slack


def _panel(blocks: Sequence[Block], title: str) -> Panel:
    """Draw the blocks of a message, in their order."""
    return Panel(Group(*(_drawn(block) for block in blocks)), title=title, title_align="left", width=72)


def _drawn(block: Block) -> Text:
    match block["type"]:
        case "header":
            return Text(f"{_plain(block['text']['text'])}\n", style="bold")
        case "section":
            return Text.assemble(*_mrkdwn(block["text"]["text"]), "\n")
        case "context":
            return Text(" ".join(_plain(element["text"]) for element in block["elements"]), style="dim")
        case "actions":
            labels = (f" {element['text']['text']} " for element in block["elements"])
            return Text("\n").append(Text("  ").join(Text(label, style="white on dark_green") for label in labels))
        case unknown:
            raise ValueError(unknown)


def _mrkdwn(text: str) -> Iterator[tuple[str, str]]:
    """Give mrkdwn in parts, each with its style: code between three ticks, bold between asterisks at a line's beginning."""
    for index, part in enumerate(text.split("```")):
        if index % 2:
            yield f"\n{_plain(part)}\n", "dim"
            continue
        for piece in re.split(r"^(\*.+?\*)", part.strip("\n"), flags=re.MULTILINE):
            yield _plain(piece.strip("*") if piece.startswith("*") else piece), "bold" if piece.startswith("*") else ""


def _plain(text: str) -> str:
    return html.unescape(text)
