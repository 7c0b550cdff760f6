"""The stream of events: everything that happens, as far as the caller may see it, resumable."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from integration.service.rig import Rig
from integration.service.test_logs import Stream


@pytest.fixture
def client(service: Rig) -> Iterator[httpx.Client]:
    yield service.client(service.first.token)


def types(events: list[dict[str, str]]) -> list[str]:
    return [event["event"] for event in events]


def data(event: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(event["data"])
    return found


def test_what_happens_is_told_in_order_with_its_number(service: Rig, client: httpx.Client) -> None:
    stream = Stream(client, "/api/v1/events?after=0")
    service.job()
    run = service.trigger()["identifier"]
    service.api.post(f"/api/v1/runs/{run}/cancel")
    events = stream.wait(7)
    assert types(events)[-5:] == [
        "project.created",
        "job.created",
        "run.created",
        "run.cancel_requested",
        "run.cancelled",
    ]
    numbers = [int(event["id"]) for event in events]
    assert numbers == sorted(set(numbers))
    last = data(events[-1])
    assert (last["run"], last["project"], last["job"], last["actor"]) == (run, "core", "build", "admin")
    assert last["data"]["from"] == "pending"
    assert last["data"]["to"] == "cancelled"
    assert last["run_sequence"] == 3
    assert int(events[-1]["id"]) == last["sequence"]


def test_a_client_that_comes_back_misses_nothing(service: Rig, client: httpx.Client) -> None:
    service.job()
    first = Stream(client, "/api/v1/events?after=0").wait(4)
    service.trigger()
    resumed = Stream(client, "/api/v1/events", **{"Last-Event-ID": first[2]["id"]}).wait(2)
    assert types(resumed) == [first[3]["event"], "run.created"]


def test_without_a_number_only_what_comes_now_is_told(service: Rig, client: httpx.Client) -> None:
    service.job()
    service.trigger()
    # What the tail has not seen yet counts as coming.
    service.run(service.app.parts.tail.start())
    stream = Stream(client, "/api/v1/events")
    service.worker()
    assert types(stream.wait(1)) == ["worker.connected"]


def test_topics_choose_what_is_told(service: Rig, client: httpx.Client) -> None:
    service.job()
    one, other = (service.trigger()["identifier"] for _ in range(2))
    service.worker()
    runs = Stream(client, "/api/v1/events?after=0&topic=runs&topic=workers").wait(3)
    assert types(runs) == ["run.created", "run.created", "worker.connected"]
    single = Stream(client, f"/api/v1/events?after=0&topic=run:{other}").wait(1)
    assert data(single[0])["run"] == other != one
    bad = service.api.get("/api/v1/events?topic=nonsense&topic=run:")
    assert (bad.status_code, len(bad.json()["errors"])) == (422, 2)


def test_only_what_the_caller_may_see_is_told(service: Rig) -> None:
    service.job()
    service.job(project="other")
    viewer = service.user("viewer", "Viewer@core")
    service.worker()
    service.trigger(project="other")
    service.trigger()
    events = Stream(viewer, "/api/v1/events?after=0").wait(3)
    assert types(events) == ["project.created", "job.created", "run.created"]
    assert {data(event)["project"] for event in events} == {"core"}


def test_many_events_come_from_the_table_page_by_page(
    service: Rig, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestra.service.event_stream.BATCH", 3)
    service.job()
    for _ in range(10):
        service.trigger()
    events = Stream(client, "/api/v1/events?after=0&topic=runs").wait(10)
    assert len({event["id"] for event in events}) == 10


def test_a_feed_that_overflows_continues_from_the_table(
    service: Rig, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.job()
    monkeypatch.setattr("orchestra.service.tail.FEED_EVENTS", 1)
    stream = Stream(client, "/api/v1/events?after=0&topic=runs")
    for _ in range(20):
        service.trigger()
    numbers = [data(event)["data"]["to"] for event in stream.wait(20)]
    assert numbers == ["pending"] * 20
