"""Server-sent events: how they look on the wire (HTML, section 9.2), and what keeps them alive.

A stream that has nothing to say sends a comment every `ALIVE_S` seconds, so that both ends and the
proxies between them notice a connection that is gone.
"""

from collections.abc import AsyncIterator
from typing import Final

from litestar.response import Stream

ALIVE_S: Final = 15.0
ALIVE: Final = b": alive\n\n"
HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def event(kind: str, data: bytes, identifier: int | None = None) -> bytes:
    """One event; `data` is JSON text, which has no line breaks."""
    head = b"" if identifier is None else b"id: %d\n" % identifier
    return b"%bevent: %b\ndata: %b\n\n" % (head, kind.encode(), data)


def position(identifier: int) -> bytes:
    """What a client that comes back shall name as the last that it has, before there was any event."""
    return b"id: %d\n\n" % identifier


def stream(events: AsyncIterator[bytes]) -> Stream:
    """The answer that sends `events` until they end."""
    return Stream(events, media_type="text/event-stream", headers=HEADERS)


def last_event_id(header: str | None) -> int | None:
    """Return the number that a client received last, as its `Last-Event-ID` says; None without a usable one."""
    text = header or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
