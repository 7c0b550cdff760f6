"""The real service under a real uvicorn on a loopback port, with a real SQLite file; tests speak HTTP to it.

What a master and a worker would write, tests write through the same storage functions (`Rig.write`), on
the server's own event loop, and publish the same hints.
"""

from __future__ import annotations

import asyncio
import random
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import uvicorn
from sqlalchemy import Connection

from orchestra.domain.placement import Assignment
from orchestra.domain.run import Cause, CauseCode, Finished, Run, RunStatus, Started, Step
from orchestra.service.app import ServiceApp, create_app
from orchestra.service.connections import ConnectionLimits, guarded
from orchestra.service.first_start import FirstStart, first_start
from orchestra.service.parts import ServiceSettings
from orchestra.storage import hints as topics
from orchestra.storage import runs, workers
from orchestra.storage.artifact_store import ArtifactStore
from orchestra.storage.database import Database, open_database
from orchestra.storage.hints import Hints
from orchestra.storage.logs import LogAppend, LogStore
from orchestra.storage.workers import Connecting

T = TypeVar("T")
WAIT_S = 20.0

JOB = {
    "parameters": [{"key": "name", "default": "world"}, {"key": "count", "type": "integer", "default": 1}],
    "definition": {"type": "commands", "commands": ["echo {parameters.name}"]},
}


class TestClock:
    """Real time, which tests may move ahead, or stop where what they do must take none."""

    __test__ = False

    def __init__(self) -> None:
        self.ahead = timedelta(0)
        self._stopped: tuple[datetime, float] | None = None

    def stop(self) -> None:
        """From here on only `ahead` moves the time."""
        self._stopped = datetime.now(UTC), time.monotonic()

    def now(self) -> datetime:
        return (self._stopped[0] if self._stopped else datetime.now(UTC)) + self.ahead

    def monotonic(self) -> float:
        return (self._stopped[1] if self._stopped else time.monotonic()) + self.ahead.total_seconds()


@dataclass
class Rig:
    """A running service. `api` is a client of the administrator."""

    url: str
    port: int
    first: FirstStart
    api: httpx.Client
    clock: TestClock
    app: ServiceApp
    database: Database
    logs: LogStore
    artifacts: ArtifactStore
    hints: Hints
    loop: asyncio.AbstractEventLoop
    data: Path
    clients: list[httpx.Client] = field(default_factory=list)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the server's loop and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(WAIT_S)

    def write(self, function: Callable[[Connection], T], *hinted: str) -> T:
        """Write as the master would, then publish: `event`, and what else is `hinted`."""

        async def work() -> T:
            result = await self.database.write(function)
            for topic in ("event", *hinted):
                self.hints.publish(topic)
            return result

        return self.run(work())

    def read(self, function: Callable[[Connection], T]) -> T:
        return self.run(self.database.read(function))

    def client(self, token: str | None = None, **options: Any) -> httpx.Client:
        """A client with `token`, or with none."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        made = httpx.Client(base_url=self.url, headers=headers, timeout=WAIT_S, **options)
        self.clients.append(made)
        return made

    def user(self, name: str, *roles: str) -> httpx.Client:
        """Create a user with `roles`; return a client with a token of it."""
        self.api.put(f"/api/v1/users/{name}", json={"roles": list(roles)}).raise_for_status()
        return self.client(self.token(name))

    def token(self, user: str, **body: Any) -> str:
        made = self.api.post(f"/api/v1/users/{user}/authentications", json=body)
        made.raise_for_status()
        return str(made.json()["secret"])

    def sign_in(self) -> tuple[httpx.Client, str]:
        """A client with the administrator's session cookie, and the session's CSRF token."""
        client = self.client()
        answer = client.post("/api/v1/me/login", json={"user": "admin", "password": self.first.token})
        answer.raise_for_status()
        return client, str(answer.json()["csrf_token"])

    # The world that a master and a worker make ----------------------------------------------------

    def job(self, name: str = "build", project: str = "core", **fields: Any) -> None:
        if self.api.get(f"/api/v1/projects/{project}").status_code == 404:
            self.api.put(f"/api/v1/projects/{project}", json={}).raise_for_status()
        self.api.put(f"/api/v1/projects/{project}/jobs/{name}", json={**JOB, **fields}).raise_for_status()

    def trigger(self, name: str = "build", project: str = "core", **body: Any) -> dict[str, Any]:
        answer = self.api.post(f"/api/v1/projects/{project}/jobs/{name}/trigger", json=body)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def worker(self, name: str = "w1", **values: Any) -> None:
        hello = Connecting(
            worker=name,
            version="1",
            protocol=1,
            concurrency=values.pop("concurrency", 4),
            installation=f"disk of {name}",
            boot="1",
            properties=values.pop("properties", {"os": "linux"}),
        )
        self.write(lambda rows: workers.connect(rows, hello, "admin", self.clock.now()))

    def leave(self, worker: str = "w1") -> None:
        """The worker's connection ends."""
        self.write(lambda rows: workers.disconnect(rows, worker, workers.session(rows, worker) or 0, self.clock.now()))

    def assign(self, run: str, worker: str = "w1") -> None:
        one = Assignment(run=run, epoch=0, worker=worker, worker_properties={"os": "linux"})
        assert self.write(lambda rows: runs.claim(rows, [one], self.clock.now()))

    def start(self, run: str, worker: str = "w1") -> None:
        """Assign and start."""
        self.assign(run, worker)
        now = self.clock.now()
        assert isinstance(self.write(lambda rows: runs.record(rows, run, Started(epoch=1, date=now), now)), Run)

    def append(self, run: str, data: bytes, times: tuple[tuple[int, int], ...] = ()) -> None:
        async def work() -> None:
            offset = await self.logs.size(run)
            await self.logs.append_many([LogAppend(run=run, offset=offset, data=data, times=times)])
            self.hints.publish(topics.log(run))

        self.run(work())

    def finish(self, run: str, status: RunStatus = RunStatus.SUCCEEDED, **values: Any) -> None:
        now = self.clock.now()
        size = self.run(self.logs.size(run))
        cause = Cause(CauseCode.SUCCEEDED if status is RunStatus.SUCCEEDED else CauseCode.EXIT_CODE, str(status))
        step = Step(name="echo", command="echo", start_date=now, completion_date=now, exit_code=0, log_end=size)
        fact = Finished(epoch=1, status=status, cause=cause, date=now, steps=(step,), log_size=size, **values)
        assert isinstance(self.write(lambda rows: runs.record(rows, run, fact, now), topics.log(run)), Run)

    def done(self, data: bytes = b"", **values: Any) -> str:
        """A run of `core/build` that wrote `data` and succeeded; its identifier."""
        run = str(self.trigger()["identifier"])
        self.start(run)
        if data:
            self.append(run, data)
        self.finish(run, **values)
        return run


@contextmanager
def running(
    data: Path,
    settings: ServiceSettings | None = None,
    database: str | None = None,
    beside: Rig | None = None,
    limits: ConnectionLimits = ConnectionLimits(),  # noqa: B008 - a frozen value
) -> Iterator[Rig]:
    """Start the service with an empty database (at the URL `database`, or SQLite in `data`); stop it at the end.

    `beside`: another server of the same database, which made the administrator.
    """
    ready: threading.Event = threading.Event()
    made: dict[str, Any] = {}
    where = database or f"sqlite:///{data / 'orchestra.db'}"
    # The protocol must be named, or asyncio leaves Nagle's algorithm on: each answer would then take 40 ms.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(2048)
        port = listening.getsockname()[1]
        thread = threading.Thread(
            target=lambda: asyncio.run(
                _serve(data, settings or ServiceSettings(), where, listening, made, ready, limits)
            ),
            daemon=True,
        )
        thread.start()
        assert ready.wait(WAIT_S), "the server did not start"
        url = f"http://127.0.0.1:{port}"
        first: FirstStart = made["first"] if beside is None else beside.first
        base = settings.base_path if settings else ""
        rig = Rig(
            url=url + base,
            port=port,
            first=first,
            api=httpx.Client(base_url=url + base, headers={"Authorization": f"Bearer {first.token}"}, timeout=WAIT_S),
            data=data,
            **{name: made[name] for name in ("clock", "app", "database", "logs", "artifacts", "hints", "loop")},
        )
        try:
            yield rig
        finally:
            made["loop"].call_soon_threadsafe(made["app"].stop)
            made["server"].should_exit = True
            thread.join(WAIT_S)
            for client in (rig.api, *rig.clients):
                client.close()
            assert not thread.is_alive(), "the server did not stop"


async def _serve(
    data: Path,
    settings: ServiceSettings,
    url: str,
    listening: socket.socket,
    made: dict[str, Any],
    ready: threading.Event,
    limits: ConnectionLimits,
) -> None:
    clock, chance = TestClock(), random.SystemRandom()
    database = open_database(url)
    hints = Hints()
    logs = LogStore(data / "logs", database)
    artifacts = ArtifactStore(data / "artifacts", database)
    made |= {"clock": clock, "database": database, "hints": hints, "loop": asyncio.get_running_loop()}
    made |= {"logs": logs, "artifacts": artifacts}
    made["first"] = await first_start(database, data, clock, chance)
    app = create_app(
        database=database,
        logs=logs,
        artifacts=artifacts,
        hints=hints,
        clock=clock,
        random=chance,
        settings=settings,
    )
    made["app"] = app
    config = uvicorn.Config(
        app,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        http=guarded(limits),
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config, ready)
    made["server"] = server
    await server.serve([listening])
    await database.close()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: threading.Event) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()
