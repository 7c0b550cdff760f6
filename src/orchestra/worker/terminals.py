"""Pseudo-terminals whose outer ends are read into the log.

One for each command, for a terminal belongs to one session. It stays open while anything writes to
it: what a command leaves in the background goes on being recorded, until the run ends and its tree
is gone. Then closing it is the hang-up.

Imported by executors whose job asks for a terminal.
"""

from __future__ import annotations

import os

from orchestra.worker.launch import open_terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from orchestra.worker.loop import Loop

DRAINED_BYTES = 1 << 20
"""At the end of a command its terminal is read so far at most: a process in the background may never pause."""


class Terminals:
    """The terminals of one run. `take` gets what is written."""

    def __init__(self, loop: Loop, buffer: memoryview, take: Callable[[memoryview], None]) -> None:
        self._loop = loop
        self._buffer = buffer
        self._take = take
        self._open: list[int] = []

    def open(self, owner: Mapping[str, Any] | None) -> int:
        """Open one more; return the commands' end, which the caller closes once a command has it."""
        ours, theirs = open_terminal(owner)
        self._open.append(ours)

        def readable() -> None:
            self._read(ours)

        self._loop.watch(ours, readable)
        return theirs

    def drain(self) -> None:
        """Record what was written until now."""
        for ours in tuple(self._open):
            left = DRAINED_BYTES
            while left > 0 and (count := self._read(ours)):
                left -= count

    def close(self) -> None:
        """Hang up."""
        for ours in tuple(self._open):
            self._close(ours)

    def _read(self, ours: int) -> int:
        try:
            count = os.readv(ours, (self._buffer,))
        except BlockingIOError:
            return 0
        except OSError:  # EIO: nobody has its other end open any more
            count = 0
        if count:
            self._take(self._buffer[:count])
        else:
            self._close(ours)
        return count

    def _close(self, ours: int) -> None:
        self._open.remove(ours)
        self._loop.unwatch(ours)
        os.close(ours)
