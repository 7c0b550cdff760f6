"""Windows of lines: the answer to "show me 500 lines from line 41,190", wherever that is.

A window holds at most `LINES` lines and `WINDOW_BYTES` bytes, and always ends on a line's end, so a
reader may get fewer lines than it asked for and asks again from there. A line longer than the
column limit is cut (on a character) and told with its real length; the rest of it is never read.
Whatever is asked, at most `SCAN_BYTES` are looked at.

It does not know files or rows: it reads bytes through `Source` and lines through `LineIndex`. Text
is bytes here; whoever shows it decodes it.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from orchestra.storage.log_index import BLOCK_BYTES, LineIndex, Source

LINES: Final = 5000
"""Most lines of one window (website: chunks of 500)."""
WINDOW_BYTES: Final = 2 << 20
"""Most bytes of text of one window."""
LINE_BYTES: Final = 1 << 16
"""Where a line is cut when no lower limit is asked for."""
SCAN_BYTES: Final = 8 << 20
"""Most bytes of log that one window looks at."""
LOOK_BACK_BYTES: Final = BLOCK_BYTES
"""How far before a window a colour may have been switched on to be still known at its start."""

Times = Sequence[tuple[int, int]]
"""(byte offset, milliseconds since 1970), ascending: from this byte on, written at this time."""


class TimesBetween(Protocol):
    """The times of a part of the log."""

    def __call__(self, start: int, end: int, /) -> Times:
        """Return the times of the bytes from `start` to before `end`, the one in force at `start` included."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LogWindow:
    """Lines `start` … `start + len(lines) - 1` of a log that has `total` lines now.

    Lines come without their newline. `sgr` are the parameters of the colours and styles in force at
    the first line ("1;31"), empty for none. `times` holds (index into `lines`, milliseconds since
    1970) where the time changes. `cut` holds (index, real length in bytes) of lines that were cut.
    `open_end`: the last line here is the log's last and has no newline.
    """

    start: int
    total: int
    lines: tuple[bytes, ...]
    sgr: str = ""
    times: tuple[tuple[int, int], ...] = ()
    cut: tuple[tuple[int, int], ...] = ()
    open_end: bool = False


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    text: bytes
    length: int


def window(
    index: LineIndex, source: Source, times: TimesBetween, *, start: int, count: int, columns: int = LINE_BYTES
) -> LogWindow:
    """Return `count` lines from line `start` on; a negative `start` counts from the end (-1 is the last line).

    `columns` is the longest line in bytes that is not cut; the limits of the module apply. A start
    behind the end gives an empty window.
    """
    total = index.lines
    first = max(total + 1 + start, 1) if start < 0 else max(start, 1)
    count = min(count, LINES, total - first + 1)
    if count <= 0:
        return LogWindow(start=first, total=total, lines=())
    begin = index.start_of(first)
    found = _collect(index, source, first, count, min(max(columns, 1), LINE_BYTES))
    return LogWindow(
        start=first,
        total=total,
        lines=tuple(line.text for line in found),
        sgr=_style_before(source, begin),
        times=_line_times(times(begin, found[-1].start + 1), [line.start for line in found]),
        cut=tuple((place, line.length) for place, line in enumerate(found) if line.length > len(line.text)),
        open_end=index.ends_open and first + len(found) - 1 == total,
    )


def _collect(index: LineIndex, source: Source, first: int, count: int, columns: int) -> list[_Line]:
    found: list[_Line] = []
    size = index.size
    begin = position = origin = index.start_of(first)
    buffer, emitted = b"", 0
    while len(found) < count and position - begin < SCAN_BYTES:
        end = buffer.find(b"\n", position - origin)
        if end < 0 and origin + len(buffer) < size:
            origin, buffer = position, source(position, min(position + 4 * BLOCK_BYTES, size))
            end = buffer.find(b"\n")
        if end >= 0:
            stop, after = origin + end, origin + end + 1
        else:
            after = index.end_of(first + len(found))
            stop = after - 1 if first + len(found) <= index.newlines else after
        text = buffer[position - origin : stop - origin][: columns + 1]
        if len(text) > columns:
            text = _cut(text[:columns])
        emitted += len(text)
        if found and emitted > WINDOW_BYTES:
            break
        found.append(_Line(position, text, stop - position))
        position = after
        if position > origin + len(buffer):
            origin, buffer = position, b""
    return found


def _cut(text: bytes) -> bytes:
    """Drop the beginning of a UTF-8 character at the end of `text`, if it is one (RFC 3629 section 3)."""
    for back in range(1, min(4, len(text)) + 1):
        byte = text[-back]
        if byte > 0xF4:
            break
        if byte >= 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return text[:-back] if length > back else text
        if byte < 0x80:
            break
    return text


_SGR: Final = re.compile(rb"\x1b\[([0-9;:]*)m")
_RESET: Final = re.compile(rb"\x1b\[0*m")


def _style_before(source: Source, position: int) -> str:
    """Return what SGR sequences (ECMA-48 section 8.3.117) before `position` have switched on and not off again."""
    before = source(max(position - LOOK_BACK_BYTES, 0), position)
    if b"\x1b[" not in before:
        return ""
    parts: list[bytes] = []
    for found in _SGR.finditer(before):
        if _RESET.fullmatch(found[0]):
            parts.clear()
        else:
            parts.append(found[1])
    return b";".join(parts[-16:]).decode("ascii")


def _line_times(times: Times, starts: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Give each line the time of its first byte, and keep the places where it changes."""
    offsets = [offset for offset, _ in times]
    changes: list[tuple[int, int]] = []
    for place, start in enumerate(starts):
        at = bisect_right(offsets, start) - 1
        if at >= 0 and (not changes or changes[-1][1] != times[at][1]):
            changes.append((place, times[at][1]))
    return tuple(changes)
