"""One world from its seed: it is built, it suffers, it is healed, it must end; what happened is its history."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import shutil
import tempfile
from collections.abc import Callable, Coroutine
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Executable, select

from orchestra.domain.project import Project
from orchestra.domain.run import TERMINAL
from orchestra.domain.user import User
from orchestra.storage import jobs, projects, schema, users
from orchestra.storage.database import InlineDatabase
from orchestra.worker.requests import RunKey
from simulation.history import Changed, Entry, FinalRun, History, Linked, Note
from simulation.world.artifacts import SimArtifactFiles
from simulation.world.clients import Client
from simulation.world.database import at_once
from simulation.world.disk import SimFiles
from simulation.world.loop import NODE, DeadlockError, SimLoop
from simulation.world.machine import Machine
from simulation.world.nemesis import Nemesis
from simulation.world.network import Network
from simulation.world.seams import BEGINNING, Buggify, stream
from simulation.world.server import ServerProcess
from simulation.world.swarm import Swarm

QUIET_S: Final = 400.0
"""How long nothing may happen to any run of a healed world that has not ended: longest job, absence and pause."""
LONGEST_QUIET_S: Final = 2000.0
"""How long a healed world may take in all: some forty runs of half a minute on one slot."""
DATE_S: Final = 1e-5
"""How exact the program's dates are, with room for a moment that is two of the loop's."""
LOOK_S: Final = 20.0
"""How often every log is compared with the truth."""


class Weather:
    """How the database does, and when it does not."""

    def __init__(self, seed: int, swarm: Swarm, now: Callable[[], float]) -> None:
        self._chance: random.Random = stream(seed, "weather")
        self._swarm = swarm
        self._now = now
        self._is_calm = False
        self.down_until = 0.0
        self.slow_until = 0.0

    def latency(self) -> float:
        """Seconds that a step of the database takes."""
        mean = 0.0005 if self._is_calm else self._swarm.database_latency_s
        return self._chance.uniform(0, 2 * mean)

    def disk_latency(self) -> float:
        """Seconds that the server's disk takes for something: many while it is slow."""
        return self._chance.uniform(0, 4) if self._now() < self.slow_until else self.latency()

    def fails(self) -> bool:
        """The database refuses."""
        if self._is_calm:
            return False
        return self._now() < self.down_until or self._chance.random() < self._swarm.database_failure

    def hides_commit(self) -> bool:
        """The commit happens and nobody is told."""
        return not self._is_calm and self._chance.random() < self._swarm.hidden_commit

    def calm(self) -> None:
        """Nothing goes wrong any more."""
        self._is_calm = True
        self.slow_until = 0.0


class World:
    """Everything of one seed."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed = seed
        self.swarm = Swarm(seed)
        self.loop = SimLoop(seed)
        self.chance: random.Random = stream(seed, "world")
        self.buggify = Buggify(seed)
        self.history = History()
        self.inline = InlineDatabase()
        self._sqlite: Any = self.inline._connection.connection.driver_connection
        self.disk = SimFiles(stream(seed, "disk"))
        self.artifact_disk = SimArtifactFiles(stream(seed, "artifact disk"))
        self.nowhere = folder / "nowhere"
        self.weather = Weather(seed, self.swarm, self.time)
        self.server: ServerProcess | None = None
        self.machines = {
            name: Machine(self, name, folder / name, self.swarm.slots[name], self.swarm.properties[name])
            for name in self.swarm.machine_names
        }
        self.impostors: list[Machine] = []
        """Machines whose workers claim the name of another one's."""
        self.server_skew_s = self.swarm.skew("server")
        self._server_skews = [(0.0, self.server_skew_s)]
        """Since when the server's clock is wrong by how much."""
        self.network = Network(self)
        self.listeners: list[Callable[[Entry], None]] = []
        self._works: set[asyncio.Task[None]] = set()
        self._incarnation = 0
        self._operations = 0
        self._last_event = 0
        self._changed_at = 0.0
        self._is_over = False

    # --- what the parts of the world need ---

    def time(self) -> float:
        """True seconds since the beginning."""
        return self.loop.time()

    def record(self, entry: Entry) -> None:
        """Something happened."""
        self.history.entries.append(entry)
        for listener in self.listeners:
            listener(entry)

    def note(self, who: str, text: str) -> None:
        """Something that readers want to know."""
        self.record(Note(at=self.time(), who=who, text=text))

    def next_operation(self) -> int:
        """A number for a client's request."""
        self._operations += 1
        return self._operations

    def later(self, delay_s: float, action: Callable[[], None]) -> None:
        """Do something when that time has passed, whoever is alive then."""

        def act() -> None:
            if not self._is_over:
                action()

        token = NODE.set(None)
        try:
            self.loop.call_later(delay_s, act)
        finally:
            NODE.reset(token)

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Start something that belongs to no process."""
        token = NODE.set(None)
        try:
            task = self.loop.create_task(work)
        finally:
            NODE.reset(token)
        self._works.add(task)
        task.add_done_callback(self._works.discard)

    def committed(self) -> None:
        """A transaction was committed: note the changes of runs."""
        for sequence, date, kind, run, number, worker, text in self._raw(_NEW_EVENTS, self._last_event):
            self._last_event = sequence
            if run is None:
                if kind == "worker.rejected":
                    self.note(worker, "another data folder claims the name, and is refused")
                if kind in ("worker.connected", "worker.disconnected"):
                    assert self.server is not None
                    since = self._true_time(datetime.fromisoformat(date))
                    is_connected = kind == "worker.connected"
                    self.record(Linked(at=self.time(), worker=worker, is_connected=is_connected, since=since))
                continue
            self.history.numbers.setdefault(run, []).append(number)
            data = json.loads(text)
            if "to" not in data:
                continue
            self._changed_at = self.time()
            self.record(
                Changed(
                    at=self.time(),
                    run=run,
                    number=number,
                    before=data["from"] or "",
                    after=data["to"],
                    epoch=data["epoch"],
                    worker=worker or "",
                    cause=data["cause"]["code"],
                )
            )

    def skew_server(self, by_s: float) -> None:
        """Somebody sets the server's clock."""
        self.server_skew_s += by_s
        self._server_skews.append((self.time(), self.server_skew_s))
        if self.server is not None:
            self.server.clock.skew_s += by_s

    def _true_time(self, date: datetime) -> float:
        """When the server's clock showed `date`, perhaps before it was set; the earliest moment if it did twice."""
        shown = (date - BEGINNING).total_seconds()
        ends = [begin for begin, _ in self._server_skews[1:]] + [self.time()]
        times = [(shown - skew, begin, end) for (begin, skew), end in zip(self._server_skews, ends, strict=True)]
        fitting = [at for at, begin, end in times if begin - DATE_S <= at <= end + DATE_S]
        return fitting[0] if fitting else self.time()

    def row(self, run: str) -> tuple[str, int, str]:
        """Status, epoch and worker of the run's row now."""
        for status, epoch, worker in self._raw("SELECT status, epoch, worker FROM run WHERE identifier = ?", run):
            return status, epoch, worker or ""
        return "", -1, ""

    def is_known(self, worker: str) -> bool:
        """Whether the worker has ever connected."""
        return bool(self._raw("SELECT 1 FROM worker WHERE identifier = ?", worker))

    def installation(self, worker: str) -> str:
        """Which data folder the server knows under the worker's name."""
        return str(self._raw("SELECT installation FROM worker WHERE identifier = ?", worker)[0][0])

    def live_runs(self, job: str) -> list[tuple[str, str]]:
        """Runs of a job that have not ended, with their status."""
        return self._raw("SELECT identifier, status FROM run WHERE job = ? AND completion_date IS NULL", job)

    def durable(self, run: str) -> int:
        """How many bytes of its log would survive everything now."""
        rows = self._raw("SELECT size, data IS NULL FROM log_chunk WHERE run = ?", run)
        if rows and rows[0][1]:
            size: int = rows[0][0]
            return min(size, self.disk.durable_size(f"{run}.log"))
        return sum(size for size, _ in rows)

    def on_worker(self, worker: str, run: str, epoch: int) -> int:
        """How many bytes of its log the worker's machine has."""
        machine = self.machines.get(worker)
        return 0 if machine is None else machine.log_size(RunKey(run, epoch))

    def missing_files(self, worker: str, run: str, epoch: int) -> int:
        """How many of the files that the worker's machine keeps of a run the server can neither show nor calls lost."""
        machine = self.machines.get(worker)
        kept = [] if machine is None else machine.kept_files(RunKey(run, epoch))
        states = dict(self._raw("SELECT path, state FROM artifact WHERE run = ?", run))
        return sum(self.artifact_disk.durable(sha256) is None for path, _, sha256 in kept if states.get(path) != "lost")

    # --- the server ---

    def start_server(self) -> None:
        """Start a server unless one lives."""
        if self.server is None:
            self._incarnation += 1
            self.server = ServerProcess(self, self._incarnation)
            self.note(self.server.node.name, "the server starts")

    async def kill_server(self) -> None:
        """kill -9."""
        server, self.server = self.server, None
        if server is not None:
            await server.node.kill()

    # --- the story ---

    async def live(self) -> None:
        """All of it."""
        at_once(self.inline.write(self._furnish))
        self.committed()
        self.start_server()
        for machine in self.machines.values():
            self.later(self.chance.uniform(0, 3), machine.start_worker)
        nemesis = Nemesis(self)
        clients = [Client(self, f"client{number}") for number in range(self.swarm.clients)]
        async with asyncio.TaskGroup() as group:
            looking = group.create_task(self._look_at_logs())
            group.create_task(nemesis.rage(self.swarm.trouble_s))
            working = [group.create_task(one.work(self.swarm.triggers, self.swarm.trouble_s)) for one in clients]
            await asyncio.sleep(self.swarm.trouble_s)
            await nemesis.heal()
            await asyncio.wait(working)
            stopping = group.create_task(clients[0].stop_endless())
            await self._wait_quiet()
            looking.cancel()
            stopping.cancel()
        await self._conclude()

    def _furnish(self, connection: Connection) -> None:
        now = BEGINNING
        for name, role in (("fleet", "Worker"), ("client", "Administrator")):
            user = User(identifier=name, display_name=name, roles=(role,), creation_date=now, update_date=now)
            users.save(connection, user, now)
        project = Project(identifier="world", display_name="World", creation_date=now, update_date=now)
        projects.save(connection, project, now)
        for job in self.swarm.jobs:
            jobs.save(connection, job.stored(), BEGINNING)
        for name in self.swarm.machine_names:
            self.history.slots[name] = self.swarm.slots[name]
            self.history.properties[name] = dict(self.swarm.properties[name])

    async def _wait_quiet(self) -> None:
        """Wait until everything has ended, or nothing has happened to any run for too long."""
        begin = self._changed_at = self.time()
        while self.time() < min(self._changed_at + QUIET_S, begin + LONGEST_QUIET_S):
            await asyncio.sleep(5)
            if self._is_quiet():
                break
        else:
            self.note("world", "it did not become quiet")
        self.history.is_quiescent = True

    def _is_quiet(self) -> bool:
        """Every run that can end has ended, and no worker holds anything."""
        for run in self._query(select(schema.run)):
            if run.status not in TERMINAL and not self._may_wait(run.status, run.job):
                return False
        return not self._unconnected() and not any(self._held(machine) for machine in self.machines.values())

    def _unconnected(self) -> list[str]:
        """Workers that the server does not see although nothing stands between them."""
        seen = {name for (name,) in self._raw("SELECT identifier FROM worker WHERE is_active")}
        return [name for name in self.machines if name not in seen and name != self.swarm.dead_for_ever]

    def _may_wait(self, status: str, job: str) -> bool:
        """It is pending, and no machine that is left matches its job: it waits, and that is right."""
        wanted = self.swarm.job(job).properties
        left = [one for name, one in self.swarm.properties.items() if name != self.swarm.dead_for_ever]
        return status == "pending" and not any(wanted.items() <= one.items() for one in left)

    def _held(self, machine: Machine) -> list[str]:
        """Folders of runs on a machine that is on."""
        if machine.name == self.swarm.dead_for_ever:
            return []
        return sorted(path.name for path in (machine.folder / "runs").glob("*") if not path.name.startswith("."))

    async def _look_at_logs(self) -> None:
        seen: dict[str, int] = {}
        while True:
            await asyncio.sleep(LOOK_S)
            for run, log in self._logs().items():
                truths = [truth.log for (one, _), truth in self.history.truths.items() if one == run]
                if len(log) < seen.get(run, 0):
                    self.history.log_damage.append(f"{run}: shrank at {self.time():.1f}")
                if log and not any(truth.startswith(log) for truth in truths):
                    self.history.log_damage.append(f"{run}: is no prefix at {self.time():.1f}")
                seen[run] = len(log)

    def _logs(self) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for run, size, data in self._raw("SELECT run, size, data FROM log_chunk ORDER BY run, start"):
            if data is None:
                found[run] = self.disk.read(f"{run}.log", 0, size)
            else:
                found[run] = found.get(run, b"") + data
        return found

    async def _conclude(self) -> None:
        """Write down how everything stands, then end all processes."""
        logs = self._logs()
        history = self.history
        for row in self._query(select(schema.run)):
            job = self.swarm.job(row.job)
            history.needs[row.identifier] = job.properties
            history.patience[row.identifier] = job.fail_after_s
            if job.lease_s is not None and job.fail_after_s is not None:
                history.exclusive[row.identifier] = job.identifier
                history.patience[row.identifier] = max(job.fail_after_s, job.lease_s + job.grace_s)
            history.runs[row.identifier] = FinalRun(
                status=row.status,
                epoch=row.epoch,
                worker=row.worker or "",
                cause=row.cause.code,
                log=logs.get(row.identifier, b""),
                log_size=row.log_size,
                log_complete=row.log_complete,
                log_error=row.log_error,
                results=row.results,
                result_error=row.result_error,
                steps=[(one.exit_code, one.log_start, one.log_end) for one in row.steps],
                can_run=not self._may_wait(row.status, row.job),
                files=self._files(row.identifier),
                files_complete=row.artifacts_complete,
                file_error=row.artifact_error,
            )
            if job.group is not None:
                history.groups[row.identifier] = (job.group, job.limit)
        history.leaks += [f"{name} is not connected" for name in self._unconnected()]
        for machine in self.machines.values():
            history.leaks += [f"{machine.name} still holds {name}" for name in self._held(machine)]
            history.leaks += [f"{machine.name}: {key} lives" for key, tree in machine.trees.items() if tree.is_alive]
            busy = [one for one in machine.executors.values() if one.key is not None]
            history.leaks += [f"{machine.name}: executor {one.identity.pid} is busy" for one in busy]
        self._is_over = True
        await self.kill_server()
        for machine in (*self.machines.values(), *self.impostors):
            await machine.kill_worker()
            for executor in tuple(machine.executors.values()):
                await executor.node.kill()

    def _files(self, run: str) -> dict[str, bytes | None]:
        """What the server shows of the files of a run; a file that it only claims to have is empty-handed: no bytes."""
        rows = self._raw("SELECT path, sha256, size, state FROM artifact WHERE run = ?", run)
        found: dict[str, bytes | None] = {}
        for path, sha256, size, state in rows:
            has = self.artifact_disk.size(sha256) is not None
            data = self.artifact_disk.read_content(sha256, 0, size + 1) if has else b"missing on the disk"
            found[path] = data if state == "stored" else None
        return found

    def _raw(self, statement: str, *values: object) -> list[Any]:
        """Ask SQLite itself, beside the program: this is done after each commit and must be quick."""
        return list(self._sqlite.execute(statement, values))

    def _query(self, statement: Executable) -> list[Any]:
        return at_once(self.inline.read(lambda connection: list(connection.execute(statement))))


_NEW_EVENTS: Final = """
    SELECT sequence, date, type, run, run_sequence, worker, data FROM event WHERE sequence > ? ORDER BY sequence"""


def play(seed: int, listener: Callable[[Entry], None] | None = None) -> History:
    """Let the world of `seed` live and return its history. `listener` hears of everything as it happens."""
    folder = Path(tempfile.mkdtemp(prefix="orchestra-world-", dir=_memory_folder()))
    world = World(seed, folder)
    if listener is not None:
        world.listeners.append(listener)
    asyncio.set_event_loop(world.loop)
    _settle()
    # When objects that refer to one another are collected is not the seed's choice.
    gc.disable()
    try:
        world.loop.run_until_complete(world.live())
        world.loop.run_until_complete(asyncio.sleep(0))
    except DeadlockError as error:
        world.history.errors.append(str(error))
    finally:
        world.history.errors += world.loop.errors
        world.history.fired = world.buggify.fired
        at_once(world.inline.close())
        world.loop.close()
        asyncio.set_event_loop(None)
        gc.enable()
        shutil.rmtree(folder, ignore_errors=True)
    return world.history


@lru_cache(maxsize=1)
def _settle() -> None:
    """Once in a process: what the program's modules are made of is not looked through after each world."""
    gc.collect()
    gc.freeze()


def _memory_folder() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None
