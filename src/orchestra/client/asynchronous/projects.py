"""Projects."""

from collections.abc import AsyncIterator
from typing import Unpack

from orchestra.client.addresses import path
from orchestra.client.asynchronous.connection import AsyncConnection, version_header
from orchestra.client.contents import ProjectContent
from orchestra.client.entities import Project


class AsyncProjects(AsyncConnection):
    """Operations of projects."""

    def projects(
        self, *, managed_by: str | None = None, order: str | None = None, limit: int | None = None
    ) -> AsyncIterator[Project]:
        """The projects that the caller may see; `managed_by` a source of configuration files, `api` for people's."""
        return self._items(Project, "/projects", limit, {"managed_by": managed_by, "order": order})

    async def project(self, project: str) -> Project:
        """One project. Raises NotFound."""
        return await self._value(Project, "GET", path("projects", project))

    async def put_project(
        self, project: str, *, if_match: str | Project | None = None, **content: Unpack[ProjectContent]
    ) -> Project:
        """Create or replace a project. Raises InvalidContent, ManagedElsewhere, PreconditionFailed."""
        return await self._value(
            Project, "PUT", path("projects", project), body=content, headers=version_header(if_match)
        )

    async def change_project(
        self, project: str, *, if_match: str | Project | None = None, **changes: Unpack[ProjectContent]
    ) -> Project:
        """Change the named fields of a project. Raises as `put_project`, and NotFound."""
        return await self._value(
            Project, "PATCH", path("projects", project), body=changes, headers=version_header(if_match)
        )

    async def delete_project(self, project: str, *, if_match: str | Project | None = None) -> None:
        """Delete a project. Raises Conflict, naming what is in the way."""
        await self._request("DELETE", path("projects", project), headers=version_header(if_match))
