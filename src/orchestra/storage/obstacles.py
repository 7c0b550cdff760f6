"""Obstacles: what stands in the way of deleting something, in words, all of it at once.

    job       runs that have not ended; schedules that trigger it         its ended runs and revisions stay
    project   jobs, schedules, runs
    worker    its connection; runs that it has

Each function returns nothing where nothing is in the way. Names are given up to `NAMED`, counts in full.
"""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, func, select, text

from orchestra.domain.worker import Worker
from orchestra.storage import schema

NAMED: Final = 10
_RUN: Final = schema.run
_IS_LIVE: Final = text(f"run.{schema.LIVE}")
_IS_ACTIVE: Final = text(f"run.{schema.IS_ACTIVE}")


def of_job(connection: Connection, project: str, job: str) -> list[str]:
    """Return what keeps a job."""
    return [*runs_of_job(connection, project, job), *_triggering(connection, project, job)]


def runs_of_job(connection: Connection, project: str, job: str) -> list[str]:
    """Return what keeps a job when its schedules go with it."""
    live = (_IS_LIVE, _RUN.c.project == project, _RUN.c.job == job)
    count = _count(connection, schema.run, *live)
    if not count:
        return []
    rows = connection.execute(select(_RUN.c.number).where(*live).order_by(_RUN.c.number).limit(NAMED)).scalars()
    return [f"{_several(count, 'run')} of it {_have(count)} not ended: {_named((f'#{row}' for row in rows), count)}"]


def _triggering(connection: Connection, project: str, job: str) -> list[str]:
    schedule = schema.schedule
    is_its = (schedule.c.project == project, schedule.c.job == job)
    count = _count(connection, schedule, *is_its)
    if not count:
        return []
    verb = "triggers" if count == 1 else "trigger"
    return [f"{_several(count, 'schedule')} {verb} it: {_named(_first(connection, schedule, *is_its), count)}"]


def of_project(connection: Connection, project: str) -> list[str]:
    """Return what keeps a project."""
    found = []
    for name, table in (("job", schema.job), ("schedule", schema.schedule)):
        count = _count(connection, table, table.c.project == project)
        if count:
            names = _named(_first(connection, table, table.c.project == project), count)
            found.append(f"it has {_several(count, name)}: {names}")
    return found + runs_of_project(connection, project)


def runs_of_project(connection: Connection, project: str) -> list[str]:
    """Return what keeps a project when its jobs and schedules go with it."""
    count = _count(connection, _RUN, _RUN.c.project == project)
    return [f"it has {_several(count, 'run')}"] if count else []


def of_worker(connection: Connection, worker: Worker) -> list[str]:
    """Return what keeps a worker."""
    found = ["it is connected"] if worker.is_active else []
    has = (_IS_ACTIVE, _RUN.c.worker == worker.identifier)
    count = _count(connection, _RUN, *has)
    if count:
        rows = connection.execute(
            select(_RUN.c.project, _RUN.c.job, _RUN.c.number).where(*has).order_by(_RUN.c.creation_date).limit(NAMED)
        )
        names = _named((f"{project}/{job}#{number}" for project, job, number in rows), count)
        hint = "" if worker.is_active else " (orchestra run close ends runs whose worker will not come back)"
        found.append(f"it has {_several(count, 'run')} that {_have(count)} not ended: {names}{hint}")
    return found


def sentence(what: str, obstacles: Iterable[str]) -> str:
    """Say that `what` (`the job web/build`) cannot be deleted, and why."""
    return f"{what} cannot be deleted: {'; '.join(obstacles)}"


def _count(connection: Connection, table: Any, *conditions: Any) -> int:
    count: int = connection.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one()
    return count


def _first(connection: Connection, table: Any, *conditions: ColumnElement[bool]) -> Iterable[str]:
    identifier = table.c.identifier
    return connection.execute(select(identifier).where(*conditions).order_by(identifier).limit(NAMED)).scalars()


def _named(names: Iterable[str], count: int) -> str:
    more = f" and {count - NAMED} more" if count > NAMED else ""
    return ", ".join(names) + more


def _several(count: int, name: str) -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"


def _have(count: int) -> str:
    return "has" if count == 1 else "have"
