"""Slack in `make demo`: a workspace to post to, and a message as the terminal can show it."""

from __future__ import annotations

import html
import os
import re
import shutil
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.panel import Panel
from rich.text import Text

from local import template
from local.fake_slack import Slack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

type Block = Mapping[str, Any]


@contextmanager
def workspace(undoer: str) -> Iterator[Slack]:
    """Serve a Slack that the policy trusts, and where one user may undo."""
    with TemporaryDirectory() as folder, Slack(Path(folder)) as slack:
        policy = Path(folder) / "policy"
        shutil.copytree(template.ROOT / "layers/policy/policy", policy)
        trusting = f'hosts = ["{slack.address}"]\n[users]\nundo = ["{undoer}"]\n'
        (policy / "slack.toml").write_text(trusting, "utf-8")
        os.environ.update({"NODEWARDEN_POLICY_FOLDER": str(policy), "SSL_CERT_FILE": str(slack.certificate)})
        yield slack


def panel(blocks: Sequence[Block], title: str) -> Panel:
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
