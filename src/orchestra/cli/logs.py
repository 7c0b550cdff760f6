"""`orchestra logs`: the bytes of a run's log, exactly, on standard output."""

import sys

import click

from orchestra.cli.connection import with_client
from orchestra.cli.names import find_run
from orchestra.client import Client


@click.command(epilog="Example: orchestra logs examples/hello#3 --follow")
@click.argument("name", metavar="RUN")
@click.option("--follow", "-f", is_flag=True, help="Go on until the run ends.")
@with_client
def logs(client: Client, name: str, follow: bool) -> int:
    """Print the log of a run, byte for byte (its UUID, or PROJECT/JOB#NUMBER).

    Ctrl-C while following detaches: the run goes on.
    """
    found = find_run(client, name)
    out = sys.stdout.buffer
    if not follow:
        client.write_log(found.identifier, out.write)
        out.flush()
        return 0
    try:
        for piece in client.follow_log(found.identifier):
            out.write(piece)
            out.flush()
    except KeyboardInterrupt:
        click.echo("\ndetached; the run goes on", err=True)
        return 130
    return 0
