"""The overview: how many runs are in which status, how busy the workers are. For the website's home and sidebar."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from orchestra.domain.access import Permission, Principal
from orchestra.domain.run import TERMINAL, RunStatus
from orchestra.service.entities import Entity
from orchestra.storage import run_counts, workers

WINDOW: Final = timedelta(hours=24)


class RunCounts(Entity, frozen=True):
    """Runs by status; `last_24_hours` counts those that were created then and have ended."""

    pending: int
    assigned: int
    running: int
    last_24_hours: dict[RunStatus, int]


class WorkerCounts(Entity, frozen=True):
    """`slots` are those of connected, enabled workers."""

    total: int
    enabled: int
    active: int
    slots: int
    slots_used: int


class Overview(Entity, frozen=True):
    """`workers` is null for callers who may not see workers."""

    runs: RunCounts
    workers: WorkerCounts | None


def read_overview(connection: Connection, principal: Principal, project: str | None, now: datetime) -> Overview:
    """Return what `principal` may see, of one project or of all."""
    scope = principal.scope(Permission.RUN_READ)
    projects = [project] if project is not None else None if scope is None else sorted(scope)
    live, ended = run_counts.by_status(connection, projects, now - WINDOW)
    return Overview(
        runs=RunCounts(
            pending=live.get(RunStatus.PENDING, 0),
            assigned=live.get(RunStatus.ASSIGNED, 0),
            running=live.get(RunStatus.RUNNING, 0),
            last_24_hours={status: ended.get(status, 0) for status in RunStatus if status in TERMINAL},
        ),
        workers=_workers(connection) if principal.can(Permission.WORKER_READ) else None,
    )


def _workers(connection: Connection) -> WorkerCounts:
    slots = workers.slots(connection)
    usable = [one for one in slots if one.worker.is_active and one.worker.is_enabled]
    return WorkerCounts(
        total=len(slots),
        enabled=sum(one.worker.is_enabled for one in slots),
        active=sum(one.worker.is_active for one in slots),
        slots=sum(one.worker.concurrency for one in usable),
        slots_used=sum(one.used for one in slots),
    )
