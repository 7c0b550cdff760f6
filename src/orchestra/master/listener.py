"""Listener: the ASGI application behind the workers' address. Authenticates, then hands over one transport.

Refused with a proper HTTP answer, before anything is accepted: a request with `Origin` or `Cookie`
(a browser: S-35), without a valid bearer token (401), without the role Worker (403). The body is a
problem document whose `detail` the worker shows. Everything else about workers is the link's.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from orchestra.domain.access import Principal, TokenKind
from orchestra.domain.errors import Unavailable
from orchestra.master.app import Master
from orchestra.master.authority import refusal
from orchestra.storage import authentications
from orchestra.telemetry import LogEvent, emit
from orchestra.wire.messages import FRAME_LIMIT_BYTES

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CLOSE_REASON_BYTES: Final = 123
"""Most bytes of a close frame's reason (RFC 6455 section 5.5)."""
WEBSOCKET_BYTES: Final = FRAME_LIMIT_BYTES
"""What the WebSocket server must let through: `ws_max_size` of uvicorn."""
_TITLES: Final = {401: "not authenticated", 403: "not allowed", 503: "unavailable"}


class Listener:
    """An ASGI application for scopes of the type `websocket`."""

    def __init__(self, master: Master) -> None:
        self._master = master

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection until it ends."""
        message = await receive()
        if message["type"] != "websocket.connect":
            return
        found = await self._principal(scope)
        if isinstance(found, tuple):
            await self._refuse(scope, send, *found)
            return
        await send({"type": "websocket.accept"})
        await self._master.serve_worker(AsgiTransport(receive, send), found)

    async def _principal(self, scope: MutableMapping[str, Any]) -> Principal | tuple[int, str]:
        """Return who connects, or (HTTP status, reason)."""
        headers = {name.lower(): value for name, value in scope["headers"]}
        if b"origin" in headers or b"cookie" in headers:
            return 403, "this address is for workers; browsers (Origin, Cookie) are refused"
        scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return 401, "expected the header Authorization: Bearer TOKEN, with a token of a user with the role Worker"
        now = self._master.parts.clock.now()
        try:
            principal = await self._master.parts.database.read(
                lambda connection: authentications.authenticate(connection, token.strip(), now)
            )
        except Unavailable as error:
            return 503, error.detail
        if principal is None or principal.kind is TokenKind.SESSION:
            return 401, "the token is unknown, expired or deleted"
        refused = refusal(principal)
        if refused is not None:
            return 403, refused
        await self._note_use(principal)
        return principal

    async def _note_use(self, principal: Principal) -> None:
        identifier, now = principal.authentication, self._master.parts.clock.now()
        if identifier is None:
            return
        try:
            await self._master.parts.database.write(
                lambda connection: authentications.used(connection, identifier, now)
            )
        except Unavailable:
            return  # When a token was used last is worth nothing to a server that cannot write.

    async def _refuse(self, scope: MutableMapping[str, Any], send: Send, status: int, reason: str) -> None:
        client = scope.get("client")
        emit(LogEvent.WORKER_REFUSED, client=client[0] if client else "unknown", reason=reason)
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008, "reason": reason})
            return
        problem = {"type": "about:blank", "title": _TITLES[status], "status": status, "detail": reason}
        headers = [(b"content-type", b"application/problem+json"), (b"cache-control", b"no-store")]
        if status == 401:
            headers.append((b"www-authenticate", b'Bearer realm="orchestra"'))
        if status == 503:
            headers.append((b"retry-after", b"5"))
        await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": json.dumps(problem).encode()})


class AsgiTransport:
    """An accepted ASGI WebSocket as a `Transport`."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._has_ended = asyncio.Event()

    async def send(self, frame: bytes) -> None:
        """See `Transport`."""
        if self._has_ended.is_set():
            raise ConnectionError("the connection has ended")
        try:
            await self._send({"type": "websocket.send", "bytes": frame})
        except (OSError, RuntimeError) as error:
            # Servers differ in what they raise when the other end has gone (ASGI specification, "Disconnected client").
            self._has_ended.set()
            raise ConnectionError("the connection has ended") from error

    async def receive(self) -> bytes | None:
        """See `Transport`. A text frame is no frame of the protocol: it is returned as its bytes, and refused there."""
        if self._has_ended.is_set():
            return None
        message = await self._receive()
        if message["type"] != "websocket.receive":
            self._has_ended.set()
            return None
        data: bytes | None = message.get("bytes")
        return data if data is not None else str(message.get("text", "")).encode()

    async def close(self, code: int, reason: str) -> None:
        """See `Transport`."""
        if self._has_ended.is_set():
            return
        self._has_ended.set()
        short = reason.encode()[:CLOSE_REASON_BYTES].decode(errors="ignore")
        try:
            await self._send({"type": "websocket.close", "code": int(code), "reason": short})
        except (OSError, RuntimeError):
            return
