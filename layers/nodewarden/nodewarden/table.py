"""Reading what people write, policy files and requests: each mistake is an error that names the key's path."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from nodewarden.errors import NodewardenError, PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


LONGEST = 500  # characters of a message's parts: requests can hold anything


@dataclass(frozen=True)
class Table:
    """A table that is read key by key; `done` refuses the keys that nobody read.

    Every reader raises `error` with the path of the key, such as `security_group.toml: allowed[0].ports`.
    """

    path: str
    values: Mapping[str, object]
    error: type[NodewardenError] = PolicyError
    known: set[str] = field(default_factory=set)

    def text(self, key: str, default: str | None = None) -> str:
        """Read a string that is not empty."""
        value = self._value(key, default)
        if not isinstance(value, str) or (not value and default != ""):
            raise self.wrong(key, f"must be a text, not {value!r}")
        return value

    def parsed[T](self, key: str, parse: Callable[[str], T], default: str | None = None) -> T:
        """Read a string and give what `parse` makes of it; its ValueError becomes the message."""
        text = self.text(key, default)
        try:
            return parse(text)
        except ValueError as error:
            raise self.wrong(key, str(error)) from error

    def choice(self, key: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """Read one of `choices`."""
        value = self.text(key, default)
        if value not in choices:
            raise self.wrong(key, f"must be one of {', '.join(choices)}, not {value!r}")
        return value

    def number(self, key: str, *, at_least: int, at_most: int, default: int | None = None) -> int:
        """Read a whole number."""
        value = self._value(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not at_least <= value <= at_most:
            raise self.wrong(key, f"must be a whole number from {at_least} to {at_most}, not {value!r}")
        return value

    def moment(self, key: str) -> datetime | None:
        """Read an optional date (its beginning in UTC) or a time with its offset."""
        if key not in self:
            return None
        value = self._value(key, None)
        if isinstance(value, datetime) and value.tzinfo:
            return value
        if isinstance(value, date) and not isinstance(value, datetime):
            return datetime(value.year, value.month, value.day, tzinfo=UTC)
        raise self.wrong(key, f"must be a date such as 2027-01-31 or a time with its offset, not {value!r}")

    def array[T](self, key: str, parse: Callable[[str], T]) -> tuple[T, ...]:
        """Read an array of strings and give what `parse` makes of each."""
        values = self._value(key, [])
        if not isinstance(values, list):
            raise self.wrong(key, f"must be an array, not {values!r}")
        items = Table(self.path, {f"{key}[{index}]": value for index, value in enumerate(values)}, self.error)
        return tuple(items.parsed(item, parse) for item in items.values)

    def table(self, key: str) -> Table:
        """Read a table."""
        value = self._value(key, {})
        if not isinstance(value, dict):
            raise self.wrong(key, f"must be a table, not {value!r}")
        return Table(self._at(key), value, self.error)

    def tables(self, key: str) -> Iterator[Table]:
        """Read an array of tables; empty where the key is missing."""
        values = self._value(key, [])
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            raise self.wrong(key, f"must be an array of tables, not {values!r}")
        return (Table(self._at(f"{key}[{index}]"), value, self.error) for index, value in enumerate(values))

    def done(self) -> None:
        """Refuse keys that nothing reads: a misspelt setting must not be a setting that is ignored."""
        for key in self.values:
            if key not in self.known:
                raise self.wrong(key, f"is not a setting here; there are {', '.join(sorted(self.known))}")

    def wrong(self, key: str, what: str) -> NodewardenError:
        """Make the error that says what is wrong with `key`."""
        return self.error(f"{self._at(key)[:LONGEST]} {what[:LONGEST]}")

    def __contains__(self, key: str) -> bool:
        self.known.add(key)
        return key in self.values

    def _value(self, key: str, default: object) -> object:
        self.known.add(key)
        value = self.values.get(key, default)
        if value is None:
            raise self.wrong(key, "is missing")
        return value

    def _at(self, key: str) -> str:
        within_a_table = self.path and not self.path.endswith(": ")
        return f"{self.path}{'.' if within_a_table else ''}{key}"
