"""`orchestra logs`: the bytes of a run's log, exactly, on standard output."""

import sys
from typing import TYPE_CHECKING, Final

import click

from orchestra.cli.connection import with_client
from orchestra.cli.names import RunName, find_run

if TYPE_CHECKING:
    from orchestra.client import Client

PIECE_BYTES: Final = 1 << 20
"""How much of a log is read at once from its end."""


@click.command(epilog="Example: orchestra logs examples/hello#3 --follow")
@click.argument("name", metavar="RUN", type=RunName())
@click.option("--follow", "-f", is_flag=True, help="Go on until the run ends.")
@click.option("--tail", type=click.IntRange(min=1), metavar="N", help="Only the last N lines.")
@click.option("--line", type=click.IntRange(min=1), metavar="N", help="Only line N, whole however long.")
@with_client
def logs(client: "Client", *, name: str, follow: bool, tail: int | None, line: int | None) -> int:
    """Print the log of a run, byte for byte (its UUID, or PROJECT/JOB#NUMBER).

    Ctrl-C while following detaches: the run goes on.
    """
    if (follow, tail, line).count(None) + (not follow) < 2:
        raise click.UsageError("--follow, --tail and --line exclude each other")
    run = find_run(client, name).identifier
    out = sys.stdout.buffer
    if line is not None:
        out.write(client.log_line(run, line) + b"\n")
    elif tail is not None:
        out.writelines(_tail(client, run, tail))
    elif not follow:
        client.write_log(run, out.write)
    else:
        return _follow(client, run)
    out.flush()
    return 0


def _tail(client: "Client", run: str, count: int) -> list[bytes]:
    """The bytes of the last `count` lines, in pieces: read from the end on until enough lines begin in them."""
    end = client.log_info(run).bytes
    pieces: list[bytes] = []
    # The newline that ends the last line begins none.
    wanted = count + (end > 0 and client.log(run, end - 1, 1) == b"\n")
    while end > 0:
        start = max(0, end - PIECE_BYTES)
        piece = client.log(run, start, end - start)
        newlines = piece.count(b"\n")
        if newlines >= wanted:
            at = len(piece)
            for _ in range(wanted):
                at = piece.rindex(b"\n", 0, at)
            return [piece[at + 1 :], *pieces]
        pieces.insert(0, piece)
        end, wanted = start, wanted - newlines
    return pieces


def _follow(client: "Client", run: str) -> int:
    # Imported here: only who follows waits.
    from orchestra.cli.attending import Outage, WorkerWatch  # noqa: PLC0415

    try:
        with WorkerWatch(client, run):
            for piece in client.follow_log(run, tell=Outage(client.server)):
                sys.stdout.buffer.write(piece)
                sys.stdout.buffer.flush()
    except KeyboardInterrupt:
        click.echo("\ndetached; the run goes on", err=True)
        return 130
    return 0
