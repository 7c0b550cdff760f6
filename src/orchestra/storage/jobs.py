"""Jobs: each change of what decides how their runs go is a new revision (`job_revisions`).

Numbers of revisions and of runs go on when a job is deleted and created again.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Protocol

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy import delete as delete_from

from orchestra.domain.errors import Conflict, NotFound
from orchestra.domain.job import Job, Parameter
from orchestra.storage import events, job_revisions, obstacles, schema
from orchestra.storage.event_type import EventType
from orchestra.storage.events import Event
from orchestra.storage.job_revisions import REVISED, JobRevision
from orchestra.storage.paging import LIMIT, Order, Page
from orchestra.storage.rows import Shape

_JOB: Final = schema.job
_COUNTER: Final = schema.job_counter
_FIELDS: Final = ("display_name", "description", *REVISED, "group", "managed_by")


class JobValues(Protocol):
    """What a job is to be: a `Job`, or what a configuration file says of one (`is_enabled` None: not managed)."""

    @property
    def project(self) -> str: ...
    @property
    def identifier(self) -> str: ...
    @property
    def display_name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def definition(self) -> Mapping[str, Any]: ...
    @property
    def parameters(self) -> tuple[Parameter, ...]: ...
    @property
    def properties(self) -> Mapping[str, Any]: ...
    @property
    def group(self) -> str: ...
    @property
    def policy(self) -> Mapping[str, Any]: ...
    @property
    def managed_by(self) -> str: ...
    @property
    def is_enabled(self) -> bool | None: ...


_SHAPE: Final = Shape(_JOB, Job, "project", "identifier")
_IS_IT: Final = (_JOB.c.project == bindparam("of_project"), _JOB.c.identifier == bindparam("of_identifier"))
_ONE: Final = _SHAPE.all.where(*_IS_IT)
_EVER: Final = select(_COUNTER.c.job).where(
    _COUNTER.c.project == bindparam("project"), _COUNTER.c.job == bindparam("job")
)
_ORDER: Final = Order(
    {
        name: _JOB.c[name]
        for name in ("identifier", "display_name", "group", "creation_date", "update_date", "is_enabled")
    },
    "identifier",
    _JOB.c.project,
    _JOB.c.identifier,
)


def get(connection: Connection, project: str, identifier: str) -> Job | None:
    """Return the job, None if there is none."""
    return _SHAPE.one(connection, _ONE, {"of_project": project, "of_identifier": identifier})


def page(
    connection: Connection,
    projects: tuple[str, ...] | None = None,
    order: str | None = None,
    cursor: str | None = None,
    limit: int = LIMIT,
) -> Page[Job]:
    """Return a part of the list of the jobs of `projects`: one, or those that the caller may see (None: all).

    Raises InvalidContent for a bad order, cursor or limit.
    """
    part = _ORDER.slice(order, cursor, limit)
    statement = _SHAPE.all if projects is None else _SHAPE.all.where(_JOB.c.project.in_(projects))
    return part.page(_SHAPE.many(connection.execute(part.of(statement))))


def save(connection: Connection, wanted: JobValues, now: datetime, *, actor: str | None = None) -> Job:
    """Create or replace a job; return it as it is now.

    Writes nothing when nothing differs; the revision grows only when definition, parameters, properties
    or policy differ. Dates and revision are not taken from `wanted`; `is_enabled` None keeps what is.
    Raises NotFound when the project does not exist.
    """
    values = {name: getattr(wanted, name) for name in _FIELDS}
    before = get(connection, wanted.project, wanted.identifier)
    if before is None:
        return _create(connection, wanted, values, now, actor)
    if wanted.is_enabled is not None:
        values["is_enabled"] = wanted.is_enabled
    changed = sorted(name for name, value in values.items() if value != getattr(before, name))
    if not changed:
        return before
    # What does not differ stays as it is stored, so that its text differs only where its value does.
    after = replace(before, **{name: values[name] for name in changed}, update_date=now)
    if not set(REVISED).isdisjoint(changed):
        after = replace(after, revision=_next_revision(connection, after.project, after.identifier))
        _store_revision(connection, after, now, actor)
    _store(connection, after)
    data = {"changed": changed, "revision": after.revision}
    _happened(connection, EventType.JOB_UPDATED, after.project, after.identifier, now, actor=actor, data=data)
    return after


def set_enabled(
    connection: Connection, project: str, identifier: str, is_enabled: bool, now: datetime, *, actor: str | None = None
) -> Job:
    """Enable or disable a job; writes nothing when it is so already. Raises NotFound."""
    before = get(connection, project, identifier)
    if before is None:
        raise NotFound(f"there is no job {project}/{identifier}")
    if before.is_enabled == is_enabled:
        return before
    after = replace(before, is_enabled=is_enabled, update_date=now)
    _store(connection, after)
    data = {"changed": ["is_enabled"], "is_enabled": is_enabled, "revision": after.revision}
    _happened(connection, EventType.JOB_UPDATED, project, identifier, now, actor=actor, data=data)
    return after


def delete(connection: Connection, project: str, identifier: str, now: datetime, *, actor: str | None = None) -> None:
    """Delete a job; its ended runs and its revisions stay.

    Raises NotFound, and Conflict naming the runs that have not ended and the schedules that trigger it.
    """
    if get(connection, project, identifier) is None:
        raise NotFound(f"there is no job {project}/{identifier}")
    found = obstacles.of_job(connection, project, identifier)
    if found:
        raise Conflict(obstacles.sentence(f"the job {project}/{identifier}", found))
    connection.execute(delete_from(_JOB).where(_JOB.c.project == project, _JOB.c.identifier == identifier))
    _happened(connection, EventType.JOB_DELETED, project, identifier, now, actor=actor, data={})


def existed(connection: Connection, project: str, identifier: str) -> bool:
    """Tell whether there is such a job, or ever was: then it may have runs and has revisions."""
    return connection.execute(_EVER, {"project": project, "job": identifier}).first() is not None


def _create(connection: Connection, wanted: JobValues, values: dict[str, Any], now: datetime, actor: str | None) -> Job:
    project, identifier = wanted.project, wanted.identifier
    found = connection.execute(select(schema.project.c.identifier).where(schema.project.c.identifier == project))
    if found.first() is None:
        raise NotFound(f"there is no project {project}")
    after = Job(
        project=project,
        identifier=identifier,
        **values,
        is_enabled=wanted.is_enabled is not False,
        revision=_next_revision(connection, project, identifier),
        creation_date=now,
        update_date=now,
    )
    _store_revision(connection, after, now, actor)
    connection.execute(insert(_JOB), _SHAPE.values(after))
    _happened(
        connection, EventType.JOB_CREATED, project, identifier, now, actor=actor, data={"revision": after.revision}
    )
    return after


def _next_revision(connection: Connection, project: str, job: str) -> int:
    """Take the next number; the counter outlives the job."""
    number: int | None = connection.execute(
        update(_COUNTER)
        .where(_COUNTER.c.project == project, _COUNTER.c.job == job)
        .values(last_revision=_COUNTER.c.last_revision + 1)
        .returning(_COUNTER.c.last_revision)
    ).scalar()
    if number is None:
        number = 1
        connection.execute(
            insert(_COUNTER), {"project": project, "job": job, "last_revision": number, "last_number": 0}
        )
    return number


def _store_revision(connection: Connection, job: Job, now: datetime, actor: str | None) -> None:
    values = {name: getattr(job, name) for name in REVISED}
    job_revisions.insert(
        connection,
        JobRevision(
            project=job.project,
            job=job.identifier,
            revision=job.revision,
            **values,
            creator=actor,
            creation_date=now,
        ),
    )


def _store(connection: Connection, after: Job) -> None:
    identity = {"of_project": after.project, "of_identifier": after.identifier}
    connection.execute(update(_JOB).where(*_IS_IT), _SHAPE.values(after) | identity)


def _happened(
    connection: Connection,
    type_: EventType,
    project: str,
    job: str,
    now: datetime,
    *,
    actor: str | None,
    data: dict[str, Any],
) -> None:
    events.append(connection, Event(date=now, type=type_, project=project, job=job, actor=actor, data=data))
