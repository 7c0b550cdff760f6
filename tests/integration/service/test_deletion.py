"""Deletion: what stands in the way is named, what stays is readable, and whoever looks on is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx

from integration.service.rig import Rig
from integration.service.test_live import live
from orchestra.domain.run import RunStatus
from orchestra.service.removal import remove_logs
from orchestra.storage import run_delete

BUILD = "/api/v1/projects/core/jobs/build"
LARGE = b"x" * 99 + b"\n"


def detail(answer: httpx.Response) -> str:
    assert answer.status_code == 409, answer.text
    return str(answer.json()["detail"])


def files(service: Rig) -> list[str]:
    return sorted(path.name for path in service.data.glob("logs/*/*"))


def test_a_job_in_use_is_409_and_names_its_runs_and_schedules(service: Rig) -> None:
    service.job()
    service.trigger()
    schedule = {"job": "build", "expression": "@daily"}
    service.api.put("/api/v1/projects/core/schedules/nightly", json=schedule).raise_for_status()
    said = detail(service.api.delete(BUILD))
    assert "1 run of it has not ended: #1" in said
    assert "1 schedule triggers it: nightly" in said
    said = detail(service.api.delete("/api/v1/projects/core"))
    assert "1 job: build" in said
    assert "1 schedule: nightly" in said
    assert "1 run" in said


def test_runs_of_a_deleted_job_stay_listed_and_readable(service: Rig) -> None:
    service.job()
    service.worker()
    run = service.done(b"hello\n", results={"ok": True})
    assert service.api.delete(BUILD).status_code == 204
    assert service.api.get(BUILD).status_code == 404
    for path in ("/api/v1/runs", "/api/v1/projects/core/runs", f"{BUILD}/runs", "/api/v1/runs?q=job:build"):
        assert [one["identifier"] for one in service.api.get(path).json()["items"]] == [run], path
    detail_ = service.api.get(f"/api/v1/runs/{run}").json()
    assert detail_["definition"]["commands"][0]["run"] == "echo {parameters.name}"
    assert service.api.get(f"{BUILD}/runs/1").json() == detail_
    assert service.api.get(f"/api/v1/runs/{run}/log").content == b"hello\n"
    assert service.api.get(f"/api/v1/runs/{run}/explain").status_code == 200
    assert "was deleted" in detail(service.api.post(f"/api/v1/runs/{run}/retry"))
    assert service.api.get("/api/v1/projects/core/jobs/never/runs").status_code == 404
    service.job()
    assert service.trigger()["number"] == 2


def test_a_run_is_deleted_with_its_log_files_and_its_events(service: Rig) -> None:
    service.job()
    service.worker()
    run = service.done(LARGE * 2_000)
    assert f"{run}.log" in files(service)
    assert service.api.delete(f"/api/v1/runs/{run}").status_code == 204
    assert files(service) == []
    for path in ("", "/log", "/log/info", "/events", "/results", "/steps", "/explain"):
        assert service.api.get(f"/api/v1/runs/{run}{path}").status_code == 404, path
    assert service.api.get(f"{BUILD}/runs/1").status_code == 404
    assert service.api.delete(f"/api/v1/runs/{run}").status_code == 404
    assert service.trigger()["number"] == 2
    assert service.read(lambda rows: run_delete.marked(rows, 10)) == {}


def test_a_run_that_has_not_ended_is_not_deleted(service: Rig) -> None:
    service.job()
    service.worker()
    run = str(service.trigger()["identifier"])
    assert "it is pending" in detail(service.api.delete(f"/api/v1/runs/{run}"))
    service.start(run)
    assert "it is running" in detail(service.api.delete(f"/api/v1/runs/{run}"))
    assert service.api.get(f"/api/v1/runs/{run}").status_code == 200


def test_only_administrators_delete_runs_each_in_their_projects(service: Rig) -> None:
    service.job()
    service.worker()
    path = f"/api/v1/runs/{service.done()}"
    assert service.user("olga", "Operator").delete(path).status_code == 403
    assert service.user("otto", "Administrator@other").delete(path).status_code == 404
    assert service.user("anna", "Administrator@core").delete(path).status_code == 204


def test_bytes_that_a_worker_sends_late_go_with_the_log(service: Rig) -> None:
    service.job()
    service.worker()
    run = service.done(LARGE * 2_000, log_complete=False, log_error="cut")
    assert service.api.delete(f"/api/v1/runs/{run}").status_code == 204
    service.append(run, LARGE * 2_000)
    assert f"{run}.log" in files(service)
    service.clock.ahead += timedelta(hours=2)
    assert service.run(remove_logs(service.app.parts)) == 1
    assert files(service) == []
    assert service.run(service.logs.size(run)) == 0
    assert service.read(lambda rows: run_delete.marked(rows, 10)) == {}


def test_whoever_looks_on_is_told_of_a_deleted_run(service: Rig) -> None:
    service.job()
    service.job(project="other")
    service.worker()
    run = service.done(b"hello\n")
    viewer = service.user("vera", "Viewer@other")
    with live(service) as page, live(service, str(viewer.headers["authorization"])[7:]) as stranger:
        page.sub("runs", "list")
        page.sub(f"run:{run}", "one")
        page.snapshots("list", "one")
        stranger.sub("runs", "list")
        stranger.type("snapshot", "list")
        assert service.api.delete(f"/api/v1/runs/{run}").status_code == 204
        told: dict[str, Any] = {}
        while len(told) < 2:
            message = page.until(lambda one: one["type"] in ("remove", "error"))
            told[message["id"]] = message
        assert told["list"] | {"seq": 0} == {
            "id": "list",
            "seq": 0,
            "type": "remove",
            "identifiers": [run],
            "items": [],
        }
        assert told["one"]["problem"]["status"] == 404
        other = service.trigger(project="other")["identifier"]
        stranger.until(lambda one: any(item["identifier"] == other for item in one.get("items", [])))
        assert not [one for one in stranger.received if one["type"] == "remove"], "a stranger was told"


def test_who_follows_the_log_of_a_deleted_run_is_told(service: Rig) -> None:
    service.job()
    service.worker()
    run = service.done(b"hello\n", log_complete=False, log_error="cut")
    with live(service) as page:
        page.sub(f"log:{run}", args={"from": 1})
        assert page.type("log")["lines"] == ["hello"]
        assert service.api.delete(f"/api/v1/runs/{run}").status_code == 204
        assert page.type("error")["problem"]["status"] == 404


def test_a_client_that_comes_back_learns_of_runs_that_were_deleted_meanwhile(service: Rig) -> None:
    service.job()
    service.worker()
    run = service.done()
    with live(service) as page:
        page.sub("runs")
        since = page.type("snapshot")["seq"]
    assert service.api.delete(f"/api/v1/runs/{run}").status_code == 204
    with live(service) as page:
        page.sub("runs", since=since)
        assert page.type("remove")["identifiers"] == [run]


def test_the_event_of_a_deleted_run_is_in_the_stream(service: Rig) -> None:
    service.job()
    service.worker()
    run = service.done(status=RunStatus.FAILED)
    service.api.delete(f"/api/v1/runs/{run}").raise_for_status()
    kinds: list[str] = []
    with service.api.stream("GET", "/api/v1/events", params={"after": 0, "topic": f"run:{run}"}) as answer:
        for line in answer.iter_lines():
            if line.startswith("event: "):
                kinds.append(line.removeprefix("event: "))
                break
    assert kinds == ["run.deleted"], "all else of the run is gone"


def test_prune_answers_409_with_every_obstacle_and_its_place(service: Rig) -> None:
    text = "projects: {core: {jobs: {build: {definition: {type: commands, commands: [x]}}}}}"
    body: dict[str, Any] = {"files": [{"name": "f.yaml", "content": text}]}
    service.api.post("/api/v1/configuration/apply", json=body).raise_for_status()
    service.trigger()
    body = {"files": [{"name": "f.yaml", "content": "projects: {}"}], "prune": True}
    for path in ("plan", "apply"):
        answer = service.api.post(f"/api/v1/configuration/{path}", json=body)
        assert answer.status_code == 409
        assert [one["path"] for one in answer.json()["errors"]] == ["projects.core.jobs.build", "projects.core"]
    assert service.api.get(BUILD).status_code == 200
