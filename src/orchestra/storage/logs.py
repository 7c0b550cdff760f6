"""LogStore: the bytes that runs wrote, stored once, durable when acknowledged, and found by line.

    append_many ──► small: rows of `log_chunk` ─────────────┐
                └─► large: file `<run>.log`, one fdatasync ─┴─► one transaction: sizes ──► durable offsets
    lines, read ──► the size in the database, then only bytes below it

Rules. The database says how long a log is; a file may hold more behind that (bytes whose commit
never came), which nobody reads and the next append writes over. Persist, then speak: an offset is
returned after the file's flush *and* the commit. Bytes that are there are skipped, a gap is refused;
so a log is always a prefix of what the worker has, and only grows; but where a file has become shorter
than that, which only a disk that lied or a person can bring about, what reads it fails, and the log goes
on from what is left. The line index and the line times
beside the file are no promise: what is missing of the index is counted again.

The SHA-256 is kept running while a log grows in this process; after a restart it is computed once
more from the file. Memory per open log: some 300 bytes; none per byte.

It does not know runs' statuses: who finishes a run compares sizes and digests.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, TypeVar

from sqlalchemy import Connection

from orchestra.domain.errors import Unavailable
from orchestra.storage import log_chunks
from orchestra.storage.database import Database
from orchestra.storage.log_chunks import INLINE_BYTES, Stored
from orchestra.storage.log_files import DamagedLogError, DiskFiles, LogFiles
from orchestra.storage.log_lines import LINE_BYTES, LogWindow, Times
from orchestra.storage.log_view import LogInfo, LogView
from orchestra.storage.log_writer import Grown, OpenLog

T = TypeVar("T")

OPEN_LOGS: Final = 4096
"""Large logs whose running digest is remembered; one that is pushed out is read again at its end."""
READ_BYTES: Final = 1 << 18
"""Bytes that are read at once: 256 KiB, as large as pays (measured; reliability.md names the same for pipes)."""


class Offload(Protocol):
    """Runs a function that waits for a disk: on a thread, or at once in a simulated world."""

    def __call__(self, function: Callable[[], T], /) -> Awaitable[T]:
        """Return what `function` returns."""


async def on_thread(function: Callable[[], T]) -> T:
    """Run `function` on the loop's default pool of threads."""
    return await asyncio.get_running_loop().run_in_executor(None, function)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogAppend:
    """Bytes of a run's log from `offset` on, and when they were written."""

    run: str
    offset: int
    data: bytes
    times: Times = ()


class IsAllowed(Protocol):
    """A fence: may the log of `run` still grow by what this caller says? Asked in the same transaction."""

    def __call__(self, connection: Connection, run: str, /) -> bool:
        """Read rows only."""
        ...


@dataclass(slots=True)
class _Slot:
    """One run that is being appended to, or was lately: its lock, and its large log's open end."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    open: OpenLog | None = None


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one group brings for one run: `parts`, joined, from `offset` on."""

    offset: int
    parts: list[bytes]
    times: list[tuple[int, int]]

    @property
    def size(self) -> int:
        return sum(map(len, self.parts))


class LogStore:
    """The log store of one server; its methods belong to one event loop. `files` and `offload` are its seams."""

    def __init__(
        self,
        directory: Path,
        database: Database,
        *,
        files: LogFiles | None = None,
        offload: Offload = on_thread,
        inline_bytes: int = INLINE_BYTES,
    ) -> None:
        self._database = database
        self._files = DiskFiles(directory) if files is None else files
        self._offload = offload
        self._inline_bytes = inline_bytes
        self._slots: OrderedDict[str, _Slot] = OrderedDict()

    async def append_many(self, appends: Iterable[LogAppend], *, is_allowed: IsAllowed | None = None) -> dict[str, int]:
        """Append a group and return, for each of its runs, how many bytes of its log are durable now.

        A number below what was appended means that bytes are missing before them, that `is_allowed`
        said no, or that another append won: nothing of the rest was stored. Raises Unavailable when
        the disk or the database fails; what was durable before stays, and the same bytes may be
        appended again.
        """
        pieces = _pieces(appends)
        async with AsyncExitStack() as stack:
            slots: dict[str, _Slot] = {}
            for run in sorted(pieces):
                slots[run] = self._slot(run)
                await stack.enter_async_context(slots[run].lock)
            known = {run: slot.open for run, slot in slots.items() if slot.open is not None}
            durable: dict[str, int] = {}
            large: dict[str, OpenLog] = dict(known)
            unknown = {run: piece for run, piece in pieces.items() if run not in known}
            if unknown:
                answers = await self._database.write(lambda connection: self._inline(connection, unknown, is_allowed))
                durable = {run: size for run, size in answers.items() if isinstance(size, int)}
                large |= {
                    run: OpenLog(self._files, run, stored)
                    for run, stored in answers.items()
                    if isinstance(stored, Stored)
                }
            if large:
                durable |= await self._grow(slots, {run: (large[run], pieces[run]) for run in large}, is_allowed)
        return {run: durable[run] for run in pieces}

    def _inline(
        self, connection: Connection, pieces: dict[str, _Piece], is_allowed: IsAllowed | None
    ) -> dict[str, int | Stored]:
        """Append what stays small; for the others return what is stored of them."""
        answers: dict[str, int | Stored] = {}
        for run, piece in pieces.items():
            size: int | None = None
            if is_allowed is not None and not is_allowed(connection, run):
                size = log_chunks.offset(connection, run)
            elif piece.size <= self._inline_bytes:
                data = piece.parts[0] if len(piece.parts) == 1 else b"".join(piece.parts)
                size = log_chunks.append_inline(
                    connection, run, piece.offset, data, piece.times, limit=self._inline_bytes
                )
            answers[run] = log_chunks.stored(connection, run) if size is None else size
        return answers

    async def _grow(
        self, slots: dict[str, _Slot], work: dict[str, tuple[OpenLog, _Piece]], is_allowed: IsAllowed | None
    ) -> dict[str, int]:
        """Write to files, flush, then commit the sizes. Whatever fails, the open ends are thrown away."""
        for slot in slots.values():
            slot.open = None
        try:
            grown = await self._offload(
                lambda: [one.append(piece.offset, piece.parts, piece.times) for one, piece in work.values()]
            )
        except DamagedLogError as error:
            raise await self._admit(error) from error
        except OSError as error:
            raise Unavailable(f"logs cannot be stored: {error.strerror or error}") from error
        durable = await self._database.write(lambda connection: _commit(connection, grown, is_allowed))
        for one in grown:
            if durable[one.run] == one.size:
                slots[one.run].open = work[one.run][0]
        return durable

    async def digest(self, run: str) -> tuple[int, str]:
        """Return (size, SHA-256 in hexadecimal) of all durable bytes of the run's log. Raises Unavailable."""
        slot = self._slot(run)
        async with slot.lock:
            stored = await self._stored(run)
            if stored.data is not None:
                return stored.size, hashlib.sha256(stored.data).hexdigest()
            one = slot.open if slot.open is not None else OpenLog(self._files, run, stored)
            try:
                while not await self._offload(one.hash_more):
                    continue
                await self._offload(one.seal)
            except DamagedLogError as error:
                raise await self._admit(error) from error
            except OSError as error:
                raise Unavailable(f"the log of {run} cannot be read: {error.strerror or error}") from error
            slot.open = one
            return one.size, one.hexdigest()

    async def _admit(self, damage: DamagedLogError) -> Unavailable:
        """Say from now on only what is there: a worker that still has the log sends it again from that byte."""
        await self._database.write(
            lambda connection: log_chunks.shrink_large(connection, damage.run, damage.durable, damage.size)
        )
        return Unavailable(f"{damage.strerror}; it goes on from there")

    async def size(self, run: str) -> int:
        """Return how many bytes of the run's log are durable."""
        return await self._database.read(lambda connection: log_chunks.offset(connection, run))

    async def info(self, run: str) -> LogInfo:
        """Return the size, the number of lines, and the first and last time of what is durable."""
        return await self._look(run, LogView.info)

    async def lines(self, run: str, start: int, count: int, columns: int = LINE_BYTES) -> LogWindow:
        """Return a window of lines: see `log_lines.window` for its limits."""
        return await self._look(run, lambda view: view.window(start, count, columns))

    async def line_range(self, run: str, line: int) -> tuple[int, int] | None:
        """Return (start, end) of a line in bytes, without its newline; None where there is no such line."""
        return await self._look(run, lambda view: view.line_range(line))

    async def line_of(self, run: str, offset: int) -> int:
        """Return the line to which the byte at `offset` belongs."""
        return await self._look(run, lambda view: view.line_of(offset))

    async def line_at(self, run: str, milliseconds: int) -> int:
        """Return the line that was being written at a time, in milliseconds since 1970."""
        return await self._look(run, lambda view: view.line_at(milliseconds))

    async def read(self, run: str, start: int, end: int) -> bytes:
        """Return the durable bytes from `start` to before `end`, all at once: for small ranges, else `stream`."""
        return await self._look(run, lambda view: view.read(start, end))

    async def stream(self, run: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Give the bytes from `start` on in pieces, to before `end` or to what is durable now."""
        stored = await self._stored(run)
        end = stored.size if end is None else min(end, stored.size)
        view = LogView(self._files, run, stored)
        while start < end:
            stop = min(start + READ_BYTES, end)
            piece = (
                view.read(start, stop) if stored.data is not None else await self._from_files(view.read, start, stop)
            )
            if not piece:
                raise Unavailable(f"the file of the log of {run} is shorter than it was")
            yield piece
            start += len(piece)

    async def delete(self, run: str) -> None:
        """Remove the run's log: its rows, then its files."""
        slot = self._slot(run)
        async with slot.lock:
            await self._database.write(lambda connection: log_chunks.remove(connection, run))
            await self._offload(lambda: OpenLog.delete(self._files, run))
            slot.open = None

    async def _look(self, run: str, function: Callable[[LogView], T]) -> T:
        stored = await self._stored(run)
        view = LogView(self._files, run, stored)
        return function(view) if stored.data is not None else await self._from_files(function, view)

    async def _from_files(self, function: Callable[..., T], *arguments: object) -> T:
        try:
            return await self._offload(lambda: function(*arguments))
        except OSError as error:
            raise Unavailable(f"a log cannot be read: {error.strerror or error}") from error

    async def _stored(self, run: str) -> Stored:
        return await self._database.read(lambda connection: log_chunks.stored(connection, run))

    def _slot(self, run: str) -> _Slot:
        slot = self._slots.setdefault(run, _Slot())
        self._slots.move_to_end(run)
        while len(self._slots) > OPEN_LOGS:
            oldest = next(iter(self._slots))
            if self._slots[oldest].lock.locked():
                self._slots.move_to_end(oldest)
                break
            del self._slots[oldest]
        return slot


def _pieces(appends: Iterable[LogAppend]) -> dict[str, _Piece]:
    """Join what continues itself, run by run; what would leave a gap is left out."""
    pieces: dict[str, _Piece] = {}
    for append in appends:
        piece = pieces.setdefault(append.run, _Piece(append.offset, [], []))
        end = piece.offset + piece.size
        if append.offset <= end < append.offset + len(append.data):
            piece.parts.append(append.data[end - append.offset :] if append.offset < end else append.data)
            piece.times.extend(time for time in append.times if time[0] >= end)
    return pieces


def _commit(connection: Connection, grown: Sequence[Grown], is_allowed: IsAllowed | None) -> dict[str, int]:
    durable: dict[str, int] = {}
    for one in grown:
        allowed = is_allowed is None or is_allowed(connection, one.run)
        if one.size > one.before and allowed and one.commit(connection):
            durable[one.run] = one.size
        else:
            durable[one.run] = log_chunks.offset(connection, one.run)
    return durable
