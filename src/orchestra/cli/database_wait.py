"""Opening the database at the start, although it may not be there yet: after a reboot nobody knows who comes first.

    open ──► there ────────────────────────────────────────────► the database
      ▲  └─► not there (PostgreSQL alone) ──► a line with the reason ──► wait 1, 2, 4, 5, 5 … s ─┐
      └──────────────────────────────────────────────────────────────────────────────────────────┘
                                              until `database_wait` is over, or a signal comes

Meanwhile the port answers 503 (and that the process lives), so that workers, load balancers and people
hear what is going on instead of nothing. What waiting cannot mend is said at once: a file that is no
database, a database of a newer program.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import msgspec
from sqlalchemy.engine import URL

from orchestra import telemetry
from orchestra.domain.errors import Unavailable
from orchestra.service.problems import MEDIA_TYPE, document
from orchestra.storage.database import PooledDatabase, open_database
from orchestra.storage.migrate import may_come_up

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 5.0
HEAD_S: Final = 5.0
"""How long a client may take to send the head of its request."""


async def open_when_there(
    url: str | URL, wait_s: float, listening: socket.socket, stopping: asyncio.Event
) -> PooledDatabase | None:
    """Open and migrate the database; None when `stopping` was set first.

    Raises what `open_database` raises: at once where waiting cannot help, else when `wait_s` seconds are over.
    """
    deadline, pause_s = time.monotonic() + wait_s, FIRST_PAUSE_S
    try:
        return await asyncio.to_thread(open_database, url)
    except Unavailable as error:
        if not may_come_up(error):
            raise
        reason = error
    async with _saying_so(listening):
        while (left_s := deadline - time.monotonic()) > 0:
            telemetry.emit(telemetry.LogEvent.SERVER_WAITING, error=reason.detail, left_s=round(left_s))
            if await _is_set_within(stopping, min(pause_s, left_s)):
                return None
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            try:
                return await asyncio.to_thread(open_database, url)
            except Unavailable as error:
                if not may_come_up(error):
                    raise
                reason = error
    raise reason


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


@asynccontextmanager
async def _saying_so(listening: socket.socket) -> AsyncIterator[None]:
    """Answer every request on the port with 503, but for the question whether the process lives."""
    # Not the reason: it names hosts and users, which are the operator's business alone.
    found, headers = document(Unavailable("the server waits for its database"))
    refusal = _answer("503 Service Unavailable", MEDIA_TYPE, msgspec.json.encode(found), headers)
    alive = _answer("200 OK", "application/json", b'{"status":"live"}', {})

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(HEAD_S):
                head = await reader.readuntil(b"\r\n\r\n")
            words = head.split(b" ", 2)
            writer.write(alive if len(words) > 1 and words[1].endswith(b"/health/live") else refusal)
            await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            # Whoever does not ask gets no answer.
            return
        finally:
            writer.close()

    server = await asyncio.start_server(hear, sock=listening.dup())
    try:
        yield
    finally:
        server.close()


def _answer(status: str, kind: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
