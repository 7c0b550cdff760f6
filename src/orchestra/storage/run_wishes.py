"""Wishes: a user asks that a run be cancelled or aborted. What the flags mean is written in one table here.

    status      cancel                                     abort
    pending     ends cancelled, at once                    refused: cancel it
    assigned    noted; the worker confirms or has started  noted; the worker proves or stops
    running     refused: abort it                          noted; the worker stops it
    ended       repeated when it ended so by this wish,    repeated when it ended so by this wish,
                else refused                               else refused

A wish is a row's flag and an event; the status changes by facts only.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, bindparam, update

from orchestra.domain.errors import NotFound
from orchestra.domain.run import TERMINAL, Cancelled, Cause, CauseCode, Run, RunStatus
from orchestra.domain.stop import Stop
from orchestra.storage import events, schema
from orchestra.storage.event_type import EventType
from orchestra.storage.run_rows import get
from orchestra.storage.run_status import Batch

_RUN: Final = schema.run
_CANCEL: Final = (
    update(_RUN)
    .where(_RUN.c.identifier == bindparam("of"))
    .values(should_cancel=True, stop_requested_by=bindparam("by"), stop=bindparam("stop"), update_date=bindparam("now"))
)
_ABORT: Final = (
    update(_RUN)
    .where(_RUN.c.identifier == bindparam("of"))
    .values(should_abort=True, stop_requested_by=bindparam("by"), stop=bindparam("stop"), update_date=bindparam("now"))
)


class WishOutcome(StrEnum):
    """What became of a request to cancel or to abort."""

    ACCEPTED = "accepted"
    """Noted now, or fulfilled now. 200."""
    REPEATED = "repeated"
    """Noted or fulfilled before; nothing was changed. 200."""
    REFUSED = "refused"
    """The run's status does not allow it; `Wish.reason` says why and what else may help. 409."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What became of a request, and the run as it is after it."""

    outcome: WishOutcome
    run: Run
    reason: str | None = None


def would_cancel(before: Run) -> Wish:
    """Return what would become of a request to cancel, with the run as it is."""
    if before.status is RunStatus.RUNNING:
        return _refused(before, "the run is running, and only a run that has not started can be cancelled; abort it")
    if before.status in TERMINAL:
        is_ours = before.status is RunStatus.CANCELLED and before.should_cancel
        return _repeated(before) if is_ours else _refused(before, f"the run has already ended: {before.status}")
    return _repeated(before) if before.should_cancel else Wish(outcome=WishOutcome.ACCEPTED, run=before)


def request_cancel(connection: Connection, run: str, actor: str, now: datetime) -> Wish:
    """Ask that the run never start. Raises NotFound."""
    before = _existing(connection, run)
    wish = would_cancel(before)
    if wish.outcome is not WishOutcome.ACCEPTED:
        return wish
    stop = Stop(requested_date=now, requested_by=actor)
    connection.execute(_CANCEL, {"of": run, "by": actor, "stop": stop, "now": now})
    wished = replace(before, should_cancel=True, stop_requested_by=actor, stop=stop, update_date=now)
    batch = Batch({run: wished}, now, actor)
    batch.utter(events.wish_uttered(wished, EventType.RUN_CANCEL_REQUESTED, now, actor))
    if before.status is RunStatus.PENDING:
        cause = Cause(CauseCode.CANCELLED_BY, f"cancelled by {actor}; no command had started")
        batch.apply(run, Cancelled(cause=cause))
    batch.write(connection)
    return Wish(outcome=WishOutcome.ACCEPTED, run=batch.runs[run])


def would_abort(before: Run) -> Wish:
    """Return what would become of a request to abort, with the run as it is."""
    if before.status is RunStatus.PENDING:
        return _refused(before, "the run is pending, there is nothing to stop; cancel it")
    if before.status in TERMINAL:
        is_ours = before.status in (RunStatus.ABORTED, RunStatus.CANCELLED) and before.should_abort
        return _repeated(before) if is_ours else _refused(before, f"the run has already ended: {before.status}")
    return _repeated(before) if before.should_abort else Wish(outcome=WishOutcome.ACCEPTED, run=before)


def request_abort(connection: Connection, run: str, actor: str, now: datetime) -> Wish:
    """Ask that the run be stopped. Raises NotFound."""
    before = _existing(connection, run)
    wish = would_abort(before)
    if wish.outcome is not WishOutcome.ACCEPTED:
        return wish
    stop = Stop(requested_date=now, requested_by=actor)
    connection.execute(_ABORT, {"of": run, "by": actor, "stop": stop, "now": now})
    wished = replace(before, should_abort=True, stop_requested_by=actor, stop=stop, update_date=now)
    batch = Batch({run: wished}, now, actor)
    batch.utter(events.wish_uttered(wished, EventType.RUN_ABORT_REQUESTED, now, actor))
    batch.write(connection)
    return Wish(outcome=WishOutcome.ACCEPTED, run=wished)


def _existing(connection: Connection, run: str) -> Run:
    found = get(connection, run)
    if found is None:
        raise NotFound(f"there is no run {run}")
    return found


def _repeated(run: Run) -> Wish:
    return Wish(outcome=WishOutcome.REPEATED, run=run)


def _refused(run: Run, reason: str) -> Wish:
    return Wish(outcome=WishOutcome.REFUSED, run=run, reason=reason)
