"""The server of a world: one process at a time, with the program's own master on the world's database and disk."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from orchestra.config import ServerSettings
from orchestra.domain.access import Principal
from orchestra.master.app import Master
from orchestra.storage.artifact_store import ArtifactStore
from orchestra.storage.hints import Hints
from orchestra.storage.logs import LogStore
from orchestra.storage.trigger import Triggers
from orchestra.wire import codec
from orchestra.wire import messages as m
from simulation.history import Acknowledged, Forgotten
from simulation.world.database import ServerDatabase
from simulation.world.loop import Node
from simulation.world.network import SimTransport
from simulation.world.seams import VirtualClock, stream

if TYPE_CHECKING:
    from simulation.world.world import World

T = TypeVar("T")

INLINE_BYTES = 700
"""Small logs end early here, so that files are used, too."""


class ServerProcess:
    """One life of the server."""

    def __init__(self, world: World, incarnation: int) -> None:
        self.world = world
        self.node = Node(f"server-{incarnation}")
        self.database = ServerDatabase(world.inline, self.node, world.weather, world.buggify, committed=world.committed)
        self.hints = Hints()
        self.logs = LogStore(
            world.nowhere, self.database, files=world.disk, offload=self._offload, inline_bytes=INLINE_BYTES
        )
        self.artifacts = ArtifactStore(world.nowhere, self.database, files=world.artifact_disk, offload=self._offload)
        self.triggers = Triggers()
        self.clock = VirtualClock(world.server_skew_s, origin_s=1000.0 * incarnation)
        self.random: random.Random = stream(world.seed, "server", incarnation)
        self.master = Master(
            database=self.database,
            logs=self.logs,
            artifacts=self.artifacts,
            hints=self.hints,
            clock=self.clock,
            random=self.random,
            settings=ServerSettings(),
        )
        self.node.spawn(self._live(), "master")

    async def _live(self) -> None:
        try:
            await self.master.run()
        except Exception as error:
            self.world.history.errors.append(f"{self.node.name}: {error!r}")

    def accept(self, transport: SimTransport, worker: str) -> None:
        """A worker has connected."""
        principal = Principal(user="fleet", roles=("Worker",))
        self.node.spawn(self.master.serve_worker(transport, principal), f"link {worker}")

    def tap(self, worker: str) -> Callable[[bytes], None]:
        """Look at what the master says to a worker, beside what is durable at that moment."""

        def see(frame: bytes) -> None:
            for message in codec.decode_master_frame(frame):
                match message:
                    case m.Acknowledge():
                        self.world.record(
                            Acknowledged(
                                at=self.world.time(),
                                run=message.run,
                                epoch=message.epoch,
                                offset=message.offset,
                                durable=self.world.durable(message.run),
                            )
                        )
                    case m.Forget():
                        self._see_forget(message.run, message.epoch, worker)
                    case m.Welcome():
                        for verdict in message.verdicts:
                            if verdict.action == "forget":
                                self._see_forget(verdict.run, verdict.epoch, worker)
                    case _:
                        pass

        return see

    def _see_forget(self, run: str, epoch: int, worker: str) -> None:
        world = self.world
        status, row_epoch, row_worker = world.row(run)
        world.record(
            Forgotten(
                at=world.time(),
                run=run,
                epoch=epoch,
                worker=worker,
                status=status,
                row_epoch=row_epoch,
                row_worker=row_worker,
                durable=world.durable(run),
                on_worker=world.on_worker(worker, run, epoch),
                missing_files=world.missing_files(worker, run, epoch),
            )
        )

    async def _offload(self, function: Callable[[], T]) -> T:
        """What a thread of the real server does to the disk."""
        self.node.check()
        await asyncio.sleep(self.world.weather.disk_latency())
        self.node.check()
        result = function()
        await asyncio.sleep(self.world.weather.disk_latency())
        self.node.check()
        return result

    async def call(self, work: Callable[[ServerProcess], Awaitable[T]]) -> T:
        """A request of a client: it is worked on here, and its answer is lost when the process dies."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        async def handle() -> None:
            try:
                result = await work(self)
            except Exception as error:
                if not future.done():
                    future.set_exception(error)
            else:
                if not future.done():
                    future.set_result(result)

        def died() -> None:
            if not future.done():
                future.set_exception(ConnectionResetError("the server died"))

        self.node.on_kill.append(died)
        self.node.spawn(handle(), "request")
        return await future
