"""`orchestra cancel`, `abort` and `retry`: what people do to one run."""

import click

from orchestra.cli.connection import with_client
from orchestra.cli.names import find_run
from orchestra.cli.output import print_json, status, with_output
from orchestra.cli.trigger import parse_parameters
from orchestra.client import Client
from orchestra.domain.run import Run


@click.command(epilog="Example: orchestra cancel examples/long#7")
@click.argument("name", metavar="RUN")
@with_output
@with_client
def cancel(client: Client, name: str, output: str) -> None:
    """Cancel a run that has not started: no command of it will ever run."""
    _say(client.cancel(find_run(client, name).identifier), output)


@click.command(epilog="Example: orchestra abort examples/long#7")
@click.argument("name", metavar="RUN")
@with_output
@with_client
def abort(client: Client, name: str, output: str) -> None:
    """Abort a run: its whole process tree is terminated, then killed after its grace period."""
    _say(client.abort(find_run(client, name).identifier), output)


@click.command(epilog="Example: orchestra retry examples/hello#3 -p name=Grace")
@click.argument("name", metavar="RUN")
@click.option("-p", "--parameter", "parameters", multiple=True, metavar="KEY=VALUE", help="Replace a parameter.")
@with_output
@with_client
def retry(client: Client, name: str, parameters: tuple[str, ...], output: str) -> None:
    """Run again: a new run with the same parameters, but those that you give."""
    found = find_run(client, name)
    changed = {**found.parameters, **parse_parameters(parameters)} if parameters else None
    again = client.retry(found.identifier, changed)
    if output == "json":
        print_json(again)
    else:
        click.echo(again.identifier)


def _say(run: Run, output: str) -> None:
    if output == "json":
        print_json(run)
    else:
        click.echo(f"{run.project}/{run.job} #{run.number}  {status(run)}  {run.cause.message}")
