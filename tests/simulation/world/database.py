"""The server's database in a simulated world: real SQL on SQLite in memory, with delays, failures and an end.

    write ──► queue ──(latency)──► each function in a transaction ──(recorded)──► (latency) ──► the caller

Like the real writer: first come, first committed; a caller that is cancelled leaves its write to
happen. Unlike it, a write can fail before the commit (`Unavailable`), after it (`OutcomeUnknown`),
and with its process, at any of these moments.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection

from orchestra.domain.errors import OutcomeUnknown, Unavailable
from orchestra.storage.database import InlineDatabase
from simulation.world.loop import Node
from simulation.world.seams import Buggify

T = TypeVar("T")


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("it waits")


class Weather(Protocol):
    """How the database is doing: seconds of latency, and chances of failure, drawn at each call."""

    def latency(self) -> float: ...

    def fails(self) -> bool: ...

    def hides_commit(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class _Waiting:
    function: Callable[[Connection], Any]
    future: asyncio.Future[Any]


class ServerDatabase:
    """One server process's way to the one database of the world. `committed` is called after each commit."""

    def __init__(
        self, inline: InlineDatabase, node: Node, weather: Weather, buggify: Buggify, committed: Callable[[], None]
    ) -> None:
        self._inline = inline
        self._node = node
        self._weather = weather
        self._buggify = buggify
        self._committed = committed
        self._queue: deque[_Waiting] = deque()
        self._is_writing = False

    async def read(self, function: Callable[[Connection], T]) -> T:
        """See `storage.database.Database`."""
        await self._pause()
        if self._weather.fails():
            raise Unavailable("the simulated database does not answer")
        result = await self._inline.read(function)
        await self._pause()
        return result

    async def write(self, function: Callable[[Connection], T]) -> T:
        """See `storage.database.Database`."""
        self._node.check()
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(function, future))
        if not self._is_writing:
            self._is_writing = True
            self._node.spawn(self._write_all(), "writer")
        result = await future
        self._node.check()
        return result

    async def close(self) -> None:
        """The world keeps its database; only this process's way to it ends."""

    async def _write_all(self) -> None:
        while self._queue:
            await self._pause()
            group, self._queue = self._queue, deque()
            results = [(one.future, *self._execute(one)) for one in group]
            await self._pause()
            for future, value, error in results:
                if future.done():
                    continue
                if error is None:
                    future.set_result(value)
                else:
                    future.set_exception(error)
        self._is_writing = False

    def _execute(self, one: _Waiting) -> tuple[Any, Exception | None]:
        if self._weather.fails():
            return None, Unavailable("the simulated database does not answer; nothing was changed")
        if self._buggify("a write is executed twice", 0.1):
            # The real writer executes a group again when one of its functions fails.
            self._rehearse(one.function)
        try:
            value = at_once(self._inline.write(one.function))
        except Exception as error:
            return None, error
        self._committed()
        if self._weather.hides_commit():
            return None, OutcomeUnknown("the simulated database failed while it committed")
        return value, None

    def _rehearse(self, function: Callable[[Connection], Any]) -> None:
        """Execute it and roll back."""

        def and_fail(connection: Connection) -> None:
            function(connection)
            raise _RolledBack

        try:
            at_once(self._inline.write(and_fail))
        except _RolledBack:
            return
        except Exception:
            return

    async def _pause(self) -> None:
        self._node.check()
        await asyncio.sleep(self._weather.latency())
        self._node.check()


class _RolledBack(Exception):
    """Thrown to undo a rehearsal."""
