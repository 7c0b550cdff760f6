"""One run's log across the wire: offsets, the window, and repetition; pure values without bytes kept.

    worker's spool   0 ─────────────── acked ─────── sent ────── size
                                         └── at most `window` ──┘
    server's store   0 ── acked (durable) ─── received

Every byte has one coordinate, its offset from the start of the run's log. Within a session each
byte is sent once; a new session begins at the offset that the server holds durably. The receiver
drops what it has already and refuses a gap, so its log is always a prefix of the sender's (INV-11).
"""

from dataclasses import dataclass

from orchestra.wire.messages import LOG_CHUNK_BYTES


class GapError(ValueError):
    """Bytes came that do not continue the log, or that overflow the window: the sender is broken."""


@dataclass(slots=True)
class LogSender:
    """The sending end. `size` is what the spool holds so far, `sent` the next offset to send."""

    window: int
    sent: int
    acked: int
    size: int
    is_asked: bool = False
    """The shell was asked for the bytes at `sent` and has not fed them yet."""

    @classmethod
    def at(cls, offset: int, window: int) -> "LogSender":
        """Return a sender for a session that begins at the receiver's durable `offset`."""
        return cls(window=window, sent=offset, acked=offset, size=offset)

    def grow(self, size: int) -> None:
        """The spool holds `size` bytes now; a smaller size than before is ignored."""
        self.size = max(self.size, size)

    def acknowledge(self, offset: int) -> None:
        """The receiver holds `offset` bytes durably. Raises GapError when more than was sent."""
        if offset > self.sent:
            raise GapError(f"acknowledged {offset} bytes, only {self.sent} were sent")
        self.acked = max(self.acked, offset)

    def sendable(self) -> int:
        """How many bytes may be sent now."""
        return max(0, min(self.size - self.sent, self.window - (self.sent - self.acked)))

    def advance(self, count: int) -> None:
        """`count` bytes at `sent` are on their way."""
        self.sent += count


@dataclass(slots=True)
class LogReceiver:
    """The receiving end. `received` bytes came, `acked` of them are known to be durable."""

    window: int
    received: int
    acked: int

    @classmethod
    def at(cls, offset: int, window: int) -> "LogReceiver":
        """Return a receiver that holds `offset` bytes durably."""
        return cls(window=window, received=offset, acked=offset)

    def accept(self, offset: int, size: int) -> int:
        """Return how many of `size` bytes at `offset` are repetition, to be dropped from their front.

        Raises GapError when the bytes leave a gap or overflow the window.
        """
        if offset > self.received:
            raise GapError(f"log bytes from {offset} on, expected {self.received}")
        end = offset + size
        if end - self.acked > self.window:
            raise GapError(f"more than {self.window} unacknowledged bytes of log")
        repeated = min(self.received - offset, size)
        self.received = max(self.received, end)
        return repeated

    def acknowledge(self, offset: int) -> bool:
        """`offset` bytes are durable; tell whether that is news."""
        if offset <= self.acked:
            return False
        self.acked = min(offset, self.received)
        return True


def chunks(size: int) -> list[tuple[int, int]]:
    """Return the (start, end) pairs that cut `size` bytes into pieces of at most `LOG_CHUNK_BYTES`."""
    return [(start, min(start + LOG_CHUNK_BYTES, size)) for start in range(0, size, LOG_CHUNK_BYTES)]
