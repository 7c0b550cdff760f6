"""The queue: what the dispatcher and the reaper read.

A long queue must not hide a run that could start behind thousands that cannot, so a snapshot never
takes simply the first rows: runs of one class (same project, job, revision and concurrency group) can
only start where the first of them can, and of each class the first few are read. The classes are found
by leaps through their index, so a look costs what it finds, however long the queue is; only with very
many classes the whole queue is ranked.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, func, literal_column, select, text, tuple_

from orchestra.domain.placement import PendingRun, Snapshot
from orchestra.domain.run import Cause, Run
from orchestra.storage import schema
from orchestra.storage.run_rows import SHAPE
from orchestra.storage.schema import EXPIRING, IS_ACTIVE, PENDING
from orchestra.storage.statements import Statement
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
_REVISION: Final = (_RUN.c.project, _RUN.c.job, _RUN.c.job_revision)
_IS_OF_REVISION: Final = (
    _IS_PENDING,
    _RUN.c.project == bindparam("project"),
    _RUN.c.job == bindparam("job"),
    _RUN.c.job_revision == bindparam("revision"),
)
_NEXT_REVISION: Final = Statement(
    select(*_REVISION)
    .where(_IS_PENDING, tuple_(*_REVISION) > tuple_(bindparam("project"), bindparam("job"), bindparam("revision")))
    .order_by(*_REVISION)
    .limit(literal_column("1"))
    .offset(literal_column("0"))
)
_NEXT_GROUP: Final = Statement(
    select(_RUN.c.concurrency_group)
    .where(*_IS_OF_REVISION, _RUN.c.concurrency_group > bindparam("group"))
    .order_by(_RUN.c.concurrency_group)
    .limit(literal_column("1"))
    .offset(literal_column("0"))
)
_HEADS_ALONE: Final = Statement(
    select(*_LIGHT)
    .where(*_IS_OF_REVISION, _RUN.c.concurrency_group.is_(None))
    .order_by(*_ORDER)
    .limit(bindparam("limit"))
)
_HEADS_OF_GROUP: Final = Statement(
    select(*_LIGHT)
    .where(*_IS_OF_REVISION, _RUN.c.concurrency_group == bindparam("group"))
    .order_by(*_ORDER)
    .limit(bindparam("limit"))
)
_QUEUE: Final = Statement(select(*_LIGHT).where(_IS_PENDING).order_by(*_ORDER).limit(bindparam("limit")))
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
_ALL_HEADS: Final = Statement(
    select(*_LIGHT)
    .join(_RANKED, _RANKED.c.identifier == _RUN.c.identifier)
    .where(_RANKED.c.place <= bindparam("limit"))
    .order_by(*_ORDER)
)
_CLASS_KEY: Final = (schema.job_revision.c.project, schema.job_revision.c.job, schema.job_revision.c.revision)
_ANY_CLASS: Final = select(
    *_CLASS_KEY, schema.job_revision.c.properties, schema.job_revision.c.policy, schema.job.c.is_enabled
).join(
    schema.job,
    (schema.job.c.project == schema.job_revision.c.project) & (schema.job.c.identifier == schema.job_revision.c.job),
)
_CLASS: Final = Statement(
    _ANY_CLASS.where(
        *(column == bindparam(name) for column, name in zip(_CLASS_KEY, ("project", "job", "revision"), strict=True))
    )
)
_CLASSES: Final = _ANY_CLASS.where(tuple_(*_CLASS_KEY).in_(bindparam("classes", expanding=True)))
_GROUPS: Final = Statement(
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

CLASSES_APART: Final = 8
"""So many are found faster one by one."""
CLASSES_IN_ONE: Final = 300
LEAPS: Final = 64
"""Most classes that are looked at one by one: each takes some 0.1 ms, ranking a queue 3 µs a run (measured)."""


class _Head(NamedTuple):
    """A row of `_LIGHT`."""

    identifier: str
    epoch: int
    project: str
    job: str
    job_revision: int
    priority: int
    creation_date: datetime
    concurrency_group: str | None
    cause: Cause | None


def pending(connection: Connection, limit: int) -> list[PendingRun]:
    """Return the pending runs in the order of the queue, of each class at least the first `limit`.

    A queue of at most `limit` runs comes whole. Of a longer one, `limit` runs a class: give the number of
    free slots, more of one class cannot start.
    """
    found = _QUEUE.all(connection, {"limit": limit + 1})
    if len(found) > limit:
        found = _heads(connection, limit)
    rows = [_Head._make(row) for row in found]
    classes = _classes(connection, {(row.project, row.job, row.job_revision) for row in rows})
    runs = []
    for row in rows:
        properties, group_limit, is_enabled = classes[row.project, row.job, row.job_revision]
        runs.append(
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
    return runs


def _heads(connection: Connection, limit: int) -> list[tuple[Any, ...]]:
    """Rows of the first `limit` pending runs of each class, in the order of the queue."""
    found: list[tuple[Any, ...]] = []
    looks = 0
    revision: Any = ("", "", 0)
    while (revision := _leap(connection, _NEXT_REVISION, revision)) is not None:
        found += _HEADS_ALONE.all(connection, {**_named(revision), "limit": limit})
        looks += 1
        group: Any = ("",)
        while (group := _leap(connection, _NEXT_GROUP, revision, group[0])) is not None:
            found += _HEADS_OF_GROUP.all(connection, {**_named(revision), "group": group[0], "limit": limit})
            looks += 1
            if looks > LEAPS:
                break
        if looks > LEAPS:
            return _ALL_HEADS.all(connection, {"limit": limit})
    return sorted(found, key=_place_in_queue)


def _place_in_queue(row: tuple[Any, ...]) -> tuple[int, datetime, str]:
    """`_ORDER`, for rows of `_LIGHT`."""
    head = _Head._make(row)
    return -head.priority, head.creation_date, head.identifier


def _leap(connection: Connection, statement: Statement, revision: Any, group: str = "") -> Any:
    """The next one in the index, None behind the last."""
    return statement.first(connection, {**_named(revision), "group": group})


def _named(revision: Any) -> dict[str, Any]:
    return {"project": revision[0], "job": revision[1], "revision": revision[2]}


def snapshot(connection: Connection, limit: int | None = None) -> Snapshot:
    """Return all that placement needs: `pending`, every worker with its taken slots, and the groups in use.

    `limit` None takes as many of each class as there are free slots, and one when there are none.
    """
    workers = tuple(slots(connection))
    if limit is None:
        limit = max(1, sum(one.free for one in workers))
    return Snapshot(pending=tuple(pending(connection, limit)), workers=workers, groups=group_counts(connection))


def group_counts(connection: Connection) -> dict[tuple[str, str], int]:
    """Return how many runs are assigned or running, by (project, group); absent means none."""
    return {(project, group): count for project, group, count in _GROUPS.all(connection, {})}


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
    rows: list[Any] = []
    if len(wanted) <= CLASSES_APART:
        rows = [row for key in wanted for row in _CLASS.all(connection, _named(key))]
    else:
        for start in range(0, len(wanted), CLASSES_IN_ONE):
            rows += connection.execute(_CLASSES, {"classes": wanted[start : start + CLASSES_IN_ONE]})
    return {
        (project, job, revision): (properties, group_limit(policy), is_enabled)
        for project, job, revision, properties, policy, is_enabled in rows
    }
