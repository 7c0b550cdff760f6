"""`orchestra events`: everything that happens and that the caller may see, as it happens."""

from itertools import islice
from typing import TYPE_CHECKING

import click

from orchestra.cli.connection import with_client
from orchestra.cli.output import harmless, print_json_line, short, with_output

if TYPE_CHECKING:
    from orchestra.client import Client
    from orchestra.client.entities import Event


@click.command(epilog="Example: orchestra events --topic project:website --topic workers")
@click.option(
    "--topic",
    "topics",
    multiple=True,
    metavar="TOPIC",
    help="Only these: runs, jobs, schedules, projects, workers, users, project:NAME, run:UUID, worker:NAME.",
)
@click.option("--after", type=click.IntRange(min=0), metavar="N", help="Begin after the event of this number.")
@click.option("-n", "--count", type=click.IntRange(min=1), help="Leave after so many.")
@click.option("--follow", "-f", is_flag=True, hidden=True, help="As it is: there is nothing but following.")
@with_output
@with_client
def events(
    client: "Client", *, topics: tuple[str, ...], after: int | None, count: int | None, follow: bool, output: str
) -> int:
    """Follow what happens, as it happens; one line each, with --output json one JSON object a line.

    It has no end: leave with Ctrl-C, or after --count. With --after it misses nothing.
    """
    try:
        for one in islice(client.follow_events(topics, after=after), count):
            if output == "json":
                print_json_line(one)
            else:
                click.echo(_line(one))
    except KeyboardInterrupt:
        return 130
    return 0


def _line(one: "Event") -> str:
    names = {"worker": one.worker, "user": one.user} if one.run is None else {"run": one.run, "worker": one.worker}
    place = "/".join(part for part in (one.project, one.job) if part)
    told = " ".join([place, *(f"{kind} {name}" for kind, name in names.items() if name)]).strip()
    by = f"  by {one.actor}" if one.actor else ""
    cause = one.data.get("cause")
    why = str(cause.get("message", "")) if isinstance(cause, dict) else short(one.data, 100) if one.data else ""
    kind = click.style(f"{one.type:<24}", fg="cyan")
    return harmless(f"{one.sequence:>7}  {one.date:%Y-%m-%d %H:%M:%S}  {kind}  {told}{by}  {why}".rstrip())
