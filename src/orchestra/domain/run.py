"""Run: one execution of a job, its statuses, the facts that change them, and the one table of transitions.

Read this first. A run is changed by *facts* (what happened), never by wishes: users write
`should_cancel` and `should_abort`, only facts move `status`. `apply` is the only function that
decides a status, `TRANSITIONS` the only table that it asks; `storage.runs` is the only place that
writes the column.

              Cancelled, Expired
      pending ───────────────────────────────► cancelled
       │   ▲
    Assigned│ GivenBack: the worker proves that nothing started
       ▼   │
     assigned ── NeverStarted ───────────────► cancelled
       │   └──── Finished before start, Lost ► exception, aborted
    Started
       ▼
     running ─── Finished ───────────────────► succeeded, failed, aborted, exception
           └──── Lost ───────────────────────► exception

Terminal statuses have no way out. Facts from a worker carry the epoch of the assignment that they
speak of: another epoch than the run's is *fenced* and changes nothing. The epoch grows by one with
each assignment, and a run is only given back when it provably never started, so the commands of a
run start at most once, ever (INV-03, INV-06, INV-07, INV-10).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, assert_never

from orchestra.domain.stop import Stop, merged


class RunStatus(StrEnum):
    """The observed status of a run; `skipped` exists inside pipelines only."""

    PENDING = "pending"
    ASSIGNED = "assigned"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ABORTED = "aborted"
    CANCELLED = "cancelled"
    EXCEPTION = "exception"
    SKIPPED = "skipped"


ACTIVE: Final = frozenset({RunStatus.ASSIGNED, RunStatus.RUNNING})
"""A worker holds the run: it takes a slot and a place in its concurrency group."""

TERMINAL: Final = frozenset(RunStatus) - ACTIVE - {RunStatus.PENDING}

ARTIFACTS_UNKNOWN: Final = "the worker is gone: nobody can tell what files the run left"


class CauseCode(StrEnum):
    """Why a run is in its present status; `docs/causes.md` explains each."""

    WAITING_FOR_WORKER = "waiting_for_worker"
    JOB_DISABLED = "job_disabled"
    GROUP_FULL = "group_full"
    OVERLAP = "overlap"
    PAUSED = "paused"
    ASSIGNED = "assigned"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    EXIT_CODE = "exit_code"
    SIGNAL = "signal"
    TIMEOUT = "timeout"
    SILENCE_TIMEOUT = "silence_timeout"
    NO_SUCH_PROGRAM = "no_such_program"
    CANNOT_START = "cannot_start"
    BAD_DEFINITION = "bad_definition"
    BAD_TEMPLATE = "bad_template"
    WORKER_LOST = "worker_lost"
    HOST_REBOOTED = "host_rebooted"
    EXECUTOR_LOST = "executor_lost"
    LEASE_LAPSED = "lease_lapsed"
    DISK_FULL = "disk_full"
    OUTPUT_LIMIT = "output_limit"
    ABORTED_BY = "aborted_by"
    CANCELLED_BY = "cancelled_by"
    CLOSED_BY = "closed_by"
    EXPIRED = "expired"
    IMPORTED = "imported"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why: a stable code for programs and one sentence for people."""

    code: CauseCode
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command as it went. `log_start` and `log_end` are byte offsets into the run's log: what it wrote."""

    name: str
    command: str | tuple[str, ...]
    phase: str = "commands"
    start_date: datetime | None = None
    completion_date: datetime | None = None
    exit_code: int | None = None
    log_start: int = 0
    log_end: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as stored. Dates are aware UTC; `epoch` counts assignments; log sizes are bytes."""

    project: str
    identifier: str
    number: int
    job: str
    job_revision: int
    parameters: dict[str, Any] = field(default_factory=dict)
    source: dict[str, Any] = field(default_factory=dict)
    worker: str | None = None
    status: RunStatus = RunStatus.PENDING
    cause: Cause = Cause(CauseCode.WAITING_FOR_WORKER, "waits for a worker")
    priority: int = 0
    epoch: int = 0
    start_date: datetime | None = None
    completion_date: datetime | None = None
    results: Any = None
    result_error: str | None = None
    should_cancel: bool = False
    should_abort: bool = False
    stop_requested_by: str | None = None
    stop: Stop | None = None
    """The receipt of a stop; None when nobody and nothing asked for one."""
    steps: tuple[Step, ...] = ()
    worker_properties: dict[str, Any] | None = None
    log_size: int = 0
    log_complete: bool = False
    log_error: str | None = None
    artifact_count: int = 0
    artifact_size: int = 0
    artifacts_complete: bool = False
    """The server has every file that the worker kept of it; false also while that may still become true."""
    artifact_error: str | None = None
    """What of the job's patterns was not kept, or did not come, and why."""
    expiration_date: datetime | None = None
    creation_date: datetime
    update_date: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """The master gives the run to a worker; the epoch grows by one."""

    worker: str
    worker_properties: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenBack:
    """The worker proves that it never started the run (refused it, or never received it)."""

    epoch: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The first command is about to be executed; `date` is the worker's clock, UTC."""

    epoch: int
    date: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The run ended on the worker, its process tree is gone, and the server holds every byte it will get."""

    epoch: int
    status: RunStatus
    cause: Cause
    date: datetime
    steps: tuple[Step, ...] = ()
    results: Any = None
    result_error: str | None = None
    log_size: int = 0
    log_complete: bool = True
    log_error: str | None = None
    stop: Stop | None = None
    artifact_count: int = 0
    artifact_size: int = 0
    artifacts_complete: bool = True
    """Nothing of what it left is still to come."""
    artifact_error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NeverStarted:
    """The worker honours a cancel or an abort and proves that no command started."""

    epoch: int
    cause: Cause
    stop: Stop | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """The worker, its machine or its data are gone (an operator may say so): nobody can tell the run's own verdict."""

    epoch: int
    cause: Cause
    log_error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """A wish to cancel met the run while no worker had it."""

    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """The run waited longer than its job allows."""

    cause: Cause


Fact = Assigned | GivenBack | Started | Finished | NeverStarted | Lost | Cancelled | Expired

_PENDING, _ASSIGNED, _RUNNING = RunStatus.PENDING, RunStatus.ASSIGNED, RunStatus.RUNNING

TRANSITIONS: Final[Mapping[tuple[RunStatus, type[Fact]], frozenset[RunStatus]]] = {
    (_PENDING, Assigned): frozenset({_ASSIGNED}),
    (_PENDING, Cancelled): frozenset({RunStatus.CANCELLED}),
    (_PENDING, Expired): frozenset({RunStatus.CANCELLED}),
    (_ASSIGNED, GivenBack): frozenset({_PENDING}),
    (_ASSIGNED, Started): frozenset({_RUNNING}),
    (_ASSIGNED, NeverStarted): frozenset({RunStatus.CANCELLED}),
    (_ASSIGNED, Finished): frozenset({RunStatus.EXCEPTION, RunStatus.ABORTED}),
    (_ASSIGNED, Lost): frozenset({RunStatus.EXCEPTION}),
    (_RUNNING, Finished): frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.ABORTED, RunStatus.EXCEPTION}),
    (_RUNNING, Lost): frozenset({RunStatus.EXCEPTION}),
}
"""(status, fact) → statuses it may lead to. What is absent is refused."""


class Refusal(StrEnum):
    """Why a fact changes nothing; both are normal results of races, not errors."""

    FENCED = "fenced"
    """The fact speaks of an assignment that is no longer the run's."""
    ILLEGAL = "illegal"
    """The table has no such transition: the run already went another way."""


def apply(run: Run, fact: Fact, now: datetime) -> Run | Refusal:
    """Return `run` after `fact` (with `update_date` = `now`), or why the fact does not apply."""
    if isinstance(fact, GivenBack | Started | Finished | NeverStarted | Lost) and fact.epoch != run.epoch:
        return Refusal.FENCED
    allowed = TRANSITIONS.get((run.status, type(fact)))
    if allowed is None:
        return Refusal.ILLEGAL
    after = _after(run, fact, now)
    return after if after.status in allowed else Refusal.ILLEGAL


def _after(run: Run, fact: Fact, now: datetime) -> Run:
    """What the run looks like once `fact` holds; whether it may hold is the table's business."""
    match fact:
        case Assigned():
            return replace(
                run,
                update_date=now,
                status=_ASSIGNED,
                worker=fact.worker,
                worker_properties=fact.worker_properties,
                epoch=run.epoch + 1,
                cause=Cause(CauseCode.ASSIGNED, f"assigned to {fact.worker}"),
            )
        case GivenBack():
            return replace(
                run,
                update_date=now,
                status=_PENDING,
                worker=None,
                worker_properties=None,
                cause=Cause(CauseCode.WAITING_FOR_WORKER, fact.reason),
            )
        case Started():
            message = f"runs on {run.worker}"
            cause = Cause(CauseCode.RUNNING, message)
            return replace(run, update_date=now, status=_RUNNING, start_date=fact.date, cause=cause)
        case Finished():
            return replace(
                run,
                update_date=now,
                status=fact.status,
                cause=fact.cause,
                completion_date=fact.date,
                steps=fact.steps,
                results=fact.results,
                result_error=fact.result_error,
                log_size=fact.log_size,
                log_complete=fact.log_complete,
                log_error=fact.log_error,
                stop=merged(run.stop, fact.stop, is_end=True),
                artifact_count=fact.artifact_count,
                artifact_size=fact.artifact_size,
                artifacts_complete=fact.artifacts_complete,
                artifact_error=fact.artifact_error,
            )
        case NeverStarted() | Cancelled() | Expired():
            told = fact.stop if isinstance(fact, NeverStarted) else None
            return replace(
                run,
                update_date=now,
                status=RunStatus.CANCELLED,
                cause=fact.cause,
                completion_date=now,
                log_complete=True,
                stop=_never_started(merged(run.stop, told, is_end=True), now),
                artifacts_complete=True,
            )
        case Lost():
            return replace(
                run,
                update_date=now,
                status=RunStatus.EXCEPTION,
                cause=fact.cause,
                completion_date=now,
                log_complete=False,
                log_error=fact.log_error,
                artifacts_complete=False,
                artifact_error=ARTIFACTS_UNKNOWN,
            )
        case _:
            assert_never(fact)


def _never_started(stop: Stop | None, now: datetime) -> Stop | None:
    """A run of which nothing started has nothing alive, whoever found that out."""
    return stop if stop is None or stop.verified_date is not None else replace(stop, verified_date=now)
