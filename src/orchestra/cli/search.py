"""`orchestra search`: whatever has that name."""

from typing import TYPE_CHECKING

import click

from orchestra.cli.connection import with_client
from orchestra.cli.output import print_json, print_table, with_output

if TYPE_CHECKING:
    from orchestra.client import Client

TYPES = ("project", "job", "schedule", "run", "worker", "user")


@click.command(epilog="Example: orchestra search nightly --type job --type schedule")
@click.argument("text", metavar="TEXT")
@click.option("--type", "types", multiple=True, type=click.Choice(TYPES), help="Only these; repeatable.")
@click.option("-n", "--limit", type=click.IntRange(min=1, max=1000), default=20, show_default=True)
@with_output
@with_client
def search(client: "Client", *, text: str, types: tuple[str, ...], limit: int, output: str) -> None:
    """Find projects, jobs, schedules, workers and users by name, and runs by number or identifier."""
    found = client.search(text, types=types, limit=limit)
    if output == "json":
        print_json(found)
        return
    print_table(
        ("TYPE", "PROJECT", "IDENTIFIER", "NAME"),
        ((one.type, one.project or "", one.identifier, one.display_name) for one in found),
        empty=f"nothing that you may see is called {text}",
    )
