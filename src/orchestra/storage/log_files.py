"""Files of large logs: bytes at places, made durable on demand. The one module of `storage` that opens log files.

    DIRECTORY/<last two characters of the run>/<run>.log      the log, byte for byte
    DIRECTORY/<last two characters of the run>/<run>.lines    sums of newlines, `log_index`
    DIRECTORY/<last two characters of the run>/<run>.times    when bytes were written: pairs (offset, milliseconds)
    DIRECTORY/<last two characters of the run>/<run>.digest   size and SHA-256 at the run's end, for `log_check`

Rules: nothing is durable until `sync` returned; a failed `sync` is never repeated as if nothing had
happened (the kernel may have dropped the pages), the writer starts again from what the database
calls durable. A file that is shorter than that is damaged, and nobody reads zeros for what is missing.
Only `.log` is synced: the others can be counted again or done without.

The last two characters of a UUIDv7 are random; its first ones are the time, and would put every run
of a day into one folder.
"""

import os
from collections.abc import Sequence
from errno import EIO
from pathlib import Path
from typing import Protocol

from orchestra.domain.ids import is_uuid


class LogFiles(Protocol):
    """Where the store keeps files: a folder, or a simulated disk. Names are `<run>.log` and the like."""

    def write(self, name: str, offset: int, data: Sequence[bytes]) -> None:
        """Put `data`, joined, at `offset`; creates the file."""

    def sync(self, name: str, *, is_new: bool) -> None:
        """Make all that was written to the file durable, and if it `is_new` its name too."""

    def read(self, name: str, start: int, end: int) -> bytes:
        """Return the bytes from `start` to before `end`: fewer at the file's end, none without a file."""
        ...

    def size(self, name: str) -> int:
        """Return how many bytes the file has, durable or not; 0 without a file."""
        ...

    def truncate(self, name: str, size: int) -> None:
        """Drop what stands behind `size`; without a file or without such bytes nothing happens."""

    def delete(self, name: str) -> None:
        """Remove the file if it exists."""


class DamagedLogError(OSError):
    """The file of `run` holds `size` bytes, fewer than the database calls durable: somebody or something took them."""

    def __init__(self, run: str, size: int, durable: int) -> None:
        super().__init__(EIO, f"the file of the log of {run} ends at byte {size}, it had {durable}")
        self.run = run
        self.size = size
        self.durable = durable


class DiskFiles:
    """`LogFiles` below a folder, which is made when first needed (mode 0700: logs may tell secrets)."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def write(self, name: str, offset: int, data: Sequence[bytes]) -> None:
        """See `LogFiles`. Raises OSError (disk full, and so on); the file may then hold any part of `data`."""
        path = self._path(name)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            for part in data:
                rest = memoryview(part)
                while rest:
                    written = os.pwrite(descriptor, rest, offset)
                    offset += written
                    rest = rest[written:]
        finally:
            os.close(descriptor)

    def sync(self, name: str, *, is_new: bool) -> None:
        """See `LogFiles`. A new file costs three flushes more: of its folder and the folder's parents."""
        path = self._path(name)
        _flush(path, os.O_WRONLY)
        if is_new:
            for folder in (path.parent, self._directory, self._directory.parent):
                _flush(folder, os.O_RDONLY | os.O_DIRECTORY)

    def read(self, name: str, start: int, end: int) -> bytes:
        """See `LogFiles`."""
        try:
            descriptor = os.open(self._path(name), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return b""
        try:
            parts: list[bytes] = []
            while start < end and (part := os.pread(descriptor, end - start, start)):
                parts.append(part)
                start += len(part)
            return b"".join(parts)
        finally:
            os.close(descriptor)

    def size(self, name: str) -> int:
        """See `LogFiles`."""
        try:
            return self._path(name).stat().st_size
        except FileNotFoundError:
            return 0

    def truncate(self, name: str, size: int) -> None:
        """See `LogFiles`."""
        if self.size(name) > size:
            os.truncate(self._path(name), size)

    def delete(self, name: str) -> None:
        """See `LogFiles`."""
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        run, _, kind = name.rpartition(".")
        if not is_uuid(run) or not kind.isalpha():
            raise ValueError(f"not the name of a log's file: {name!r}")
        return self._directory / run[-2:] / name


def _flush(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        if flags & os.O_DIRECTORY:
            os.fsync(descriptor)
        else:
            os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
