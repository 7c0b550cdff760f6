"""Closing: an operator declares that a run is over, because its worker will not come back.

    status      worker is connected        worker is away
    pending     refused: cancel it         refused: cancel it
    assigned    refused: abort it          ends exception, closed_by
    running     refused: abort it          ends exception, closed_by; exclusive: not before it is dead for sure
    ended       repeated when it was closed before, else refused

It is what `worker_lost` is, with a person who says so: the slot and the group are free, the worker's name
may be another machine's, and a worker that does come back is told to stop the run and to deliver its log.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from orchestra.domain import lease
from orchestra.domain.errors import NotFound
from orchestra.domain.run import TERMINAL, Cause, CauseCode, Lost, Run, RunStatus
from orchestra.storage import job_revisions, log_chunks, workers
from orchestra.storage.run_rows import get
from orchestra.storage.run_status import record
from orchestra.storage.run_wishes import Wish, WishOutcome
from orchestra.storage.runs import set_log_size

REASON_CHARACTERS: Final = 500
"""Longest reason: a few sentences."""


def close(connection: Connection, run: str, actor: str, reason: str, now: datetime, *, known_away_s: float) -> Wish:
    """End a run whose worker is away. Raises NotFound.

    `known_away_s` is for how many seconds this server knows the worker to be away, by a clock that nobody sets.
    """
    before = get(connection, run)
    if before is None:
        raise NotFound(f"there is no run {run}")
    why_not = _obstacle(connection, before, known_away_s)
    if why_not is not None:
        is_ours = before.cause.code is CauseCode.CLOSED_BY
        outcome = WishOutcome.REPEATED if is_ours else WishOutcome.REFUSED
        return Wish(outcome=outcome, run=before, reason=None if is_ours else why_not)
    set_log_size(connection, log_chunks.offsets(connection, [run]), now)
    lost = Lost(
        epoch=before.epoch,
        cause=Cause(CauseCode.CLOSED_BY, f"closed by {actor}: {reason}"),
        log_error="the run was closed while its worker was away; the rest of the log may still come if it returns",
    )
    after = record(connection, run, lost, now, actor=actor)
    assert isinstance(after, Run), "its row was read in this transaction"
    return Wish(outcome=WishOutcome.ACCEPTED, run=after)


def _obstacle(connection: Connection, run: Run, known_away_s: float) -> str | None:
    """Why the run cannot be closed now, and what can be done instead."""
    if run.status is RunStatus.PENDING:
        return "the run is pending, no worker has it; cancel it"
    if run.status in TERMINAL:
        return f"the run has already ended: {run.status}"
    assert run.worker is not None
    worker = workers.get(connection, run.worker)
    if worker is not None and worker.is_active:
        return f"the run's worker {run.worker} is connected; abort the run, only one whose worker is away can be closed"
    revision = job_revisions.get(connection, run.project, run.job, run.job_revision)
    over_s = 0.0 if revision is None else lease.over_after_s(revision.policy, revision.definition)
    if known_away_s < over_s:
        left_s = over_s - known_away_s
        return f"the run is exclusive, and may be alive on {run.worker} for {left_s:.0f} s more; close it after that"
    return None
