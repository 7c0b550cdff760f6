"""Assignments that cannot be accepted now and are kept a while before they are given back.

At once would mean ping-pong between a server that sees a free slot and a worker whose disk is full.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from orchestra.worker.requests import RunKey

DELAY_S: Final = 10.0


class Refusals:
    """Calls `refuse` with key and reason when the time of a refusal has come."""

    def __init__(self, refuse: Callable[[RunKey, str], None]) -> None:
        self._refuse = refuse
        self._waiting: dict[RunKey, asyncio.TimerHandle] = {}

    def later(self, key: RunKey, reason: str) -> None:
        """Refuse the run after a while."""
        self._waiting[key] = asyncio.get_running_loop().call_later(DELAY_S, self._due, key, reason)

    def wished(self, key: RunKey, by: str) -> None:
        """Somebody wants the run stopped: if it waits here, it is given back at once."""
        timer = self._waiting.pop(key, None)
        if timer is not None:
            timer.cancel()
            self._refuse(key, f"{by} wants it stopped, and it could not start here")

    def clear(self) -> None:
        """The session is over, and with it all of them."""
        for timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()

    def _due(self, key: RunKey, reason: str) -> None:
        del self._waiting[key]
        self._refuse(key, reason)
