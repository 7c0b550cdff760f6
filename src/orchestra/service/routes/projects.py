"""Projects: spaces for jobs, schedules and runs."""

import asyncio
from dataclasses import replace
from typing import Any

from litestar import delete, get, patch, put
from litestar.params import FromPath, JSONBody
from litestar.response import Response
from sqlalchemy import Connection

from orchestra.domain.access import Permission
from orchestra.domain.entries import ProjectEntry
from orchestra.domain.errors import Conflict, ManagedElsewhere, NotFound, OrchestraError
from orchestra.domain.manifest import project_from
from orchestra.domain.project import MANAGED_BY_API, Project
from orchestra.service import conditional, entities
from orchestra.service.authorization import needs
from orchestra.service.entities import Listing, ProjectEntity
from orchestra.service.headers import IfMatch, IfNoneMatch
from orchestra.service.listing import Cursor, Limit, Order, show
from orchestra.service.outcome import settle
from orchestra.service.request import ApiRequest
from orchestra.storage import hints, projects


@get("/projects", operation_id="listProjects", tags=["projects"], opt=needs(Permission.PROJECT_READ))
async def list_projects(
    *, request: ApiRequest, limit: Limit = 100, cursor: Cursor = None, order: Order = None
) -> Listing[ProjectEntity]:
    """List the projects that you may see."""
    scope = request.principal.scope(Permission.PROJECT_READ)
    seen = None if scope is None else tuple(sorted(scope))
    page = await request.parts.database.read(lambda rows: projects.page(rows, seen, order, cursor, limit))
    return show(page, entities.project)


@get("/projects/{project:str}", operation_id="getProject", tags=["projects"], opt=needs(Permission.PROJECT_READ))
async def get_project(
    request: ApiRequest, project: FromPath[str], if_none_match: IfNoneMatch = None
) -> Response[ProjectEntity]:
    """Read one project."""
    found = await find_project(request, project)
    return conditional.answer(entities.project(found), if_none_match)


async def find_project(request: ApiRequest, project: str) -> Project:
    """Return the project. Raises NotFound."""
    found = await request.parts.database.read(lambda rows: projects.get(rows, project))
    if found is None:
        raise NotFound(f"there is no project {project}")
    return found


@put("/projects/{project:str}", operation_id="putProject", tags=["projects"], opt=needs(Permission.PROJECT_UPDATE))
async def put_project(
    request: ApiRequest, project: FromPath[str], data: JSONBody[dict[str, Any]], if_match: IfMatch = None
) -> Response[ProjectEntity]:
    """Create or replace a project; a field that is absent gets its default."""
    wanted = await asyncio.to_thread(project_from, data, project)
    return await _save(request, wanted, if_match)


@patch("/projects/{project:str}", operation_id="changeProject", tags=["projects"], opt=needs(Permission.PROJECT_UPDATE))
async def change_project(
    request: ApiRequest, project: FromPath[str], data: JSONBody[dict[str, Any]], if_match: IfMatch = None
) -> Response[ProjectEntity]:
    """Change the named fields of a project; the others stay."""
    before = await find_project(request, project)
    present = {name: getattr(before, name) for name in ("display_name", "description", "services")}
    wanted = await asyncio.to_thread(project_from, present | data, project)
    # What was read above must still hold when it is written, or a change of somebody else would be undone.
    return await _save(request, wanted, conditional.tag(entities.project(before)) if if_match is None else if_match)


async def _save(request: ApiRequest, wanted: ProjectEntry, if_match: str | None) -> Response[ProjectEntity]:
    now, actor = request.parts.clock.now(), request.principal.user

    def write(rows: Connection) -> tuple[Project | None, Project] | OrchestraError:
        before = projects.get(rows, wanted.identifier)
        refused = conditional.check(if_match, None if before is None else entities.project(before))
        if refused is None and before is not None:
            refused = managed(before.managed_by, f"the project {before.identifier}")
        return refused or (before, projects.save(rows, replace(wanted, managed_by=MANAGED_BY_API), now, actor=actor))

    before, after = settle(await request.parts.database.write(write))
    request.parts.hints.publish(hints.EVENT)
    return conditional.answer(entities.project(after), status=201 if before is None else 200)


@delete(
    "/projects/{project:str}", operation_id="deleteProject", tags=["projects"], opt=needs(Permission.PROJECT_UPDATE)
)
async def delete_project(request: ApiRequest, project: FromPath[str], if_match: IfMatch = None) -> None:
    """Delete an empty project. 409 while it has jobs, schedules or runs."""
    now, actor = request.parts.clock.now(), request.principal.user

    def write(rows: Connection) -> OrchestraError | None:
        before = projects.get(rows, project)
        if before is None:
            return NotFound(f"there is no project {project}")
        refused = conditional.check(if_match, entities.project(before)) or managed(
            before.managed_by, f"the project {project}"
        )
        if refused is not None:
            return refused
        try:
            projects.delete(rows, project, now, actor=actor)
        except Conflict as error:
            return error
        return None

    settle(await request.parts.database.write(write))
    request.parts.hints.publish(hints.EVENT)


def managed(by: str, what: str) -> ManagedElsewhere | None:
    """Return the refusal for an object that configuration files own."""
    if by == MANAGED_BY_API:
        return None
    return ManagedElsewhere(f"{what} belongs to the configuration files {by}; change it there and apply them")


HANDLERS = [list_projects, get_project, put_project, change_project, delete_project]
