"""`orchestra trigger`: start a run; with `--follow` or `--wait` the exit code tells how it ended."""

import sys
import threading
from typing import TYPE_CHECKING

import click

from orchestra.cli.connection import with_client
from orchestra.cli.names import JobName
from orchestra.cli.output import print_json, with_output
from orchestra.cli.run_words import EXIT_CODES, say_run
from orchestra.cli.values import parse_parameters

if TYPE_CHECKING:
    from orchestra.client import Client
    from orchestra.client.entities import Run


@click.command(epilog="Example: orchestra trigger examples/hello -p name=Ada --follow")
@click.argument("job", metavar="PROJECT/JOB", type=JobName())
@click.option("-p", "--parameter", "parameters", multiple=True, metavar="KEY=VALUE", help="A parameter; repeatable.")
@click.option("--priority", type=click.IntRange(-100, 100), help="Higher starts first. [default: the job's]")
@click.option("--follow", is_flag=True, help="Print the log as it comes; exit as the run ended.")
@click.option("--wait", is_flag=True, help="Wait for the end; exit as the run ended.")
@click.option(
    "--timeout", type=float, metavar="S", help="Stop waiting after S seconds with exit code 1; the run goes on."
)
@click.option("--idempotency-key", metavar="KEY", help="The same key gives the same run, however often it is sent.")
@with_output
@with_client
def trigger(
    client: "Client",
    *,
    job: tuple[str, str],
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
    run = client.trigger(*job, parse_parameters(parameters), priority=priority, idempotency_key=idempotency_key)
    if output == "table":
        click.echo(run.identifier)
    if not (follow or wait):
        if output == "json":
            print_json(run)
        elif sys.stderr.isatty():
            say_run(run, err=True)
        return 0
    ended = attend(client, run, follow=follow, timeout_s=timeout)
    if isinstance(ended, int):
        return ended
    if output == "json":
        print_json(ended)
    say_run(ended, err=True)
    return EXIT_CODES[ended.status]


def attend(client: "Client", run: "Run", *, follow: bool, timeout_s: float | None) -> "Run | int":
    """Wait for the end of a run, with its log if `follow`; the run, or the exit code of who stops waiting before.

    In a thread of its own, so that the deadline and Ctrl-C are heard at once.
    """
    # Imported here: most who trigger do not wait.
    from orchestra.cli.attending import Outage, WorkerWatch  # noqa: PLC0415

    ended: list[Run | BaseException] = []
    tell = Outage(client.server)

    def wait() -> None:
        try:
            if follow:
                for piece in client.follow_log(run.identifier, tell=tell):
                    sys.stdout.buffer.write(piece)
                    sys.stdout.buffer.flush()
                ended.append(client.run(run.identifier))
            else:
                ended.append(client.wait(run.identifier, tell=tell))
        except BaseException as error:  # carried over to the thread that waits, and raised there
            ended.append(error)

    thread = threading.Thread(target=wait, daemon=True)
    try:
        with WorkerWatch(client, run.identifier):
            thread.start()
            thread.join(timeout_s)
    except KeyboardInterrupt:
        click.echo(f"\ndetached; the run goes on: orchestra logs {run.identifier} --follow", err=True)
        return 130
    if not ended:
        click.echo(f"no end after {timeout_s:g} s; the run goes on: orchestra logs {run.identifier} --follow", err=True)
        return 1
    if isinstance(ended[0], BaseException):
        raise ended[0]
    return ended[0]
