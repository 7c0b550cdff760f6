"""Explain: why a run is where it is, in words and for programs.

The verdicts are made now, from the same functions as the dispatcher's decision; `cause` is what the
dispatcher last said.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from orchestra.domain.matching import Reason, WorkerVerdict, nearest, verdict
from orchestra.domain.run import TERMINAL, Cause, Run, RunStatus
from orchestra.domain.stop import describe
from orchestra.service.entities import Date, Entity, date, optional_date
from orchestra.storage import job_revisions, run_counts, workers


class MismatchEntity(Entity, frozen=True):
    """One property that a worker does not satisfy; `has` is null when the worker lacks it."""

    property: str
    wanted: Any
    has: Any


class VerdictEntity(Entity, frozen=True):
    """What one worker could do for the run. `verdict` is the first of `reasons`, the most lasting obstacle."""

    worker: str
    verdict: Reason
    reasons: list[Reason]
    message: str
    mismatches: list[MismatchEntity]


class AbsenceEntity(Entity, frozen=True):
    """The worker that has the run is not connected, last heard from at `since`; the run probably goes on there. Unless
    it returns, the run ends as exception (`worker_lost`) at `deadline` at the earliest; null: it is waited for without
    an end."""

    worker: str
    since: Date
    deadline: Date | None


class Explanation(Entity, frozen=True):
    """`position` 1 is next in the queue; null when the run is not pending. `nearest` is the worker that lacks least.

    `stop` says how far a stop has come, such as `not delivered yet: worker w1 is offline`; null without one.
    `away` is null while the run's worker is connected, and when no worker has it.
    """

    run: str
    status: RunStatus
    cause: Cause
    position: int | None
    nearest: str | None
    stop: str | None
    away: AbsenceEntity | None
    workers: list[VerdictEntity]


def explain(connection: Connection, run: Run) -> Explanation:
    """Return the explanation; verdicts only while the run is pending."""
    if run.status is not RunStatus.PENDING:
        return Explanation(
            run=run.identifier,
            status=run.status,
            cause=run.cause,
            position=None,
            nearest=None,
            stop=_stop(connection, run),
            away=_away(connection, run),
            workers=[],
        )
    revision = job_revisions.get(connection, run.project, run.job, run.job_revision)
    properties = {} if revision is None else revision.properties
    slots = sorted(workers.slots(connection), key=lambda one: one.worker.identifier)
    verdicts = [verdict(properties, one.worker, one.used) for one in slots]
    closest = nearest(verdicts)
    return Explanation(
        run=run.identifier,
        status=run.status,
        cause=run.cause,
        position=run_counts.position(connection, run),
        nearest=None if closest is None else closest.worker,
        stop=None,
        away=None,
        workers=[_show(one) for one in verdicts],
    )


def _stop(connection: Connection, run: Run) -> str | None:
    if run.stop is None:
        return None
    worker = None if run.worker is None else workers.get(connection, run.worker)
    is_connected = worker is not None and worker.is_active
    return describe(run.stop, worker=run.worker, is_connected=is_connected, has_ended=run.status in TERMINAL)


def _away(connection: Connection, run: Run) -> AbsenceEntity | None:
    found = workers.absence(connection, run.identifier)
    if found is None:
        return None
    since, limit_s = found.last_seen_date, found.fail_after_s
    deadline = None if limit_s is None else since + timedelta(seconds=limit_s)
    return AbsenceEntity(worker=found.worker, since=date(since), deadline=optional_date(deadline))


def _show(found: WorkerVerdict) -> VerdictEntity:
    return VerdictEntity(
        worker=found.worker,
        verdict=found.reasons[0],
        reasons=list(found.reasons),
        message=found.message,
        mismatches=[MismatchEntity(property=one.property, wanted=one.wanted, has=one.has) for one in found.mismatches],
    )
