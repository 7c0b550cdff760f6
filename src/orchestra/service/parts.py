"""The parts of the service, as its composition root makes them; routes find them at `request.parts`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from orchestra.config import LOOPBACK
from orchestra.storage.artifact_store import ArtifactStore
from orchestra.storage.database import Database
from orchestra.storage.hints import Hints
from orchestra.storage.logs import LogStore
from orchestra.storage.trigger import Triggers

if TYPE_CHECKING:
    from orchestra.service.authentication import Authenticator
    from orchestra.service.identifiers import Identifiers
    from orchestra.service.live.board import Board
    from orchestra.service.password_desk import PasswordDesk
    from orchestra.service.quota import PendingRuns
    from orchestra.service.sign_ins import SignIns
    from orchestra.service.tail import Tail

BODY_BYTES: Final = 1 << 20
"""Largest body of a request; definitions and parameters stay far below."""
CONFIGURATION_BODY_BYTES: Final = 64 << 20
"""Largest body of `/configuration/…`: 20,000 schedules and their jobs, with room."""
IMPORT_BODY_BYTES: Final = 64 << 20
"""Largest body of `/import/…`: everything but a long history, which comes in several."""
PENDING_RUNS_PER_PROJECT: Final = 50_000
"""Most pending runs of one project; the next trigger is refused with 429."""

WEBSITE: Final = Path(__file__).resolve().parent.parent / "website_dist"
"""Where the package build puts the website."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """What the service is told at its start.

    `base_path` is empty or `/prefix`, without a slash at the end. `origins` are further addresses
    (`https://orchestra.example.org`) under which browsers reach this server, beside the one in
    `Host`. `is_secure` tells that browsers come by TLS: cookies are marked so. `trusted_proxies` are the
    addresses and networks, separated by commas, whose `X-Forwarded-For` is believed. `disk_free_bytes` is
    what must be free on the disk of the folder `data` for a new run.
    """

    base_path: str = ""
    title: str = "Orchestra"
    announcement: str = ""
    origins: tuple[str, ...] = ()
    is_secure: bool = False
    trusted_proxies: str = LOOPBACK
    website: Path = WEBSITE
    pending_runs_per_project: int = PENDING_RUNS_PER_PROJECT
    data: Path | None = None
    disk_free_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that routes reach."""

    database: Database
    logs: LogStore
    artifacts: ArtifactStore
    hints: Hints
    clock: Clock
    random: Randomness
    settings: ServiceSettings
    identifiers: "Identifiers"
    triggers: Triggers
    authenticator: "Authenticator"
    passwords: "PasswordDesk"
    sign_ins: "SignIns"
    pending_runs: "PendingRuns"
    tail: "Tail"
    board: "Board"
    away_s: Callable[[str], float]
    """For how many seconds this process knows a worker to be away, by a clock that nobody sets; the master knows."""
    is_ready: Callable[[], bool]
    """Whether the whole process takes work; its composition root knows."""
