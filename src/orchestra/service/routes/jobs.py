"""Jobs: what to execute. Changing what a job is takes an administrator, enabling and disabling it an operator."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from litestar import delete, get, patch, put
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import Response
from sqlalchemy import Connection

from orchestra.domain.access import Permission
from orchestra.domain.entries import JobEntry
from orchestra.domain.job import Job
from orchestra.domain.manifest import job_from
from orchestra.service import conditional, editing, entities
from orchestra.service.authorization import needs, not_allowed
from orchestra.service.editing import Kind
from orchestra.service.entities import JobEntity, Listing
from orchestra.service.headers import IfMatch, IfNoneMatch
from orchestra.service.listing import Cursor, IsEnabled, Limit, ManagedBy, Order, show
from orchestra.service.request import ApiRequest
from orchestra.service.routes.projects import PROJECT
from orchestra.storage import hints, jobs
from orchestra.storage.paging import Asked, Page

FIELDS: Final = ("display_name", "description", "group", "definition", "parameters", "properties", "policy")
JOB: Final[Kind[Job]] = Kind(
    name="job",
    get=jobs.get,
    save=jobs.save,
    delete=jobs.delete,
    set_enabled=jobs.set_enabled,
    show=entities.job,
    # Runs may be placeable now that waited for an enabled job or for other properties.
    wakes=(hints.EVENT, hints.PENDING),
)
Group = Annotated[str | None, QueryParameter(description="Only jobs of this group and of the groups below it.")]


@get("/projects/{project:str}/jobs", operation_id="listJobs", tags=["jobs"], opt=needs(Permission.JOB_READ))
async def list_jobs(
    *,
    request: ApiRequest,
    project: FromPath[str],
    group: Group = None,
    is_enabled: IsEnabled = None,
    managed_by: ManagedBy = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    order: Order = None,
) -> Listing[JobEntity]:
    """List the jobs of a project."""
    asked = Asked(order=order, cursor=cursor, limit=limit)

    def read(rows: Connection) -> Page[Job]:
        editing.need_project(rows, project)
        return jobs.page(rows, (project,), asked, group=group, is_enabled=is_enabled, managed_by=managed_by)

    return show(await request.parts.database.read(read), entities.job)


@get("/projects/{project:str}/jobs/{job:str}", operation_id="getJob", tags=["jobs"], opt=needs(Permission.JOB_READ))
async def get_job(
    request: ApiRequest, project: FromPath[str], job: FromPath[str], if_none_match: IfNoneMatch = None
) -> Response[JobEntity]:
    """Read one job."""
    found = await editing.find(request, JOB, project, job)
    return conditional.answer(entities.job(found), if_none_match)


@put("/projects/{project:str}/jobs/{job:str}", operation_id="putJob", tags=["jobs"], opt=needs(Permission.JOB_UPDATE))
async def put_job(
    request: ApiRequest,
    project: FromPath[str],
    job: FromPath[str],
    data: JSONBody[dict[str, Any]],
    if_match: IfMatch = None,
) -> Response[JobEntity]:
    """Create or replace a job; a field that is absent gets its default, but `is_enabled` keeps its value."""
    return await editing.save(request, JOB, (project, job), await _checked(request, data, project, job), if_match)


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
        return await editing.enable(request, JOB, (project, job), data, if_match)
    if not request.principal.can(Permission.JOB_UPDATE, project):
        raise not_allowed(request.principal, Permission.JOB_UPDATE)

    async def complete(before: Job) -> JobEntry:
        present = {name: msgspec.to_builtins(getattr(before, name)) for name in FIELDS}
        return await _checked(request, present | data, project, job)

    return await editing.change(request, JOB, (project, job), complete, if_match)


async def _checked(request: ApiRequest, content: Mapping[str, Any], project: str, job: str) -> JobEntry:
    services = (await editing.find(request, PROJECT, project)).services
    return await asyncio.to_thread(job_from, content, project, job, services=services)


@delete(
    "/projects/{project:str}/jobs/{job:str}", operation_id="deleteJob", tags=["jobs"], opt=needs(Permission.JOB_UPDATE)
)
async def delete_job(request: ApiRequest, project: FromPath[str], job: FromPath[str], if_match: IfMatch = None) -> None:
    """Delete a job; its ended runs and its revisions stay.

    409 while it has runs that have not ended or schedules trigger it; the answer names them.
    """
    await editing.remove(request, JOB, (project, job), if_match)


HANDLERS = [list_jobs, get_job, put_job, change_job, delete_job]
