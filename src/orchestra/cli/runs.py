"""`orchestra runs`: runs as a list, filtered by options or by the one query grammar."""

from typing import TYPE_CHECKING, Final

import click

from orchestra.cli.connection import with_client
from orchestra.cli.names import ScopeName, WorkerName
from orchestra.cli.output import print_json, with_output
from orchestra.cli.run_words import print_runs
from orchestra.domain.run import RunStatus

if TYPE_CHECKING:
    from orchestra.client import Client

QUERY_HELP: Final = (
    "A query: status:failed,exception job:build-* worker:linux-07 created:>-24h took:>5m "
    "parameter.branch:main -cause:timeout, or words."
)


@click.command(epilog='Example: orchestra runs examples -q "status:failed,exception created:>-24h"')
@click.argument("scope", metavar="[PROJECT[/JOB]]", required=False, type=ScopeName())
@click.option("-q", "--query", metavar="QUERY", help=QUERY_HELP)
@click.option("--status", "statuses", multiple=True, type=click.Choice([str(one) for one in RunStatus]))
@click.option("--worker", metavar="NAME", type=WorkerName(), help="Only runs of this worker.")
@click.option("--created-after", metavar="DATE", help="RFC 3339, such as 2026-11-24T08:00:00Z.")
@click.option("--created-before", metavar="DATE")
@click.option("--order", metavar="FIELD", help="Sort by a field, -FIELD the other way. [default: -creation_date]")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True)
@with_output
@with_client
def runs(
    client: "Client",
    *,
    scope: tuple[str, str | None] | None,
    query: str | None,
    statuses: tuple[str, ...],
    worker: str | None,
    created_after: str | None,
    created_before: str | None,
    order: str | None,
    limit: int,
    output: str,
) -> None:
    """List runs, newest first; of everything, of a project or of a job."""
    project, job = scope or (None, None)
    found = list(
        client.runs(
            limit=limit,
            project=project,
            job=job,
            q=query,
            status=statuses or None,
            worker=worker,
            created_after=created_after,
            created_before=created_before,
            order=order,
        )
    )
    if output == "json":
        print_json(found)
        return
    is_narrowed = query or statuses or worker or created_after or created_before
    print_runs(found, empty="no runs match" if is_narrowed else "no runs yet")
    if len(found) == limit:
        click.echo(f"the newest {limit}; more with --limit", err=True)
