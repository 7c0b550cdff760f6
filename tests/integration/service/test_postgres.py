"""The same service on PostgreSQL: the whole way of a run through the API."""

from __future__ import annotations

from pathlib import Path

from integration.service.rig import running
from integration.service.test_live import has, live
from integration.service.test_logs import Stream, content


def test_a_run_goes_its_way_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    with running(tmp_path, database=postgres_url) as service:
        service.job(policy={"expiration": "1h"})
        service.worker()
        with live(service) as connection:
            connection.sub("runs", args={"status": ["pending", "running"]})
            connection.type("snapshot")
            headers = {"Idempotency-Key": "once"}
            path = "/api/v1/projects/core/jobs/build/trigger"
            made = [service.api.post(path, json={"parameters": {"count": 2}}, headers=headers) for _ in range(2)]
            assert [answer.status_code for answer in made] == [201, 200]
            run = str(made[0].json()["identifier"])
            connection.until(has(run, status="pending"))
            service.start(run)
            connection.until(has(run, status="running"))
            stream = Stream(service.client(service.first.token), f"/api/v1/runs/{run}/log/stream")
            service.append(run, b"hello\n")
            service.finish(run, results={"ok": True})
            assert content(stream.over()) == b"hello\n"
            connection.until(lambda message: message["type"] == "remove")
        found = service.api.get(f"/api/v1/runs/{run}").json()
        assert (found["status"], found["results"], found["log_size"]) == ("succeeded", {"ok": True}, 6)
        assert found["creation_date"].endswith("Z")
        listed = service.api.get("/api/v1/runs", params={"status": ["succeeded", "failed"], "limit": 1}).json()
        assert [one["identifier"] for one in listed["items"]] == [run]
        events = Stream(service.client(service.first.token), f"/api/v1/events?after=0&topic=run:{run}").wait(4)
        assert [event["event"] for event in events] == ["run.created", "run.assigned", "run.started", "run.succeeded"]
        refused = service.api.put(
            "/api/v1/projects/x", content=b'{"description": "\\u0000"}', headers={"Content-Type": "application/json"}
        )
        assert refused.status_code == 422
