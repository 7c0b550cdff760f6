"""Worker processes for tests: started, killed and started again on one data folder, with nothing left behind."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from orchestra.worker.process import Identity, boot_id, is_alive, send_signal, stat
from orchestra.worker.tree import living_below
from support.protocol_server import TOKEN
from support.waiting import text_of

PROGRAM = """
import json, pathlib, sys
from orchestra.worker.main import WorkerSettings, run_worker
given = json.loads(sys.argv[1])
given["data"] = pathlib.Path(given["data"])
sys.exit(run_worker(WorkerSettings(**given)))
"""


class WorkerProcess:
    """One worker on one data folder; at most one process of it at a time."""

    def __init__(self, data: Path, server: str, **settings: Any) -> None:
        self.data = data
        self.settings: dict[str, Any] = {
            "server": server,
            "token": TOKEN,
            "data": str(data),
            "name": "tester",
            "concurrency": 4,
            "reconnect_first_s": 0.05,
            "reconnect_longest_s": 0.2,
            **settings,
        }
        self.process: subprocess.Popen[str] | None = None

    def command(self) -> list[str]:
        return [sys.executable, "-c", PROGRAM, json.dumps(self.settings)]

    def start(self) -> subprocess.Popen[str]:
        self.process = subprocess.Popen(
            self.command(),
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        return self.process

    def kill(self) -> None:
        """kill -9, and wait until the kernel has done it."""
        assert self.process is not None
        self.process.kill()
        self.process.communicate()

    async def stop(self, number: int = signal.SIGTERM) -> str:
        """Send a signal; return what the worker said on its way out."""
        assert self.process is not None
        self.process.send_signal(number)
        return await self.ended()

    async def ended(self) -> str:
        """Wait for the process's end; return its standard error."""
        assert self.process is not None
        _, errors = await asyncio.to_thread(self.process.communicate, timeout=60)
        return errors

    def folders(self) -> list[str]:
        """The runs in the spool."""
        return sorted(path.name for path in (self.data / "runs").iterdir() if not path.name.startswith("."))

    def executors(self) -> list[Identity]:
        """Executors that live."""
        found = (Identity.parse(text_of(path)) for path in (self.data / "executors").glob("*.identity"))
        return [one for one in found if one is not None and is_alive(one, boot_id())]

    def end_everything(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()
        for owner in self.executors():
            # The executor first: it must not record how its commands ended.
            for one in (stat(owner.pid), *living_below(owner.pid)):
                if one is not None:
                    send_signal(one, signal.SIGKILL)


@asynccontextmanager
async def worker_process(server: str, **settings: Any) -> AsyncIterator[WorkerProcess]:
    """A worker that is started, in a folder of its own; everything of it is gone afterwards."""
    data = Path(tempfile.mkdtemp(prefix="orchestra-worker-"))
    worker = WorkerProcess(data, server, **settings)
    worker.start()
    try:
        yield worker
    finally:
        worker.end_everything()
        shutil.rmtree(data, ignore_errors=True)
