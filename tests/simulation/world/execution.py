"""Executors of the world: they write real journals and logs in virtual time, and what they run is a script.

A script is the argument vector of a job's command: `write:300` (bytes to the log), `sleep:2.5`
(seconds), `results:7` (what the results file says), `leave:500` (a file of so many bytes),
`stubborn` (ignores TERM), `exit:3`. A job's script is cut into several commands where it says
`then`. The bytes are a stream that only run and epoch decide, so the truth can be told.

What an executor does and in which order is `worker.carry_out`'s; files are written by
`worker.record` itself. The processes that a command started are a `Tree`: it outlives its executor,
and only a sweep or the end of its machine ends it then.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import random
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orchestra.worker.collect import collect
from orchestra.worker.executors import Grew, Recorded, Report, Unclaimed
from orchestra.worker.lease_timer import LeaseTimer
from orchestra.worker.process import Identity
from orchestra.worker.record import JOURNAL, REQUEST, Journal, Log, NotMine, Reserve, claim
from orchestra.worker.requests import RunKey
from simulation.history import Beat, Ended, Started, Truth
from simulation.world.loop import Node
from simulation.world.seams import stream

if TYPE_CHECKING:
    from simulation.world.executors import SimExecutors
    from simulation.world.machine import Machine

BEAT_S: Final = 1.0
LAPSED: Final = ("exception", "lease_lapsed", "the server was not heard for too long")


class Tree:
    """The processes of one run. Beats until it is ended."""

    def __init__(self, machine: Machine, key: RunKey) -> None:
        self.key = key
        self.is_alive = True
        self._machine = machine
        world = machine.world
        world.record(Started(at=world.time(), run=key.run, epoch=key.epoch, worker=machine.name, boot=machine.boot))
        machine.trees[key] = self
        self._beat()

    def end(self, exit_code: int | None, how: str) -> None:
        """Everything of it is dead."""
        if not self.is_alive:
            return
        self.is_alive = False
        world, key = self._machine.world, self.key
        world.record(
            Ended(
                at=world.time(), run=key.run, epoch=key.epoch, worker=self._machine.name, exit_code=exit_code, how=how
            )
        )

    def _beat(self) -> None:
        if self.is_alive:
            world = self._machine.world
            world.record(Beat(at=world.time(), run=self.key.run, epoch=self.key.epoch, worker=self._machine.name))
            world.later(BEAT_S, self._beat)


class _DiskLog(Log):
    """The program's log on a disk that can be full: then a part of what is written still fits."""

    machine: Machine

    def _write(self, data: memoryview) -> None:
        if not self.machine.is_full:
            super()._write(data)
            return
        super()._write(data[: self.machine.draw(len(data))])
        raise OSError(errno.ENOSPC, "No space left on device")


class _DiskJournal(Journal):
    """The program's journal on a disk that can be full: a line is torn, and what follows fails."""

    machine: Machine

    def _write(self, data: bytes) -> None:
        if self.machine.is_full and not self._used_reserve:
            os.write(self._descriptor, data[: self.machine.draw(len(data))])
            os.close(self._descriptor)
            # Writing to it fails from now on, and the program does what it does then.
            self._descriptor = os.open(f"{self._folder}/{JOURNAL}", os.O_RDONLY | os.O_CLOEXEC)
        super()._write(data)


class _Stop(Exception):
    """A wish to stop reached a command."""


class Executor:
    """One executor process on a machine."""

    def __init__(self, machine: Machine, pid: int, listener: SimExecutors) -> None:
        self.identity = Identity(pid, machine.ticks(), machine.boot)
        self.node = Node(f"{machine.name}/executor-{pid}")
        self.listener: SimExecutors | None = listener
        self.key: RunKey | None = None
        """The run that it carries out now."""
        self.tree: Tree | None = None
        self._machine = machine
        self._chance: random.Random = stream(machine.world.seed, "executor", str(self.identity))
        self._inbox: deque[tuple[str, RunKey, Any]] = deque()
        self._news = asyncio.Event()
        self._wishes = 0
        self._by = ""
        self._has_started = False
        self._lease = LeaseTimer(None, None)
        self._wished = asyncio.Event()
        self._told = 0.0
        self._files = machine.folder / "executors" / str(pid)
        self._identity_file = self._files.with_suffix(".identity")
        self._identity_file.write_text(str(self.identity))
        self._reserve = Reserve(str(self._files.with_suffix(".reserve")))
        self.node.spawn(self._serve(), "serve")

    @property
    def is_exclusive(self) -> bool:
        """It carries out a run that has a lease."""
        return self.key is not None and self._lease.length_s is not None

    # --- the conversation ---

    def post(self, kind: str, key: RunKey, value: Any) -> None:
        """The worker says something; it arrives later."""
        self._machine.world.later(self._machine.hop(), lambda: self.node.run(self._receive, kind, key, value))

    def let_go(self) -> None:
        """The worker is gone."""
        self.listener = None
        self._news.set()

    def _receive(self, kind: str, key: RunKey, value: Any) -> None:
        if kind == "execute":
            self._inbox.append((kind, key, value))
            self._news.set()
        elif kind == "lease":
            if key == self.key:
                self._lease.renew(value)
        elif key == self.key and not (kind == "cancel" and self._has_started):
            self._wishes += 1
            self._by = self._by or value
            self._wished.set()

    def _tell(self, key: RunKey, report: Report) -> None:
        """Reports arrive in order, at whoever listens when they do."""
        world = self._machine.world
        self._told = max(self._told + 1e-6, world.time() + self._machine.hop())
        listener = self.listener
        if listener is not None:
            world.later(self._told - world.time(), lambda: listener.hear(self, key, report))

    # --- the life of the process ---

    async def _serve(self) -> None:
        while self._inbox or self.listener is not None:
            if not self._inbox:
                self._news.clear()
                await self._news.wait()
                continue
            _, key, (request, lease_until) = self._inbox.popleft()
            await self._execute(key, request, lease_until)
        self._identity_file.unlink(missing_ok=True)
        self._reserve.drop()
        self._machine.executors.pop(self.identity.pid, None)

    async def _execute(self, key: RunKey, inline: bytes, lease_until: float | None) -> None:
        folder = self._machine.folder / "runs" / str(key)
        if self._machine.world.buggify("an executor is slow to make its marker"):
            await asyncio.sleep(self._chance.uniform(0, 30))
        try:
            request = json.loads(inline) or _read_request(folder)
            claim(str(folder), str(self._identity_file))
        except NotMine as error:
            self._tell(key, Unclaimed("not_mine", str(error)))
            return
        except (OSError, ValueError) as error:
            self._tell(key, Unclaimed("unusable", str(error)))
            return
        self.key = key
        self._lease = LeaseTimer(request.get("lease"), lease_until, self._machine.world.time)
        self._wishes, self._by, self._has_started = 0, "", False
        self._wished.clear()
        await self._carry_out(key, folder, request)
        self.key = self.tree = None

    async def _carry_out(self, key: RunKey, folder: Path, request: dict[str, Any]) -> None:
        clock = self._machine.journal_clock()
        journal = _DiskJournal(str(folder), str(key), self._reserve, lambda texts: self._forward(key, texts))
        log = _DiskLog(str(folder), request["log_limit"], clock)
        journal.machine = log.machine = self._machine
        try:
            await asyncio.sleep(self._machine.hop())
            if self._machine.world.buggify("a workspace takes its time"):
                await asyncio.sleep(self._chance.uniform(0, 10))
            if self._wishes:
                verdict = ("cancelled", "cancelled_by", f"stopped by {self._by} before any command started")
                results = None
            elif self._lease.left_s() <= 0:
                verdict, results = LAPSED, None
            else:
                self._has_started = True
                verdict, results = await self._run(key, request, journal, log)
            record = {
                "type": "finished",
                "status": verdict[0],
                "code": verdict[1],
                "message": verdict[2],
                "date": clock.now_us(),
                "log_size": log.size,
                "log_sha256": log.digest(),
                "log_error": log.error,
                "results": results,
                "result_error": None,
                **self._collect(folder, request),
            }
            if self._machine.world.buggify("an executor is slow to say the end"):
                await asyncio.sleep(self._chance.uniform(0, 10))
            journal.write([record])
        finally:
            log.close()
            journal.close()

    async def _run(
        self, key: RunKey, request: dict[str, Any], journal: Journal, log: Log
    ) -> tuple[tuple[str, str, str], str | None]:
        """Execute the commands; return the verdict and the results."""
        clock = self._machine.journal_clock()
        truth = self._machine.world.history.truths.setdefault((key.run, key.epoch), Truth())
        verdict = ("succeeded", "succeeded", "every command exited with code 0")
        code: int | None = 0
        for step, command in enumerate(request["commands"]):
            began = {"type": "began", "step": step, "date": clock.now_us(), "log_start": log.size}
            started = {"type": "started", "date": began["date"]}
            journal.write([began] if step else [started, began])
            self._machine.wrote(key)
            if self.tree is None:
                self.tree = Tree(self._machine, key)
            pid = self.identity.pid + 1 + step
            journal.write([{"type": "spawned", "step": step, "pid": pid, "ticks": [0, 1]}])
            begin = len(truth.log)
            code = await self._command(key, request, command["argv"][1:], truth, log)
            truth.steps.append((code, begin, len(truth.log)))
            if code is None and self._lease.has_lapsed:
                verdict = LAPSED
            elif code is None:
                verdict = ("aborted", "aborted_by", f"aborted by {self._by}")
            elif code:
                verdict = ("failed", "exit_code", f"exited with code {code}")
            if code != 0 or step == len(request["commands"]) - 1:
                assert self.tree is not None
                self.tree.end(code, "exit" if code is not None else "stopped")
            end = {"type": "ended", "step": step, "date": clock.now_us(), "log_end": log.size, "exit_code": code}
            journal.write([end])
            if code != 0:
                break
        return verdict, None if truth.results is None else json.dumps(truth.results)

    async def _command(
        self, key: RunKey, request: dict[str, Any], words: Sequence[str], truth: Truth, log: Log
    ) -> int | None:
        """Do what a script says; return its exit code, None when it was stopped."""
        is_stubborn = False
        try:
            for word in words:
                verb, _, argument = word.partition(":")
                match verb:
                    case "write":
                        self._write(key, truth, log, int(argument))
                    case "sleep":
                        await self._sleep(float(argument))
                    case "leave":
                        self._leave(key, request, truth, int(argument))
                    case "results":
                        truth.results = {"value": int(argument)}
                    case "stubborn":
                        is_stubborn = True
                    case "exit":
                        return int(argument)
        except _Stop:
            if is_stubborn:
                await asyncio.sleep(request["grace"])
            return None
        return 0

    async def _sleep(self, seconds: float) -> None:
        """Sleep as a command does: a wish to stop ends it."""
        end = self._machine.world.time() + seconds
        while not self._wishes and (lease_s := self._lease.left_s()) > 0:
            left = end - self._machine.world.time()
            try:
                async with asyncio.timeout(min(left, lease_s)):
                    await self._wished.wait()
            except TimeoutError:
                if left <= lease_s:
                    return
        raise _Stop

    def _write(self, key: RunKey, truth: Truth, log: Log, size: int) -> None:
        data = output(key.run, key.epoch, len(truth.log), size)
        log.append(memoryview(data))
        truth.log = truth.log + data
        self._machine.wrote(key)
        self._machine.stall(self.node)
        self._tell(key, Grew(log.size))

    def _leave(self, key: RunKey, request: dict[str, Any], truth: Truth, size: int) -> None:
        """Write a file into the workspace, into a folder of the run's own."""
        path = f"{key.run}/{len(truth.files)}.bin"
        target = Path(request["workspace"], path)
        target.parent.mkdir(parents=True, exist_ok=True)
        truth.files[path] = output(key.run, key.epoch, 1 << 40 | len(truth.files), size)
        target.write_bytes(truth.files[path])

    def _collect(self, folder: Path, request: dict[str, Any]) -> dict[str, object]:
        """What the program does at the end of a run, with the program's own means."""
        if not self._has_started or not request["artifacts"]:
            return {}
        Path(request["workspace"]).mkdir(parents=True, exist_ok=True)
        count, error = collect(str(folder), request, None, None, lambda: False)
        return {"artifact_count": count, "artifact_error": error}

    def _forward(self, key: RunKey, texts: Sequence[str]) -> None:
        self._machine.wrote(key)
        self._machine.stall(self.node)
        self._tell(key, Recorded([json.loads(text) for text in texts]))


def output(run: str, epoch: int, offset: int, size: int) -> bytes:
    """What a command of (run, epoch) writes at a place: lines now and then, and every byte."""
    chance = random.Random(f"{run} {epoch} {offset}")
    data = bytearray(chance.randbytes(size))
    data[::37] = bytes([10]) * len(range(0, size, 37))
    return bytes(data)


def _read_request(folder: Path) -> dict[str, Any]:
    with (folder / REQUEST).open("rb") as file:
        request: dict[str, Any] = json.loads(file.read(int(file.readline())))
    return request
