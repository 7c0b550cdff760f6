"""`orchestra runs` and `orchestra run show`."""

import click

from orchestra.cli.connection import with_client
from orchestra.cli.names import find_run, split_job
from orchestra.cli.output import (
    ago,
    command_text,
    print_json,
    print_table,
    size,
    source,
    status,
    taken,
    with_output,
)
from orchestra.client import Client
from orchestra.domain.run import TERMINAL, Run, RunStatus


@click.command(epilog="Example: orchestra runs examples/hello --status failed --status exception")
@click.argument("scope", metavar="[PROJECT[/JOB]]", required=False)
@click.option("--status", "statuses", multiple=True, type=click.Choice([str(one) for one in RunStatus]))
@click.option("--worker", metavar="NAME", help="Only runs of this worker.")
@click.option("--created-after", metavar="DATE", help="RFC 3339, such as 2026-11-24T08:00:00Z.")
@click.option("--created-before", metavar="DATE")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True)
@with_output
@with_client
def runs(
    client: Client,
    *,
    scope: str | None,
    statuses: tuple[str, ...],
    worker: str | None,
    created_after: str | None,
    created_before: str | None,
    limit: int,
    output: str,
) -> None:
    """List runs, newest first."""
    project, job = (None, None)
    if scope is not None:
        project, job = split_job(scope) if "/" in scope else (scope, None)
    found = list(
        client.runs(
            limit=limit,
            project=project,
            job=job,
            status=statuses or None,
            worker=worker,
            created_after=created_after,
            created_before=created_before,
        )
    )
    if output == "json":
        print_json(found)
        return
    print_table(
        ("RUN", "STATUS", "TRIGGER", "WORKER", "TOOK", "CREATED", "CAUSE", "IDENTIFIER"),
        (
            (
                f"{one.project}/{one.job}#{one.number}",
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
        empty="no runs match" if statuses or worker or created_after or created_before else "no runs yet",
    )


@click.group(epilog="Example: orchestra run show examples/hello#3")
def run() -> None:
    """Show one run."""


@run.command(epilog="Example: orchestra run show examples/hello#3 --output json")
@click.argument("name", metavar="RUN")
@with_output
@with_client
def show(client: Client, name: str, output: str) -> None:
    """Status, cause, steps, parameters and results of a run (its UUID, or PROJECT/JOB#NUMBER)."""
    found = find_run(client, name)
    if output == "json":
        print_json(found)
        return
    click.echo(f"{click.style(f'{found.project}/{found.job} #{found.number}', bold=True)}  {status(found)}")
    for title, text in _facts(found):
        if text:
            click.echo(f"  {title:<11} {text}")
    if found.parameters:
        click.echo("\nParameters")
        for key, value in found.parameters.items():
            click.echo(f"  {key} = {value!r}")
    if found.steps:
        click.echo("\nSteps")
        print_table(
            ("  NAME", "EXIT", "TOOK", "LOG", "COMMAND"),
            (
                (
                    f"  {one.name}",
                    "" if one.exit_code is None else str(one.exit_code),
                    taken(one.start_date, one.completion_date),
                    size((found.log_size if one.log_end is None else one.log_end) - one.log_start),
                    command_text(one),
                )
                for one in found.steps
            ),
            empty="",
        )
    if found.results is not None:
        click.echo("\nResults")
        print_json(found.results)


def _facts(run: Run) -> list[tuple[str, str]]:
    logged = size(run.log_size) + ("" if run.log_complete or run.status not in TERMINAL else ", not complete")
    return [
        ("cause", f"{run.cause.message} ({run.cause.code})"),
        ("identifier", run.identifier),
        ("trigger", source(run)),
        ("worker", run.worker or ""),
        ("created", f"{run.creation_date:%Y-%m-%d %H:%M:%S} UTC, {ago(run.creation_date)}"),
        ("started", f"{run.start_date:%Y-%m-%d %H:%M:%S} UTC" if run.start_date else ""),
        ("completed", f"{run.completion_date:%Y-%m-%d %H:%M:%S} UTC" if run.completion_date else ""),
        ("took", taken(run.start_date, run.completion_date)),
        ("log", logged),
        ("log error", run.log_error or ""),
        ("results", run.result_error or ""),
    ]
