"""The history of a job's definition through the API."""

from __future__ import annotations

import pytest

from integration.service.rig import JOB, Rig

BUILD = "/api/v1/projects/core/jobs/build"


def test_the_history_tells_who_when_and_what_and_the_difference(service: Rig) -> None:
    service.job(policy={"retry": {"limit": 1, "on": ["worker_lost"]}})
    anna = service.user("anna", "Administrator@core")
    commands = {"type": "commands", "commands": ["echo {parameters.name}", "true", [rm := "rm", "-rf", "x"]]}
    body = {**JOB, "policy": {"retry": {"limit": 3, "on": ["worker_lost"]}}, "definition": commands}
    changed = anna.put(BUILD, json=body).json()
    assert service.api.get(f"{BUILD}").json()["revision"] == 2
    newest, first = service.api.get(f"{BUILD}/revisions").json()["items"]
    assert newest == {
        "project": "core",
        "job": "build",
        "revision": 2,
        "creation_date": changed["update_date"],
        "creator": "anna",
        "changed": ["definition", "policy"],
    }
    assert (first["creator"], first["changed"]) == ("admin", [])
    whole = service.api.get(f"{BUILD}/revisions/2").json()
    for name in ("definition", "parameters", "properties", "policy"):
        assert whole[name] == changed[name]
    assert {name: whole[name] for name in newest} == newest
    told = service.api.get(f"{BUILD}/revisions/2/changes").json()
    assert (told["since"], told["revision"]) == (1, 2)
    paths = {one["path"]: (one["before"], one["after"]) for one in told["changes"]}
    assert paths["policy.retry.limit"] == (1, 3)
    assert paths["definition.commands[2]"][0] is None
    assert paths["definition.commands[2]"][1]["run"] == [rm, "-rf", "x"]
    back = service.api.get(f"{BUILD}/revisions/1/changes", params={"since": 2}).json()
    assert {one["path"]: (one["after"], one["before"]) for one in back["changes"]} == paths
    assert service.api.get(f"{BUILD}/revisions/1/changes").json() == {"since": 0, "revision": 1, "changes": []}


def test_a_run_names_its_revision_and_keeps_its_definition(service: Rig) -> None:
    service.job()
    run = service.trigger()
    service.job(definition={"type": "commands", "commands": ["something else"]})
    again = service.trigger()
    assert (run["job_revision"], again["job_revision"]) == (1, 2)
    for one, number in ((run, 1), (again, 2)):
        frozen = service.api.get(f"/api/v1/runs/{one['identifier']}").json()["definition"]
        assert frozen == service.api.get(f"{BUILD}/revisions/{number}").json()["definition"]


def test_the_history_outlives_its_job(service: Rig) -> None:
    service.job()
    service.api.delete(BUILD).raise_for_status()
    assert len(service.api.get(f"{BUILD}/revisions").json()["items"]) == 1
    assert service.api.get(f"{BUILD}/revisions/1").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "jobs/never/revisions",
        "jobs/build/revisions/9",
        "jobs/build/revisions/0",
        "jobs/build/revisions/99999999999",
        "jobs/build/revisions/9/changes",
        "jobs/build/revisions/1/changes?since=9",
        "jobs/build/revisions/1/changes?since=-1",
        "jobs/build/revisions/1/changes?since=0",
    ],
)
def test_a_revision_that_does_not_exist_is_404(shared: Rig, path: str) -> None:
    shared.job()
    assert shared.api.get(f"/api/v1/projects/core/{path}").status_code == 404
