"""Engines: how connections of each database are made, and what their failures mean.

SQLite: WAL, synchronous=FULL (an acknowledged write survives a power cut), foreign keys, transactions
that say BEGIN themselves (the driver's own handling begins late and breaks snapshots). PostgreSQL:
psycopg, UTC, and an end for everything that could hang: connecting, a statement, a lock, a
transaction whose program was stopped, a connection whose peer vanished.
"""

import os
import sqlite3
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.types.string import TextLoader
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from orchestra.domain.errors import InvalidContent, Problem, Unavailable

BUSY_TIMEOUT_S: Final = 5.0
"""How long SQLite waits for another process's lock (a backup, a person with sqlite3)."""
CONNECT_TIMEOUT_S: Final = 5
STATEMENT_TIMEOUT_MS: Final = 10_000
"""INV F10: no statement waits longer, locks included."""
IDLE_TRANSACTION_TIMEOUT_MS: Final = 15_000
"""A stopped server must not keep the others from writing: PostgreSQL then ends its transaction."""
WRITER_LOCK: Final = 0x6F726368
"""Key of the advisory lock that one writing transaction of all servers holds: `orch` in ASCII."""

_SQLITE_CACHE_KIB: Final = 65_536
"""Page cache of the writer: inserts into the indexes of a million runs stay in memory."""
_READER_CACHE_KIB: Final = 16_384
_CHECKPOINT_PAGES: Final = 4_000
"""16 MiB of write-ahead log before it is copied into the file: a page that is written often is copied once."""


def parse_url(url: str | URL) -> URL:
    """Read `sqlite:///PATH` or `postgresql://…`. Raises InvalidContent for anything else."""
    try:
        parsed = make_url(url)
    except Exception as error:
        raise _bad_url("it cannot be read") from error
    name = parsed.get_backend_name()
    if name == "sqlite":
        if not parsed.database:
            raise _bad_url("it names no file")
        return parsed.set(drivername="sqlite")
    if name in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    raise _bad_url(f"it names {name}")


def _bad_url(why: str) -> InvalidContent:
    expected = "expected sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE"
    return InvalidContent(
        f"the database's URL does not fit: {why}; {expected}", (Problem("database", f"{why}; {expected}"),)
    )


def writer_engine(url: URL) -> Engine:
    """Return an engine whose transactions may write: one at a time, all servers of a database together."""
    if url.get_backend_name() == "sqlite":
        _create_privately(Path(url.database or ""))
        pragmas = (f"PRAGMA cache_size=-{_SQLITE_CACHE_KIB}", f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
        return _sqlite(url, "BEGIN IMMEDIATE", pragmas)
    # One writer in the whole installation gives events one order on PostgreSQL too: a sequence number that
    # becomes visible after a higher one would be skipped by everyone who follows the table.
    return _postgres(url, "READ COMMITTED", f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")


def reader_engine(url: URL) -> Engine:
    """Return an engine whose transactions see one snapshot and cannot write."""
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, "BEGIN", (f"PRAGMA cache_size=-{_READER_CACHE_KIB}", "PRAGMA query_only=ON"))
    return _postgres(url, "REPEATABLE READ", None, read_only=True)


def memory_engine(image: bytes | None = None) -> Engine:
    """Return an engine of which each connection is a SQLite database of its own, in memory.

    It begins with the content of `image` if given. What was compiled for one of them serves the next.
    """

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, cached_statements=1000)
        if image is not None:
            connection.deserialize(image)
        connection.execute("PRAGMA foreign_keys=ON")
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
    _begin_with(engine, "BEGIN IMMEDIATE")
    return engine


def failure(error: DBAPIError) -> Unavailable | None:
    """Return what a driver's error means when it is the database's failure, None when it is the statement's."""
    original = error.orig
    if error.connection_invalidated:
        return Unavailable("the connection to the database was lost; nothing was changed")
    if isinstance(original, sqlite3.OperationalError):
        if _is_statement_error(original):
            return None
        return Unavailable(f"the database does not answer: {original}; nothing was changed")
    if getattr(original, "sqlite_errorcode", None) in _DAMAGED:
        return Unavailable(f"the database is damaged: {original}; restore the newest backup")
    if isinstance(original, sqlite3.Error) or original is None:
        return None
    code = getattr(original, "sqlstate", None)
    # Class 08 connection, 53 resources (disk full), 57 operator intervention (shutdown, timeout), 58 system, and
    # 40 rollback (deadlock, serialization), 25006 read-only server, 55P03 lock not available; and none at all where
    # the connection was never made. PostgreSQL 18, appendix A.
    if code is None:
        if not isinstance(original, psycopg.OperationalError | psycopg.InterfaceError):
            # The driver refused a value, text with a NUL byte for example: nothing was sent.
            return None
        return Unavailable("the database does not answer; nothing was changed")
    if code[:2] in ("08", "40", "53", "57", "58") or code in ("25006", "25P03", "55P03"):
        return Unavailable(f"the database refuses work now ({code}); nothing was changed")
    return None


_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def _is_statement_error(error: sqlite3.OperationalError) -> bool:
    """SQLITE_ERROR is wrong SQL, a defect of ours; every other operational code speaks of the file or its locks."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) == sqlite3.SQLITE_ERROR


def _create_privately(path: Path) -> None:
    """Make the file readable by its owner alone before anything is in it; SQLite's other files inherit the mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        path.chmod(0o600)


def _sqlite(url: URL, begin: str, pragmas: tuple[str, ...]) -> Engine:
    engine = create_engine(
        url,
        # Each thread keeps the connection that it once got; nothing is pooled.
        poolclass=NullPool,
        connect_args={"timeout": BUSY_TIMEOUT_S, "isolation_level": None, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: Any) -> None:
        for pragma in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON", *pragmas):
            connection.execute(pragma)

    _begin_with(engine, begin)
    return engine


def _begin_with(engine: Engine, begin: str) -> None:
    def do_begin(connection: DBAPIConnection) -> None:
        cursor = connection.cursor()
        cursor.execute(begin)
        cursor.close()

    # Not by the event "begin": an engine with listeners asks around at each statement, and a statement of
    # SQLAlchemy's for this costs five times as much as SQLite needs for it.
    engine.dialect.do_begin = do_begin  # type: ignore[assignment, method-assign]


def _postgres(url: URL, isolation: str, at_begin: str | None, *, read_only: bool = False) -> Engine:
    options = {
        "timezone": "UTC",
        "statement_timeout": str(STATEMENT_TIMEOUT_MS),
        "idle_in_transaction_session_timeout": str(IDLE_TRANSACTION_TIMEOUT_MS),
        "default_transaction_isolation": isolation.lower().replace(" ", "\\ "),
        "default_transaction_read_only": "on" if read_only else "off",
    }
    engine = create_engine(
        url,
        poolclass=NullPool,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "application_name": "orchestra",
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
            "keepalives_idle": 10,
            "keepalives_interval": 3,
            "keepalives_count": 3,
            "tcp_user_timeout": STATEMENT_TIMEOUT_MS + 5_000,
        },
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: psycopg.Connection[Any], _: Any) -> None:
        # JSON comes as its text: `columns.Json` reads it straight into the domain's values.
        connection.adapters.register_loader("json", TextLoader)

    if at_begin is not None:
        _begin_with(engine, at_begin)
    return engine
