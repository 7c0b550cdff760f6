"""Schedules: when to trigger which job. They are stored and checked; what fires them comes with the clock."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from litestar import delete, get, patch, put
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import Response
from sqlalchemy import Connection

from orchestra.documents import time_zones
from orchestra.domain.access import Permission
from orchestra.domain.entries import ScheduleEntry
from orchestra.domain.job import Parameter
from orchestra.domain.manifest import schedule_from
from orchestra.domain.schedule import Schedule
from orchestra.service import conditional, editing, entities
from orchestra.service.authorization import needs, not_allowed
from orchestra.service.editing import Kind
from orchestra.service.entities import Listing, ScheduleEntity
from orchestra.service.headers import IfMatch, IfNoneMatch
from orchestra.service.listing import Cursor, IsEnabled, Limit, ManagedBy, Order, show
from orchestra.service.request import ApiRequest
from orchestra.storage import hints, jobs, schedules
from orchestra.storage.paging import Asked, Page

FIELDS: Final = ("display_name", "job", "parameters", "expression", "time_zone", "overlap", "misfire")


def _save(rows: Connection, wanted: ScheduleEntry, now: datetime, *, actor: str | None) -> Schedule:
    after = schedules.save(rows, wanted, now, actor=actor)
    schedules.check_quota(rows, (wanted.project,))
    return after


SCHEDULE: Final[Kind[Schedule]] = Kind(
    name="schedule",
    get=schedules.get,
    save=_save,
    delete=schedules.delete,
    set_enabled=schedules.set_enabled,
    show=entities.schedule,
    wakes=(hints.EVENT,),
)
OfJob = Annotated[str | None, QueryParameter(description="Only schedules that trigger this job.")]


@get(
    "/projects/{project:str}/schedules",
    operation_id="listSchedules",
    tags=["schedules"],
    opt=needs(Permission.SCHEDULE_READ),
)
async def list_schedules(
    *,
    request: ApiRequest,
    project: FromPath[str],
    job: OfJob = None,
    is_enabled: IsEnabled = None,
    managed_by: ManagedBy = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    order: Order = None,
) -> Listing[ScheduleEntity]:
    """List the schedules of a project."""
    asked = Asked(order=order, cursor=cursor, limit=limit)

    def read(rows: Connection) -> Page[Schedule]:
        editing.need_project(rows, project)
        return schedules.page(rows, (project,), asked, job=job, is_enabled=is_enabled, managed_by=managed_by)

    return show(await request.parts.database.read(read), entities.schedule)


@get(
    "/projects/{project:str}/schedules/{schedule:str}",
    operation_id="getSchedule",
    tags=["schedules"],
    opt=needs(Permission.SCHEDULE_READ),
)
async def get_schedule(
    request: ApiRequest, project: FromPath[str], schedule: FromPath[str], if_none_match: IfNoneMatch = None
) -> Response[ScheduleEntity]:
    """Read one schedule."""
    found = await editing.find(request, SCHEDULE, project, schedule)
    return conditional.answer(entities.schedule(found), if_none_match)


@put(
    "/projects/{project:str}/schedules/{schedule:str}",
    operation_id="putSchedule",
    tags=["schedules"],
    opt=needs(Permission.SCHEDULE_UPDATE),
)
async def put_schedule(
    request: ApiRequest,
    project: FromPath[str],
    schedule: FromPath[str],
    data: JSONBody[dict[str, Any]],
    if_match: IfMatch = None,
) -> Response[ScheduleEntity]:
    """Create or replace a schedule; a field that is absent gets its default, but `is_enabled` keeps its value."""
    wanted = await _checked(request, data, project, schedule)
    return await editing.save(request, SCHEDULE, (project, schedule), wanted, if_match)


@patch(
    "/projects/{project:str}/schedules/{schedule:str}",
    operation_id="changeSchedule",
    tags=["schedules"],
    opt=needs(Permission.SCHEDULE_ENABLE),
)
async def change_schedule(
    request: ApiRequest,
    project: FromPath[str],
    schedule: FromPath[str],
    data: JSONBody[dict[str, Any]],
    if_match: IfMatch = None,
) -> Response[ScheduleEntity]:
    """Change the named fields of a schedule; the others stay.

    `is_enabled` alone may be changed by operators, and of schedules that configuration files own.
    """
    if data.keys() <= {"is_enabled"}:
        return await editing.enable(request, SCHEDULE, (project, schedule), data, if_match)
    if not request.principal.can(Permission.SCHEDULE_UPDATE, project):
        raise not_allowed(request.principal, Permission.SCHEDULE_UPDATE)

    async def complete(before: Schedule) -> ScheduleEntry:
        present = {name: getattr(before, name) for name in FIELDS}
        present |= {"misfire_window": before.misfire_window_s, "jitter": before.jitter_s}
        return await _checked(request, present | data, project, schedule)

    return await editing.change(request, SCHEDULE, (project, schedule), complete, if_match)


async def _checked(request: ApiRequest, content: Mapping[str, Any], project: str, schedule: str) -> ScheduleEntry:
    def read(rows: Connection) -> dict[str, tuple[Parameter, ...]]:
        editing.need_project(rows, project)
        name = content.get("job")
        found = jobs.get(rows, project, name) if isinstance(name, str) else None
        return {} if found is None else {found.identifier: found.parameters}

    known = await request.parts.database.read(read)
    return await asyncio.to_thread(schedule_from, content, project, schedule, jobs=known, zones=time_zones)


@delete(
    "/projects/{project:str}/schedules/{schedule:str}",
    operation_id="deleteSchedule",
    tags=["schedules"],
    opt=needs(Permission.SCHEDULE_UPDATE),
)
async def delete_schedule(
    request: ApiRequest, project: FromPath[str], schedule: FromPath[str], if_match: IfMatch = None
) -> None:
    """Delete a schedule; the runs that it triggered stay."""
    await editing.remove(request, SCHEDULE, (project, schedule), if_match)


HANDLERS = [list_schedules, get_schedule, put_schedule, change_schedule, delete_schedule]
