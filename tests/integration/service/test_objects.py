"""Projects, jobs, schedules and workers: PUT, PATCH, DELETE, ETags, and who owns what."""

from __future__ import annotations

from typing import Any

import pytest

from integration.service.rig import JOB, Rig
from orchestra.storage import events, workers

PROJECT = "/api/v1/projects/core"
BUILD = f"{PROJECT}/jobs/build"
NIGHTLY = f"{PROJECT}/schedules/nightly"
SCHEDULE = {"job": "build", "expression": "30 2 * * *"}


def test_put_creates_then_replaces_and_what_is_absent_gets_its_default(service: Rig) -> None:
    first = service.api.put(PROJECT, json={"description": "ours", "services": {"git": {"url": "x"}}})
    assert first.status_code == 201
    again = service.api.put(PROJECT, json={"display_name": "Core"})
    assert again.status_code == 200
    found = service.api.get(PROJECT).json()
    assert (found["display_name"], found["description"], found["services"]) == ("Core", "", {})
    assert found["managed_by"] == "api"
    assert found["creation_date"] == first.json()["creation_date"]
    assert found["update_date"] > first.json()["update_date"]


def test_put_of_the_same_changes_nothing(service: Rig) -> None:
    service.job()
    before = service.api.get(BUILD).json()
    assert service.api.put(BUILD, json=JOB).json() == before
    last = service.read(events.last_sequence)
    service.api.put(BUILD, json=JOB)
    assert service.read(events.last_sequence) == last


def test_a_jobs_revision_grows_with_what_decides_how_runs_go(service: Rig) -> None:
    service.job()
    assert service.api.get(BUILD).json()["revision"] == 1
    assert service.api.patch(BUILD, json={"description": "x", "group": "ci"}).json()["revision"] == 1
    assert service.api.patch(BUILD, json={"properties": {"os": "linux"}}).json()["revision"] == 2
    found = service.api.get(BUILD).json()
    assert (found["description"], found["group"], found["properties"]) == ("x", "ci", {"os": "linux"})
    assert [one["key"] for one in found["parameters"]] == ["name", "count"]


def test_put_keeps_is_enabled_where_it_is_absent(service: Rig) -> None:
    service.job()
    service.api.put(NIGHTLY, json=SCHEDULE).raise_for_status()
    for path, body in ((BUILD, JOB), (NIGHTLY, SCHEDULE)):
        assert service.api.patch(path, json={"is_enabled": False}).json()["is_enabled"] is False
        assert service.api.put(path, json=body).json()["is_enabled"] is False
        assert service.api.put(path, json={**body, "is_enabled": True}).json()["is_enabled"] is True


def test_what_a_get_answers_may_be_put_again_as_far_as_people_edit_it(service: Rig) -> None:
    service.job(policy={"expiration": "1h", "concurrency": {"group": "g"}}, properties={"os": ["linux", "macos"]})
    found = service.api.get(BUILD).json()
    fields = ("display_name", "description", "group", "parameters", "properties", "policy", "definition", "is_enabled")
    assert service.api.put(BUILD, json={name: found[name] for name in fields}).json() == found


@pytest.mark.parametrize(
    "body", [{"is_enabled": "no"}, {"is_enabled": 1}, {"revision": 7}, {"managed_by": "x"}, {"definition": None}]
)
def test_a_patch_that_does_not_fit_is_422_and_changes_nothing(shared: Rig, body: dict[str, Any]) -> None:
    shared.job()
    before = shared.api.get(BUILD).json()
    assert shared.api.patch(BUILD, json=body).status_code == 422
    assert shared.api.get(BUILD).json() == before


def test_a_bad_identifier_is_422_on_put_and_404_elsewhere(shared: Rig) -> None:
    shared.job()
    for path in (f"{PROJECT}/jobs/-x", "/api/v1/projects/a%20b", "/api/v1/users/%2e%2e", f"{PROJECT}/schedules/_s"):
        assert shared.api.put(path, json={} if "jobs" not in path else JOB).status_code == 422, path
        assert shared.api.get(path).status_code == 404


def test_an_etag_guards_against_overwriting(service: Rig) -> None:
    service.job()
    service.api.put(NIGHTLY, json=SCHEDULE).raise_for_status()
    service.worker()
    for path, body in (
        (PROJECT, {}),
        (BUILD, JOB),
        (NIGHTLY, SCHEDULE),
        ("/api/v1/users/admin", None),
        ("/api/v1/workers/w1", None),
    ):
        got = service.api.get(path)
        tag = got.headers["etag"]
        assert service.api.get(path, headers={"If-None-Match": tag}).status_code == 304
        stale = {"If-Match": '"stale"'}
        refused = service.api.patch(path, json={"display_name": "New"}, headers=stale)
        assert (refused.status_code, refused.json()["code"]) == (412, "precondition_failed")
        if body is not None:
            assert service.api.put(path, json=body, headers=stale).status_code == 412
            assert service.api.delete(path, headers=stale).status_code == 412
        assert service.api.get(path).json() == got.json()
        changed = service.api.patch(path, json={"display_name": "New"}, headers={"If-Match": tag})
        assert changed.status_code == 200
        assert changed.headers["etag"] != tag
        assert service.api.get(path, headers={"If-None-Match": tag}).status_code == 200
        assert service.api.patch(path, json={"display_name": "Newer"}, headers={"If-Match": tag}).status_code == 412
    assert service.api.put(f"{PROJECT}/jobs/new", json=JOB, headers={"If-Match": "*"}).status_code == 412


def test_a_workers_etag_does_not_change_by_itself(service: Rig) -> None:
    service.job()
    service.worker()
    tag = service.api.get("/api/v1/workers/w1").headers["etag"]
    service.start(service.trigger()["identifier"])
    found = service.api.get("/api/v1/workers/w1")
    assert found.json()["active_runs"] == 1
    assert found.headers["etag"] == tag


def test_deleting_what_is_still_needed_is_409_and_names_it(service: Rig) -> None:
    service.job()
    run = service.trigger()
    assert "1 job: build" in service.api.delete(PROJECT).json()["detail"]
    assert service.api.delete(BUILD).status_code == 409
    assert run["number"] == 1
    service.api.put(f"{PROJECT}/jobs/idle", json=JOB).raise_for_status()
    assert service.api.delete(f"{PROJECT}/jobs/idle").status_code == 204
    assert service.api.delete(f"{PROJECT}/jobs/idle").status_code == 404
    service.api.put("/api/v1/projects/empty", json={}).raise_for_status()
    assert service.api.delete("/api/v1/projects/empty").status_code == 204
    assert service.api.get("/api/v1/projects/empty").status_code == 404


def test_a_schedule_is_checked_against_its_job_and_stored(service: Rig) -> None:
    service.job()
    made = service.api.put(NIGHTLY, json={**SCHEDULE, "parameters": {"count": "2"}, "jitter": "90s"})
    assert made.status_code == 201
    assert made.json() | {"creation_date": "", "update_date": ""} == {
        "project": "core",
        "identifier": "nightly",
        "display_name": "nightly",
        "job": "build",
        "parameters": {"count": 2},
        "expression": "30 2 * * *",
        "time_zone": "UTC",
        "overlap": "skip",
        "misfire": "latest",
        "misfire_window": 86400.0,
        "jitter": 90.0,
        "is_enabled": True,
        "last_run": None,
        "next_fire": None,
        "managed_by": "api",
        "creation_date": "",
        "update_date": "",
    }
    wrong = {"job": "none", "expression": "61 * * * *", "time_zone": "Europe/Pariss", "overlap": "maybe"}
    refused = service.api.put(NIGHTLY, json=wrong)
    assert {one["path"] for one in refused.json()["errors"]} >= {"expression", "overlap"}
    assert service.api.put(NIGHTLY, json={**SCHEDULE, "parameters": {"nam": 1}}).status_code == 422
    assert service.api.patch(NIGHTLY, json={"time_zone": "Europe/Paris"}).json()["time_zone"] == "Europe/Paris"
    assert [one["identifier"] for one in service.api.get(f"{PROJECT}/schedules").json()["items"]] == ["nightly"]
    assert service.api.delete(NIGHTLY).status_code == 204
    assert service.api.get(NIGHTLY).status_code == 404


FILES = """
projects:
  core:
    jobs:
      build: {definition: {type: commands, commands: [ls]}}
    schedules:
      nightly: {job: build, expression: "30 2 * * *"}
"""


def apply(service: Rig, content: str = FILES, **options: Any) -> Any:
    body = {"files": [{"name": "core.yaml", "content": content}], **options}
    return service.api.post("/api/v1/configuration/apply", json=body)


def test_what_files_own_is_changed_by_files_only_but_triggered_and_enabled_by_people(service: Rig) -> None:
    assert apply(service).status_code == 200
    assert service.api.get(BUILD).json()["managed_by"] == "files"
    for path, body in ((PROJECT, {}), (BUILD, JOB), (NIGHTLY, SCHEDULE)):
        for answer in (
            service.api.put(path, json=body),
            service.api.patch(path, json={"display_name": "x"}),
            service.api.delete(path),
        ):
            assert (answer.status_code, answer.json()["code"]) == (409, "managed_elsewhere")
            assert "files" in answer.json()["detail"]
    for path in (BUILD, NIGHTLY):
        assert service.api.patch(path, json={"is_enabled": False}).json()["is_enabled"] is False
    assert service.trigger()["number"] == 1
    # Apply never enables again what an operator disabled.
    assert apply(service).json()["changes"] == []
    assert service.api.get(BUILD).json()["is_enabled"] is False


def test_files_are_planned_then_applied_and_a_second_time_change_nothing(service: Rig) -> None:
    body = {"files": [{"name": "core.yaml", "content": FILES}]}
    planned = service.api.post("/api/v1/configuration/plan", json=body).json()
    assert [(one["action"], one["kind"], one["path"]) for one in planned["changes"]] == [
        ("create", "project", "core"),
        ("create", "job", "core/build"),
        ("create", "schedule", "core/nightly"),
    ]
    assert service.api.get(PROJECT).status_code == 404
    assert apply(service).json() == planned
    assert apply(service).json() == {"changes": [], "leftovers": [], "warnings": []}
    changed = apply(service, FILES.replace("[ls]", "[ls, pwd]")).json()["changes"]
    assert [(one["action"], one["path"]) for one in changed] == [("update", "core/build")]
    assert changed[0]["fields"][0]["path"].startswith("definition.commands")
    less = FILES[: FILES.index("    schedules")].replace("[ls]", "[ls, pwd]")
    assert [one["path"] for one in apply(service, less).json()["leftovers"]] == ["core/nightly"]
    assert service.api.get(NIGHTLY).status_code == 200
    assert [one["action"] for one in apply(service, less, prune=True).json()["changes"]] == ["delete"]
    assert service.api.get(NIGHTLY).status_code == 404


def test_a_plan_warns_of_what_may_surprise_in_new_times(service: Rig) -> None:
    odd = FILES.replace('"30 2 * * *"', '"* 2 1 * MON"')
    found = apply(service, odd).json()
    assert [(one["path"], one["code"]) for one in found["warnings"]] == [
        ("core/nightly", "either_day"),
        ("core/nightly", "each_minute"),
    ]
    # It was said; nothing new is to be said of the time.
    assert apply(service, odd.replace("job: build,", "job: build, display_name: Nightly,")).json()["warnings"] == []
    zoned = FILES.replace('"30 2 * * *"', '"30 2 * * *", time_zone: Europe/Paris')
    warned = apply(service, zoned).json()["warnings"]
    assert {one["code"] for one in warned} == {"skipped_time", "repeated_time"}


def test_every_problem_of_files_comes_with_file_line_and_path(service: Rig) -> None:
    files = [
        {"name": "a.yaml", "content": "projects:\n  core:\n    jobs:\n      build: {definition: {type: comands}}\n"},
        {"name": "b.yaml", "content": "projects: [\n"},
        {"name": "c.json", "content": '{"projects": {"x": {"descripton": "y"}}}'},
    ]
    answer = service.api.post("/api/v1/configuration/apply", json={"files": files})
    assert answer.status_code == 422
    assert [(one["file"], one["line"]) for one in answer.json()["errors"]][:1] == [("a.yaml", 4)]
    assert {one["file"] for one in answer.json()["errors"]} == {"a.yaml", "b.yaml", "c.json"}
    assert service.api.get("/api/v1/projects").json()["items"] == []


def test_a_configuration_that_cannot_be_applied_whole_is_not_applied_at_all(service: Rig) -> None:
    apply(service).raise_for_status()
    service.trigger()
    other = "projects:\n  added: {display_name: Added}\n"
    answer = apply(service, other, prune=True)
    assert answer.status_code == 409
    assert service.api.get("/api/v1/projects/added").status_code == 404


@pytest.mark.parametrize("source", ["api", "", "a b"])
def test_a_source_needs_a_name_of_its_own(shared: Rig, source: str) -> None:
    assert apply(shared, source=source).status_code == 422


def test_a_large_configuration_passes_where_other_bodies_do_not(service: Rig) -> None:
    jobs = "".join(f"      j{number}: {{definition: {{type: commands, commands: [ls]}}}}\n" for number in range(300))
    padding = "# " + "x" * (1 << 20) + "\n"
    answer = apply(service, f"{padding}projects:\n  core:\n    jobs:\n{jobs}")
    assert answer.status_code == 200
    assert len(service.api.get(f"{PROJECT}/jobs", params={"limit": 1000}).json()["items"]) == 300


def test_a_worker_is_drained_disconnected_and_deleted(service: Rig) -> None:
    service.job()
    service.worker()
    path = "/api/v1/workers/w1"
    found = service.api.patch(path, json={"is_enabled": False, "note": "disk"}).json()
    assert (found["is_enabled"], found["note"], found["is_active"], found["owner"]) == (False, "disk", True, "admin")
    watched = service.hints.subscribe(["wish:w1"])
    assert service.api.post(f"{path}/disconnect").json()["should_disconnect"] is True
    assert service.run(watched.wait()) == ("wish:w1",)
    assert service.api.delete(path).status_code == 409
    service.write(lambda rows: workers.disconnect(rows, "w1", 1, service.clock.now()))
    assert service.api.post(f"{path}/disconnect").status_code == 409
    assert service.api.delete(path).status_code == 204
    assert service.api.get(path).status_code == 404
    for unknown in (service.api.patch(path, json={}), service.api.post(f"{path}/disconnect"), service.api.delete(path)):
        assert unknown.status_code == 404


def test_users_have_roles_and_the_last_administrator_stays(service: Rig) -> None:
    made = service.api.put("/api/v1/users/ada", json={"display_name": "Ada", "roles": ["Viewer", "Operator@core"]})
    assert made.status_code == 201
    assert made.json()["roles"] == ["Viewer", "Operator@core"]
    bad = service.api.put("/api/v1/users/bob", json={"roles": ["Boss", "Viewer@"]})
    assert [one["path"] for one in bad.json()["errors"]] == ["roles[0]", "roles[1]"]
    assert service.api.put("/api/v1/users/ada", json={}).json()["roles"] == []
    for attempt in (
        service.api.put("/api/v1/users/admin", json={}),
        service.api.patch("/api/v1/users/admin", json={"is_enabled": False}),
        service.api.patch("/api/v1/users/admin", json={"roles": ["Administrator@core"]}),
        service.api.delete("/api/v1/users/admin"),
    ):
        assert (attempt.status_code, "last" in attempt.json()["detail"]) == (409, True)
    service.api.patch("/api/v1/users/ada", json={"roles": ["Administrator"]}).raise_for_status()
    assert service.api.patch("/api/v1/users/admin", json={"display_name": "Root"}).status_code == 200
    assert service.api.delete("/api/v1/users/admin").status_code == 204
    assert service.api.get("/api/v1/me").status_code == 401


def test_tokens_are_shown_once_and_live_as_long_as_they_should(service: Rig) -> None:
    service.api.put("/api/v1/users/machine", json={"roles": ["Worker"]}).raise_for_status()
    path = "/api/v1/users/machine/authentications"
    made = service.api.post(path, json={"description": "rack 7"}).json()
    assert made["secret"].startswith("orcw_")
    assert made["expiration_date"] is None
    listed = service.api.get(path).json()["items"]
    assert [one["identifier"] for one in listed] == [made["identifier"]]
    assert set(listed[0]) == set(made) - {"secret"}
    mine = service.api.post("/api/v1/me/authentications", json={}).json()
    assert mine["secret"].startswith("orcu_")
    assert mine["expiration_date"] > mine["creation_date"]
    for bad in ("yesterday", "2020-01-01T00:00:00Z", "2099-01-01T00:00:00", 7):
        refused = service.api.post(path, json={"expiration_date": bad})
        assert (refused.status_code, refused.json()["errors"][0]["path"]) == (422, "expiration_date")
    assert service.api.post(path, json={"expiration_date": None}).json()["expiration_date"] is None
    assert service.api.post("/api/v1/users/none/authentications", json={}).status_code == 404
    assert service.api.get("/api/v1/users/none/authentications").status_code == 404
