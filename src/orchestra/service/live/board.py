"""Board: what changed lately, read once for all connections.

    event of a run ──┐
    hint of a run ───┼─► ids that changed ──► at most every `GATHER_S`: read their rows ──► every connection
    event of a worker┘

The first change after a quiet time goes out at once, later ones are gathered. Rows are read after the
events that announce them, so what is sent is never older than its `seq` says; it may be newer, and
then comes again. While nobody listens, nothing is read.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Protocol

import msgspec
from sqlalchemy import Connection as Rows

from orchestra.domain.errors import Unavailable
from orchestra.domain.run import Run
from orchestra.domain.worker import Worker
from orchestra.service import entities
from orchestra.service.live.messages import raw
from orchestra.service.tail import ACCESS, Tail
from orchestra.service.workers_view import used_slots
from orchestra.storage import hints as topics
from orchestra.storage import runs, workers
from orchestra.storage.database import Database
from orchestra.storage.event_type import EventType
from orchestra.storage.events import Event
from orchestra.storage.hints import Hints

GATHER_S: Final = 0.1
"""website.md: lists are coalesced for 100 ms."""
CHANGED: Final = 2_000
"""Most rows read for one message; more changes than that are a gap."""


class RunRow:
    """A run as it is now, encoded when somebody first needs it."""

    def __init__(self, run: Run) -> None:
        self.run = run

    @cached_property
    def summary(self) -> msgspec.Raw:
        """For lists."""
        return raw(entities.summary(self.run))

    @cached_property
    def whole(self) -> msgspec.Raw:
        """For the run's own page, without the definition."""
        return raw(entities.run(self.run))


class WorkerRow:
    """A worker as it is now."""

    def __init__(self, worker: Worker, active_runs: int) -> None:
        self.worker = worker
        self.active_runs = active_runs

    @cached_property
    def whole(self) -> msgspec.Raw:
        """As the API shows it."""
        return raw(entities.worker(self.worker, self.active_runs))


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What to tell connections. None stands for an object that is gone.

    `has_gap`: there was more than is here. `may_concern_access`: somebody's permissions may be others.
    """

    seq: int
    runs: dict[str, RunRow | None] = field(default_factory=dict)
    workers: dict[str, WorkerRow | None] = field(default_factory=dict)
    deleted: dict[str, str | None] = field(default_factory=dict)
    """Runs that were deleted, and the project of each: who could not see it is not told."""
    has_gap: bool = False
    may_concern_access: bool = False


class Listener(Protocol):
    """A connection."""

    def changed(self, changes: Changes) -> None:
        """Take what changed; must not wait."""

    def stop(self) -> None:
        """The service stops; must not wait."""


class Board:
    """Runs as one task of the service."""

    def __init__(self, database: Database, hints: Hints, tail: Tail) -> None:
        self._database = database
        self._subscription = hints.subscribe([])
        self._tail = tail
        self._listeners: dict[Listener, None] = {}
        self.open: Counter[str] = Counter()
        """Connections by user, for their limit; who accepts them counts."""
        self._watched: dict[str, int] = {}
        self._runs: set[str] = set()
        self._workers: set[str] = set()
        self._deleted: dict[str, str | None] = {}
        self._has_gap = False
        self._may_concern_access = False
        self._seq = 0
        self._seq_wanted = 0
        self._wake = asyncio.Event()

    @property
    def seq(self) -> int:
        """The event up to which every listener has been told."""
        return self._seq

    def listen(self, listener: Listener) -> None:
        """Tell `listener` of changes from now on."""
        self._listeners[listener] = None

    def leave(self, listener: Listener) -> None:
        """Tell it no more."""
        self._listeners.pop(listener, None)

    def stop(self) -> None:
        """End every connection."""
        for listener in tuple(self._listeners):
            listener.stop()

    def doubt(self) -> None:
        """Let every connection look again who its caller is: a session has ended, which is no event."""
        self._may_concern_access = True
        self._wake.set()

    def watch(self, run: str) -> None:
        """Also look for changes of `run` that are no events: its live steps, why it waits."""
        self._watched[run] = self._watched.get(run, 0) + 1
        self._subscription.add(topics.run(run))

    def unwatch(self, run: str) -> None:
        """Undo one `watch`."""
        left = self._watched.pop(run) - 1
        if left:
            self._watched[run] = left
        else:
            self._subscription.discard(topics.run(run))

    def touch(self, run_ids: Iterable[str], worker_ids: Iterable[str] = ()) -> None:
        """Read these again and tell everyone."""
        self._runs.update(run_ids)
        self._workers.update(worker_ids)
        self._wake.set()

    async def run(self) -> None:
        """Work for ever; start it after the tail has begun."""
        self._seq = self._tail.sequence
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_events())
            group.create_task(self._follow_hints())
            group.create_task(self._tell())

    async def _follow_events(self) -> None:
        feed = self._tail.feed()
        try:
            while not feed.is_over:
                batch = await feed.wait()
                self._has_gap |= feed.has_gap
                feed.has_gap = False
                self._seq_wanted = batch[-1].sequence if batch else self._tail.sequence
                self._may_concern_access |= any(event.type in ACCESS for event in batch)
                self._deleted |= deletions(batch)
                self.touch(
                    (event.run for event in batch if event.run is not None),
                    (event.worker for event in batch if event.worker is not None),
                )
        finally:
            feed.close()

    async def _follow_hints(self) -> None:
        while True:
            raised = await self._subscription.wait()
            self.touch(topic.partition(":")[2] for topic in raised)

    async def _tell(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._flush()
            await asyncio.sleep(GATHER_S)

    async def _flush(self) -> None:
        run_ids, self._runs = self._runs, set()
        worker_ids, self._workers = self._workers, set()
        deleted, self._deleted = self._deleted, {}
        has_gap, self._has_gap = self._has_gap or len(run_ids) > CHANGED, False
        access, self._may_concern_access = self._may_concern_access, False
        seq = max(self._seq_wanted, self._seq)
        found = Changes(seq=seq, has_gap=has_gap, may_concern_access=access)
        if self._listeners and not has_gap:
            try:
                rows, machines = await self._database.read(lambda rows: _read(rows, run_ids, worker_ids))
            except Unavailable:
                found = Changes(seq=seq, has_gap=True, may_concern_access=access)
            else:
                found = Changes(seq=seq, runs=rows, workers=machines, deleted=deleted, may_concern_access=access)
        self._seq = seq
        for listener in tuple(self._listeners):
            listener.changed(found)


def deletions(batch: Iterable[Event]) -> dict[str, str | None]:
    """Return the runs that were deleted, with their projects."""
    return {event.run: event.project for event in batch if event.type is EventType.RUN_DELETED and event.run}


def _read(
    rows: Rows, run_ids: set[str], worker_ids: set[str]
) -> tuple[dict[str, RunRow | None], dict[str, WorkerRow | None]]:
    found = runs.get_many(rows, run_ids) if run_ids else {}
    counts = used_slots(rows) if worker_ids else {}
    machines: dict[str, WorkerRow | None] = {}
    for identifier in worker_ids:
        worker = workers.get(rows, identifier)
        machines[identifier] = None if worker is None else WorkerRow(worker, counts.get(identifier, 0))
    return {one: RunRow(found[one]) if one in found else None for one in run_ids}, machines
