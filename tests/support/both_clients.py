"""One set of tests for both clients: the asynchronous one behind the synchronous one's methods.

    @pytest.fixture(params=["synchronous", "asynchronous"])
    def client(request, …): with connect(request.param, url, token) as client: yield client

What is typed as `Client` is either the real one, or a stand-in that runs each call of an `AsyncClient` on
an event loop of its own, in a thread; its iterators are read item by item, as a caller would.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import contextmanager
from inspect import isawaitable
from typing import Any, Final, cast

from orchestra.client import AsyncClient, Client

KINDS: Final = ("synchronous", "asynchronous")
WAIT_S: Final = 60.0


class _Blocking:
    """An `AsyncClient` whose operations block."""

    def __init__(self, client: AsyncClient, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._loop = loop

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_S)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            result = found(*args, **kwargs)
            if isinstance(result, AsyncIterator):
                return self._items(result)
            return self._run(_awaited(result)) if isawaitable(result) else result

        return call

    def _items(self, items: AsyncIterator[Any]) -> Iterator[Any]:
        end = object()
        try:
            while (item := self._run(_awaited(anext(items, end)))) is not end:
                yield item
        finally:
            self._run(_awaited(cast("Any", items).aclose()))


async def _awaited(value: Any) -> Any:
    return await value


@contextmanager
def connect(kind: str, server: str, token: str | None = None, **options: Any) -> Iterator[Client]:
    """A client of one of the `KINDS`; closed at the end, and its loop with it."""
    if kind == "synchronous":
        with Client(server, token, **options) as client:
            yield client
        return
    with event_loop() as loop:

        async def made() -> AsyncClient:
            return AsyncClient(server, token, **options)

        client_ = asyncio.run_coroutine_threadsafe(made(), loop).result(WAIT_S)
        try:
            yield cast("Client", _Blocking(client_, loop))
        finally:
            asyncio.run_coroutine_threadsafe(client_.aclose(), loop).result(WAIT_S)


@contextmanager
def event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(WAIT_S)
        loop.close()
