"""What the stories of the demo are printed with."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from textwrap import fill
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.stack import Told

WIDTH = 118
HANGING: Any = {"subsequent_indent": " " * 12, "break_long_words": False, "break_on_hyphens": False}
console = Console(width=WIDTH, highlight=False)


def title(text: str) -> None:
    """Begin a part of the story."""
    console.print(f"\n[bold cyan]{text}[/]")


def email(message: Told) -> None:
    """Show a message as its email."""
    lines = (fill(line, WIDTH - 4, **HANGING) for line in message.email.splitlines())
    console.print(Panel(escape("\n".join(lines)), title=f"Email: {escape(message.subject)}", title_align="left"))


def quietly[**P, T](act: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Do something without what it prints: the functions' metrics."""
    with redirect_stdout(io.StringIO()):
        return act(*arguments, **named)
