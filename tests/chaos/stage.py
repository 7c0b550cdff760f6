"""Where the chaos happens: a server with SQLite or PostgreSQL, workers behind links that break, small disks.

Everything is real: the programs are those that users start, with short heartbeats so that a silence of seconds
counts. What ends by itself is started again, as whatever keeps services running would do (`supervise`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx
import psycopg

from chaos import probe
from chaos.disks import Disk
from chaos.links import Link, links
from orchestra.worker.process import Identity, boot_id, is_alive
from support import postgres_process
from support.installation import DEADLINE_S, PROGRAM, PROJECT, Installation, Program, clean_environment
from support.waiting import text_of, wait_for

WORKERS: Final = ("east", "north", "west")
SLOTS: Final = 3
JOB: Final = "probe"
SERVER_DISK_BYTES: Final = 512 << 20
WORKER_DISK_BYTES: Final = 128 << 20
QUICK: Final = {
    "ORCHESTRA_HEARTBEAT": "1s",
    "ORCHESTRA_WORKER_TIMEOUT": "2s",
    "ORCHESTRA_RECONNECT_LONGEST": "1s",
    "ORCHESTRA_LOG_FORMAT": "json",
}
EXPECTED_ERRORS: Final = ("log.not_stored", "task.failed")
"""What a server may complain about whose database or disk is taken away: what it then does is what we check."""


class Postgres:
    """A PostgreSQL server of this stage alone, which can be restarted."""

    def __init__(self, folder: Path) -> None:
        # What it has acknowledged must survive `restart -m immediate`, so it may not hold back commits in its memory.
        settings = {**postgres_process.SETTINGS, "synchronous_commit": "on"}
        self._server = postgres_process.Server(folder, settings)
        self.url = self._server.start()

    def restart(self) -> None:
        """End it as a crash would, and let it recover."""
        self._server.restart()

    def stop(self) -> None:
        """End it for good."""
        self._server.stop()


@dataclass
class Stage:
    """One installation on one kind of database; use it in a `with`."""

    folder: Path
    is_isolated: bool
    on_postgres: bool
    workers: tuple[str, ...] = WORKERS
    ended: list[str] = field(default_factory=list)
    """Programs that ended although nobody ended them."""

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        with ExitStack() as stack:
            self.postgres = None
            arguments: tuple[str, ...] = ()
            if self.on_postgres:
                self.postgres = Postgres(self.folder / "pg")
                stack.callback(self.postgres.stop)
                arguments = ("--database", self.postgres.url)
            self.one = Installation(self.folder / "o", "server", arguments, QUICK)
            self.links = stack.enter_context(links(self.workers, self.one.port, isolated=self.is_isolated))
            self.disks: dict[str, Disk] = {}
            if self.is_isolated:
                self.disks["server"] = Disk(self.one.data, SERVER_DISK_BYTES)
                for name in self.workers:
                    self.disks[name] = Disk(self.worker_folder(name), WORKER_DISK_BYTES)
            stack.callback(self._end)
            self.marks = self.folder / "marks"
            self.marks.mkdir()
            (self.marks / "progress").touch()
            self.one.start()
            # Kept for the time when the data folder cannot be read: a stage knows its tokens.
            self.token, self.worker_token = self.one.token, self.one.worker_token
            self._make_job()
            for name in self.workers:
                self.start_worker(name)
            for name in self.workers:
                self.one.wait_worker(name)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def worker_folder(self, name: str) -> Path:
        """A worker's data folder."""
        return self.one.folder / "workers" / name

    def start_worker(self, name: str) -> None:
        """Start a worker at its end of its link, and do not wait."""
        link: Link = self.links[name]
        command = [
            *link.prefix(),
            *(PROGRAM, "worker", "--server", link.address, "--name", name, "--insecure"),
            *("--data", str(self.worker_folder(name)), "--concurrency", str(SLOTS)),
        ]
        environment = clean_environment(self.one.home, **QUICK, ORCHESTRA_TOKEN=self.worker_token)
        program = Program(command[0], command[1:], environment)
        self.one.adopt(program)
        self.one.workers[name] = program

    def start_server(self) -> None:
        """Start the server, and do not wait."""
        self.one.server = self.one.launch(*self.one.server_arguments())

    def is_ready(self) -> bool:
        """Whether the server answers."""
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.one.address}/health/ready", timeout=2).is_success
        return False

    def supervise(self) -> None:
        """Start again what has ended by itself."""
        if self.one.server is not None and not self.one.server.is_running:
            self._note_end(self.one.server, "server")
            self.start_server()
        for name, program in tuple(self.one.workers.items()):
            if not program.is_running:
                self._note_end(program, f"worker {name}")
                self.start_worker(name)

    def executors(self, name: str) -> list[Identity]:
        """Executors of a worker that live."""
        folder = self.worker_folder(name) / "executors"
        found = (Identity.parse(text_of(path)) for path in folder.glob("*.identity"))
        return [one for one in found if one is not None and is_alive(one, boot_id())]

    def held(self, name: str) -> list[str]:
        """Runs in a worker's spool."""
        return sorted(path.name for path in (self.worker_folder(name) / "runs").glob("*") if path.name[0] != ".")

    def progress(self) -> int:
        """How many blocks all runs have written."""
        return (self.marks / "progress").stat().st_size

    def wait_healthy(self) -> None:
        """Wait until the server answers and sees every worker; what ends meanwhile is started again."""

        def look() -> bool:
            self.supervise()
            return self.is_ready()

        wait_for(look, f"the server is ready\n{self.story()}")
        for name in self.workers:
            self.one.wait_worker(name)

    def story(self) -> str:
        """The end of what the programs that live now have printed."""
        programs = [self.one.server, *self.one.workers.values()]
        return "\n".join(one.story()[-3000:] for one in programs if one is not None)

    def _make_job(self) -> None:
        names = ("seed", "blocks", "pace", "code", "trick")
        command = [sys.executable, str(Path(probe.__file__)), "{parameters.seed}", str(self.marks)]
        command += [f"{{parameters.{name}}}" for name in names[1:]]
        parameters = [{"key": name, "is_required": True} for name in names]
        self.one.put_job(JOB, command, parameters=parameters, definition={"grace": 2.0})

    def _note_end(self, program: Program, what: str) -> None:
        lines = program.err.text.splitlines()
        self.ended.append(f"{what}: exit code {program.wait()}: {lines[-1] if lines else ''}")

    def _end(self) -> None:
        self.left = self.one.close()
        self.complaints = [one.story()[-6000:] for one in self.one.programs if one.has_complained(EXPECTED_ERRORS)]


def database_cut(url: str) -> Callable[[], None]:
    """Break every connection to the database once; returns what breaks them."""

    def cut() -> None:
        with suppress(psycopg.Error), psycopg.connect(url, autocommit=True, connect_timeout=int(DEADLINE_S)) as one:
            one.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")

    return cut


__all__ = ["JOB", "PROJECT", "WORKERS", "Stage", "database_cut"]
