"""Counts of runs: for quotas, for the overview, for a place in the queue. None of them looks at more than it must."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, or_, select, text

from orchestra.domain.run import Run, RunStatus
from orchestra.storage.schema import ENDED, LIVE, PENDING, run

_IS_PENDING: Final = text(f"run.{PENDING}")
_PENDING_OF_PROJECT: Final = select(func.count()).select_from(
    select(run.c.project).where(_IS_PENDING, run.c.project == bindparam("project")).limit(bindparam("limit")).subquery()
)
_AHEAD: Final = (
    select(func.count())
    .select_from(run)
    .where(
        _IS_PENDING,
        or_(
            run.c.priority > bindparam("priority"),
            (run.c.priority == bindparam("priority"))
            & (
                (run.c.creation_date < bindparam("created"))
                | ((run.c.creation_date == bindparam("created")) & (run.c.identifier < bindparam("identifier")))
            ),
        ),
    )
)


def count_pending(connection: Connection, project: str, limit: int) -> int:
    """Return how many runs of `project` are pending; `limit` when there are at least that many."""
    count: int = connection.execute(_PENDING_OF_PROJECT, {"project": project, "limit": limit}).scalar_one()
    return count


def position(connection: Connection, of: Run) -> int:
    """Return the place of a pending run in the queue's order: 1 is next."""
    values = {"priority": of.priority, "created": of.creation_date, "identifier": of.identifier}
    ahead: int = connection.execute(_AHEAD, values).scalar_one()
    return ahead + 1


def by_status(
    connection: Connection, projects: Sequence[str] | None, ended_since: datetime
) -> tuple[dict[RunStatus, int], dict[RunStatus, int]]:
    """Return how many runs are live, and how many that were created after `ended_since` have ended, by status.

    `projects` None counts all. A status without runs is absent.
    """
    live = _by_status(text(f"run.{LIVE}"), projects)
    ended = _by_status(text(f"run.{ENDED}"), projects).where(run.c.creation_date > ended_since)
    return _counts(connection, live), _counts(connection, ended)


def _by_status(which: ColumnElement[Any] | Any, projects: Sequence[str] | None) -> Select[Any]:
    statement = select(run.c.status, func.count()).where(which).group_by(run.c.status)
    return statement if projects is None else statement.where(run.c.project.in_(projects))


def _counts(connection: Connection, statement: Select[Any]) -> dict[RunStatus, int]:
    return {RunStatus(status): count for status, count in connection.execute(statement)}
