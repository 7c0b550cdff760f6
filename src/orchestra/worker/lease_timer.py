"""The timer of an exclusive run, in the process that can end it: until when may it live without news?

Imported by executors.
"""

from __future__ import annotations

import math
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

LOOK_S = 5.0
"""So often the clock is looked at at least: a machine that was suspended does not count that time in its timers."""


def boot_time() -> float:
    """Seconds since the machine started, those in which it was suspended included; nobody can set this clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class LeaseTimer:
    """Of a run without a lease (`length_s` None) it never lapses. Once lapsed it stays so, whatever comes later."""

    __slots__ = ("_now", "_until", "has_lapsed", "length_s")

    def __init__(self, length_s: float | None, until: float | None, now: Callable[[], float] = boot_time) -> None:
        """`until` is by `now`; a run with a lease that nobody granted yet has none."""
        self.length_s = length_s
        self.has_lapsed = False
        self._now = now
        self._until = -math.inf if until is None else until

    def renew(self, until: float) -> None:
        """The worker has news of the server."""
        self._until = max(self._until, until)

    def left_s(self) -> float:
        """Seconds until the next look at it; notes when it has lapsed."""
        if self.length_s is None:
            return math.inf
        left_s = self._until - self._now()
        self.has_lapsed = self.has_lapsed or left_s <= 0
        return 0.0 if self.has_lapsed else min(left_s, LOOK_S)
