"""`orchestra project`: spaces for jobs, schedules and runs."""

from typing import TYPE_CHECKING, Any

import click

from orchestra.cli.asking import confirm, with_yes
from orchestra.cli.connection import with_client
from orchestra.cli.filters import with_order, with_owner_source
from orchestra.cli.names import ProjectName
from orchestra.cli.output import bold, cut, date, pairs, print_facts, print_json, print_table, with_output
from orchestra.cli.values import parse_services
from orchestra.domain.errors import Conflict, NotFound

if TYPE_CHECKING:
    from orchestra.client import Client
    from orchestra.client.entities import Project


@click.group(epilog="Example: orchestra project list")
def project() -> None:
    """Projects: spaces for jobs, schedules and runs."""


@project.command("list", epilog="Example: orchestra project list --output json")
@with_owner_source
@with_order
@with_output
@with_client
def list_(client: "Client", *, managed_by: str | None, order: str | None, output: str) -> None:
    """List the projects that you may see."""
    found = list(client.projects(managed_by=managed_by, order=order))
    if output == "json":
        print_json(found)
        return
    print_table(
        ("PROJECT", "NAME", "MANAGED BY", "DESCRIPTION"),
        ((one.identifier, one.display_name, one.managed_by, cut(one.description)) for one in found),
        empty="no projects yet; make one: orchestra project create NAME, or orchestra apply FILE",
    )


@project.command(epilog="Example: orchestra project show examples")
@click.argument("name", metavar="PROJECT", type=ProjectName())
@with_output
@with_client
def show(client: "Client", name: str, output: str) -> None:
    """Show one project, with its services."""
    _print(client.project(name), output)


@project.command(
    epilog="Example: orchestra project create website --display-name Website "
    "--service repository.url=https://git.example.org/website.git"
)
@click.argument("name", metavar="PROJECT")
@click.option("--display-name", metavar="TEXT", help="The name that people see. [default: the identifier]")
@click.option("--description", metavar="TEXT", default="", help="What people should know about it.")
@click.option("--service", "services", multiple=True, metavar="NAME.KEY=VALUE", help="What its jobs use; repeatable.")
@with_output
@with_client
def create(
    client: "Client", *, name: str, display_name: str | None, description: str, services: tuple[str, ...], output: str
) -> None:
    """Create a project."""
    if _exists(client, name):
        raise Conflict(f"there is a project {name} already; to change it: orchestra project change {name}")
    content: dict[str, Any] = {"description": description, "services": parse_services(services)}
    if display_name is not None:
        content["display_name"] = display_name
    made = client.put_project(name, **content)
    if output == "json":
        print_json(made)
    else:
        click.echo(f"{made.identifier} is created")


def _exists(client: "Client", name: str) -> bool:
    try:
        client.project(name)
    except NotFound:
        return False
    return True


@project.command(epilog='Example: orchestra project change website --description "What our customers see"')
@click.argument("name", metavar="PROJECT", type=ProjectName())
@click.option("--display-name", metavar="TEXT", help="The name that people see.")
@click.option("--description", metavar="TEXT", help="What people should know about it.")
@click.option("--service", "services", multiple=True, metavar="NAME.KEY=VALUE", help="Set a value of a service.")
@click.option("--remove-service", "removed", multiple=True, metavar="NAME", help="Remove a service.")
@with_output
@with_client
def change(
    client: "Client",
    *,
    name: str,
    display_name: str | None,
    description: str | None,
    services: tuple[str, ...],
    removed: tuple[str, ...],
    output: str,
) -> None:
    """Change a project; what you do not name stays."""
    changes: dict[str, Any] = {
        key: value for key, value in (("display_name", display_name), ("description", description)) if value is not None
    }
    before = client.project(name)
    if services or removed:
        present = {key: dict(value) for key, value in before.services.items() if key not in removed}
        for key, values in parse_services(services).items():
            present.setdefault(key, {}).update(values)
        changes["services"] = present
    if not changes:
        raise click.UsageError("name what to change, such as --description TEXT")
    after = client.change_project(name, if_match=before, **changes)
    if output == "json":
        print_json(after)
    else:
        click.echo(f"{after.identifier} is changed")


@project.command(epilog="Example: orchestra project delete website")
@click.argument("name", metavar="PROJECT", type=ProjectName())
@with_yes
@with_client
def delete(client: "Client", name: str, yes: bool) -> None:
    """Delete a project without jobs, schedules and runs; the server names what is in the way."""
    confirm(f"Delete the project {name}?", yes=yes)
    client.delete_project(name)
    click.echo(f"{name} is deleted")


def _print(found: "Project", output: str) -> None:
    if output == "json":
        print_json(found)
        return
    facts = [
        ("name", found.display_name),
        ("description", found.description),
        ("managed by", found.managed_by),
        ("services", "\n".join(f"{name}: {pairs(values)}" for name, values in found.services.items())),
        ("created", date(found.creation_date)),
        ("changed", date(found.update_date)),
    ]
    print_facts(bold(found.identifier), facts)
