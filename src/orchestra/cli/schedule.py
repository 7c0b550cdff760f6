"""`orchestra schedule`: when a job is triggered."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from orchestra.cli.asking import confirm, with_yes
from orchestra.cli.connection import with_client
from orchestra.cli.filters import with_enabled, with_order, with_owner_source
from orchestra.cli.names import ProjectName, ScheduleName
from orchestra.cli.output import bold, date, day, enabled, pairs, print_facts, print_json, print_table, with_output
from orchestra.cli.schedule_forecast import forecast
from orchestra.cli.schedule_preview import preview
from orchestra.cli.values import parse_parameters, read_object
from orchestra.domain import duration
from orchestra.domain.schedule import MISFIRES, OVERLAPS

if TYPE_CHECKING:
    from orchestra.client import Client
    from orchestra.client.entities import Schedule

Path = tuple[str, str]


@click.group(epilog="Example: orchestra schedule list examples")
def schedule() -> None:
    """Schedules: cron expressions in a time zone that trigger jobs."""


schedule.add_command(preview)
schedule.add_command(forecast)


def with_fields(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add an option for each field of a schedule."""
    for option in (
        click.option("--misfire-window", metavar="DURATION", help="How far back missed firings count, such as 24h."),
        click.option("--misfire", type=click.Choice(MISFIRES), help="Which missed firings are made up for."),
        click.option("--overlap", type=click.Choice(OVERLAPS), help="What happens while an earlier run has not ended."),
        click.option("--jitter", metavar="DURATION", help="Spread starts over this time, such as 5m."),
        click.option("-p", "--parameter", "parameters", multiple=True, metavar="KEY=VALUE", help="A parameter."),
        click.option("--time-zone", metavar="ZONE", help="An IANA time zone, such as Europe/Paris. [default: UTC]"),
        click.option("--expression", metavar="CRON", help='Minute, hour, day, month, weekday: "30 2 * * *".'),
        click.option("--job", metavar="JOB", help="The job of the project that it triggers."),
        click.option("--display-name", metavar="TEXT", help="The name that people see."),
        click.option("--file", metavar="FILE", help="A YAML or JSON file with the fields (- is standard input)."),
    ):
        command = option(command)
    return command


def _fields(file: str | None, parameters: tuple[str, ...], given: dict[str, str | None]) -> dict[str, Any]:
    """What a file and options say together; options win."""
    fields: dict[str, Any] = {} if file is None else read_object(file, "schedule")
    fields |= {key: value for key, value in given.items() if value is not None}
    if parameters:
        fields["parameters"] = {**fields.get("parameters", {}), **parse_parameters(parameters)}
    return fields


@schedule.command("list", epilog="Example: orchestra schedule list examples")
@click.argument("project_name", metavar="[PROJECT]", required=False, type=ProjectName())
@click.option("--job", metavar="JOB", help="Only schedules of this job.")
@with_enabled
@with_owner_source
@with_order
@with_output
@with_client
def list_(client: "Client", /, *, project_name: str | None, output: str, **filters: Any) -> None:
    """List the schedules of a project, or of every project that you may see."""
    projects = [project_name] if project_name is not None else [one.identifier for one in client.projects()]
    found = [one for name in projects for one in client.schedules(name, **filters)]
    if output == "json":
        print_json(found)
        return
    is_narrowed = any(value is not None for name, value in filters.items() if name != "order")
    print_table(
        ("SCHEDULE", "ENABLED", "JOB", "EXPRESSION", "TIME ZONE", "PARAMETERS", "NEXT", "LAST RUN"),
        (
            (
                one.identifier if project_name is not None else f"{one.project}/{one.identifier}",
                enabled(one.is_enabled),
                one.job,
                one.expression,
                one.time_zone,
                pairs(one.parameters),
                day(one.next_fire),
                one.last_run or "",
            )
            for one in found
        ),
        empty="no schedules match"
        if is_narrowed
        else "no schedules yet; make one: orchestra schedule put PROJECT/NAME --job JOB --expression CRON",
    )


@schedule.command(epilog="Example: orchestra schedule show website/nightly")
@click.argument("name", metavar="PROJECT/SCHEDULE", type=ScheduleName())
@with_output
@with_client
def show(client: "Client", name: Path, output: str) -> None:
    """Show one schedule."""
    found = client.schedule(*name)
    if output == "json":
        print_json(found)
    else:
        print_facts(bold(f"{found.project}/{found.identifier}"), _facts(found))


def _facts(one: "Schedule") -> list[tuple[str, str]]:
    return [
        ("name", one.display_name),
        ("enabled", enabled(one.is_enabled)),
        ("job", f"{one.project}/{one.job}"),
        ("expression", f"{one.expression} ({one.time_zone})"),
        ("parameters", pairs(one.parameters)),
        ("overlap", one.overlap),
        ("misfire", f"{one.misfire}, within {duration.text(one.misfire_window)}"),
        ("jitter", duration.text(one.jitter) if one.jitter else ""),
        ("next", date(one.next_fire)),
        ("last run", one.last_run or ""),
        ("managed by", one.managed_by),
        ("created", date(one.creation_date)),
        ("changed", date(one.update_date)),
    ]


@schedule.command(
    epilog='Example: orchestra schedule put website/nightly --job build --expression "30 2 * * *" '
    "--time-zone Europe/Paris -p branch=main"
)
@click.argument("name", metavar="PROJECT/SCHEDULE", type=ScheduleName())
@with_fields
@with_output
@with_client
def put(
    client: "Client", /, *, name: Path, file: str | None, parameters: tuple[str, ...], output: str, **given: str | None
) -> None:
    """Create or replace a schedule; a field that you do not name gets its default."""
    after = client.put_schedule(*name, **_content(_fields(file, parameters, given)))
    _say(after, "is stored", output)


@schedule.command(epilog='Example: orchestra schedule change website/nightly --expression "0 3 * * *"')
@click.argument("name", metavar="PROJECT/SCHEDULE", type=ScheduleName())
@with_fields
@with_output
@with_client
def change(
    client: "Client", /, *, name: Path, file: str | None, parameters: tuple[str, ...], output: str, **given: str | None
) -> None:
    """Change a schedule; what you do not name stays, parameters included."""
    changes = _fields(file, parameters, given)
    if not changes:
        raise click.UsageError("name what to change, such as --expression CRON")
    before = client.schedule(*name)
    if "parameters" in changes:
        changes["parameters"] = {**before.parameters, **changes["parameters"]}
    after = client.change_schedule(*name, if_match=before, **_content(changes))
    _say(after, "is changed" if after.update_date != before.update_date else "does not differ", output)


def _content(value: dict[str, Any]) -> Any:
    """Fields for the client; the server knows best what does not fit, and tells all of it."""
    return value


@schedule.command(epilog="Example: orchestra schedule delete website/nightly")
@click.argument("name", metavar="PROJECT/SCHEDULE", type=ScheduleName())
@with_yes
@with_client
def delete(client: "Client", name: Path, yes: bool) -> None:
    """Delete a schedule; the runs that it triggered stay."""
    confirm(f"Delete the schedule {'/'.join(name)}?", yes=yes)
    client.delete_schedule(*name)
    click.echo(f"{'/'.join(name)} is deleted")


@schedule.command(epilog="Example: orchestra schedule enable website/nightly")
@click.argument("name", metavar="PROJECT/SCHEDULE", type=ScheduleName())
@with_output
@with_client
def enable(client: "Client", name: Path, output: str) -> None:
    """Let the schedule trigger runs again."""
    _say(client.change_schedule(*name, is_enabled=True), "is enabled", output)


@schedule.command(epilog="Example: orchestra schedule disable website/nightly")
@click.argument("name", metavar="PROJECT/SCHEDULE", type=ScheduleName())
@with_output
@with_client
def disable(client: "Client", name: Path, output: str) -> None:
    """Let the schedule trigger nothing; what passes is recorded as disabled."""
    _say(client.change_schedule(*name, is_enabled=False), "is disabled; it triggers nothing", output)


def _say(found: "Schedule", said: str, output: str) -> None:
    if output == "json":
        print_json(found)
    else:
        click.echo(f"{found.project}/{found.identifier} {said}")
