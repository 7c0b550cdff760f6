"""Topics: what a client may follow on the live connection, and what each makes of a change.

A topic knows which changes concern it and how its snapshot is read; it knows neither sockets nor who
else follows the same. Rules: whether the caller may follow it is asked when it begins and whenever
permissions may have changed (`check`); what it reads is narrowed to what the caller may see.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Final, Protocol

import msgspec
from msgspec import structs
from sqlalchemy import Connection as Rows

from orchestra.domain.access import Permission, Principal
from orchestra.domain.errors import InvalidContent, NotFound, Problem
from orchestra.domain.ids import is_uuid
from orchestra.service import authorization, entities
from orchestra.service.authentication import Caller
from orchestra.service.listing import RunQuery, concerns, matches, run_filter
from orchestra.service.live.board import Changes, RunRow, deletions
from orchestra.service.live.log_topic import LogTopic
from orchestra.service.live.messages import Error, Remove, ServerMessage, Snapshot, Subscribe, Upsert, raw
from orchestra.service.me import read_me
from orchestra.service.overview import Overview, read_overview
from orchestra.service.parts import Parts
from orchestra.service.problems import document
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
        self._filter = run_filter(given, principal, parts.clock.now())

    async def check(self, principal: Principal) -> None:
        authorization.check(principal, Permission.RUN_READ, self._query.project)
        self._filter = run_filter(self._query, principal, self._parts.clock.now())

    async def snapshot(self, since: int | None) -> list[ServerMessage]:
        if since is not None:
            missed = await self._parts.database.read(lambda rows: self._missed(rows, since))
            if missed is not None:
                return missed
        filter_ = replace(self._filter, now=self._parts.clock.now())

        def read(rows: Rows) -> ServerMessage:
            seq = events.last_sequence(rows)
            page = runs.page(rows, filter_, None, None, self._limit)
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
        return self._messages(changed, deletions(found), last)

    def changed(self, changes: Changes) -> list[ServerMessage]:
        return self._messages(changes.runs, changes.deleted, changes.seq)

    def _messages(
        self, changed: dict[str, RunRow | None], deleted: dict[str, str | None], seq: int
    ) -> list[ServerMessage]:
        matching, others, gone = [], [], []
        now = self._parts.clock.now()
        for identifier, row in changed.items():
            if row is None:
                project = deleted.get(identifier)
                if self._filter.projects is None or project in self._filter.projects:
                    gone.append(identifier)
            elif not concerns(self._filter, row.run, now):
                continue
            elif matches(self._filter, row.run, now):
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
        if self.run not in changes.runs:
            return []
        row = changes.runs[self.run]
        if row is None:
            return [_gone(self.id, f"the run {self.run} was deleted")]
        return [Upsert(id=self.id, seq=changes.seq, item=row.whole)]


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
        if self._worker not in changes.workers:
            return []
        row = changes.workers[self._worker]
        if row is None:
            return [_gone(self.id, f"the worker {self._worker} was deleted")]
        return [Upsert(id=self.id, seq=changes.seq, item=row.whole)]


def _gone(id_: str, what: str) -> Error:
    return Error(id=id_, problem=document(NotFound(what))[0])


class OverviewTopic:
    """Counts. `again` is set when something happened; whoever waits for it calls `refresh`, not too often."""

    def __init__(self, parts: Parts, id_: str, project: str | None, principal: Principal) -> None:
        self.id = id_
        self._parts = parts
        self._project = project
        self._principal = principal
        self._sent: Overview | None = None
        self.again = asyncio.Event()

    async def check(self, principal: Principal) -> None:
        # Not RUN_READ: a run's token has that, and must not count what is not its own.
        authorization.check(principal, Permission.EVENT_READ, self._project)
        self._principal = principal

    async def snapshot(self, since: int | None) -> list[ServerMessage]:
        del since
        seq, self._sent = await self._parts.database.read(self._read)
        return [Snapshot(id=self.id, seq=seq, item=raw(self._sent))]

    async def refresh(self) -> list[ServerMessage]:
        """Count again; say nothing when nothing differs."""
        seq, found = await self._parts.database.read(self._read)
        if found == self._sent:
            return []
        self._sent = found
        return [Upsert(id=self.id, seq=seq, item=raw(found))]

    def changed(self, changes: Changes) -> list[ServerMessage]:
        del changes
        self.again.set()
        return []

    def _read(self, rows: Rows) -> tuple[int, Overview]:
        now = self._parts.clock.now()
        return events.last_sequence(rows), read_overview(rows, self._principal, self._project, now)


class MeTopic:
    """What the caller is and may."""

    def __init__(self, parts: Parts, id_: str, caller: Caller) -> None:
        self.id = id_
        self._parts = parts
        self._caller = caller

    async def check(self, principal: Principal) -> None:
        self._caller = replace(self._caller, principal=principal)

    async def snapshot(self, since: int | None) -> list[ServerMessage]:
        del since

        def read(rows: Rows) -> ServerMessage:
            me = structs.replace(read_me(rows, self._caller), csrf_token=None)
            return Snapshot(id=self.id, seq=events.last_sequence(rows), item=raw(me))

        return [await self._parts.database.read(read)]

    def changed(self, changes: Changes) -> list[ServerMessage]:
        del changes
        return []


class _ProjectArgs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    project: str | None = None


class _LogArgs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    from_: Annotated[int, msgspec.Meta(ge=1)] | None = msgspec.field(name="from", default=None)


class _NoArgs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


def make(parts: Parts, wanted: Subscribe, caller: Caller) -> Topic | LogTopic:
    """Make the topic that a client asks for.

    Raises InvalidContent for one that does not exist, NotFound for an identifier that cannot be one.
    """
    id_, args = wanted.id, wanted.args
    match wanted.topic:
        case "runs":
            return RunsTopic(parts, id_, args, caller.principal)
        case "workers":
            fit(args, _NoArgs)
            return WorkersTopic(parts, id_)
        case "overview":
            return OverviewTopic(parts, id_, fit(args, _ProjectArgs).project, caller.principal)
        case "me":
            fit(args, _NoArgs)
            return MeTopic(parts, id_, caller)
    kind, _, identifier = wanted.topic.partition(":")
    match kind:
        case "run" | "log" if not is_uuid(identifier):
            raise NotFound(f"there is no run {identifier}")
        case "run":
            fit(args, _NoArgs)
            return RunTopic(parts, id_, identifier)
        case "log":
            return LogTopic(parts, id_, identifier, fit(args, _LogArgs).from_)
        case "worker":
            fit(args, _NoArgs)
            return WorkerTopic(parts, id_, identifier)
    what = "expected runs, run:UUID, log:UUID, workers, worker:IDENTIFIER, overview or me"
    raise InvalidContent("there is no such topic", (Problem("topic", f"{what}, got {wanted.topic!r}"),))
