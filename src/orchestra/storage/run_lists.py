"""Lists of runs: filters, queries, two orders, and always an index.

The latest runs of one project with one status are a range of one index; those of several are not, and
a database would sort them all. So a list of several statuses or several visible projects is merged from
one short list for each combination, and a million runs cost as much as a thousand.

What a query says of project, status, job, worker, source and creation in exact terms becomes part of the
filter, and so finds its index; its other terms are conditions on the rows that are read in order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, select, text

from orchestra.domain.errors import InvalidContent, Problem
from orchestra.domain.run import TERMINAL, Run, RunStatus
from orchestra.domain.run_query import EVERY_RUN, NameField, NameTerm, Query, SourceTerm, StatusTerm, Term
from orchestra.storage import schema
from orchestra.storage.paging import LIMIT, Order, Page, Slice
from orchestra.storage.run_conditions import condition
from orchestra.storage.run_rows import SHAPE, get_many

_RUN: Final = schema.run
_ORDER: Final = Order({name: _RUN.c[name] for name in ("creation_date", "number")}, "-creation_date", _RUN.c.identifier)

ARMS: Final = 400
"""Most short lists of one list, some 50 µs each."""
STRETCHES: Final = (2_000, 18_000, 80_000)
"""Rows of one arm that are looked at for one page, when a query has terms without an index: 150 ms of SQLite at most
(measured on 100,000 runs: 0.4 to 1.5 µs a row). Most queries are done in the first stretch."""
BEFORE_ALL: Final = ""
AFTER_ALL: Final = "~"
"""Identifiers that sort before and after every UUID."""
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
    query: Query = EVERY_RUN
    now: datetime | None = None
    """What relative times of the query count from; needed with a query."""


def page(
    connection: Connection,
    filter_: RunFilter = RunFilter(),
    order: str | None = None,
    cursor: str | None = None,
    limit: int = LIMIT,
    *,
    stretches: Sequence[int] = STRETCHES,
) -> Page[Run]:
    """Return a part of the list of runs, latest first if not said otherwise.

    With a query the page may hold fewer than `limit` runs, or none, and yet have a cursor: `stretches` of rows
    were looked at, and the search goes on from there.
    Raises InvalidContent for a bad cursor or limit, and for an order other than `creation_date` and, for the
    runs of one job, `number`.
    """
    part = _ORDER.slice(order, cursor, limit)
    filter_ = narrowed(filter_)
    if part.columns[0] is _RUN.c.number and (filter_.project is None or filter_.job is None):
        what = "expected a filter on project and job beside the order by number, for numbers belong to a job"
        raise InvalidContent("the list cannot be read", (Problem("order", what),))
    wanted = _Wanted(connection, filter_, _arms(filter_))
    left = _conditions(connection, filter_)
    if len(wanted.arms) == 1 and not left:
        statement = part.of(wanted.filtered(SHAPE.all, *wanted.arms[0]))
        return part.page(SHAPE.many(connection.execute(statement)))
    keys, next_cursor = _searched(wanted, part, left, stretches)
    found = get_many(connection, (key[-1] for key in keys))
    return Page(tuple(found[key[-1]] for key in keys), next_cursor)


def identifiers(connection: Connection, filter_: RunFilter, cursor: str | None, limit: int) -> Page[str]:
    """Return a part of the list of `page`, latest first, of identifiers alone: results may be large."""
    part = _ORDER.slice(None, cursor, limit)
    filter_ = narrowed(filter_)
    wanted = _Wanted(connection, filter_, _arms(filter_))
    keys, next_cursor = _searched(wanted, part, _conditions(connection, filter_), STRETCHES)
    return Page(tuple(key[-1] for key in keys), next_cursor)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The rows of a filter, but for the terms of its query."""

    connection: Connection
    filter: RunFilter
    arms: list[Arm]

    def filtered(self, statement: Select[Any], project: str | None, status: RunStatus | None) -> Select[Any]:
        """Return `statement` for one arm."""
        equal = {
            _RUN.c.project: project,
            _RUN.c.job: self.filter.job,
            _RUN.c.worker: self.filter.worker,
            _RUN.c.source_type: self.filter.source_type,
            _RUN.c.source_name: self.filter.source_name,
        }
        for column, value in equal.items():
            if value is not None:
                statement = statement.where(column == value)
        if self.filter.created_after is not None:
            statement = statement.where(_RUN.c.creation_date > self.filter.created_after)
        if self.filter.created_before is not None:
            statement = statement.where(_RUN.c.creation_date < self.filter.created_before)
        return statement if status is None else _with_status(statement, status)

    def keys(self, part: Slice, conditions: Sequence[ColumnElement[bool]] = ()) -> list[tuple[Any, ...]]:
        """Return the keys of a page, one more than its limit: one short list for each arm, merged here.

        A UNION of subqueries says the same in one statement, but SQLAlchemy builds a column object for each
        column of each subquery anew: 4 ms a list, where these take 0.3 ms (profile, 2026-11).
        """
        keys: list[tuple[Any, ...]] = []
        light = select(*part.columns).where(*conditions)
        for arm in self.arms:
            keys += map(tuple, self.connection.execute(part.of(self.filtered(light, *arm))))
        keys.sort(reverse=part.is_descending)
        return keys[: part.limit + 1]

    def end(self, part: Slice, stretch: int) -> Any | None:
        """Return where so many rows of an arm end, in the order of `part`; None when no arm has so many."""
        first = part.columns[0]
        by = first.desc() if part.is_descending else first.asc()
        light = replace(part, limit=0).of(select(first)).order_by(None).order_by(by).offset(stretch)
        found = [self.connection.execute(self.filtered(light, *arm)).scalar() for arm in self.arms]
        ends = [end for end in found if end is not None]
        if not ends:
            return None
        return max(ends) if part.is_descending else min(ends)


def _searched(
    wanted: _Wanted, part: Slice, left: Sequence[ColumnElement[bool]], stretches: Sequence[int]
) -> tuple[list[tuple[Any, ...]], str | None]:
    """Return the keys of a page, and its cursor.

    With conditions `left`, look at the runs in order, stretch by stretch, until the page is full or all stretches
    are through: few rows are looked at where many fit; where hardly any does, the page ends early, with a cursor.
    """
    keys: list[tuple[Any, ...]] = []
    position, first = part, part.columns[0]
    for stretch in stretches:
        end = wanted.end(position, stretch) if left else None
        within = () if end is None else (first >= end if part.is_descending else first <= end,)
        keys += wanted.keys(position, (*left, *within))
        if len(keys) > part.limit:
            return keys[: part.limit], part.cursor(*keys[part.limit - 1])
        if end is None:
            return keys, None
        # Whoever shares the end's value was looked at: the next stretch begins behind all of them.
        position = replace(position, after=(end, BEFORE_ALL if part.is_descending else AFTER_ALL))
    assert position.after is not None, "there is at least one stretch"
    return keys, part.cursor(*position.after)


def narrowed(filter_: RunFilter) -> RunFilter:
    """Return a filter of the same meaning, in which what the query says in exact terms is no longer its business."""
    left = []
    for term in filter_.query.terms:
        taken = _taken(filter_, term)
        if taken is None:
            left.append(term)
        else:
            filter_ = taken
    return replace(filter_, query=Query(tuple(left)))


def _taken(filter_: RunFilter, term: Term) -> RunFilter | None:
    """The filter with the term in it; None where it has no place for the term."""
    if isinstance(term, StatusTerm):
        allowed = filter_.statuses or tuple(RunStatus)
        kept = tuple(one for one in allowed if (one in term.statuses) != term.is_negated)
        return replace(filter_, statuses=kept) if kept else replace(filter_, projects=())
    if term.is_negated:
        return None
    if isinstance(term, NameTerm):
        names = [pattern.exact for pattern in term.patterns]
        if term.field is NameField.PROJECT and len(names) > 1 and None not in names:
            wanted = {name for name in names if name is not None}
            kept_projects = wanted if filter_.projects is None else wanted.intersection(filter_.projects)
            return replace(filter_, projects=tuple(sorted(kept_projects)))
        if len(names) == 1 and names[0] is not None and getattr(filter_, term.field) is None:
            changes: dict[str, Any] = {term.field: names[0]}
            return replace(filter_, **changes)
    if isinstance(term, SourceTerm) and len(term.sources) == 1 and filter_.source_type is None:
        [source] = term.sources
        if source.name is None or source.name.exact is not None:
            name = None if source.name is None else source.name.exact
            return replace(filter_, source_type=str(source.type), source_name=name)
    return None


def _conditions(connection: Connection, filter_: RunFilter) -> list[ColumnElement[bool]]:
    if not filter_.query.terms:
        return []
    assert filter_.now is not None, "a query needs to know what time it is"
    dialect = connection.dialect.name
    return [condition(term, filter_.now, dialect) for term in filter_.query.terms]


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


def _with_status(statement: Select[Any], status: RunStatus) -> Select[Any]:
    """The indexes of live and of ended runs are used only by queries that say which they mean."""
    which = schema.ENDED if status in TERMINAL else schema.LIVE
    return statement.where(_RUN.c.status == status, text(f"run.{which}"))
