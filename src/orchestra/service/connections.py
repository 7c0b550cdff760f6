"""Connections of HTTP: what somebody who is nobody yet may cost, in time and in memory (S-60).

uvicorn waits without an end for a request's head, for its body, and for a client that does not read; and it
takes heads of any size. Here each of these waits has a deadline, and what waits is counted:

    accepted ──► waiting for a head ──► body arrives ──► answer ──► waiting for the next head
                 HEAD_S, HEAD_BYTES     a pace to keep    WRITE_S without progress
                 so many at once, of one place and in all: one more ends the one that waits longest

So thousands of silent connections end each other, while a request that arrives whole is never in their way.
A connection between requests counts as waiting too, but those that have asked nothing yet go first.
Authenticated requests know no other limits here: a stream may last for ever, as long as it is read.
"""

import asyncio
import os
import socket
import struct
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from msgspec import json
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from orchestra.service.problems import MEDIA_TYPE, HttpProblem, document
from orchestra.service.security_headers import complete
from orchestra.service.throttle import place


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """Times in seconds, sizes in bytes."""

    head_s: float = 10.0
    """From the first byte (or the connection) to the end of the head: browsers and proxies send it at once."""
    head_bytes: int = 1 << 16
    """Heads and what frames a chunked body; nginx and Apache take 8 to 32 KiB."""
    body_s: float = 30.0
    body_bytes_per_s: int = 4096
    """A body may take `body_s`, and more at this pace: the slowest radio is faster."""
    write_s: float = 60.0
    """How long a client may read nothing of an answer."""
    linger_s: float = 10.0
    """How long the rest of a refused body is read away, so that the client can read the refusal."""
    waiting_of_place: int = 256
    """Connections that wait for a head, of one address (of one IPv6 network); a proxy is one address."""
    waiting: int = 512
    """The same of all addresses: half of what a process may usually open."""


class Waiting:
    """The connections that wait for a request's head; belongs to one event loop."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self._limits = limits
        # Two rows a place: those that have asked nothing yet, then those between requests; each in order of age.
        self._rows: defaultdict[str, tuple[OrderedDict[Any, None], OrderedDict[Any, None]]] = defaultdict(
            lambda: (OrderedDict(), OrderedDict())
        )
        self.count = 0

    def add(self, connection: "GuardedConnection") -> None:
        """Count it; end the one that waits longest where there is one too many."""
        self.remove(connection)
        rows = self._rows[connection.place]
        rows[connection.has_asked][connection] = None
        self.count += 1
        if sum(map(len, rows)) > self._limits.waiting_of_place:
            self._end_oldest(connection.place)
        elif self.count > self._limits.waiting:
            self._end_oldest(max(self._rows, key=lambda one: sum(map(len, self._rows[one]))))

    def remove(self, connection: "GuardedConnection") -> None:
        """Count it no longer, if it was."""
        rows = self._rows.get(connection.place)
        for row in rows or ():
            if connection in row:
                del row[connection]
                self.count -= 1
        if rows is not None and not any(rows):
            del self._rows[connection.place]

    def _end_oldest(self, where: str) -> None:
        fresh, idle = self._rows[where]
        oldest = next(iter(fresh or idle))
        self.remove(oldest)
        oldest.transport.abort()


class _HeadFirst:
    """What an answer is written to: its head waits for its body, so that both are sent at once.

    Each sending costs the server 30 µs, and wakes the client. A head whose body does not come in the same turn of
    the loop goes alone.
    """

    __slots__ = ("_has_begun", "_head", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""
        self._has_begun = False

    def write(self, data: bytes) -> None:
        """Send, or keep for a moment what comes first."""
        if not self._has_begun:
            self._has_begun = True
            self._head = data
            self._loop.call_soon(self._flush)
        elif self._head:
            head, self._head = self._head, b""
            self._transport.write(head + data)
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Send what was kept, then end the connection."""
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Nothing more will be sent."""
        return self._transport.is_closing()

    def _flush(self) -> None:
        head, self._head = self._head, b""
        if head and not self._transport.is_closing():
            self._transport.write(head)


class GuardedConnection(HttpToolsProtocol):
    """uvicorn's connection with deadlines."""

    def __init__(self, *arguments: Any, limits: ConnectionLimits, all_waiting: Waiting, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._limits = limits
        self._waiting = all_waiting
        self._timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._is_message_complete = True
        self._body_began = 0.0
        self._body_bytes = 0
        self._other_bytes = 0
        self.place = ""
        self.has_asked = False

    # What comes ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client connected and has said nothing yet."""
        super().connection_made(transport)
        self.place = place(self.client[0]) if self.client else ""
        self._waiting.add(self)
        self._set_timer(self._limits.head_s, self._end)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone, or was ended."""
        self._waiting.remove(self)
        self._unset_timers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came; what is no body counts against the size of heads."""
        if self._timer is None and self._is_message_complete and (self.cycle is None or self.cycle.response_complete):
            # The next request of a connection that was kept begins: from now on its head has to come.
            self._set_timer(self._limits.head_s, self._end)
        self._other_bytes += len(data)
        super().data_received(data)
        if self._other_bytes > self._limits.head_bytes + self._body_bytes // 8 and not self.transport.is_closing():
            self._refuse(HttpProblem(431, "the head of the request is larger than this server takes"))

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._is_message_complete = False
        self._body_bytes = 0

    def on_headers_complete(self) -> None:
        """The head is there: from now on it is a request."""
        self.has_asked = True
        self._waiting.remove(self)
        self._body_began = self.loop.time()
        self._set_timer(self._limits.body_s, self._check_pace)
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not None and self.cycle is not before:
            # Its task begins later: nothing is written yet.
            self.cycle.transport = cast("asyncio.Transport", _HeadFirst(self.transport, self.loop))

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body_bytes += len(body)
        self._other_bytes -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The whole request is there."""
        self._is_message_complete = True
        self._other_bytes = 0
        self._unset_timer()
        super().on_message_complete()
        if self.cycle is not None and self.cycle.response_complete:
            # It was answered before its body had come: now the connection waits like any other.
            self._waiting.add(self)
            self._set_timer(self._limits.head_s, self._end)

    def handle_websocket_upgrade(self) -> None:
        """It becomes a WebSocket, which has deadlines of its own."""
        self._waiting.remove(self)
        self._unset_timers()
        super().handle_websocket_upgrade()

    # What goes -------------------------------------------------------------------------------------

    def on_response_complete(self) -> None:
        """The answer is sent; the rest of a body that nobody wants is read away for a while, then it is over."""
        super().on_response_complete()
        if self.transport.is_closing():
            return
        if not self._is_message_complete:
            self._set_timer(self._limits.linger_s, self._end)
        elif self.cycle.response_complete:
            self._waiting.add(self)

    def pause_writing(self) -> None:
        """The client does not read as fast as it is told."""
        super().pause_writing()
        if self._write_timer is None:
            self._write_timer = self.loop.call_later(self._limits.write_s, self._end_with_reset)

    def resume_writing(self) -> None:
        """It reads again."""
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP."""
        self._refuse(HttpProblem(400, "this is no HTTP request that can be understood"))

    def _refuse(self, problem: HttpProblem) -> None:
        """Answer before there is a request to answer, and end the connection."""
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            found, _ = document(problem)
            body = json.encode(found)
            given = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
            pairs = complete([*given, (b"connection", b"close")], is_secure=False)
            head = b"".join(name + b": " + value + b"\r\n" for name, value in pairs)
            self.transport.write(STATUS_LINE[found.status] + head + b"\r\n" + body)
        self.transport.close()

    # Deadlines -------------------------------------------------------------------------------------

    def _end(self) -> None:
        self.transport.abort()

    def _end_with_reset(self) -> None:
        """End it, and what the system still holds to be sent with it: otherwise that waits for a reader for minutes."""
        descriptor = self.transport.get_extra_info("socket").fileno()
        # A second descriptor of the same socket: the transport's own one takes no options under every loop.
        with socket.socket(fileno=os.dup(descriptor)) as same:
            same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._end()

    def _check_pace(self) -> None:
        """Whether the body comes fast enough; the time in which we did not read does not count."""
        limits, now = self._limits, self.loop.time()
        if self.flow.read_paused:
            self._body_began += limits.body_s
        left = self._body_began + limits.body_s + self._body_bytes / limits.body_bytes_per_s - now
        if left <= 0:
            self._end()
        else:
            self._set_timer(min(left, limits.body_s), self._check_pace)

    def _set_timer(self, after_s: float, action: Callable[[], None]) -> None:
        self._unset_timer()
        self._timer = self.loop.call_later(after_s, action)

    def _unset_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _unset_timers(self) -> None:
        self._unset_timer()
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None


def guarded(limits: ConnectionLimits = ConnectionLimits()) -> type[asyncio.Protocol]:
    """Return what uvicorn takes as `http`: connections of one server, with `limits`."""
    made = partial(GuardedConnection, limits=limits, all_waiting=Waiting(limits))
    # uvicorn only calls it.
    return cast("type[asyncio.Protocol]", made)
