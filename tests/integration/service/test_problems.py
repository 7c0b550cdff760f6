"""Whatever goes wrong, the answer is a problem document that says what, and nothing about our inside."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from integration.service.rig import WAIT_S, Rig
from orchestra.domain.errors import OutcomeUnknown, Unavailable
from orchestra.service.parts import BODY_BYTES
from orchestra.service.problems import PROBLEM_CODES

PROJECT = "/api/v1/projects/core"
JSON = {"Content-Type": "application/json"}


def check(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["code"] in PROBLEM_CODES
    assert problem["type"] == f"urn:orchestra:problem:{code}"
    assert problem["title"]
    assert problem["detail"]
    assert problem["request_id"] == answer.headers["orchestra-request-id"]
    assert "Traceback" not in answer.text
    assert "/site-packages/" not in answer.text
    return problem


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/v2/runs", "/api/v1/nothing", "/health", "/health/x", "/metrics"]
)
def test_an_unknown_path_of_the_api_is_404_and_never_the_website(shared: Rig, path: str) -> None:
    check(shared.api.get(path), 404, "not_found")


@pytest.mark.parametrize("path", ["/audit", "/occurrences"])
def test_what_is_not_there_yet_is_404(shared: Rig, path: str) -> None:
    answer = shared.api.get(f"/api/v1{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_method_that_a_resource_does_not_have_is_405_and_names_those_that_it_has(shared: Rig) -> None:
    answer = shared.api.delete("/api/v1/projects")
    check(answer, 405, "method_not_allowed")
    assert "GET" in answer.headers["allow"]
    assert shared.api.options("/api/v1/projects").headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "invalid_content"),
        (b"{", 400, "bad_request"),
        (b'{"a": NaN}', 400, "bad_request"),
        (b"\xff\xfe", 400, "bad_request"),
        (b"[]", 422, "invalid_content"),
        (b"null", 422, "invalid_content"),
        (b'"text"', 422, "invalid_content"),
        (b'{"description": "a", "description": "b"}', 422, "invalid_content"),
        (b'{"services": ' * 40 + b"1" + b"}" * 40, 422, "invalid_content"),
        (b"[" * 200_000, 422, "invalid_content"),
        (b'{"description": "\\u0000"}', 422, "invalid_content"),
        (b'{"description": "\\ud800"}', 422, "invalid_content"),
        (b'{"unknown": 1}', 422, "invalid_content"),
        (b'{"description": 1}', 422, "invalid_content"),
        (b" " * (BODY_BYTES + 1), 413, "too_large"),
    ],
)
def test_a_bad_body_is_told_apart(shared: Rig, body: bytes, status: int, code: str) -> None:
    check(shared.api.put(PROJECT, content=body, headers=JSON), status, code)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml"]
)
def test_a_body_that_is_not_declared_as_json_is_415(shared: Rig, kind: str) -> None:
    check(shared.api.put(PROJECT, content=b"{}", headers={"Content-Type": kind}), 415, "unsupported_media_type")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/merge-patch+json"])
def test_kinds_of_json_are_json(shared: Rig, kind: str) -> None:
    assert shared.api.put(PROJECT, content=b"{}", headers={"Content-Type": kind}).status_code in (200, 201)


def test_a_body_without_a_declared_length_is_limited_too(shared: Rig) -> None:
    def pieces() -> Any:
        for _ in range(BODY_BYTES // 65_536 + 2):
            yield b" " * 65_536

    check(shared.api.put(PROJECT, content=pieces(), headers=JSON), 413, "too_large")


def test_every_problem_of_an_object_comes_at_once(shared: Rig) -> None:
    shared.job()
    body = {"definition": {"type": "commands", "commands": []}, "policy": {"priority": 999}, "grup": "x"}
    problem = check(shared.api.put(f"{PROJECT}/jobs/other", json=body), 422, "invalid_content")
    assert {one["path"] for one in problem["errors"]} == {"grup", "policy.priority", "definition.commands"}
    assert all(one["message"] for one in problem["errors"])


def test_s44_a_defect_of_ours_is_500_with_an_identifier_that_the_log_has_too(
    service: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret of the inside")

    monkeypatch.setattr("orchestra.storage.projects.page", broken)
    answer = service.api.get("/api/v1/projects")
    problem = check(answer, 500, "internal")
    assert "secret" not in answer.text
    assert problem["request_id"] in problem["detail"]
    assert any(problem["request_id"] in record.getMessage() for record in caplog.records)


def test_a_database_that_does_not_answer_is_503(service: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(_: object) -> None:
        raise Unavailable("the database does not answer; nothing was changed")

    async def unsure(_: object) -> None:
        raise OutcomeUnknown("the database failed while it committed; read again to learn what holds")

    service.job()
    service.api.get("/api/v1/me")
    monkeypatch.setattr(service.database, "read", refuse)
    answer = service.api.get("/health/ready")
    check(answer, 503, "unavailable")
    assert answer.headers["retry-after"] == "1"
    monkeypatch.undo()
    monkeypatch.setattr(service.database, "write", unsure)
    assert service.api.post(f"{PROJECT}/jobs/build/trigger").json()["code"] == "outcome_unknown"


def test_a_server_that_is_not_ready_lives_and_says_so(service: Rig) -> None:
    object.__setattr__(service.app.parts, "is_ready", lambda: False)
    nobody = service.client()
    assert nobody.get("/health/live").json() == {"status": "live"}
    assert nobody.get("/health/ready").status_code == 503
    object.__setattr__(service.app.parts, "is_ready", lambda: True)
    assert nobody.get("/health/ready").json() == {"status": "ready"}
    assert "version" not in nobody.get("/health/live").text


HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
}


@pytest.mark.parametrize(
    "path", ["/", "/assets/none", "/api/v1/me", "/api/v1/none", "/health/live", "/api/docs", "/api/v1/runs?limit=x"]
)
def test_every_answer_has_the_security_headers(shared: Rig, path: str) -> None:
    for client in (shared.api, shared.client()):
        answer = client.get(path)
        assert HEADERS.items() <= dict(answer.headers).items()
        assert "default-src" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"]
        assert "server" not in answer.headers


def test_head_is_get_without_the_body(shared: Rig) -> None:
    got, head = shared.api.get("/api/v1/me"), shared.api.head("/api/v1/me")
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == got.headers["content-length"]


@pytest.mark.parametrize("path", ["/api/v1/events", "/api/v1/runs/{run}/log/stream", "/api/v1/runs/{run}/log"])
def test_head_of_what_has_no_end_has_one(service: Rig, path: str) -> None:
    service.job()
    service.worker()
    run = service.trigger()["identifier"]
    service.start(run)
    service.append(run, b"x" * 600_000)
    head = service.api.head(path.format(run=run))
    assert (head.status_code, head.content) == (200, b"")
    assert service.api.get("/api/v1/me").status_code == 200


def test_a_broken_request_does_not_disturb_the_next(shared: Rig) -> None:
    with socket.create_connection(("127.0.0.1", shared.port), WAIT_S) as connection:
        connection.sendall(b"NONSENSE\r\n\r\n")
        assert b"400" in connection.recv(4096)
    assert shared.api.get("/api/v1/me").status_code == 200
