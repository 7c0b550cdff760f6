"""The log stream: the bytes of a run's log as server-sent events, until the run ends.

    event: log                                         event: end
    id: 4096            the offset after it            id: 8192
    data: {"offset": 0, "text": "…"}                   data: {"bytes": 8192, "complete": true, "status": "succeeded"}

Bytes travel as text where they are UTF-8 (a character that is cut waits for its rest), else as base64:
put together they are the log, byte for byte.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

import msgspec

from orchestra.domain.run import TERMINAL, RunStatus
from orchestra.service import sse
from orchestra.service.access_watch import AccessWatch
from orchestra.service.entities import Entity
from orchestra.service.parts import Parts
from orchestra.service.tail import ACCESS_CHANGED, STOPPING
from orchestra.storage import hints as topics
from orchestra.storage import runs

PIECE_BYTES: Final = 1 << 16
"""Most bytes in one event."""


class LogPiece(Entity, frozen=True, omit_defaults=True):
    """The event `log`: the bytes from `offset` on."""

    offset: int
    text: str | None = None
    base64: bytes | None = None


class LogEnd(Entity, frozen=True):
    """The event `end`: the run has ended; `complete` says whether the log has all that the processes wrote."""

    bytes: int
    complete: bool
    status: RunStatus


async def follow(parts: Parts, run: str, offset: int, access: AccessWatch) -> AsyncIterator[bytes]:
    """Give the events from the byte at `offset` on; end with the run, or with the caller's access."""
    quiet_since = parts.clock.monotonic()
    # At once, so that a client knows that it is connected before anything is written.
    yield sse.ALIVE
    with parts.hints.subscribe([topics.log(run), topics.run(run), STOPPING, ACCESS_CHANGED]) as subscription:
        while True:
            # The run first: what it wrote is durable before it is terminal, so nothing is missed at the end.
            found = await parts.database.read(lambda rows: runs.get(rows, run))
            if found is None or parts.tail.is_over or not await access.holds():
                return
            is_over = found.status in TERMINAL
            size = await parts.logs.size(run)
            while offset < size:
                data = await parts.logs.read(run, offset, min(offset + PIECE_BYTES, size))
                piece, length = cut(offset, data, is_last=is_over and offset + len(data) >= size)
                if not length:
                    break
                offset += length
                yield sse.event("log", msgspec.json.encode(piece), offset)
                quiet_since = parts.clock.monotonic()
            if is_over:
                end = LogEnd(bytes=size, complete=found.log_complete, status=found.status)
                yield sse.event("end", msgspec.json.encode(end), offset)
                return
            # Also of a log that grows before its client's offset, where each wait ends with a hint.
            if parts.clock.monotonic() - quiet_since >= sse.ALIVE_S:
                yield sse.ALIVE
                quiet_since = parts.clock.monotonic()
            with suppress(TimeoutError):
                async with asyncio.timeout(access.wait_s()):
                    if ACCESS_CHANGED in await subscription.wait():
                        access.doubt()


def cut(offset: int, data: bytes, *, is_last: bool) -> tuple[LogPiece, int]:
    """Return the next piece of `data`, which begins at `offset`, and how many bytes it takes.

    Unless it is the last, a UTF-8 character (RFC 3629 section 3) that is cut at the end is left for later;
    0 bytes mean that there is nothing else yet.
    """
    length = len(data)
    if not is_last:
        length -= _unfinished(data)
    try:
        return LogPiece(offset=offset, text=data[:length].decode()), length
    except UnicodeDecodeError as error:
        if error.start:
            return LogPiece(offset=offset, text=data[: error.start].decode()), error.start
    return LogPiece(offset=offset, base64=data), len(data)


def _unfinished(data: bytes) -> int:
    """How many bytes at the end begin a character without ending it: 0 to 3."""
    for back in range(1, min(4, len(data) + 1)):
        byte = data[-back]
        if byte >= 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if back < needed else 0
        if byte < 0x80:
            return 0
    return 0
