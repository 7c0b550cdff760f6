"""The log of a run on the live connection: a wake-up per batch of durable bytes, the lines that are new, and no more.

    hint "log:<run>" ──► sizes and lines from where the client is ──► one message ──► pause 33 ms … 250 ms

Each message replaces everything from its first line on, so an unfinished last line is simply sent
again. What is too large for a message, or for a slow connection, is told by its size only: the
viewer fetches the lines that it shows.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from orchestra.domain.access import Permission, Principal
from orchestra.domain.errors import NotFound
from orchestra.service import authorization
from orchestra.service.live.messages import Log
from orchestra.service.parts import Parts
from orchestra.storage import hints as topics
from orchestra.storage import runs
from orchestra.storage.log_lines import LogWindow

LINES: Final = 500
"""Most lines of one message: what the viewer keeps as one chunk."""
TEXT_BYTES: Final = 64 << 10
PAUSE_S: Final = 0.033
PAUSE_LONGEST_S: Final = 0.25
"""website.md 2.0: logs are coalesced for 33 ms when they are quiet, up to 250 ms in a burst."""
DEADLINE_S: Final = 5.0
"""How late bytes that another server stored may be seen when their hint was lost."""


@dataclass(frozen=True, slots=True)
class _Sizes:
    total: int
    bytes: int
    complete: bool


class LogTopic:
    """One follower of one log. `follow` is its task."""

    def __init__(self, parts: Parts, id_: str, run: str, start: int | None) -> None:
        self.id = id_
        self.run = run
        self._parts = parts
        self._next = start
        self._sent: _Sizes | None = None

    async def check(self, principal: Principal) -> None:
        """Raise NotFound or NotAllowed when `principal` may not follow it (any more)."""
        found = await self._parts.database.read(lambda rows: runs.get(rows, self.run))
        authorization.reachable(principal, Permission.RUN_READ, found, self.run)

    async def follow(self, push: Callable[[Log], None], is_slow: Callable[[], bool]) -> None:
        """Push messages until the log is complete. Raises NotFound when the run is deleted meanwhile."""
        pause = PAUSE_S
        with self._parts.hints.subscribe([topics.log(self.run), topics.run(self.run)]) as subscription:
            while True:
                message = await self._read(with_lines=not is_slow())
                if message is not None:
                    push(message)
                if self._sent is not None and self._sent.complete:
                    return
                await asyncio.sleep(pause)
                try:
                    async with asyncio.timeout(0):
                        await subscription.wait()
                except TimeoutError:
                    pause = PAUSE_S
                else:
                    # More came during the pause: a burst.
                    pause = min(pause * 2, PAUSE_LONGEST_S)
                    continue
                try:
                    async with asyncio.timeout(DEADLINE_S):
                        await subscription.wait()
                except TimeoutError:
                    continue

    async def _read(self, *, with_lines: bool) -> Log | None:
        """What is new since the last message; None when nothing is."""
        run = await self._parts.database.read(lambda rows: runs.get(rows, self.run))
        if run is None:
            raise NotFound(f"the run {self.run} was deleted")
        size = await self._parts.logs.size(self.run)
        is_complete = run.log_complete
        if self._sent is not None and (size, is_complete) == (self._sent.bytes, self._sent.complete):
            return None
        if self._next is None:
            self._next = await self._end()
        window = await self._parts.logs.lines(self.run, self._next, LINES)
        self._sent = _Sizes(window.total, size, is_complete)
        text = sum(len(line) for line in window.lines)
        is_whole = self._next + len(window.lines) > window.total and text <= TEXT_BYTES
        message = self._message(window, with_lines and is_whole)
        # The last line may still grow, so it comes again.
        self._next = max(window.total, 1) if window.open_end or not is_whole else window.total + 1
        return message

    def _message(self, window: LogWindow, with_lines: bool) -> Log:
        assert self._sent is not None
        sizes = self._sent
        return Log(
            id=self.id,
            seq=sizes.bytes,
            from_=window.start,
            total=window.total,
            bytes=sizes.bytes,
            complete=sizes.complete,
            lines=[line.decode("utf-8", "replace") for line in window.lines] if with_lines else msgspec.UNSET,
            times=window.times if with_lines else msgspec.UNSET,
            cut=window.cut if with_lines else msgspec.UNSET,
            sgr=window.sgr if with_lines else msgspec.UNSET,
        )

    async def _end(self) -> int:
        """The first line that is not there yet, or the last one while it is unfinished."""
        last = await self._parts.logs.lines(self.run, -1, 1)
        return max(last.total, 1) if last.open_end or last.total == 0 else last.total + 1
