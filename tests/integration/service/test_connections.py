"""S-60: what somebody who is nobody may cost is bounded: in time, in memory, in connections. With real sockets."""

from __future__ import annotations

import resource
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from integration.service.rig import WAIT_S, Rig, running
from orchestra.service.connections import ConnectionLimits

QUICK = ConnectionLimits(head_s=0.4, body_s=0.4, write_s=0.4, linger_s=0.4)
LOGIN = b"POST /api/v1/me/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A service that loses its patience soon."""
    with running(tmp_path_factory.mktemp("quick"), limits=QUICK) as rig:
        yield rig


def connect(rig: Rig) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", rig.port), timeout=WAIT_S)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def rest(connection: socket.socket) -> bytes:
    """Everything until the server ends the connection."""
    found = b""
    try:
        while piece := connection.recv(65_536):
            found += piece
    except ConnectionResetError:
        pass
    return found


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET / HT",
        b"GET /api/v1/me HTTP/1.1\r\nHost: x\r\nX-Slow: 1",
        LOGIN + b"Content-Length: 1000\r\n\r\n{",
        LOGIN + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
    ],
)
def test_s60_a_request_that_does_not_go_on_is_ended(quick: Rig, begun: bytes) -> None:
    with connect(quick) as connection:
        connection.sendall(begun)
        assert rest(connection) == b""
    assert quick.api.get("/api/v1/me").status_code == 200


def test_s60_the_second_head_of_a_connection_has_its_deadline_too(quick: Rig) -> None:
    with connect(quick) as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\nGET /hea")
        assert rest(connection).count(b"HTTP/1.1 200") == 1


def test_s60_a_body_that_comes_at_the_pace_may_take_longer(tmp_path: Path) -> None:
    limits = ConnectionLimits(body_s=0.2, body_bytes_per_s=1)
    with running(tmp_path, limits=limits) as rig, connect(rig) as connection:
        # The first bytes alone buy twenty seconds.
        body = b'{"token": "' + b"x" * 40 + b'"}'
        connection.sendall(LOGIN + b"Content-Length: %d\r\n\r\n" % len(body) + body[:-1])
        with connect(rig) as other:
            other.sendall(LOGIN + b"Content-Length: 9\r\n\r\n")
            assert rest(other) == b"", "one that sends nothing is ended, and by then the first has waited as long"
        connection.sendall(body[-1:])
        assert connection.recv(65_536).startswith(b"HTTP/1.1 401")


def test_s60_a_client_that_does_not_read_is_ended(quick: Rig) -> None:
    quick.job()
    quick.worker()
    run = quick.done(b"a line of the log\n" * 1_000_000)
    with connect(quick) as connection:
        head = f"GET /api/v1/runs/{run}/log HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {quick.first.token}\r\n\r\n"
        connection.sendall(head.encode())
        ended = select.poll()
        ended.register(connection, 0)
        assert ended.poll(WAIT_S * 1000), "the connection is still there"


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n" + b"X-Long: " + b"x" * 70_000,
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % number for number in range(20_000)),
        b"GET /" + b"a" * 70_000,
        LOGIN + b"Transfer-Encoding: chunked\r\n\r\n" + b"1;" + b"x" * 80_000,
        LOGIN + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 30_000,
    ],
)
def test_s60_a_head_without_an_end_is_431(shared: Rig, head: bytes) -> None:
    with connect(shared) as connection:
        with suppress(ConnectionError):
            connection.sendall(head)
        answer = rest(connection)
    assert b" 431 " in answer.split(b"\r\n")[0] or answer == b""


@pytest.mark.parametrize(
    "junk", [b"\x16\x03\x01\x02\x00\x01", b"hello\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\0" * 100]
)
def test_s44_what_is_no_http_is_a_problem_document(shared: Rig, junk: bytes) -> None:
    with connect(shared) as connection:
        connection.sendall(junk)
        answer = rest(connection)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/problem+json" in answer
    assert b"nosniff" in answer
    assert b'"code":"bad_request"' in answer


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Server and clients are one process here, so both ends of each connection count."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard not in (resource.RLIM_INFINITY,) and hard < 5_000:
        pytest.skip(f"this machine lets a process open {hard} files only")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 5_000), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_descriptors")
def test_s60_two_thousand_silent_connections_do_not_stop_somebody_who_signed_in(shared: Rig) -> None:
    client, _ = shared.sign_in()
    with ExitStack() as opened:
        silent_ones = [opened.enter_context(connect(shared)) for _ in range(2_000)]
        for number, silent in enumerate(silent_ones[-100:]):
            if number % 2:
                silent.send(b"GET /api/v1/me HTTP/1.1\r\nX-Slow: ")
        assert client.get("/api/v1/me").status_code == 200
        fresh = shared.client(shared.first.token)
        assert fresh.get("/api/v1/projects").status_code == 200
        # Of one address so many may wait; the others are gone.
        gone = select.poll()
        for silent in silent_ones:
            gone.register(silent, select.POLLRDHUP)
        assert len(gone.poll(0)) >= 2_000 - ConnectionLimits().waiting_of_place - 1


def test_s60_many_addresses_together_are_bounded_and_the_busiest_gives_way(tmp_path: Path) -> None:
    limits = ConnectionLimits(waiting_of_place=20, waiting=50)
    with running(tmp_path, limits=limits) as rig, ExitStack() as opened:
        quiet = opened.enter_context(connect(rig))
        many = []
        for last in range(2, 8):
            for _ in range(20):
                made = socket.create_connection(("127.0.0.1", rig.port), WAIT_S, source_address=(f"127.0.0.{last}", 0))
                many.append(opened.enter_context(made))
        assert rig.api.get("/api/v1/me").status_code == 200
        gone = select.poll()
        for silent in many:
            gone.register(silent, select.POLLRDHUP)
        assert len(gone.poll(0)) >= len(many) - limits.waiting - 1
        quiet.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert rest(quiet).startswith(b"HTTP/1.1 200")
