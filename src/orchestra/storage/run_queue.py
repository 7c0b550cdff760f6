"""The queue: what the dispatcher and the reaper read.

A long queue must not hide a run that could start behind thousands that cannot, so a snapshot never
takes simply the first rows: runs of one class (same project, job, revision and concurrency group) can
only start where the first of them can, and of each class the first few are read.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, select, text, tuple_

from orchestra.domain.placement import PendingRun, Snapshot
from orchestra.domain.run import Run
from orchestra.storage import schema
from orchestra.storage.run_rows import SHAPE
from orchestra.storage.schema import EXPIRING, IS_ACTIVE, PENDING
from orchestra.storage.workers import slots

_RUN: Final = schema.run
_IS_PENDING: Final = text(f"run.{PENDING}")
_IS_ACTIVE: Final = text(f"run.{IS_ACTIVE}")

_LIGHT: Final = (
    _RUN.c.identifier,
    _RUN.c.epoch,
    _RUN.c.project,
    _RUN.c.job,
    _RUN.c.job_revision,
    _RUN.c.priority,
    _RUN.c.creation_date,
    _RUN.c.concurrency_group,
    _RUN.c.cause,
)
_ORDER: Final = (_RUN.c.priority.desc(), _RUN.c.creation_date, _RUN.c.identifier)
_QUEUE: Final = select(*_LIGHT).where(_IS_PENDING).order_by(*_ORDER).limit(bindparam("limit"))
_RANKED: Final = (
    select(
        _RUN.c.identifier,
        func.row_number()
        .over(
            partition_by=(_RUN.c.project, _RUN.c.job, _RUN.c.job_revision, _RUN.c.concurrency_group),
            order_by=(_RUN.c.priority.desc(), _RUN.c.creation_date),
        )
        .label("place"),
    )
    .where(_IS_PENDING)
    .subquery()
)
_HEADS: Final = (
    select(*_LIGHT)
    .join(_RANKED, _RANKED.c.identifier == _RUN.c.identifier)
    .where(_RANKED.c.place <= bindparam("limit"))
    .order_by(*_ORDER)
)
_CLASSES: Final = (
    select(
        schema.job_revision.c.project,
        schema.job_revision.c.job,
        schema.job_revision.c.revision,
        schema.job_revision.c.properties,
        schema.job_revision.c.policy,
        schema.job.c.is_enabled,
    )
    .join(
        schema.job,
        (schema.job.c.project == schema.job_revision.c.project)
        & (schema.job.c.identifier == schema.job_revision.c.job),
    )
    .where(
        tuple_(schema.job_revision.c.project, schema.job_revision.c.job, schema.job_revision.c.revision).in_(
            bindparam("classes", expanding=True)
        )
    )
)
_GROUPS: Final = (
    select(_RUN.c.project, _RUN.c.concurrency_group, func.count())
    .where(_IS_ACTIVE, _RUN.c.concurrency_group.is_not(None))
    .group_by(_RUN.c.project, _RUN.c.concurrency_group)
)
_ACTIVE_BY_WORKER: Final = SHAPE.all.where(_IS_ACTIVE, _RUN.c.worker == bindparam("worker")).order_by(
    _RUN.c.creation_date, _RUN.c.identifier
)
_EXPIRED: Final = (
    select(_RUN.c.identifier)
    .where(text(EXPIRING), _RUN.c.expiration_date <= bindparam("now"))
    .order_by(_RUN.c.expiration_date)
    .limit(bindparam("limit"))
)
_NEXT_EXPIRATION: Final = select(func.min(_RUN.c.expiration_date)).where(text(EXPIRING))

CLASSES_IN_ONE: Final = 300


def pending(connection: Connection, limit: int) -> list[PendingRun]:
    """Return the pending runs in the order of the queue, of each class at least the first `limit`.

    A queue of at most `limit` runs comes whole. Of a longer one, `limit` runs a class: give the number of
    free slots, more of one class cannot start.
    """
    rows = connection.execute(_QUEUE, {"limit": limit + 1}).all()
    if len(rows) > limit:
        rows = connection.execute(_HEADS, {"limit": limit}).all()
    classes = _classes(connection, {(row.project, row.job, row.job_revision) for row in rows})
    found = []
    for row in rows:
        properties, group_limit, is_enabled = classes[row.project, row.job, row.job_revision]
        found.append(
            PendingRun(
                run=row.identifier,
                epoch=row.epoch,
                project=row.project,
                job=row.job,
                job_revision=row.job_revision,
                priority=row.priority,
                creation_date=row.creation_date,
                is_job_enabled=is_enabled,
                properties=properties,
                group=row.concurrency_group,
                group_limit=group_limit,
                cause=row.cause,
            )
        )
    return found


def snapshot(connection: Connection, limit: int) -> Snapshot:
    """Return all that placement needs: `pending`, every worker with its taken slots, and the groups in use."""
    return Snapshot(
        pending=tuple(pending(connection, limit)), workers=tuple(slots(connection)), groups=group_counts(connection)
    )


def group_counts(connection: Connection) -> dict[tuple[str, str], int]:
    """Return how many runs are assigned or running, by (project, group); absent means none."""
    return {(project, group): count for project, group, count in connection.execute(_GROUPS)}


def active_by_worker(connection: Connection, worker: str) -> list[Run]:
    """Return the runs that are assigned to or running on `worker`, oldest first."""
    return SHAPE.many(connection.execute(_ACTIVE_BY_WORKER, {"worker": worker}))


def due_to_expire(connection: Connection, now: datetime, limit: int = 1_000) -> list[str]:
    """Return identifiers of pending runs whose expiration date has come, longest overdue first."""
    return list(connection.execute(_EXPIRED, {"now": now, "limit": limit}).scalars())


def next_expiration(connection: Connection) -> datetime | None:
    """Return the earliest expiration date of all pending runs, None when none expires."""
    earliest: datetime | None = connection.execute(_NEXT_EXPIRATION).scalar()
    return earliest


def group_limit(policy: dict[str, Any]) -> int:
    """Return how many runs of its group a run of this policy (normal form) tolerates, itself included."""
    concurrency = policy.get("concurrency")
    return int(concurrency.get("limit", 1)) if concurrency else 1


def _classes(
    connection: Connection, keys: Iterable[tuple[str, str, int]]
) -> dict[tuple[str, str, int], tuple[dict[str, Any], int, bool]]:
    """Properties, group limit, and whether the job is enabled, by (project, job, revision)."""
    wanted = sorted(keys)
    found: dict[tuple[str, str, int], tuple[dict[str, Any], int, bool]] = {}
    for start in range(0, len(wanted), CLASSES_IN_ONE):
        for row in connection.execute(_CLASSES, {"classes": wanted[start : start + CLASSES_IN_ONE]}):
            found[row.project, row.job, row.revision] = (row.properties, group_limit(row.policy), row.is_enabled)
    return found
