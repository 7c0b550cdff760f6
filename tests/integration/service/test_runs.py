"""Runs through the API: trigger, lists, one run, the wishes to stop it, retry, explain."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from integration.service.rig import Rig
from orchestra.client import Client
from orchestra.domain.run import RunStatus
from orchestra.service import entities
from orchestra.service.parts import ServiceSettings
from orchestra.storage import runs, workers

TRIGGER = "/api/v1/projects/core/jobs/build/trigger"


def test_a_triggered_run_has_every_field_of_the_data_model(service: Rig) -> None:
    service.job()
    answer = service.api.post(TRIGGER, json={"parameters": {"count": "3"}})
    assert answer.status_code == 201
    run = answer.json()
    assert answer.headers["location"] == f"/api/v1/runs/{run['identifier']}"
    assert run["creation_date"] == run["update_date"]
    assert run["creation_date"].endswith("Z")
    assert len(run["creation_date"]) == 27
    assert run | {"identifier": "", "creation_date": "", "update_date": ""} == {
        "project": "core",
        "identifier": "",
        "number": 1,
        "job": "build",
        "job_revision": 1,
        "parameters": {"name": "world", "count": 3},
        "source": {"type": "user", "user": "admin"},
        "worker": None,
        "status": "pending",
        "cause": {"code": "waiting_for_worker", "message": "waits for a worker"},
        "priority": 0,
        "start_date": None,
        "completion_date": None,
        "results": None,
        "result_error": None,
        "should_cancel": False,
        "should_abort": False,
        "stop": None,
        "steps": [],
        "worker_properties": None,
        "log_size": 0,
        "log_complete": False,
        "log_error": None,
        "artifact_count": 0,
        "artifact_size": 0,
        "artifacts_complete": False,
        "artifact_error": None,
        "expiration_date": None,
        "creation_date": "",
        "update_date": "",
    }


def test_one_run_is_read_by_its_uuid_and_by_its_number_with_its_frozen_definition(service: Rig) -> None:
    service.job()
    run = service.trigger()
    service.job(definition={"type": "commands", "commands": ["something else"]})
    by_uuid = service.api.get(f"/api/v1/runs/{run['identifier']}").json()
    by_number = service.api.get("/api/v1/projects/core/jobs/build/runs/1").json()
    assert by_uuid == by_number
    assert by_uuid["definition"]["commands"][0]["run"] == "echo {parameters.name}"
    assert service.trigger()["job_revision"] == 2


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/runs/01a20fb9-96d7-72e1-a932-72728c41cf1a",
        "/api/v1/runs/nonsense",
        "/api/v1/runs/..%2f..",
        "/api/v1/projects/core/jobs/build/runs/7",
        "/api/v1/projects/core/jobs/build/runs/0",
        "/api/v1/projects/core/jobs/build/runs/99999999999999999999",
        "/api/v1/projects/core/jobs/none/runs/1",
        "/api/v1/projects/none/runs",
        "/api/v1/projects/core/jobs/none/runs",
    ],
)
def test_a_run_that_does_not_exist_is_404(shared: Rig, path: str) -> None:
    shared.job()
    assert shared.api.get(path).status_code == 404


def test_the_trigger_of_a_disabled_job_is_accepted_and_a_body_is_not_needed(service: Rig) -> None:
    service.job()
    service.api.patch("/api/v1/projects/core/jobs/build", json={"is_enabled": False}).raise_for_status()
    assert service.api.post(TRIGGER).status_code == 201


def test_the_source_of_a_run_is_never_taken_from_the_body(shared: Rig) -> None:
    shared.job()
    for forged in ({"source": {"type": "schedule"}}, {"status": "succeeded"}, {"worker": "w1"}, {"epoch": 3}):
        answer = shared.api.post(TRIGGER, json=forged)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["path"] == next(iter(forged))


def test_all_problems_of_a_triggers_parameters_come_at_once(shared: Rig) -> None:
    shared.job()
    answer = shared.api.post(TRIGGER, json={"parameters": {"count": "many", "nam": "x"}})
    assert answer.status_code == 422
    assert {one["path"] for one in answer.json()["errors"]} == {"parameters.count", "parameters.nam"}


@pytest.mark.parametrize("priority", [-101, 101, "1", 1.5, True])
def test_a_priority_beyond_its_range_is_422(shared: Rig, priority: object) -> None:
    shared.job()
    answer = shared.api.post(TRIGGER, json={"priority": priority})
    assert answer.status_code == 422
    assert [one["path"] for one in answer.json()["errors"]] == ["priority"]


def test_a_priority_comes_from_the_trigger_or_else_from_the_job(service: Rig) -> None:
    service.job(policy={"priority": 7, "expiration": "1h"})
    assert service.trigger()["priority"] == 7
    run = service.trigger(priority=-3)
    assert run["priority"] == -3
    assert run["expiration_date"] > run["creation_date"]


def test_a_pipeline_cannot_be_triggered_yet_and_says_so(service: Rig) -> None:
    service.job()
    elements = [{"identifier": "one", "job": "build"}]
    service.job("all", parameters=[], definition={"type": "pipeline", "elements": elements})
    answer = service.api.post("/api/v1/projects/core/jobs/all/trigger")
    assert answer.status_code == 409
    assert "pipeline" in answer.json()["detail"]


def test_the_same_key_and_body_return_the_same_run_and_another_body_is_refused(service: Rig) -> None:
    service.job()
    headers = {"Idempotency-Key": "k1"}
    first = service.api.post(TRIGGER, json={"parameters": {"name": "a"}}, headers=headers)
    again = service.api.post(TRIGGER, json={"parameters": {"name": "a"}}, headers=headers)
    other = service.api.post(TRIGGER, json={"parameters": {"name": "b"}}, headers=headers)
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 422)
    assert first.json() == again.json()
    assert other.json()["errors"][0]["path"] == "Idempotency-Key"
    # A key belongs to who uses it.
    operator = service.user("op", "Operator")
    assert operator.post(TRIGGER, json={"parameters": {"name": "b"}}, headers=headers).status_code == 201
    assert len(service.api.get("/api/v1/runs").json()["items"]) == 2


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_that_is_empty_or_too_long_is_422(shared: Rig, key: str) -> None:
    shared.job()
    assert shared.api.post(TRIGGER, headers={"Idempotency-Key": key}).status_code == 422


def test_lists_are_pages_that_neither_repeat_nor_hide(service: Rig) -> None:
    service.job()
    made = [service.trigger()["identifier"] for _ in range(7)]
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 3}
    while True:
        page = service.api.get("/api/v1/runs", params=query).json()
        seen += [run["identifier"] for run in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
        # What comes meanwhile belongs to no later page.
        service.trigger()
    assert seen == made[::-1]


def test_lists_have_filters_in_all_three_places(service: Rig) -> None:
    service.job()
    service.job("test")
    service.job("build", project="other")
    service.worker()
    done = service.done()
    mine = service.trigger()["identifier"]
    tested = service.trigger("test")["identifier"]
    foreign = service.trigger(project="other")["identifier"]

    def listed(path: str, **query: Any) -> set[str]:
        answer = service.api.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return {run["identifier"] for run in answer.json()["items"]}

    assert listed("/api/v1/runs") == {done, mine, tested, foreign}
    assert listed("/api/v1/runs", project="core") == listed("/api/v1/projects/core/runs") == {done, mine, tested}
    assert listed("/api/v1/projects/core/jobs/build/runs") == {done, mine}
    assert listed("/api/v1/projects/core/runs", job="build") == {done, mine}
    assert listed("/api/v1/runs", status=["succeeded", "failed"]) == {done}
    assert listed("/api/v1/runs", status="pending", job="test") == {tested}
    assert listed("/api/v1/runs", worker="w1") == {done}
    assert (
        listed("/api/v1/runs", source="user") == listed("/api/v1/runs", source="user:admin") == listed("/api/v1/runs")
    )
    assert listed("/api/v1/runs", source="schedule") == set()
    middle = service.api.get(f"/api/v1/runs/{mine}").json()["creation_date"]
    assert listed("/api/v1/runs", created_after=middle) == {tested, foreign}
    assert listed("/api/v1/runs", created_before=middle) == {done}
    ordered = service.api.get("/api/v1/projects/core/jobs/build/runs", params={"order": "number"}).json()["items"]
    assert [run["number"] for run in ordered] == [1, 2]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("status=done", "status"),
        ("order=status", "order"),
        ("order=number", "order"),
        ("cursor=x", "cursor"),
        ("created_after=yesterday", "created_after"),
        ("created_before=2026-01-01T00:00:00", "created_before"),
        ("stat=failed", "stat"),
    ],
)
def test_a_list_with_a_bad_question_is_422_and_names_it(shared: Rig, query: str, path: str) -> None:
    answer = shared.api.get(f"/api/v1/runs?{query}")
    assert answer.status_code == 422
    assert [one["path"] for one in answer.json()["errors"]] == [path]


def test_a_page_of_huge_results_ends_early_with_a_cursor(service: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    service.job()
    service.worker(concurrency=10)
    made = [service.done(results={"blob": "x" * 1000}) for _ in range(5)]
    monkeypatch.setattr("orchestra.service.listing.PAGE_BYTES", 1500)
    monkeypatch.setattr("orchestra.service.listing.LARGE_PAGE", 1)
    first = service.api.get("/api/v1/runs").json()
    assert [run["identifier"] for run in first["items"]] == made[:2:-1]
    second = service.api.get("/api/v1/runs", params={"cursor": first["next_cursor"]}).json()
    assert second["items"][0]["identifier"] == made[2]


def test_a_pending_run_is_cancelled_at_once_and_repeating_it_changes_nothing(service: Rig) -> None:
    service.job()
    run = service.trigger()["identifier"]
    abort = service.api.post(f"/api/v1/runs/{run}/abort")
    assert (abort.status_code, "cancel" in abort.json()["detail"]) == (409, True)
    first = service.api.post(f"/api/v1/runs/{run}/cancel")
    assert first.status_code == 200
    assert (first.json()["status"], first.json()["should_cancel"]) == ("cancelled", True)
    assert first.json()["cause"] == {"code": "cancelled_by", "message": "cancelled by admin; no command had started"}
    again = service.api.post(f"/api/v1/runs/{run}/cancel")
    assert (again.status_code, again.json()) == (200, first.json())
    assert service.api.post(f"/api/v1/runs/{run}/abort").status_code == 409
    events = service.api.get(f"/api/v1/runs/{run}/events").json()["items"]
    assert [(one["type"], one["actor"]) for one in events] == [
        ("run.created", "admin"),
        ("run.cancel_requested", "admin"),
        ("run.cancelled", "admin"),
    ]


def test_a_running_run_is_aborted_by_wish_and_not_cancelled(service: Rig) -> None:
    service.job()
    service.worker()
    run = service.trigger()["identifier"]
    service.start(run)
    assert service.api.post(f"/api/v1/runs/{run}/cancel").status_code == 409
    assert service.api.post(f"/api/v1/runs/{run}/retry").status_code == 409
    first = service.api.post(f"/api/v1/runs/{run}/abort")
    assert (first.status_code, first.json()["status"], first.json()["should_abort"]) == (200, "running", True)
    assert service.api.post(f"/api/v1/runs/{run}/abort").json() == first.json()
    service.finish(run, RunStatus.ABORTED)
    assert service.api.post(f"/api/v1/runs/{run}/abort").json()["status"] == "aborted"
    assert service.api.post(f"/api/v1/runs/{run}/cancel").status_code == 409


def test_an_ended_run_cannot_be_stopped(service: Rig) -> None:
    service.job()
    service.worker()
    run = service.done()
    for wish in ("cancel", "abort"):
        answer = service.api.post(f"/api/v1/runs/{run}/{wish}")
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


def test_a_retry_is_a_new_run_that_names_the_old_one(service: Rig) -> None:
    service.job()
    service.worker()
    first = service.trigger(parameters={"name": "a", "count": 2}, priority=5)["identifier"]
    service.start(first)
    service.finish(first, RunStatus.FAILED)
    service.job(parameters=[{"key": "name"}, {"key": "added", "default": "z"}])
    answer = service.api.post(f"/api/v1/runs/{first}/retry", json={"parameters": {"name": "b"}})
    assert answer.status_code == 201
    again = answer.json()
    assert again["source"] == {"type": "run", "run": first, "reason": "retry"}
    assert again["parameters"] == {"name": "b", "added": "z"}
    assert (again["number"], again["job_revision"], again["priority"]) == (2, 2, 5)
    assert service.api.post(f"/api/v1/runs/{first}/retry").status_code == 201
    wrong = service.api.post(f"/api/v1/runs/{first}/retry", json={"parameters": {"count": 1}})
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "parameters.count")


def test_explain_says_why_a_run_waits_with_a_verdict_per_worker(service: Rig) -> None:
    service.job(properties={"os": "linux", "gpu": "a100"})
    service.job("plain")
    service.trigger("plain", priority=1)
    run = service.trigger()["identifier"]
    alone = service.api.get(f"/api/v1/runs/{run}/explain").json()
    assert (alone["position"], alone["workers"], alone["nearest"]) == (2, [], None)
    service.worker("w1")
    service.worker("w2", properties={"os": "linux", "gpu": "h100"})
    service.api.patch("/api/v1/workers/w2", json={"is_enabled": False})
    found = service.api.get(f"/api/v1/runs/{run}/explain").json()
    assert (found["run"], found["status"], found["cause"]["code"]) == (run, "pending", "waiting_for_worker")
    assert found["nearest"] == "w1"
    by_name = {one["worker"]: one for one in found["workers"]}
    assert by_name["w1"]["verdict"] == "property_differs"
    assert by_name["w1"]["mismatches"] == [{"property": "gpu", "wanted": "a100", "has": None}]
    assert by_name["w2"]["reasons"] == ["property_differs", "disabled"]
    assert "h100" in by_name["w2"]["message"]


def test_explain_of_a_run_that_does_not_wait_says_what_holds(service: Rig) -> None:
    service.job()
    service.worker()
    run = service.trigger()["identifier"]
    service.start(run)
    running = service.api.get(f"/api/v1/runs/{run}/explain").json()
    assert (running["status"], running["cause"]["code"], running["position"]) == ("running", "running", None)
    service.finish(run, RunStatus.FAILED)
    assert service.api.get(f"/api/v1/runs/{run}/explain").json()["cause"]["code"] == "exit_code"


@pytest.mark.parametrize(("rule", "limit_s"), [({}, 86_400), ({"fail_after": 600}, 600), ("wait", None)])
def test_explain_says_since_when_the_worker_is_away_and_what_happens_then(
    service: Rig, rule: Any, limit_s: float | None
) -> None:
    service.job(policy={"on_worker_lost": rule} if rule else {})
    service.worker()
    run = service.trigger()["identifier"]
    assert service.api.get(f"/api/v1/runs/{run}/explain").json()["away"] is None
    service.start(run)
    assert service.api.get(f"/api/v1/runs/{run}/explain").json()["away"] is None
    now = service.clock.now()
    service.write(lambda rows: workers.disconnect(rows, "w1", 1, now))
    away = service.api.get(f"/api/v1/runs/{run}/explain").json()["away"]
    deadline = None if limit_s is None else entities.date(now + timedelta(seconds=limit_s))
    assert away == {"worker": "w1", "since": entities.date(now), "deadline": deadline}
    with Client(service.url, service.first.token) as client:
        found = client.explain(run).away
    assert found is not None and found.since == now
    service.worker()
    assert service.api.get(f"/api/v1/runs/{run}/explain").json()["away"] is None
    service.write(lambda rows: workers.disconnect(rows, "w1", 2, now))
    service.finish(run)
    assert service.api.get(f"/api/v1/runs/{run}/explain").json()["away"] is None


def test_steps_and_results_stand_beside_the_run(service: Rig) -> None:
    service.job()
    service.worker()
    run = service.done(b"hello\n", results={"answer": [1, None, "x"]})
    assert service.api.get(f"/api/v1/runs/{run}/results").json() == {"answer": [1, None, "x"]}
    step = service.api.get(f"/api/v1/runs/{run}/steps").json()["items"][0]
    assert (step["name"], step["exit_code"], step["log_start"], step["log_end"]) == ("echo", 0, 0, 6)
    assert service.api.get(f"/api/v1/runs/{service.trigger()['identifier']}/results").json() is None


def test_a_project_holds_a_limited_number_of_pending_runs(service: Rig) -> None:
    service.job()
    service.app.parts.pending_runs._limit = 3
    made = [service.trigger()["identifier"] for _ in range(3)]
    refused = service.api.post(TRIGGER)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many")
    assert int(refused.headers["retry-after"]) > 0
    service.api.post(f"/api/v1/runs/{made[0]}/cancel").raise_for_status()
    assert service.api.post(TRIGGER).status_code == 201
    assert service.api.post(TRIGGER).status_code == 429
    assert ServiceSettings().pending_runs_per_project == 50_000


def test_what_a_person_wishes_wakes_the_master(service: Rig) -> None:
    service.job()
    service.worker()
    run = service.trigger()["identifier"]
    service.start(run)
    watched = service.hints.subscribe(["wish:w1", "pending"])
    service.api.post(f"/api/v1/runs/{run}/abort").raise_for_status()
    assert service.run(watched.wait()) == ("wish:w1",)
    service.trigger()
    assert service.run(watched.wait()) == ("pending",)


def test_a_run_of_the_database_is_what_the_api_shows(service: Rig) -> None:
    service.job()
    run = service.trigger()
    row = service.read(lambda rows: runs.get(rows, run["identifier"]))
    assert row is not None
    assert (row.parameters, row.number, row.status) == (run["parameters"], run["number"], run["status"])


def test_a_run_is_closed_only_while_its_worker_is_away_and_with_a_reason(service: Rig) -> None:
    service.job()
    service.worker()
    run = service.trigger()["identifier"]
    service.start(run)
    path, reason = f"/api/v1/runs/{run}/close", {"reason": "the machine was sold"}
    refused = service.api.post(path, json=reason)
    assert (refused.status_code, "abort the run" in refused.json()["detail"]) == (409, True)
    for empty in ({}, {"reason": ""}, {"reason": " "}, {"reason": "a\nb"}, {"reason": "x" * 501}):
        assert service.api.post(path, json=empty).status_code == 422, empty
    service.leave()
    closed = service.api.post(path, json=reason)
    assert (closed.status_code, closed.json()["status"]) == (200, "exception")
    assert closed.json()["cause"] == {"code": "closed_by", "message": "closed by admin: the machine was sold"}
    assert service.api.post(path, json={"reason": "again"}).json() == closed.json()
    last = service.api.get(f"/api/v1/runs/{run}/events").json()["items"][-1]
    assert (last["type"], last["actor"], last["data"]["cause"]["code"]) == ("run.exception", "admin", "closed_by")


def test_the_deadline_of_an_exclusive_run_is_not_before_it_is_dead_for_sure(service: Rig) -> None:
    service.job(policy={"exclusive": True, "on_worker_lost": {"fail_after": 1}})
    service.worker()
    run = service.trigger()["identifier"]
    service.start(run)
    service.leave()
    away = service.api.get(f"/api/v1/runs/{run}/explain").json()["away"]
    waits = datetime.fromisoformat(away["deadline"]) - datetime.fromisoformat(away["since"])
    assert waits == timedelta(seconds=60 + 10 + 15)
