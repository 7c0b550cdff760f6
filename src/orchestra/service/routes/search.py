"""Search: projects, jobs, schedules, runs, workers and users by name, for the palette and the command line."""

from collections.abc import Iterable
from typing import Annotated, Final
from urllib.parse import quote

from litestar import get
from litestar.params import QueryParameter
from sqlalchemy import Connection

from orchestra.domain.access import Permission, Principal
from orchestra.domain.errors import InvalidContent, Problem
from orchestra.service.authorization import needs
from orchestra.service.entities import Entity
from orchestra.service.request import ApiRequest
from orchestra.storage import search
from orchestra.storage.paging import LIMIT_HIGHEST
from orchestra.storage.search import Found, FoundType

TEXT_LENGTH: Final = 256

Text = Annotated[
    str, QueryParameter(description="Part of a name; `#12` or `build#12` is a run, as is a UUID's beginning.")
]
Types = Annotated[list[FoundType] | None, QueryParameter(description="Only these types; may be repeated.")]
Limit = Annotated[int, QueryParameter(ge=1, le=LIMIT_HIGHEST, description="Most items.")]

_NEEDED: Final = {
    FoundType.PROJECT: Permission.PROJECT_READ,
    FoundType.JOB: Permission.JOB_READ,
    FoundType.SCHEDULE: Permission.SCHEDULE_READ,
    FoundType.RUN: Permission.RUN_READ,
    FoundType.WORKER: Permission.WORKER_READ,
    FoundType.USER: Permission.USER_READ,
}


class Hit(Entity, frozen=True):
    """Something that was found; `path` leads to it on the website, below the base path."""

    type: FoundType
    project: str | None
    identifier: str
    display_name: str
    path: str


class Hits(Entity, frozen=True):
    """What was found, best first."""

    items: list[Hit]


@get("/search", operation_id="search", tags=["search"], opt=needs(Permission.PROJECT_READ))
async def search_names(*, request: ApiRequest, q: Text, types: Types = None, limit: Limit = 20) -> Hits:
    """Find what has `q` in its name, among what you may see: exact names first, then those that begin with it."""
    text, principal = q.strip(), request.principal
    if not 1 <= len(text) <= TEXT_LENGTH:
        problem = Problem("q", f"expected 1 to {TEXT_LENGTH} characters, got {len(text)}")
        raise InvalidContent("the request does not fit", (problem,))
    wanted = dict.fromkeys(types or FoundType)
    found = await request.parts.database.read(lambda rows: _find(rows, principal, text, wanted, limit))
    order = list(FoundType)
    found.sort(key=lambda one: (one.rank, order.index(one.type)))
    return Hits(items=[_show(one) for one in found[:limit]])


def _find(rows: Connection, principal: Principal, text: str, types: Iterable[FoundType], limit: int) -> list[Found]:
    found: list[Found] = []
    for type_ in types:
        seen = principal.scope(_NEEDED[type_])
        if seen == frozenset():
            continue
        if type_ is not FoundType.RUN:
            found += search.named(rows, type_, text, seen, limit)
        elif principal.run is None:
            found += search.numbered(rows, text, seen, limit)
    return found


def _show(found: Found) -> Hit:
    return Hit(
        type=found.type,
        project=found.project,
        identifier=found.identifier,
        display_name=found.display_name,
        path=_path(found),
    )


def _path(found: Found) -> str:
    project, name = quote(found.project or "", safe=""), quote(found.identifier, safe="")
    match found.type:
        case FoundType.PROJECT:
            return f"/p/{name}"
        case FoundType.JOB:
            return f"/p/{project}/jobs/{name}"
        case FoundType.SCHEDULE:
            return f"/p/{project}/schedules/{name}"
        case FoundType.RUN:
            return f"/p/{project}/jobs/{quote(found.job or '', safe='')}/runs/{found.number}"
        case FoundType.WORKER:
            return f"/workers/{name}"
        case FoundType.USER:
            return f"/admin/users/{name}"


HANDLERS = [search_names]
