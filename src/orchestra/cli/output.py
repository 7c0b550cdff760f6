"""What commands print: tables and colours on a terminal, plain text in a pipe, JSON on request."""

import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import click
import msgspec

from orchestra.domain.run import Run, RunStatus, Step

STATUS_STYLE: Final[dict[RunStatus, tuple[str, str]]] = {
    RunStatus.PENDING: ("○", "bright_black"),
    RunStatus.ASSIGNED: ("◌", "blue"),
    RunStatus.RUNNING: ("◐", "blue"),
    RunStatus.SUCCEEDED: ("✓", "green"),
    RunStatus.FAILED: ("✗", "red"),
    RunStatus.ABORTED: ("■", "yellow"),
    RunStatus.CANCELLED: ("⊘", "bright_black"),
    RunStatus.EXCEPTION: ("▲", "magenta"),
    RunStatus.SKIPPED: ("»", "bright_black"),
}
"""A shape and a colour for each status; the word always stands beside them."""

Row = Sequence[str]


def with_output(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--output table|json` to a command; it arrives as `output`."""
    return click.option(
        "--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="How to print."
    )(command)


def print_json(value: object) -> None:
    """Print `value` as indented JSON, dates in RFC 3339."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def print_table(titles: Row, rows: Iterable[Row], *, empty: str) -> None:
    """Print aligned columns (cells may carry ANSI styles); `empty` is printed to standard error when there are none."""
    lines = [tuple(row) for row in rows]
    if not lines:
        click.echo(empty, err=True)
        return
    widths = [max(_width(line[column]) for line in [tuple(titles), *lines]) for column in range(len(titles))]
    click.echo(_line([click.style(title, bold=True) for title in titles], widths))
    for line in lines:
        click.echo(_line(line, widths))


def _line(cells: Row, widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()


def _width(cell: str) -> int:
    return len(click.unstyle(cell))


def status(run: Run) -> str:
    """The run's status as shape and word, with what was wished but not yet observed."""
    shape, colour = STATUS_STYLE[run.status]
    word = str(run.status)
    if run.status is RunStatus.RUNNING and run.should_abort:
        word = "aborting"
    elif run.status is RunStatus.ASSIGNED and (run.should_cancel or run.should_abort):
        word = "cancelling"
    return click.style(f"{shape} {word}", fg=colour)


def ago(date: datetime | None, now: datetime | None = None) -> str:
    """How long ago, in one unit: `12 s ago`."""
    return "" if date is None else f"{duration(((now or datetime.now(UTC)) - date).total_seconds())} ago"


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


def source(run: Run) -> str:
    """Who or what triggered the run, in a few words."""
    kind = run.source.get("type", "")
    match kind:
        case "user":
            return str(run.source.get("user", ""))
        case "schedule":
            return f"schedule {run.source.get('schedule', '')}"
        case "run":
            return f"{run.source.get('reason', 'run')} of {str(run.source.get('run', ''))[:8]}"
        case _:
            return str(kind)


def command_text(step: Step) -> str:
    """A step's command on one line."""
    text = " ".join(step.command.split()) if isinstance(step.command, str) else shlex.join(step.command)
    return text if len(text) <= 60 else text[:59] + "…"


def size(count: int) -> str:
    """Bytes for people: `0 B`, `12.4 kB`, `1.1 GB` (powers of 1000)."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{count} B"
