"""The edge: the outermost ASGI application, between uvicorn and Litestar.

    every request gets an identifier, every answer the security headers
    outside the base path → 404; /api, /health, /metrics → Litestar; anything else → the website's files
    a path or query that is no percent-encoded UTF-8, or holds U+0000 → 400 (no database takes them)
    HEAD is answered as GET, without the body; OPTIONS and 405 name every method of the resource
    whatever escapes Litestar is a problem document, never a stack trace

WebSockets and the lifespan pass through to Litestar.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from litestar import Litestar
from litestar.routes import HTTPRoute

from orchestra.domain.errors import NotFound, OrchestraError, Problem
from orchestra.service.access_watch import AccessEndedError
from orchestra.service.client_address import client_of, networks
from orchestra.service.parts import Parts
from orchestra.service.problems import REQUEST_ID, HttpProblem, send_problem
from orchestra.service.request import PARTS
from orchestra.service.security_headers import complete
from orchestra.service.website import ASSETS, Website

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
API_ROOTS: Final = frozenset({"api", "health", "metrics"})
"""First segments of paths that are never the website's."""


class Edge:
    """Wraps the Litestar application."""

    def __init__(self, inner: Litestar, parts: Parts, website: Website) -> None:
        self._inner: Any = inner
        self._methods = _methods(inner)
        self._parts = parts
        self._website = website
        self._base = parts.settings.base_path
        self._trusted = networks(parts.settings.trusted_proxies)
        # Together they name a request among all of all servers; nothing depends on that nobody guesses it.
        self._process = parts.random.randbytes(5).hex()
        self._requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
            return
        path = self._inside(scope["path"])
        client = client_of(scope, self._trusted)
        scope = {**scope, "path": path or "", "root_path": "", "client": client, PARTS: self._parts}
        if scope["type"] == "websocket":
            await self._websocket(scope, path, receive, send)
        else:
            await self._http(scope, path, receive, send)

    def _inside(self, path: str) -> str | None:
        """The path without the base path; None for a path outside."""
        if not self._base:
            return path
        if path == self._base:
            return "/"
        return path[len(self._base) :] if path.startswith(self._base + "/") else None

    async def _websocket(self, scope: Scope, path: str | None, receive: Receive, send: Send) -> None:
        if path is None:
            # Closing before accepting makes the server answer HTTP 403.
            await send({"type": "websocket.close", "code": 1000, "reason": ""})
            return
        await self._inner(scope, receive, send)

    async def _http(self, scope: Scope, path: str | None, receive: Receive, send: Send) -> None:
        self._requests += 1
        identifier = f"{self._process}{self._requests:x}"
        scope[REQUEST_ID] = identifier
        is_head = scope["method"] == "HEAD"
        if is_head:
            scope["method"] = "GET"
        reply = _Reply(send, identifier, is_head=is_head, is_secure=self._parts.settings.is_secure)
        try:
            _check_address(scope)
            if path is None:
                raise NotFound("nothing here; this server lives under its base path")
            if path.partition("/")[2].partition("/")[0] in API_ROOTS:
                if b"%2f" in (scope.get("raw_path") or b"").lower():
                    # Decoded already, it would lead to another place than the client meant.
                    raise NotFound("no such resource; no name has a slash in it")
                if scope["method"] == "OPTIONS":
                    reply.methods = lambda: self._methods.get(scope.get("path_template", ""), ())
                await self._inner(scope, receive, reply)
            else:
                await self._serve_file(scope, path, reply)
        except Exception as error:
            if reply.is_done or _is_cut_off(error):
                # The server closes a connection whose answer is not complete: the client sees that bytes are missing.
                return
            if reply.is_started:
                raise
            await send_problem(scope, reply, error)

    async def _serve_file(self, scope: Scope, path: str, reply: "_Reply") -> None:
        if scope["method"] != "GET":
            raise HttpProblem(405, "this resource does not have that method", headers={"Allow": "GET, HEAD"})
        found = self._website.file(path, dict(scope["headers"]))
        if found is None and path.startswith(ASSETS):
            raise NotFound("no such file; the website may have been replaced: load the page again")
        if found is None:
            nonce = self._parts.random.randbytes(16).hex()
            found = self._website.page(nonce, is_signed_in=await self._is_signed_in(scope))
        headers = [(name.encode(), value.encode("latin-1")) for name, value in found.headers.items()]
        headers.append((b"content-length", str(len(found.body)).encode()))
        await reply({"type": "http.response.start", "status": found.status, "headers": headers})
        await reply({"type": "http.response.body", "body": found.body})

    async def _is_signed_in(self, scope: Scope) -> bool:
        """Whether the page's first requests will be answered; saves the page a request that would be refused."""
        try:
            await self._parts.authenticator.authenticate(scope)
        except OrchestraError:
            return False
        return True


def _is_cut_off(error: BaseException | None) -> bool:
    """Whether this is, or came of, the end of the caller's access in the middle of an answer."""
    if isinstance(error, BaseExceptionGroup):
        return any(_is_cut_off(one) for one in error.exceptions)
    return error is not None and (isinstance(error, AccessEndedError) or _is_cut_off(error.__cause__))


def _methods(app: Litestar) -> Mapping[str, tuple[str, ...]]:
    """Path → its methods. Litestar's own answer to OPTIONS knows only the first that was registered."""
    return {route.path_format: tuple(route.methods) for route in app.routes if isinstance(route, HTTPRoute)}


_BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def _check_address(scope: Scope) -> None:
    """Refuse what is no text: what follows would read it as other text, or hand it to a database that refuses it."""
    problems = []
    for name, raw in (("path", scope.get("raw_path") or b""), ("query", scope.get("query_string") or b"")):
        found = unquote_to_bytes(raw)
        if _BAD_ESCAPE.search(raw):
            problems.append(Problem(name, "expected two hexadecimal digits after each %"))
        elif b"\0" in found:
            problems.append(Problem(name, "contains the character U+0000"))
        elif not _is_utf8(found):
            problems.append(Problem(name, "expected UTF-8, percent-encoded"))
    if problems:
        raise HttpProblem(400, "the address of the request cannot be understood", errors=tuple(problems))


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


class _Reply:
    """`send` with the headers of every answer, and without the body for HEAD."""

    __slots__ = ("_identifier", "_is_head", "_is_secure", "_send", "is_done", "is_started", "methods")

    def __init__(self, send: Send, identifier: str, *, is_head: bool, is_secure: bool) -> None:
        self._send = send
        self._identifier = identifier
        self._is_head = is_head
        self._is_secure = is_secure
        self.is_started = False
        self.is_done = False
        self.methods: Callable[[], tuple[str, ...]] | None = None
        """For an answer to OPTIONS: what the resource has."""

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.is_started = True
            headers = complete(list(message.get("headers", ())), is_secure=self._is_secure)
            headers.append((b"orchestra-request-id", self._identifier.encode()))
            headers = [(name, self._allow(value) if name.lower() == b"allow" else value) for name, value in headers]
            message = {**message, "headers": headers}
        elif self._is_head and message["type"] == "http.response.body":
            await self._send({"type": "http.response.body", "body": b""})
            self.is_done = True
            if message.get("more_body", False):
                # Whoever streams must not go on without an end for somebody who has left.
                raise _HeadIsOver
            return
        await self._send(message)

    def _allow(self, value: bytes) -> bytes:
        """Every method of the resource: those that the answer names or the route has, and HEAD beside GET."""
        found = set(self.methods() if self.methods is not None else ()) or set(re.findall(r"[A-Z]+", value.decode()))
        if "GET" in found:
            found.add("HEAD")
        return ", ".join(sorted(found)).encode()


class _HeadIsOver(Exception):
    """The answer to HEAD is complete."""
