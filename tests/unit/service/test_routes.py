"""The routes as they are declared: permissions, the interfaces' list, and the OpenAPI document."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar, get, websocket
from litestar.connection import WebSocket

from orchestra.domain.access import Permission
from orchestra.service import entities
from orchestra.service.app import create_litestar
from orchestra.service.authorization import check_routes, needs
from orchestra.service.docs_page import render
from orchestra.service.live.connection import BAD_FRAME, GOING_AWAY, NOT_SIGNED_IN, TOO_MANY
from orchestra.service.live.messages import ServerMessage
from orchestra.service.openapi import document
from orchestra.service.problems import PROBLEM_CODES

API = Path(__file__).resolve().parents[3] / "docs/api.md"
LIVE = API.with_name("live.md")

DUE = """
GET /health/live
GET /health/ready
GET /api/docs
GET /api/v1/openapi.json
GET /api/v1/projects
GET PUT PATCH DELETE /api/v1/projects/{project}
GET /api/v1/projects/{project}/jobs
GET PUT PATCH DELETE /api/v1/projects/{project}/jobs/{job}
POST /api/v1/projects/{project}/jobs/{job}/trigger
GET /api/v1/projects/{project}/jobs/{job}/runs
GET /api/v1/projects/{project}/jobs/{job}/runs/{number}
GET /api/v1/projects/{project}/runs
GET /api/v1/projects/{project}/schedules
GET PUT PATCH DELETE /api/v1/projects/{project}/schedules/{schedule}
GET /api/v1/runs
GET /api/v1/runs/{run}
POST /api/v1/runs/{run}/cancel
POST /api/v1/runs/{run}/abort
POST /api/v1/runs/{run}/retry
GET /api/v1/runs/{run}/explain
GET /api/v1/runs/{run}/results
GET /api/v1/runs/{run}/steps
GET /api/v1/runs/{run}/events
GET /api/v1/runs/{run}/log
GET /api/v1/runs/{run}/log/info
GET /api/v1/runs/{run}/log/lines
GET /api/v1/runs/{run}/log/stream
GET /api/v1/workers
GET PATCH DELETE /api/v1/workers/{worker}
POST /api/v1/workers/{worker}/disconnect
GET /api/v1/users
GET PUT PATCH DELETE /api/v1/users/{user}
GET POST /api/v1/users/{user}/authentications
DELETE /api/v1/users/{user}/authentications/{identifier}
GET /api/v1/me
POST /api/v1/me/login
POST /api/v1/me/logout
GET POST /api/v1/me/authentications
DELETE /api/v1/me/authentications/{identifier}
POST /api/v1/configuration/plan
POST /api/v1/configuration/apply
GET /api/v1/events
"""
"""What interfaces.md names and is due now."""


@pytest.fixture(scope="module")
def app() -> Litestar:
    return create_litestar()


@pytest.fixture(scope="module")
def described(app: Litestar) -> dict[str, Any]:
    return document(app)


def _due() -> list[tuple[str, str]]:
    lines = [line.split() for line in DUE.split("\n") if line]
    return [(method.lower(), parts[-1]) for parts in lines for method in parts[:-1]]


@pytest.mark.parametrize(("method", "path"), _due())
def test_every_route_that_is_due_exists_and_is_described(described: dict[str, Any], method: str, path: str) -> None:
    assert method in described["paths"][path]


def test_the_live_connection_exists(app: Litestar) -> None:
    assert any(route.path == "/api/v1/live" for route in app.routes)


def test_s10_an_application_with_a_route_that_names_no_permission_refuses_to_start() -> None:
    @get("/open")
    async def open_to_all() -> None: ...

    @get("/ok", opt=needs(Permission.RUN_READ))
    async def guarded() -> None: ...

    @websocket("/socket")
    async def silent(socket: WebSocket[Any, Any, Any]) -> None: ...

    with pytest.raises(RuntimeError, match=r"GET /open.*WEBSOCKET /socket"):
        check_routes(Litestar([open_to_all, guarded, silent], openapi_config=None))


def test_the_document_is_complete(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.1.")
    assert set(described["components"]["securitySchemes"]) == {"bearer", "basic", "session", "csrf"}
    identifiers = []
    for path, item in described["paths"].items():
        for method, operation in item.items():
            identifiers.append(operation["operationId"])
            assert re.fullmatch(r"[a-z][A-Za-z]+", operation["operationId"])
            assert operation["summary"].endswith("."), operation["operationId"]
            assert operation["tags"], operation["operationId"]
            in_path = re.findall(r"\{(\w+)\}", path)
            declared = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"]
            assert sorted(declared) == sorted(in_path)
            good = [status for status in operation["responses"] if status.startswith("2")]
            assert good, operation["operationId"]
            for status, response in operation["responses"].items():
                if status >= "400":
                    name = response["$ref"].rpartition("/")[2]
                    assert list(described["components"]["responses"][name]["content"]) == ["application/problem+json"]
            is_public = operation.get("security") == []
            assert is_public or {"401", "403"} <= set(operation["responses"]), operation["operationId"]
            assert (method in ("put", "patch")) <= ("requestBody" in operation)
    assert len(identifiers) == len(set(identifiers))


def test_every_reference_of_the_document_leads_somewhere(described: dict[str, Any]) -> None:
    names = set(described["components"]["schemas"])
    used = set(_references(described))
    assert used <= names
    # What nothing refers to is there for the generated types: live messages and what they carry.
    assert names - used <= {"LiveClientMessage", "LiveServerMessage", "RunSummary", "Overview", "LogPiece", "LogEnd"}
    assert not [name for name in names if "_" in name or name.endswith("Entity")]


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        found = [inner for one in value.values() for inner in _references(one)]
        if isinstance(value.get("$ref"), str):
            kind, _, name = value["$ref"].removeprefix("#/components/").partition("/")
            found += [name] if kind == "schemas" else []
        return found
    return [inner for one in value for inner in _references(one)] if isinstance(value, list) else []


def test_dates_are_described_as_dates(described: dict[str, Any]) -> None:
    run = described["components"]["schemas"]["Run"]["properties"]
    assert run["creation_date"]["format"] == "date-time"
    assert set(run) == set(described["components"]["schemas"]["Run"]["required"])


DATA_MODEL = {
    entities.ProjectEntity: "identifier display_name services creation_date update_date",
    entities.JobEntity: "project identifier display_name description definition parameters properties is_enabled "
    "creation_date update_date",
    entities.RunDetail: "project identifier job parameters source worker status start_date completion_date results "
    "should_cancel should_abort creation_date update_date",
    entities.ScheduleEntity: "project identifier display_name job parameters expression is_enabled last_run "
    "creation_date update_date",
    entities.UserEntity: "identifier display_name roles is_enabled creation_date update_date",
    entities.AuthenticationEntity: "identifier user type description expiration_date creation_date update_date",
    entities.WorkerEntity: "identifier owner version display_name properties is_enabled is_active should_disconnect "
    "creation_date update_date",
}
ADDITIONS = {
    entities.ProjectEntity: "description managed_by",
    entities.JobEntity: "group policy revision managed_by",
    entities.RunDetail: "number cause job_revision definition priority steps worker_properties log_size log_complete "
    "log_error result_error",
    entities.ScheduleEntity: "time_zone overlap misfire misfire_window jitter next_fire managed_by",
    entities.UserEntity: "",
    entities.AuthenticationEntity: "last_use_date roles",
    entities.WorkerEntity: "concurrency protocol connection_date last_seen_date note",
}


@pytest.mark.parametrize("entity", DATA_MODEL)
def test_entities_have_every_field_of_the_data_model(entity: type[entities.Entity]) -> None:
    assert set(DATA_MODEL[entity].split()) | set(ADDITIONS[entity].split()) <= set(entity.__struct_fields__)


def test_no_entity_shows_what_must_stay_inside() -> None:
    inside = {"epoch", "session", "installation", "boot", "hash_function", "hash_function_salt", "stop_requested_by"}
    for entity in DATA_MODEL:
        assert not inside & set(entity.__struct_fields__), entity


def test_the_documentation_page_needs_nothing_from_outside(described: dict[str, Any]) -> None:
    page = render(described, "nonce")
    assert "triggerJob" in page
    assert page.count("<script") == page.count('<script nonce="nonce">') == 1
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", page)


def test_every_code_of_a_problem_is_documented() -> None:
    documented = set(re.findall(r"^\| \d{3} \| `(\w+)` \|", API.read_text(), re.MULTILINE))
    assert documented == set(PROBLEM_CODES)


def test_every_message_and_topic_of_the_live_connection_is_documented() -> None:
    text = LIVE.read_text()
    kinds = [kind.__struct_config__.tag for kind in ServerMessage.__subclasses__()]
    assert kinds
    assert [kind for kind in kinds if f'"type": "{kind}"' not in text] == []
    for code in (GOING_AWAY, BAD_FRAME, NOT_SIGNED_IN, TOO_MANY):
        assert str(code) in text
    for topic in ("runs", "run:", "log:", "workers", "worker:", "overview", "me"):
        assert f"`{topic}" in text
