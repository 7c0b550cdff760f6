"""Workers: who is known, who is connected, and how a machine is drained."""

from typing import Annotated, Any, Final

import msgspec
from litestar import delete, get, patch, post
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import Response
from msgspec import UNSET, UnsetType
from sqlalchemy import Connection

from orchestra.domain.access import Permission
from orchestra.domain.errors import Conflict, NotFound, OrchestraError
from orchestra.service import conditional, entities
from orchestra.service.authorization import needs, not_allowed
from orchestra.service.entities import Listing, WorkerEntity
from orchestra.service.headers import IfMatch, IfNoneMatch
from orchestra.service.listing import Cursor, IsEnabled, Limit, Order
from orchestra.service.outcome import settle
from orchestra.service.request import ApiRequest
from orchestra.service.workers_view import read_worker, used_slots
from orchestra.storage import hints, workers
from orchestra.storage.paging import Asked

Owner = Annotated[str | None, QueryParameter(description="Only workers that belong to this user.")]
IsActive = Annotated[bool | None, QueryParameter(description="Only those that are connected now, or that are not.")]

NAME_LENGTH: Final = 256
NOTE_LENGTH: Final = 4096


class WorkerChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be changed of a worker; what is absent stays."""

    is_enabled: bool | UnsetType = UNSET
    note: Annotated[str, msgspec.Meta(max_length=NOTE_LENGTH)] | UnsetType = UNSET
    display_name: Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_LENGTH)] | UnsetType = UNSET


@get("/workers", operation_id="listWorkers", tags=["workers"], opt=needs(Permission.WORKER_READ))
async def list_workers(
    *,
    request: ApiRequest,
    owner: Owner = None,
    is_enabled: IsEnabled = None,
    is_active: IsActive = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    order: Order = None,
) -> Listing[WorkerEntity]:
    """List the workers that ever connected."""
    asked = Asked(order=order, cursor=cursor, limit=limit)

    def read(rows: Connection) -> Listing[WorkerEntity]:
        used = used_slots(rows)
        page = workers.page(rows, asked, owner=owner, is_enabled=is_enabled, is_active=is_active)
        items = [entities.worker(one, used.get(one.identifier, 0)) for one in page.items]
        return Listing(items=items, next_cursor=page.next_cursor)

    return await request.parts.database.read(read)


@get("/workers/{worker:str}", operation_id="getWorker", tags=["workers"], opt=needs(Permission.WORKER_READ))
async def get_worker(
    request: ApiRequest, worker: FromPath[str], if_none_match: IfNoneMatch = None
) -> Response[WorkerEntity]:
    """Read one worker."""
    entity = await request.parts.database.read(lambda rows: read_worker(rows, worker))
    return conditional.answer(entity, if_none_match)


@patch("/workers/{worker:str}", operation_id="changeWorker", tags=["workers"], opt=needs(Permission.WORKER_ENABLE))
async def change_worker(
    request: ApiRequest, worker: FromPath[str], data: JSONBody[WorkerChange], if_match: IfMatch = None
) -> Response[WorkerEntity]:
    """Change a worker: enable or disable it (a disabled one gets no new runs), its note, its display name."""
    if data.display_name is not UNSET and not request.principal.can(Permission.WORKER_UPDATE):
        raise not_allowed(request.principal, Permission.WORKER_UPDATE)
    parts, now, actor = request.parts, request.parts.clock.now(), request.principal.user
    given: dict[str, Any] = {
        name: value for name in data.__struct_fields__ if (value := getattr(data, name)) is not UNSET
    }

    def write(rows: Connection) -> WorkerEntity | OrchestraError:
        before = workers.get(rows, worker)
        if before is None:
            return NotFound(f"there is no worker {worker}")
        present = entities.worker(before, used_slots(rows).get(worker, 0))
        refused = conditional.check(if_match, present)
        if refused is not None:
            return refused
        return entities.worker(workers.patch(rows, worker, now, **given, actor=actor), present.active_runs)

    entity = settle(await parts.database.write(write))
    for topic in (hints.EVENT, hints.PENDING, hints.wish(worker)):
        parts.hints.publish(topic)
    return conditional.answer(entity)


@delete("/workers/{worker:str}", operation_id="deleteWorker", tags=["workers"], opt=needs(Permission.WORKER_UPDATE))
async def delete_worker(request: ApiRequest, worker: FromPath[str], if_match: IfMatch = None) -> None:
    """Forget a worker. 409 while it is connected or has runs that have not ended."""
    now, actor = request.parts.clock.now(), request.principal.user

    def write(rows: Connection) -> OrchestraError | None:
        before = workers.get(rows, worker)
        if before is None:
            return NotFound(f"there is no worker {worker}")
        refused = conditional.check(if_match, entities.worker(before, 0))
        if refused is not None:
            return refused
        try:
            workers.delete(rows, worker, now, actor=actor)
        except Conflict as error:
            return error
        return None

    settle(await request.parts.database.write(write))
    request.parts.hints.publish(hints.EVENT)


@post(
    "/workers/{worker:str}/disconnect",
    operation_id="disconnectWorker",
    tags=["workers"],
    opt=needs(Permission.WORKER_ENABLE),
    status_code=200,
)
async def disconnect_worker(request: ApiRequest, worker: FromPath[str]) -> WorkerEntity:
    """Close the worker's connection once. It keeps its runs and connects again; disable it to drain it.

    409 when it is not connected.
    """
    now, actor = request.parts.clock.now(), request.principal.user

    def write(rows: Connection) -> WorkerEntity | OrchestraError:
        before = workers.get(rows, worker)
        if before is None:
            return NotFound(f"there is no worker {worker}")
        if not before.is_active:
            return Conflict(f"the worker {worker} is not connected")
        after = workers.patch(rows, worker, now, should_disconnect=True, actor=actor)
        return entities.worker(after, used_slots(rows).get(worker, 0))

    entity = settle(await request.parts.database.write(write))
    request.parts.hints.publish(hints.wish(worker))
    request.parts.hints.publish(hints.EVENT)
    return entity


HANDLERS = [list_workers, get_worker, change_worker, delete_worker, disconnect_worker]
