"""`orchestra export`: what the server has, as a configuration file that `apply` takes."""

from typing import TYPE_CHECKING, Any

import click

from orchestra.cli.connection import with_client
from orchestra.cli.names import ProjectName
from orchestra.cli.output import print_json

if TYPE_CHECKING:
    from orchestra.client import Client


@click.command(epilog="Example: orchestra export website > website.yaml")
@click.argument("projects", metavar="[PROJECT]…", nargs=-1, type=ProjectName())
@click.option("--managed-by", metavar="SOURCE", help="Only what this source owns; `api` is what people made.")
@click.option("--output", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True, help="How to print.")
@with_client
def export(client: "Client", *, projects: tuple[str, ...], managed_by: str | None, output: str) -> None:
    """Write projects with their jobs and schedules as a file, all of them or those that you name.

    What has its default is left out. Applying the file to this server changes nothing (but the owner, of
    what people made: then `apply` says so); applying it to another server makes the same there. Users,
    workers and runs are no configuration; a backup holds them.
    """
    # Imported here: YAML takes its time to load.
    from orchestra.cli.sparse import sparse_job, sparse_project, sparse_schedule  # noqa: PLC0415
    from orchestra.cli.yaml_text import yaml_text  # noqa: PLC0415

    found = [client.project(one) for one in projects] if projects else list(client.projects())
    tree: dict[str, Any] = {}
    for project in found:
        inside: dict[str, Any] = {}
        if managed_by in (None, project.managed_by):
            inside |= sparse_project(project)
        wanted = {
            "jobs": {
                one.identifier: sparse_job(one) for one in client.jobs(project.identifier) if _fits(one, managed_by)
            },
            "schedules": {
                one.identifier: sparse_schedule(one)
                for one in client.schedules(project.identifier)
                if _fits(one, managed_by)
            },
        }
        inside |= {section: objects for section, objects in wanted.items() if objects}
        if inside or managed_by in (None, project.managed_by):
            tree[project.identifier] = inside or None
    if output == "json":
        print_json({"projects": tree})
    else:
        click.echo(yaml_text({"projects": tree}), nl=False)


def _fits(one: Any, managed_by: str | None) -> bool:
    return managed_by in (None, one.managed_by)
