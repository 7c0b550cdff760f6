"""`orchestra schedule forecast`: the load that schedules will bring, day by day and hour by hour."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Final

import click

from orchestra.cli.connection import with_client
from orchestra.cli.names import ProjectName
from orchestra.cli.output import print_json, print_table, with_output

if TYPE_CHECKING:
    from orchestra.client import Client
    from orchestra.client.answers import Forecast, ForecastHour

_BARS: Final = " ▁▂▃▄▅▆▇█"
_HOUR_S: Final = 3600


@click.command(epilog="Example: orchestra schedule forecast --days 3")
@click.argument("project_name", metavar="[PROJECT]", required=False, type=ProjectName())
@click.option("--days", type=click.IntRange(1, 14), default=7, show_default=True, help="How many days.")
@with_output
@with_client
def forecast(client: "Client", /, *, project_name: str | None, days: int, output: str) -> None:
    """Show the load that schedules will bring: firings, and slots that their runs are expected to take.

    A run is expected to take the median of its job's latest runs that succeeded. Days and hours are UTC;
    each mark is an hour, from none to all slots taken.
    """
    found = client.forecast(days=days, project=project_name)
    if output == "json":
        print_json(found)
        return
    most = max([found.slots or 0, *(one.busy_s / _HOUR_S for one in found.hours)])
    print_table(
        ("DAY (UTC)", "FIRINGS", "SLOT HOURS", "BUSIEST HOUR", "HOURS"),
        ((day, *_cells(list(hours), most)) for day, hours in _days(found)),
        empty="no hours",
    )
    for said in _remarks(found):
        click.echo(said)
    if found.heaviest:
        click.echo()
        print_table(
            ("SCHEDULE", "FIRINGS", "SLOT HOURS"),
            (
                (f"{one.project}/{one.schedule}", str(one.firings), f"{one.busy_s / _HOUR_S:.1f}")
                for one in found.heaviest
            ),
            empty="",
        )


def _days(found: "Forecast") -> Iterator[tuple[str, "Iterable[ForecastHour]"]]:
    return groupby(found.hours, key=lambda one: f"{one.date:%a %Y-%m-%d}")


def _cells(hours: "list[ForecastHour]", most: float) -> tuple[str, str, str, str]:
    busiest = max(hours, key=lambda one: one.busy_s)
    marks = "".join(_bar(one.busy_s / _HOUR_S / most if most else 0) for one in hours)
    return (
        str(sum(one.firings for one in hours)),
        f"{sum(one.busy_s for one in hours) / _HOUR_S:.1f}",
        f"{busiest.date:%H}:00, {busiest.busy_s / _HOUR_S:.1f} slots" if busiest.busy_s else "",
        # The first day begins with the present hour.
        f"{' ' * hours[0].date.hour}{marks}".rstrip(),
    )


def _bar(share: float) -> str:
    """A mark for a part of the slots; the least part is seen."""
    return _BARS[0] if share <= 0 else _BARS[max(1, min(8, round(share * 8)))]


def _remarks(found: "Forecast") -> Iterator[str]:
    many = [one for one in found.hours if found.slots is not None and one.busy_s > found.slots * _HOUR_S]
    if many:
        yield f"in {len(many)} hours runs need more than the {found.slots} slots that are connected now: they will wait"
    if found.without_duration:
        yield f"{found.without_duration} schedules count as firings alone: no run of their jobs has succeeded yet"
    if not found.is_complete:
        yield f"only the first {found.schedules} schedules are counted"
