"""Import of Job Orchestra: what is here of an export's objects, and the rows that a plan makes.

Objects keep their dates, so the rows are written here and not by the functions that make new ones. Each
gets its event, with `imported` in its data, and never a hash. All of a plan is one transaction.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import Column, Connection, Table, insert, select, update

from orchestra.domain.job import Job
from orchestra.domain.job_orchestra.exported import Export
from orchestra.domain.job_orchestra.history import run_identifier
from orchestra.domain.job_orchestra.plan import JobName, Numbers, Plan, Present, plan
from orchestra.domain.policy import DEFAULT as DEFAULT_POLICY
from orchestra.domain.project import Project
from orchestra.domain.run import Run
from orchestra.domain.schedule import Schedule
from orchestra.domain.user import AuthenticationType, User, UserAuthentication
from orchestra.domain.worker import Worker
from orchestra.storage import events, run_rows, schema
from orchestra.storage.event_type import EventType
from orchestra.storage.events import Event
from orchestra.storage.rows import Shape

T = TypeVar("T")

NAMES_AT_ONCE: Final = 500
"""Names in one query: SQLite takes at most 32,766 variables, and plans get slow before that."""
ROWS_AT_ONCE: Final = 500

_USER: Final = Shape(schema.user, User, "identifier")
_AUTHENTICATION: Final = Shape(schema.user_authentication, UserAuthentication, "identifier")
_PROJECT: Final = Shape(schema.project, Project, "identifier")
_JOB: Final = Shape(schema.job, Job, "project", "identifier")
_SCHEDULE: Final = Shape(schema.schedule, Schedule, "project", "identifier")
_WORKER: Final = Shape(schema.worker, Worker, "identifier")
_UNKNOWN: Final = {"type": "commands", "commands": [], "finally": [], "environment": {}}
"""The definition of runs whose job is not there any more."""


def plan_of(connection: Connection, export: Export) -> Plan:
    """Return what an import would do now; changes nothing."""
    return plan(export, load(connection, export))


def carry_out(connection: Connection, export: Export, now: datetime, *, actor: str | None = None) -> Plan:
    """Store what the plan of this moment says; return it."""
    planned = plan_of(connection, export)
    _insert(connection, schema.user, (_USER.values(one) for one in planned.users))
    _insert(connection, schema.user_authentication, (_AUTHENTICATION.values(one) for one in planned.authentications))
    _insert(connection, schema.project, (_PROJECT.values(one) for one in planned.projects))
    _insert(connection, schema.job_revision, _revisions(planned, now, actor))
    _insert(connection, schema.job, (_JOB.values(one) for one in planned.jobs))
    _count(connection, planned)
    _insert(connection, schema.schedule, (_SCHEDULE.values(one) for one in planned.schedules))
    _insert(connection, schema.worker, (_WORKER.values(one) for one in planned.workers))
    _insert(connection, schema.run, (_run(one) for one in planned.runs))
    _tell(connection, planned, now, actor)
    return planned


# What is here -------------------------------------------------------------------------------------


def load(connection: Connection, export: Export) -> Present:
    """Return what is stored of the objects that the export names, and all jobs of its projects."""
    users = {*(one.identifier for one in export.users), *(one.user for one in export.authentications)}
    users |= {one.owner for one in export.workers}
    projects = {one.identifier for one in export.projects} | {one.project for one in export.schedules}
    projects |= {one.project for one in export.jobs} | {one.project for one in export.runs}
    projects |= set(_elsewhere(export))
    authentications = {one.identifier for one in export.authentications}
    workers = {one.identifier for one in export.workers}
    counter = schema.job_counter
    return Present(
        users={one.identifier: one for one in _those(connection, _USER, schema.user.c.identifier, users)},
        authentications={
            one.identifier: one
            for one in _those(connection, _AUTHENTICATION, schema.user_authentication.c.identifier, authentications)
        },
        projects={one.identifier: one for one in _those(connection, _PROJECT, schema.project.c.identifier, projects)},
        jobs={(one.project, one.identifier): one for one in _those(connection, _JOB, schema.job.c.project, projects)},
        schedules={
            (one.project, one.identifier): one
            for one in _those(connection, _SCHEDULE, schema.schedule.c.project, projects)
        },
        workers={one.identifier: one for one in _those(connection, _WORKER, schema.worker.c.identifier, workers)},
        runs=run_rows.get_many(connection, (run_identifier(one.project, one.identifier) for one in export.runs)),
        numbers={
            (row.project, row.job): Numbers(revision=row.last_revision, number=row.last_number)
            for part in _parts(projects)
            for row in connection.execute(select(counter).where(counter.c.project.in_(part)))
        },
    )


def _elsewhere(export: Export) -> Iterator[str]:
    """Projects that elements of pipelines name."""
    for job in export.jobs:
        elements = job.definition.get("elements")
        for element in elements if isinstance(elements, list) else ():
            project = element.get("project") if isinstance(element, dict) else None
            if isinstance(project, str):
                yield project


def _those(connection: Connection, shape: Shape[T], column: Column[Any], names: Iterable[str]) -> Iterator[T]:
    for part in _parts(names):
        yield from shape.many(connection.execute(shape.all.where(column.in_(part))))


def _parts(names: Iterable[str]) -> Iterator[list[str]]:
    ordered = sorted(set(names))
    for begin in range(0, len(ordered), NAMES_AT_ONCE):
        yield ordered[begin : begin + NAMES_AT_ONCE]


# Rows ---------------------------------------------------------------------------------------------


def _insert(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    waiting = list(rows)
    for begin in range(0, len(waiting), ROWS_AT_ONCE):
        connection.execute(insert(table), waiting[begin : begin + ROWS_AT_ONCE])


def _revisions(planned: Plan, now: datetime, actor: str | None) -> Iterator[dict[str, Any]]:
    facts = {"creator": actor, "creation_date": now}
    for job in planned.jobs:
        names = ("project", "revision", "definition", "parameters", "properties", "policy")
        yield {"job": job.identifier, **{name: getattr(job, name) for name in names}, **facts}
    for project, identifier in planned.orphans:
        empty = {"definition": _UNKNOWN, "parameters": (), "properties": {}, "policy": DEFAULT_POLICY}
        yield {"project": project, "job": identifier, "revision": 1, **empty, **facts}


def _run(run: Run) -> dict[str, Any]:
    kind = str(run.source.get("type", ""))
    copies = {"source_type": kind, "source_name": str(run.source.get(kind, ""))}
    return {**run_rows.SHAPE.values(run), **copies, "concurrency_group": None, "token_hash": None}


def _count(connection: Connection, planned: Plan) -> None:
    """Bring the counters of jobs to the numbers that were given."""
    last: dict[JobName, Numbers] = {
        (one.project, one.identifier): Numbers(revision=one.revision) for one in planned.jobs
    }
    for run in planned.runs:
        last[(run.project, run.job)] = Numbers(revision=run.job_revision, number=run.number)
    counter = schema.job_counter
    for (project, job), numbers in last.items():
        values: Mapping[str, int] = {
            "last_revision": numbers.revision,
            **({"last_number": numbers.number} if numbers.number else {}),
        }
        found = connection.execute(
            update(counter).where(counter.c.project == project, counter.c.job == job).values(values)
        )
        if not found.rowcount:
            connection.execute(insert(counter), {"project": project, "job": job, "last_number": 0, **values})


# Events -------------------------------------------------------------------------------------------


def _tell(connection: Connection, planned: Plan, now: datetime, actor: str | None) -> None:
    happened: list[Event] = []

    def tell(one: Event, **facts: Any) -> None:
        happened.append(replace(one, data={"imported": True, **facts}))

    def new(kind: EventType) -> Event:
        return Event(date=now, type=kind, actor=actor)

    for user in planned.users:
        tell(replace(new(EventType.USER_CREATED), user=user.identifier), roles=list(user.roles))
    for one in planned.authentications:
        is_password = one.type is AuthenticationType.PASSWORD
        kind = EventType.AUTHENTICATION_PASSWORD_SET if is_password else EventType.AUTHENTICATION_CREATED
        facts = {"authentication": one.identifier, "type": one.type, "description": one.description}
        tell(replace(new(kind), user=one.user), **facts)
    for project in planned.projects:
        tell(replace(new(EventType.PROJECT_CREATED), project=project.identifier))
    for job in planned.jobs:
        tell(replace(new(EventType.JOB_CREATED), project=job.project, job=job.identifier), revision=job.revision)
    for schedule in planned.schedules:
        created = replace(new(EventType.SCHEDULE_CREATED), project=schedule.project, job=schedule.job)
        tell(created, schedule=schedule.identifier)
    for worker in planned.workers:
        tell(replace(new(EventType.WORKER_UPDATED), worker=worker.identifier), changed=["owner"], owner=worker.owner)
    happened += [_run_event(run, now, actor) for run in planned.runs]
    for begin in range(0, len(happened), ROWS_AT_ONCE):
        events.append(connection, *happened[begin : begin + ROWS_AT_ONCE])


def _run_event(run: Run, now: datetime, actor: str | None) -> Event:
    """A run comes into being here with its end; nobody is to take it for an end of now."""
    return events.status_changed(None, run, EventType.RUN_CREATED, now, worker=run.worker, actor=actor, run_sequence=1)
