"""`make demo`: the whole service on this machine, told as stories. Exit code 0 only if each ends as it must."""

from __future__ import annotations

import os
import sys

from local import aws  # noqa: F401  # sets the environment before moto and boto3 read it

os.environ["POWERTOOLS_LOG_LEVEL"] = "CRITICAL"

from local.demo import golden_ami, inspector_finding, node_groups, security_group, slack
from local.demo.screen import console


def main() -> int:
    """Tell the stories; 1 where an end state is not what it must be."""
    console.print(
        "[bold]Nodewarden on this machine[/]: AWS is played by moto, events and schedules go as template.yaml says.\n"
    )
    stories = (security_group, node_groups, golden_ami, inspector_finding, slack)
    wrong = [what for story in stories for what in story.tell()]
    for what in wrong:
        console.print(f"[bold red]WRONG:[/] {what}")
    if not wrong:
        console.print("\n[bold green]The end states are right.[/] Next: README.md, and `make test`.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
