"""`orchestra trigger`: start a run; with `--follow` or `--wait` the exit code tells how it ended."""

import sys
import threading
from typing import Final

import click

from orchestra.cli.connection import with_client
from orchestra.cli.names import split_job
from orchestra.cli.output import print_json, status, taken
from orchestra.client import Client
from orchestra.domain.run import Run, RunStatus

EXIT_CODES: Final = {
    RunStatus.SUCCEEDED: 0,
    RunStatus.FAILED: 3,
    RunStatus.ABORTED: 4,
    RunStatus.CANCELLED: 4,
    RunStatus.EXCEPTION: 5,
    RunStatus.SKIPPED: 4,
}


@click.command(epilog="Example: orchestra trigger examples/hello -p name=Ada --follow")
@click.argument("job", metavar="PROJECT/JOB")
@click.option("-p", "--parameter", "parameters", multiple=True, metavar="KEY=VALUE", help="A parameter; repeatable.")
@click.option("--priority", type=click.IntRange(-100, 100), help="Higher starts first. [default: the job's]")
@click.option("--follow", is_flag=True, help="Print the log as it comes; exit as the run ended.")
@click.option("--wait", is_flag=True, help="Wait for the end; exit as the run ended.")
@click.option(
    "--timeout", type=float, metavar="S", help="Stop waiting after S seconds with exit code 1; the run goes on."
)
@click.option("--idempotency-key", metavar="KEY", help="The same key gives the same run, however often it is sent.")
@click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@with_client
def trigger(
    client: Client,
    *,
    job: str,
    parameters: tuple[str, ...],
    priority: int | None,
    follow: bool,
    wait: bool,
    timeout: float | None,
    idempotency_key: str | None,
    output: str,
) -> int:
    """Trigger a job and print the run's identifier.

    With --follow or --wait: exit 0 only if the run succeeded; 3 failed, 4 aborted or cancelled,
    5 exception. Ctrl-C while following detaches: the run goes on.
    """
    project, name = split_job(job)
    run = client.trigger(
        project, name, parse_parameters(parameters), priority=priority, idempotency_key=idempotency_key
    )
    if output == "table":
        click.echo(run.identifier)
    if not (follow or wait):
        if output == "json":
            print_json(run)
        return 0
    try:
        run = _attend(client, run, follow=follow, timeout_s=timeout)
    except KeyboardInterrupt:
        click.echo(f"\ndetached; the run goes on: orchestra logs {run.identifier} --follow", err=True)
        return 130
    except TimeoutError:
        click.echo(f"no end after {timeout:g} s; the run goes on: orchestra logs {run.identifier} --follow", err=True)
        return 1
    if output == "json":
        print_json(run)
    say_end(run)
    return EXIT_CODES[run.status]


def _attend(client: Client, run: Run, *, follow: bool, timeout_s: float | None) -> Run:
    """Follow or wait in a thread of its own, so that the deadline and Ctrl-C are heard at once."""
    ended: list[Run | BaseException] = []

    def attend() -> None:
        try:
            if follow:
                for piece in client.follow_log(run.identifier):
                    sys.stdout.buffer.write(piece)
                    sys.stdout.buffer.flush()
                ended.append(client.run(run.identifier))
            else:
                ended.append(client.wait(run.identifier))
        except BaseException as error:  # carried over to the thread that waits, and raised there
            ended.append(error)

    thread = threading.Thread(target=attend, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if not ended:
        raise TimeoutError
    if isinstance(ended[0], BaseException):
        raise ended[0]
    return ended[0]


def say_end(run: Run) -> None:
    """One line on standard error: number, status, cause, time taken."""
    parts = [f"{run.project}/{run.job} #{run.number}", status(run), run.cause.message]
    if run.start_date is not None:
        parts.append(f"after {taken(run.start_date, run.completion_date)}")
    click.echo("  ".join(parts), err=True)


def parse_parameters(texts: tuple[str, ...]) -> dict[str, str]:
    """`KEY=VALUE` texts as a dictionary; a usage error names what does not fit."""
    pairs: dict[str, str] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise click.UsageError(f"'{text}' is not KEY=VALUE")
        if key in pairs:
            raise click.UsageError(f"parameter '{key}' is given twice")
        pairs[key] = value
    return pairs
