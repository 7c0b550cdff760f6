"""Schedules: when to trigger which job. They are stored and checked; what fires them comes with the clock."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from litestar import delete, get, patch, put
from litestar.params import FromPath, JSONBody
from litestar.response import Response
from sqlalchemy import Connection

from orchestra.documents import time_zones
from orchestra.domain.access import Permission
from orchestra.domain.entries import ScheduleEntry
from orchestra.domain.errors import InvalidContent, NotFound, OrchestraError, Problem
from orchestra.domain.job import Parameter
from orchestra.domain.manifest import schedule_from
from orchestra.domain.project import MANAGED_BY_API
from orchestra.domain.schedule import Schedule
from orchestra.service import conditional, entities
from orchestra.service.authorization import needs, not_allowed
from orchestra.service.entities import Listing, ScheduleEntity
from orchestra.service.headers import IfMatch, IfNoneMatch
from orchestra.service.listing import Cursor, Limit, Order, show
from orchestra.service.outcome import settle
from orchestra.service.request import ApiRequest
from orchestra.service.routes.projects import managed
from orchestra.storage import hints, jobs, projects, schedules
from orchestra.storage.paging import Page

FIELDS: Final = ("display_name", "job", "parameters", "expression", "time_zone", "overlap", "misfire")


@get(
    "/projects/{project:str}/schedules",
    operation_id="listSchedules",
    tags=["schedules"],
    opt=needs(Permission.SCHEDULE_READ),
)
async def list_schedules(
    *, request: ApiRequest, project: FromPath[str], limit: Limit = 100, cursor: Cursor = None, order: Order = None
) -> Listing[ScheduleEntity]:
    """List the schedules of a project."""

    def read(rows: Connection) -> Page[Schedule]:
        if projects.get(rows, project) is None:
            raise NotFound(f"there is no project {project}")
        return schedules.page(rows, (project,), order, cursor, limit)

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
    return conditional.answer(entities.schedule(await _find(request, project, schedule)), if_none_match)


async def _find(request: ApiRequest, project: str, schedule: str) -> Schedule:
    found = await request.parts.database.read(lambda rows: schedules.get(rows, project, schedule))
    if found is None:
        raise NotFound(f"there is no schedule {project}/{schedule}")
    return found


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
    return await _save(request, await _checked(request, data, project, schedule), if_match)


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
    before = await _find(request, project, schedule)
    tag = conditional.tag(entities.schedule(before) if if_match is None else if_match)
    if data.keys() <= {"is_enabled"}:
        return await _enable(request, before, data, if_match)
    if not request.principal.can(Permission.SCHEDULE_UPDATE, project):
        raise not_allowed(request.principal, Permission.SCHEDULE_UPDATE)
    refused = managed(before.managed_by, f"the schedule {project}/{schedule}")
    if refused is not None:
        raise refused
    present = {name: getattr(before, name) for name in FIELDS}
    present |= {"misfire_window": before.misfire_window_s, "jitter": before.jitter_s}
    # What was read above must still hold when it is written, or a change of somebody else would be undone.
    return await _save(request, await _checked(request, present | data, project, schedule), tag)


async def _enable(
    request: ApiRequest, before: Schedule, data: Mapping[str, Any], if_match: str | None
) -> Response[ScheduleEntity]:
    is_enabled = data.get("is_enabled")
    if is_enabled is not None and not isinstance(is_enabled, bool):
        raise InvalidContent("the change does not fit", (Problem("is_enabled", "expected a boolean"),))
    now, actor = request.parts.clock.now(), request.principal.user

    def write(rows: Connection) -> Schedule | OrchestraError:
        present = schedules.get(rows, before.project, before.identifier)
        if present is None:
            return NotFound(f"there is no schedule {before.project}/{before.identifier}")
        refused = conditional.check(if_match, entities.schedule(present))
        if refused is not None or is_enabled is None:
            return refused or present
        return schedules.save(rows, replace(present, is_enabled=is_enabled), now, actor=actor)

    after = settle(await request.parts.database.write(write))
    request.parts.hints.publish(hints.EVENT)
    return conditional.answer(entities.schedule(after))


async def _checked(request: ApiRequest, content: Mapping[str, Any], project: str, schedule: str) -> ScheduleEntry:
    def read(rows: Connection) -> dict[str, tuple[Parameter, ...]]:
        if projects.get(rows, project) is None:
            raise NotFound(f"there is no project {project}")
        name = content.get("job")
        found = jobs.get(rows, project, name) if isinstance(name, str) else None
        return {} if found is None else {found.identifier: found.parameters}

    known = await request.parts.database.read(read)
    return await asyncio.to_thread(schedule_from, content, project, schedule, jobs=known, zones=time_zones)


async def _save(request: ApiRequest, wanted: ScheduleEntry, if_match: str | None) -> Response[ScheduleEntity]:
    now, actor = request.parts.clock.now(), request.principal.user

    def write(rows: Connection) -> tuple[Schedule | None, Schedule] | OrchestraError:
        if projects.get(rows, wanted.project) is None:
            return NotFound(f"there is no project {wanted.project}")
        before = schedules.get(rows, wanted.project, wanted.identifier)
        refused = conditional.check(if_match, None if before is None else entities.schedule(before))
        if refused is None and before is not None:
            refused = managed(before.managed_by, f"the schedule {before.project}/{before.identifier}")
        return refused or (before, schedules.save(rows, replace(wanted, managed_by=MANAGED_BY_API), now, actor=actor))

    before, after = settle(await request.parts.database.write(write))
    request.parts.hints.publish(hints.EVENT)
    return conditional.answer(entities.schedule(after), status=201 if before is None else 200)


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
    now, actor = request.parts.clock.now(), request.principal.user

    def write(rows: Connection) -> OrchestraError | None:
        before = schedules.get(rows, project, schedule)
        if before is None:
            return NotFound(f"there is no schedule {project}/{schedule}")
        refused = conditional.check(if_match, entities.schedule(before)) or managed(
            before.managed_by, f"the schedule {project}/{schedule}"
        )
        if refused is None:
            schedules.delete(rows, project, schedule, now, actor=actor)
        return refused

    settle(await request.parts.database.write(write))
    request.parts.hints.publish(hints.EVENT)


HANDLERS = [list_schedules, get_schedule, put_schedule, change_schedule, delete_schedule]
