"""Topics: what a client may follow on the live connection, and what each makes of a change.

A topic knows which changes concern it and how its snapshot is read; it knows neither sockets nor who
else follows the same. Rules: whether the caller may follow it is asked when it begins and whenever
permissions may have changed (`check`); what it reads is narrowed to what the caller may see.
"""

from collections.abc import Sequence
from typing import Any, Final, Protocol

from sqlalchemy import Connection as Rows

from orchestra.domain.access import Permission, Principal
from orchestra.domain.errors import NotFound
from orchestra.service import authorization, entities
from orchestra.service.listing import RunQuery, concerns, matches, run_filter
from orchestra.service.live.board import Changes, RunRow
from orchestra.service.live.messages import Remove, ServerMessage, Snapshot, Upsert, raw
from orchestra.service.parts import Parts
from orchestra.service.strict_json import fit
from orchestra.service.workers_view import read_worker, read_workers
from orchestra.storage import events, runs
from orchestra.storage.events import EventFilter

REPLAY: Final = 1_000
"""Most events that are looked through for a client that comes back; more of them are a snapshot."""


class Topic(Protocol):
    """One subscription's view of the world. `id` is the client's name for it."""

    id: str

    async def check(self, principal: Principal) -> None:
        """Raise NotFound or NotAllowed when `principal` may not follow it (any more)."""

    async def snapshot(self, since: int | None) -> list[ServerMessage]:
        """Read everything, or with `since` what changed after that event if that is less."""

    def changed(self, changes: Changes) -> Sequence[ServerMessage]:
        """Say what of `changes` concerns it."""


class _RunsArgs(RunQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    limit: int = 100


class RunsTopic:
    """A list of runs with filters, newest first."""

    def __init__(self, parts: Parts, id_: str, args: dict[str, Any], principal: Principal) -> None:
        self.id = id_
        self._parts = parts
        given = fit(args, _RunsArgs)
        self._limit = given.limit
        self._query = given
        self._filter = run_filter(given, principal)

    async def check(self, principal: Principal) -> None:
        authorization.check(principal, Permission.RUN_READ, self._query.project)
        self._filter = run_filter(self._query, principal)

    async def snapshot(self, since: int | None) -> list[ServerMessage]:
        if since is not None:
            missed = await self._parts.database.read(lambda rows: self._missed(rows, since))
            if missed is not None:
                return missed

        def read(rows: Rows) -> ServerMessage:
            seq = events.last_sequence(rows)
            page = runs.page(rows, self._filter, None, None, self._limit)
            items = [raw(entities.summary(run)) for run in page.items]
            return Snapshot(id=self.id, seq=seq, items=items, next_cursor=page.next_cursor)

        return [await self._parts.database.read(read)]

    def _missed(self, rows: Rows, since: int) -> list[ServerMessage] | None:
        """What changed after `since`; None when that is too much, or lies in the future."""
        last = events.last_sequence(rows)
        found = events.after(rows, since, REPLAY, EventFilter(projects=self._filter.projects))
        if since > last or len(found) == REPLAY:
            return None
        ids = {event.run for event in found if event.run is not None}
        known = runs.get_many(rows, ids)
        changed = {one: RunRow(known[one]) if one in known else None for one in ids}
        return self._messages(changed, last)

    def changed(self, changes: Changes) -> list[ServerMessage]:
        return self._messages(changes.runs, changes.seq)

    def _messages(self, changed: dict[str, RunRow | None], seq: int) -> list[ServerMessage]:
        matching, others, gone = [], [], []
        for identifier, row in changed.items():
            if row is None:
                gone.append(identifier)
            elif not concerns(self._filter, row.run):
                continue
            elif matches(self._filter, row.run):
                matching.append(row.summary)
            else:
                gone.append(identifier)
                others.append(row.summary)
        messages: list[ServerMessage] = []
        if matching:
            messages.append(Upsert(id=self.id, seq=seq, items=matching))
        if gone:
            messages.append(Remove(id=self.id, seq=seq, identifiers=gone, items=others))
        return messages


class RunTopic:
    """One run."""

    def __init__(self, parts: Parts, id_: str, run: str) -> None:
        self.id = id_
        self.run = run
        self._parts = parts

    async def check(self, principal: Principal) -> None:
        found = await self._parts.database.read(lambda rows: runs.get(rows, self.run))
        authorization.reachable(principal, Permission.RUN_READ, found, self.run)

    async def snapshot(self, since: int | None) -> list[ServerMessage]:
        del since

        def read(rows: Rows) -> ServerMessage:
            seq = events.last_sequence(rows)
            run = runs.get(rows, self.run)
            if run is None:
                raise NotFound(f"there is no run {self.run}")
            return Snapshot(id=self.id, seq=seq, item=raw(entities.run_detail(run, runs.definition(rows, run))))

        return [await self._parts.database.read(read)]

    def changed(self, changes: Changes) -> list[ServerMessage]:
        row = changes.runs.get(self.run)
        return [] if row is None else [Upsert(id=self.id, seq=changes.seq, item=row.whole)]


class WorkersTopic:
    """All workers."""

    def __init__(self, parts: Parts, id_: str) -> None:
        self.id = id_
        self._parts = parts

    async def check(self, principal: Principal) -> None:
        authorization.check(principal, Permission.WORKER_READ, None)

    async def snapshot(self, since: int | None) -> list[ServerMessage]:
        del since

        def read(rows: Rows) -> ServerMessage:
            seq = events.last_sequence(rows)
            items = [raw(one) for one in read_workers(rows)]
            return Snapshot(id=self.id, seq=seq, items=items, next_cursor=None)

        return [await self._parts.database.read(read)]

    def changed(self, changes: Changes) -> list[ServerMessage]:
        present = [row.whole for row in changes.workers.values() if row is not None]
        gone = [identifier for identifier, row in changes.workers.items() if row is None]
        messages: list[ServerMessage] = []
        if present:
            messages.append(Upsert(id=self.id, seq=changes.seq, items=present))
        if gone:
            messages.append(Remove(id=self.id, seq=changes.seq, identifiers=gone, items=[]))
        return messages


class WorkerTopic:
    """One worker."""

    def __init__(self, parts: Parts, id_: str, worker: str) -> None:
        self.id = id_
        self._worker = worker
        self._parts = parts

    async def check(self, principal: Principal) -> None:
        authorization.check(principal, Permission.WORKER_READ, None)

    async def snapshot(self, since: int | None) -> list[ServerMessage]:
        del since

        def read(rows: Rows) -> ServerMessage:
            seq = events.last_sequence(rows)
            return Snapshot(id=self.id, seq=seq, item=raw(read_worker(rows, self._worker)))

        return [await self._parts.database.read(read)]

    def changed(self, changes: Changes) -> list[ServerMessage]:
        row = changes.workers.get(self._worker)
        return [] if row is None else [Upsert(id=self.id, seq=changes.seq, item=row.whole)]
