"""How a run is told: the shape and word of its status, who triggered it, its commands."""

import shlex
from collections.abc import Iterable
from datetime import UTC
from typing import TYPE_CHECKING, Final

import click

from orchestra.cli.output import ago, cut, date, print_table, taken
from orchestra.domain.run import TERMINAL, RunStatus

if TYPE_CHECKING:
    from orchestra.client.answers import Absence
    from orchestra.client.entities import Run, Step, Stop

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

EXIT_CODES: Final = {
    RunStatus.SUCCEEDED: 0,
    RunStatus.FAILED: 3,
    RunStatus.ABORTED: 4,
    RunStatus.CANCELLED: 4,
    RunStatus.EXCEPTION: 5,
    RunStatus.SKIPPED: 4,
}
"""What a command that waits for a run exits with."""


def run_name(run: "Run") -> str:
    """`PROJECT/JOB#NUMBER`."""
    return f"{run.project}/{run.job}#{run.number}"


def status(run: "Run") -> str:
    """The run's status as shape and word, with what was wished but not yet observed."""
    shape, colour = STATUS_STYLE[run.status]
    word = str(run.status)
    if run.status is RunStatus.RUNNING and run.should_abort:
        word = "aborting"
    elif run.status is RunStatus.ASSIGNED and (run.should_cancel or run.should_abort):
        word = "cancelling"
    return click.style(f"{shape} {word}", fg=colour)


def source(run: "Run") -> str:
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


def command_text(step: "Step") -> str:
    """A step's command on one line."""
    return cut(step.command if isinstance(step.command, str) else shlex.join(step.command))


def print_runs(found: Iterable["Run"], *, empty: str) -> None:
    """Runs as a table."""
    print_table(
        ("RUN", "STATUS", "TRIGGER", "WORKER", "TOOK", "CREATED", "CAUSE", "IDENTIFIER"),
        (
            (
                run_name(one),
                status(one),
                source(one),
                one.worker or "",
                taken(one.start_date, one.completion_date),
                ago(one.creation_date),
                one.cause.message if one.status in TERMINAL | {RunStatus.PENDING} else "",
                one.identifier,
            )
            for one in found
        ),
        empty=empty,
    )


def say_run(run: "Run", *, err: bool = False) -> None:
    """One line: name, status, cause, time taken."""
    parts = [run_name(run), status(run), run.cause.message]
    if run.start_date is not None and run.status in TERMINAL:
        parts.append(f"after {taken(run.start_date, run.completion_date)}")
    click.echo("  ".join(parts), err=err)


def absence_text(away: "Absence") -> str:
    """What is known while the worker is away, in whole sentences."""
    until = "The job waits for it without an end."
    if away.deadline is not None:
        deadline = f"{away.deadline.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        until = f"If it does not return, the run ends as exception on {deadline}."
    heard = f"{away.since.astimezone(UTC):%H:%M:%S} UTC"
    return f"{away.worker} is not connected, last heard from at {heard}; the run probably goes on there. {until}"


def stop_facts(stop: "Stop", how: str) -> list[tuple[str, str]]:
    """The receipt of a stop: each date that there is, who is still alive, and how it stands."""
    unneeded = "not needed" if stop.verified_date is not None else ""
    return [
        ("requested", f"{date(stop.requested_date)}, by {stop.requested_by}"),
        ("delivered", date(stop.delivered_date)),
        ("terminated", date(stop.terminated_date)),
        ("killed", date(stop.killed_date) or unneeded),
        ("verified", date(stop.verified_date)),
        ("alive", "\n".join(f"{one.pid or 'container'}  {one.command}" for one in stop.survivors)),
        ("state", how),
    ]
