"""Policy files: TOML, read once; what is wrong is an error that names the key's path."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from nodewarden.errors import PolicyError
from nodewarden.table import Table

if TYPE_CHECKING:
    from pathlib import Path


def load(folder: Path, name: str) -> Table:
    """Read `<folder>/<name>.toml` as a Table; raises PolicyError where it is missing or not TOML."""
    file = folder / f"{name}.toml"
    try:
        return parse(file.name, file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file.name}: cannot be read: {error}"
        raise PolicyError(message) from error


def parse(name: str, text: str) -> Table:
    """Read TOML as a Table whose paths begin with `name`; raises PolicyError."""
    try:
        return Table(f"{name}: ", tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        message = f"{name}: is not TOML: {error}"
        raise PolicyError(message) from error
