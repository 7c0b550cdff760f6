"""The WebSocket of the website: the handshake. What is said on it stands in `orchestra.service.live`."""

from typing import Any, Final

from litestar import WebSocket, websocket

from orchestra.domain.access import Permission
from orchestra.domain.errors import NotAuthenticated, TooMany
from orchestra.service.authorization import needs
from orchestra.service.live.connection import NOT_SIGNED_IN, TOO_MANY, Closed, Connection
from orchestra.service.parts import Parts
from orchestra.service.request import PARTS

CONNECTIONS_PER_USER: Final = 100
"""Tabs of one person, and some; each connection costs some 50 KB."""


# Open to everyone, for a handshake that is refused cannot tell a page why: the handler asks by itself.
@websocket("/live", opt=needs(Permission.WEBSITE_READ))
async def live(socket: WebSocket[Any, Any, Any]) -> None:
    """Live updates for the website, see `docs/live.md`."""
    scope: Any = socket.scope
    parts: Parts = scope[PARTS]
    if not parts.authenticator.is_own_origin(scope):
        # Before it is accepted: the server answers HTTP 403.
        await socket.close(code=1008, reason="the page is from another site")
        return
    await socket.accept()
    try:
        caller = await parts.authenticator.authenticate(scope)
    except (NotAuthenticated, TooMany) as error:
        await socket.close(code=NOT_SIGNED_IN, reason=error.detail)
        return
    user = caller.principal.user
    if parts.board.open[user] >= CONNECTIONS_PER_USER:
        await socket.close(code=TOO_MANY, reason=f"{CONNECTIONS_PER_USER} connections of {user} are open")
        return
    parts.board.open[user] += 1
    try:
        await Connection(parts, parts.board, caller, scope).serve(socket.receive, socket.send)
    except Closed as closed:
        await socket.close(code=closed.code, reason=closed.reason)
    finally:
        parts.board.open[user] -= 1


HANDLERS = [live]
