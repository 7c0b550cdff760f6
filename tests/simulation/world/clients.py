"""Clients of a world: they trigger with keys and repeat what was not answered, cancel, abort, look, and switch workers.

Storage functions are called as the web API calls them. What is not answered in time is `info`:
nobody knows whether it happened (Jepsen's rule).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from orchestra.domain import ids
from orchestra.domain.errors import NotFound, OrchestraError, OutcomeUnknown
from orchestra.domain.run import Run
from orchestra.storage import hints, log_chunks, runs, workers
from orchestra.storage.run_wishes import WishOutcome
from orchestra.storage.trigger import Trigger
from simulation.history import Answered, Invoked, Seen
from simulation.world.seams import stream
from simulation.world.server import ServerProcess

if TYPE_CHECKING:
    from simulation.world.swarm import Job
    from simulation.world.world import World


class Kind(Enum):
    """What became of a request."""

    OK = auto()
    REFUSED = auto()
    """404 or 409: asking again gives the same answer."""
    NOT_DONE = auto()
    """It certainly did not happen; ask again."""
    UNKNOWN = auto()


ANSWER_S = 10.0
TRIES = 40


class Client:
    """One client with its stream of requests."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self._chance: random.Random = stream(world.seed, "client", name)
        self._mine: list[str] = []

    async def work(self, triggers: int, until: float) -> None:
        """Trigger so many runs until then, and do this and that to them."""
        async with asyncio.TaskGroup() as group:
            for number in range(triggers):
                group.create_task(self._trigger_at(self._chance.uniform(0, until), f"{self.name}-{number}"))
            for _ in range(triggers // 2):
                group.create_task(self._meddle_at(self._chance.uniform(5, until)))
            group.create_task(self._look(until + 60))

    # --- triggers ---

    async def _trigger_at(self, when: float, key: str) -> None:
        await asyncio.sleep(when)
        job = self._chance.choice(self.world.swarm.jobs)
        for _ in range(TRIES):
            kind, run = await self._request("trigger", lambda server: trigger(server, job.identifier, key), job, key)
            if kind is Kind.OK and run is not None:
                self._mine.append(run.identifier)
                if self._chance.random() < 0.15:
                    # A race with the assignment.
                    await asyncio.sleep(self._chance.uniform(0, 0.05))
                    await self._wish(self._chance.choice(("cancel", "abort")), run.identifier)
                if self._chance.random() < 0.2:
                    await self._request("trigger", lambda server: trigger(server, job.identifier, key), job, key)
                return
            await asyncio.sleep(self._chance.uniform(0.1, 4))

    # --- wishes ---

    async def _meddle_at(self, when: float) -> None:
        await asyncio.sleep(when)
        draw = self._chance.random()
        if draw < 0.15:
            await self._switch_worker()
        elif self._mine:
            run = self._chance.choice(self._mine[-4:])
            await self._wish("cancel" if draw < 0.55 else "abort", run)

    async def _wish(self, action: str, run: str) -> None:
        for _ in range(5):
            kind, _ = await self._request(action, lambda server: wish(server, action, run), run=run)
            if kind in (Kind.OK, Kind.REFUSED):
                return
            await asyncio.sleep(self._chance.uniform(0.1, 4))

    async def _switch_worker(self) -> None:
        worker = self._chance.choice(self.world.swarm.machine_names)
        if self._chance.random() < 0.3:
            await self._request("disconnect", lambda server: disconnect(server, worker), worker=worker)
            return
        await self._switch("disable", worker)
        await asyncio.sleep(self._chance.uniform(5, 40))
        await self._switch("enable", worker)

    async def _switch(self, action: str, worker: str) -> None:
        for _ in range(TRIES):
            kind, _ = await self._request(
                action, lambda server: enable(server, worker, is_enabled=action == "enable"), worker=worker
            )
            if kind is Kind.OK:
                return
            await asyncio.sleep(self._chance.uniform(0.5, 5))

    async def stop_endless(self) -> None:
        """Like an operator: end what would go on for ever, until nothing of it is left."""
        while True:
            live = self.world.live_runs("endless")
            if not live:
                return
            for run, status in live:
                await self._wish("cancel" if status == "pending" else "abort", run)
            await asyncio.sleep(10)

    # --- reading ---

    async def _look(self, until: float) -> None:
        while self.world.time() < until:
            await asyncio.sleep(self._chance.uniform(2, 8))
            if not self._mine:
                continue
            run = self._chance.choice(self._mine)
            server = self.world.server
            if server is None:
                continue
            try:
                async with asyncio.timeout(ANSWER_S):
                    found, size = await server.call(partial(look, run=run))
            except (OrchestraError, ConnectionError, TimeoutError):
                continue
            if found is not None:
                self.world.record(
                    Seen(
                        at=self.world.time(),
                        client=self.name,
                        run=run,
                        status=found.status,
                        epoch=found.epoch,
                        log_size=size,
                    )
                )

    # --- one request ---

    async def _request(
        self,
        action: str,
        work: Callable[[ServerProcess], Awaitable[Run | None]],
        job: Job | None = None,
        key: str = "",
        *,
        run: str = "",
        worker: str = "",
    ) -> tuple[Kind, Run | None]:
        """Send one request and record what became of it."""
        world = self.world
        operation = world.next_operation()
        world.record(
            Invoked(
                at=world.time(),
                operation=operation,
                client=self.name,
                action=action,
                key=key,
                job="" if job is None else job.identifier,
                run=run,
                worker=worker,
            )
        )
        kind, answer = await self._send(work)
        world.record(
            Answered(
                at=world.time(),
                operation=operation,
                outcome={Kind.OK: "ok", Kind.UNKNOWN: "info"}.get(kind, "fail"),
                run="" if answer is None else answer.identifier,
                status="" if answer is None else answer.status,
            )
        )
        return kind, answer

    async def _send(self, work: Callable[[ServerProcess], Awaitable[Run | None]]) -> tuple[Kind, Run | None]:
        server = self.world.server
        if server is None:
            return Kind.NOT_DONE, None
        try:
            await asyncio.sleep(self._chance.uniform(0.001, 0.05))
            async with asyncio.timeout(ANSWER_S):
                return Kind.OK, await server.call(work)
        except (OutcomeUnknown, ConnectionError, TimeoutError):
            return Kind.UNKNOWN, None
        except RefusedError:
            return Kind.REFUSED, None
        except OrchestraError:
            return Kind.NOT_DONE, None


class RefusedError(OrchestraError):
    """The API answers 404 or 409."""

    code = "refused"


async def trigger(server: ServerProcess, job: str, key: str) -> Run:
    """POST /projects/world/jobs/{job}/trigger with an Idempotency-Key."""
    asked = runs.IdempotencyKey(principal="client", project="world", job=job, key=key)
    now = server.clock.now()
    wanted = Trigger(
        identifier=ids.uuid7(now, server.random.getrandbits(ids.RANDOM_BITS)),
        project="world",
        job=job,
        parameters={},
        source={"type": "user", "user": "client"},
        actor="client",
    )

    def write(connection: Connection) -> Run | OrchestraError:
        known = runs.find_idempotent(connection, asked, {})
        if known is not None:
            return known
        created = server.triggers.trigger(connection, wanted, now)
        if isinstance(created, Run):
            runs.remember_idempotent(connection, asked, {}, created.identifier, now)
        return created

    run = await server.database.write(write)
    if isinstance(run, OrchestraError):
        raise run
    server.hints.publish(hints.PENDING)
    server.hints.publish(hints.EVENT)
    return run


async def wish(server: ServerProcess, action: str, run: str) -> Run:
    """POST /runs/{run}/cancel or /abort."""
    now = server.clock.now()
    request = runs.request_cancel if action == "cancel" else runs.request_abort
    try:
        made = await server.database.write(lambda connection: request(connection, run, "client", now))
    except NotFound as error:
        raise RefusedError(error.detail) from error
    if made.outcome is WishOutcome.REFUSED:
        raise RefusedError(made.reason or "")
    if made.run.worker is not None:
        server.hints.publish(hints.wish(made.run.worker))
    server.hints.publish(hints.EVENT)
    server.hints.publish(hints.PENDING)
    return made.run


async def enable(server: ServerProcess, worker: str, *, is_enabled: bool) -> None:
    """PATCH /workers/{worker}."""
    now = server.clock.now()
    await _patch(server, worker, lambda connection: workers.patch(connection, worker, now, is_enabled=is_enabled))


async def disconnect(server: ServerProcess, worker: str) -> None:
    """POST /workers/{worker}/disconnect."""
    now = server.clock.now()
    await _patch(server, worker, lambda connection: workers.patch(connection, worker, now, should_disconnect=True))


async def _patch(server: ServerProcess, worker: str, write: Callable[[Connection], object]) -> None:
    try:
        await server.database.write(write)
    except NotFound as error:
        raise RefusedError(error.detail) from error
    server.hints.publish(hints.wish(worker))
    server.hints.publish(hints.PENDING)


async def look(server: ServerProcess, run: str) -> tuple[Run | None, int]:
    """GET /runs/{run} and the size of its log."""
    return await server.database.read(
        lambda connection: (runs.get(connection, run), log_chunks.offset(connection, run))
    )
