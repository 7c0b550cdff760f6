"""A real master on a database in memory, and scripted workers that speak the real protocol; all in virtual time."""

import asyncio
import contextlib
import hashlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection

from orchestra.config import ServerSettings
from orchestra.domain.access import Principal
from orchestra.domain.artifact import Artifact, ArtifactFile
from orchestra.domain.run import Run
from orchestra.domain.worker import Worker
from orchestra.master.app import Master
from orchestra.storage import artifacts, events, hints, jobs, projects, runs, users, workers
from orchestra.storage.artifact_store import ArtifactStore
from orchestra.storage.database import InlineDatabase, Moment
from orchestra.storage.events import Event
from orchestra.storage.hints import Hints
from orchestra.storage.logs import LogStore
from orchestra.wire import codec, worker_session
from orchestra.wire import messages as m
from orchestra.wire.closing import Closed
from orchestra.wire.worker_session import WorkerSession
from support import conversation, stored
from support.virtual_time import VirtualClock, pass_time, run_virtually, settle

T = TypeVar("T")
M = TypeVar("M")

RUN = conversation.run_id(1)
MACHINES = Principal(user="machines", roles=("Worker",))


class MemoryTransport:
    """The master's end of a connection; the worker's end reads `sent` and puts into `frames`."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.sent: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.closed: tuple[int, str] | None = None
        self.is_stuck = False
        """The other end does not read, or a firewall swallows everything."""

    async def send(self, frame: bytes) -> None:
        if self.closed is not None:
            raise ConnectionError("closed")
        if self.is_stuck:
            await asyncio.Event().wait()
        self.sent.put_nowait(frame)

    async def receive(self) -> bytes | None:
        return await self.frames.get()

    async def close(self, code: int, reason: str) -> None:
        if self.closed is None:
            self.closed = (int(code), reason)
            self.frames.put_nowait(None)
            self.sent.put_nowait(None)


class World:
    """`master` runs while the world is open; `workers` are those that `connect` made."""

    def __init__(self, folder: Path, settings: ServerSettings) -> None:
        self.clock = VirtualClock(asyncio.get_running_loop())
        self.settings = settings
        self.writes = 0
        self.fails: Callable[[Moment], None] = lambda moment: None
        self.database = InlineDatabase(self._hook)
        self._folder = folder
        self._mastering: asyncio.Task[None] | None = None
        self.workers: list[WorkerEnd] = []
        self.artifacts_fail: Callable[[], None] = lambda: None
        """Raises what the disk of artifacts says."""
        self.disk = asyncio.Event()
        """Cleared: what is written to log files waits."""
        self.disk.set()

    async def _on_disk(self, function: Callable[[], T]) -> T:
        await self.disk.wait()
        return function()

    async def _on_artifact_disk(self, function: Callable[[], T]) -> T:
        await self.disk.wait()
        self.artifacts_fail()
        return function()

    def _hook(self, moment: Moment) -> None:
        if moment is Moment.BEFORE_COMMIT:
            self.writes += 1
        self.fails(moment)

    async def start(self) -> None:
        """Start a master process: everything in its memory is new."""
        self.hints = Hints()
        self.logs = LogStore(self._folder / "logs", self.database, offload=self._on_disk)
        self.artifacts = ArtifactStore(self._folder / "artifacts", self.database, offload=self._on_artifact_disk)
        self.master = Master(
            database=self.database,
            logs=self.logs,
            artifacts=self.artifacts,
            hints=self.hints,
            clock=self.clock,
            random=random.Random(1),
            settings=self.settings,
        )
        self._mastering = asyncio.create_task(self.master.run())
        await self.master.answers.wait()
        await settle()

    async def stop(self) -> None:
        """Stop the master as a signal would."""
        if self._mastering is not None:
            self._mastering.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._mastering
            self._mastering = None

    async def close(self) -> None:
        await self.stop()
        for worker in self.workers:
            await worker.close()
        await self.database.close()

    # Workers

    async def connect(self, name: str = "w1", principal: Principal = MACHINES, **fields: Any) -> "WorkerEnd":
        """A worker connects and says hello; whatever follows has happened when this returns."""
        worker = self.new_worker(worker=name, **fields)
        worker.connect_now(principal)
        await settle()
        return worker

    def new_worker(self, **fields: Any) -> "WorkerEnd":
        """A worker that does not connect yet."""
        installation = f"disk of {fields['worker']}"
        worker = WorkerEnd(self, conversation.hello(**{"installation": installation, **fields}))
        self.workers.append(worker)
        return worker

    # Rows

    async def read(self, function: Callable[[Connection], T]) -> T:
        return await self.database.read(function)

    async def write(self, function: Callable[[Connection], T], *topics: str) -> T:
        """As the service does it: commit, then publish, then everything that follows happens."""
        result = await self.database.write(function)
        for topic in topics:
            self.hints.publish(topic)
        await settle()
        return result

    async def furnish(self, **job: Any) -> None:
        """A project `web` with a job `build`, and the user of the workers."""

        def furnish(connection: Connection) -> None:
            projects.save(connection, stored.a_project(services={"db": {"host": "x"}}), self.clock.now())
            jobs.save(connection, stored.a_job(**job), self.clock.now())
            users.save(connection, stored.a_user("machines", roles=("Worker",)), self.clock.now())

        await self.database.write(furnish)

    async def trigger(self, number: int = 1, **values: Any) -> Run:
        """A new run; whatever follows from it has happened when this returns."""
        new = stored.a_new_run(**{"identifier": conversation.run_id(number), **values})
        now = self.clock.now()
        return await self.write(lambda connection: runs.insert(connection, new, now), hints.PENDING)

    async def run(self, identifier: str = RUN) -> Run:
        found = await self.read(lambda connection: runs.get(connection, identifier))
        assert found is not None
        return found

    async def worker(self, name: str = "w1") -> Worker:
        found = await self.read(lambda connection: workers.get(connection, name))
        assert found is not None
        return found

    async def events(self) -> list[Event]:
        return await self.read(lambda connection: events.after(connection, 0))

    async def left(self, identifier: str = RUN) -> dict[str, Artifact]:
        """What the run left, by path."""
        page = await self.read(lambda connection: artifacts.page(connection, identifier))
        return {one.path: one for one in page.items}

    async def content(self, artifact: Artifact) -> bytes:
        """The bytes that the server has of it."""
        return await self.artifacts.read(artifact.sha256, 0, artifact.size)

    async def log(self, identifier: str = RUN) -> bytes:
        return await self.logs.read(identifier, 0, await self.logs.size(identifier))


class WorkerEnd:
    """A scripted worker: its session, what it heard, and its spool."""

    def __init__(self, world: World, hello: m.Hello) -> None:
        self.world = world
        self.session = WorkerSession(hello, world.clock.monotonic())
        self.events: list[worker_session.Event] = []
        self.spool: dict[tuple[str, int], bytes] = {}
        self.files: dict[str, bytes] = {}
        """What it kept of its runs, by SHA-256."""
        self.read: list[tuple[str, int, int]] = []
        """Which bytes of them it was asked for: (SHA-256, offset, size)."""
        self.transport = MemoryTransport()
        self.is_silent = False
        """The network swallows everything, and tells nobody."""
        self.is_cut = False
        self._tasks: list[asyncio.Task[None]] = []
        self._timer: asyncio.TimerHandle | None = None

    def connect_now(self, principal: Principal = MACHINES) -> None:
        """Connect and say hello; what follows happens when the loop gets its turn."""
        self._tasks.append(asyncio.create_task(self.world.master.serve_worker(self.transport, principal)))
        self._tasks.append(asyncio.create_task(self._pump()))
        self.flush()
        self._tick()

    async def close(self) -> None:
        """The connection is cut, and both ends notice."""
        self.is_cut = True
        self.transport.frames.put_nowait(None)
        self.transport.sent.put_nowait(None)
        await asyncio.wait(self._tasks)
        for task in self._tasks:
            task.result()

    def flush(self) -> None:
        """Send what there is to say, log bytes included."""
        while wants := self.session.wants():
            for want in wants:
                data = self.spool[want.run, want.epoch][want.offset : want.offset + want.max_bytes]
                self.session.feed(want.run, want.epoch, want.offset, data)
            self._send()
        while (wanted := self.session.artifact_want()) is not None:
            kept = self.files.get(wanted.sha256, b"")[wanted.offset : wanted.offset + wanted.max_bytes]
            self.read.append((wanted.sha256, wanted.offset, len(kept)))
            self.session.feed_artifact(wanted, kept, None if kept else "it is gone")
            self._send()
        self._send()

    async def say(self, *facts: worker_session.Fact) -> None:
        """Tell facts, and let everything happen that follows."""
        for fact in facts:
            assert self.session.tell(fact)
        self.flush()
        await settle()

    async def send(self, *messages: m.Message) -> None:
        """Send messages past the session, as a broken worker would."""
        self.transport.frames.put_nowait(codec.encode(messages))
        await settle()

    async def write(self, log: bytes, run: str = RUN, epoch: int = 1) -> None:
        """The run's log in the spool is `log` now."""
        self.spool[run, epoch] = log
        self.session.log_ready(run, epoch, len(log))
        self.flush()
        await settle()

    async def carry_out(self, run: str = RUN, epoch: int = 1, log: bytes = b"", **fields: Any) -> None:
        """Start and finish a run in one go."""
        self.spool[run, epoch] = log
        assert self.session.tell(conversation.started(run, epoch))
        self.session.log_ready(run, epoch, len(log))
        assert self.session.tell(conversation.finished(run, epoch, log, **fields))
        self.flush()
        await settle()

    def keep(self, files: Mapping[str, bytes], run: str = RUN, epoch: int = 1) -> m.Listed:
        """Have files of a run, by path; return what says so."""
        self.files |= {sha256(data): data for data in files.values()}
        listed = tuple(ArtifactFile(path, len(data), sha256(data)) for path, data in files.items())
        return m.Listed(run=run, epoch=epoch, files=listed)

    async def leave(self, files: Mapping[str, bytes], run: str = RUN, epoch: int = 1, **fields: Any) -> None:
        """Start and finish a run that leaves files."""
        fields = {"artifact_count": len(files), **fields}
        listed = self.keep(files, run, epoch)
        await self.say(conversation.started(run, epoch), listed, conversation.finished(run, epoch, **fields))

    def heard(self, kind: type[M]) -> list[M]:
        """What of `kind` was heard, in order."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def closed(self) -> Closed | None:
        return self.session.closed

    def _send(self) -> None:
        for frame in self.session.take_frames():
            if not self.is_silent:
                self.transport.frames.put_nowait(frame)

    async def _pump(self) -> None:
        while (frame := await self.transport.sent.get()) is not None:
            if self.is_silent:
                continue
            heard = self.session.receive(frame, self.world.clock.monotonic())
            self.events.extend(heard)
            self.flush()
            if any(isinstance(event, m.Welcome) for event in heard):
                self._tick()

    def _tick(self) -> None:
        self.events.extend(self.session.tick(self.world.clock.monotonic()))
        self._send()
        deadline = self.session.next_deadline()
        if self._timer is not None:
            self._timer.cancel()
        if deadline is not None and self.transport.closed is None:
            delay = max(deadline - self.world.clock.monotonic(), 0.001)
            self._timer = asyncio.get_running_loop().call_later(delay, self._tick)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextlib.asynccontextmanager
async def opened(folder: Path, settings: ServerSettings | None = None) -> AsyncIterator[World]:
    world = World(folder, settings or ServerSettings())
    await world.start()
    try:
        yield world
    finally:
        await world.close()


PATIENT = ServerSettings(audit_s=3600.0, authority_s=60.0)
"""For stories of days: what happens by itself happens seldom."""


def story(test: Callable[[World], Awaitable[None]], settings: ServerSettings | None = None) -> Callable[[Path], None]:
    """Make an async test of a world one that pytest calls."""

    async def tell(folder: Path) -> None:
        async with opened(folder, settings) as world:
            await test(world)

    def wrapper(tmp_path: Path) -> None:
        run_virtually(tell(tmp_path))

    wrapper.__name__ = getattr(test, "__name__", "story")
    wrapper.__doc__ = test.__doc__
    return wrapper


def long_story(test: Callable[[World], Awaitable[None]]) -> Callable[[Path], None]:
    """A `story` with `PATIENT` settings."""
    return story(test, PATIENT)


__all__ = ["MACHINES", "RUN", "WorkerEnd", "World", "opened", "pass_time", "settle", "sha256", "story"]
