"""`orchestra logs`: the bytes of a run's log, exactly, on standard output."""

import sys
from typing import TYPE_CHECKING

import click

from orchestra.cli.connection import with_client
from orchestra.cli.names import RunName, find_run

if TYPE_CHECKING:
    from orchestra.client import Client


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
        _write_tail(client, run, tail)
    elif not follow:
        client.write_log(run, out.write)
    else:
        return _follow(client, run)
    out.flush()
    return 0


def _write_tail(client: "Client", run: str, count: int) -> None:
    """The last lines, from where the first of them begins: its byte is not known, so windows are asked for."""
    first = max(1, client.log_info(run).lines - count + 1)
    while count > 0:
        window = client.log_lines(run, first, min(count, 1000))
        cut = {number for number, _ in window.cut}
        for number, text in enumerate(window.lines, window.start):
            content = client.log_line(run, number) if number in cut else text.encode()
            sys.stdout.buffer.write(content + b"\n")
        if not window.lines:
            return
        first, count = window.start + len(window.lines), count - len(window.lines)


def _follow(client: "Client", run: str) -> int:
    try:
        for piece in client.follow_log(run):
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
    except KeyboardInterrupt:
        click.echo("\ndetached; the run goes on", err=True)
        return 130
    return 0
