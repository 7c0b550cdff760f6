"""Time and chance as a node sees them: a clock that is wrong by a fixed amount, and a stream of its own."""

from __future__ import annotations

import asyncio
import random
import zlib
from datetime import UTC, datetime, timedelta
from typing import Final

BEGINNING: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
"""The date at which every world begins."""


def stream(seed: int, *purpose: object) -> random.Random:
    """A source of chance for one purpose: drawing more for one thing changes nothing for the others."""
    return random.Random(zlib.crc32(repr((seed, *purpose)).encode()) << 32 | seed & 0xFFFFFFFF)


class VirtualClock:
    """A node's clock; its date is `skew_s` off, its monotonic time begins anywhere."""

    def __init__(self, skew_s: float = 0.0, origin_s: float = 1000.0) -> None:
        self.skew_s = skew_s
        self._origin_s = origin_s

    def now(self) -> datetime:
        """The aware date that this node believes in."""
        return BEGINNING + timedelta(seconds=asyncio.get_running_loop().time() + self.skew_s)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return asyncio.get_running_loop().time() + self._origin_s


class Buggify:
    """Weak points that a seed makes worse: each name is active in a quarter of the worlds, and then fires at times."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._active: dict[str, bool] = {}
        self._chance = stream(seed, "buggify")
        self.fired: dict[str, int] = {}

    def __call__(self, name: str, probability: float = 0.25) -> bool:
        """Tell whether the weak point `name` gives way now."""
        active = self._active.get(name)
        if active is None:
            active = self._active[name] = stream(self._seed, "point", name).random() < 0.25
        if not active or self._chance.random() >= probability:
            return False
        self.fired[name] = self.fired.get(name, 0) + 1
        return True
