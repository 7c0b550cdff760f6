"""Runs through the API: trigger, lists, one run, the wishes to stop it, retry, explain."""

from __future__ import annotations

from integration.service.rig import Rig


def test_a_triggered_run_has_every_field_of_the_data_model(service: Rig) -> None:
    service.job()
    answer = service.api.post("/api/v1/projects/core/jobs/build/trigger", json={"parameters": {"count": "3"}})
    assert answer.status_code == 201
    run = answer.json()
    assert answer.headers["location"] == f"/api/v1/runs/{run['identifier']}"
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
        "steps": [],
        "worker_properties": None,
        "log_size": 0,
        "log_complete": False,
        "log_error": None,
        "expiration_date": None,
        "creation_date": "",
        "update_date": "",
    }
