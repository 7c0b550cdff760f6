"""Trees: what a configuration file or a request says, each value with its place, before anything is checked.

`documents` builds them from YAML and JSON, `from_plain` from the values of a request. A mapping's
keys are text always. `Report` collects what is wrong, so that all problems are told at once.
"""

import difflib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from orchestra.domain.errors import InvalidContent, Problem

DEPTH: Final = 32
"""Levels of lists and mappings: deeper is no configuration, and every reader of it would recurse."""
NODES: Final = 1_000_000
"""Values in all files together, aliases expanded: 20,000 schedules and their jobs, with room."""
PROBLEMS: Final = 1000
"""Problems that are listed; a file of another kind would give one for each line."""

Scalar = None | bool | int | float | str


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One value. `line` and `column` count from 1; None where there is no file."""

    value: "Scalar | tuple[Node, ...] | dict[str, Node]"
    file: str | None = None
    line: int | None = None
    column: int | None = None
    written: str | None = None
    """How a number or a boolean stands in the file: `3.10` is a version as text, 3.1 as a number."""
    text_line: int | None = None
    """Where the first line of a text of several lines stands."""
    keys: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Line and column of each key of a mapping."""


def from_plain(value: Any) -> Node:
    """Return the tree of a JSON value. Raises InvalidContent beyond `DEPTH` and `NODES`."""
    count = 0

    def node(value: Any, depth: int) -> Node:
        nonlocal count
        count += 1
        if depth > DEPTH or count > NODES:
            raise InvalidContent(f"the content is nested deeper than {DEPTH} levels or has more than {NODES} values")
        if isinstance(value, dict):
            return Node({str(key): node(one, depth + 1) for key, one in value.items()})
        if isinstance(value, list | tuple):
            return Node(tuple(node(one, depth + 1) for one in value))
        return Node(value, written=None if isinstance(value, str) else json.dumps(value))

    return node(value, 0)


def plain(node: Node) -> Any:
    """Return the JSON value of a tree."""
    match node.value:
        case dict():
            return {key: plain(one) for key, one in node.value.items()}
        case tuple():
            return [plain(one) for one in node.value]
        case _:
            return node.value


def kind(node: Node) -> str:
    """Name what a node is, for messages."""
    match node.value:
        case None:
            return "nothing"
        case bool():
            return f"the boolean {node.written}"
        case int() | float():
            return f"the number {node.written}"
        case str():
            return f"the text {shortened(node.value)!r}"
        case tuple():
            return "a list"
        case _:
            return "a mapping"


def shortened(text: str, length: int = 60) -> str:
    """Cut a text for a message."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def expected(what: str, given: str, known: Collection[str]) -> str:
    """Say that `given` is not among `known`, and which was probably meant."""
    if close := difflib.get_close_matches(given, known, 1):
        return f"unknown {what} {shortened(given)!r}; did you mean {close[0]!r}?"
    if not known:
        return f"unknown {what} {shortened(given)!r}: none is expected here"
    return f"unknown {what} {shortened(given)!r}: expected one of {', '.join(list(known)[:30])}"


class Report:
    """Collects problems. `len` tells how many there are, so that a part's check can see whether it added some."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, node: Node | None, path: str, message: str, *, line_offset: int = 0) -> None:
        """Note a problem with `node`; `line_offset` counts lines into its text."""
        self._count += 1
        if self._count > PROBLEMS:
            return
        if node is None:
            self._problems.append(Problem(path, message))
            return
        line, column = node.line, node.column
        if node.text_line is not None:
            line, column = node.text_line + line_offset, None
        self._problems.append(Problem(path, message, node.file, line, column))

    def add_key(self, node: Node, key: str, path: str, message: str) -> None:
        """Note a problem with a key of a mapping."""
        line, column = node.keys.get(key, (node.line, node.column))
        self.add(Node(None, node.file, line, column), path, message)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The problems in the order of files, lines and columns."""
        found = sorted(self._problems, key=lambda one: (one.file or "", one.line or 0, one.column or 0))
        if self._count > PROBLEMS:
            found.append(Problem("", f"and {self._count - PROBLEMS} more problems"))
        return tuple(found)

    def raise_if_any(self, what: str) -> None:
        """Raise InvalidContent with all problems, if there are some."""
        if self._count:
            plural = "problem" if self._count == 1 else "problems"
            raise InvalidContent(f"{self._count} {plural} in {what}", self.problems)


def joined(path: str, key: str) -> str:
    """Return the path of `key` under `path`."""
    return f"{path}.{key}" if path else key
