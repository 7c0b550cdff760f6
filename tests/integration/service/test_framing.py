"""How a request is framed: lengths that lie, bodies in chunks, `Expect`. With bytes on real sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from integration.service.rig import WAIT_S, Rig
from orchestra.service.parts import BODY_BYTES, CONFIGURATION_BODY_BYTES

PROJECT = b"/api/v1/projects/framed"


@pytest.fixture
def wire(shared: Rig) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", shared.port), timeout=WAIT_S) as connection:
        yield connection


def head(shared: Rig, *lines: bytes, method: bytes = b"PUT", path: bytes = PROJECT) -> bytes:
    token = shared.first.token.encode()
    given = (b"Host: x", b"Authorization: Bearer " + token, b"Content-Type: application/json", *lines)
    return method + b" " + path + b" HTTP/1.1\r\n" + b"\r\n".join(given) + b"\r\n\r\n"


def status(wire: socket.socket) -> bytes:
    """The first line of the next answer, and that it is a problem document or a continuation."""
    answer = wire.recv(65_536)
    while answer and b"\r\n\r\n" not in answer:
        answer += wire.recv(65_536)
    assert not answer or answer.startswith(b"HTTP/1.1 100") or b"application/problem+json" in answer
    return answer[9:12]


def is_stored(shared: Rig) -> bool:
    return shared.api.get(PROJECT.decode()).status_code == 200


def test_a_body_that_ends_too_early_stores_nothing_and_is_no_defect(
    shared: Rig, wire: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    wire.sendall(head(shared, b"Content-Length: 1000") + b"{}")
    wire.shutdown(socket.SHUT_WR)
    assert wire.recv(65_536) == b""
    # By the time that a later request is answered, the earlier one is over.
    assert not is_stored(shared)
    assert "failed" not in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    "lines",
    [
        (b"Content-Length: -1",),
        (b"Content-Length: abc",),
        (b"Content-Length: +2",),
        (b"Content-Length: 2, 2",),
        (b"Content-Length: 2", b"Content-Length: 3"),
        (b"Content-Length: 99999999999999999999999",),
        (b"Content-Length: 2", b"Transfer-Encoding: chunked"),
        (b"Transfer-Encoding: chunked, identity",),
        (b"Transfer-Encoding: nonsense",),
        (b"Bad Header: x",),
        (b"Bad\0: x",),
    ],
)
def test_lengths_that_contradict_are_400(shared: Rig, wire: socket.socket, lines: tuple[bytes, ...]) -> None:
    wire.sendall(head(shared, *lines) + b"{}")
    assert status(wire) == b"400"
    assert not is_stored(shared)


@pytest.mark.parametrize(
    "chunks", [b"zz\r\n{}\r\n0\r\n\r\n", b"-1\r\n{}\r\n", b"2\r\n{}xx0\r\n\r\n", b"FFFFFFFFFFFFFFFFF\r\n"]
)
def test_chunks_that_are_none_are_400(shared: Rig, wire: socket.socket, chunks: bytes) -> None:
    wire.sendall(head(shared, b"Transfer-Encoding: chunked") + chunks)
    assert status(wire) == b"400"
    assert not is_stored(shared)


def test_a_body_longer_than_it_says_is_cut_and_what_follows_is_no_request(shared: Rig, wire: socket.socket) -> None:
    wire.sendall(head(shared, b"Content-Length: 1") + b"{}")
    assert status(wire) == b"400"
    assert not is_stored(shared)


@pytest.mark.parametrize(
    ("method", "path", "length"),
    [
        (b"PUT", PROJECT, BODY_BYTES + 1),
        (b"POST", b"/api/v1/configuration/apply", CONFIGURATION_BODY_BYTES + 1),
        (b"POST", b"/api/v1/import/job-orchestra", CONFIGURATION_BODY_BYTES + 1),
    ],
)
def test_a_body_that_says_it_is_too_large_is_413_before_it_is_sent(
    shared: Rig, wire: socket.socket, method: bytes, path: bytes, length: int
) -> None:
    lines = (b"Content-Length: %d" % length, b"Expect: 100-continue")
    wire.sendall(head(shared, *lines, method=method, path=path))
    assert status(wire) == b"413"


def test_who_expects_to_be_told_to_continue_is_told(shared: Rig, wire: socket.socket) -> None:
    wire.sendall(head(shared, b"Content-Length: 2", b"Expect: 100-continue"))
    assert status(wire) == b"100"
    wire.sendall(b"[]")
    assert status(wire) == b"422"


def test_who_may_not_is_told_before_the_body(shared: Rig, wire: socket.socket) -> None:
    wire.sendall(
        b"PUT " + PROJECT + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n"
        b"Authorization: Bearer nobody\r\n\r\n"
    )
    assert status(wire) == b"401"
