"""Throttle: at most so many of something from one place in a period; a fixed window for each key.

It counts what went wrong, so a place that does everything right is never held up. Memory is bounded:
windows that are over are dropped, and with more keys than `KEYS` the oldest go first.
"""

from typing import Final

KEYS: Final = 10_000
"""Most places that are counted at once; each costs about 200 bytes."""


class Throttle:
    """Counts by key; times are monotonic seconds that the caller brings."""

    def __init__(self, *, limit: int, period_s: float) -> None:
        self._limit = limit
        self._period_s = period_s
        self._windows: dict[str, tuple[float, int]] = {}

    def count(self, key: str, now: float) -> None:
        """Count one more from `key`."""
        start, count = self._windows.pop(key, (now, 0))
        if now - start >= self._period_s:
            start, count = now, 0
        self._windows[key] = (start, count + 1)
        while len(self._windows) > KEYS:
            del self._windows[next(iter(self._windows))]

    def wait_s(self, key: str, now: float) -> int:
        """Return how many seconds `key` has to wait; 0 while it is within the limit."""
        start, count = self._windows.get(key, (now, 0))
        left = start + self._period_s - now
        if count < self._limit or left <= 0:
            return 0
        return int(left) + 1
