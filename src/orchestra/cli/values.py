"""What people type as values: `KEY=VALUE`, dates, spans, objects in files; a usage error names what does not fit."""

import json
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from orchestra.domain import duration

if TYPE_CHECKING:
    from orchestra.domain.tree import Node

LARGEST_FILE_BYTES: Final = 4 << 20
"""More than the server takes as one job."""


def parse_parameters(texts: Iterable[str]) -> dict[str, str]:
    """`KEY=VALUE` texts as a dictionary; the values stay text, for the job says what type they have."""
    pairs: dict[str, str] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise click.UsageError(f"'{text}' is not KEY=VALUE")
        if key in pairs:
            raise click.UsageError(f"parameter '{key}' is given twice")
        pairs[key] = value
    return pairs


def parse_properties(texts: Iterable[str]) -> dict[str, object]:
    """`K=V` texts as properties; values that are whole JSON numbers, booleans or lists are taken as such."""
    found: dict[str, object] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise click.UsageError(f"'{text}' is not K=V")
        try:
            found[key] = json.loads(value)
        except ValueError:
            found[key] = value
    return found


def parse_services(texts: Iterable[str]) -> dict[str, dict[str, object]]:
    """`NAME.KEY=VALUE` texts as services: name → mapping."""
    found: dict[str, dict[str, object]] = {}
    for path, value in parse_properties(texts).items():
        name, sign, key = path.partition(".")
        if not (name and sign and key):
            raise click.UsageError(f"'{path}' is not NAME.KEY, such as repository.url=https://git.example.org/web.git")
        found.setdefault(name, {})[key] = value
    return found


NEVER: Final = "never"


class Moment(click.ParamType["datetime | str"]):
    """A date: RFC 3339, a day, or a span from now such as `30d`; or `never`.

    Values are aware UTC datetimes, or `NEVER`.
    """

    name = "moment"

    def __init__(self, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime | str:
        if isinstance(value, datetime):
            return value
        text = str(value).strip()
        if text == NEVER:
            return NEVER
        if text == "now":
            return self._now()
        seconds = duration.parse(text)
        if seconds is not None and not text.replace(".", "").isdigit():
            return self._now() + timedelta(seconds=seconds)
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            examples = "2027-01-31, 2027-01-31T12:00:00Z, a span such as 30d (at most 10 years), or never"
            self.fail(f"'{text}' is no date: give {examples}", param, ctx)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def read_object(path: str, what: str) -> dict[str, Any]:
    """The mapping in a YAML or JSON file, `-` for standard input. Raises InvalidContent with each problem."""
    # Imported here: few commands read files, and YAML takes its time to load.
    from orchestra import documents  # noqa: PLC0415
    from orchestra.domain.tree import Report  # noqa: PLC0415

    try:
        content = sys.stdin.buffer.read(LARGEST_FILE_BYTES + 1) if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise click.UsageError(f"cannot read {path}: {error.strerror}") from None
    if len(content) > LARGEST_FILE_BYTES:
        raise click.UsageError(f"{path} is larger than {LARGEST_FILE_BYTES >> 20} MiB")
    report = Report()
    trees = documents.read([documents.Document("standard input" if path == "-" else path, content)], report)
    report.raise_if_any(f"the {what}")
    if len(trees) != 1 or not isinstance(value := _plain(trees[0]), dict):
        raise click.UsageError(f"{path} holds no {what}: expected one mapping")
    return value


def _plain(node: "Node") -> Any:
    """The JSON value of a tree; a number that another writing would change (the version `3.10`) goes as its text."""
    match node.value:
        case dict():
            return {key: _plain(one) for key, one in node.value.items()}
        case tuple():
            return [_plain(one) for one in node.value]
        case float() if node.written not in (None, repr(node.value)):
            return node.written
        case _:
            return node.value
