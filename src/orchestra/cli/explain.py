"""`orchestra explain`: why a run is where it is, with a verdict for each worker."""

from typing import TYPE_CHECKING

import click

from orchestra.cli.connection import START_ONE, with_client
from orchestra.cli.names import RunName, find_run
from orchestra.cli.output import print_json, print_table, with_output
from orchestra.cli.run_words import absence_text

if TYPE_CHECKING:
    from orchestra.client import Client


@click.command(epilog="Example: orchestra explain examples/hello#3")
@click.argument("name", metavar="RUN", type=RunName())
@with_output
@with_client
def explain(client: "Client", name: str, output: str) -> None:
    """Say why a run waits (its UUID, or PROJECT/JOB#NUMBER)."""
    answer = client.explain(find_run(client, name).identifier)
    if output == "json":
        print_json(answer)
        return
    click.echo(f"{answer.status}: {answer.cause.message}")
    if answer.stop is not None:
        click.echo(f"stop: {answer.stop}")
    if answer.away is not None:
        click.echo(absence_text(answer.away))
    if answer.position is not None:
        click.echo(f"position {answer.position} in the queue")
    if answer.workers:
        click.echo()
        print_table(
            ("WORKER", "VERDICT", "WHY"),
            ((one.worker, one.verdict, "" if one.message == one.verdict else one.message) for one in answer.workers),
            empty="",
        )
    elif answer.status == "pending":
        click.echo(f"no worker has ever connected; {START_ONE}")
