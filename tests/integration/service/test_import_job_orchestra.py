"""Moving from Job Orchestra by the API: users go on as they did, the history is there, nothing is told twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from integration.service.rig import Rig, running
from orchestra.storage import authentications, events
from support.job_orchestra_export import (
    EXPIRED_TOKEN,
    PASSWORD,
    TOKEN,
    Dataset,
    dataset,
    texts,
    uuid_of,
)

_QUARTER = timedelta(minutes=16)
PATH = "/api/v1/import/job-orchestra"


def body(tables: Dataset, **more: Any) -> dict[str, Any]:
    return {"files": [{"name": name, "content": text} for name, text in texts(tables).items()], **more}


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Rig, dict[str, Any]]]:
    """A service that imported everything, and what it answered."""
    with running(tmp_path_factory.mktemp("moved")) as rig:
        answer = rig.api.post(PATH, json=body(dataset()))
        assert answer.status_code == 200, answer.text
        yield rig, answer.json()


def test_the_report_names_every_record_once(moved: tuple[Rig, dict[str, Any]]) -> None:
    _, report = moved
    tables = dataset()
    assert len({(one["table"], one["path"]) for one in report["items"]}) == sum(map(len, tables.values()))
    for table, rows in tables.items():
        counts = report["counts"][table]
        assert sum(counts[name] for name in ("full", "partial", "not_supported")) == len(rows), table
    assert all(one["reasons"] for one in report["items"] if one["support"] != "full")
    assert report["missing"] == []
    assert any("logs of runs are not supported" in note for note in report["notes"])


def test_a_user_signs_in_with_the_old_password_which_is_then_hashed_anew(moved: tuple[Rig, dict[str, Any]]) -> None:
    rig, _ = moved
    wrong = rig.client().post("/api/v1/me/login", json={"user": "maya", "password": PASSWORD + "!"})
    assert wrong.status_code == 401
    answer = rig.client().post("/api/v1/me/login", json={"user": "maya", "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    assert answer.json()["user"]["roles"] == ["Operator", "Viewer"]
    stored = rig.read(lambda rows: authentications.get(rows, uuid_of(1)))
    assert stored is not None and stored.hash_function == "argon2id"
    assert rig.client().post("/api/v1/me/login", json={"user": "maya", "password": PASSWORD}).status_code == 200


def test_an_old_token_works_by_basic_until_it_expires(moved: tuple[Rig, dict[str, Any]]) -> None:
    rig, _ = moved

    def status(user: str, token: str) -> int:
        return rig.client(auth=httpx.BasicAuth(user, token)).get("/api/v1/runs").status_code

    assert status("maya", TOKEN) == 200
    assert status("maya", EXPIRED_TOKEN) == 401
    assert status("boss", TOKEN) == 401
    assert rig.client(TOKEN).get("/api/v1/runs").status_code == 401


def test_the_history_is_there(moved: tuple[Rig, dict[str, Any]]) -> None:
    rig, _ = moved
    listed = rig.api.get("/api/v1/projects/example/jobs/hello/runs", params={"order": "creation_date"}).json()["items"]
    assert [one["number"] for one in listed] == [1, 2, 3, 4, 5, 6, 7]
    one = rig.api.get(f"/api/v1/runs/{uuid_of(1002)}").json()
    assert (one["status"], one["cause"]["code"], one["worker"]) == ("failed", "imported", "host_worker_01")
    assert (one["start_date"], one["completion_date"]) == ("2021-03-13T11:30:08.000000Z", "2021-03-13T11:31:08.000000Z")
    assert rig.api.get(f"/api/v1/runs/{uuid_of(1002)}/log").content == b""
    assert rig.api.get(f"/api/v1/runs/{uuid_of(1001)}/results").json() == {"tests": {"passed": 3}}
    assert rig.api.get("/api/v1/projects/example/jobs/deleted/runs/1").status_code == 200
    history = rig.api.get(f"/api/v1/runs/{uuid_of(1002)}/events").json()["items"]
    assert [one["type"] for one in history] == ["run.created"]


def test_a_second_import_stores_nothing(moved: tuple[Rig, dict[str, Any]]) -> None:
    rig, first = moved
    before = rig.read(events.last_sequence)
    again = rig.api.post(PATH, json=body(dataset())).json()
    assert rig.read(events.last_sequence) == before
    assert {one["action"] for one in again["items"]} == {"unchanged", "none"}
    assert [one["support"] for one in again["items"]] == [one["support"] for one in first["items"]]


def test_no_hash_is_in_any_answer(moved: tuple[Rig, dict[str, Any]]) -> None:
    rig, report = moved
    answers = [json.dumps(report)]
    for path in ("users/maya", "users/maya/authentications", "users/host_worker/authentications"):
        answers.append(rig.api.get(f"/api/v1/{path}").text)
    hidden = [row[name] for row in dataset()["user_authentication"] for name in ("secret", "hash_function_salt")]
    assert not [one for one in hidden if one and any(one in answer for answer in answers)]


def test_a_dry_run_says_the_same_and_stores_nothing(service: Rig) -> None:
    before = service.read(events.last_sequence)
    dry = service.api.post(PATH, json=body(dataset(), dry_run=True)).json()
    assert service.read(events.last_sequence) == before
    assert service.api.get("/api/v1/projects").json()["items"] == []
    done = service.api.post(PATH, json=body(dataset())).json()
    assert dry == {**done, "dry_run": True}


def test_all_problems_are_told_with_their_places(shared: Rig) -> None:
    files = {
        "user.json": '[\n  {"identifier": "a",}\n]',
        "project.json": '[{"identifier": "p", "identifier": "q"}]',
        "job.json": '{"identifier": "j"}',
        "worker.json": '[{"identifier": 5, "roles": NaN}]',
        "other.json": "[]",
    }
    answer = shared.api.post(PATH, json={"files": [{"name": n, "content": t} for n, t in files.items()]})
    assert answer.status_code == 422
    told = [(one.get("file"), one.get("line"), one["message"]) for one in answer.json()["errors"]]
    assert [(file, line) for file, line, _ in told if file == "user.json"] == [("user.json", 2)]
    for file, words in (
        ("project.json", "stands twice"),
        ("job.json", "expected a list of records"),
        ("worker.json", "NaN"),
        ("other.json", "unknown file"),
    ):
        assert any(one[0] == file and words in one[2] for one in told), (file, told)


def test_s13_extra_keys_missing_files_and_doubled_ones_are_refused(shared: Rig) -> None:
    file = {"name": "user.json", "content": "[]"}
    bodies: list[dict[str, Any]] = [{"files": []}, {"files": [file, file]}, {"files": [file], "force": True}, {}]
    for wrong in (*bodies, {"files": [{}]}):
        assert shared.api.post(PATH, json=wrong).status_code == 422, wrong


def test_only_administrators_of_everything_import(shared: Rig) -> None:
    shared.job()
    for name, role in (("op", "Operator"), ("aud", "Auditor"), ("adm", "Administrator@core")):
        assert shared.user(name, role).post(PATH, json=body(dataset())).status_code == 403, name
    assert shared.client().post(PATH, json=body(dataset())).status_code == 401


def test_an_import_by_an_old_session_asks_who_it_is_first(service: Rig) -> None:
    session, csrf = service.sign_in()
    service.clock.ahead += _QUARTER
    headers = {"X-CSRF-Token": csrf}
    refused = session.post(PATH, json=body(dataset()), headers=headers)
    assert refused.status_code == 403 and "reauthenticat" in refused.text
    assert session.post(PATH, json=body(dataset(), dry_run=True), headers=headers).status_code == 200
