"""`orchestra run`: one run, its steps, results and events; wait for it; archive it; close it; delete it."""

from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestra.cli.asking import confirm, with_yes
from orchestra.cli.bulk import pick, with_choice
from orchestra.cli.connection import with_client
from orchestra.cli.names import RunName, find_run
from orchestra.cli.output import bold, date, day, print_facts, print_json, print_table, size, taken, with_output
from orchestra.cli.run_words import (
    EXIT_CODES,
    absence_text,
    command_text,
    run_name,
    say_run,
    source,
    status,
    stop_facts,
)
from orchestra.domain.run import ACTIVE, TERMINAL

if TYPE_CHECKING:
    from datetime import datetime

    from orchestra.client import Client
    from orchestra.client.answers import Absence, LogInfo
    from orchestra.client.entities import Run, Step


@click.group(epilog="Example: orchestra run show examples/hello#3")
def run() -> None:
    """One run: its UUID, or PROJECT/JOB#NUMBER."""


@run.command(epilog="Example: orchestra run show examples/hello#3 --output json")
@click.argument("name", metavar="RUN", type=RunName())
@with_output
@with_client
def show(client: "Client", name: str, output: str) -> None:
    """Status, cause, steps, parameters and results of a run (its UUID, or PROJECT/JOB#NUMBER)."""
    found = find_run(client, name)
    if output == "json":
        print_json(found)
        return
    known = client.explain(found.identifier) if found.status in ACTIVE or found.stop is not None else None
    away = None if known is None else known.away
    old = "" if away is None else ", when last heard of"
    print_facts(
        f"{bold(f'{found.project}/{found.job} #{found.number}')}  {status(found)}{old}",
        _facts(found) if away is None else _facts(found, away, client.log_info(found.identifier)),
    )
    if found.stop is not None:
        click.echo()
        print_facts("Stop", stop_facts(found.stop, (known and known.stop) or ""))
    if found.parameters:
        click.echo("\nParameters")
        for key, value in found.parameters.items():
            click.echo(f"  {key} = {value!r}")
    if found.steps:
        click.echo("\nSteps")
        _print_steps(found, None if away is None else away.since)
    if found.results is not None:
        click.echo("\nResults")
        print_json(found.results)


def _facts(run: "Run", away: "Absence | None" = None, log: "LogInfo | None" = None) -> list[tuple[str, str]]:
    """What is known of the run; while its worker is `away`, until when that holds."""
    logged = size(run.log_size) + ("" if run.log_complete or run.status not in TERMINAL else ", not complete")
    took = taken(run.start_date, run.completion_date)
    if away is not None and log is not None:
        came = "" if log.last_time is None else f", complete up to {log.last_time.astimezone(UTC):%H:%M:%S} UTC"
        logged = f"{size(log.bytes)}{came}; {away.worker} keeps what came after"
        took = f"at least {taken(run.start_date, away.since)}" if run.start_date is not None else ""
    return [
        ("cause", f"{run.cause.message} ({run.cause.code})"),
        ("identifier", run.identifier),
        ("revision", f"{run.job_revision} of the job"),
        ("trigger", source(run)),
        ("priority", str(run.priority) if run.priority else ""),
        ("worker", run.worker or ""),
        ("", "" if away is None else absence_text(away)),
        ("created", date(run.creation_date)),
        ("started", date(run.start_date)),
        ("completed", date(run.completion_date)),
        ("took", took),
        ("expires", date(run.expiration_date) if run.status not in TERMINAL else ""),
        ("log", logged),
        ("log error", run.log_error or ""),
        ("results", run.result_error or ""),
        ("artifacts", _artifacts(run)),
        ("artifact error", run.artifact_error or ""),
    ]


def _artifacts(run: "Run") -> str:
    if not run.artifact_count:
        return ""
    text = f"{run.artifact_count} {'file' if run.artifact_count == 1 else 'files'}, {size(run.artifact_size)}"
    return text if run.artifacts_complete else f"{text}, not all on the server"


def _print_steps(run: "Run", until: "datetime | None" = None) -> None:
    """The commands; `until` is when the one under way was last heard of, None: it is now."""
    print_table(
        ("  NAME", "PHASE", "EXIT", "TOOK", "LOG", "COMMAND"),
        (
            (
                f"  {one.name}",
                one.phase,
                "" if one.exit_code is None else str(one.exit_code),
                _took(one, until),
                size((run.log_size if one.log_end is None else one.log_end) - one.log_start),
                command_text(one),
            )
            for one in run.steps
        ),
        empty="no command of it has started",
    )


def _took(step: "Step", until: "datetime | None") -> str:
    if until is None or step.completion_date is not None or step.start_date is None:
        return taken(step.start_date, step.completion_date)
    return f"at least {taken(step.start_date, until)}"


@run.command(epilog="Example: orchestra run steps examples/hello#3 --output json")
@click.argument("name", metavar="RUN", type=RunName())
@with_output
@with_client
def steps(client: "Client", name: str, output: str) -> None:
    """The commands of a run as they went: exit code, time, and their part of the log."""
    found = find_run(client, name)
    if output == "json":
        print_json(client.steps(found.identifier))
    else:
        _print_steps(found)


@run.command(epilog="Example: orchestra run results examples/hello#3")
@click.argument("name", metavar="RUN", type=RunName())
@with_client
def results(client: "Client", name: str) -> None:
    """What the commands of a run wrote as results: JSON, `null` when there are none."""
    print_json(client.results(find_run(client, name).identifier))


@run.command(epilog="Example: orchestra run events examples/hello#3")
@click.argument("name", metavar="RUN", type=RunName())
@with_output
@with_client
def events(client: "Client", name: str, output: str) -> None:
    """What happened to a run, oldest first: each change of its status, who asked for it, and why."""
    found = list(client.run_events(find_run(client, name).identifier))
    if output == "json":
        print_json(found)
        return
    print_table(
        ("DATE", "EVENT", "FROM", "TO", "WORKER", "BY", "CAUSE"),
        (
            (
                day(one.date) + f":{one.date:%S}",
                one.type,
                str(one.data.get("from") or ""),
                str(one.data.get("to") or ""),
                one.worker or "",
                one.actor or "",
                _message(one.data.get("cause")),
            )
            for one in found
        ),
        empty="nothing happened to it yet",
    )


def _message(cause: object) -> str:
    return str(cause.get("message", "")) if isinstance(cause, dict) else ""


@run.command(epilog="Example: orchestra run log examples/hello#3")
@click.argument("name", metavar="RUN", type=RunName())
@with_output
@with_client
def log(client: "Client", name: str, output: str) -> None:
    """How long the log of a run is, and which lines each of its commands wrote; `orchestra logs` prints it."""
    identifier = find_run(client, name).identifier
    info, sections = client.log_info(identifier), client.log_sections(identifier)
    if output == "json":
        print_json({"info": info, "sections": sections})
        return
    size_text = f"{size(info.bytes)}, {info.lines} {'line' if info.lines == 1 else 'lines'}"
    state = "complete" if info.complete else "not complete"
    facts = [
        ("size", f"{size_text}, {state}"),
        ("from", date(info.first_time)),
        ("to", date(info.last_time)),
        ("truncated", info.truncated or ""),
    ]
    print_facts(bold(identifier), facts)
    if sections:
        click.echo()
        print_table(
            ("  FIRST", "LAST", "COMMAND"),
            ((f"  {one.first}", "" if one.last is None else str(one.last), one.name) for one in sections),
            empty="",
        )


@run.command(epilog="Example: orchestra run archive examples/hello#3 -o hello-3.zip")
@click.argument("name", metavar="RUN", type=RunName())
@click.option(
    "-o", "--out", metavar="FILE", required=True, type=click.Path(path_type=Path), help="The ZIP file to write."
)
@with_client
def archive(client: "Client", name: str, out: Path) -> None:
    """Download all that is kept of a run as one ZIP file: log, results, definition, parameters, steps, artifacts."""
    # Imported here: the other commands write no files.
    from orchestra.cli.artifacts import write_whole  # noqa: PLC0415

    found = find_run(client, name)
    write_whole(out, lambda write: client.write_archive(found.identifier, write))
    click.echo(f"{size(out.stat().st_size)} in {out}", err=True)


@run.command(epilog="Example: orchestra run wait examples/long#7 --timeout 600")
@click.argument("name", metavar="RUN", type=RunName())
@click.option("--timeout", type=float, metavar="S", help="Stop waiting after S seconds with exit code 1.")
@with_output
@with_client
def wait(client: "Client", name: str, timeout: float | None, output: str) -> int:
    """Wait for the end of a run; exit 0 only if it succeeded (3 failed, 4 aborted or cancelled, 5 exception)."""
    # Imported here: `trigger` and this command wait in the same way, the others do not.
    from orchestra.cli.trigger import attend  # noqa: PLC0415

    found = attend(client, find_run(client, name), follow=False, timeout_s=timeout)
    if isinstance(found, int):
        return found
    if output == "json":
        print_json(found)
    say_run(found, err=True)
    return EXIT_CODES[found.status]


@run.command(epilog='Example: orchestra run close examples/long#7 --reason "the machine was sold"')
@click.argument("name", metavar="RUN", type=RunName())
@click.option("--reason", required=True, metavar="TEXT", help="Why its worker will not come back; it is recorded.")
@with_yes
@with_output
@with_client
def close(client: "Client", *, name: str, reason: str, yes: bool, output: str) -> None:
    """Declare a run over whose worker will not come back: it ends as exception, and its slot is free.

    Only a run whose worker is away can be closed; abort any other. A worker that comes back all the same stops the
    run and delivers the rest of its log.
    """
    found = find_run(client, name)
    confirm(f"Close {run_name(found)}? What still runs on {found.worker} is stopped only if it comes back.", yes=yes)
    closed = client.close_run(found.identifier, reason)
    if output == "json":
        print_json(closed)
    else:
        say_run(closed)


@run.command(epilog='Example: orchestra run delete -q "job:build-* completed:<-90d" --dry-run')
@with_choice
@with_yes
@with_output
@with_client
def delete(
    client: "Client", *, names: tuple[str, ...], query: str | None, dry_run: bool, yes: bool, output: str
) -> int:
    """Delete runs that have ended, with their logs and results. Their numbers are never given again."""
    choice = pick(client, names, query)
    if choice.single is not None and not dry_run:
        found = choice.single
        confirm(f"Delete {run_name(found)} with its log and results? This cannot be undone.", yes=yes)
        client.delete_run(found.identifier)
        click.echo(f"{run_name(found)} is deleted")
        return 0
    return choice.carry_out("delete", dry_run=dry_run, yes=yes, output=output)
