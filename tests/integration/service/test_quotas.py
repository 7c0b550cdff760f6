"""S-61: everything that people can make has a number that it does not exceed. S-62: every list has an end."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from integration.service.rig import Rig, running
from integration.service.test_problems import check
from orchestra.service.app import create_litestar
from orchestra.service.openapi import document
from orchestra.service.parts import ServiceSettings
from orchestra.service.room import Room
from orchestra.storage import schema
from orchestra.storage.schedules import PER_PROJECT

DOCUMENT = document(create_litestar())
BUILD = "/api/v1/projects/core/jobs/build"
SCHEDULE = {"job": "build", "expression": "30 2 * * *"}


def test_s61_a_project_has_so_many_pending_runs_at_most(tmp_path: Path) -> None:
    with running(tmp_path, ServiceSettings(pending_runs_per_project=3)) as service:
        service.job()
        service.job(project="other")
        for _ in range(3):
            service.trigger()
        refused = service.api.post(f"{BUILD}/trigger", json={})
        check(refused, 429, "too_many")
        assert int(refused.headers["retry-after"]) > 0
        service.trigger(project="other")
        listed = service.api.get("/api/v1/runs", params={"status": "pending"}).json()["items"]
        service.api.post(f"/api/v1/runs/{listed[-1]['identifier']}/cancel").raise_for_status()
        service.trigger()


def test_f13_a_disk_that_is_nearly_full_takes_no_new_run_and_keeps_what_was_accepted(tmp_path: Path) -> None:
    with running(tmp_path, ServiceSettings(data=tmp_path, disk_free_bytes=1)) as service:
        service.job()
        key = {"Idempotency-Key": "one"}
        made = service.api.post(f"{BUILD}/trigger", json={}, headers=key).raise_for_status().json()
        service.app.parts.pending_runs._room = Room(
            tmp_path, 1 << 60, lambda _: os.statvfs_result((1, 1, 100, *[0] * 7))
        )
        refused = service.api.post(f"{BUILD}/trigger", json={})
        check(refused, 507, "storage_full")
        assert int(refused.headers["retry-after"]) > 0
        again = service.api.post(f"{BUILD}/trigger", json={}, headers=key)
        assert (again.status_code, again.json()["identifier"]) == (200, made["identifier"])
        assert service.api.post(f"/api/v1/runs/{made['identifier']}/cancel").is_success
        check(service.api.post(f"/api/v1/runs/{made['identifier']}/retry", json={}), 507, "storage_full")
        assert len(service.api.get("/api/v1/runs").json()["items"]) == 1


def test_s61_a_project_has_twenty_thousand_schedules_at_most(service: Rig) -> None:
    service.job()
    path = "/api/v1/projects/core/schedules"
    service.api.put(f"{path}/first", json=SCHEDULE).raise_for_status()

    def fill(rows: Connection) -> None:
        like = dict(rows.execute(select(schema.schedule)).one()._mapping)
        many = [{**like, "identifier": f"number-{number}"} for number in range(PER_PROJECT - 1)]
        rows.execute(insert(schema.schedule), many)

    service.write(fill)
    refused = check(service.api.put(f"{path}/one-more", json=SCHEDULE), 409, "conflict")
    assert str(PER_PROJECT) in refused["detail"]
    assert service.api.get(f"{path}/one-more").status_code == 404
    service.api.put(f"{path}/first", json={**SCHEDULE, "expression": "0 3 * * *"}).raise_for_status()
    text = "projects: {core: {schedules: {of-files: {job: build, expression: '@daily'}}}}"
    body = {"files": [{"name": "core.yaml", "content": text}]}
    check(service.api.post("/api/v1/configuration/apply", json=body), 409, "conflict")
    assert service.api.get(f"{path}/of-files").status_code == 404
    service.api.delete(f"{path}/number-7").raise_for_status()
    assert service.api.put(f"{path}/one-more", json=SCHEDULE).status_code == 201


@pytest.mark.parametrize("values", [{"name": "x" * 70_000}, {"name": "\u2603" * 30_000}])
def test_s61_the_parameters_of_a_run_are_64_kib_at_most(service: Rig, values: dict[str, Any]) -> None:
    service.job(parameters=[{"key": "name", "type": "text"}])
    problem = check(service.api.post(f"{BUILD}/trigger", json={"parameters": values}), 422, "invalid_content")
    assert problem["errors"]
    assert service.api.get("/api/v1/runs").json()["items"] == []


def test_s61_a_user_has_a_thousand_roles_at_most(service: Rig) -> None:
    roles = [f"Viewer@project-{number}" for number in range(1_001)]
    problem = check(service.api.put("/api/v1/users/maya", json={"roles": roles}), 422, "invalid_content")
    assert [one["path"] for one in problem["errors"]] == ["roles"]
    assert service.api.get("/api/v1/users/maya").status_code == 404
    service.api.put("/api/v1/users/maya", json={"roles": roles[:1_000]}).raise_for_status()


def _lists() -> dict[str, set[str]]:
    """Operation → its parameters, of all that answer a page."""
    found = {}
    for item in DOCUMENT["paths"].values():
        for operation in item.values():
            good = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
            if good.get("schema", {}).get("$ref", "").endswith("Page"):
                found[operation["operationId"]] = {one["name"] for one in operation.get("parameters", ())}
    return found


BOUNDED = {
    # As many as the run's definition has commands, which the size of a body bounds.
    "listSteps",
    # What happens to one run: a handful of statuses.
    "listEventsOfRun",
    # The sections of a log: those of its steps.
    "listLogSections",
}


def test_s62_every_list_is_read_in_pages() -> None:
    lists = _lists()
    assert len(lists) > 10
    endless = sorted(name for name, has in lists.items() if not {"limit", "cursor"} <= has and name not in BOUNDED)
    assert endless == []


def test_s62_no_page_has_more_than_a_thousand_items() -> None:
    for item in DOCUMENT["paths"].values():
        for operation in item.values():
            for one in operation.get("parameters", ()):
                if one["name"] in ("limit", "count"):
                    assert one["schema"]["maximum"] <= 10_000, operation["operationId"]
                if one["name"] == "limit":
                    assert (one["schema"]["minimum"], one["schema"]["maximum"]) == (1, 1000)
