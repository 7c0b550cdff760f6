"""Master: the composition root of everything that gives runs to workers and hears of them.

    master = Master(database=…, logs=…, artifacts=…, hints=…, clock=…, random=…, settings=…)
    await master.run()                                     until cancelled: the tasks below
    await master.serve_worker(transport, principal)        for each connection, in its owner's task

    run ─┬─ dispatcher
         ├─ reaper
         ├─ wishes       one waiter for the wishes of all workers; wakes their links
         └─ authority    who is connected and may no longer be; what the database could not take before

At the start nobody is connected, whatever the rows say. At the end every worker hears a goodbye; its
runs go on.
"""

import asyncio
from typing import Final

from sqlalchemy import Connection

from orchestra.config import ServerSettings
from orchestra.domain.access import Principal
from orchestra.domain.errors import Unavailable
from orchestra.master import authority
from orchestra.master.dispatcher import Dispatcher
from orchestra.master.link import Link
from orchestra.master.reaper import Reaper
from orchestra.master.registry import Links
from orchestra.master.seams import Clock, Parts, Randomness, Transport
from orchestra.storage import authentications, hints, workers
from orchestra.storage.artifact_store import ArtifactStore
from orchestra.storage.database import Database
from orchestra.storage.hints import Hints
from orchestra.storage.logs import LogStore
from orchestra.telemetry import LogEvent, emit
from orchestra.wire.messages import CloseCode

GOODBYE_S: Final = 3.0
"""How long links may take to end when the server stops."""
SEEN_S: Final = 60.0
"""How often the rows of connected workers note that they are seen."""
RETRY_S: Final = 1.0


class Master:
    """One server's master. `parts` is public for what stands beside it (the listener, simulated worlds)."""

    def __init__(
        self,
        *,
        database: Database,
        logs: LogStore,
        artifacts: ArtifactStore,
        hints: Hints,
        clock: Clock,
        random: Randomness,
        settings: ServerSettings,
    ) -> None:
        self.parts = Parts(
            database=database,
            logs=logs,
            artifacts=artifacts,
            hints=hints,
            clock=clock,
            random=random,
            settings=settings,
        )
        self._wishes = hints.subscribe([])
        self._links = Links(self._wishes, clock.monotonic())
        self._serving: dict[Link, None] = {}
        self._dispatcher = Dispatcher(self.parts, self._links)
        self._reaper = Reaper(self.parts, self._links)
        self._seen = clock.monotonic()
        self.answers = asyncio.Event()
        """Set while workers are served."""

    async def run(self) -> None:
        """Run until cancelled, then say goodbye to the workers."""
        await self._begin()
        self.answers.set()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._dispatcher.run(), name="dispatcher")
                group.create_task(self._reaper.run(), name="reaper")
                group.create_task(self._watch_wishes(), name="wishes")
                group.create_task(self._watch_authority(), name="authority")
        finally:
            self.answers.clear()
            await self._say_goodbye()
            self._wishes.close()

    async def _begin(self) -> None:
        """Let the rows say that nobody is connected. A database that is away for a moment ends no server."""

        def deactivate(connection: Connection) -> None:
            workers.deactivate_all(connection, self.parts.clock.now())

        while True:
            try:
                await self.parts.database.write(deactivate)
                self._links.begin(self.parts.clock.monotonic())
            except Unavailable as error:
                emit(LogEvent.TASK_FAILED, task="start", error=error.detail)
                await asyncio.sleep(RETRY_S)
            else:
                return

    async def serve_worker(self, transport: Transport, principal: Principal) -> None:
        """Serve one connection of a worker until it ends. Raises nothing but what cancels it."""
        if not self.answers.is_set():
            await transport.close(CloseCode.TRY_LATER, "the server starts or stops; try again soon")
            return
        link = Link(transport, principal, self.parts, self._links)
        self._serving[link] = None
        try:
            await link.serve()
        except Exception as error:
            emit(LogEvent.WORKER_FAILED, worker=link.worker, error=error)
            await transport.close(CloseCode.INTERNAL, "the server failed; its log says more")
        finally:
            self._serving.pop(link, None)

    def connected(self) -> int:
        """Return how many workers are connected now."""
        return len(self._links)

    def away_s(self, worker: str) -> float:
        """Return for how many seconds this server knows a worker to be away; 0 while it is connected here."""
        if self._links.of(worker) is not None:
            return 0.0
        return self.parts.clock.monotonic() - self._links.away_since(worker)

    async def _watch_wishes(self) -> None:
        """Wake the links whose workers somebody wishes something of; all of them at the audit."""
        while True:
            try:
                async with asyncio.timeout(self.parts.settings.audit_s):
                    topics = await self._wishes.wait()
            except TimeoutError:
                for link in self._links:
                    link.look_at_wishes()
                continue
            for topic in topics:
                wished = self._links.by_topic(topic)
                if wished is not None:
                    wished.look_at_wishes()

    async def _watch_authority(self) -> None:
        """Close connections that are no longer allowed, and try again what the database could not take."""
        with self.parts.hints.subscribe([hints.ACCESS]) as subscription:
            while True:
                await authority.wait_for_doubt(subscription, self.parts.settings.authority_s)
                try:
                    await authority.check(self.parts, tuple(self._serving))
                    await self._pay_debts()
                    await self._note_seen()
                except Unavailable as error:
                    emit(LogEvent.TASK_FAILED, task="authority", error=error.detail)
                except Exception as error:
                    emit(LogEvent.TASK_FAILED, task="authority", error=error)

    async def _pay_debts(self) -> None:
        while self._links.owed:
            await self.parts.database.write(self._links.owed[0])
            self._links.owed.pop(0)
            self.parts.hints.publish(hints.PENDING)
            self.parts.hints.publish(hints.EVENT)

    async def _note_seen(self) -> None:
        if self.parts.clock.monotonic() < self._seen + SEEN_S:
            return
        self._seen = self.parts.clock.monotonic()
        sessions = {one.worker: one.number for one in self._links}
        now = self.parts.clock.now()
        # A token that nobody uses dies (`authentications.UNUSED`); a connection that lasts for months uses it.
        used = {one.principal.authentication for one in self._links if one.principal.authentication is not None}

        def note(connection: Connection) -> None:
            workers.seen(connection, sessions, now)
            for identifier in used:
                authentications.used(connection, identifier, now)

        if sessions:
            await self.parts.database.write(note)

    async def _say_goodbye(self) -> None:
        serving = tuple(self._serving)
        for link in serving:
            link.close(CloseCode.GOING_AWAY, "the server stops; runs go on")
        try:
            async with asyncio.timeout(GOODBYE_S):
                for link in serving:
                    await link.gone.wait()
        except TimeoutError:
            return
