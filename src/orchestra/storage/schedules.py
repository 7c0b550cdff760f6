"""Schedules as they are written; what fires them comes with the clock."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Protocol

from sqlalchemy import Connection, func, insert, select
from sqlalchemy import delete as delete_from

from orchestra.domain.errors import Conflict, NotFound
from orchestra.domain.schedule import Schedule
from orchestra.storage import events, schema
from orchestra.storage.event_type import EventType
from orchestra.storage.events import Event
from orchestra.storage.paging import FROM_THE_BEGINNING, Asked, Order, Page, equal, read_page, within
from orchestra.storage.rows import Shape, changed

_SCHEDULE: Final = schema.schedule
_SHAPE: Final = Shape(_SCHEDULE, Schedule, "project", "identifier")
_ORDER: Final = Order(
    {
        name: _SCHEDULE.c[name]
        for name in (
            "identifier",
            "project",
            "display_name",
            "job",
            "time_zone",
            "next_fire",
            "managed_by",
            "is_enabled",
            "creation_date",
            "update_date",
        )
    },
    "identifier",
    _SCHEDULE.c.project,
    _SCHEDULE.c.identifier,
)
_FIELDS: Final = (
    "display_name",
    "job",
    "parameters",
    "expression",
    "time_zone",
    "overlap",
    "misfire",
    "misfire_window_s",
    "jitter_s",
    "managed_by",
)


PER_PROJECT: Final = 20_000
"""Most schedules of a project: with a firing each minute they are what one server still keeps up with."""


class ScheduleValues(Protocol):
    """What a schedule is to be: a `Schedule`, or what a configuration file says (`is_enabled` None: not managed)."""

    @property
    def project(self) -> str: ...
    @property
    def identifier(self) -> str: ...
    @property
    def display_name(self) -> str: ...
    @property
    def job(self) -> str: ...
    @property
    def parameters(self) -> Mapping[str, Any]: ...
    @property
    def expression(self) -> str: ...
    @property
    def time_zone(self) -> str: ...
    @property
    def overlap(self) -> str: ...
    @property
    def misfire(self) -> str: ...
    @property
    def misfire_window_s(self) -> float: ...
    @property
    def jitter_s(self) -> float: ...
    @property
    def managed_by(self) -> str: ...
    @property
    def is_enabled(self) -> bool | None: ...


def get(connection: Connection, project: str, identifier: str) -> Schedule | None:
    """Return the schedule, None if there is none."""
    return _SHAPE.get(connection, project, identifier)


def page(
    connection: Connection,
    projects: Iterable[str] | None = None,
    asked: Asked = FROM_THE_BEGINNING,
    *,
    job: str | None = None,
    is_enabled: bool | None = None,
    managed_by: str | None = None,
) -> Page[Schedule]:
    """Return a part of the list of the schedules of `projects`: one, or those that the caller may see (None: all).

    Raises InvalidContent for a bad order, cursor or limit.
    """
    wanted = {_SCHEDULE.c.job: job, _SCHEDULE.c.is_enabled: is_enabled, _SCHEDULE.c.managed_by: managed_by}
    return read_page(connection, _SHAPE, _ORDER, asked, *within(_SCHEDULE.c.project, projects), *equal(wanted))


def save(connection: Connection, wanted: ScheduleValues, now: datetime, *, actor: str | None = None) -> Schedule:
    """Create or replace a schedule; writes nothing when nothing differs.

    Dates, `last_run` and `next_fire` are not taken from `wanted`; `is_enabled` None keeps what is. A changed
    expression or time zone clears `next_fire`. Raises NotFound when the project does not exist.
    """
    values = {name: getattr(wanted, name) for name in _FIELDS}
    before = get(connection, wanted.project, wanted.identifier)
    if before is None:
        return _create(connection, wanted, values, now, actor)
    if wanted.is_enabled is not None:
        values["is_enabled"] = wanted.is_enabled
    names = changed(before, values)
    if not names:
        return before
    after = replace(before, **values, update_date=now)
    if "expression" in names or "time_zone" in names:
        after = replace(after, next_fire=None)
    _SHAPE.store(connection, after)
    _happened(connection, EventType.SCHEDULE_UPDATED, after, now, actor=actor, data={"changed": names})
    return after


def set_enabled(
    connection: Connection, project: str, identifier: str, is_enabled: bool, now: datetime, *, actor: str | None = None
) -> Schedule:
    """Enable or disable a schedule; writes nothing when it is so already. Raises NotFound."""
    before = get(connection, project, identifier)
    if before is None:
        raise NotFound(f"there is no schedule {project}/{identifier}")
    return save(connection, replace(before, is_enabled=is_enabled), now, actor=actor)


def check_quota(connection: Connection, projects: Iterable[str]) -> None:
    """Raise Conflict, inside the transaction that created schedules, when one of the projects has too many now."""
    for project in sorted(projects):
        mine = select(_SCHEDULE.c.identifier).where(_SCHEDULE.c.project == project).limit(PER_PROJECT + 1)
        if connection.execute(select(func.count()).select_from(mine.subquery())).scalar_one() > PER_PROJECT:
            raise Conflict(f"the project {project} may have {PER_PROJECT} schedules; delete some first")


def delete(connection: Connection, project: str, identifier: str, now: datetime, *, actor: str | None = None) -> None:
    """Delete a schedule; the runs that it triggered stay. Raises NotFound."""
    before = get(connection, project, identifier)
    if before is None:
        raise NotFound(f"there is no schedule {project}/{identifier}")
    connection.execute(
        delete_from(_SCHEDULE).where(_SCHEDULE.c.project == project, _SCHEDULE.c.identifier == identifier)
    )
    _happened(connection, EventType.SCHEDULE_DELETED, before, now, actor=actor, data={})


def _create(
    connection: Connection, wanted: ScheduleValues, values: dict[str, Any], now: datetime, actor: str | None
) -> Schedule:
    project = wanted.project
    found = connection.execute(select(schema.project.c.identifier).where(schema.project.c.identifier == project))
    if found.first() is None:
        raise NotFound(f"there is no project {project}")
    after = Schedule(
        project=project,
        identifier=wanted.identifier,
        **values,
        is_enabled=wanted.is_enabled is not False,
        creation_date=now,
        update_date=now,
    )
    connection.execute(insert(_SCHEDULE), _SHAPE.values(after))
    _happened(connection, EventType.SCHEDULE_CREATED, after, now, actor=actor, data={})
    return after


def _happened(
    connection: Connection,
    type_: EventType,
    schedule: Schedule,
    now: datetime,
    *,
    actor: str | None,
    data: dict[str, Any],
) -> None:
    happened = Event(
        date=now,
        type=type_,
        project=schedule.project,
        job=schedule.job,
        actor=actor,
        data={"schedule": schedule.identifier} | data,
    )
    events.append(connection, happened)
