"""Projects: spaces for jobs, schedules and runs."""

import asyncio
from typing import Any, Final

from litestar import delete, get, patch, put
from litestar.params import FromPath, JSONBody
from litestar.response import Response

from orchestra.domain.access import Permission
from orchestra.domain.entries import ProjectEntry
from orchestra.domain.manifest import project_from
from orchestra.domain.project import Project
from orchestra.service import conditional, editing, entities
from orchestra.service.authorization import needs
from orchestra.service.editing import Kind
from orchestra.service.entities import Listing, ProjectEntity
from orchestra.service.headers import IfMatch, IfNoneMatch
from orchestra.service.listing import Cursor, Limit, ManagedBy, Order, show
from orchestra.service.request import ApiRequest
from orchestra.storage import hints, projects
from orchestra.storage.paging import Asked

PROJECT: Final[Kind[Project]] = Kind(
    name="project",
    get=projects.get,
    save=projects.save,
    delete=projects.delete,
    show=entities.project,
    wakes=(hints.EVENT,),
)


@get("/projects", operation_id="listProjects", tags=["projects"], opt=needs(Permission.PROJECT_READ))
async def list_projects(
    *,
    request: ApiRequest,
    managed_by: ManagedBy = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    order: Order = None,
) -> Listing[ProjectEntity]:
    """List the projects that you may see."""
    seen = request.principal.scope(Permission.PROJECT_READ)
    asked = Asked(order=order, cursor=cursor, limit=limit)
    page = await request.parts.database.read(lambda rows: projects.page(rows, seen, asked, managed_by=managed_by))
    return show(page, entities.project)


@get("/projects/{project:str}", operation_id="getProject", tags=["projects"], opt=needs(Permission.PROJECT_READ))
async def get_project(
    request: ApiRequest, project: FromPath[str], if_none_match: IfNoneMatch = None
) -> Response[ProjectEntity]:
    """Read one project."""
    found = await editing.find(request, PROJECT, project)
    return conditional.answer(entities.project(found), if_none_match)


@put("/projects/{project:str}", operation_id="putProject", tags=["projects"], opt=needs(Permission.PROJECT_UPDATE))
async def put_project(
    request: ApiRequest, project: FromPath[str], data: JSONBody[dict[str, Any]], if_match: IfMatch = None
) -> Response[ProjectEntity]:
    """Create or replace a project; a field that is absent gets its default."""
    wanted = await asyncio.to_thread(project_from, data, project)
    return await editing.save(request, PROJECT, (project,), wanted, if_match)


@patch("/projects/{project:str}", operation_id="changeProject", tags=["projects"], opt=needs(Permission.PROJECT_UPDATE))
async def change_project(
    request: ApiRequest, project: FromPath[str], data: JSONBody[dict[str, Any]], if_match: IfMatch = None
) -> Response[ProjectEntity]:
    """Change the named fields of a project; the others stay."""

    async def complete(before: Project) -> ProjectEntry:
        present = {name: getattr(before, name) for name in ("display_name", "description", "services")}
        return await asyncio.to_thread(project_from, present | data, project)

    return await editing.change(request, PROJECT, (project,), complete, if_match)


@delete(
    "/projects/{project:str}", operation_id="deleteProject", tags=["projects"], opt=needs(Permission.PROJECT_UPDATE)
)
async def delete_project(request: ApiRequest, project: FromPath[str], if_match: IfMatch = None) -> None:
    """Delete an empty project. 409 while it has jobs, schedules or runs, which the answer names."""
    await editing.remove(request, PROJECT, (project,), if_match)


HANDLERS = [list_projects, get_project, put_project, change_project, delete_project]
