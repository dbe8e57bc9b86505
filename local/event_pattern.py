"""Event patterns: the language of EventBridge rules and of Lambda's event source filters.

Written after https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html and, where that
is silent, after what AWS's own https://github.com/aws/event-ruler does.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any

# Where a leaf of the event stands: the names on the way, and the index of each array element that holds it.
type Address = tuple[str | int, ...]
type Leaves = Mapping[str, Sequence[tuple[Address, Any]]]
type Test = Callable[[Any], bool]
type Branch = Mapping[str, Sequence[Test]]

COMPARISONS = {"=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class UnsupportedOperatorError(ValueError):
    """The pattern uses an operator that is not known here, or not with that operand."""

    def __init__(self, name: str, operand: Any) -> None:
        """Name the operator; where AWS refuses the pattern too, the operand shows why."""
        super().__init__(f"{name!r} with {operand!r} is not supported in event patterns here")


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Tell whether `event`, any JSON object, matches `pattern`; both as `json.loads` gives them.

    All of the pattern is read first, so whatever the event, an operator not known here (`cidr`) raises
    UnsupportedOperatorError and a pattern of no known shape raises ValueError. Unlike event-ruler, this compares IP
    addresses as the strings that they are.

    >>> matches({"detail": {"errorCode": [{"exists": False}]}}, {"detail": {"errorCode": "UnauthorizedOperation"}})
    False
    """
    branches = _branches(pattern, ())
    leaves: dict[str, list[tuple[Address, Any]]] = {}
    for address, value in _leaves(event, ()):
        # event-ruler joins names by dots, so the field "a.b" and the field b of a are one.
        leaves.setdefault(".".join(step for step in address if isinstance(step, str)), []).append((address, value))
    # event-ruler goes by field name; that order decides which array element an absent field is missed from.
    return any(_all_hold(sorted(branch.items()), leaves, ()) for branch in branches)


def _leaves(value: Any, address: Address) -> Iterable[tuple[Address, Any]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, (*address, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            # Plain elements go without an index: event-ruler lets two of one array match together.
            yield from _leaves(inner, (*address, index) if isinstance(inner, (Mapping, list)) else address)
    else:
        yield address, value


def _all_hold(conditions: Sequence[tuple[str, Sequence[Test]]], leaves: Leaves, taken: tuple[Address, ...]) -> bool:
    if not conditions:
        return True
    (path, tests), *rest = conditions
    reachable = [leaf for leaf in leaves.get(path, ()) if all(_go_together(leaf[0], other) for other in taken)]
    if not reachable:
        return _is_absent in tests and _all_hold(rest, leaves, taken)
    passing = [address for address, value in reachable if any(test(value) for test in tests)]
    return any(_all_hold(rest, leaves, (*taken, address)) for address in passing)


def _go_together(one: Address, other: Address) -> bool:
    """Tell whether no array holds the two in different elements, event-ruler's array consistency."""
    parting = next((step for step, its in zip(one, other, strict=False) if step != its), "")
    return isinstance(parting, str)


def _branches(pattern: Mapping[str, Any], path: tuple[str, ...]) -> list[Branch]:
    """Read a pattern as alternatives: for each field in them, the tests of which it has to pass one."""
    if not pattern:
        raise _misshapen(path, pattern)
    return [_merged(choice) for choice in product(*(_field(path, name, value) for name, value in pattern.items()))]


def _field(path: tuple[str, ...], name: str, value: Any) -> list[Branch]:
    match value:
        case [_, _, *_] if name == "$or" and all(isinstance(entry, Mapping) for entry in value):
            return [branch for entry in value for branch in _branches(entry, path)]
        case Mapping() if name != "$or":
            return _branches(value, (*path, name))
        case [_, *_] if name != "$or":
            return [{".".join((*path, name)): [_test(expected) for expected in value]}]
    raise _misshapen((*path, name), value)


def _merged(parts: Sequence[Branch]) -> Branch:
    merged = {path: tests for part in parts for path, tests in part.items()}
    if len(merged) < sum(len(part) for part in parts):
        raise _misshapen(merged, "one field both in and beside $or")
    return merged


def _misshapen(path: Iterable[str], value: Any) -> ValueError:
    return ValueError(f"not an event pattern at {'.'.join(path) or 'its root'}: {value!r}")


def _test(expected: Any) -> Test:
    match expected:
        case Mapping() if len(expected) == 1:
            return _operator(*next(iter(expected.items())))
        case Mapping() | list():
            raise _misshapen((), expected)
    return partial(_is_same, expected)


def _operator(name: str, operand: Any) -> Test:
    match name, operand:
        case "exists", bool():
            return (lambda _value: True) if operand else _is_absent
        case "numeric", [("=" | "<" | "<=" | ">" | ">=") as sign, bound] if _is_number(bound):
            return lambda value: _is_number(value) and COMPARISONS[sign](value, bound)
        case "numeric", [(">" | ">=") as over, low, ("<" | "<=") as under, high]:
            above, below = _operator(name, [over, low]), _operator(name, [under, high])
            return lambda value: above(value) and below(value)
        case "anything-but", _:
            excluded = _excluded(name, operand)
            return lambda value: not any(test(value) for test in excluded)
    return _text(name, operand)


def _excluded(name: str, operand: Any) -> list[Test]:
    tests: list[Test] = []
    match operand:
        case str() | int() | float():
            return _excluded(name, [operand])
        case list() if all(isinstance(value, str) for value in operand) or all(map(_is_number, operand)):
            tests = [partial(_is_same, value) for value in operand]
        case Mapping() if len(operand) == 1:
            ((inner, among),) = operand.items()
            tests = [_text(inner, value) for value in (among if isinstance(among, list) else [among])]
    if not tests:
        raise UnsupportedOperatorError(name, operand)
    return tests


def _text(name: str, operand: Any) -> Test:
    """Read an operator on strings as the parts of the string, between which anything may stand."""
    match name, operand:
        case "prefix", str():
            parts = [operand, ""]
        case "suffix", str():
            parts = ["", operand]
        case "equals-ignore-case", str():
            parts = [operand]
        case "wildcard", str() if "\\" not in operand and "**" not in operand:
            parts = operand.split("*")
        case _:
            raise UnsupportedOperatorError(name, operand)
    flags = re.DOTALL | (re.IGNORECASE if name == "equals-ignore-case" else re.NOFLAG)
    whole = re.compile(".*".join(map(re.escape, parts)), flags)
    return lambda value: isinstance(value, str) and whole.fullmatch(value) is not None


def _is_same(expected: Any, value: Any) -> bool:
    # Python takes True for 1; JSON does not.
    return bool(value == expected) and isinstance(value, bool) == isinstance(expected, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_absent(_value: Any) -> bool:
    """Fail for every value; `_all_hold` knows it as the test that a field passes by not being there."""
    return False
