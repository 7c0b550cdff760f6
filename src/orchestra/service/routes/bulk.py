"""Bulk: cancel, abort, retry or delete many runs at once, chosen one by one or by a query."""

from typing import Annotated, Final

import msgspec
from litestar import post
from litestar.params import JSONBody
from sqlalchemy import Connection

from orchestra.domain.access import Permission
from orchestra.domain.errors import InvalidContent, Problem
from orchestra.service import authorization
from orchestra.service.authorization import needs
from orchestra.service.bulk import NEEDS, Bulk, BulkAction, BulkOutcome, Decided
from orchestra.service.entities import Entity
from orchestra.service.listing import RunQuery, run_filter
from orchestra.service.request import ApiRequest
from orchestra.storage import runs
from orchestra.storage.runs import RunFilter

RUNS: Final = 1_000
"""Most runs of one request."""
COUNTED: Final = 10_000
"""`matched` counts up to so many."""

Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class BulkInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which runs: `ids`, or a query `q` with at least one term. `cursor` goes on where an answer ended."""

    action: BulkAction
    q: str | None = None
    ids: Annotated[list[Identifier], msgspec.Meta(max_length=RUNS)] | None = None
    dry_run: bool = False
    cursor: str | None = None


class BulkItem(Entity, frozen=True):
    """One run: `reason` says why it was refused, `created` is the new run of a retry."""

    run: str
    outcome: BulkOutcome
    reason: str | None
    created: str | None


class BulkResult(Entity, frozen=True):
    """What was done, or would be. `matched` counts what the query matches from here on, up to 10,000 runs.

    Where that is more than there are items, `next_cursor` goes on with the rest.
    """

    action: BulkAction
    dry_run: bool
    matched: int
    items: list[BulkItem]
    next_cursor: str | None


@post("/runs/bulk", operation_id="bulkRuns", tags=["runs"], opt=needs(Permission.RUN_READ), status_code=200)
async def bulk_runs(request: ApiRequest, data: JSONBody[BulkInput]) -> BulkResult:
    """Cancel, abort, retry or delete up to 1,000 runs: those of `ids`, or the newest ones that match `q`.

    Each run is decided by itself, with your permission on its project; what cannot be done is `refused` with its
    reason, and the others are done. With `dry_run` nothing is changed, and `would` says what would be done.
    """
    authorization.check(request.principal, NEEDS[data.action], None)
    _check(data)
    bulk = Bulk(request.parts, request.principal, data.action, request.parts.clock.now())
    if data.ids is None:
        chosen, matched, next_cursor = await _matching(request, data)
    else:
        chosen = list(dict.fromkeys(data.ids))
        matched, next_cursor = len(chosen), None
    decided = await (bulk.rehearse(chosen) if data.dry_run else bulk.carry_out(chosen))
    return BulkResult(
        action=data.action,
        dry_run=data.dry_run,
        matched=matched,
        items=[_show(one, is_dry=data.dry_run) for one in decided],
        next_cursor=next_cursor,
    )


def _check(data: BulkInput) -> None:
    problems = []
    if (data.q is None) == (data.ids is None):
        problems.append(Problem("q", "expected a query or ids, and not both"))
    if data.q is not None and not data.q.strip():
        problems.append(Problem("q", "expected at least one term: a query without any means every run there is"))
    if data.ids is not None and data.cursor is not None:
        problems.append(Problem("cursor", "a cursor goes on with a query, not with ids"))
    if problems:
        raise InvalidContent("the request does not fit", tuple(problems))


async def _matching(request: ApiRequest, data: BulkInput) -> tuple[list[str], int, str | None]:
    """The newest runs that match, how many more there are, and where the rest begins."""
    filter_ = run_filter(RunQuery(q=data.q), request.principal, request.parts.clock.now())
    return await request.parts.database.read(lambda rows: _choose(rows, filter_, data.cursor))


def _choose(rows: Connection, filter_: RunFilter, cursor: str | None) -> tuple[list[str], int, str | None]:
    page = runs.identifiers(rows, filter_, cursor, RUNS)
    matched, after = len(page.items), page.next_cursor
    for _ in range(COUNTED // RUNS - 1):
        if after is None:
            break
        rest = runs.identifiers(rows, filter_, after, RUNS)
        matched, after = matched + len(rest.items), rest.next_cursor
    return list(page.items), matched, page.next_cursor


def _show(decided: Decided, *, is_dry: bool) -> BulkItem:
    done = BulkOutcome.WOULD if is_dry else BulkOutcome.DONE
    outcome = done if decided.reason is None else BulkOutcome.REFUSED
    return BulkItem(run=decided.run, outcome=outcome, reason=decided.reason, created=decided.created)


HANDLERS = [bulk_runs]
