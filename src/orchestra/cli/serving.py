"""The server process: master and service on one event loop, behind one port. Its composition root.

    data folder (0700, locked) → database (migrated) → first administrator → log store, hints
        → master ┐
        → service├─ one port: /api/v1/workers/connect is the master's, everything else the service's
        → what `up` runs beside (example project, local worker) → `ready`

`/health/ready` says yes, and the line `ready URL` is printed, only when all of it stands. SIGTERM and
SIGINT end it: what runs beside first, then the workers hear a goodbye, then connections close and the
writer finishes what it accepted.
"""

import asyncio
import contextlib
import fcntl
import gc
import os
import random
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import uvicorn
from sqlalchemy.engine import URL

from orchestra import telemetry
from orchestra.cli.clock import SystemClock
from orchestra.cli.database_wait import open_when_there
from orchestra.config import ServerSettings
from orchestra.domain.errors import Unavailable
from orchestra.master.app import Master
from orchestra.master.listener import WEBSOCKET_BYTES, Listener
from orchestra.service.app import create_app
from orchestra.service.connections import guarded
from orchestra.service.first_start import FirstStart, first_start
from orchestra.service.parts import ServiceSettings
from orchestra.storage.artifact_store import ArtifactStore
from orchestra.storage.database import Database
from orchestra.storage.hints import Hints
from orchestra.storage.logs import LogStore

WORKER_PATH: Final = "/api/v1/workers/connect"
GRACE_S: Final = 3
"""How long open requests may take when the server stops; live connections are closed at once."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """A server that answers, as what runs beside it sees it. `first` is there at the very first start."""

    address: str
    data: Path
    database: Database
    hints: Hints
    clock: SystemClock
    random: random.Random
    first: FirstStart | None


class Beside(Protocol):
    """What runs beside the server and is ready before the server says so."""

    async def start(self, installation: Installation) -> None:
        """Return when it is ready."""

    def ready(self, installation: Installation) -> None:
        """The line `ready` was printed."""

    def signalled(self, number: int) -> None:
        """The process got SIGTERM or SIGINT; may come more than once."""

    async def stop(self) -> None:
        """Return when it has ended."""


def run_server(settings: ServerSettings, data: Path, beside: Beside | None = None) -> int:
    """Run until a signal ends it; return the exit code. Raises OrchestraError when it cannot start."""
    os.umask(0o077)
    # Runs see it as ORCHESTRA_DATA, from folders of their own.
    data = data.absolute()
    telemetry.configure(settings.log_level, settings.log_format)
    with (
        _locked(data),
        _listening(settings.host, settings.port) as listening,
        asyncio.Runner(loop_factory=_loop_factory()) as runner,
    ):
        return runner.run(_serve(settings, data, listening, beside))


async def _serve(settings: ServerSettings, data: Path, listening: socket.socket, beside: Beside | None) -> int:
    clock, chance = SystemClock(), random.SystemRandom()
    # Not a text to be parsed: a folder's name may hold anything.
    url = settings.database or URL.create("sqlite", database=str(data / "orchestra.db"))
    stopping = asyncio.Event()
    _hear_signals(stopping, None)
    database = await open_when_there(url, settings.database_wait_s, listening, stopping)
    if database is None:
        return 0
    try:
        first = await first_start(database, data, clock, chance)
        hints = Hints()
        logs = LogStore(data / "logs", database)
        artifacts = ArtifactStore(data / "artifacts", database)
        master = Master(
            database=database,
            logs=logs,
            artifacts=artifacts,
            hints=hints,
            clock=clock,
            random=chance,
            settings=settings,
        )
        ready = asyncio.Event()
        service = create_app(
            database=database,
            logs=logs,
            artifacts=artifacts,
            hints=hints,
            clock=clock,
            random=chance,
            settings=ServiceSettings(
                base_path=settings.base_path,
                trusted_proxies=settings.trusted_proxies,
                data=data,
                disk_free_bytes=settings.disk_free_bytes,
            ),
            away_s=master.away_s,
            is_ready=ready.is_set,
        )
        server = _Uvicorn(_switch(service, Listener(master), settings.base_path), service.stop)
        address = f"http://{_host(settings.host)}:{listening.getsockname()[1]}{settings.base_path}"
        installation = Installation(
            address=address, data=data, database=database, hints=hints, clock=clock, random=chance, first=first
        )
        parts = _run_parts(master, server, listening, stopping, installation=installation, beside=beside, ready=ready)
        await parts
    finally:
        await database.close()
    telemetry.emit(telemetry.LogEvent.SERVER_STOPPED)
    return 0


async def _run_parts(
    master: Master,
    server: "_Uvicorn",
    listening: socket.socket,
    stopping: asyncio.Event,
    *,
    installation: Installation,
    beside: Beside | None,
    ready: asyncio.Event,
) -> None:
    """Run everything until a signal comes; an error in one part ends all."""
    _hear_signals(stopping, beside)
    async with asyncio.TaskGroup() as group:
        mastering = group.create_task(master.run(), name="master")
        serving = group.create_task(server.serve([listening]), name="service")
        await server.answers.wait()
        try:
            if beside is not None:
                starting = asyncio.ensure_future(beside.start(installation))
                stopped = asyncio.ensure_future(stopping.wait())
                await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
                stopped.cancel()
                if starting.done():
                    starting.result()
                else:
                    starting.cancel()
            if not stopping.is_set():
                # What is here now stays: to look through it for garbage takes 50 ms each time.
                gc.collect()
                gc.freeze()
                ready.set()
                _say_ready(installation)
                if beside is not None:
                    beside.ready(installation)
                await stopping.wait()
        finally:
            ready.clear()
            if beside is not None:
                await beside.stop()
            # Before the port closes: the workers hear that the server leaves, and why.
            mastering.cancel()
            await asyncio.wait({mastering})
            server.should_exit = True
            await serving


def _say_ready(installation: Installation) -> None:
    telemetry.emit(telemetry.LogEvent.SERVER_STARTED, address=installation.address, data=str(installation.data))
    if installation.first is not None:
        print(f"administrator: admin, token in {installation.data / 'admin-token'}")
        print(f"sign in once with: {installation.address}/login?code={installation.first.code}")
    print(f"ready {installation.address}", flush=True)


def _hear_signals(stopping: asyncio.Event, beside: Beside | None) -> None:
    def hear(number: int) -> None:
        stopping.set()
        if beside is not None:
            beside.signalled(number)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, hear, number)


def _switch(service: Application, workers: Application, base_path: str) -> Application:
    """One port for two: the worker's WebSocket goes to the master, everything else to the service."""
    path = base_path + WORKER_PATH

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and scope["path"] == path:
            await workers(scope, receive, send)
        else:
            await service(scope, receive, send)

    return application


class _Uvicorn(uvicorn.Server):
    """uvicorn, without its own signal handlers, and with an event for "it answers now"."""

    def __init__(self, application: Application, on_stop: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                ws="websockets-sansio",
                ws_per_message_deflate=False,  # doubles to quadruples the memory of a connection
                ws_ping_interval=None,  # both protocols on it have heartbeats of their own
                ws_max_size=WEBSOCKET_BYTES,
                http=guarded(),
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._on_stop = on_stop
        self.answers = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the process, not to one of its parts."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell who waits."""
        await super().startup(sockets)
        self.answers.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End streams and live connections first: what is waited for would otherwise be they."""
        self._on_stop()
        await super().shutdown(sockets)


@contextlib.contextmanager
def _locked(data: Path) -> Iterator[None]:
    """Make the data folder and hold it: two servers on one embedded database would each be half a server.

    Raises Unavailable when it cannot be made or written, or another server holds it.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (data / "server.lock").open("w")
    except OSError as error:
        raise Unavailable(f"cannot use the data folder {data}: {error.strerror}; try --data") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Unavailable(f"another server uses the data folder {data}") from None
        yield


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A listening socket that children do not inherit. Raises Unavailable when the address is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
        except OSError as error:
            raise Unavailable(f"cannot listen on {host} port {port}: {error.strerror}; try --port") from error
        listening.listen(2048)
        listening.setblocking(False)
        # Accepted connections inherit it: without it a small answer can wait 40 ms for Nagle.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield listening


def _host(host: str) -> str:
    """The address that reaches us from this machine, as it stands in a URL."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{reachable}]" if ":" in reachable else reachable


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop: the server spawns nothing on it."""
    import uvloop  # noqa: PLC0415 - only the server's loop; workers use the standard one

    return uvloop.new_event_loop


def stderr(line: str) -> None:
    """One line for the person at the terminal, not for programs that read standard output."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
