"""Storage for the contract suite: every test that asks runs twice, on SQLite and on PostgreSQL.

connection   inside a writing transaction that is never committed; for functions of a connection
url          of a fresh, empty database; for whatever opens databases itself
play         runs a coroutine function with an open, fresh database
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import Connection, Engine

from orchestra.storage.database import Database, open_database
from orchestra.storage.engine import parse_url, writer_engine
from orchestra.storage.migrate import migrate

T = TypeVar("T")
ENGINES = ["sqlite", "postgresql"]


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A migrated database whose content is never committed, shared by the tests of a process."""
    if request.param == "sqlite":
        yield from _migrated(f"sqlite:///{tmp_path_factory.mktemp('storage')}/orchestra.db")
        return
    server = request.getfixturevalue("postgres_server_url")
    name = f"contract_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
    yield from _migrated(urlunsplit(urlsplit(server)._replace(path=f"/{name}")))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _migrated(url: str) -> Iterator[Engine]:
    parsed = parse_url(url)
    migrate(parsed)
    engine = writer_engine(parsed)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/data/orchestra.db"
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture
def play(url: str) -> Callable[[Callable[[Database], Awaitable[T]]], T]:
    def run(scenario: Callable[[Database], Awaitable[T]]) -> T:
        async def whole() -> T:
            database = open_database(url)
            try:
                return await asyncio.wait_for(scenario(database), timeout=60)
            finally:
                await database.close()

        return asyncio.run(whole())

    return run
