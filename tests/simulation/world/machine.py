"""A worker's machine: its data folder on a disk that syncs nothing, its executors, its boots, its worker process.

The folder is real (in memory where the system has such a place), so spool and records are the
program's own. A loss of power takes what the kernel had not written yet: whatever is younger than
`WRITEBACK_S` may be missing, torn, or what stood there before.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orchestra.worker import record as r
from orchestra.worker.app import CannotConnectError, Profile, RejectedError, Worker
from orchestra.worker.collect import FOLDER, read_list
from orchestra.worker.requests import Request, RunKey, Surroundings
from orchestra.worker.runs import Runs
from orchestra.worker.spool import FolderSpool
from simulation.history import Cleaned
from simulation.world.execution import Executor, Tree
from simulation.world.executors import SimExecutors
from simulation.world.loop import Node
from simulation.world.network import SimTransport
from simulation.world.seams import VirtualClock, stream

if TYPE_CHECKING:
    from simulation.world.world import World

WRITEBACK_S: Final = 35.0
"""Linux writes a dirty page after 30 s, looked at each 5 s (vm.dirty_expire_centisecs)."""


@dataclass(slots=True)
class _Growth:
    """How large a run's files were, and when: what a loss of power can take."""

    accepted: float
    started: float | None = None
    sizes: list[tuple[float, int, int]] = field(default_factory=list)
    """(time, bytes of journal, bytes of log)."""


class WatchedSpool(FolderSpool):
    """The program's spool; the world notes what it accepts and what it deletes."""

    def __init__(self, machine: Machine, node: Node, new_id: Callable[[], str]) -> None:
        self._machine = machine
        self._node = node
        super().__init__(machine.folder, machine.boot, new_id)

    def accept(self, request: Request) -> bytes:
        """See `Spool`."""
        self._node.check()
        if self._machine.is_full or self._machine.world.buggify("a worker's disk is full", 0.15):
            raise OSError(errno.ENOSPC, "No space left on device")
        encoded = super().accept(request)
        self._machine.stall(self._node)
        self._machine.growths[request.key] = _Growth(self._machine.world.time())
        return encoded

    def forget(self, key: RunKey, *, is_reusable: bool) -> None:
        """See `Spool`."""
        self._node.check()
        tree = self._machine.trees.get(key)
        world = self._machine.world
        if tree is not None:
            entry = Cleaned(
                at=world.time(), run=key.run, epoch=key.epoch, worker=self._machine.name, alive=tree.is_alive
            )
            world.record(entry)
        super().forget(key, is_reusable=is_reusable)
        self._machine.stall(self._node)
        self._machine.growths.pop(key, None)

    def release(self) -> None:
        """The process is dead: what it had open is closed."""
        os.close(self._lock)
        for key in tuple(self._logs):
            self._close_log(key)


class Machine:
    """One machine with one worker."""

    def __init__(
        self, world: World, name: str, folder: Path, slots: int, properties: dict[str, str], host: str = ""
    ) -> None:
        """`name` is what its worker calls itself, `host` the machine's own name; an impostor's differ."""
        self.world = world
        self.name = name
        self._host = host or name
        self.folder = folder
        self.slots = slots
        self.properties = properties
        self.executors: dict[int, Executor] = {}
        self.trees: dict[RunKey, Tree] = {}
        self.growths: dict[RunKey, _Growth] = {}
        self.boots = 1
        self.is_on = True
        self.is_full = False
        """Its disk takes no byte more."""
        self.slow_until = 0.0
        """Until then each process that touches the disk waits for it."""
        self.node: Node | None = None
        """The worker process that lives now."""
        self.clock = VirtualClock(world.swarm.skew(name), origin_s=0)
        self._chance: random.Random = stream(world.seed, "machine", self._host)
        self._pid = 100
        self._torn: set[RunKey] = set()

    @property
    def has_lease(self) -> bool:
        """An exclusive run is on it."""
        return any(one.tree is not None and one.is_exclusive for one in self.executors.values())

    # --- what executors need ---

    @property
    def boot(self) -> str:
        """The id of this boot."""
        return f"{self._host}-boot-{self.boots}"

    def ticks(self) -> int:
        """Start times, as the kernel counts them."""
        return int(self.world.time() * 100)

    def draw(self, size: int) -> int:
        """Some number below `size`, 0 if that is none."""
        return self._chance.randrange(size) if size else 0

    def installation(self) -> str:
        """What the data folder calls itself."""
        path = self.folder / "installation"
        return path.read_text() if path.exists() else ""

    def hop(self) -> float:
        """How long a word takes between processes of this machine."""
        return self._chance.uniform(0.0001, 0.005)

    def sweep_time(self) -> float:
        """How long it takes to end what a dead executor left."""
        return self._chance.choice((0.05, 0.05, 1.0, 6.0))

    def journal_clock(self) -> r.Clock:
        """The clock that executors write dates with."""
        return _JournalClock(self.clock)

    def fork(self, listener: SimExecutors) -> Executor:
        """Start an executor. Now and then it gets the pid of a dead one (C20)."""
        self._pid += 1
        if self._chance.random() < 0.2:
            dead = [pid for pid in range(101, self._pid) if pid not in self.executors]
            pid = self._chance.choice(dead) if dead else self._pid
        else:
            pid = self._pid
        executor = self.executors[pid] = Executor(self, pid, listener)
        return executor

    def wrote(self, key: RunKey) -> None:
        """An executor wrote into the folder of a run."""
        growth = self.growths.get(key)
        if growth is None:
            return
        folder = self.folder / "runs" / str(key)
        if growth.started is None:
            growth.started = self.world.time()
        growth.sizes.append((self.world.time(), _size(folder / r.JOURNAL), _size(folder / r.LOG)))

    def stall(self, node: Node) -> None:
        """A process has touched the disk: while that is slow the process stands still, as in a system call."""
        world = self.world
        if world.time() < self.slow_until:
            world.loop.freeze(node)
            world.later(self._chance.uniform(0, 3), partial(world.loop.thaw, node))

    def log_size(self, key: RunKey) -> int:
        """How many bytes of the log of a run this machine has for sure; none where a loss of power may have torn it."""
        if key in self._torn:
            return 0
        try:
            header = (self.folder / "runs" / str(key) / r.INDEX).read_bytes()[: r.INDEX_RECORD.size]
        except FileNotFoundError:
            return 0
        return int(r.INDEX_RECORD.unpack(header)[0])

    def kept_files(self, key: RunKey) -> list[tuple[str, int, str]]:
        """What this machine keeps of an ended run, if no loss of power touched it: (path, bytes, SHA-256)."""
        return [] if key in self._torn else read_list(str(self.folder / "runs" / str(key)))

    # --- the worker process ---

    def start_worker(self) -> None:
        """Start the worker, if the machine is on and none runs."""
        if self.node is not None or not self.is_on:
            return
        self.node = Node(self.name)
        self.node.spawn(self._be_a_worker(self.node), "worker")
        self.world.note(self.name, "the worker starts")

    async def kill_worker(self) -> None:
        """kill -9."""
        node, self.node = self.node, None
        if node is not None:
            await node.kill()

    async def stop_worker(self) -> None:
        """SIGTERM, and whatever a worker does then."""
        if self.worker is not None and self.node is not None:
            self.worker.stop("the worker stops")

    worker: Worker | None = None

    async def _be_a_worker(self, node: Node) -> None:
        world = self.world
        spool = WatchedSpool(self, node, lambda: f"{self._host}-data-{self._chance.randrange(1 << 32):08x}")
        node.on_kill.append(spool.release)
        executors = SimExecutors(self, node)
        surroundings = Surroundings(
            inherited={}, worker=self.name, properties=self.properties, server="http://simulated", python="python3"
        )

        def make_runs(changed: Callable[[], None]) -> Runs:
            return Runs(
                spool,
                executors,
                surroundings,
                concurrency=self.slots,
                workspaces=self.folder / "workspaces",
                now_us=self.journal_clock().now_us,
                changed=changed,
                lease_clock=world.time,
            )

        async def connect() -> SimTransport:
            try:
                return await world.network.connect(self, node)
            except (ConnectionError, TimeoutError) as error:
                raise CannotConnectError(str(error)) from error

        profile = Profile(
            name=self.name, server="http://simulated", concurrency=self.slots, properties=dict(self.properties)
        )
        self.worker = Worker(
            profile,
            connect=connect,
            spool=spool,
            make_runs=make_runs,
            uniform=stream(world.seed, "jitter", self.name).uniform,
        )
        try:
            await self.worker.run()
        except RejectedError as error:
            world.note(self.name, f"the worker gives up: {error}")
        except Exception as error:
            world.history.errors.append(f"{self.name}: {error!r}")
        self.worker.runs.close()
        await executors.close()
        # The process ends; whatever keeps services running starts it again soon.
        if self.node is node:
            self.node = None
            world.begin(node.kill())
            world.later(world.chance.uniform(1, 10), self.start_worker)

    # --- faults ---

    async def kill_executor(self, executor: Executor) -> None:
        """kill -9 of an executor: what it started lives on until someone ends it."""
        listener = executor.listener
        self.executors.pop(executor.identity.pid, None)
        await executor.node.kill()
        if listener is not None:
            self.world.later(self.hop(), lambda: listener.died(executor))

    async def lose_power(self) -> None:
        """Everything stops; what was not on the disk is gone. The machine stays off until `switch_on`."""
        self.is_on = False
        self.world.network.vanish(self.name)
        await self.kill_worker()
        for executor in tuple(self.executors.values()):
            await executor.node.kill()
        self.executors.clear()
        for tree in self.trees.values():
            tree.end(None, "power loss")
        for key, growth in tuple(self.growths.items()):
            self._lose(key, growth)
        self.boots += 1

    def switch_on(self) -> None:
        """Boot."""
        self.is_on = True
        self.start_worker()

    def _lose(self, key: RunKey, growth: _Growth) -> None:
        """Take from a run's folder what the disk did not have yet."""
        folder = self.folder / "runs" / str(key)
        old = self.world.time() - WRITEBACK_S
        chance = self._chance
        self._torn.add(key)
        if not folder.exists():
            return
        if growth.accepted > old and chance.random() < 0.3:
            shutil.rmtree(folder)
            return
        if growth.accepted > old and chance.random() < 0.2:
            _tear(folder / r.REQUEST, 0, chance)
        if (growth.started is None or growth.started > old) and chance.random() < 0.3:
            (folder / r.MARKER).unlink(missing_ok=True)
        safe = [sizes for at, *sizes in growth.sizes if at <= old]
        journal, log = safe[-1] if safe else (0, 0)
        if chance.random() < 0.6:
            _tear(folder / r.JOURNAL, journal, chance)
        if chance.random() < 0.6:
            _tear(folder / r.LOG, log, chance)
        for file in sorted((folder / FOLDER).glob("*")):
            if growth.sizes[-1][0] > old and chance.random() < 0.5:
                _tear(file, 0, chance)


class _JournalClock(r.Clock):
    """`record.Clock` in virtual time."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def now_us(self) -> int:
        """Microseconds since 1970."""
        return int(self._clock.now().timestamp() * 1_000_000)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _tear(path: Path, kept: int, chance: random.Random) -> None:
    """Behind the first `kept` bytes: cut somewhere, or zeros, or bytes of a file that was there before."""
    size = _size(path)
    if size <= kept:
        return
    place = chance.randrange(kept, size)
    with path.open("r+b") as file:
        match chance.randrange(3):
            case 0:
                file.truncate(place)
            case 1:
                file.seek(place)
                file.write(bytes(size - place))
            case _:
                file.seek(place)
                file.write(b"stale\n" * ((size - place) // 6) + b"x" * ((size - place) % 6))
