"""The only writer of a run's status: facts go through `domain.run.apply`, and so to the table of transitions.

    facts ──► rows of the batch (one SELECT) ──► apply, one after the other ──► few UPDATEs ──► events

Rules: a fact of a worker counts only while the run is that worker's (epoch, worker) and the
worker's session is its newest one; anything else is refused as fenced. Each UPDATE repeats what was
read (epoch, status) and must hit its row. Each change and its event are one transaction. A run that
comes back to the queue while someone wishes to stop it is cancelled in the same transaction.

One transaction at a time writes to a database (see `engine`), so what was read still holds when it is
written; the guards in the statements are the second line, against whoever does not keep to that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Update, bindparam, update

from orchestra.domain.errors import Unavailable
from orchestra.domain.run import (
    Assigned,
    Cancelled,
    Cause,
    CauseCode,
    Expired,
    Fact,
    Finished,
    GivenBack,
    Lost,
    NeverStarted,
    Refusal,
    Run,
    Started,
    apply,
)
from orchestra.storage import events, schema
from orchestra.storage.event_type import EventType
from orchestra.storage.events import ENDED, Event
from orchestra.storage.run_rows import get_many
from orchestra.storage.statements import Statement
from orchestra.storage.workers import is_current_session

_RUN: Final = schema.run

_ENDS: Final = ("status", "cause", "completion_date", "log_complete", "artifacts_complete", "update_date")
_STOPS: Final = (*_ENDS, "stop")
WRITTEN: Final[Mapping[type[Fact], tuple[str, ...]]] = {
    Assigned: ("status", "cause", "worker", "worker_properties", "epoch", "update_date"),
    GivenBack: ("status", "cause", "worker", "worker_properties", "update_date"),
    Started: ("status", "cause", "start_date", "update_date"),
    Finished: (
        *_STOPS,
        "steps",
        "results",
        "result_error",
        "log_size",
        "log_error",
        "artifact_count",
        "artifact_size",
        "artifact_error",
    ),
    NeverStarted: _STOPS,
    Cancelled: _STOPS,
    Expired: _STOPS,
    Lost: (*_ENDS, "log_error", "artifact_error"),
}
"""Which fields `apply` changes for each fact: no more is written, so that indexes of the rest stay untouched."""


def _statement(names: tuple[str, ...]) -> Update:
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
    return (
        update(_RUN)
        .where(
            _RUN.c.identifier == bindparam("of"),
            _RUN.c.epoch == bindparam("of_epoch"),
            _RUN.c.status == bindparam("of_status"),
        )
        .values({**values, "token_hash": bindparam("new_token_hash")} if names != WRITTEN[Started] else values)
    )


_STATEMENTS: Final = {fact: Statement(_statement(names)) for fact, names in WRITTEN.items()}


@dataclass(frozen=True, slots=True)
class Change:
    """One fact that applied."""

    before: Run
    fact: Fact
    after: Run
    token_hash: str | None = None


class Batch:
    """Facts applied to runs that were read, in order; `write` stores what came of them.

    `runs` holds, by identifier, the rows as this transaction sees them.
    """

    def __init__(self, runs: dict[str, Run], now: datetime, actor: str | None = None) -> None:
        self.runs = runs
        self._now = now
        self._actor = actor
        self._waves: list[dict[type[Fact], list[Change]]] = []
        self._depth: dict[str, int] = {}
        self._events: list[Event] = []

    def apply(
        self, identifier: str, fact: Fact, *, worker: str | None = None, token_hash: str | None = None
    ) -> Run | Refusal:
        """Apply `fact`; with `worker`, only to a run that this worker has. An unknown run is fenced."""
        before = self.runs.get(identifier)
        if before is None or (worker is not None and before.worker != worker):
            return Refusal.FENCED
        after = apply(before, fact, self._now)
        if isinstance(after, Refusal):
            return after
        self._remember(Change(before, fact, after, token_hash))
        if isinstance(fact, GivenBack) and (cause := _wish(after)) is not None:
            return self.apply(identifier, Cancelled(cause=cause))
        return after

    def utter(self, wish: Event) -> None:
        """Put an event that is no change of status into its place among the others."""
        self._events.append(wish)

    def _remember(self, change: Change) -> None:
        """Changes of one run go to different waves: statements of a wave may be executed in any order."""
        identifier = change.after.identifier
        depth = self._depth.get(identifier, 0)
        self._depth[identifier] = depth + 1
        if depth == len(self._waves):
            self._waves.append({})
        self._waves[depth].setdefault(type(change.fact), []).append(change)
        self.runs[identifier] = change.after
        worker = change.after.worker or change.before.worker
        self._events.append(
            events.status_changed(
                change.before, change.after, _event_type(change), self._now, worker=worker, actor=self._actor
            )
        )

    def write(self, connection: Connection) -> None:
        """Store the changes and their events."""
        for wave in self._waves:
            for fact, changes in wave.items():
                names = WRITTEN[fact]
                values = [_values(change, names) for change in changes]
                hit = _STATEMENTS[fact].execute(connection, values)
                if hit != len(changes):
                    # Another writer beside the lock; the transaction is given up, the caller reads again.
                    raise Unavailable("runs changed while they were written; nothing was changed")
        if self._events:
            events.append_of_runs(connection, self._events)


def record(
    connection: Connection,
    run: str,
    fact: Fact,
    now: datetime,
    *,
    worker: str | None = None,
    session: int | None = None,
    actor: str | None = None,
) -> Run | Refusal:
    """Record one fact; see `record_many`."""
    return record_many(connection, [(run, fact)], now, worker=worker, session=session, actor=actor)[0]


def record_many(
    connection: Connection,
    facts: Sequence[tuple[str, Fact]],
    now: datetime,
    *,
    worker: str | None = None,
    session: int | None = None,
    actor: str | None = None,
) -> list[Run | Refusal]:
    """Record facts (run identifier, fact) in their order; return for each the run after it, or why it changed nothing.

    `worker` and `session` say whose word it is: then only runs of that worker are touched, and only in its
    newest session. `actor` is the user whose wish the fact fulfils, for the event.
    """
    if worker is not None and session is not None and not is_current_session(connection, worker, session):
        return [Refusal.FENCED] * len(facts)
    batch = Batch(get_many(connection, (run for run, _ in facts)), now, actor)
    outcomes = [batch.apply(run, fact, worker=worker) for run, fact in facts]
    batch.write(connection)
    return outcomes


def _values(change: Change, names: tuple[str, ...]) -> dict[str, object]:
    before, after = change.before, change.after
    values: dict[str, object] = {f"new_{name}": getattr(after, name) for name in names}
    values["new_token_hash"] = change.token_hash
    values["of"], values["of_epoch"], values["of_status"] = before.identifier, before.epoch, before.status
    return values


def _wish(run: Run) -> Cause | None:
    """Why a run that is pending again ends at once: somebody wished it while a worker had it."""
    by = run.stop_requested_by or "someone"
    if run.should_cancel:
        return Cause(CauseCode.CANCELLED_BY, f"cancelled by {by}; no command had started")
    if run.should_abort:
        return Cause(CauseCode.ABORTED_BY, f"aborted by {by} before any command had started")
    return None


def _event_type(change: Change) -> EventType:
    match change.fact:
        case Assigned():
            return EventType.RUN_ASSIGNED
        case GivenBack():
            return EventType.RUN_GIVEN_BACK
        case Started():
            return EventType.RUN_STARTED
        case _:
            return ENDED[change.after.status]
