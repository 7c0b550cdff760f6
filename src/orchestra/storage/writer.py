"""Group commit: one thread that executes everything that waits to be written, in one transaction.

    caller ──put──► queue (bounded) ──► BEGIN · f1 · f2 · … · fn · COMMIT ──► every caller its result

While one group commits (a sync to the disk takes up to a millisecond), the next one gathers, so the
more there is to do, the less a write costs. A function that raises fails alone: the group is rolled
back and done again with a savepoint around each. So functions must be repeatable: they do nothing
but SQL. Results and errors reach the callers only after the commit.

When the database fails, the group fails with `Unavailable`; when it fails during the commit, with
`OutcomeUnknown`, for then only reading again tells what happened. Neither is repeated here: the
callers know what they can repeat.

It does not know asyncio: `Work.done` is called on this thread, with all that a group has finished.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from orchestra.domain.errors import OutcomeUnknown, Unavailable
from orchestra.storage.engine import failure

GROUP: Final = 512
"""Most functions in one transaction: a group of small writes stays below some 50 ms, so that nobody waits long."""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one function: `token` is what its caller gave; `error` None means success."""

    token: Any
    value: Any
    error: Exception | None


@dataclass(frozen=True, slots=True)
class Work:
    """One function that waits, and its caller's token."""

    function: Callable[[Connection], Any]
    token: Any


class Writer:
    """The thread and its queue. `deliver` is called on the thread with what each group finished, in order."""

    def __init__(self, engine: Engine, limit: int, deliver: Callable[[Sequence[Done]], None]) -> None:
        self._engine = engine
        self._limit = limit
        self._deliver = deliver
        self._waiting: deque[Work] = deque()
        self._condition = threading.Condition()
        self._closing = False
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._run, name="orchestra-writer", daemon=True)
        self._thread.start()

    def put(self, work: Work) -> None:
        """Queue `work`. Raises Unavailable when the queue is full or closed; it is not queued then."""
        with self._condition:
            if self._closing:
                raise Unavailable("the database is closed; nothing was changed")
            if len(self._waiting) >= self._limit:
                raise Unavailable(f"{self._limit} writes wait already; nothing was changed")
            self._waiting.append(work)
            self._condition.notify()

    def close(self) -> None:
        """Refuse new work, finish what waits, and end the thread. Blocks until then."""
        with self._condition:
            self._closing = True
            self._condition.notify()
        self._thread.join()

    def _run(self) -> None:
        while group := self._next():
            try:
                done = self._write(group)
            except Exception as error:
                # A defect of ours. Whoever waits must hear of it, and the thread must live for all others.
                self._disconnect()
                done = [Done(work.token, None, error) for work in group]
            self._deliver(done)
        self._disconnect()
        self._engine.dispose()

    def _next(self) -> list[Work]:
        """Wait for work; empty only when closing and nothing is left."""
        with self._condition:
            self._condition.wait_for(lambda: self._waiting or self._closing)
            return [self._waiting.popleft() for _ in range(min(GROUP, len(self._waiting)))]

    def _write(self, group: list[Work]) -> list[Done]:
        try:
            try:
                return self._together(group)
            except _OneFailed:
                return self._apart(group)
        except Unavailable as error:
            self._disconnect()
            return [Done(work.token, None, error) for work in group]

    def _together(self, group: list[Work]) -> list[Done]:
        connection = self._begin()
        done = []
        for work in group:
            try:
                done.append(Done(work.token, work.function(connection), None))
            except Exception as error:
                self._rollback(connection)
                _raise_failure(error)
                if len(group) == 1:
                    return [Done(work.token, None, error)]
                raise _OneFailed from error
        self._commit(connection)
        return done

    def _apart(self, group: list[Work]) -> list[Done]:
        connection = self._begin()
        done = []
        for work in group:
            try:
                connection.exec_driver_sql("SAVEPOINT one")
                value = work.function(connection)
                connection.exec_driver_sql("RELEASE SAVEPOINT one")
                done.append(Done(work.token, value, None))
            except Exception as error:
                try:
                    _raise_failure(error)
                    connection.exec_driver_sql("ROLLBACK TO SAVEPOINT one")
                except SQLAlchemyError as broken:
                    self._rollback(connection)
                    raise Unavailable("the database does not answer; nothing was changed") from broken
                except Unavailable:
                    self._rollback(connection)
                    raise
                done.append(Done(work.token, None, error))
        self._commit(connection)
        return done

    def _begin(self) -> Connection:
        """Begin on the connection that we have; when the server closed it meanwhile, on a new one."""
        had_one = self._connection is not None
        try:
            return self._begin_once()
        except DBAPIError as error:
            self._disconnect()
            if not (had_one and error.connection_invalidated):
                raise failure(error) or Unavailable("the database does not answer; nothing was changed") from error
        try:
            return self._begin_once()
        except DBAPIError as error:
            self._disconnect()
            raise failure(error) or Unavailable("the database does not answer; nothing was changed") from error

    def _begin_once(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
        self._connection.begin()
        return self._connection

    def _commit(self, connection: Connection) -> None:
        try:
            connection.commit()
        except SQLAlchemyError as error:
            self._rollback(connection)
            raise OutcomeUnknown("the database failed while it committed; read again to learn what holds") from error

    def _rollback(self, connection: Connection) -> None:
        try:
            connection.rollback()
        except SQLAlchemyError:
            # The connection is broken, and so is its transaction.
            self._disconnect()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.invalidate()
                connection.close()
            except SQLAlchemyError:
                # It was broken already, which is why it is thrown away.
                return


class _OneFailed(Exception):
    """A function of the group raised; the group was rolled back."""


def _raise_failure(error: Exception) -> None:
    """Raise Unavailable when `error` is the database's failure and not the function's."""
    if isinstance(error, DBAPIError):
        unavailable = failure(error)
        if unavailable is not None:
            raise unavailable from error
