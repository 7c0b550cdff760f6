"""Real executors and a real spool without a worker around them: runs go in, records and bytes come out."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from orchestra.wire.messages import Assign
from orchestra.worker.executors import Gone, Grew, ProcessExecutors, Recorded, Report, Unclaimed
from orchestra.worker.main import start_zygote
from orchestra.worker.process import Identity, boot_id, inherited, is_alive, send_signal, stat
from orchestra.worker.requests import Request, RunKey, Surroundings, build
from orchestra.worker.spool import FolderSpool
from orchestra.worker.tree import living_below
from orchestra.worker.workspace import choose
from orchestra.worker.zygote_link import Zygote
from support.waiting import text_of

T = TypeVar("T")


@dataclass
class Execution:
    """One run in the rig, as its reports tell it."""

    key: RunKey
    records: list[dict[str, Any]] = field(default_factory=list)
    log_size: int = 0
    unclaimed: Unclaimed | None = None
    gone: Gone | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.records if one["type"] == kind]

    @property
    def finished(self) -> dict[str, Any]:
        (one,) = self.all("finished")
        return one

    async def until(self, what: Callable[[Execution], T]) -> T:
        """Wait for reports until `what` of this is true."""
        async with asyncio.timeout(60):
            while not (found := what(self)):
                self.changed.clear()
                await self.changed.wait()
        return found


class Rig:
    """A data folder with its executors. `again` is what a new worker process would do with it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        (data / "executors").mkdir(parents=True, exist_ok=True)
        self.boot = boot_id()
        self.spool = FolderSpool(data, self.boot, lambda: str(uuid.uuid4()))
        zygote = Zygote(start_zygote(data), lambda: start_zygote(data))
        self.executors = ProcessExecutors(
            data, self.boot, zygote, spare=8, records=lambda key: self.spool.look(key).records
        )
        self.executors.on_report = self._report
        self.runs: dict[RunKey, Execution] = {}
        self.run_as: tuple[str, ...] = ()

    def _report(self, key: RunKey, report: Report) -> None:
        run = self.runs.get(key)
        if run is None:
            return
        match report:
            case Recorded():
                run.records.extend(report.records)
            case Grew():
                run.log_size = report.size
            case Unclaimed():
                run.unclaimed = report
            case Gone():
                run.gone = report
        run.changed.set()

    def request(self, *commands: Any, parameters: dict[str, Any] | None = None, **definition: Any) -> Request:
        """A request for commands (strings or vectors); `cleanup` stands for `finally`."""
        key = RunKey(str(uuid.uuid4()), 1)
        whole: dict[str, Any] = {"type": "commands", "grace": 5.0, **definition}
        whole["commands"] = [_command(one) for one in commands]
        whole["finally"] = [_command(one) for one in whole.pop("cleanup", ())]
        assign = Assign(
            run=key.run,
            epoch=key.epoch,
            number=1,
            project="tests",
            job="job",
            definition=whole,
            parameters=parameters or {},
        )
        surroundings = Surroundings(
            inherited=inherited(os.environ),
            worker="tester",
            properties={"os": "linux"},
            server="http://127.0.0.1:1",
            python=sys.executable,
            run_as=self.run_as,
        )
        workspace = choose(str(self.data / "workspaces"), "tests", "job", (), definition.get("user"))
        return build(assign, surroundings, self.spool.folder(key), workspace)

    def start(self, request: Request, lease_until: float | None = None) -> Execution:
        """Keep the request and hand it to an executor."""
        encoded = self.spool.accept(request)
        run = self.runs[request.key] = Execution(request.key)
        self.executors.start(request.key, self.spool.folder(request.key), encoded, lease_until)
        return run

    async def run(self, *commands: Any, **definition: Any) -> Execution:
        """Carry out commands to their end."""
        run = self.start(self.request(*commands, **definition))
        await run.until(lambda one: one.all("finished") or one.unclaimed or one.gone)
        return run

    def log(self, run: Execution) -> bytes:
        """The whole log, as the worker would send it."""
        size = self.spool.look(run.key).log_size
        data = bytearray()
        while len(data) < size:
            data += self.spool.read_log(run.key, len(data), min(1 << 20, size - len(data)))
        return bytes(data)

    def owner(self, run: Execution) -> Identity:
        owner = self.spool.look(run.key).owner
        assert isinstance(owner, Identity)
        return owner

    async def close(self) -> None:
        await self.executors.close()
        self.spool.close()

    def kill_all(self) -> None:
        """After a test that failed half-way: end its executors, with all that they have started."""
        for path in (self.data / "executors").glob("*.identity"):
            owner = Identity.parse(text_of(path))
            if owner is not None and is_alive(owner, self.boot):
                for one in (stat(owner.pid), *living_below(owner.pid)):
                    if one is not None:
                        send_signal(one, signal.SIGKILL)


@asynccontextmanager
async def rig(data: Path | None = None) -> AsyncIterator[Rig]:
    """A rig in a folder of its own, which is removed afterwards; or in `data`."""
    folder = data or Path(tempfile.mkdtemp(prefix="orchestra-rig-"))
    made = Rig(folder)
    try:
        yield made
    finally:
        await made.close()
        if data is None:
            made.kill_all()
            shutil.rmtree(folder, ignore_errors=True)


def with_rig(scenario: Callable[[Rig], Awaitable[None]]) -> None:
    """Run one scenario in a rig of its own."""

    async def whole() -> None:
        async with rig() as made:
            await scenario(made)

    asyncio.run(whole())


def _command(one: Any) -> dict[str, Any]:
    if isinstance(one, dict):
        return {"name": "step", "timeout": None, **one}
    return {"name": one if isinstance(one, str) else one[0], "run": one, "timeout": None}
