"""Lists of runs: filters, two orders, and always an index.

The latest runs of one project with one status are a range of one index; those of several are not, and
a database would sort them all. So a list of several statuses or several visible projects is merged from
one short list for each combination, and a million runs cost as much as a thousand.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any, Final

from sqlalchemy import Connection, Select, select, text

from orchestra.domain.errors import InvalidContent, Problem
from orchestra.domain.run import TERMINAL, Run, RunStatus
from orchestra.storage import schema
from orchestra.storage.paging import LIMIT, Order, Page, Slice
from orchestra.storage.run_rows import SHAPE, get_many

_RUN: Final = schema.run
_ORDER: Final = Order({name: _RUN.c[name] for name in ("creation_date", "number")}, "-creation_date", _RUN.c.identifier)

ARMS: Final = 400
"""Most short lists of one list, some 50 µs each."""
Arm = tuple[str | None, RunStatus | None]
"""One combination of project and status (None: any)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs; None means all. Dates are aware UTC: `created_after` is exclusive, `created_before` too.

    `projects` are those that the caller may see. `source_name` is the user, schedule or run that
    `source_type` speaks of.
    """

    projects: tuple[str, ...] | None = None
    project: str | None = None
    job: str | None = None
    statuses: tuple[RunStatus, ...] = ()
    worker: str | None = None
    source_type: str | None = None
    source_name: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


def page(
    connection: Connection,
    filter_: RunFilter = RunFilter(),
    order: str | None = None,
    cursor: str | None = None,
    limit: int = LIMIT,
) -> Page[Run]:
    """Return a part of the list of runs, latest first if not said otherwise.

    Raises InvalidContent for a bad cursor or limit, and for an order other than `creation_date` and, for the
    runs of one job, `number`.
    """
    part = _ORDER.slice(order, cursor, limit)
    if part.columns[0] is _RUN.c.number and (filter_.project is None or filter_.job is None):
        what = "expected a filter on project and job beside the order by number, for numbers belong to a job"
        raise InvalidContent("the list cannot be read", (Problem("order", what),))
    arms = _arms(filter_)
    if len(arms) == 1:
        return part.page(SHAPE.many(connection.execute(part.of(_filtered(SHAPE.all, filter_, *arms[0])))))
    return part.page(_merged(connection, filter_, arms, part))


def _arms(filter_: RunFilter) -> list[Arm]:
    projects: tuple[str | None, ...] = (filter_.project,)
    if filter_.projects is not None:
        visible = sorted(set(filter_.projects))
        projects = tuple(one for one in visible if filter_.project in (None, one))
    statuses = tuple(dict.fromkeys(filter_.statuses)) or (None,)
    if len(projects) * len(statuses) > ARMS:
        what = f"expected at most {ARMS} combinations of visible projects and statuses; narrow the list by project"
        raise InvalidContent("the list cannot be read", (Problem("project", what),))
    return list(product(projects, statuses))


def _filtered(statement: Select[Any], filter_: RunFilter, project: str | None, status: RunStatus | None) -> Select[Any]:
    equal = {
        _RUN.c.project: project,
        _RUN.c.job: filter_.job,
        _RUN.c.worker: filter_.worker,
        _RUN.c.source_type: filter_.source_type,
        _RUN.c.source_name: filter_.source_name,
    }
    for column, value in equal.items():
        if value is not None:
            statement = statement.where(column == value)
    if filter_.created_after is not None:
        statement = statement.where(_RUN.c.creation_date > filter_.created_after)
    if filter_.created_before is not None:
        statement = statement.where(_RUN.c.creation_date < filter_.created_before)
    return statement if status is None else _with_status(statement, status)


def _with_status(statement: Select[Any], status: RunStatus) -> Select[Any]:
    """The indexes of live and of ended runs are used only by queries that say which they mean."""
    which = schema.ENDED if status in TERMINAL else schema.LIVE
    return statement.where(_RUN.c.status == status, text(f"run.{which}"))


def _merged(connection: Connection, filter_: RunFilter, arms: Iterable[Arm], part: Slice) -> list[Run]:
    """One short list of keys for each arm, merged here; then the runs that are left.

    A UNION of subqueries says the same in one statement, but SQLAlchemy builds a column object for each
    column of each subquery anew: 4 ms a list, where these take 0.3 ms (profile, 2026-11).
    """
    keys: list[Sequence[Any]] = []
    light = select(*part.columns)
    for project, status in arms:
        keys += connection.execute(part.of(_filtered(light, filter_, project, status)))
    keys.sort(key=tuple, reverse=part.order.startswith("-"))
    wanted = [key[-1] for key in keys[: part.limit + 1]]
    found = get_many(connection, wanted)
    return [found[identifier] for identifier in wanted]
