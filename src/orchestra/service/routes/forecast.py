"""The load to come: what all schedules will do in the next days, against the slots of workers."""

import asyncio
from datetime import datetime, timedelta
from typing import Annotated, Final

from litestar import get
from litestar.params import QueryParameter
from sqlalchemy import Connection

from orchestra.documents import zone_named
from orchestra.domain import cron
from orchestra.domain.access import Permission
from orchestra.domain.forecast import Forecast, ForecastSchedule, forecast
from orchestra.domain.schedule import Schedule
from orchestra.service.authorization import needs
from orchestra.service.entities import Date, Entity, date
from orchestra.service.request import ApiRequest
from orchestra.storage import run_durations, schedules, workers
from orchestra.storage.paging import LIMIT_HIGHEST, Asked

SCHEDULES: Final = 20_000
"""Most schedules that are looked at: a fifth of a millisecond each, in a thread."""
Days = Annotated[int, QueryParameter(ge=1, le=14, description="How many days, from this hour on.")]
OfProject = Annotated[str | None, QueryParameter(description="Only the schedules of this project.")]


class ForecastHourEntity(Entity, frozen=True):
    """An hour of UTC: firings, and the slot seconds that their runs and those begun before are expected to take."""

    date: Date
    firings: int
    busy_s: float


class HeavyEntity(Entity, frozen=True):
    """A schedule that takes much in the time that is forecast."""

    project: str
    schedule: str
    firings: int
    busy_s: float


class ForecastEntity(Entity, frozen=True):
    """What the enabled schedules that you may see will do. `slots` are those of connected, enabled workers now.

    `slots` is null for callers who may not see workers. Of `without_duration` schedules no run has succeeded
    yet: they count as firings alone. `is_complete` is false when there are more schedules than are looked at.
    """

    slots: int | None
    schedules: int
    without_duration: int
    is_complete: bool
    hours: list[ForecastHourEntity]
    heaviest: list[HeavyEntity]


@get(
    "/schedules/forecast",
    operation_id="forecastSchedules",
    tags=["schedules"],
    opt=needs(Permission.SCHEDULE_READ),
)
async def forecast_schedules(*, request: ApiRequest, days: Days = 7, project: OfProject = None) -> ForecastEntity:
    """Forecast the load of schedules, hour by hour; a run is expected to take the median of the job's latest ones."""
    principal = request.principal
    scope = principal.scope(Permission.SCHEDULE_READ)
    if project is not None:
        scope = frozenset({project}) if scope is None else scope & {project}
    begin = request.parts.clock.now().replace(minute=0, second=0, microsecond=0)

    def read(rows: Connection) -> tuple[list[Schedule], dict[tuple[str, str], float], int | None]:
        found = _enabled(rows, scope)
        usual = run_durations.usual_s_of_jobs(rows, ((one.project, one.job) for one in found[:SCHEDULES]), scope)
        return found, usual, _slots(rows) if principal.can(Permission.WORKER_READ) else None

    found, usual, slots = await request.parts.database.read(read)
    made = await asyncio.to_thread(_made, found[:SCHEDULES], usual, begin, days)
    return ForecastEntity(
        slots=slots,
        schedules=len(found[:SCHEDULES]),
        without_duration=made.without_duration,
        is_complete=len(found) <= SCHEDULES,
        hours=[
            ForecastHourEntity(date=date(begin + timedelta(hours=hour)), firings=fired, busy_s=round(busy_s, 1))
            for hour, (fired, busy_s) in enumerate(zip(made.firings, made.busy_s, strict=True))
        ],
        heaviest=[
            HeavyEntity(
                project=one.name.partition("/")[0],
                schedule=one.name.partition("/")[2],
                firings=one.firings,
                busy_s=round(one.busy_s, 1),
            )
            for one in made.heaviest
        ],
    )


def _enabled(rows: Connection, scope: frozenset[str] | None) -> list[Schedule]:
    """Return the enabled schedules of these projects, one more than are looked at where there are more."""
    found: list[Schedule] = []
    cursor: str | None = None
    while len(found) <= SCHEDULES:
        page = schedules.page(rows, scope, Asked(cursor=cursor, limit=LIMIT_HIGHEST), is_enabled=True)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    return found


def _slots(rows: Connection) -> int:
    every = (one.worker for one in workers.slots(rows))
    return sum(one.concurrency for one in every if one.is_active and one.is_enabled)


def _made(found: list[Schedule], usual: dict[tuple[str, str], float], begin: datetime, days: int) -> Forecast:
    wanted = []
    for one in found:
        zone = zone_named(one.time_zone)
        # What this release or this machine no longer knows is told by what fires schedules; a forecast leaves it out.
        if not isinstance(zone, str) and not cron.problems(one.expression):
            wanted.append(
                ForecastSchedule(
                    name=f"{one.project}/{one.identifier}",
                    expression=one.expression,
                    zone=zone,
                    overlap=one.overlap,
                    usual_s=usual.get((one.project, one.job)),
                )
            )
    return forecast(wanted, begin, days * 24)


HANDLERS = [forecast_schedules]
