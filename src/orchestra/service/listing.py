"""Lists: the filters of runs in query strings and live topics, and how pages are shown."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

import msgspec
from litestar.params import QueryParameter
from sqlalchemy import Connection

from orchestra.domain.access import Permission, Principal
from orchestra.domain.errors import InvalidContent, Problem
from orchestra.domain.run import Run, RunStatus
from orchestra.domain.run_query import EVERY_RUN, Query, fits, is_settled
from orchestra.domain.run_query_parser import parse
from orchestra.service.entities import Listing
from orchestra.storage import runs
from orchestra.storage.paging import LIMIT, LIMIT_HIGHEST, Page
from orchestra.storage.runs import RunFilter

T = TypeVar("T")
E = TypeVar("E")

Limit = Annotated[int, QueryParameter(ge=1, le=LIMIT_HIGHEST, description="Most items of the page.")]
Cursor = Annotated[str | None, QueryParameter(description="`next_cursor` of the page before.")]
Order = Annotated[str | None, QueryParameter(description="A field's name, with `-` in front for descending.")]
IsEnabled = Annotated[bool | None, QueryParameter(description="Only those that are enabled, or that are not.")]
ManagedBy = Annotated[
    str | None, QueryParameter(description="Only what this source of configuration files owns; `api` for people's.")
]

DEFAULT_LIMIT: Final = LIMIT


class RunQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The filters of lists of runs. `source` is a type (`schedule`) or type and name (`user:maya`); `q` a query."""

    project: str | None = None
    job: str | None = None
    status: list[RunStatus] | RunStatus = []
    worker: str | None = None
    source: str | None = None
    created_after: str | None = None
    created_before: str | None = None
    q: str | None = None


def run_filter(query: RunQuery, principal: Principal, now: datetime) -> RunFilter:
    """Make the storage's filter: what was asked for, within what `principal` may see.

    Times ago in the query count from `now` (aware UTC). Raises InvalidContent with every problem.
    """
    problems: list[Problem] = []
    scope = principal.scope(Permission.RUN_READ)
    kind, _, name = (query.source or "").partition(":")
    if query.source is not None and not kind:
        problems.append(Problem("source", f"expected a type, or a type and a name as user:maya, got {query.source!r}"))
    if principal.run is not None:
        # A run's token sees what it triggered, whatever it asks for.
        kind, name = "run", principal.run
    found = RunFilter(
        projects=None if scope is None else tuple(sorted(scope)),
        project=query.project,
        job=query.job,
        statuses=(query.status,) if isinstance(query.status, RunStatus) else tuple(query.status),
        worker=query.worker,
        source_type=kind or None,
        source_name=name or None,
        created_after=read_date(query.created_after, "created_after", problems),
        created_before=read_date(query.created_before, "created_before", problems),
        query=_parsed(query.q, problems),
        now=now,
    )
    if problems:
        raise InvalidContent("the list cannot be read", tuple(problems))
    return found


def _parsed(text: str | None, problems: list[Problem]) -> Query:
    try:
        return parse(text or "")
    except InvalidContent as error:
        problems += error.problems
        return EVERY_RUN


def read_date(text: str | None, name: str, problems: list[Problem]) -> datetime | None:
    """Return the date that a query string's field `name` holds, aware UTC; what is wrong goes to `problems`."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    what = f"expected a date with its zone, such as 2026-01-31T12:00:00Z, got {text!r}"
    problems.append(Problem(name, what))
    return None


def concerns(filter_: RunFilter, run: Run, now: datetime) -> bool:
    """Tell whether `run` may ever match: whether what never changes of it fits."""
    return (
        (filter_.projects is None or run.project in filter_.projects)
        and filter_.project in (None, run.project)
        and filter_.job in (None, run.job)
        and filter_.source_type in (None, run.source.get("type"))
        and filter_.source_name in (None, run.source.get(str(run.source.get("type"))))
        and (filter_.created_after is None or run.creation_date > filter_.created_after)
        and (filter_.created_before is None or run.creation_date < filter_.created_before)
        and all(fits(term, run, now) for term in filter_.query.terms if is_settled(term))
    )


def matches(filter_: RunFilter, run: Run, now: datetime) -> bool:
    """Tell whether `run`, which concerns the filter, matches it as it is now."""
    return (
        (not filter_.statuses or run.status in filter_.statuses)
        and filter_.worker in (None, run.worker)
        and all(fits(term, run, now) for term in filter_.query.terms if not is_settled(term))
    )


def show(page: Page[T], entity: Callable[[T], E]) -> Listing[E]:
    """Show a page of domain values."""
    return Listing(items=[entity(item) for item in page.items], next_cursor=page.next_cursor)


LARGE_PAGE: Final = 100
"""Runs may carry a megabyte of results each: so many are read at once at most, and a page ends at `PAGE_BYTES`."""
PAGE_BYTES: Final = 16 << 20


def full_page(
    connection: Connection, filter_: RunFilter, order: str | None, cursor: str | None, limit: int
) -> Page[Run]:
    """Return a page of whole runs; it ends early, with a cursor, when it would become too large to hold."""
    items: list[Run] = []
    size = 0
    while True:
        asked = min(limit - len(items), LARGE_PAGE)
        page = runs.page(connection, filter_, order, cursor, asked)
        items += page.items
        size += _weight(page.items)
        cursor = page.next_cursor
        # A page that is not full although there are more is one whose query looked at enough runs.
        if cursor is None or len(page.items) < asked or len(items) >= limit or size >= PAGE_BYTES:
            return replace(page, items=tuple(items))


def _weight(items: tuple[Run, ...]) -> int:
    """About how many bytes the results of these runs take; the rest of a run is bounded."""
    return sum(len(msgspec.json.encode(run.results)) for run in items if run.results is not None)


def query_of(**given: Any) -> RunQuery:
    """Make the query of what a handler's parameters are; None means not given."""
    return RunQuery(**{name: value for name, value in given.items() if value is not None})
