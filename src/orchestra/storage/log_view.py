"""LogView: one log as it is durable now, for reading: bytes, lines, times.

Small logs are the bytes that the database gave, large ones are looked at in their files. What it
shows never changes while someone looks: a view ends at the size that the database told.

It waits for the disk, so it is used on threads, never on the event loop.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from orchestra.storage import log_lines
from orchestra.storage.log_chunks import TIME_BYTES, Stored, unpack_times
from orchestra.storage.log_files import DamagedLogError, LogFiles
from orchestra.storage.log_index import BLOCK_BYTES, RECORD_BYTES, LineIndex, load
from orchestra.storage.log_lines import Times

WINDOW_TIMES: Final = 8192
"""Most line times that one window looks at: more than it has lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogInfo:
    """`first_time` and `last_time` are milliseconds since 1970, None where no time is known."""

    bytes: int
    lines: int
    first_time: int | None = None
    last_time: int | None = None


class LogView:
    """The durable bytes of the log of `run`, as `stored` says."""

    def __init__(self, files: LogFiles, run: str, stored: Stored) -> None:
        self._files = files
        self._run = run
        self._stored = stored

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` to before `end`, as far as they are durable. Raises OSError."""
        end = min(end, self._stored.size)
        if self._stored.data is not None:
            return self._stored.data[start:end]
        if start >= end:
            return b""
        data = self._files.read(f"{self._run}.log", start, end)
        if len(data) < end - start:
            raise DamagedLogError(self._run, self._files.size(f"{self._run}.log"), self._stored.size)
        return data

    @cached_property
    def index(self) -> LineIndex:
        """Where lines begin. What is missing of a large log's index is counted, and lost again with this view."""
        size = self._stored.size
        records = b""
        if self._stored.is_large:
            records = self._files.read(f"{self._run}.lines", 0, size // BLOCK_BYTES * RECORD_BYTES)
        sums, _ = load(records, self.read, size)
        return LineIndex(sums, self.read, size)

    def info(self) -> LogInfo:
        """Return what the log's head line shows."""
        count = self._time_count()
        return LogInfo(
            bytes=self._stored.size,
            lines=self.index.lines,
            first_time=self._time(0)[1] if count else None,
            last_time=self._time(count - 1)[1] if count else None,
        )

    def window(self, start: int, count: int, columns: int) -> log_lines.LogWindow:
        """See `log_lines.window`."""
        return log_lines.window(self.index, self.read, self.times_between, start=start, count=count, columns=columns)

    def line_range(self, line: int) -> tuple[int, int] | None:
        """Return (start, end) of a line in bytes, without its newline; None where there is no such line."""
        if not 1 <= line <= self.index.lines:
            return None
        return self.index.start_of(line), self.index.end_of(line) - (line <= self.index.newlines)

    def line_of(self, offset: int) -> int:
        """Return the line to which the byte at `offset` belongs."""
        return self.index.line_of(offset)

    def line_at(self, milliseconds: int) -> int:
        """Return the line that was being written at that time; the first for an earlier time."""
        place = self._bisect(lambda time: time[1] > milliseconds)
        return self.index.line_of(self._time(place - 1)[0]) if place else 1

    def times_between(self, start: int, end: int) -> Times:
        """Return the times of the bytes from `start` to before `end`, the one in force at `start` included."""
        if self._stored.data is not None:
            offsets = [offset for offset, _ in self._stored.times]
            return self._stored.times[max(bisect_right(offsets, start) - 1, 0) : bisect_left(offsets, end)]
        first = max(self._bisect(lambda time: time[0] > start) - 1, 0)
        packed = self._files.read(f"{self._run}.times", first * TIME_BYTES, (first + WINDOW_TIMES) * TIME_BYTES)
        return [time for time in unpack_times(packed) if time[0] < end]

    def _time_count(self) -> int:
        if self._stored.data is not None:
            return len(self._stored.times)
        return self._files.size(f"{self._run}.times") // TIME_BYTES

    def _time(self, place: int) -> tuple[int, int]:
        if self._stored.data is not None:
            return self._stored.times[place]
        packed = self._files.read(f"{self._run}.times", place * TIME_BYTES, (place + 1) * TIME_BYTES)
        return unpack_times(packed)[0]

    def _bisect(self, is_after: Callable[[tuple[int, int]], bool]) -> int:
        """Return the place of the first time for which `is_after` holds."""
        low, high = 0, self._time_count()
        while low < high:
            middle = (low + high) // 2
            if is_after(self._time(middle)):
                high = middle
            else:
                low = middle + 1
        return low
