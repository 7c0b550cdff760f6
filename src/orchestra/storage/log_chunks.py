"""Small logs, inside the database: rows of the table `log_chunk`, as plain functions of a connection.

    a small log    (run, 0, size, data, times) (run, 4000, size, data, times) …     at most `INLINE_BYTES` in all
    a large log    (run, 0, size, NULL, NULL)                                       `size` bytes stand in its file

Either way the sum of `size` is what is durable: the number that the worker is told and that a new
session continues from. Most runs print little, and their last bytes can be committed in the same
transaction as their status, without a file (measured: one file a run cost a third of the throughput).

Rules: bytes that are there already are skipped, a gap changes nothing. A few small pieces become one
row, so that a log of a line a second does not become thousands of rows.
"""

import hashlib
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from orchestra.storage.log_lines import Times
from orchestra.storage.schema import log_chunk
from orchestra.storage.statements import ListStatement, Statement

INLINE_BYTES: Final = 1 << 16
"""Logs up to here live in the database, larger ones in files."""
ROW_BYTES: Final = 1 << 12
"""Pieces are joined to rows of about a database page."""

_TIME: Final = struct.Struct("<QQ")
TIME_BYTES: Final = _TIME.size

_column = log_chunk.c
_last = (
    select(_column.start, _column.size, _column.data, _column.times)
    .where(_column.run == bindparam("of"))
    .order_by(_column.start.desc())
    .limit(1)
)
_all = select(_column.size, _column.data, _column.times).where(_column.run == bindparam("of")).order_by(_column.start)
_offsets = ListStatement(
    lambda listed: (
        select(_column.run, func.max(_column.start + _column.size)).where(_column.run.in_(listed)).group_by(_column.run)
    )
)
_join = (
    update(log_chunk)
    .where(_column.run == bindparam("of"), _column.start == bindparam("at"))
    .values(size=bindparam("size"), data=bindparam("data"), times=bindparam("times"))
)

_insert = Statement(insert(log_chunk), ("run", "start", "size", "data", "times"))


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database holds of a log: `data` is None when its `size` bytes stand in a file."""

    size: int
    data: bytes | None
    times: Times = ()

    @property
    def is_large(self) -> bool:
        """The bytes stand in a file."""
        return self.data is None


def append_inline(
    connection: Connection, run: str, offset: int, data: bytes, times: Times = (), *, limit: int = INLINE_BYTES
) -> int | None:
    """Put `data`, the bytes of the log of `run` from `offset` on, into the database; return its size afterwards.

    Bytes that are there already are skipped. A size below `offset` means that bytes are missing
    before it: nothing was changed. None means that the log is, or would become, larger than `limit`:
    nothing was changed, and `LogStore.append_many` must take it.
    """
    last = connection.execute(_last, {"of": run}).one_or_none()
    size = 0 if last is None else last.start + last.size
    if last is not None and last.data is None:
        return None
    fresh = data[size - offset :] if offset < size else data
    if offset > size or not fresh:
        return size
    if size + len(fresh) > limit:
        return None
    packed = pack_times(time for time in times if time[0] >= size)
    if last is not None and last.size + len(fresh) <= ROW_BYTES:
        joined = bytes(last.data) + fresh
        all_times = bytes(last.times or b"") + packed
        values = {"size": len(joined), "data": joined, "times": all_times or None}
        connection.execute(_join, {"of": run, "at": last.start, **values})
    else:
        row = {"run": run, "start": size, "size": len(fresh), "data": bytes(fresh), "times": packed or None}
        connection.execute(insert(log_chunk), row)
    return size + len(fresh)


def append_whole(connection: Connection, logs: Sequence[tuple[str, bytes, Times]]) -> None:
    """Put small logs (run, data, times) into the database of which no byte is there yet, a row each.

    For the end of many short runs in one transaction; `offsets` tells which runs hold nothing.
    """
    rows = [
        {"run": run, "start": 0, "size": len(data), "data": data, "times": pack_times(times) or None}
        for run, data, times in logs
    ]
    if rows:
        _insert.execute(connection, rows)


def offset(connection: Connection, run: str) -> int:
    """Return how many bytes of the log of `run` are durable."""
    return offsets(connection, (run,)).get(run, 0)


def offsets(connection: Connection, runs: Iterable[str]) -> dict[str, int]:
    """Return how many bytes of the log of each of `runs` are durable; runs without a byte are absent."""
    return dict(_offsets.all(connection, runs))


def stored(connection: Connection, run: str) -> Stored:
    """Return the log of `run`, or how long it is if it is large."""
    rows = connection.execute(_all, {"of": run}).all()
    if rows and rows[0].data is None:
        return Stored(rows[0].size, None)
    data = b"".join(bytes(row.data) for row in rows)
    return Stored(len(data), data, [time for row in rows for time in unpack_times(row.times or b"")])


def inline_digest(connection: Connection, run: str) -> tuple[int, str] | None:
    """Return (size, SHA-256 in hexadecimal) of a small log; None for a large one, see `LogStore.digest`."""
    found = stored(connection, run)
    return None if found.data is None else (found.size, hashlib.sha256(found.data).hexdigest())


def become_large(connection: Connection, run: str, before: int, size: int) -> bool:
    """The first `size` bytes are durable in the file; False, and nothing changed, unless `before` were here."""
    last = connection.execute(_last, {"of": run}).one_or_none()
    if (0 if last is None else last.start + last.size) != before or (last is not None and last.data is None):
        return False
    remove(connection, run)
    connection.execute(insert(log_chunk), {"run": run, "start": 0, "size": size, "data": None, "times": None})
    return True


def grow_large(connection: Connection, run: str, before: int, size: int) -> bool:
    """`size` bytes are durable in the file, where `before` were; False, and nothing changed, if that is not so."""
    of_file = (_column.run == run, _column.start == 0, _column.data.is_(None), _column.size == before)
    return connection.execute(update(log_chunk).where(*of_file).values(size=size)).rowcount == 1


def shrink_large(connection: Connection, run: str, before: int, size: int) -> bool:
    """Of `before` bytes in the file only `size` are left; False, and nothing changed, if there were not so many.

    What a worker still has of a log it sends again from there. The only way in which a log becomes shorter.
    """
    return size < before and grow_large(connection, run, before, size)


def remove(connection: Connection, run: str) -> None:
    """Drop all that the database holds of the log of `run`."""
    connection.execute(delete(log_chunk).where(_column.run == run))


def pack_times(times: Iterable[tuple[int, int]]) -> bytes:
    """Return times as they are stored: 16 bytes each, little-endian."""
    return b"".join(_TIME.pack(*time) for time in times)


def unpack_times(packed: bytes) -> list[tuple[int, int]]:
    """Return what `pack_times` packed; half an entry at the end is dropped."""
    whole: Any = memoryview(packed)[: len(packed) // TIME_BYTES * TIME_BYTES]
    return list(_TIME.iter_unpack(whole))
