"""What every operation stands on: requests with retries, pages, streams, and answers as values or errors."""

from asyncio import sleep
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Final, Self, TypeVar, Unpack

import httpx
import msgspec

from orchestra.client import addresses
from orchestra.client.addresses import QueryValue
from orchestra.client.credentials import login_from_environment
from orchestra.client.entities import Editable, Entity, with_etag
from orchestra.client.options import (
    PATIENCE_S,
    RETRIES,
    TIMEOUT_S,
    ConnectionOptions,
    Verify,
    http_options,
    stream_timeout,
)
from orchestra.client.problems import error_of
from orchestra.client.retrying import Attempts, reason
from orchestra.client.server_sent import EventReader, ServerSentEvent
from orchestra.domain.errors import OrchestraError, Unavailable

T = TypeVar("T")
E = TypeVar("E", bound=Entity)

NOTHING: Final = object()
NO_HEADERS: Final[Mapping[str, str]] = {}

FIRST_PAGE, PAGE = 100, 1000
"""Items of a list's first page (who looks at a few does not wait for many) and of the others."""


class _Page(msgspec.Struct):
    """A page of a list; items are read one by one, as they are asked for."""

    items: list[msgspec.Raw]
    next_cursor: str | None = None


class AsyncConnection:
    """A connection to one server, which opens as many sockets as it needs and keeps them for a while.

    `server` is the base address, with the base path if there is one; `token` a token, or `user:token`
    (None: anonymous, until `sign_in`). `timeout_s` bounds the silence within one request, `retries` its
    repetitions, `patience_s` how long following and waiting bear a server that is away. `verify` is
    False, or a file or folder of certificates to trust instead of the usual ones; `proxy` an address
    (otherwise HTTP_PROXY, HTTPS_PROXY and NO_PROXY count).
    """

    def __init__(
        self,
        server: str,
        token: str | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        retries: int = RETRIES,
        patience_s: float = PATIENCE_S,
        verify: Verify = True,
        proxy: str | None = None,
    ) -> None:
        self.server = server.rstrip("/")
        self._retries = retries
        self._patience_s = patience_s
        options = http_options(self.server, token, timeout_s=timeout_s, verify=verify, proxy=proxy)
        self._http = httpx.AsyncClient(**options)

    @classmethod
    def from_environment(cls, **options: Unpack[ConnectionOptions]) -> Self:
        """A client of ORCHESTRA_SERVER with ORCHESTRA_TOKEN (every run has them), or of what `orchestra login` stored.

        Raises NotAuthenticated when there is neither.
        """
        login = login_from_environment()
        return cls(login.server, login.token, **options)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection; the client cannot be used after that."""
        await self._http.aclose()

    async def _value(self, kind: type[T], method: str, path: str, **request: Any) -> T:
        """The answer as a `kind`, which knows its ETag where it has one."""
        answer = await self._request(method, path, **request)
        found = self._decode(answer.content, kind)
        if isinstance(found, Editable):
            with_etag(found, answer.headers.get("ETag"))
        return found

    async def _items(
        self, kind: type[T], path: str, limit: int | None, filters: Mapping[str, QueryValue]
    ) -> AsyncIterator[T]:
        """The items of a list, page after page as they are asked for, at most `limit`."""
        query: dict[str, Any] = addresses.query(filters)
        left, size = limit, FIRST_PAGE
        while left is None or left > 0:
            query["limit"] = size if left is None else min(left, size)
            page = await self._value(_Page, "GET", path, params=query)
            for item in page.items:
                yield self._decode(item, kind)
            left = None if left is None else left - len(page.items)
            if page.next_cursor is None:
                return
            query["cursor"], size = page.next_cursor, PAGE

    async def _all(self, kind: type[T], path: str) -> tuple[T, ...]:
        """The items of a list that always comes whole."""
        page = await self._value(_Page, "GET", path)
        return tuple(self._decode(item, kind) for item in page.items)

    async def _is_well(self, path: str) -> bool:
        """Whether a health check outside of the API succeeds."""
        try:
            await self._request("GET", self.server + path)
        except Unavailable:
            return False
        return True

    async def _request(
        self,
        method: str,
        path: str,
        *,
        body: object = NOTHING,
        headers: Mapping[str, str] = NO_HEADERS,
        is_repeatable: bool | None = None,
        allowed: Collection[int] = (),
        **request: Any,
    ) -> httpx.Response:
        """Send, again where that is safe, and return the answer of a success or with an `allowed` status.

        Raises the error that any other answer stands for, Unavailable and OutcomeUnknown.
        """
        if body is not NOTHING:
            request["content"] = msgspec.json.encode(body)
            headers = {**headers, "Content-Type": "application/json"}
        attempts = Attempts(self.server, method, self._retries, is_repeatable=is_repeatable)
        while True:
            try:
                answer = await self._http.request(method, path, headers=headers, **request)
            except httpx.TransportError as error:
                await sleep(attempts.pause_after_error(error))
                continue
            pause_s = attempts.pause_after_answer(answer)
            if pause_s is None:
                break
            await sleep(pause_s)
        if answer.status_code in allowed or attempts.was_done_before(answer):
            return answer
        refused = attempts.doubt(answer) or error_of(answer, self.server)
        if refused is not None:
            raise refused
        return answer

    @asynccontextmanager
    async def _stream(
        self, path: str, *, allowed: Collection[int] = (), **request: Any
    ) -> AsyncIterator[httpx.Response]:
        """An answer whose body is read piece by piece. Raises Unavailable when the connection breaks."""
        try:
            async with self._http.stream("GET", path, **request) as answer:
                if not answer.is_success and answer.status_code not in allowed:
                    await answer.aread()
                    refused = error_of(answer, self.server)
                    if refused is not None:
                        raise refused
                yield answer
        except httpx.TransportError as error:
            raise Unavailable(f"{self.server} does not answer: {reason(error)}") from error

    async def _events(
        self, path: str, reader: EventReader, quiet_s: float, **request: Any
    ) -> AsyncGenerator[ServerSentEvent | None, None]:
        """What a stream of events brings until it ends; None for a sign of life without an event."""
        async with self._stream(path, timeout=stream_timeout(quiet_s), **request) as answer:
            async for piece in answer.aiter_bytes():
                for event in reader.receive(piece):
                    yield event
                yield None

    def _decode(self, content: bytes | msgspec.Raw, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(content, type=kind)
        except msgspec.DecodeError as error:
            raise OrchestraError(
                f"{self.server} answered something that is not Orchestra's API ({error}); is the address right, "
                "with its base path?"
            ) from error


def version_header(version: str | Editable | None) -> dict[str, str]:
    """The header of a change that holds only for one version: an ETag, or the entity that was read.

    Raises ValueError for an entity without one, for a change that was meant to be guarded must not go unguarded.
    """
    if version is None:
        return {}
    tag = version if isinstance(version, str) else version.etag
    if tag is None:
        raise ValueError(f"this {type(version).__name__} comes without a version (from a list?); read it by its name")
    return {"If-Match": tag}
