"""The transaction that answers a hello: who is it, what does it hold, what becomes of that.

One transaction, so that nothing falls between: the session's number, the rows that are compared with
what the worker holds, and the facts that follow from the comparison (`domain.recovery`). An
assignment that commits before it is judged here; one that commits after it belongs to the new
session. There is no third case.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from orchestra.domain.recovery import Action, Verdict, reconcile
from orchestra.domain.run import GivenBack, Lost, Run
from orchestra.domain.worker import Worker
from orchestra.storage import artifacts, log_chunks, runs, workers
from orchestra.wire import messages as m


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """`verdicts` in the order of the hello; `given_back` and `lost` are runs that the worker no longer holds."""

    worker: Worker
    verdicts: tuple[Verdict, ...]
    given_back: tuple[str, ...]
    lost: tuple[str, ...]

    @property
    def quarantined(self) -> tuple[str, ...]:
        """Runs that the worker holds and the database does not know."""
        return tuple(one.run for one in self.verdicts if one.action is Action.QUARANTINE)


def greet(connection: Connection, hello: m.Hello, owner: str, now: datetime) -> Greeting:
    """Begin a session and settle what the worker holds.

    Raises Conflict when the name belongs to another user or another installation; nothing is changed then.
    """
    connecting = workers.Connecting(
        worker=hello.worker,
        version=hello.version,
        protocol=hello.protocol,
        concurrency=hello.concurrency,
        installation=hello.installation,
        boot=hello.boot,
        properties=hello.properties,
    )
    before, after = workers.connect(connection, connecting, owner, now)
    rows = {run.identifier: run for run in runs.active_by_worker(connection, hello.worker)}
    rows |= runs.get_many(connection, (one.run for one in hello.held if one.run not in rows))
    found = reconcile(
        hello.worker,
        rows,
        log_chunks.offsets(connection, rows),
        hello.held,
        same_boot=before is not None and before.boot == hello.boot,
        same_installation=before is not None and before.installation == hello.installation,
    )
    lost = _record(connection, found.facts, after, now)
    if len(hello.held) < m.HELD_RUNS:  # else it holds more than it could say
        artifacts.give_up(connection, hello.worker, (one.run for one in hello.held), now)
    return Greeting(
        worker=after,
        verdicts=found.verdicts,
        given_back=tuple(run for run, fact in found.facts if isinstance(fact, GivenBack)),
        lost=lost,
    )


def end_unknown(connection: Connection, worker: str, connection_date: datetime) -> bool:
    """End the session that began at `connection_date`, if it did: its commit was not confirmed."""
    row = workers.get(connection, worker)
    if row is None or row.connection_date != connection_date:
        return False
    return workers.disconnect(connection, worker, row.session, connection_date)


def _record(
    connection: Connection, facts: Sequence[tuple[str, GivenBack | Lost]], worker: Worker, now: datetime
) -> tuple[str, ...]:
    """Apply what follows from the comparison; return the runs that are lost."""
    if not facts:
        return ()
    lost = [run for run, fact in facts if isinstance(fact, Lost)]
    runs.set_log_size(connection, log_chunks.offsets(connection, lost), now)
    runs.record_many(connection, facts, now, worker=worker.identifier, session=worker.session)
    return tuple(lost)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What somebody wishes of a worker and its runs. `worker` is None when it was deleted."""

    worker: Worker | None
    runs: tuple[Run, ...]


def read_wishes(connection: Connection, worker: str) -> Wishes:
    """Return the worker and those of its active runs that somebody wishes to stop."""
    stopping = (run for run in runs.active_by_worker(connection, worker) if run.should_cancel or run.should_abort)
    return Wishes(workers.get(connection, worker), tuple(stopping))
