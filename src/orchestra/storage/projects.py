"""Projects: spaces for jobs, schedules and runs."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Protocol

from sqlalchemy import Connection, insert
from sqlalchemy import delete as delete_from

from orchestra.domain.errors import Conflict, NotFound
from orchestra.domain.project import Project
from orchestra.storage import events, obstacles, schema
from orchestra.storage.event_type import EventType
from orchestra.storage.events import Event
from orchestra.storage.paging import FROM_THE_BEGINNING, Asked, Order, Page, equal, read_page, within
from orchestra.storage.rows import Shape, changed

_PROJECT: Final = schema.project
_SHAPE: Final = Shape(_PROJECT, Project, "identifier")
_ORDER: Final = Order(
    {name: _PROJECT.c[name] for name in ("identifier", "display_name", "managed_by", "creation_date", "update_date")},
    "identifier",
    _PROJECT.c.identifier,
)
_FIELDS: Final = ("display_name", "description", "services", "managed_by")


class ProjectValues(Protocol):
    """What a project is to be: a `Project`, or what a configuration file says of one."""

    @property
    def identifier(self) -> str: ...
    @property
    def display_name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def services(self) -> Mapping[str, Any]: ...
    @property
    def managed_by(self) -> str: ...


def get(connection: Connection, identifier: str) -> Project | None:
    """Return the project, None if there is none."""
    return _SHAPE.get(connection, identifier)


def page(
    connection: Connection,
    projects: Iterable[str] | None = None,
    asked: Asked = FROM_THE_BEGINNING,
    *,
    managed_by: str | None = None,
) -> Page[Project]:
    """Return a part of the list; `projects` are those that the caller may see (None: all).

    Raises InvalidContent for a bad order, cursor or limit.
    """
    seen = within(_PROJECT.c.identifier, projects)
    return read_page(connection, _SHAPE, _ORDER, asked, *seen, *equal({_PROJECT.c.managed_by: managed_by}))


def save(connection: Connection, wanted: ProjectValues, now: datetime, *, actor: str | None = None) -> Project:
    """Create or replace a project; writes nothing when nothing differs. Its dates are not taken from `wanted`."""
    values = {name: getattr(wanted, name) for name in _FIELDS}
    before = get(connection, wanted.identifier)
    if before is None:
        after = Project(identifier=wanted.identifier, **values, creation_date=now, update_date=now)
        connection.execute(insert(_PROJECT), _SHAPE.values(after))
        _happened(connection, EventType.PROJECT_CREATED, after.identifier, now, actor=actor, data={})
        return after
    names = changed(before, values)
    if not names:
        return before
    after = replace(before, **values, update_date=now)
    _SHAPE.store(connection, after)
    _happened(connection, EventType.PROJECT_UPDATED, after.identifier, now, actor=actor, data={"changed": names})
    return after


def delete(connection: Connection, identifier: str, now: datetime, *, actor: str | None = None) -> None:
    """Delete an empty project. Raises NotFound, and Conflict naming what is still in it."""
    if get(connection, identifier) is None:
        raise NotFound(f"there is no project {identifier}")
    found = obstacles.of_project(connection, identifier)
    if found:
        raise Conflict(obstacles.sentence(f"the project {identifier}", found))
    connection.execute(delete_from(_PROJECT).where(_PROJECT.c.identifier == identifier))
    _happened(connection, EventType.PROJECT_DELETED, identifier, now, actor=actor, data={})


def _happened(
    connection: Connection, type_: EventType, project: str, now: datetime, *, actor: str | None, data: dict[str, Any]
) -> None:
    events.append(connection, Event(date=now, type=type_, project=project, actor=actor, data=data))
