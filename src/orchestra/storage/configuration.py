"""Configuration files against the database: read what is there, plan, and execute the plan, in one write.

Between the plan and its execution nothing can change, for both happen in the same transaction. A
plan with nothing in it writes nothing.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Connection, select

from orchestra.domain.entries import JobEntry, ProjectEntry, ScheduleEntry
from orchestra.domain.errors import Conflict, InvalidContent, Problem
from orchestra.domain.job import Job
from orchestra.domain.manifest import Manifest
from orchestra.domain.plan import Change, Current, Kind, Plan, place, plan
from orchestra.domain.project import Project
from orchestra.domain.schedule import Schedule
from orchestra.storage import jobs, obstacles, projects, schedules, schema
from orchestra.storage.rows import Shape

T = TypeVar("T")

NAMES_AT_ONCE: Final = 500
"""Projects named in one query: SQLite takes at most 32,766 variables, and plans get slow before that."""

_PROJECT: Final = Shape(schema.project, Project, "identifier")
_JOB: Final = Shape(schema.job, Job, "project", "identifier")
_SCHEDULE: Final = Shape(schema.schedule, Schedule, "project", "identifier")


def load(connection: Connection, wanted: Manifest, source: str) -> Current:
    """Return the objects of the projects that the files name, and of those in which the source owns something.

    The jobs of other projects that pipelines name are there as well.
    """
    names = {one.identifier for one in wanted.projects}
    names |= {element["project"] for job in wanted.jobs for element in _elements(job) if element["project"]}
    for column, managed_by in (
        (schema.project.c.identifier, schema.project.c.managed_by),
        (schema.job.c.project, schema.job.c.managed_by),
        (schema.schedule.c.project, schema.schedule.c.managed_by),
    ):
        names |= set(connection.execute(select(column).where(managed_by == source).distinct()).scalars())
    return Current(
        projects={one.identifier: one for one in _all(connection, _PROJECT, schema.project.c.identifier, names)},
        jobs={(one.project, one.identifier): one for one in _all(connection, _JOB, schema.job.c.project, names)},
        schedules={
            (one.project, one.identifier): one for one in _all(connection, _SCHEDULE, schema.schedule.c.project, names)
        },
    )


def plan_of(connection: Connection, wanted: Manifest, source: str, *, prune: bool) -> Plan:
    """Return what would change.

    Raises InvalidContent with the problems of the plan; Conflict when all that is wrong with it is what stands in
    the way of its deletions. Either has every problem.
    """
    planned = plan(load(connection, wanted, source), wanted, source, prune)
    in_the_way = tuple(_in_the_way(connection, planned.deletions))
    problems = (*planned.problems, *in_the_way)
    if not problems:
        return planned
    detail = f"{len(problems)} {'problem' if len(problems) == 1 else 'problems'} in the configuration"
    if planned.problems:
        raise InvalidContent(detail, problems)
    raise Conflict(f"{detail}: {'; '.join(one.message for one in problems)}", problems)


def _in_the_way(connection: Connection, deletions: Iterable[Change]) -> Iterator[Problem]:
    """Give what keeps objects that are to go; the plan itself knows of the other objects, so these are runs."""
    for change in deletions:
        found: list[str] = []
        if change.kind is Kind.JOB:
            found = obstacles.runs_of_job(connection, change.project, change.identifier)
        elif change.kind is Kind.PROJECT:
            found = obstacles.runs_of_project(connection, change.project)
        if found:
            yield Problem(place(change), obstacles.sentence(f"the {change.kind} {change.path}", found))


def apply(
    connection: Connection, wanted: Manifest, source: str, now: datetime, *, prune: bool, actor: str | None = None
) -> Plan:
    """Make the database as the files say; return what was changed.

    Raises InvalidContent and Conflict (see `plan_of`); nothing is changed then.
    """
    planned = plan_of(connection, wanted, source, prune=prune)
    for change in planned.changes:
        _execute(connection, change, now, actor)
    schedules.check_quota(connection, {one.project for one in planned.changes if one.kind is Kind.SCHEDULE})
    return planned


def _execute(connection: Connection, change: Change, now: datetime, actor: str | None) -> None:
    match change.entry:
        case ProjectEntry():
            projects.save(connection, change.entry, now, actor=actor)
        case JobEntry():
            jobs.save(connection, change.entry, now, actor=actor)
        case ScheduleEntry():
            schedules.save(connection, change.entry, now, actor=actor)
        case None if change.kind is Kind.SCHEDULE:
            schedules.delete(connection, change.project, change.identifier, now, actor=actor)
        case None if change.kind is Kind.JOB:
            jobs.delete(connection, change.project, change.identifier, now, actor=actor)
        case None:
            projects.delete(connection, change.project, now, actor=actor)


def _all(connection: Connection, shape: Shape[T], column: ColumnElement[Any], names: set[str]) -> Iterator[T]:
    """Return every object whose `column` is among `names`."""
    ordered = sorted(names)
    for begin in range(0, len(ordered), NAMES_AT_ONCE):
        statement = shape.all.where(column.in_(ordered[begin : begin + NAMES_AT_ONCE]))
        yield from shape.many(connection.execute(statement))


def _elements(job: JobEntry) -> list[dict[str, Any]]:
    elements: list[dict[str, Any]] = job.definition.get("elements", [])
    return elements
