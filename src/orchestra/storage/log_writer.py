"""OpenLog: the growing end of one large log in its files; what it wrote counts only once the database says so.

    .log     data at its offset, then fdatasync        the promise
    .lines   sums of the blocks that became full       can be counted again
    .times   pairs (offset, milliseconds)              can be done without
    .digest  size and SHA-256 when the run ended       tells later whether bytes went bad

It waits for the disk, so it is used on threads. After any error it is thrown away: the next one
begins at the size in the database, and drops what the files hold behind it.
"""

import hashlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from orchestra.storage import log_chunks
from orchestra.storage.log_chunks import TIME_BYTES, Stored, pack_times, unpack_times
from orchestra.storage.log_files import DamagedLogError, LogFiles
from orchestra.storage.log_index import BLOCK_BYTES, RECORD_BYTES, Counter, load
from orchestra.storage.log_lines import Times

HASH_BYTES: Final = 1 << 23
"""Bytes that `hash_more` reads in one go: some 10 ms, so that a thread is never held for long."""
_KINDS: Final = ("log", "lines", "times", "digest")


@dataclass(frozen=True, slots=True)
class Grown:
    """The file is durable up to `size`, where the database says `before`; `commit` makes it true."""

    run: str
    before: int
    size: int
    was_inline: bool

    def commit(self, connection: Connection) -> bool:
        """Move the database to `size`; False, and nothing changed, when it no longer says `before`."""
        if self.was_inline:
            return log_chunks.become_large(connection, self.run, self.before, self.size)
        return log_chunks.grow_large(connection, self.run, self.before, self.size)


class OpenLog:
    """The end of the log of `run`. Nothing is read or written before the first call that needs it."""

    def __init__(self, files: LogFiles, run: str, stored: Stored) -> None:
        self.run = run
        self.size = stored.size
        self._files = files
        self._inline = stored
        self._is_ready = False
        self._counter = Counter(array("Q"), b"")
        self._times_size = 0
        self._sha = hashlib.sha256()
        self._hashed = 0

    def append(self, offset: int, parts: Sequence[bytes], times: Times) -> Grown:
        """Write `parts`, joined, from `offset` on, and flush. What is there is skipped, a gap changes nothing.

        Raises OSError.
        """
        before, was_inline = self.size, not self._inline.is_large
        fresh = _behind(parts, before - offset) if offset <= before else []
        if not fresh:
            return Grown(self.run, before, before, was_inline)
        self._prepare()
        if self._inline.data:
            fresh = [self._inline.data, *fresh]
        start = 0 if was_inline else before
        self._files.write(self._name("log"), start, fresh)
        self._index(fresh)
        kept = [*(self._inline.times if was_inline else ()), *(time for time in times if time[0] >= before)]
        if kept:
            self._files.write(self._name("times"), self._times_size, [pack_times(kept)])
            self._times_size += len(kept) * TIME_BYTES
        self._files.sync(self._name("log"), is_new=was_inline)
        self.size = start + sum(map(len, fresh))
        self._inline = Stored(self.size, None)
        return Grown(self.run, before, self.size, was_inline)

    def hash_more(self) -> bool:
        """Bring the digest nearer to the end of the file; True when it is there. Raises OSError."""
        data = self._files.read(self._name("log"), self._hashed, min(self._hashed + HASH_BYTES, self.size))
        self._sha.update(data)
        self._hashed += len(data)
        if not data and self._hashed < self.size:
            raise DamagedLogError(self.run, self._hashed, self.size)
        return self._hashed == self.size

    def seal(self) -> None:
        """Write the digest beside the file, where `log_check` looks for it; an append makes it out of date."""
        self._files.write(self._name("digest"), 0, [seal_of(self.size, self.hexdigest())])

    def hexdigest(self) -> str:
        """Return the SHA-256 of what `hash_more` and `append` have seen."""
        return self._sha.hexdigest()

    @staticmethod
    def delete(files: LogFiles, run: str) -> None:
        """Remove the files of the log of `run`."""
        for kind in _KINDS:
            files.delete(f"{run}.{kind}")

    def _prepare(self) -> None:
        """Continue at the durable size: drop what stands behind it, and count what the index lacks."""
        if self._is_ready:
            return
        size = self.size if self._inline.is_large else 0
        found = self._files.size(self._name("log"))
        if found < size:
            # Writing on would leave a hole, which reads as zeros that no command wrote.
            raise DamagedLogError(self.run, found, size)
        for kind, kept in (("log", size), ("lines", size // BLOCK_BYTES * RECORD_BYTES)):
            self._files.truncate(self._name(kind), kept)

        def source(start: int, end: int) -> bytes:
            return self._files.read(self._name("log"), start, min(end, size))

        records = self._files.read(self._name("lines"), 0, size // BLOCK_BYTES * RECORD_BYTES)
        sums, sound = load(records, source, size)
        if sound < len(sums):
            self._files.write(self._name("lines"), sound * RECORD_BYTES, [sums[sound:].tobytes()])
        self._counter = Counter(sums, source(len(sums) * BLOCK_BYTES, size))
        self._times_size = self._sound_times(size)
        self._is_ready = True

    def _sound_times(self, size: int) -> int:
        """Return how many bytes of the file of times are whole and speak of bytes below `size`; drop the rest."""
        end = self._files.size(self._name("times")) // TIME_BYTES * TIME_BYTES
        while end:
            ((offset, milliseconds),) = unpack_times(self._files.read(self._name("times"), end - TIME_BYTES, end))
            if offset < size and milliseconds:
                break
            end -= TIME_BYTES
        self._files.truncate(self._name("times"), end)
        return end

    def _index(self, fresh: Sequence[bytes]) -> None:
        """Count and hash what was written, unless the digest waits for bytes before it."""
        hashing = self._hashed == (self.size if self._inline.is_large else 0)
        for part in fresh:
            place, records = self._counter.feed(part)
            if records:
                self._files.write(self._name("lines"), place, [records])
            if hashing:
                self._sha.update(part)
                self._hashed += len(part)

    def _name(self, kind: str) -> str:
        return f"{self.run}.{kind}"


def seal_of(size: int, digest: str) -> bytes:
    """What stands in a `.digest`: the number of bytes that were hashed, and their SHA-256, always equally long."""
    return f"{size:020d} {digest}\n".encode()


def _behind(parts: Sequence[bytes], skip: int) -> list[bytes]:
    """Return `parts` without their first `skip` bytes."""
    kept: list[bytes] = []
    for part in parts:
        if skip < len(part):
            kept.append(part[skip:] if skip else part)
        skip = max(skip - len(part), 0)
    return kept
