"""The server's disk of artifacts in memory, and what stands on it: for the program, and for whoever judges it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class _File:
    content: bytearray = field(default_factory=bytearray)
    durable: bytes = b""


class SimArtifactFiles:
    """`storage.artifact_files.ArtifactFiles` in memory; what was not published may be lost with the power.

    `failing` makes the next writes fail (disk full).
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._partial: dict[tuple[str, str], _File] = {}
        self._contents: dict[str, _File] = {}
        self.failing = 0

    def write(self, run: str, sha256: str, offset: int, data: bytes) -> None:
        """See `ArtifactFiles`."""
        if self.failing:
            self.failing -= 1
            raise OSError(28, "No space left on device")
        content = self._partial.setdefault((run, sha256), _File()).content
        content.extend(bytes(max(0, offset - len(content))))
        content[offset : offset + len(data)] = data

    def read(self, run: str, sha256: str, start: int, end: int) -> bytes:
        """See `ArtifactFiles`."""
        file = self._partial.get((run, sha256))
        return b"" if file is None else bytes(file.content[start:end])

    def partial_size(self, run: str, sha256: str) -> int:
        """See `ArtifactFiles`."""
        file = self._partial.get((run, sha256))
        return 0 if file is None else len(file.content)

    def drop(self, run: str, sha256: str) -> None:
        """See `ArtifactFiles`."""
        self._partial.pop((run, sha256), None)

    def drop_all(self, run: str) -> None:
        """See `ArtifactFiles`."""
        for key in [key for key in self._partial if key[0] == run]:
            del self._partial[key]

    def publish(self, run: str, contents: Sequence[str]) -> None:
        """See `ArtifactFiles`."""
        self.sync(run, contents)
        for one in contents:
            self._contents[one] = self._partial.pop((run, one))

    def sync(self, run: str, contents: Sequence[str]) -> None:
        """Make the bytes of partial files durable, before they get their names."""
        for one in contents:
            file = self._partial[run, one]
            file.durable = bytes(file.content)

    def size(self, sha256: str) -> int | None:
        """See `ArtifactFiles`."""
        file = self._contents.get(sha256)
        return None if file is None else len(file.content)

    def read_content(self, sha256: str, start: int, end: int) -> bytes:
        """See `ArtifactFiles`."""
        if sha256 not in self._contents:
            raise FileNotFoundError(2, "No such file or directory")
        return bytes(self._contents[sha256].content[start:end])

    def remove(self, sha256: str) -> None:
        """See `ArtifactFiles`."""
        self._contents.pop(sha256, None)

    def partials(self) -> list[str]:
        """See `ArtifactFiles`."""
        return sorted({run for run, _ in self._partial})

    def durable(self, sha256: str) -> bytes | None:
        """What of a content would survive everything now."""
        file = self._contents.get(sha256)
        return None if file is None else file.durable

    def lose_power(self) -> None:
        """Forget what was not synced: the end of it, or zeros where data never arrived."""
        for files in (self._partial, self._contents):
            for file in files.values():
                kept = len(file.durable)
                tail = file.content[kept:]
                tail = tail[: self._chance.randrange(len(tail) + 1)]
                if tail and self._chance.random() < 0.5:
                    tail[self._chance.randrange(len(tail)) :] = bytes(1)
                file.content = bytearray(file.durable) + tail
