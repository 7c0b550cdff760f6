"""Files of artifacts: contents by their hash, and what has come of those that are on their way.

    DIRECTORY/<first two digits>/<SHA-256>     a content, whole, verified, durable; never changed
    DIRECTORY/partial/<run>/<SHA-256>          the front of one that comes for a run

Rules: a name of a content appears by rename, after its bytes were synced and hashed to that name; the
folder is synced then. A partial file is no promise: what a loss of power made of it shows in the hash.
"""

import ctypes
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from orchestra.domain.artifact import is_sha256
from orchestra.domain.ids import is_uuid

PARTIAL: Final = "partial"
MANY: Final = 16
"""From here on one syncfs(2) is cheaper than an fsync for each: 5,000 small files took 62 s one by one, and 21 s so
(2026-11, a busy disk of 6 ms an fsync)."""


class ArtifactFiles(Protocol):
    """Where the store keeps contents: a folder, or a simulated disk. All methods raise OSError."""

    def write(self, run: str, sha256: str, offset: int, data: bytes) -> None:
        """Put `data` at `offset` of the partial file, which is made when first needed."""

    def read(self, run: str, sha256: str, start: int, end: int) -> bytes:
        """Return bytes of the partial file: fewer at its end, none without it."""
        ...

    def partial_size(self, run: str, sha256: str) -> int:
        """Return how long the partial file is, 0 without it."""
        ...

    def drop(self, run: str, sha256: str) -> None:
        """Remove the partial file if there is one."""

    def drop_all(self, run: str) -> None:
        """Remove all partial files of the run."""

    def publish(self, run: str, contents: Sequence[str]) -> None:
        """Make partial files durable, then give them their names as contents, and make those durable."""

    def size(self, sha256: str) -> int | None:
        """Return how long a content is, None when it is not there."""
        ...

    def read_content(self, sha256: str, start: int, end: int) -> bytes:
        """Return bytes of a content. Raises FileNotFoundError."""
        ...

    def remove(self, sha256: str) -> None:
        """Remove a content if it is there."""

    def partials(self) -> list[str]:
        """Return the runs that have partial files."""
        ...


class DiskArtifactFiles:
    """`ArtifactFiles` below a folder, made when first needed (0700: what runs leave may be secret)."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def write(self, run: str, sha256: str, offset: int, data: bytes) -> None:
        """See `ArtifactFiles`."""
        path = self._partial(run, sha256)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            rest = memoryview(data)
            while rest:
                written = os.pwrite(descriptor, rest, offset)
                offset += written
                rest = rest[written:]
        finally:
            os.close(descriptor)

    def read(self, run: str, sha256: str, start: int, end: int) -> bytes:
        """See `ArtifactFiles`."""
        try:
            return _read(self._partial(run, sha256), start, end)
        except FileNotFoundError:
            return b""

    def partial_size(self, run: str, sha256: str) -> int:
        """See `ArtifactFiles`."""
        return _size(self._partial(run, sha256)) or 0

    def drop(self, run: str, sha256: str) -> None:
        """See `ArtifactFiles`."""
        self._partial(run, sha256).unlink(missing_ok=True)

    def drop_all(self, run: str) -> None:
        """See `ArtifactFiles`."""
        shutil.rmtree(self._of_run(run), ignore_errors=True)

    def publish(self, run: str, contents: Sequence[str]) -> None:
        """See `ArtifactFiles`. The folders above are flushed too: they may hold the name of a new folder."""
        if not contents:
            return
        self._flush_all([self._partial(run, one) for one in contents])
        for one in contents:
            path = self._content(one)
            try:
                self._partial(run, one).rename(path)
            except FileNotFoundError:
                path.parent.mkdir(mode=0o700, exist_ok=True)
                self._partial(run, one).rename(path)
        folders = {self._content(one).parent for one in contents}
        self._flush_all(sorted(folders | {self._directory, self._directory.parent}))

    def _flush_all(self, paths: Sequence[Path]) -> None:
        """Flush one by one, or, when they are many, the file system as a whole."""
        if len(paths) >= MANY and _sync_file_system(self._directory):
            # The folder above may be on another file system.
            paths = [path for path in paths if path == self._directory.parent]
        for path in paths:
            _flush(path)

    def size(self, sha256: str) -> int | None:
        """See `ArtifactFiles`."""
        return _size(self._content(sha256))

    def read_content(self, sha256: str, start: int, end: int) -> bytes:
        """See `ArtifactFiles`."""
        return _read(self._content(sha256), start, end)

    def remove(self, sha256: str) -> None:
        """See `ArtifactFiles`."""
        self._content(sha256).unlink(missing_ok=True)

    def partials(self) -> list[str]:
        """See `ArtifactFiles`."""
        try:
            return sorted(one.name for one in (self._directory / PARTIAL).iterdir() if is_uuid(one.name))
        except FileNotFoundError:
            return []

    def _content(self, sha256: str) -> Path:
        _require(is_sha256(sha256), sha256)
        return self._directory / sha256[:2] / sha256

    def _of_run(self, run: str) -> Path:
        _require(is_uuid(run), run)
        return self._directory / PARTIAL / run

    def _partial(self, run: str, sha256: str) -> Path:
        _require(is_sha256(sha256), sha256)
        return self._of_run(run) / sha256


def _require(holds: bool, name: str) -> None:
    if not holds:
        raise ValueError(f"not the name of an artifact's file: {name!r}")


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _read(path: Path, start: int, end: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts: list[bytes] = []
        while start < end and (part := os.pread(descriptor, end - start, start)):
            parts.append(part)
            start += len(part)
        return b"".join(parts)
    finally:
        os.close(descriptor)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_file_system(path: Path) -> bool:
    """Flush the file system of `path`; False where the system's library has no syncfs(2). Raises OSError."""
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        return False
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(descriptor)
    return True
