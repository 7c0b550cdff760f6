"""Server-sent events, read from bytes (HTML, section 9.2.6). It knows no connection.

Lines end with CR, LF or both, and nothing else: a reader of text lines would also split at U+2028
or U+0085, which JSON text may hold.
"""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event. `identifier` is the last that was sent so far, "" before the first."""

    kind: str
    identifier: str
    data: bytes


class EventReader:
    """Takes the stream's bytes as they come and gives the events that they complete."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._kind = ""
        self._data: list[bytes] = []
        self.identifier = ""
        """What `Last-Event-ID` says when the stream is opened again."""

    def receive(self, piece: bytes) -> Iterator[ServerSentEvent]:
        """Give the events that `piece` completes."""
        self._buffer += piece
        while (line := self._next_line()) is not None:
            if line:
                self._field(line)
                continue
            if self._data:
                yield ServerSentEvent(self._kind or "message", self.identifier, b"\n".join(self._data))
            self._kind, self._data = "", []

    def restart(self) -> None:
        """The stream broke: what was half received comes again, or not at all."""
        self._buffer.clear()
        self._kind, self._data = "", []

    def _next_line(self) -> bytes | None:
        """Take one line off the buffer; a CR at its very end waits, for a LF may follow."""
        ends = [place for place in (self._buffer.find(b"\n"), self._buffer.find(b"\r")) if place >= 0]
        if not ends:
            return None
        end = min(ends)
        length = 1
        if self._buffer[end] == 0x0D:
            if end + 1 == len(self._buffer):
                return None
            length = 2 if self._buffer[end + 1] == 0x0A else 1
        line = bytes(self._buffer[:end])
        del self._buffer[: end + length]
        return line

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"event":
            self._kind = value.decode("utf-8", "replace")
        elif name == b"data":
            self._data.append(value)
        elif name == b"id" and b"\0" not in value:
            self.identifier = value.decode("utf-8", "replace")
