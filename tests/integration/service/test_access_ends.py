"""S-03 and expiry: whoever loses access loses what is open, too; on the server that took it and on every other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

import httpx
import pytest

from integration.service.rig import Rig, running
from integration.service.test_live import Live, open_socket
from integration.service.test_logs import Stream
from orchestra.config import ServerSettings
from orchestra.master.app import Master
from orchestra.master.listener import Listener
from orchestra.service import access_watch
from orchestra.wire.messages import CloseCode
from support.postgres import new_database

NUMBERS = count(1)
LARGE_BYTES = 24 << 20
"""A log that is longer than every buffer on its way."""


@dataclass
class Reader:
    """A user with a token that is hers alone, at `service`; `home` is where the administrator works."""

    home: Rig
    service: Rig
    user: str
    token: str
    authentication: str
    run: str

    @property
    def account(self) -> str:
        return f"/api/v1/users/{self.user}"

    @property
    def client(self) -> httpx.Client:
        return self.service.client(self.token)


def reader(home: Rig, service: Rig) -> Reader:
    """A new user, a Viewer, and a run that is running."""
    name = f"reader-{next(NUMBERS)}"
    home.api.put(f"/api/v1/users/{name}", json={"roles": ["Viewer"]}).raise_for_status()
    made = home.api.post(f"/api/v1/users/{name}/authentications", json={})
    made.raise_for_status()
    # Again each time: a master that starts takes nobody for connected.
    home.worker(concurrency=1000)
    run = str(home.trigger()["identifier"])
    home.start(run)
    return Reader(home, service, name, made.json()["secret"], made.json()["identifier"], run)


def disable(one: Reader) -> None:
    one.home.api.patch(one.account, json={"is_enabled": False}).raise_for_status()


def delete_token(one: Reader) -> None:
    one.home.api.delete(f"{one.account}/authentications/{one.authentication}").raise_for_status()


def delete_user(one: Reader) -> None:
    one.home.api.delete(one.account).raise_for_status()


def take_role(one: Reader) -> None:
    one.home.api.patch(one.account, json={"roles": ["Viewer@other"]}).raise_for_status()


def expire(one: Reader) -> None:
    path = f"{one.account}/authentications/{one.authentication}"
    past = (one.home.clock.now() - timedelta(seconds=1)).isoformat()
    one.home.api.patch(path, json={"expiration_date": past}).raise_for_status()


LOSSES: list[Callable[[Reader], None]] = [disable, delete_token, delete_user, take_role, expire]


@pytest.fixture(scope="module", params=["one server", "another server on PostgreSQL"])
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Rig, Rig]]:
    """(The server where rights are taken, the server where something is open)."""
    data = tmp_path_factory.mktemp("servers")
    with ExitStack() as stack:
        url = None
        if request.param != "one server":
            url = stack.enter_context(new_database(request.getfixturevalue("postgres_server_url")))
        home = stack.enter_context(running(data, database=url))
        service = home if url is None else stack.enter_context(running(data, database=url, beside=home))
        home.job()
        yield home, service


@pytest.fixture
def ada(servers: tuple[Rig, Rig]) -> Reader:
    return reader(*servers)


@pytest.mark.parametrize("lose", LOSSES)
def test_s03_the_stream_of_a_log_ends_with_the_access(ada: Reader, lose: Callable[[Reader], None]) -> None:
    stream = Stream(ada.client, f"/api/v1/runs/{ada.run}/log/stream")
    lose(ada)
    assert stream.over() == []


@pytest.mark.parametrize("lose", [one for one in LOSSES if one is not take_role])
def test_s03_the_stream_of_events_ends_with_the_access(ada: Reader, lose: Callable[[Reader], None]) -> None:
    stream = Stream(ada.client, "/api/v1/events?topic=projects")
    lose(ada)
    assert stream.over() == []


def test_s03_the_stream_of_events_ends_with_the_last_role(ada: Reader) -> None:
    stream = Stream(ada.client, "/api/v1/events?topic=projects")
    ada.home.api.patch(ada.account, json={"roles": []}).raise_for_status()
    assert stream.over() == []


@pytest.mark.parametrize("lose", [one for one in LOSSES if one is not take_role])
def test_s03_the_live_connection_ends_with_the_access(ada: Reader, lose: Callable[[Reader], None]) -> None:
    with open_socket(ada.service, {"Authorization": f"Bearer {ada.token}"}) as socket:
        connection = Live(socket)
        assert connection.next()["type"] == "hello"
        connection.sub(f"log:{ada.run}")
        connection.type("log")
        lose(ada)
        assert connection.closed() == 4401


@pytest.mark.parametrize("lose", LOSSES)
def test_s03_the_download_of_a_log_is_cut_off_with_the_access(ada: Reader, lose: Callable[[Reader], None]) -> None:
    ada.home.append(ada.run, bytes(LARGE_BYTES))
    with ada.client.stream("GET", f"/api/v1/runs/{ada.run}/log") as answer:
        assert answer.status_code == 200
        received = 0
        with pytest.raises(httpx.RemoteProtocolError):
            for piece in answer.iter_raw():
                if not received:
                    lose(ada)
                    ada.service.clock.ahead += timedelta(seconds=access_watch.ACCESS_S)
                received += len(piece)
        assert received < LARGE_BYTES


class WorkerConnection:
    """A worker's connection to `service`, which runs a master for it; it says nothing, and hears how it ends."""

    def __init__(self, service: Rig, token: str) -> None:
        self._service = service
        self._token = token
        self._said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        service.run(self._open())

    async def _open(self) -> None:
        service = self._service
        master = Master(
            database=service.database,
            logs=service.logs,
            artifacts=service.artifacts,
            hints=service.hints,
            clock=service.clock,
            random=service.app.parts.random,
            # Only what it is told must end it here, and it may take its time to introduce itself.
            settings=ServerSettings(authority_s=60.0, hello_timeout_s=60.0),
        )
        self._tasks.append(asyncio.create_task(master.run()))
        await master.answers.wait()
        asked = iter(("websocket.connect",))

        async def receive() -> dict[str, Any]:
            for kind in asked:
                return {"type": kind}
            await asyncio.Event().wait()
            raise AssertionError("it waits for ever")

        async def send(message: Any) -> None:
            self._said.put_nowait(message)

        scope = {"type": "websocket", "headers": [(b"authorization", f"Bearer {self._token}".encode())]}
        self._tasks.append(asyncio.create_task(Listener(master)(scope, receive, send)))
        assert (await self._said.get())["type"] == "websocket.accept"

    def closed(self) -> tuple[int, str]:
        """How the server closes it: code and reason."""
        return self._service.run(self._wait_closed())

    async def _wait_closed(self) -> tuple[int, str]:
        while True:
            said = await self._said.get()
            if said["type"] == "websocket.close":
                return said["code"], said["reason"]

    def close(self) -> None:
        self._service.run(self._end())

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)


@pytest.mark.parametrize("lose", [one for one in LOSSES if one is not delete_user])
def test_s03_a_worker_is_disconnected_with_the_access(ada: Reader, lose: Callable[[Reader], None]) -> None:
    ada.home.api.patch(ada.account, json={"roles": ["Worker"]}).raise_for_status()
    with closing(WorkerConnection(ada.service, ada.token)) as connection:
        lose(ada)
        code, reason = connection.closed()
        assert code == CloseCode.UNAUTHORIZED
        assert ada.user in reason or "the token has expired or was deleted" in reason
