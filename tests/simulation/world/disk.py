"""Disks of the server: what was written is there until the power fails, what was synced stays."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class _File:
    content: bytearray = field(default_factory=bytearray)
    durable: bytes = b""
    has_durable_name: bool = False


class SimFiles:
    """`storage.log_files.LogFiles` in memory. `failing` makes the next syncs fail (disk full)."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._files: dict[str, _File] = {}
        self.failing = 0

    def write(self, name: str, offset: int, data: Sequence[bytes]) -> None:
        """Put bytes at a place; a hole before it is zeros, as on a real disk."""
        content = self._files.setdefault(name, _File()).content
        if len(content) < offset:
            content.extend(bytes(offset - len(content)))
        for part in data:
            content[offset : offset + len(part)] = part
            offset += len(part)

    def sync(self, name: str, *, is_new: bool) -> None:
        """Make the content durable, and the name of a new file."""
        if self.failing:
            self.failing -= 1
            raise OSError(28, "No space left on device")
        file = self._files[name]
        file.durable = bytes(file.content)
        file.has_durable_name = file.has_durable_name or is_new

    def read(self, name: str, start: int, end: int) -> bytes:
        """Read what is there now."""
        file = self._files.get(name)
        return b"" if file is None else bytes(file.content[start:end])

    def size(self, name: str) -> int:
        """How long the file is now."""
        file = self._files.get(name)
        return 0 if file is None else len(file.content)

    def truncate(self, name: str, size: int) -> None:
        """Cut the file."""
        if name in self._files:
            del self._files[name].content[size:]

    def delete(self, name: str) -> None:
        """Remove the file."""
        self._files.pop(name, None)

    def durable_size(self, name: str) -> int:
        """How many bytes would survive a loss of power now."""
        file = self._files.get(name)
        return len(file.durable) if file is not None and file.has_durable_name else 0

    def names(self) -> list[str]:
        """Every file that is there."""
        return sorted(self._files)

    def lose_power(self) -> None:
        """Forget what was not synced: all of it, a part, or with zeros where data never arrived."""
        for name in tuple(self._files):
            file = self._files[name]
            if not file.has_durable_name and self._chance.random() < 0.5:
                del self._files[name]
                continue
            kept = len(file.durable)
            tail = file.content[kept:]
            tail = tail[: self._chance.randrange(len(tail) + 1)]
            if tail and self._chance.random() < 0.5:
                tail[self._chance.randrange(len(tail)) :] = bytes(1)
            file.content = bytearray(file.durable) + tail
            file.durable, file.has_durable_name = bytes(file.content), True
