"""Work that nobody waits for: it is kept alive, said when it fails, and cancelled at the end."""

import asyncio
from collections.abc import Coroutine

from orchestra.telemetry import LogEvent, emit


class Background:
    """The tasks of one part of the worker; `name` tells whose they are when one fails."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[None, None, None]) -> None:
        """Do it beside everything else."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def cancel(self) -> None:
        """Give up what is not done."""
        for task in tuple(self._tasks):
            task.cancel()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            emit(LogEvent.TASK_FAILED, task=self._name, error=f"{type(error).__name__}: {error}")
