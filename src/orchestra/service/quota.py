"""Admission of new runs: room on the disk, and at most so many pending runs in a project.

Pending runs are not counted for each trigger. A count is remembered; what this process adds since is
added, what leaves is not subtracted. So the remembered number is an upper bound as long as this is the
only server, and is counted anew when it reaches the limit or is older than `REMEMBERED_S`: then also
what other servers added is seen.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from orchestra.domain.errors import StorageFull, TooMany
from orchestra.service.parts import Clock
from orchestra.service.room import Room
from orchestra.storage import run_counts

REMEMBERED_S: Final = 1.0
RETRY_AFTER_S: Final = 10


@dataclass(slots=True)
class _Count:
    at: float
    pending: int


class PendingRuns:
    """The counts of all projects. `admit` runs on the writer's thread only."""

    def __init__(self, clock: Clock, limit: int, room: Room) -> None:
        self._clock = clock
        self._room = room
        self._limit = limit
        self._counts: dict[str, _Count] = {}

    def admit(self, connection: Connection, project: str) -> TooMany | StorageFull | None:
        """Count one run more in `project`; return the refusal when there are too many already, or the disk is full."""
        if (refusal := self._room.refusal()) is not None:
            return refusal
        now = self._clock.monotonic()
        count = self._counts.get(project)
        if count is None or count.pending >= self._limit or now - count.at >= REMEMBERED_S:
            count = _Count(now, run_counts.count_pending(connection, project, self._limit))
            self._counts[project] = count
        if count.pending >= self._limit:
            return TooMany(f"{self._limit} runs of the project {project} are pending already", RETRY_AFTER_S)
        count.pending += 1
        return None
