"""Jobs: what to execute. Changing what a job is takes an administrator, enabling and disabling it an operator."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec
from litestar import delete, get, patch, put
from litestar.params import FromPath, JSONBody
from litestar.response import Response
from sqlalchemy import Connection

from orchestra.domain.access import Permission
from orchestra.domain.entries import JobEntry
from orchestra.domain.errors import Conflict, InvalidContent, NotFound, OrchestraError, Problem
from orchestra.domain.job import Job
from orchestra.domain.manifest import job_from
from orchestra.domain.project import MANAGED_BY_API
from orchestra.service import conditional, entities
from orchestra.service.authorization import needs, not_allowed
from orchestra.service.entities import JobEntity, Listing
from orchestra.service.headers import IfMatch, IfNoneMatch
from orchestra.service.listing import Cursor, Limit, Order, show
from orchestra.service.outcome import settle
from orchestra.service.request import ApiRequest
from orchestra.service.routes.projects import find_project, managed
from orchestra.storage import hints, jobs, projects
from orchestra.storage.paging import Page

FIELDS: Final = ("display_name", "description", "group", "definition", "parameters", "properties", "policy")


@get("/projects/{project:str}/jobs", operation_id="listJobs", tags=["jobs"], opt=needs(Permission.JOB_READ))
async def list_jobs(
    *, request: ApiRequest, project: FromPath[str], limit: Limit = 100, cursor: Cursor = None, order: Order = None
) -> Listing[JobEntity]:
    """List the jobs of a project."""

    def read(rows: Connection) -> Page[Job]:
        if projects.get(rows, project) is None:
            raise NotFound(f"there is no project {project}")
        return jobs.page(rows, (project,), order, cursor, limit)

    return show(await request.parts.database.read(read), entities.job)


@get("/projects/{project:str}/jobs/{job:str}", operation_id="getJob", tags=["jobs"], opt=needs(Permission.JOB_READ))
async def get_job(
    request: ApiRequest, project: FromPath[str], job: FromPath[str], if_none_match: IfNoneMatch = None
) -> Response[JobEntity]:
    """Read one job."""
    found = await _find(request, project, job)
    return conditional.answer(entities.job(found), if_none_match)


async def _find(request: ApiRequest, project: str, job: str) -> Job:
    found = await request.parts.database.read(lambda rows: jobs.get(rows, project, job))
    if found is None:
        raise NotFound(f"there is no job {project}/{job}")
    return found


@put("/projects/{project:str}/jobs/{job:str}", operation_id="putJob", tags=["jobs"], opt=needs(Permission.JOB_UPDATE))
async def put_job(
    request: ApiRequest,
    project: FromPath[str],
    job: FromPath[str],
    data: JSONBody[dict[str, Any]],
    if_match: IfMatch = None,
) -> Response[JobEntity]:
    """Create or replace a job; a field that is absent gets its default, but `is_enabled` keeps its value."""
    return await _save(request, await _checked(request, data, project, job), if_match)


@patch(
    "/projects/{project:str}/jobs/{job:str}", operation_id="changeJob", tags=["jobs"], opt=needs(Permission.JOB_ENABLE)
)
async def change_job(
    request: ApiRequest,
    project: FromPath[str],
    job: FromPath[str],
    data: JSONBody[dict[str, Any]],
    if_match: IfMatch = None,
) -> Response[JobEntity]:
    """Change the named fields of a job; the others stay.

    `is_enabled` alone may be changed by operators, and of jobs that configuration files own.
    """
    if data.keys() <= {"is_enabled"}:
        return await _enable(request, project, job, data, if_match)
    if not request.principal.can(Permission.JOB_UPDATE, project):
        raise not_allowed(request.principal, Permission.JOB_UPDATE)
    before = await _find(request, project, job)
    refused = managed(before.managed_by, f"the job {project}/{job}")
    if refused is not None:
        raise refused
    present = {name: msgspec.to_builtins(getattr(before, name)) for name in FIELDS}
    wanted = await _checked(request, present | data, project, job)
    # What was read above must still hold when it is written, or a change of somebody else would be undone.
    return await _save(request, wanted, conditional.tag(entities.job(before)) if if_match is None else if_match)


async def _checked(request: ApiRequest, content: Mapping[str, Any], project: str, job: str) -> JobEntry:
    services = (await find_project(request, project)).services
    return await asyncio.to_thread(job_from, content, project, job, services=services)


async def _save(request: ApiRequest, wanted: JobEntry, if_match: str | None) -> Response[JobEntity]:
    now, actor = request.parts.clock.now(), request.principal.user

    def write(rows: Connection) -> tuple[Job | None, Job] | OrchestraError:
        if projects.get(rows, wanted.project) is None:
            return NotFound(f"there is no project {wanted.project}")
        before = jobs.get(rows, wanted.project, wanted.identifier)
        refused = conditional.check(if_match, None if before is None else entities.job(before))
        if refused is None and before is not None:
            refused = managed(before.managed_by, f"the job {before.project}/{before.identifier}")
        return refused or (before, jobs.save(rows, replace(wanted, managed_by=MANAGED_BY_API), now, actor=actor))

    before, after = settle(await request.parts.database.write(write))
    _tell(request)
    return conditional.answer(entities.job(after), status=201 if before is None else 200)


async def _enable(
    request: ApiRequest, project: str, job: str, data: Mapping[str, Any], if_match: str | None
) -> Response[JobEntity]:
    now, actor, is_enabled = request.parts.clock.now(), request.principal.user, data.get("is_enabled")
    if is_enabled is not None and not isinstance(is_enabled, bool):
        raise InvalidContent("the change does not fit", (Problem("is_enabled", "expected a boolean"),))

    def write(rows: Connection) -> Job | OrchestraError:
        before = jobs.get(rows, project, job)
        if before is None:
            return NotFound(f"there is no job {project}/{job}")
        refused = conditional.check(if_match, entities.job(before))
        if refused is not None:
            return refused
        if is_enabled is None:
            return before
        return jobs.set_enabled(rows, project, job, is_enabled, now, actor=actor)

    after = settle(await request.parts.database.write(write))
    _tell(request)
    return conditional.answer(entities.job(after))


@delete(
    "/projects/{project:str}/jobs/{job:str}", operation_id="deleteJob", tags=["jobs"], opt=needs(Permission.JOB_UPDATE)
)
async def delete_job(request: ApiRequest, project: FromPath[str], job: FromPath[str], if_match: IfMatch = None) -> None:
    """Delete a job without runs. 409 while it has some; disable it instead."""
    now, actor = request.parts.clock.now(), request.principal.user

    def write(rows: Connection) -> OrchestraError | None:
        before = jobs.get(rows, project, job)
        if before is None:
            return NotFound(f"there is no job {project}/{job}")
        refused = conditional.check(if_match, entities.job(before)) or managed(
            before.managed_by, f"the job {project}/{job}"
        )
        if refused is not None:
            return refused
        try:
            jobs.delete(rows, project, job, now, actor=actor)
        except Conflict as error:
            return error
        return None

    settle(await request.parts.database.write(write))
    _tell(request)


def _tell(request: ApiRequest) -> None:
    """Runs may be placeable now that waited for an enabled job or for other properties."""
    request.parts.hints.publish(hints.EVENT)
    request.parts.hints.publish(hints.PENDING)


HANDLERS = [list_jobs, get_job, put_job, change_job, delete_job]
