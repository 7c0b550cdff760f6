"""Leases: what this worker may tell its executors about exclusive runs (`domain.lease` has the rule).

    hold ──► `needed` ──► the session asks, again and again ──► confirmed(when it was asked) ──► executors are told
      └── started at once if an answer is young enough, else with the next answer

A lease reaches from the moment of the *question*, never from that of the answer: an answer may have
been on its way for hours. It is measured by a clock that all processes of the machine share.
"""

import asyncio
import math
from collections.abc import Callable

from orchestra.domain.lease import ASKS_IN_LEASE
from orchestra.worker.executors import Executors
from orchestra.worker.requests import RunKey


class Leases:
    """The exclusive runs of one worker process that have not ended. `needed` is set while there are any."""

    def __init__(self, executors: Executors, now: Callable[[], float]) -> None:
        """`now` counts seconds, the same in all processes of the machine, and is never set."""
        self.now = now
        self.needed = asyncio.Event()
        self.urgent = asyncio.Event()
        """Set when a run waits for an answer: the server is to be asked now."""
        self._executors = executors
        self._confirmed = -math.inf
        self._held: dict[RunKey, float] = {}
        self._waiting: dict[RunKey, None] = {}

    @property
    def ask_every_s(self) -> float:
        """How often the server must be asked."""
        return min(self._held.values(), default=math.inf) / ASKS_IN_LEASE

    def hold(self, key: RunKey, lease_s: float | None) -> None:
        """A run is here, and has not ended; without a lease it is none of our business."""
        if lease_s is not None:
            self._held[key] = lease_s
            self.needed.set()

    def release(self, key: RunKey) -> None:
        """It has ended, or is gone."""
        self._waiting.pop(key, None)
        self._held.pop(key, None)
        if not self._held:
            self.needed.clear()

    def until(self, key: RunKey) -> float | None:
        """Return until when the run may live; None when it is not exclusive."""
        lease_s = self._held.get(key)
        return None if lease_s is None else self._confirmed + lease_s

    def admits(self, key: RunKey) -> bool:
        """Tell whether the run may be started now; else the next answer names it."""
        until = self.until(key)
        if until is None or self.now() < until:
            return True
        self._waiting[key] = None
        self.urgent.set()
        return False

    def confirmed(self, asked_at: float) -> tuple[RunKey, ...]:
        """The server has answered a question of that moment: tell executors; return the runs that may start now."""
        self._confirmed = max(self._confirmed, min(asked_at, self.now()))
        for key, lease_s in self._held.items():
            self._executors.renew(key, self._confirmed + lease_s)
        waiting, self._waiting = tuple(self._waiting), {}
        return waiting

    def welcomed(self, asked_at: float) -> None:
        """A session stands, whose hello was made at that moment; its verdicts say which of the runs may go on."""
        self._waiting.clear()
        self.confirmed(asked_at)
