"""S-03 and expiry: whoever loses access loses what is open, too; on the server that took it and on every other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from integration.service.rig import Rig, running
from integration.service.test_live import Live, open_socket
from integration.service.test_logs import Stream
from orchestra.service import access_watch

LARGE = b"a line of a log that is longer than every buffer on its way\n" * 1_000_000


@dataclass
class Reader:
    """A user `ada` with a token that is hers alone, at `service`; `home` is where the administrator works."""

    home: Rig
    service: Rig
    token: str
    authentication: str
    run: str

    @property
    def client(self) -> httpx.Client:
        return self.service.client(self.token)


def reader(home: Rig, service: Rig, **token: Any) -> Reader:
    home.job()
    home.worker()
    home.api.put("/api/v1/users/ada", json={"roles": ["Viewer"]}).raise_for_status()
    made = home.api.post("/api/v1/users/ada/authentications", json=token)
    made.raise_for_status()
    run = str(home.trigger()["identifier"])
    home.start(run)
    return Reader(home, service, made.json()["secret"], made.json()["identifier"], run)


def disable(one: Reader) -> None:
    one.home.api.patch("/api/v1/users/ada", json={"is_enabled": False}).raise_for_status()


def delete_token(one: Reader) -> None:
    one.home.api.delete(f"/api/v1/users/ada/authentications/{one.authentication}").raise_for_status()


def delete_user(one: Reader) -> None:
    one.home.api.delete("/api/v1/users/ada").raise_for_status()


def take_role(one: Reader) -> None:
    one.home.api.patch("/api/v1/users/ada", json={"roles": ["Viewer@other"]}).raise_for_status()


def expire(one: Reader) -> None:
    path = f"/api/v1/users/ada/authentications/{one.authentication}"
    past = (one.home.clock.now() - timedelta(seconds=1)).isoformat()
    one.home.api.patch(path, json={"expiration_date": past}).raise_for_status()


LOSSES: list[Callable[[Reader], None]] = [disable, delete_token, delete_user, take_role, expire]


@pytest.fixture(params=["one server", "another server on PostgreSQL"])
def ada(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Reader]:
    if request.param == "one server":
        with running(tmp_path) as service:
            yield reader(service, service)
        return
    url = request.getfixturevalue("postgres_url")
    with running(tmp_path, database=url) as home, running(tmp_path, database=url, beside=home) as service:
        yield reader(home, service)


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
    ada.home.api.patch("/api/v1/users/ada", json={"roles": []}).raise_for_status()
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
    ada.home.append(ada.run, LARGE)
    with ada.client.stream("GET", f"/api/v1/runs/{ada.run}/log") as answer:
        assert answer.status_code == 200
        received = 0
        with pytest.raises(httpx.RemoteProtocolError):
            for piece in answer.iter_raw():
                if not received:
                    lose(ada)
                    ada.service.clock.ahead += timedelta(seconds=access_watch.ACCESS_S)
                received += len(piece)
        assert received < len(LARGE)
