"""Runs: creation, look-ups, and what is written about a run beside its status.

The functions of this entity stand in these modules, all of them reachable from here:

    runs         insert, get …        creation and look-ups
    run_status   record, record_many  the only writer of `status`
    run_claims   claim                a plan becomes assignments
    run_wishes   request_cancel …     users ask to cancel or to abort
    run_queue    pending, snapshot …  what the dispatcher and the reaper read
    run_lists    page, identifiers    lists with filters and queries

`run_delete` deletes them, and is not reachable from here: few have a reason to.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, bindparam, delete, exists, select, text, update
from sqlalchemy import insert as insert_into
from sqlalchemy.exc import IntegrityError

from orchestra.domain.errors import InvalidContent, NotFound, Problem
from orchestra.domain.run import Cause, Run, RunStatus, Step
from orchestra.domain.stop import Stop, merged
from orchestra.storage import events
from orchestra.storage.event_type import EventType
from orchestra.storage.run_claims import claim, claimed_with
from orchestra.storage.run_lists import RunFilter, identifiers, page
from orchestra.storage.run_queue import (
    active_by_worker,
    due_to_expire,
    group_counts,
    next_expiration,
    pending,
    snapshot,
)
from orchestra.storage.run_rows import SHAPE, get, get_by_number, get_many
from orchestra.storage.run_status import record, record_many
from orchestra.storage.run_wishes import (
    Wish,
    WishOutcome,
    request_abort,
    request_cancel,
    would_abort,
    would_cancel,
)
from orchestra.storage.schema import idempotency_key, job, job_counter, job_revision, run
from orchestra.storage.statements import Statement

__all__ = [
    "IDEMPOTENCY_KEPT",
    "IdempotencyKey",
    "NewRun",
    "RunFilter",
    "Wish",
    "WishOutcome",
    "active_by_worker",
    "claim",
    "claimed_with",
    "complete_log",
    "definition",
    "due_to_expire",
    "find_idempotent",
    "get",
    "get_by_number",
    "get_many",
    "group_counts",
    "identifiers",
    "insert",
    "next_expiration",
    "page",
    "pending",
    "purge_idempotent",
    "record",
    "record_many",
    "remember_idempotent",
    "request_abort",
    "request_cancel",
    "set_log_size",
    "set_pending_cause",
    "set_results",
    "set_steps",
    "set_stop",
    "snapshot",
    "would_abort",
    "would_cancel",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKey:
    """What makes a repeated trigger the same one: who asks, for which job, with which key."""

    principal: str
    project: str
    job: str
    key: str


IDEMPOTENCY_KEPT: Final = timedelta(days=7)
"""How long a key is remembered (reliability 2.6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run that is to be. `parameters` are checked and typed, `source` says who or what triggered it.

    `job_revision` is what the caller checked the parameters against; `concurrency_group` the group of the
    job's policy with its substitutions made, None without one; `expiration_date` aware UTC.
    """

    identifier: str
    project: str
    job: str
    job_revision: int
    parameters: dict[str, Any] = field(default_factory=dict)
    source: dict[str, Any]
    priority: int = 0
    concurrency_group: str | None = None
    expiration_date: datetime | None = None


_NEXT_NUMBER: Final = Statement(
    update(job_counter)
    .where(
        job_counter.c.project == bindparam("of_project"),
        job_counter.c.job == bindparam("of_job"),
        # The counter outlives its job; a run that is to start needs one.
        exists().where(job.c.project == job_counter.c.project, job.c.identifier == job_counter.c.job),
    )
    .values(last_number=job_counter.c.last_number + text("1"))
    .returning(job_counter.c.last_number)
)
_INSERT: Final = Statement(insert_into(run), [column.name for column in run.columns])
_DEFINITION: Final = select(job_revision.c.definition).where(
    job_revision.c.project == bindparam("project"),
    job_revision.c.job == bindparam("job"),
    job_revision.c.revision == bindparam("revision"),
)
_SET_STEPS: Final = (
    update(run)
    .where(run.c.identifier == bindparam("of"), run.c.epoch == bindparam("of_epoch"), run.c.status == RunStatus.RUNNING)
    .values(steps=bindparam("steps"), update_date=bindparam("update_date"))
)
_SET_STOP: Final = (
    update(run)
    .where(run.c.identifier == bindparam("of"), run.c.epoch == bindparam("of_epoch"), run.c.completion_date.is_(None))
    .values(stop=bindparam("stop"), update_date=bindparam("update_date"))
)
_SET_RESULTS: Final = (
    update(run)
    .where(run.c.identifier == bindparam("of"), run.c.epoch == bindparam("of_epoch"), run.c.status == RunStatus.RUNNING)
    .values(results=bindparam("results"), update_date=bindparam("update_date"))
)
_SET_LOG_SIZE: Final = (
    update(run)
    .where(run.c.identifier == bindparam("of"), run.c.log_size < bindparam("size"))
    .values(log_size=bindparam("size"), update_date=bindparam("update_date"))
)
_COMPLETE_LOG: Final = (
    update(run)
    .where(
        run.c.identifier == bindparam("of"),
        run.c.epoch == bindparam("of_epoch"),
        run.c.completion_date.is_not(None),
        run.c.log_complete.is_(False),
    )
    .values(
        log_size=bindparam("size"),
        log_complete=True,
        log_error=bindparam("error"),
        update_date=bindparam("update_date"),
    )
)
_SET_CAUSE: Final = Statement(
    update(run)
    .where(run.c.identifier == bindparam("of"), run.c.status == RunStatus.PENDING)
    .values(cause=bindparam("cause"), update_date=bindparam("update_date"))
)
_FIND_KEY: Final = select(idempotency_key.c.body_hash, idempotency_key.c.run).where(
    idempotency_key.c.principal == bindparam("principal"),
    idempotency_key.c.project == bindparam("project"),
    idempotency_key.c.job == bindparam("job"),
    idempotency_key.c.key == bindparam("key"),
)


def insert(connection: Connection, new: NewRun, now: datetime, *, actor: str | None = None) -> Run:
    """Create a pending run with the job's next number, and its event.

    A retry is a new run with `source` `{type: run, run, reason: retry}`. Raises NotFound when the job does
    not exist (any more).
    """
    next_number = _NEXT_NUMBER.first(connection, {"of_project": new.project, "of_job": new.job})
    if next_number is None:
        raise NotFound(f"there is no job {new.project}/{new.job}")
    created = Run(
        project=new.project,
        identifier=new.identifier,
        number=next_number[0],
        job=new.job,
        job_revision=new.job_revision,
        parameters=new.parameters,
        source=new.source,
        priority=new.priority,
        expiration_date=new.expiration_date,
        creation_date=now,
        update_date=now,
    )
    kind = str(new.source.get("type", ""))
    values = SHAPE.values(created) | {
        "source_type": kind,
        "source_name": str(new.source.get(kind, "")),
        "concurrency_group": new.concurrency_group,
        "token_hash": None,
    }
    try:
        _INSERT.execute(connection, [values])
    except IntegrityError as error:
        raise NotFound(f"there is no job {new.project}/{new.job} with revision {new.job_revision}") from error
    events.append(
        connection,
        events.status_changed(None, created, EventType.RUN_CREATED, now, worker=None, actor=actor, run_sequence=1),
    )
    return created


def definition(connection: Connection, of: Run) -> dict[str, Any]:
    """Return the definition that the run was made from, in normal form. Raises NotFound if there is none."""
    values = {"project": of.project, "job": of.job, "revision": of.job_revision}
    row = connection.execute(_DEFINITION, values).first()
    if row is None:
        raise NotFound(f"there is no revision {of.job_revision} of {of.project}/{of.job}")
    found: dict[str, Any] = row[0]
    return found


def set_steps(connection: Connection, identifier: str, epoch: int, steps: tuple[Step, ...], now: datetime) -> bool:
    """Show the steps of a run that is running under `epoch` as they are now; False when it is not."""
    values = {"of": identifier, "of_epoch": epoch, "steps": steps, "update_date": now}
    return connection.execute(_SET_STEPS, values).rowcount == 1


def set_stop(connection: Connection, identifier: str, epoch: int, told: Stop, now: datetime) -> bool:
    """Show how far the stop of a run that lives under `epoch` has come; False when there is nothing new."""
    before = get(connection, identifier)
    if before is None or (stop := merged(before.stop, told, is_end=False)) == before.stop:
        return False
    values = {"of": identifier, "of_epoch": epoch, "stop": stop, "update_date": now}
    return connection.execute(_SET_STOP, values).rowcount == 1


def set_results(connection: Connection, identifier: str, epoch: int, results: Any, now: datetime) -> bool:
    """Show what a run that is running under `epoch` has as results now; its end writes them once more."""
    values = {"of": identifier, "of_epoch": epoch, "results": results, "update_date": now}
    return connection.execute(_SET_RESULTS, values).rowcount == 1


def set_log_size(connection: Connection, sizes: Mapping[str, int], now: datetime) -> None:
    """Show how many bytes of log are durable; a size never shrinks."""
    if sizes:
        values = [{"of": one, "size": size, "update_date": now} for one, size in sizes.items()]
        connection.execute(_SET_LOG_SIZE, values)


def complete_log(
    connection: Connection, identifier: str, epoch: int, size: int, now: datetime, *, log_error: str | None = None
) -> bool:
    """Note that the rest of the log came after the run had ended; False when there was nothing to wait for."""
    values = {"of": identifier, "of_epoch": epoch, "size": size, "error": log_error, "update_date": now}
    if connection.execute(_COMPLETE_LOG, values).rowcount != 1:
        return False
    after = get(connection, identifier)
    if after is not None:
        events.append_of_runs(connection, [events.log_completed(after, now)])
    return True


def set_pending_cause(connection: Connection, causes: Iterable[tuple[str, Cause]], now: datetime) -> None:
    """Say why runs wait; of those that no longer wait, nothing changes."""
    values = [{"of": identifier, "cause": cause, "update_date": now} for identifier, cause in causes]
    if values:
        _SET_CAUSE.execute(connection, values)


def find_idempotent(connection: Connection, key: IdempotencyKey, body: Mapping[str, Any]) -> Run | None:
    """Return the run that was triggered with `key` and the same `body`, None for a new key.

    Raises InvalidContent when the key came with another body.
    """
    row = connection.execute(_FIND_KEY, asdict(key)).first()
    if row is None:
        return None
    if row.body_hash != _hash(body):
        what = "the key was used with another body; expected a new key for a new request"
        raise InvalidContent("the idempotency key does not fit", (Problem("Idempotency-Key", what),))
    return get(connection, row.run)


def remember_idempotent(
    connection: Connection, key: IdempotencyKey, body: Mapping[str, Any], created: str, now: datetime
) -> None:
    """Remember that `key` with `body` made the run `created`; call it in the transaction of `insert`."""
    values = asdict(key) | {"body_hash": _hash(body), "run": created, "creation_date": now}
    connection.execute(insert_into(idempotency_key), values)


def purge_idempotent(connection: Connection, now: datetime) -> int:
    """Forget keys older than `IDEMPOTENCY_KEPT`; return how many."""
    before = now - IDEMPOTENCY_KEPT
    return connection.execute(delete(idempotency_key).where(idempotency_key.c.creation_date < before)).rowcount


def _hash(body: Mapping[str, Any]) -> str:
    """SHA-256 of the body in one form: keys sorted, no spaces."""
    return hashlib.sha256(msgspec.json.encode(body, order="sorted")).hexdigest()
