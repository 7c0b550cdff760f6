"""A TCP proxy that loses what a test tells it to lose: answers, ends of answers, whole connections.

    with FlakyProxy(port) as proxy:
        proxy.next(LoseAnswer(), Pass())     the first connection from now on, the second; then all pass
        proxy.cut()                          every connection breaks now, in both directions

A fault belongs to a connection, and ends it. `next` and `cut` break those that are open, so that what is
asked next comes on a new one. Threads pump bytes; each ends with its connection.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

PIECE_BYTES: Final = 1 << 16
WAIT_S: Final = 20.0


@dataclass(frozen=True)
class Pass:
    """Everything arrives."""


@dataclass(frozen=True)
class LoseAnswer:
    """The server gets the request and answers, and the connection breaks before the client has a byte of it."""


@dataclass(frozen=True)
class Cut:
    """Of the answer only so many bytes arrive, then the connection breaks."""

    size: int


@dataclass(frozen=True)
class Answer:
    """The proxy answers by itself, as one does whose server is away."""

    status: str
    headers: tuple[str, ...] = ()


Fault = Pass | LoseAnswer | Cut | Answer


class FlakyProxy:
    """Listens on `port` of the loopback and forwards to `target`."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._faults: deque[Fault] = deque()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.connections = 0
        """How many there were."""
        self.asked_bytes = 0
        """How much clients have said on all of them."""
        self.told = b""
        """What clients were told on all of them."""

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Listen no longer, and break what is open."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut()
        for thread in self._threads:
            thread.join(WAIT_S)
            assert not thread.is_alive(), "a connection did not end"

    def next(self, *faults: Fault) -> None:
        """What happens to the connections to come, one after the other."""
        self._faults.extend(faults)
        self.cut()

    def cut(self) -> None:
        """Break every connection."""
        with self._lock:
            broken, self._open = self._open, set()
        for one in broken:
            _break(one)

    def has_more_than(self, connections: int) -> bool:
        """Tell whether somebody has connected since there were so many."""
        return self.connections > connections

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            fault = self._faults.popleft() if self._faults else Pass()
            with self._lock:
                self._open.add(client)
            self._start(self._serve, client, fault)

    def _serve(self, client: socket.socket, fault: Fault) -> None:
        with client:
            if isinstance(fault, Answer):
                client.recv(PIECE_BYTES)
                lines = (f"HTTP/1.1 {fault.status}", *fault.headers, "Content-Length: 0", "Connection: close", "", "")
                client.sendall("\r\n".join(lines).encode())
                return
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._target)) as server:
                with self._lock:
                    self._open.add(server)
                self._start(self._pump, client, server, None, False)
                match fault:
                    case LoseAnswer():
                        self._pump(server, client, 0, True)
                    case Cut():
                        self._pump(server, client, fault.size, True)
                    case _:
                        self._pump(server, client, None, True)

    def _pump(self, source: socket.socket, target: socket.socket, most: int | None, is_answer: bool) -> None:
        """Carry bytes until the source ends or `most` have passed; then both ends break."""
        passed = 0
        with suppress(OSError):
            while piece := source.recv(PIECE_BYTES):
                kept = piece if most is None else piece[: most - passed]
                target.sendall(kept)
                if not is_answer:
                    self.asked_bytes += len(kept)
                if is_answer:
                    self.told += kept
                passed += len(kept)
                if len(kept) < len(piece) or passed == most:
                    break
        with self._lock:
            self._open -= {source, target}
        _break(source)
        _break(target)


def _break(one: socket.socket) -> None:
    """End a connection without the politeness of a FIN after the last byte: a reset, as a crash makes it."""
    with suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.shutdown(socket.SHUT_RDWR)
