"""Database: the one door to the tables. `read` and `write` take functions of a connection.

    async with two verbs:   run = await database.read(lambda connection: runs.get(connection, identifier))
                            run = await database.write(lambda connection: runs.insert(connection, new, now))

Rules: a function does nothing but SQL (it may be executed twice, and on another thread) and never
keeps the connection. `read` sees one snapshot and cannot write; a read that begins after a write was
acknowledged sees it. `write` returns after the commit: what is returned is durable. All that waits is
committed together (`writer`).

`open_database` gives the real thing; `InlineDatabase` executes everything at once on the caller's
thread, on SQLite in memory, for simulated worlds. Both satisfy `Database`.

Errors of both: what the function raises; Unavailable (nothing was changed); OutcomeUnknown (a subclass:
the commit failed half way, read again).
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from orchestra.domain.errors import Unavailable
from orchestra.storage.engine import failure, memory_engine, parse_url, reader_engine, writer_engine
from orchestra.storage.migrate import migrate
from orchestra.storage.schema import metadata
from orchestra.storage.writer import Done, Work, Writer

T = TypeVar("T")

READERS: Final = 4
"""Threads that read: more only wait for one another's interpreter lock."""
WRITES_WAITING: Final = 10_000
"""Writes that may wait, about a second of work: beyond, callers are told to come back."""
READS_WAITING: Final = 2_000


class Database(Protocol):
    """What every part that reads or writes rows is given."""

    async def read(self, function: Callable[[Connection], T]) -> T:
        """Return what `function` returns of a snapshot."""
        ...

    async def write(self, function: Callable[[Connection], T]) -> T:
        """Return what `function` returns, after the commit."""
        ...

    async def close(self) -> None:
        """Finish what was accepted, then release everything."""
        ...


def open_database(url: str | URL, *, readers: int = READERS, writes_waiting: int = WRITES_WAITING) -> "PooledDatabase":
    """Open the database at `url` (`sqlite:///PATH`, `postgresql://…`), creating and migrating it first.

    Blocks (a fresh SQLite file: some 100 ms). Raises InvalidContent for a URL that does not fit, and
    Unavailable when the database does not answer or was written by a newer Orchestra.
    """
    parsed = parse_url(url)
    migrate(parsed)
    return PooledDatabase(parsed, readers, writes_waiting)


class PooledDatabase:
    """One writer thread and a few readers. Its methods belong to event loops; any number of them."""

    def __init__(self, url: URL, readers: int, writes_waiting: int) -> None:
        self._writer = Writer(writer_engine(url), writes_waiting, _deliver)
        self._engine = reader_engine(url)
        self._local = threading.local()
        self._connections: list[Connection] = []
        self._pool = ThreadPoolExecutor(readers, thread_name_prefix="orchestra-reader")
        self._reading = 0
        self._is_closed = False

    async def read(self, function: Callable[[Connection], T]) -> T:
        """Return what `function` returns of a snapshot."""
        if self._is_closed:
            raise Unavailable("the database is closed")
        if self._reading >= READS_WAITING:
            raise Unavailable(f"{READS_WAITING} reads wait already")
        self._reading += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._read, function)
        finally:
            self._reading -= 1

    async def write(self, function: Callable[[Connection], T]) -> T:
        """Return what `function` returns, after the commit. A caller that is cancelled leaves it to happen."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._writer.put(Work(function, (loop, future)))
        return await future

    async def close(self) -> None:
        """Refuse what comes now, finish what was accepted, and close every connection."""
        self._is_closed = True
        await asyncio.get_running_loop().run_in_executor(None, self._close)

    def _close(self) -> None:
        self._writer.close()
        self._pool.shutdown(wait=True)
        for connection in self._connections:
            _throw_away(connection)
        self._connections.clear()
        self._engine.dispose()

    def _read(self, function: Callable[[Connection], T]) -> T:
        """On a reader's thread: one transaction on its own connection, again on a new one if it was closed since."""
        try:
            return self._read_once(function)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise failure(error) or error from error
        try:
            return self._read_once(function)
        except DBAPIError as error:
            raise failure(error) or error from error

    def _read_once(self, function: Callable[[Connection], T]) -> T:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._engine.connect()
            self._connections.append(connection)
        try:
            with connection.begin() as transaction:
                result = function(connection)
                transaction.rollback()
                return result
        except SQLAlchemyError:
            # Whatever went wrong, the next read begins on a connection that nothing happened to.
            self._forget(connection)
            raise

    def _forget(self, connection: Connection) -> None:
        self._local.connection = None
        self._connections.remove(connection)
        _throw_away(connection)


def _throw_away(connection: Connection) -> None:
    try:
        connection.invalidate()
        connection.close()
    except SQLAlchemyError:
        # It was broken already, which is why it is thrown away.
        return


def _deliver(group: Sequence[Done]) -> None:
    """On the writer's thread: hand a group's results to the loops of their callers, one wake-up a loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Done]] = {}
    for done in group:
        by_loop.setdefault(done.token[0], []).append(done)
    for loop, results in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, results)
        except RuntimeError:
            # That loop is closed: nobody waits there any more. The others must hear of theirs.
            continue


def _resolve(results: list[Done]) -> None:
    for done in results:
        future: asyncio.Future[Any] = done.token[1]
        if future.done():
            # The caller was cancelled; what it asked for has happened all the same.
            continue
        if done.error is None:
            future.set_result(done.value)
        else:
            future.set_exception(done.error)


class Moment(StrEnum):
    """When an `InlineDatabase` calls its hook."""

    BEFORE_READ = "before_read"
    BEFORE_COMMIT = "before_commit"
    """Raising here means: nothing was changed."""
    AFTER_COMMIT = "after_commit"
    """Raising here means: it was changed, and the caller does not learn it."""


class InlineDatabase:
    """SQLite in memory; every call is executed at once, on the caller's thread, without yielding to the loop.

    `hook` is called at each `Moment`; what it raises reaches the caller.
    """

    def __init__(self, hook: Callable[[Moment], None] | None = None) -> None:
        self._connection = _memory().connect()
        self.hook = hook

    async def read(self, function: Callable[[Connection], T]) -> T:
        """Return what `function` returns; what it writes is undone."""
        self._call_hook(Moment.BEFORE_READ)
        transaction = self._connection.begin()
        try:
            return function(self._connection)
        finally:
            transaction.rollback()

    async def write(self, function: Callable[[Connection], T]) -> T:
        """Return what `function` returns, after the commit."""
        transaction = self._connection.begin()
        try:
            result = function(self._connection)
            self._call_hook(Moment.BEFORE_COMMIT)
        except BaseException:
            transaction.rollback()
            raise
        transaction.commit()
        self._call_hook(Moment.AFTER_COMMIT)
        return result

    async def close(self) -> None:
        """Release the memory; the content is gone."""
        self._connection.close()

    def _call_hook(self, moment: Moment) -> None:
        if self.hook is not None:
            self.hook(moment)


@lru_cache(maxsize=1)
def _memory() -> Engine:
    """The engine of all databases in memory: statements are compiled once in a process, not for each world."""
    return memory_engine(_empty_image())


def _empty_image() -> bytes:
    """The file of an empty database with all tables: copying it is faster than making them for each world."""
    engine: Engine = memory_engine()
    with engine.connect() as connection:
        metadata.create_all(connection)
        connection.commit()
        image: bytes = connection.connection.driver_connection.serialize()  # type: ignore[union-attr]
    engine.dispose()
    return image
