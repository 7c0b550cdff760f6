"""Throttle: how often something may go wrong from one place, or with one name.

    Throttle   at most so many in a period; a fixed window for each key
    Backoff    some are free; then each further one doubles how long the next has to wait

They count what went wrong, so a place that does everything right is never held up. Memory is bounded:
with more keys than `KEYS` those that were counted longest ago go first.
"""

import ipaddress
from dataclasses import dataclass
from typing import Final

KEYS: Final = 10_000
"""Most keys that are counted at once; each costs about 200 bytes."""


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


@dataclass(frozen=True, slots=True)
class _Failures:
    count: int
    last: float


class Backoff:
    """Delays by key: 1, 2, 4 … seconds after the last failure, `longest_s` at most, once `free` of them have been.

    A key is forgotten after `longest_s` without a failure, or twice that once it had to wait: whoever waits the
    longest delay out has not waited for all to be forgiven.
    """

    def __init__(self, *, free: int, longest_s: int) -> None:
        self._free = free
        self._longest_s = longest_s
        self._keys: dict[str, _Failures] = {}

    def count(self, key: str, now: float) -> None:
        """Count one more failure with `key`."""
        before = self._keys.pop(key, None)
        past = 0 if before is None or self._is_forgotten(before, now) else before.count
        self._keys[key] = _Failures(past + 1, now)
        while len(self._keys) > KEYS:
            del self._keys[next(iter(self._keys))]

    def _is_forgotten(self, one: _Failures, now: float) -> bool:
        return now - one.last >= self._longest_s * (1 if one.count < self._free else 2)

    def take_back(self, key: str) -> None:
        """Uncount the last one: it was no failure."""
        before = self._keys.get(key)
        if before is not None and before.count > 1:
            self._keys[key] = _Failures(before.count - 1, before.last)
        else:
            self._keys.pop(key, None)

    def forget(self, key: str) -> None:
        """Begin anew with `key`."""
        self._keys.pop(key, None)

    def wait_s(self, key: str, now: float) -> int:
        """Return how many seconds `key` has to wait; 0 when it need not."""
        found = self._keys.get(key)
        if found is None or found.count < self._free:
            return 0
        # The exponent is bounded: two to the power of a million failures is a number to be avoided.
        delay_s = min(2 ** min(found.count - self._free, 30), self._longest_s)
        left = found.last + delay_s - now
        return 0 if left <= 0 else int(left) + 1


def place(address: str) -> str:
    """Return what of an address tells one visitor from another: an IPv6 network of 64 bits is one place."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))
