"""Artifacts: the files that runs left, and whole runs as archives."""

from asyncio import sleep
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

from orchestra.client.addresses import path
from orchestra.client.answers import Artifact
from orchestra.client.asynchronous.connection import AsyncConnection
from orchestra.client.asynchronous.logs import PIECE_BYTES
from orchestra.client.retrying import Patience
from orchestra.domain.errors import Unavailable


class AsyncArtifacts(AsyncConnection):
    """Operations of artifacts. `run` is a run's UUID, `name` an artifact's path below the workspace."""

    def artifacts(self, run: str, *, order: str | None = None, limit: int | None = None) -> AsyncIterator[Artifact]:
        """What a run left, by path; known when it has ended. Raises NotFound."""
        return self._items(Artifact, path("runs", run, "artifacts"), limit, {"order": order})

    async def artifact(self, run: str, name: str, start: int = 0, size: int | None = None) -> bytes:
        """The bytes of an artifact from `start` on, at most `size`.

        Raises NotFound when the run left no such file or its bytes are lost, Conflict while they are on the worker.
        """
        if start < 0 or (size is not None and size < 0):
            raise ValueError(f"expected an offset and a size, got {start} and {size}")
        last = "" if size is None else str(start + max(size, 1) - 1)
        headers = {"Range": f"bytes={start}-{last}"}
        answer = await self._request("GET", _place(run, name), allowed=(416,), headers=headers)
        if answer.status_code == 416 or size == 0:
            return b""
        return answer.content if answer.status_code == 206 else answer.content[start:]

    async def artifact_pieces(self, run: str, name: str, start: int = 0) -> AsyncGenerator[bytes, None]:
        """The bytes of an artifact piece by piece, so that gigabytes need no memory.

        Where the connection breaks it goes on at the byte that was reached. Raises as `artifact` does.
        """
        offset, patience = start, Patience(self._patience_s)
        while True:
            try:
                headers = {"Range": f"bytes={offset}-"}
                async with self._stream(_place(run, name), allowed=(416,), headers=headers) as answer:
                    if answer.status_code == 206:
                        async for piece in answer.aiter_bytes(PIECE_BYTES):
                            offset += len(piece)
                            patience.renew()
                            yield piece
                return
            except Unavailable as error:
                await sleep(patience.pause_s(error))

    async def write_artifact(self, run: str, name: str, write: Callable[[bytes], object], start: int = 0) -> int:
        """Pass what `artifact_pieces` gives to `write`; return how many bytes there were."""
        size = 0
        async with aclosing(self.artifact_pieces(run, name, start)) as pieces:
            async for piece in pieces:
                write(piece)
                size += len(piece)
        return size

    async def write_archive(self, run: str, write: Callable[[bytes], object]) -> int:
        """Pass a ZIP file of the run, with log, results and artifacts, to `write` piece by piece; return its size.

        It is made while it is sent, so it cannot go on where a connection breaks: raises Unavailable then.
        """
        size = 0
        async with self._stream(path("runs", run, "archive")) as answer:
            async for piece in answer.aiter_bytes(PIECE_BYTES):
                write(piece)
                size += len(piece)
        return size


def _place(run: str, name: str) -> str:
    return path("runs", run, "artifacts", *name.split("/"))
