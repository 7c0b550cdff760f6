"""The token that a run's commands receive: it speaks for the run, in the run's project, as long as the run lives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from integration.service.rig import Rig
from integration.service.test_live import live
from orchestra.domain.access import TokenKind
from orchestra.domain.placement import Assignment
from orchestra.domain.run import GivenBack, Started
from orchestra.storage import runs, tokens

SECRET = b"s" * tokens.SECRET_BYTES


@dataclass
class Running:
    """A run that is running, and a client with its token."""

    rig: Rig
    run: str
    token: str
    client: httpx.Client


@pytest.fixture
def running(service: Rig) -> Iterator[Running]:
    service.job()
    service.job(project="other")
    service.worker()
    run = str(service.trigger()["identifier"])
    now = service.clock.now()
    one = Assignment(run=run, epoch=0, worker="w1", worker_properties={})
    service.write(lambda rows: runs.claim(rows, [one], now, {run: tokens.digest(SECRET)}))
    service.write(lambda rows: runs.record(rows, run, Started(epoch=1, date=now), now))
    token = tokens.make(TokenKind.RUN, run, SECRET)
    yield Running(service, run, token, service.client(token))


def test_it_triggers_jobs_of_its_project_and_is_their_source(running: Running) -> None:
    made = running.client.post("/api/v1/projects/core/jobs/build/trigger")
    assert made.status_code == 201
    assert made.json()["source"] == {"type": "run", "run": running.run, "reason": "token"}
    assert running.client.post("/api/v1/projects/other/jobs/build/trigger").status_code == 404


def test_it_reads_and_stops_what_it_triggered_and_nothing_else(running: Running) -> None:
    foreign = running.rig.trigger()["identifier"]
    mine = running.client.post("/api/v1/projects/core/jobs/build/trigger").json()["identifier"]
    assert running.client.get(f"/api/v1/runs/{running.run}").status_code == 200
    assert running.client.get(f"/api/v1/runs/{mine}/log").status_code == 200
    assert running.client.get(f"/api/v1/runs/{foreign}").status_code == 404
    assert running.client.post(f"/api/v1/runs/{foreign}/cancel").status_code == 404
    listed = running.client.get("/api/v1/runs", params={"source": "user"}).json()["items"]
    assert [run["identifier"] for run in listed] == [mine]
    cancelled = running.client.post(f"/api/v1/runs/{mine}/cancel").json()
    assert (cancelled["status"], cancelled["cause"]["code"]) == ("cancelled", "cancelled_by")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/me", 200),
        ("GET", "/api/v1/projects", 200),
        ("GET", "/api/v1/projects/core/jobs/build", 200),
        ("GET", "/api/v1/projects/other", 404),
        ("PUT", "/api/v1/projects/core/jobs/build", 403),
        ("PATCH", "/api/v1/projects/core/jobs/build", 403),
        ("GET", "/api/v1/workers", 403),
        ("GET", "/api/v1/users", 403),
        ("GET", "/api/v1/events", 403),
        ("GET", "/api/docs", 403),
        ("POST", "/api/v1/me/authentications", 403),
        ("POST", "/api/v1/me/logout", 403),
    ],
)
def test_everything_else_is_closed(running: Running, method: str, path: str, status: int) -> None:
    assert running.client.request(method, path).status_code == status


def test_on_the_live_connection_it_sees_its_own_runs_only(running: Running) -> None:
    foreign = running.rig.trigger()["identifier"]
    with live(running.rig, running.token) as connection:
        connection.sub("runs")
        assert connection.type("snapshot")["items"] == []
        connection.sub("overview")
        assert connection.type("error")["problem"]["status"] == 403
        connection.sub(f"run:{foreign}")
        assert connection.type("error")["problem"]["status"] == 404
        connection.sub(f"run:{running.run}")
        assert connection.type("snapshot")["item"]["identifier"] == running.run


def test_s14_it_dies_with_the_attempt(running: Running) -> None:
    """A run that is given back and assigned anew has another token; the first one stays dead."""
    service = running.rig
    run = str(service.trigger()["identifier"])
    now = service.clock.now()

    def assign(epoch: int, secret: bytes) -> httpx.Client:
        one = Assignment(run=run, epoch=epoch, worker="w1", worker_properties={})
        assert service.write(lambda rows: runs.claim(rows, [one], now, {run: tokens.digest(secret)}))
        return service.client(tokens.make(TokenKind.RUN, run, secret))

    first = assign(0, b"1" * tokens.SECRET_BYTES)
    assert first.get(f"/api/v1/runs/{run}").status_code == 200
    service.write(lambda rows: runs.record(rows, run, GivenBack(epoch=1, reason="full"), now))
    assert first.get(f"/api/v1/runs/{run}").status_code == 401
    second = assign(1, b"2" * tokens.SECRET_BYTES)
    assert second.get(f"/api/v1/runs/{run}").status_code == 200
    assert first.get(f"/api/v1/runs/{run}").status_code == 401


def test_s14_what_its_runs_trigger_is_not_its_own(running: Running) -> None:
    child = running.client.post("/api/v1/projects/core/jobs/build/trigger").json()["identifier"]
    secret, now = b"c" * tokens.SECRET_BYTES, running.rig.clock.now()
    one = Assignment(run=child, epoch=0, worker="w1", worker_properties={})
    running.rig.write(lambda rows: runs.claim(rows, [one], now, {child: tokens.digest(secret)}))
    client = running.rig.client(tokens.make(TokenKind.RUN, child, secret))
    grandchild = client.post("/api/v1/projects/core/jobs/build/trigger").json()["identifier"]
    assert client.get(f"/api/v1/runs/{grandchild}").status_code == 200
    assert running.client.get(f"/api/v1/runs/{grandchild}").status_code == 404
    assert client.get(f"/api/v1/runs/{running.run}").status_code == 404


def test_s14_a_retry_of_it_by_somebody_else_is_not_its_own(running: Running) -> None:
    """Its source names the run, but people made it: what they then do with it is none of the run's business."""
    child = str(running.client.post("/api/v1/projects/core/jobs/build/trigger").json()["identifier"])
    running.rig.api.post(f"/api/v1/runs/{child}/cancel").raise_for_status()
    again = running.rig.api.post(f"/api/v1/runs/{child}/retry", json={}).json()["identifier"]
    assert running.client.get(f"/api/v1/runs/{again}").status_code == 404


def test_it_dies_with_the_run(running: Running) -> None:
    assert running.client.get(f"/api/v1/runs/{running.run}").status_code == 200
    running.rig.finish(running.run)
    running.rig.app.parts.authenticator.forget()
    assert running.client.get(f"/api/v1/runs/{running.run}").status_code == 401
    assert running.rig.client().post("/api/v1/me/login", json={"token": running.token}).status_code == 401
