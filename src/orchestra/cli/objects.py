"""`orchestra project` and `orchestra job`: what is configured."""

import click

from orchestra.cli.connection import with_client
from orchestra.cli.names import split_job
from orchestra.cli.output import print_json, print_table, with_output
from orchestra.client import Client


@click.group()
def project() -> None:
    """List and show projects."""


@project.command("list", epilog="Example: orchestra project list")
@with_output
@with_client
def project_list(client: Client, output: str) -> None:
    """List the projects that you may see."""
    found = list(client.projects())
    if output == "json":
        print_json(found)
        return
    print_table(
        ("PROJECT", "NAME", "MANAGED BY", "DESCRIPTION"),
        ((one.identifier, one.display_name, one.managed_by, one.description) for one in found),
        empty="no projects yet; write one into a file and: orchestra apply FILE",
    )


@click.group()
def job() -> None:
    """List, show, enable and disable jobs."""


@job.command("list", epilog="Example: orchestra job list examples")
@click.argument("project_name", metavar="PROJECT")
@with_output
@with_client
def job_list(client: Client, project_name: str, output: str) -> None:
    """List the jobs of a project."""
    found = list(client.jobs(project_name))
    if output == "json":
        print_json(found)
        return
    print_table(
        ("JOB", "NAME", "ENABLED", "REVISION", "PARAMETERS", "DESCRIPTION"),
        (
            (
                one.identifier,
                one.display_name,
                "yes" if one.is_enabled else click.style("no", fg="yellow"),
                str(one.revision),
                " ".join(parameter.key for parameter in one.parameters),
                one.description.partition("\n")[0],
            )
            for one in found
        ),
        empty=f"project {project_name} has no jobs yet",
    )


@job.command("show", epilog="Example: orchestra job show examples/hello")
@click.argument("name", metavar="PROJECT/JOB")
@with_client
def job_show(client: Client, name: str) -> None:
    """Show one job as JSON."""
    print_json(client.job(*split_job(name)))


@job.command("enable", epilog="Example: orchestra job enable examples/hello")
@click.argument("name", metavar="PROJECT/JOB")
@with_client
def job_enable(client: Client, name: str) -> None:
    """Let runs of the job start again."""
    found = client.set_job_enabled(*split_job(name), True)
    click.echo(f"{found.project}/{found.identifier} is enabled")


@job.command("disable", epilog="Example: orchestra job disable examples/hello")
@click.argument("name", metavar="PROJECT/JOB")
@with_client
def job_disable(client: Client, name: str) -> None:
    """Keep runs of the job pending; what runs goes on."""
    found = client.set_job_enabled(*split_job(name), False)
    click.echo(f"{found.project}/{found.identifier} is disabled; its runs stay pending")
