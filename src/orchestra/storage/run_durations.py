"""How long runs of jobs usually take: the median of the latest ones that succeeded."""

from collections.abc import Iterable
from statistics import median
from typing import Final

from sqlalchemy import Connection, bindparam, select

from orchestra.domain.run import RunStatus
from orchestra.storage.paging import within
from orchestra.storage.schema import run

Job = tuple[str, str]
"""Project and identifier."""

_LATEST: Final = 100
"""Runs that are looked at: a range of one index, however many there are."""
_STATEMENT: Final = (
    select(run.c.status, run.c.start_date, run.c.completion_date)
    .where(run.c.project == bindparam("project"), run.c.job == bindparam("job"))
    .order_by(run.c.creation_date.desc())
    .limit(_LATEST)
)


_LATEST_OF_ALL: Final = 10_000
_ASKED_APART: Final = 500
"""Jobs without a run among these, such as monthly ones, that are asked for one by one: 0.1 ms each."""


def usual_s(connection: Connection, project: str, job: str) -> float | None:
    """Return the median duration, in seconds, of the runs among the latest 100 that succeeded; None without one."""
    found = [
        (completion - start).total_seconds()
        for status, start, completion in connection.execute(_STATEMENT, {"project": project, "job": job})
        if status is RunStatus.SUCCEEDED and start is not None and completion is not None
    ]
    return median(found) if found else None


def usual_s_of_jobs(connection: Connection, jobs: Iterable[Job], projects: Iterable[str] | None) -> dict[Job, float]:
    """Return the same of many jobs, from the latest 10,000 runs of `projects` (None: all); a job without is absent."""
    statement = (
        select(run.c.project, run.c.job, run.c.status, run.c.start_date, run.c.completion_date)
        .where(*within(run.c.project, projects))
        .order_by(run.c.creation_date.desc())
        .limit(_LATEST_OF_ALL)
    )
    durations: dict[Job, list[float]] = {}
    for project, job, status, start, completion in connection.execute(statement):
        if status is RunStatus.SUCCEEDED and start is not None and completion is not None:
            durations.setdefault((project, job), []).append((completion - start).total_seconds())
    wanted = sorted(set(jobs))
    found = {job: median(durations[job]) for job in wanted if job in durations}
    for job in [one for one in wanted if one not in durations][:_ASKED_APART]:
        if (usual := usual_s(connection, *job)) is not None:
            found[job] = usual
    return found
