"""A real installation for tests: servers and workers as processes, with folders, ports and tokens of their own.

    with Installation(tmp_path, "up") as one:
        one.start()
        one.put_job("hello", "echo hello")
        assert one.run("hello").status == "succeeded"

`start` returns once the program printed `ready`; `stop` ends it as people do, `kill` as a power cut
would. Servers keep their port, so workers find them again. Leaving the `with` ends whatever still
lives, by its process id, and fails the test when anything outlived its end (executors, commands,
children), or when a program printed a traceback or an error of its own.

Rules: only processes that this module started are ended, or those that carry this installation's
folder in their command line, environment or working directory. Nothing of the user's own settings
reaches the programs: they get a fresh HOME and no ORCHESTRA_* variables but those that a test names.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import httpx
import msgspec
import psutil

from orchestra.client import Client
from orchestra.client.entities import Run
from orchestra.domain.errors import OrchestraError
from orchestra.domain.run import ACTIVE, TERMINAL, RunStatus
from support.waiting import wait_for

PROGRAM = str(Path(sys.executable).with_name("orchestra"))
DEADLINE_S = 60.0
"""Only there so that a broken program ends the test with a sentence instead of hanging it."""

LINGER_S = 15.0
"""How long what servers and workers left may take to end by itself."""

PROJECT = "tests"
WORKERS_USER = "builders"


def free_port() -> int:
    """A port of this machine that nobody listens on now.

    Below those that the kernel hands to outgoing connections (ip(7), ip_local_port_range): one of them could take a
    server's port while that is away, or even connect to itself.
    """
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """What a program gets: the paths of this machine, a home of its own, and nothing that speaks to Orchestra."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    return {**kept, "HOME": str(home), **more}


class Output:
    """The lines of a pipe, read by a thread of its own so that the program never waits for us."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._changed = threading.Condition()
        self._lines: list[str] = []
        self._is_over = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for line in self._stream:
            with self._changed:
                self._lines.append(line.decode(errors="replace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    @property
    def text(self) -> str:
        """Everything that was printed so far."""
        with self._changed:
            return "\n".join(self._lines)

    def wait_line(self, fits: Callable[[str], bool], after: int = 0) -> str | None:
        """Wait for a line (from the one numbered `after` on) that fits; None when the pipe ended or time is over."""
        position = after

        def found() -> str | None:
            nonlocal position
            for line in self._lines[position:]:
                position += 1
                if fits(line):
                    return line
            return None

        with self._changed:
            hit: list[str] = []

            def look() -> bool:
                line = found()
                if line is not None:
                    hit.append(line)
                return bool(hit) or self._is_over

            self._changed.wait_for(look, DEADLINE_S)
            return hit[0] if hit else None

    def join(self) -> None:
        """The program ended: read what is left and close the pipe."""
        self._thread.join(DEADLINE_S)
        if not self._thread.is_alive():
            self._stream.close()


class Program:
    """One process that runs `orchestra` (the file `program`) with some arguments."""

    def __init__(self, program: str, arguments: Sequence[str], environment: dict[str, str]) -> None:
        self.arguments = tuple(arguments)
        # A group of its own: Ctrl-C at the terminal of the tests is for the tests alone.
        self._process = subprocess.Popen(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        assert self._process.stdout is not None and self._process.stderr is not None
        self.out = Output(self._process.stdout)
        self.err = Output(self._process.stderr)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def send_signal(self, number: int) -> None:
        """Send it a signal, as `kill` does."""
        os.kill(self.pid, number)

    def wait_line(self, text: str, *, stream: str = "out", after: int = 0) -> str:
        """Wait for a line with `text` in it; fail with everything that was printed when there is none."""
        output = self.out if stream == "out" else self.err
        line = output.wait_line(lambda one: text in one, after)
        assert line is not None, f"expected a line with {text!r}\n{self.story()}"
        return line

    def wait(self) -> int:
        """Wait for the end and return the exit code."""
        try:
            code = self._process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"did not end\n{self.story()}") from None
        self.out.join()
        self.err.join()
        return code

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it as people do; return the exit code."""
        if self.is_running:
            self.send_signal(number)
        return self.wait()

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.is_running:
            self.send_signal(signal.SIGKILL)
        self.wait()

    def has_complained(self, expected: Sequence[str] = ()) -> bool:
        """Whether it printed a traceback, or a line of the level error that is none of the `expected` events."""
        lines = self.err.text.splitlines()
        errors = [line for line in lines if '"level": "error"' in line]
        foreseen = [line for line in errors if any(f'"event": "{event}"' in line for event in expected)]
        return len(errors) > len(foreseen) or any("Traceback" in line for line in lines)

    def story(self) -> str:
        """What it is and what it printed, for failures."""
        return f"orchestra {' '.join(self.arguments)}\n--- output\n{self.out.text}\n--- errors\n{self.err.text}"


@dataclass(frozen=True, slots=True)
class Done:
    """A command that ended: what it printed and its exit code."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()


@dataclass
class Installation:
    """A server with its data folder below `folder`, and the workers that were started for it.

    `command` is `up` or `server`, `arguments` are further ones of it; `base_path` is where it answers.
    """

    folder: Path
    command: str = "up"
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    base_path: str = ""
    program: str = PROGRAM
    expected_errors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.folder = self.folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.home = self.folder / "home"
        self.home.mkdir(exist_ok=True)
        self.data = self.folder / "data"
        self.port = free_port()
        self.server: Program | None = None
        self.workers: dict[str, Program] = {}
        self._programs: list[Program] = []
        self._http: httpx.Client | None = None
        self._client: Client | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        left = self.close()
        if kind is None:
            assert not left, "outlived their end:\n" + "\n".join(left)
            complaints = [one.story() for one in self._programs if one.has_complained(self.expected_errors)]
            assert not complaints, "\n\n".join(complaints)

    # Processes

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.base_path}"

    def launch(self, *arguments: str, **environment: str) -> Program:
        """Start a program of this installation; it is ended with it."""
        program = Program(self.program, arguments, clean_environment(self.home, **self.environment, **environment))
        self._programs.append(program)
        return program

    def adopt(self, program: Program) -> None:
        """End this program with the installation, although somebody else started it."""
        self._programs.append(program)

    @property
    def programs(self) -> tuple[Program, ...]:
        """Every program that was started so far."""
        return tuple(self._programs)

    def server_arguments(self) -> list[str]:
        """How the server is started."""
        browser = ["--no-browser"] if self.command == "up" else []
        return [self.command, "--data", str(self.data), "--port", str(self.port), *browser, *self.arguments]

    def start(self) -> Program:
        """Start the server (again) and wait until it says that it is ready."""
        self._forget_connections()
        self.server = self.launch(*self.server_arguments())
        self.server.wait_line("ready ")
        return self.server

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop the server as people do."""
        assert self.server is not None
        return self.server.stop(number)

    def kill(self) -> None:
        """End the server as a power cut would."""
        assert self.server is not None
        self.server.kill()

    def start_worker(self, name: str, *more: str, concurrency: int = 5) -> Program:
        """Start a worker (again) with its own data folder, and wait until the server says that it is connected."""
        worker = self.launch_worker(name, *more, concurrency=concurrency)
        self.wait_worker(name)
        return worker

    def launch_worker(
        self, name: str, *more: str, concurrency: int = 5, data: Path | None = None, token: str | None = None
    ) -> Program:
        """Start a worker and do not wait for anything."""
        folder = data or self.folder / "workers" / name
        program = self.launch(
            *("worker", "--server", self.address, "--name", name, "--data", str(folder)),
            *("--concurrency", str(concurrency), *more),
            ORCHESTRA_TOKEN=token or self.worker_token,
        )
        self.workers[name] = program
        return program

    def wait_worker(self, name: str, *, is_active: bool = True) -> None:
        """Wait until the server says that the worker is connected, or is not."""

        def look() -> bool:
            program = self.workers.get(name)
            assert not is_active or program is None or program.is_running, "it ended"
            return self._is_active(name) is is_active

        try:
            wait_for(look, "connected" if is_active else "disconnected")
        except AssertionError as error:
            raise AssertionError(f"worker {name}: {error}\n{self.story()}") from None

    def _is_active(self, name: str) -> bool | None:
        answer = self.http.get(f"/workers/{name}")
        return bool(answer.json()["is_active"]) if answer.status_code == 200 else None

    def processes(self) -> list[psutil.Process]:
        """Everything alive that belongs to this installation: servers, workers, executors, and what runs started."""
        ours = str(self.folder)
        return [one for one in psutil.process_iter() if one.pid != os.getpid() and _belongs(one, ours)]

    def close(self) -> list[str]:
        """End everything; return what outlived its end, one line each."""
        with suppress(OrchestraError, httpx.HTTPError, OSError, AssertionError):
            self._abort_active()
        self._forget_connections()
        for program in reversed(self._programs):
            if program.is_running:
                program.send_signal(signal.SIGCONT)
                program.send_signal(signal.SIGTERM)
        for program in reversed(self._programs):
            with suppress(AssertionError):
                program.wait()
            program.kill()
        psutil.wait_procs(self.processes(), timeout=LINGER_S)
        left = [_describe(one) for one in self.processes()]
        while found := self.processes():
            for one in found:
                with suppress(psutil.NoSuchProcess):
                    one.kill()
            psutil.wait_procs(found, timeout=DEADLINE_S)
        return left

    def story(self) -> str:
        """What every program printed, for failures."""
        return "\n\n".join(program.story() for program in self._programs)

    # Access

    @property
    def token(self) -> str:
        """The administrator's."""
        return (self.data / "admin-token").read_text().strip()

    @property
    def client(self) -> Client:
        if self._client is None:
            self._client = Client(self.address, self.token)
        return self._client

    @property
    def http(self) -> httpx.Client:
        """The API as raw HTTP, as the administrator."""
        if self._http is None:
            self._http = self.http_as(self.token)
        return self._http

    def http_as(self, token: str | None) -> httpx.Client:
        """The API as raw HTTP, as somebody else; close it."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.address + "/api/v1", headers=headers, timeout=DEADLINE_S)

    def _forget_connections(self) -> None:
        if self._http is not None:
            self._http.close()
        if self._client is not None:
            self._client.close()
        self._http = self._client = None

    @property
    def worker_token(self) -> str:
        """A token for workers; the user and the token are made when they are asked for first."""
        file = self.folder / "worker-token"
        if not file.exists():
            file.write_text(self.new_token(WORKERS_USER, "Worker"))
        return file.read_text()

    def new_token(self, user: str, *roles: str) -> str:
        """Make a user with these roles if need be, and a token of it."""
        made = self.http.put(f"/users/{user}", json={"display_name": user, "roles": list(roles)})
        assert made.is_success, made.text
        answer = self.http.post(f"/users/{user}/authentications", json={"description": "a test"})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["secret"])

    def orchestra(
        self, *arguments: str, stdin: bytes = b"", token: str | None = None, server: str | None = None
    ) -> Done:
        """Run one command against this server to its end."""
        done = subprocess.run(
            [self.program, *arguments],
            input=stdin,
            capture_output=True,
            timeout=DEADLINE_S,
            check=False,
            env=self.command_environment(token=token, server=server),
        )
        return Done(done.returncode, done.stdout, done.stderr.decode())

    def command_environment(self, *, token: str | None = None, server: str | None = None) -> dict[str, str]:
        """How a command finds this server."""
        return clean_environment(
            self.home,
            ORCHESTRA_SERVER=self.address if server is None else server,
            ORCHESTRA_TOKEN=self.token if token is None else token,
        )

    def access(self) -> dict[str, str]:
        """Environment variables with which a command that is launched finds this server, as the administrator."""
        return {"ORCHESTRA_SERVER": self.address, "ORCHESTRA_TOKEN": self.token}

    # Jobs and runs

    def put_job(self, job: str, *commands: Any, project: str = PROJECT, **fields: Any) -> dict[str, Any]:
        """Make a job of `commands`; `definition` in `fields` adds to its definition, the rest to the job."""
        if self.http.get(f"/projects/{project}").status_code == 404:
            assert self.http.put(f"/projects/{project}", json={}).is_success
        definition = {"type": "commands", "commands": list(commands), "grace": 5.0, **fields.pop("definition", {})}
        answer = self.http.put(f"/projects/{project}/jobs/{job}", json={"definition": definition, **fields})
        assert answer.is_success, answer.text
        value: dict[str, Any] = answer.json()
        return value

    def trigger(self, job: str, parameters: dict[str, Any] | None = None, **more: Any) -> Run:
        """Trigger a job of the tests' project."""
        return self.client.trigger(PROJECT, job, parameters, **more)

    def run(self, job: str, parameters: dict[str, Any] | None = None) -> Run:
        """Trigger a job and wait for its end."""
        return self.wait_end(self.trigger(job, parameters).identifier)

    def wait_end(self, run: str) -> Run:
        """Wait until the run is terminal."""
        return self.wait_run(run, lambda one: one.status in TERMINAL)

    def wait_running(self, run: str) -> Run:
        """Wait until the run runs; it must not end before."""
        found = self.wait_run(run, lambda one: one.status is RunStatus.RUNNING or one.status in TERMINAL)
        assert found.status is RunStatus.RUNNING, found
        return found

    def wait_run(self, run: str, fits: Callable[[Run], bool]) -> Run:
        """Wait until the run is as `fits` says, and return it."""
        last: list[Run] = []

        def look() -> Run | None:
            last[:] = [self.client.run(run)]
            return last[0] if fits(last[0]) else None

        try:
            found = wait_for(look, f"run {run}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{last}\n{self.story()}") from None
        assert found is not None
        return found

    def explain(self, run: str) -> dict[str, Any]:
        """Why the run is where it is."""
        found: dict[str, Any] = msgspec.to_builtins(self.client.explain(run))
        return found

    def events(self, run: str) -> list[dict[str, Any]]:
        """What happened to the run, oldest first."""
        items: list[dict[str, Any]] = self.http.get(f"/runs/{run}/events").json()["items"]
        return items

    def _abort_active(self) -> None:
        """End the runs that a test that failed left under way, where there are a server and a worker to do it."""
        if self.server is None or not self.server.is_running:
            return
        for run in list(self.client.runs(status=[str(one) for one in ACTIVE])):
            if run.worker is not None and self._is_active(run.worker):
                self.client.abort(run.identifier)
                self.wait_end(run.identifier)


class Gate:
    """A FIFO at which commands wait (`command`) until the test opens it: no job ends earlier or later than it may."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path, 0o600)

    @property
    def command(self) -> str:
        """A shell command that waits here."""
        return f"cat {self.path}"

    def open(self) -> None:
        """Let whoever waits go on; wait for one to come if there is none."""
        descriptor = wait_for(self._writer, f"somebody waits at {self.path}")
        assert descriptor is not None
        os.close(descriptor)

    def _writer(self) -> int | None:
        try:
            return os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return None


def read_events(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """Server-sent events (WHATWG HTML 9.2) of an answer's lines: each with `event`, `data` and `id` where given."""
    event: dict[str, str] = {}
    for line in lines:
        if not line:
            if "data" in event:
                yield event
            event = {}
            continue
        name, _, value = line.partition(":")
        if name:
            value = value.removeprefix(" ")
            event[name] = f"{event[name]}\n{value}" if name == "data" and name in event else value


def _belongs(process: psutil.Process, folder: str) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        texts = (*process.cmdline(), *process.environ().values(), process.cwd())
    except (psutil.Error, OSError):
        return False
    return any(folder in text for text in texts)


def words_of(process: psutil.Process) -> list[str]:
    """The command line, empty for a process that has just ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _describe(process: psutil.Process) -> str:
    try:
        return f"{process.pid}: {' '.join(process.cmdline())[:300]}"
    except psutil.Error:
        return f"{process.pid}: gone since"
