"""Many workers that are only sockets: they say hello, keep the heartbeat, and hold what they are given.

They live in this process, so that what a connection costs is read off the server's alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import psutil

from bench.server import Server, apply, processor_s, pss_mb, running
from bench.table import Figure
from orchestra.domain.recovery import Held, Phase
from orchestra.wire import messages as m
from orchestra.wire.worker_session import WorkerSession
from orchestra.worker.transport import WebSocketTransport, open_transport, worker_url

WORKERS = 2_000
AT_ONCE = 40
"""Connections that are made at the same time: the server ends those that wait too long for a turn."""
HELD = 1_000
IDLE_S = 20.0


def hello(name: str, *, concurrency: int = 1, held: tuple[Held, ...] = ()) -> m.Hello:
    return m.Hello(
        protocol=m.PROTOCOL,
        worker=name,
        version="0",
        installation=name,
        boot="boot",
        concurrency=concurrency,
        properties={"os": "linux", "host": name},
        held=held,
    )


class Socket:
    """One simulated worker."""

    def __init__(self, transport: WebSocketTransport, said: m.Hello) -> None:
        self._transport = transport
        self.session = WorkerSession(said, time.monotonic())
        self.assigned: list[m.Assign] = []

    async def flush(self) -> None:
        for frame in self.session.take_frames():
            await self._transport.send(frame)

    async def step(self, deadline: float | None = None) -> None:
        """Take one frame, or keep the heartbeat."""
        await self.flush()
        until = min(one for one in (self.session.next_deadline(), deadline) if one is not None)
        try:
            async with asyncio.timeout(max(0.0, until - time.monotonic())):
                frame = await self._transport.receive()
        except TimeoutError:
            self.session.tick(time.monotonic())
            return
        if frame is None:
            raise ConnectionError(f"the server ended the connection of {self.session.hello.worker}")
        for event in self.session.receive(frame, time.monotonic()):
            if isinstance(event, m.Assign):
                self.assigned.append(event)

    async def welcomed(self) -> None:
        while self.session.welcome is None:
            await self.step()

    async def live(self) -> None:
        while True:
            await self.step()

    async def close(self) -> None:
        await self._transport.close(m.CloseCode.GOING_AWAY, "")


async def connect(server: Server, token: str, said: m.Hello) -> Socket:
    url = worker_url(f"http://127.0.0.1:{server.port}")
    return Socket(await open_transport(url, token), said)


def fleet() -> Iterator[Figure]:
    """What idle connections cost, and how long one takes that comes back with a thousand runs."""
    with running("server") as server:
        token = _worker_token(server)
        yield from asyncio.run(_idle(server, token))
    with running("server") as server:
        yield from asyncio.run(_reconnection(server, _worker_token(server)))


def _worker_token(server: Server) -> str:
    wire = server.wire()
    wire.put("/api/v1/users/fleet", {"display_name": "fleet", "roles": ["Worker"]})
    secret: str = wire.post("/api/v1/users/fleet/authentications", {"description": "bench"})["secret"]
    wire.close()
    return secret


async def _idle(server: Server, token: str) -> list[Figure]:
    process = psutil.Process(server.process.pid)
    turns = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as group:
        living: list[asyncio.Task[None]] = []

        async def one(number: int) -> None:
            async with turns:
                socket = await connect(server, token, hello(f"idle-{number}"))
                await socket.welcomed()
            living.append(group.create_task(socket.live()))

        await asyncio.gather(*(one(number) for number in range(50)))
        before = pss_mb(process)
        begin = time.perf_counter()
        await asyncio.gather(*(one(number) for number in range(50, WORKERS)))
        connected_s = time.perf_counter() - begin
        await asyncio.sleep(2)  # what connecting left behind is over
        grown = (pss_mb(process) - before) * 1000 / (WORKERS - 50)
        used, begin = processor_s([process]), time.perf_counter()
        await asyncio.sleep(IDLE_S)
        share = (processor_s([process]) - used) / (time.perf_counter() - begin) * 100
        for task in living:
            task.cancel()
    return [
        Figure(f"{WORKERS:,} idle workers: memory of the server for each", "40 KB", f"{grown:.0f} KB", grown < 40),
        Figure(f"{WORKERS:,} idle workers: processor of the server", "5 % of a core", f"{share:.1f} %", share < 5),
        Figure("  their connecting, all of it", "", f"{(WORKERS - 50) / connected_s:.0f}/s"),
    ]


async def _reconnection(server: Server, token: str) -> list[Figure]:
    wire = server.wire()
    apply(wire, {"held": {"definition": {"type": "commands", "commands": [["/bin/true"]]}}})
    for _ in range(HELD):
        wire.post("/api/v1/projects/bench/jobs/held/trigger", {})
    socket = await connect(server, token, hello("holder", concurrency=HELD))
    while len(socket.assigned) < HELD:
        await socket.step()
    for run in socket.assigned:
        socket.session.tell(m.Started(run=run.run, epoch=run.epoch, date=datetime.now(UTC)))
    while wire.get("/api/v1/projects/bench/runs?status=assigned&limit=1")["items"]:
        await socket.step(time.monotonic() + 0.05)
    held = tuple(Held(run=one.run, epoch=one.epoch, phase=Phase.STARTED, log_size=0) for one in socket.assigned)
    times = []
    for _ in range(5):
        await socket.close()
        begin = time.perf_counter()
        socket = await connect(server, token, hello("holder", concurrency=HELD, held=held))
        await socket.welcomed()
        times.append(time.perf_counter() - begin)
        assert socket.session.welcome is not None and len(socket.session.welcome.verdicts) == HELD
    await socket.close()
    wire.close()
    middle = sorted(times)[2]
    return [
        Figure(
            f"a worker with {HELD:,} runs comes back, until its welcome; median of 5",
            "1 s",
            f"{middle:.2f} s",
            middle < 1,
        )
    ]
