"""How commands print: tables and colours on a terminal, plain text in a pipe, JSON on request.

JSON is the API's: fields and values of its entities exactly, dates as it writes them.
"""

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import click
import msgspec

Row = Sequence[str]

_UNSAFE: Final = re.compile(r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0a-\x1a\x1c-\x1f\x7f-\x9f]")
"""Control characters but those of colours: what somebody wrote into a name must not move the reader's cursor."""


def with_output(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--output table|json` to a command; it arrives as `output`."""
    return click.option(
        "--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="How to print."
    )(command)


def print_json(value: object) -> None:
    """Print `value` (entities of the client, or plain values) as indented JSON, as the API gives it."""
    _write(msgspec.json.format(_json(value), indent=2))


def print_json_line(value: object) -> None:
    """Print `value` as one line of JSON, at once: for what has no end."""
    _write(_json(value))


def _json(value: object) -> bytes:
    return msgspec.json.encode(_plain(msgspec.to_builtins(value, builtin_types=(datetime,))))


def _write(line: bytes) -> None:
    """JSON is UTF-8 (RFC 8259), whatever the terminal's encoding is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            # As the API writes dates: the microseconds are always there.
            return value.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"
        case dict():
            return {name: _plain(one) for name, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case _:
            return value


def print_table(titles: Row, rows: Iterable[Row], *, empty: str, err: bool = False) -> None:
    """Print aligned columns (cells may carry ANSI styles); `empty` is printed to standard error when there are none."""
    lines = [tuple(harmless(cell) for cell in row) for row in rows]
    if not lines:
        click.echo(empty, err=True)
        return
    widths = [max(_width(line[column]) for line in [tuple(titles), *lines]) for column in range(len(titles))]
    click.echo(_line([click.style(title, bold=True) for title in titles], widths), err=err)
    for line in lines:
        click.echo(_line(line, widths), err=err)


def _line(cells: Row, widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()


def _width(cell: str) -> int:
    return len(click.unstyle(cell))


def print_facts(title: str, facts: Iterable[tuple[str, str]]) -> None:
    """Print one object: its name, and below it each fact that there is, with what it is called."""
    there = [(name, text) for name, text in facts if text]
    click.echo(harmless(title))
    width = max((len(name) for name, _ in there), default=0)
    for name, text in there:
        first, *more = [harmless(line) for line in text.splitlines()] or [""]
        click.echo(f"  {name:<{width}}  {first}")
        for line in more:
            click.echo(f"  {'':<{width}}  {line}")


def harmless(text: str) -> str:
    """`text` on one line, colours kept, every other control character shown as a replacement character."""
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text.replace("\n", " "))


def bold(text: str) -> str:
    """What an object's name looks like."""
    return click.style(text, bold=True)


def enabled(is_enabled: bool | None) -> str:
    """`yes`, or a `no` that is seen; nothing where the caller may not know."""
    if is_enabled is None:
        return ""
    return "yes" if is_enabled else click.style("no", fg="yellow")


def date(value: datetime | None) -> str:
    """A date with how long ago it was, or how long until then."""
    if value is None:
        return ""
    seconds = (datetime.now(UTC) - value).total_seconds()
    distance = f"{duration(seconds)} ago" if seconds >= 0 else f"in {duration(-seconds)}"
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, {distance}"


def day(value: datetime | None) -> str:
    """A date for a column of a table: to the minute."""
    return "" if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M}"


def ago(date: datetime | None, now: datetime | None = None) -> str:
    """How long ago: `12 s ago`, `2d 04h ago`; beyond 100 days the day itself says more."""
    if date is None:
        return ""
    seconds = ((now or datetime.now(UTC)) - date).total_seconds()
    return f"{date:%Y-%m-%d}" if seconds > 100 * 86_400 else f"{duration(seconds)} ago"


def duration(seconds: float | None) -> str:
    """`0.4 s`, `41 s`, `6m 41s`, `3h 05m`, `2d 04h`."""
    if seconds is None:
        return ""
    seconds = max(seconds, 0.0)
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    if whole < 86_400:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 86_400}d {whole % 86_400 // 3600:02d}h"


def taken(begin: datetime | None, end: datetime | None) -> str:
    """The time from `begin` to `end`, or until now."""
    return "" if begin is None else duration(((end or datetime.now(UTC)) - begin).total_seconds())


def size(count: int) -> str:
    """Bytes for people: `0 B`, `12.4 kB`, `1.1 GB` (powers of 1000)."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{count} B"


def short(value: object, limit: int = 60) -> str:
    """A JSON value on one line, cut."""
    return cut(msgspec.json.encode(_plain(value)).decode(), limit)


def cut(text: str, limit: int = 60) -> str:
    """One line of at most `limit` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def pairs(values: dict[str, Any]) -> str:
    """`key=value key=value`, for a column."""
    return " ".join(f"{key}={value if isinstance(value, str) else short(value)}" for key, value in values.items())
