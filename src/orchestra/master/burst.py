"""Burst: work that runs when it was asked for, one at a time, and once more if it was asked for meanwhile.

An idle connection then costs no task: a task exists only while there is something to do. Whatever is
queued before the task gets its turn is done together.
"""

import asyncio
from collections.abc import Awaitable, Callable


class Burst:
    """`work` is run in `group` after each `wake`, never twice at the same time."""

    def __init__(self, group: asyncio.TaskGroup, work: Callable[[], Awaitable[None]]) -> None:
        self._group = group
        self._work = work
        self._task: asyncio.Task[None] | None = None
        self._is_asked = False

    def wake(self) -> None:
        """Ask for the work."""
        self._is_asked = True
        if self._task is None:
            self._task = self._group.create_task(self._run())

    async def idle(self) -> None:
        """Wait until nothing is asked for and nothing runs."""
        while self._task is not None:
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        try:
            while self._is_asked:
                self._is_asked = False
                await self._work()
        finally:
            self._task = None
