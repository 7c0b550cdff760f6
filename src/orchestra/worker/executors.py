"""The worker's side of its executors: it starts them warm, hands runs over, hears them, and sees them end.

    start(key)  ──► an idle executor, or a new one from the zygote ──► reports: Recorded, Grew, Unclaimed
    adopt(key)  ──► the executor that a former worker process left at work ──► Adopted, and its reports
    an executor's pidfd becomes readable ──► what is left of its run is ended ──► Gone

Reports are copies of what stands in the run's folder, so none is needed to be right, only to be
quick: whoever gets `Gone` or `Unclaimed` looks into the folder. An executor is named by its
`Identity`, never by its pid alone.

It does not know what a run means to the server, nor the files of the spool.
"""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from orchestra.worker import tree
from orchestra.worker.leftovers import end_containers
from orchestra.worker.process import Identity, Stat, identify, send_signal, stat
from orchestra.worker.receipt import named
from orchestra.worker.requests import RunKey
from orchestra.worker.zygote_link import Zygote

REQUEST_INLINE_BYTES: Final = 1 << 15
"""A larger request is read from the folder by the executor, so that a message always fits the socket's buffer."""
RECEIVE_BYTES: Final = 1 << 18
SWEEP_GRACE_S: Final = 2.0
"""Less than a run's own grace: the run is lost anyway, and is reported within five seconds (reliability.md, C05)."""
SWEEP_LIMIT_S: Final = 10.0
SWEEP_PAUSE_S: Final = 0.05


class Recorded(msgspec.Struct, frozen=True):
    """These records were added to the journal."""

    records: list[dict[str, Any]]


class Grew(msgspec.Struct, frozen=True):
    """The log is `size` bytes long."""

    size: int


class Unclaimed(msgspec.Struct, frozen=True):
    """An executor did not start the run: `not_mine` (it has a marker, or no folder), or `unusable` and why."""

    code: str
    message: str


class Adopted(msgspec.Struct, frozen=True):
    """We hear the run's executor from now on. What it wrote before stands in the journal alone."""


class Gone(msgspec.Struct, frozen=True):
    """The executor of the run is dead, and what was left of the run is ended but for `survivors`, a text."""

    executor: str
    survivors: str
    alive: list[dict[str, Any]] = []
    """The survivors as a receipt names them."""


Report = Recorded | Grew | Unclaimed | Adopted | Gone


class Executors(Protocol):
    """What the worker needs of executors; the simulation brings some that live in memory."""

    on_report: Callable[[RunKey, Report], None]
    """Set before the first call; called from the event loop, never from inside of a call."""

    def start(self, key: RunKey, folder: Path, request: bytes, lease_until: float | None = None) -> None:
        """Hand a run over, an exclusive one with the end of its lease. Whatever becomes of it is reported."""

    def adopt(self, key: RunKey, owner: Identity, sessions: dict[int, tuple[int, int]]) -> None:
        """Listen to the executor that has the run; if it is dead, end what it left. Reports follow either way."""

    def renew(self, key: RunKey, lease_until: float) -> None:
        """Let an exclusive run live longer."""

    def cancel(self, key: RunKey, by: str) -> None:
        """Ask that the run ends if none of its commands has started; else nothing happens."""

    def abort(self, key: RunKey, by: str) -> None:
        """Ask for the end of a run: TERM, grace, KILL. A second time also ends its cleanup."""

    async def close(self) -> None:
        """Let go of the executors: idle ones end, those at work go on without us."""


class _Executor:
    """One executor process that we are connected to, or whose end we await."""

    def __init__(self, connection: socket.socket | None, watch: int, identity: Identity) -> None:
        self.connection = connection
        self.watch = watch
        self.identity = identity
        self.received = b""
        self.unsent = b""
        self.key: RunKey | None = None
        self.is_adopted = False
        """It had the key's run before we came; its greeting tells whether it still has it."""


class ProcessExecutors:
    """The real ones. `Zygote` starts them; at most as many stay warm as there are slots, for slots limit `start`."""

    def __init__(
        self,
        data: Path,
        boot: str,
        zygote: Zygote,
        *,
        spare: int,
        records: Callable[[RunKey], list[dict[str, Any]]],
    ) -> None:
        """`data` is the data folder, absolute; at most `spare` idle executors are kept.

        `records` reads the journal of a run whose executor died: its pids are not reported.
        """
        self.on_report: Callable[[RunKey, Report], None] = lambda _key, _report: None
        self._folder = data / "executors"
        self._boot = boot
        self._zygote = zygote
        self._spare = spare
        self._records = records
        self._idle: list[_Executor] = []
        self._busy: dict[RunKey, _Executor] = {}
        self._all: set[_Executor] = set()
        self._wishes: dict[RunKey, list[dict[str, object]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._remove_leftovers()

    def start(self, key: RunKey, folder: Path, request: bytes, lease_until: float | None = None) -> None:
        inline = request if len(request) <= REQUEST_INLINE_BYTES else b"null"
        lease = b"" if lease_until is None else b',"lease_until":%b' % msgspec.json.encode(lease_until)
        message = b'{"type":"execute","folder":%b,"request":%b%b}' % (msgspec.json.encode(str(folder)), inline, lease)
        if self._idle:
            self._hand(self._idle.pop(), key, message)
        else:
            self._wishes[key] = []
            self._begin(self._start_another(key, message))

    def adopt(self, key: RunKey, owner: Identity, sessions: dict[int, tuple[int, int]]) -> None:
        is_connected = any(one.identity == owner for one in self._all)
        executor = self._find(owner)
        if executor is None or (is_connected and executor.key != key):
            # Dead, or it has ended the run already and is free, or busy with another.
            self._begin_end(key, f"process {owner.pid}", sessions)
            return
        executor.key = key
        executor.is_adopted = True
        self._busy[key] = executor
        if is_connected:
            self._loop.call_soon(self.on_report, key, Adopted())

    def renew(self, key: RunKey, lease_until: float) -> None:
        self._wish(key, {"type": "lease", "run": str(key), "until": lease_until})

    def cancel(self, key: RunKey, by: str) -> None:
        self._wish(key, {"type": "cancel", "run": str(key), "by": by})

    def abort(self, key: RunKey, by: str) -> None:
        self._wish(key, {"type": "abort", "run": str(key), "by": by})
        if (executor := self._busy.get(key)) is not None:
            # Its job may have stopped it, and would then outlive every wish.
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(executor.watch, signal.SIGCONT)

    async def close(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        for executor in tuple(self._all):
            self._disconnect(executor)
            self._loop.remove_reader(executor.watch)
            os.close(executor.watch)
        self._all.clear()
        self._busy.clear()
        self._idle.clear()
        self._zygote.close()

    def _hand(self, executor: _Executor, key: RunKey, message: bytes) -> None:
        executor.key = key
        self._busy[key] = executor
        self._send(executor, message)
        for wish in self._wishes.pop(key, ()):
            self._wish(key, wish)

    def _wish(self, key: RunKey, wish: dict[str, object]) -> None:
        executor = self._busy.get(key)
        if executor is not None:
            self._send(executor, msgspec.json.encode(wish))
        elif key in self._wishes:
            self._wishes[key].append(wish)

    # --- executors come ---

    async def _start_another(self, key: RunKey, message: bytes) -> None:
        try:
            executor = await self._fork()
        except OSError as error:
            del self._wishes[key]
            self.on_report(key, Unclaimed("unusable", f"no executor can be started: {error}"))
        else:
            self._hand(executor, key, message)

    async def _fork(self) -> _Executor:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            pid, watch = await self._zygote.fork(theirs)
        identity = identify(pid, self._boot)
        if watch is None or identity is None:
            # It died at once; an end that is there already tells everybody.
            watch, identity = _ended_descriptor(), identity or Identity(pid, 0, self._boot)
        return self._add(_Executor(ours, watch, identity))

    def _find(self, owner: Identity) -> _Executor | None:
        """The living executor with this identity, connected if it still listens."""
        for executor in self._all:
            if executor.identity == owner:
                return executor
        watch = _open_watch(owner, self._boot)
        return None if watch is None else self._add(_Executor(self._connect(owner.pid), watch, owner))

    def _connect(self, pid: int) -> socket.socket | None:
        """Connect to an executor; None when it does not listen (any more): then only its end will be seen."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)
        # By way of a descriptor, for a path of a socket has 107 characters at most (unix(7)).
        folder = os.open(self._folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            connection.connect(f"/proc/self/fd/{folder}/{pid}.sock")
        except OSError:
            connection.close()
            return None
        finally:
            os.close(folder)
        return connection

    def _add(self, executor: _Executor) -> _Executor:
        self._all.add(executor)
        self._loop.add_reader(executor.watch, self._ended, executor)
        if executor.connection is not None:
            self._loop.add_reader(executor.connection, self._readable, executor)
        return executor

    # --- executors speak ---

    def _readable(self, executor: _Executor) -> None:
        assert executor.connection is not None
        try:
            data = executor.connection.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._disconnect(executor)  # its process's end follows; nothing else is concluded from silence
            return
        *lines, executor.received = (executor.received + data).split(b"\n")
        for line in lines:
            self._hear(executor, msgspec.json.decode(line))

    def _hear(self, executor: _Executor, message: dict[str, Any]) -> None:
        key = RunKey.parse(message.get("run") or "")
        if message["type"] == "hello" and executor.is_adopted and executor.key is not None and key != executor.key:
            # It ended the run after we read the journal and before we connected: the journal knows the rest.
            over = executor.key
            self._release(executor, over)
            self._begin_end(over, f"process {executor.identity.pid}", {})
        if key is None or key != executor.key:
            return
        match message["type"]:
            case "hello" if executor.is_adopted:
                self.on_report(key, Adopted())
            case "journal":
                self._heard_records(executor, key, message["records"])
            case "log":
                self.on_report(key, Grew(message["size"]))
            case "unclaimed":
                self._release(executor, key)
                self.on_report(key, Unclaimed(message["code"], message["message"]))

    def _heard_records(self, executor: _Executor, key: RunKey, records: list[dict[str, Any]]) -> None:
        if any(one["type"] == "finished" for one in records):
            self._release(executor, key)
        self.on_report(key, Recorded(records))

    def _release(self, executor: _Executor, key: RunKey) -> None:
        """The executor is free again. One that is too many ends when it is let go of."""
        self._busy.pop(key, None)
        executor.key = None
        executor.is_adopted = False
        if len(self._idle) < self._spare and executor.connection is not None:
            self._idle.append(executor)
        else:
            self._disconnect(executor)

    def _send(self, executor: _Executor, line: bytes) -> None:
        if executor.connection is None:
            return
        if not executor.unsent:
            self._loop.add_writer(executor.connection, self._flush, executor)
        executor.unsent += line + b"\n"
        self._flush(executor)

    def _flush(self, executor: _Executor) -> None:
        if executor.connection is None:
            return
        try:
            sent = executor.connection.send(executor.unsent)
        except BlockingIOError:
            return
        except OSError:
            executor.unsent = b""
            self._disconnect(executor)
            return
        executor.unsent = executor.unsent[sent:]
        if not executor.unsent:
            self._loop.remove_writer(executor.connection)

    def _disconnect(self, executor: _Executor) -> None:
        if executor in self._idle:
            self._idle.remove(executor)
        if executor.connection is not None:
            self._loop.remove_reader(executor.connection)
            self._loop.remove_writer(executor.connection)
            executor.connection.close()
            executor.connection = None

    # --- executors end ---

    def _ended(self, executor: _Executor) -> None:
        """The process is dead: hear what it said last, then end what it left."""
        self._loop.remove_reader(executor.watch)
        os.close(executor.watch)
        while executor.connection is not None:
            before = executor.received
            self._readable(executor)
            if executor.received is before and executor.connection is not None:
                self._disconnect(executor)
        self._all.discard(executor)
        if executor.key is not None:
            sessions = sessions_of(self._records(executor.key))
            self._begin_end(executor.key, f"process {executor.identity.pid}", sessions)

    def _begin_end(self, key: RunKey, executor: str, sessions: dict[int, tuple[int, int]]) -> None:
        self._begin(self._end(key, executor, sessions))

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end(self, key: RunKey, executor: str, sessions: dict[int, tuple[int, int]]) -> None:
        survivors = await self._sweep(key.run, sessions)
        containers = await end_containers(self._records(key), str(key))
        self._busy.pop(key, None)
        said = ", ".join([*([tree.describe(survivors)] if survivors else []), *containers])
        alive = [*named(survivors), *({"pid": 0, "command": one} for one in containers)]
        self.on_report(key, Gone(executor, said, alive))

    async def _sweep(self, run: str, sessions: dict[int, tuple[int, int]]) -> list[Stat]:
        """End every process that a dead executor left of a run; return those that could not be ended."""
        begin = self._loop.time()
        told: set[tuple[int, int]] = set()
        while targets := tree.sweep_targets(run, sessions):
            elapsed = self._loop.time() - begin
            if elapsed > SWEEP_LIMIT_S:
                break
            for one in targets:
                if elapsed > SWEEP_GRACE_S:
                    send_signal(one, signal.SIGKILL)
                elif (one.pid, one.start) not in told:
                    told.add((one.pid, one.start))
                    send_signal(one, signal.SIGTERM)
            await asyncio.sleep(min(SWEEP_PAUSE_S, 0.001 + elapsed))
        return targets

    def _remove_leftovers(self) -> None:
        """Files of executors that were killed. A living one keeps its own: it may be adopted."""
        for path in self._folder.iterdir():
            if path.stem.isdecimal() and stat(int(path.stem)) is None:
                path.unlink(missing_ok=True)


def sessions_of(records: list[dict[str, Any]]) -> dict[int, tuple[int, int]]:
    """Which sessions the commands of a journal led: pid → it started between these ticks since boot."""
    return {one["pid"]: (one["ticks"][0], one["ticks"][1]) for one in records if one["type"] == "spawned"}


def _open_watch(owner: Identity, boot: str) -> int | None:
    """A pidfd of exactly this process; None when it is dead."""
    if owner.boot != boot:
        return None
    try:
        watch = os.pidfd_open(owner.pid)
    except OSError:
        return None
    found = stat(owner.pid)
    if found is None or found.start != owner.start or found.state in "ZX":
        os.close(watch)
        return None
    return watch


def _ended_descriptor() -> int:
    read_end, write_end = os.pipe2(os.O_CLOEXEC)
    os.close(write_end)
    return read_end
