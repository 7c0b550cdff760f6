"""`orchestra job`: what is executed; written from a file, changed by options, with its history."""

from typing import TYPE_CHECKING, Any

import click

from orchestra.cli.asking import confirm, with_yes
from orchestra.cli.connection import with_client
from orchestra.cli.filters import with_enabled, with_order, with_owner_source
from orchestra.cli.names import JobName, ProjectName
from orchestra.cli.output import (
    cut,
    enabled,
    print_json,
    print_table,
    with_output,
)
from orchestra.cli.values import parse_properties, read_object

if TYPE_CHECKING:
    from orchestra.client import Client

Path = tuple[str, str]


@click.group(epilog="Example: orchestra job show examples/hello")
def job() -> None:
    """Jobs: what is executed, with which parameters, on which workers."""


@job.command("list", epilog="Example: orchestra job list examples")
@click.argument("project_name", metavar="[PROJECT]", required=False, type=ProjectName())
@click.option("--group", metavar="PATH", help="Only jobs of this group, such as nightly/db, and below it.")
@with_enabled
@with_owner_source
@with_order
@with_output
@with_client
def list_(client: "Client", /, *, project_name: str | None, output: str, **filters: Any) -> None:
    """List the jobs of a project, or of every project that you may see."""
    projects = [project_name] if project_name is not None else [one.identifier for one in client.projects()]
    found = [one for name in projects for one in client.jobs(name, **filters)]
    if output == "json":
        print_json(found)
        return
    is_narrowed = any(value is not None for name, value in filters.items() if name != "order")
    print_table(
        ("JOB", "NAME", "ENABLED", "REVISION", "PARAMETERS", "DESCRIPTION"),
        (
            (
                one.identifier if project_name is not None else f"{one.project}/{one.identifier}",
                one.display_name,
                enabled(one.is_enabled),
                str(one.revision),
                " ".join(parameter.key for parameter in one.parameters),
                cut(one.description.partition("\n")[0]),
            )
            for one in found
        ),
        empty="no jobs match" if is_narrowed else "no jobs yet; write one into a file and: orchestra apply FILE",
    )


@job.command(epilog="Example: orchestra job show examples/hello")
@click.argument("name", metavar="PROJECT/JOB", type=JobName())
@with_output
@with_client
def show(client: "Client", name: Path, output: str) -> None:
    """Show one job: its commands, parameters, properties and policy."""
    found = client.job(*name)
    if output == "json":
        print_json(found)
        return
    # Imported here: the other commands show no definitions.
    from orchestra.cli.job_words import print_job  # noqa: PLC0415

    print_job(found)


@job.command(epilog="Example: orchestra job put website/build build.yaml")
@click.argument("name", metavar="PROJECT/JOB", type=JobName())
@click.argument("file", metavar="FILE")
@with_output
@with_client
def put(client: "Client", name: Path, file: str, output: str) -> None:
    """Create or replace a job by what a YAML or JSON file says (- is standard input).

    The file holds one job: `definition`, and if you like `display_name`, `description`, `group`,
    `parameters`, `properties`, `policy`, as below `jobs:` in the files of `orchestra apply`.
    """
    after = client.put_job(*name, **_content(read_object(file, "job")))
    if output == "json":
        print_json(after)
    else:
        click.echo(f"{after.project}/{after.identifier} is at revision {after.revision}")


def _content(value: dict[str, Any]) -> Any:
    """What a file says, for the client; the server knows best what does not fit, and tells all of it."""
    return value


@job.command(epilog='Example: orchestra job change website/build --priority 10 --property "python=>=3.11"')
@click.argument("name", metavar="PROJECT/JOB", type=JobName())
@click.option("--display-name", metavar="TEXT", help="The name that people see.")
@click.option("--description", metavar="TEXT", help="What people should know about it.")
@click.option("--group", metavar="PATH", help="Where it stands in lists, such as nightly/db.")
@click.option("--priority", type=click.IntRange(-100, 100), help="Higher starts first.")
@click.option("--property", "properties", multiple=True, metavar="K=V", help="What a worker must have; repeatable.")
@click.option("--remove-property", "removed", multiple=True, metavar="K", help="No longer ask for this property.")
@click.option("--file", metavar="FILE", help="A YAML or JSON file with the fields to change (- is standard input).")
@with_output
@with_client
def change(
    client: "Client",
    /,
    *,
    name: Path,
    priority: int | None,
    properties: tuple[str, ...],
    removed: tuple[str, ...],
    file: str | None,
    output: str,
    **texts: str | None,
) -> None:
    """Change a job; what you do not name stays."""
    before = client.job(*name)
    changes: dict[str, Any] = {} if file is None else read_object(file, "job")
    changes |= {key: value for key, value in texts.items() if value is not None}
    if priority is not None:
        changes["policy"] = {**before.policy, **changes.get("policy", {}), "priority": priority}
    if properties or removed:
        kept = {key: value for key, value in before.properties.items() if key not in removed}
        changes["properties"] = {**kept, **changes.get("properties", {}), **parse_properties(properties)}
    if not changes:
        raise click.UsageError("name what to change, such as --priority 10, or --file FILE")
    after = client.change_job(*name, if_match=before, **_content(changes))
    if output == "json":
        print_json(after)
    elif after.update_date == before.update_date:
        click.echo("nothing differs")
    else:
        click.echo(f"{after.project}/{after.identifier} is at revision {after.revision}")


@job.command(epilog="Example: orchestra job delete website/build")
@click.argument("name", metavar="PROJECT/JOB", type=JobName())
@with_yes
@with_client
def delete(client: "Client", name: Path, yes: bool) -> None:
    """Delete a job; its runs and revisions stay as history. The server names what is in the way."""
    confirm(f"Delete the job {'/'.join(name)}? Its runs stay.", yes=yes)
    client.delete_job(*name)
    click.echo(f"{'/'.join(name)} is deleted; its runs stay: orchestra runs {'/'.join(name)}")


@job.command(epilog="Example: orchestra job enable examples/hello")
@click.argument("name", metavar="PROJECT/JOB", type=JobName())
@with_output
@with_client
def enable(client: "Client", name: Path, output: str) -> None:
    """Let runs of the job start again."""
    _switch(client, name, True, "is enabled", output)


@job.command(epilog="Example: orchestra job disable examples/hello")
@click.argument("name", metavar="PROJECT/JOB", type=JobName())
@with_output
@with_client
def disable(client: "Client", name: Path, output: str) -> None:
    """Keep runs of the job pending; what runs goes on."""
    _switch(client, name, False, "is disabled; its runs stay pending", output)


def _switch(client: "Client", name: Path, is_enabled: bool, said: str, output: str) -> None:
    found = client.change_job(*name, is_enabled=is_enabled)
    if output == "json":
        print_json(found)
    else:
        click.echo(f"{found.project}/{found.identifier} {said}")


@job.command(epilog="Example: orchestra job history examples/hello")
@click.argument("name", metavar="PROJECT/JOB", type=JobName())
@click.option("--revision", type=click.IntRange(min=1), metavar="N", help="Show what this revision says.")
@with_output
@with_client
def history(client: "Client", name: Path, revision: int | None, output: str) -> None:
    """Who changed the job when, newest first; or, with --revision, what the job was then."""
    from orchestra.cli.job_words import print_revision, print_revisions  # noqa: PLC0415

    if revision is not None:
        one = client.job_revision(*name, revision)
        print_json(one) if output == "json" else print_revision(one)
        return
    found = list(client.job_revisions(*name))
    print_json(found) if output == "json" else print_revisions(found)


@job.command(epilog="Example: orchestra job changes examples/hello 3 --since 1")
@click.argument("name", metavar="PROJECT/JOB", type=JobName())
@click.argument("revision", metavar="[REVISION]", type=click.IntRange(min=1), required=False)
@click.option("--since", type=click.IntRange(min=0), metavar="N", help="Since revision N. [default: the one before]")
@with_output
@with_client
def changes(client: "Client", *, name: Path, revision: int | None, since: int | None, output: str) -> None:
    """What a revision of the job changed, field by field. [default: the newest revision]"""
    from orchestra.cli.job_words import print_changes  # noqa: PLC0415

    wanted = client.job(*name).revision if revision is None else revision
    found = client.job_changes(*name, wanted, since=since)
    print_json(found) if output == "json" else print_changes(found)
