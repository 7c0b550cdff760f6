"""Line index of one log: which block of 64 KiB holds line N, from one integer a block.

    bytes of the log    [ block 0 ][ block 1 ][ block 2 ][ partial
    record k, 8 bytes    newlines in blocks 0 … k, plus one

So a line is found by a bisection and one scan of 64 KiB, anywhere in a gigabyte (131 KB of index).
Records stand at fixed places, so writing one twice changes nothing. The index holds nothing that
the log does not say: whatever is missing or cannot be true is counted again from the log. One is
added to each sum because a block of zeros is what a file looks like whose data a power cut took.

It does not know where bytes come from: it reads through `Source`.
"""

from array import array
from bisect import bisect_left
from itertools import islice
from operator import le
from typing import Final, Protocol

BLOCK_BYTES: Final = 1 << 16
RECORD_BYTES: Final = 8
_NEWLINE: Final = b"\n"


class Source(Protocol):
    """The bytes of a log, or of a file beside it, at any place."""

    def __call__(self, start: int, end: int, /) -> bytes:
        """Return the bytes from `start` to before `end`, fewer where the log ends earlier."""
        ...


class LineIndex:
    """Counts of newlines at each full block's end, for the first `size` bytes of a log."""

    def __init__(self, sums: "array[int]", source: Source, size: int) -> None:
        self._sums = sums
        self._source = source
        self.size = size
        """Bytes of the log that the index speaks of."""
        tail = source(len(sums) * BLOCK_BYTES, size)
        self.newlines = self._before(len(sums)) + tail.count(_NEWLINE)
        """Newlines in all `size` bytes."""
        self.ends_open = size > 0 and not (tail or source(size - 1, size)).endswith(_NEWLINE)
        """The last line has no newline (yet)."""

    @property
    def lines(self) -> int:
        """How many lines there are; a last one without newline counts."""
        return self.newlines + self.ends_open

    def start_of(self, line: int) -> int:
        """Return the byte offset at which line `line` (from 1 to `lines`) begins."""
        return 0 if line <= 1 else self._after_newline(line - 1)

    def end_of(self, line: int) -> int:
        """Return the byte offset after line `line`, its newline included; the end of the log for the last."""
        return self.size if line > self.newlines else self._after_newline(line)

    def line_of(self, offset: int) -> int:
        """Return the line that the byte at `offset` belongs to; a byte past the end belongs to the last line."""
        if offset >= self.size:
            return max(self.lines, 1)
        block = offset // BLOCK_BYTES
        return self._before(block) + self._source(block * BLOCK_BYTES, offset).count(_NEWLINE) + 1

    def _before(self, block: int) -> int:
        return self._sums[block - 1] - 1 if block else 0

    def _after_newline(self, number: int) -> int:
        """Return the offset behind the newline `number`, counted from 1."""
        block = bisect_left(self._sums, number + 1)
        start = block * BLOCK_BYTES
        data = self._source(start, min(start + BLOCK_BYTES, self.size))
        place = -1
        for _ in range(number - self._before(block)):
            place = data.index(_NEWLINE, place + 1)
        return start + place + 1


def load(records: bytes, source: Source, size: int) -> tuple["array[int]", int]:
    """Read the sums of the full blocks in the first `size` bytes; count what `records` lacks or tells wrong.

    Returns the sums and how many of the records were sound; the sums after those are new.
    """
    blocks = size // BLOCK_BYTES
    sums: array[int] = array("Q")
    sums.frombytes(records[: min(len(records) // RECORD_BYTES, blocks) * RECORD_BYTES])
    if not _sound(sums):
        sums = array("Q")
    kept = len(sums)
    total = sums[-1] if sums else 1
    for block in range(kept, blocks):
        total += source(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES).count(_NEWLINE)
        sums.append(total)
    return sums, kept


def _sound(sums: "array[int]") -> bool:
    """Tell whether these can be sums: at least one, never falling, at most a block's bytes apart."""
    if not sums:
        return True
    rises = all(map(le, sums, islice(sums, 1, None)))
    return rises and sums[0] >= 1 and sums[-1] <= len(sums) * BLOCK_BYTES + 1


class Counter:
    """Counts newlines while a log grows, and tells the records of the blocks that became full."""

    def __init__(self, sums: "array[int]", tail: bytes) -> None:
        """Continue a log that has these sums and, after the last full block, the bytes `tail`."""
        self._total = (sums[-1] if sums else 1) + tail.count(_NEWLINE)
        self._size = len(sums) * BLOCK_BYTES + len(tail)

    def feed(self, data: bytes) -> tuple[int, bytes]:
        """Count `data`, the log's next bytes; return (place in the file of records, records to write there)."""
        first = self._size // BLOCK_BYTES
        records: array[int] = array("Q")
        position = 0
        while position < len(data):
            room = BLOCK_BYTES - self._size % BLOCK_BYTES
            taken = min(room, len(data) - position)
            self._total += data.count(_NEWLINE, position, position + taken)
            self._size += taken
            position += taken
            if taken == room:
                records.append(self._total)
        return first * RECORD_BYTES, records.tobytes()
