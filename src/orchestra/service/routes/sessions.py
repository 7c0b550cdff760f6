"""Sessions of the website: which there are, and ending them, one or all."""

from typing import Any

from litestar import delete, get
from litestar.params import FromPath
from litestar.response import Response
from sqlalchemy import Connection

from orchestra.domain.access import Permission
from orchestra.domain.errors import NotFound, OrchestraError
from orchestra.service import entities
from orchestra.service.authentication import session_idle
from orchestra.service.authorization import needs
from orchestra.service.entities import Listing, SessionEntity
from orchestra.service.listing import Cursor, Limit, Order
from orchestra.service.outcome import settle
from orchestra.service.request import ApiRequest
from orchestra.service.sign_in import cookie, tell_access_changed
from orchestra.storage import sessions, users
from orchestra.storage.sessions import End


@get("/me/sessions", operation_id="listOwnSessions", tags=["account"], opt=needs(Permission.OWN_TOKEN_READ))
async def list_own_sessions(
    *, request: ApiRequest, limit: Limit = 100, cursor: Cursor = None, order: Order = None
) -> Listing[SessionEntity]:
    """List where you are signed in, as last used first."""
    return await _list(request, request.principal.user, limit, cursor, order)


@delete("/me/sessions", operation_id="endOwnSessions", tags=["account"], opt=needs(Permission.ACCOUNT_UPDATE))
async def end_own_sessions(request: ApiRequest) -> Response[None]:
    """Sign out everywhere: all your sessions end, this one included. Tokens stay."""
    now, user = request.parts.clock.now(), request.principal.user
    await request.parts.database.write(
        lambda rows: sessions.end_all(rows, user, now, reason=End.SIGNED_OUT, actor=user)
    )
    tell_access_changed(request.parts)
    return _ended(request, takes_cookie=request.caller.session is not None)


@delete(
    "/me/sessions/{identifier:str}",
    operation_id="endOwnSession",
    tags=["account"],
    opt=needs(Permission.ACCOUNT_UPDATE),
)
async def end_own_session(request: ApiRequest, identifier: FromPath[str]) -> Response[None]:
    """Sign out in one place."""
    now, user = request.parts.clock.now(), request.principal.user
    ended = await request.parts.database.write(
        lambda rows: sessions.end(rows, user, identifier, now, reason=End.REVOKED, actor=user)
    )
    if not ended:
        raise NotFound(f"you have no session {identifier}")
    tell_access_changed(request.parts)
    return _ended(request, takes_cookie=request.caller.session == identifier)


@get("/users/{user:str}/sessions", operation_id="listSessions", tags=["users"], opt=needs(Permission.USER_INSPECT))
async def list_sessions(
    *, request: ApiRequest, user: FromPath[str], limit: Limit = 100, cursor: Cursor = None, order: Order = None
) -> Listing[SessionEntity]:
    """List where a user is signed in, as last used first."""
    return await _list(request, user, limit, cursor, order)


@delete("/users/{user:str}/sessions", operation_id="endSessions", tags=["users"], opt=needs(Permission.USER_UPDATE))
async def end_sessions(request: ApiRequest, user: FromPath[str]) -> None:
    """End all sessions of a user. Tokens stay; delete or expire them one by one, or disable the user."""
    now, actor = request.parts.clock.now(), request.principal.user

    def write(rows: Connection) -> OrchestraError | None:
        if users.get(rows, user) is None:
            return NotFound(f"there is no user {user}")
        sessions.end_all(rows, user, now, reason=End.REVOKED, actor=actor)
        return None

    settle(await request.parts.database.write(write))
    tell_access_changed(request.parts)


async def _list(
    request: ApiRequest, user: str, limit: int, cursor: str | None, order: str | None
) -> Listing[SessionEntity]:
    now, current = request.parts.clock.now(), request.caller.session

    def read(rows: Connection) -> Listing[SessionEntity]:
        found = users.get(rows, user)
        if found is None and request.principal.user != user:
            raise NotFound(f"there is no user {user}")
        idle = session_idle(() if found is None else found.roles)
        page = sessions.page(rows, user, now, idle=idle, order=order, cursor=cursor, limit=limit)
        return Listing(items=[entities.session(one, current) for one in page.items], next_cursor=page.next_cursor)

    return await request.parts.database.read(read)


def _ended(request: ApiRequest, *, takes_cookie: bool) -> Response[None]:
    return Response(None, status_code=204, cookies=[cookie(request.parts, "", None)] if takes_cookie else None)


HANDLERS: list[Any] = [list_own_sessions, end_own_sessions, end_own_session, list_sessions, end_sessions]
