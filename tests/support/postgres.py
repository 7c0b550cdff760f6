"""PostgreSQL for tests: one server for each run of pytest, one empty database for each test that asks.

    def test_something(postgres_url: str) -> None: ...

`postgres_url` is `postgresql://…` of a fresh database, dropped afterwards, with whoever is still connected. The server
is started by the first test that needs it and shared by all xdist workers. ORCHESTRA_TEST_POSTGRES names another server
instead (its user must be allowed to create databases). A test that gets no server fails; it is never skipped.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from support.session import SupportSession

SERVER = "ORCHESTRA_TEST_POSTGRES"


@pytest.fixture(scope="session")
def postgres_server_url(support_session: SupportSession) -> str:
    """URL of a server's database `postgres`, or what ORCHESTRA_TEST_POSTGRES says. For creating others from there."""
    given = os.environ.get(SERVER)
    if given:
        return given
    known = support_session.folder / "postgres-url"
    with support_session.lock("postgres"):
        if not known.exists():
            known.write_text(_start(support_session))
        answer = known.read_text()
    if not answer.startswith("ready "):
        pytest.fail(f"PostgreSQL did not start ({SERVER} may name a server to use instead): {answer}", pytrace=False)
    return answer.removeprefix("ready ").strip()


def _start(session: SupportSession) -> str:
    program = Path(__file__).with_name("postgres_process.py")
    with subprocess.Popen(
        [sys.executable, program, str(session.folder), str(session.process)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        answer = process.stdout.read().decode()
        # It stays, and ends when pytest does: nobody waits for it here.
        process.returncode = 0
    return answer or "the process that starts it died"


@pytest.fixture
def postgres_url(postgres_server_url: str) -> Iterator[str]:
    """URL of a fresh, empty database."""
    with new_database(postgres_server_url) as url:
        yield url


@contextmanager
def new_database(server_url: str) -> Iterator[str]:
    """The URL of a fresh, empty database, for as long as the block lasts."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
    try:
        yield urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
