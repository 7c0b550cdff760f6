"""How long runs of a job usually take: the median of its latest ones that succeeded."""

from statistics import median
from typing import Final

from sqlalchemy import Connection, bindparam, select

from orchestra.domain.run import RunStatus
from orchestra.storage.schema import run

_LATEST: Final = 100
"""Runs that are looked at: a range of one index, however many there are."""
_STATEMENT: Final = (
    select(run.c.status, run.c.start_date, run.c.completion_date)
    .where(run.c.project == bindparam("project"), run.c.job == bindparam("job"))
    .order_by(run.c.creation_date.desc())
    .limit(_LATEST)
)


def usual_s(connection: Connection, project: str, job: str) -> float | None:
    """Return the median duration, in seconds, of the runs among the latest 100 that succeeded; None without one."""
    found = [
        (completion - start).total_seconds()
        for status, start, completion in connection.execute(_STATEMENT, {"project": project, "job": job})
        if status is RunStatus.SUCCEEDED and start is not None and completion is not None
    ]
    return median(found) if found else None
