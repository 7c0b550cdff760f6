"""Events: what happened, in one order, appended in the transaction of the change itself.

`sequence` grows with the order of commits (one writing transaction at a time), so whoever follows the
table by it misses nothing. Events of a run carry `run_sequence` 1, 2, 3 … without gaps. Data holds
facts, never secrets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, insert, select, text

from orchestra.domain.run import Run, RunStatus
from orchestra.storage.event_type import EventType
from orchestra.storage.rows import Shape
from orchestra.storage.schema import event
from orchestra.storage.statements import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One change. `actor` is the user who asked for it, None when the system did it by itself.

    For a change of a run's status `data` holds `from`, `to`, `epoch` and `cause`; for other changes of
    an object `changed`, the names of its fields. `sequence` is 0 until it is stored.
    """

    sequence: int = 0
    date: datetime
    type: EventType
    project: str | None = None
    job: str | None = None
    run: str | None = None
    worker: str | None = None
    user: str | None = None
    actor: str | None = None
    run_sequence: int | None = None
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events; None means all. `projects` are those that the caller may see: events outside projects pass
    only with `projects` None. `types` are whole types (`run.started`)."""

    projects: tuple[str, ...] | None = None
    types: tuple[EventType, ...] | None = None
    run: str | None = None
    worker: str | None = None


_SHAPE: Final = Shape(event, Event, "sequence")
_NAMES: Final = tuple(name for name in _SHAPE.names if name != "sequence")
_NAMES_OF_RUN: Final = tuple(name for name in _NAMES if name != "run_sequence")
_INSERT: Final = Statement(insert(event), _NAMES)
_NEXT: Final = (
    select(func.coalesce(func.max(event.c.run_sequence), text("0")) + text("1"))
    .where(event.c.run == bindparam("of_run"))
    .scalar_subquery()
)
_INSERT_OF_RUN: Final = Statement(
    insert(event).values({name: bindparam(f"new_{name}") for name in _NAMES_OF_RUN} | {"run_sequence": _NEXT})
)
_AFTER: Final = _SHAPE.all.where(event.c.sequence > bindparam("after")).order_by(event.c.sequence)
_NEXT_ONES: Final = Statement(_AFTER.limit(bindparam("limit")))
_OF_RUN: Final = _SHAPE.all.where(event.c.run == bindparam("run")).order_by(event.c.run_sequence)
_LAST: Final = select(func.coalesce(func.max(event.c.sequence), 0))


def append(connection: Connection, *happened: Event) -> None:
    """Store events that concern no run's history, or the first one of a run."""
    _INSERT.execute(connection, [{name: getattr(one, name) for name in _NAMES} for one in happened])


def append_of_runs(connection: Connection, happened: Sequence[Event]) -> None:
    """Store events of runs' histories, in order; each gets its run's next `run_sequence`."""
    rows = [{f"new_{name}": getattr(one, name) for name in _NAMES_OF_RUN} | {"of_run": one.run} for one in happened]
    _INSERT_OF_RUN.execute(connection, rows)


def status_changed(
    before: Run | None,
    after: Run,
    type_: EventType,
    now: datetime,
    *,
    worker: str | None,
    actor: str | None,
    run_sequence: int | None = None,
) -> Event:
    """Return the event of a run's new status; `before` is None for a new run, whose `run_sequence` is 1."""
    return _of_run(
        after,
        type_,
        now,
        worker=worker,
        actor=actor,
        run_sequence=run_sequence,
        data={
            "from": None if before is None else before.status,
            "to": after.status,
            "epoch": after.epoch,
            "cause": {"code": after.cause.code, "message": after.cause.message},
        },
    )


def wish_uttered(run: Run, type_: EventType, now: datetime, actor: str | None) -> Event:
    """Return the event of a request to cancel or to abort."""
    return _of_run(run, type_, now, worker=run.worker, actor=actor, data={"epoch": run.epoch})


def log_completed(run: Run, now: datetime) -> Event:
    """Return the event of a log whose rest came after the run had ended."""
    data = {"epoch": run.epoch, "log_size": run.log_size}
    return _of_run(run, EventType.RUN_LOG_COMPLETED, now, worker=run.worker, actor=None, data=data)


def artifacts_stored(run: Run, now: datetime) -> Event:
    """Return the event of a run whose files have come, after it had ended."""
    data = {
        "epoch": run.epoch,
        "count": run.artifact_count,
        "size": run.artifact_size,
        "complete": run.artifacts_complete,
    }
    return _of_run(run, EventType.RUN_ARTIFACTS_STORED, now, worker=run.worker, actor=None, data=data)


def _of_run(
    run: Run,
    type_: EventType,
    now: datetime,
    *,
    worker: str | None,
    actor: str | None,
    data: dict[str, Any],
    run_sequence: int | None = None,
) -> Event:
    return Event(
        date=now,
        type=type_,
        project=run.project,
        job=run.job,
        run=run.identifier,
        worker=worker,
        actor=actor,
        run_sequence=run_sequence,
        data=data,
    )


def after(connection: Connection, sequence: int, limit: int = 1_000, filter_: EventFilter | None = None) -> list[Event]:
    """Return at most `limit` events with a sequence number greater than `sequence`, in order.

    Fewer than `limit` means that there are no more now. With a filter, continue from the last event's
    number, or from `last_sequence` of the same read when nothing came.
    """
    if filter_ is None:
        return _SHAPE.many(_NEXT_ONES.all(connection, {"after": sequence, "limit": limit}))
    statement = _AFTER.limit(limit)
    if filter_.projects is not None:
        statement = statement.where(event.c.project.in_(filter_.projects))
    if filter_.types is not None:
        statement = statement.where(event.c.type.in_(filter_.types))
    if filter_.run is not None:
        statement = statement.where(event.c.run == filter_.run)
    if filter_.worker is not None:
        statement = statement.where(event.c.worker == filter_.worker)
    return _SHAPE.many(connection.execute(statement, {"after": sequence}))


def of_run(connection: Connection, run: str) -> list[Event]:
    """Return the history of a run, oldest first."""
    return _SHAPE.many(connection.execute(_OF_RUN, {"run": run}))


def last_sequence(connection: Connection) -> int:
    """Return the newest event's number, 0 when there is none."""
    newest: int = connection.execute(_LAST).scalar_one()
    return newest


ENDED: Final[Mapping[RunStatus, EventType]] = {
    status: EventType(f"run.{status}")
    for status in RunStatus
    if status not in (RunStatus.PENDING, RunStatus.ASSIGNED, RunStatus.RUNNING)
}
"""Terminal status → its event."""
