"""Jobs: each change of what decides how their runs go is a new revision (`job_revisions`).

Numbers of revisions and of runs go on when a job is deleted and created again.
"""

from collections.abc import Iterable, Mapping
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
from orchestra.storage.paging import FROM_THE_BEGINNING, Asked, Order, Page, equal, read_page, within
from orchestra.storage.rows import Shape, changed

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
_EVER: Final = select(_COUNTER.c.job).where(
    _COUNTER.c.project == bindparam("project"), _COUNTER.c.job == bindparam("job")
)
_ORDER: Final = Order(
    {
        name: _JOB.c[name]
        for name in (
            "identifier",
            "project",
            "display_name",
            "group",
            "revision",
            "managed_by",
            "is_enabled",
            "creation_date",
            "update_date",
        )
    },
    "identifier",
    _JOB.c.project,
    _JOB.c.identifier,
)


def get(connection: Connection, project: str, identifier: str) -> Job | None:
    """Return the job, None if there is none."""
    return _SHAPE.get(connection, project, identifier)


def page(
    connection: Connection,
    projects: Iterable[str] | None = None,
    asked: Asked = FROM_THE_BEGINNING,
    *,
    group: str | None = None,
    is_enabled: bool | None = None,
    managed_by: str | None = None,
) -> Page[Job]:
    """Return a part of the list of the jobs of `projects`: one, or those that the caller may see (None: all).

    `group` are the jobs of a group and of all below it. Raises InvalidContent for a bad order, cursor or limit.
    """
    conditions = within(_JOB.c.project, projects)
    conditions += equal({_JOB.c.is_enabled: is_enabled, _JOB.c.managed_by: managed_by})
    if group is not None:
        # From "nightly/" to before "nightly0": 0 follows / in every order by code point.
        below = (_JOB.c.group > f"{group}/") & (_JOB.c.group < f"{group}0")
        conditions.append((_JOB.c.group == group) | below)
    return read_page(connection, _SHAPE, _ORDER, asked, *conditions)


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
    names = changed(before, values)
    if not names:
        return before
    # What does not differ stays as it is stored, so that its text differs only where its value does.
    after = replace(before, **{name: values[name] for name in names}, update_date=now)
    if not set(REVISED).isdisjoint(names):
        after = replace(after, revision=_next_revision(connection, after.project, after.identifier))
        _store_revision(connection, after, now, actor)
    _SHAPE.store(connection, after)
    data = {"changed": names, "revision": after.revision}
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
    _SHAPE.store(connection, after)
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
