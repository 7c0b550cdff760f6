"""What the master is given from outside: time, chance, and connections. A simulated world gives its own."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from orchestra.config import ServerSettings
from orchestra.storage.artifact_store import ArtifactStore
from orchestra.storage.database import Database
from orchestra.storage.hints import Hints
from orchestra.storage.logs import LogStore


class Clock(Protocol):
    """Time, as an argument."""

    def now(self) -> datetime:
        """The aware UTC date."""

    def monotonic(self) -> float:
        """Seconds that never go back."""


class Randomness(Protocol):
    """Chance, as an argument; `random.SystemRandom()` is one."""

    def randbytes(self, n: int, /) -> bytes:
        """`n` random bytes."""


class Transport(Protocol):
    """One accepted connection; frames are whole and in order."""

    async def send(self, frame: bytes) -> None:
        """Send one frame; waits while the other end does not read. Raises ConnectionError when it is gone."""

    async def receive(self) -> bytes | None:
        """Return the next frame, None once the connection has ended."""

    async def close(self, code: int, reason: str) -> None:
        """End the connection without waiting for the other end, and free a waiting `receive`.

        Harmless when it has ended already.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What every part of one master shares."""

    database: Database
    logs: LogStore
    artifacts: ArtifactStore
    hints: Hints
    clock: Clock
    random: Randomness
    settings: ServerSettings
