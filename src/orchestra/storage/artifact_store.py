"""ArtifactStore: contents that runs left, each once, verified before it has its name.

    look ──► what is here, and how far the rest came
    receive ──► partial file, running hash ──► whole: hash fits? sync, rename, sync folders ─► STORED
                                                     └─ does not: dropped ──► LOST
    stream ──► bytes of a content
    sweep ──► contents that nobody needs any more are removed

Rules: a content is here or it is not; no other part of the program sees a part of one. Whoever looks
whether it is here has a row that names it in the database, and `sweep` asks the database under the
same lock, so what somebody found is not removed. It does not know who sends, nor runs' statuses.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from orchestra.domain.artifact import ArtifactState
from orchestra.domain.errors import Unavailable
from orchestra.storage import artifacts
from orchestra.storage.artifact_files import ArtifactFiles, DiskArtifactFiles
from orchestra.storage.database import Database
from orchestra.storage.logs import Offload, on_thread

T = TypeVar("T")

READ_BYTES: Final = 1 << 18
SWEPT: Final = 100
"""Contents that are removed under one lock: what comes meanwhile waits for some milliseconds."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of a content of `size` bytes, from `offset` on."""

    sha256: str
    offset: int
    data: bytes
    size: int


class ArtifactStore:
    """The store of one server; its methods belong to one event loop. `files` and `offload` are its seams."""

    def __init__(
        self,
        directory: Path,
        database: Database,
        *,
        files: ArtifactFiles | None = None,
        offload: Offload = on_thread,
    ) -> None:
        self._database = database
        self._files = DiskArtifactFiles(directory) if files is None else files
        self._offload = offload
        self._lock = asyncio.Lock()
        self._hashes: dict[tuple[str, str], tuple[int, hashlib._Hash]] = {}

    async def look(self, run: str, contents: Sequence[tuple[str, int]]) -> dict[str, int | None]:
        """Return for each (SHA-256, size) None when it is here, else how many bytes of it have come for the run.

        Raises OSError.
        """
        async with self._lock:
            return await self._offload(lambda: self._look(run, contents))

    def _look(self, run: str, contents: Sequence[tuple[str, int]]) -> dict[str, int | None]:
        found: dict[str, int | None] = {}
        for sha256, size in contents:
            if self._files.size(sha256) == size:
                found[sha256] = None
                continue
            came = self._files.partial_size(run, sha256)
            if came >= size > 0:
                # All of it came, but nobody lived to verify it; or it is longer than it may be.
                self._files.drop(run, sha256)
                came = 0
            found[sha256] = came
        return found

    async def receive(self, run: str, pieces: Sequence[Piece]) -> dict[str, ArtifactState]:
        """Store pieces; return what became of the contents that are whole now.

        A piece that does not continue what came makes its content LOST, as a wrong hash does; the partial file is
        dropped, so that it may be sent again. Raises OSError: what came before stays.
        """
        async with self._lock:
            return await self._offload(lambda: self._receive(run, pieces))

    def _receive(self, run: str, pieces: Sequence[Piece]) -> dict[str, ArtifactState]:
        ended: dict[str, ArtifactState] = {}
        for piece in pieces:
            if ended.get(piece.sha256) is ArtifactState.LOST:
                continue
            state = self._append(run, piece)
            if state is not None:
                ended[piece.sha256] = state
        self._files.publish(run, [one for one, state in ended.items() if state is ArtifactState.STORED])
        return ended

    def _append(self, run: str, piece: Piece) -> ArtifactState | None:
        key = (run, piece.sha256)
        hashed, digest = self._hashes.pop(key) if key in self._hashes else self._hash_again(run, piece.sha256)
        if hashed != piece.offset or piece.offset + len(piece.data) > piece.size:
            self._files.drop(run, piece.sha256)
            return ArtifactState.LOST
        self._files.write(run, piece.sha256, piece.offset, piece.data)
        digest.update(piece.data)
        hashed += len(piece.data)
        if hashed < piece.size:
            self._hashes[key] = hashed, digest
            return None
        if digest.hexdigest() != piece.sha256:
            self._files.drop(run, piece.sha256)
            return ArtifactState.LOST
        return ArtifactState.STORED

    def _hash_again(self, run: str, sha256: str) -> tuple[int, "hashlib._Hash"]:
        """What came in an earlier life of the server, or before an error, is read once more."""
        digest, size = hashlib.sha256(), 0
        while data := self._files.read(run, sha256, size, size + READ_BYTES):
            digest.update(data)
            size += len(data)
        return size, digest

    async def discard(self, run: str) -> None:
        """Nothing more comes for the run: what came in part is removed. Raises OSError."""
        async with self._lock:
            self._forget(run)
            await self._offload(lambda: self._files.drop_all(run))

    async def stream(self, sha256: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Give the bytes of a content in pieces. Raises Unavailable when they cannot be read."""
        while start < end:
            stop = min(start + READ_BYTES, end)
            piece = await self._read(sha256, start, stop)
            yield piece
            start += len(piece)

    async def read(self, sha256: str, start: int, end: int) -> bytes:
        """Return bytes of a content at once: for small ranges. Raises Unavailable."""
        return b"".join([piece async for piece in self.stream(sha256, start, end)])

    async def _read(self, sha256: str, start: int, end: int) -> bytes:
        try:
            piece = await self._offload(lambda: self._files.read_content(sha256, start, end))
        except OSError as error:
            raise Unavailable(f"an artifact cannot be read: {error.strerror or error}") from error
        if not piece:
            raise Unavailable("an artifact's file is shorter than it was")
        return piece

    async def sweep(self) -> int:
        """Remove contents that nobody needs any more, and what came in part for runs that await nothing.

        Return how many contents. What cannot be removed now stays noted. Raises Unavailable when the database does
        not answer.
        """
        count = 0
        while contents := await self._database.read(lambda rows: artifacts.noted(rows, SWEPT)):
            async with self._lock:
                needed = await self._database.read(lambda rows: artifacts.needed(rows, contents))
                unneeded = [one for one in contents if one not in needed]
                removed = await self._offload(lambda: self._remove(unneeded))  # noqa: B023
            done = [one for one in contents if one in needed or one in removed]
            await self._database.write(lambda rows: artifacts.forget_noted(rows, done))  # noqa: B023
            count += len(removed)
            if len(done) < len(contents):
                break
        async with self._lock:
            partial = await self._offload(self._files.partials)
            waiting = await self._database.read(lambda rows: artifacts.waiting(rows, partial))
            for run in set(partial) - waiting:
                self._forget(run)
                await self._offload(lambda: self._files.drop_all(run))  # noqa: B023
        return count

    def _remove(self, contents: Sequence[str]) -> set[str]:
        removed: set[str] = set()
        for one in contents:
            try:
                self._files.remove(one)
            except OSError:
                continue
            removed.add(one)
        return removed

    def _forget(self, run: str) -> None:
        for key in [key for key in self._hashes if key[0] == run]:
            del self._hashes[key]
