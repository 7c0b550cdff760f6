"""`orchestra schedule preview`: when a schedule fires next, or an expression would; the latter without a server."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from orchestra.cli.connection import connection_options, with_client
from orchestra.cli.names import ScheduleName
from orchestra.cli.output import bold, print_json, print_table, with_output
from orchestra.cli.values import NEVER, Moment

if TYPE_CHECKING:
    from orchestra.client import Client
    from orchestra.client.answers import Preview, PreviewItem


class ScheduleOrExpression(ScheduleName):
    """PROJECT/SCHEDULE, read into its two parts, or a cron expression: what has spaces, or begins with @."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and (len(value.split()) > 1 or value.startswith("@")):
            return value
        return super().convert(value, param, ctx)


@click.command(epilog='Example: orchestra schedule preview "30 2 * * 5L" --time-zone Europe/Paris --count 5')
@click.argument("what", metavar="PROJECT/SCHEDULE|EXPRESSION", type=ScheduleOrExpression())
@click.option("--time-zone", metavar="ZONE", help="The zone of an expression, such as Europe/Paris. [default: UTC]")
@click.option(
    "--count", metavar="N", type=click.IntRange(1, 1000), default=10, show_default=True, help="So many firings."
)
@click.option("--after", metavar="DATE", type=Moment(), help="Only firings after it. [default: now]")
@click.option("--name", metavar="PROJECT/SCHEDULE", help="The name from which H draws in an expression.")
@with_output
@connection_options
def preview(
    *,
    what: tuple[str, str] | str,
    time_zone: str | None,
    count: int,
    after: datetime | str | None,
    name: str | None,
    output: str,
    server: str | None,
    token: str | None,
) -> None:
    """Show when a schedule fires next, or a cron expression would (that needs no server)."""
    if isinstance(after, str):
        raise click.UsageError(f"--after {NEVER} leaves no firing")
    if isinstance(what, str):
        found = _computed(what, time_zone or "UTC", count, after, name or "")
    elif time_zone is not None or name is not None:
        raise click.UsageError("a schedule has its own time zone and name: --time-zone and --name are for expressions")
    else:
        asked: Callable[..., Preview] = with_client(_asked)
        found = asked(what, count, after, server=server, token=token)
    if output == "json":
        print_json(found)
    else:
        _print(found)


def _asked(client: "Client", what: tuple[str, str], count: int, after: datetime | None) -> "Preview":
    return client.preview_schedule(*what, count=count, after=after)


def _computed(expression: str, time_zone: str, count: int, after: datetime | None, name: str) -> "Preview":
    """What the server would answer, computed here."""
    # Imported here: completion reads this file at each press of a key.
    from orchestra.client import answers  # noqa: PLC0415
    from orchestra.client.entities import Cause  # noqa: PLC0415
    from orchestra.documents import zone_named  # noqa: PLC0415
    from orchestra.domain import cron  # noqa: PLC0415
    from orchestra.domain import preview as previews  # noqa: PLC0415

    wrong = [f"expression: {one}" for one in cron.problems(expression)]
    zone = zone_named(time_zone)
    if isinstance(zone, str):
        wrong.append(zone)
    if wrong or isinstance(zone, str):
        raise click.UsageError("\n".join(wrong))
    found = previews.preview(expression, zone, after or datetime.now(UTC), identity=name, count=count)

    def shown(items: Iterable[previews.PreviewItem]) -> "tuple[PreviewItem, ...]":
        return tuple(
            answers.PreviewItem(
                fire_date=one.fire_date,
                local_date=one.local_date.isoformat(timespec="seconds"),
                local_times=one.local_times,
                note=one.note,
            )
            for one in items
        )

    return answers.Preview(
        expression=found.expression,
        time_zone=found.time_zone,
        text=found.text,
        items=shown(found.items),
        changes=tuple(
            answers.ClockChange(date=one.date, text=one.text, count=one.count, items=shown(one.items))
            for one in found.changes
        ),
        warnings=tuple(Cause(code=one.code, message=one.message) for one in found.warnings),
    )


def _print(found: "Preview") -> None:
    click.echo(f"{bold(found.text)}, {found.time_zone}")
    for one in found.warnings:
        click.echo(f"{click.style('warning', fg='yellow')}: {one.message}")
    click.echo()
    _print_items(found.items, found.time_zone)
    for change in found.changes:
        click.echo(f"\n{change.text}; it fires {_times(change.count)} on that day")
        if change.count:
            _print_items(change.items, found.time_zone)
        if change.count > len(change.items):
            click.echo(f"… and {_times(change.count - len(change.items))} more")


def _times(count: int) -> str:
    return {0: "not at all", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _print_items(items: "Iterable[PreviewItem]", time_zone: str) -> None:
    print_table(
        (time_zone, "YOUR TIME", "NOTE"),
        (
            (
                f"{datetime.fromisoformat(one.local_date):%a %Y-%m-%d %H:%M %z}",
                f"{one.fire_date.astimezone():%a %Y-%m-%d %H:%M %Z}",
                one.note or "",
            )
            for one in items
        ),
        empty="it never fires",
    )
