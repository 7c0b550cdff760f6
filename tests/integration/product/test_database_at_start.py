"""A PostgreSQL server that is not there yet when Orchestra starts: it is waited for, and everybody is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from support.installation import Installation


@pytest.fixture
def away(tmp_path: Path) -> Iterator[Installation]:
    """An installation whose database would answer in the folder `sockets`, which is empty."""
    sockets = tmp_path / "sockets"
    sockets.mkdir()
    database = ("--database", f"postgresql://postgres:secret@/postgres?host={sockets}")
    with Installation(tmp_path / "one", "server", database) as one:
        yield one


def test_a_database_that_comes_later_is_waited_for_and_the_port_says_so(
    away: Installation, postgres_url: str, tmp_path: Path
) -> None:
    name = urlsplit(postgres_url).path
    away.arguments = ("--database", f"postgresql://postgres:secret@{name}?host={tmp_path}/sockets")
    server = away.launch(*away.server_arguments())
    line = server.wait_line("server.waiting", stream="err")
    assert "No such file" in line and "secret" not in line
    answer = httpx.get(f"{away.address}/api/v1/me")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "waits for its database" in answer.json()["detail"]
    assert int(answer.headers["retry-after"]) > 0
    assert httpx.get(f"{away.address}/health/live").json() == {"status": "live"}
    assert httpx.get(f"{away.address}/health/ready").status_code == 503
    (real,) = parse_qs(urlsplit(postgres_url).query)["host"]
    (tmp_path / "sockets" / ".s.PGSQL.5432").symlink_to(Path(real) / ".s.PGSQL.5432")
    server.wait_line("ready ")
    assert httpx.get(f"{away.address}/health/ready").status_code == 200
    assert server.stop() == 0


def test_a_start_that_waits_can_be_stopped(away: Installation) -> None:
    server = away.launch(*away.server_arguments())
    server.wait_line("server.waiting", stream="err")
    assert server.stop() == 0


def test_a_database_that_stays_away_ends_the_start_with_the_reason(away: Installation) -> None:
    server = away.launch(*away.server_arguments(), ORCHESTRA_DATABASE_WAIT="0.2s")
    assert server.wait() == 1
    assert "server.waiting" in server.err.text
    assert server.err.text.splitlines()[-1].startswith("error: cannot use the database postgresql")
    assert "Traceback" not in server.err.text
    assert "secret" not in server.err.text
