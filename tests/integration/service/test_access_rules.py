"""What the matrix of routes does not say: what lists, filters, searches and streams hold, and who may give what."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from integration.service.access_table import NOWHERE, OTHER, OWN
from integration.service.rig import Rig, running
from integration.service.test_live import live
from integration.service.test_logs import Stream
from orchestra.domain.access import ASSIGNABLE, GLOBAL, Permission, Role
from support import job_orchestra_export as exported

JOB = f"/api/v1/projects/{OWN}/jobs/build"
CALLERS = {
    "viewer": ("Viewer",),
    "operator": ("Operator",),
    "auditor": ("Auditor",),
    "administrator": ("Administrator",),
    "viewer-of-core": (f"Viewer@{OWN}",),
    "operator-of-core": (f"Operator@{OWN}",),
    "administrator-of-core": (f"Administrator@{OWN}",),
    "operator-of-other": (f"Operator@{OTHER}",),
}


@dataclass
class World:
    rig: Rig
    clients: dict[str, httpx.Client]
    own: str
    other: str


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("rules")) as rig:
        rig.job()
        rig.job(project=OTHER)
        rig.worker()
        clients = {name: rig.user(name, *roles) for name, roles in CALLERS.items()}
        yield World(rig, clients, str(rig.trigger()["identifier"]), str(rig.trigger(project=OTHER)["identifier"]))


# What lists, filters and streams hold --------------------------------------------------------------


def test_lists_hold_only_what_the_caller_may_see(world: World) -> None:
    def seen(name: str, path: str, key: str) -> set[str]:
        return {one[key] for one in world.clients[name].get(path).json()["items"]}

    assert seen("viewer", "/api/v1/projects", "identifier") == {OWN, OTHER}
    assert seen("viewer-of-core", "/api/v1/projects", "identifier") == {OWN}
    assert seen("viewer", "/api/v1/runs", "project") == {OWN, OTHER}
    assert seen("viewer-of-core", "/api/v1/runs", "project") == {OWN}
    assert seen("operator-of-other", "/api/v1/runs", "project") == {OTHER}


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/runs?project={project}",
        "/api/v1/runs?q=project:{project}",
        "/api/v1/runs?q=-project:core",
        "/api/v1/runs?project={project}&order=creation_date&limit=1",
        "/api/v1/projects?order=-identifier&limit=1",
        "/api/v1/search?q={project}",
        "/api/v1/search?q={run}",
        "/api/v1/schedules/preview?expression=*&project={project}",
    ],
)
def test_s11_a_filter_does_not_tell_what_is_hidden_from_what_does_not_exist(world: World, path: str) -> None:
    client = world.clients["viewer-of-core"]
    hidden = client.get(path.format(project=OTHER, run=world.other))
    missing = client.get(path.format(project=NOWHERE, run="00000000-0000-4000-8000-00000000dead"))
    assert _told(hidden) == _told(missing)
    assert OTHER not in hidden.text.replace(path, "") or "q=" in path or hidden.status_code == 404


def _told(answer: httpx.Response) -> tuple[int, str | None, Any]:
    body = json.loads(
        answer.text.replace(OTHER, "?").replace(NOWHERE, "?").replace("00000000-0000-4000-8000-00000000dead", "?")
    )
    if isinstance(body, dict):
        body.pop("request_id", None)
    return answer.status_code, answer.headers.get("etag"), body


def test_s11_a_stream_of_events_is_silent_about_other_projects(world: World) -> None:
    client = world.clients["viewer-of-core"]
    for topic in ("", f"&topic=project:{OTHER}", f"&topic=run:{world.other}", "&topic=users", "&topic=workers"):
        stream = Stream(client, f"/api/v1/events?after=0{topic}&topic=run:{world.own}")
        events = stream.wait(1)
        world.rig.trigger(project=OTHER)
        assert all(json.loads(event["data"])["project"] == OWN for event in events)


def test_s11_live_lists_and_counts_are_silent_about_other_projects(world: World) -> None:
    token = world.rig.token("viewer-of-core")
    with live(world.rig, token) as connection:
        connection.sub("overview", "counts")
        connection.sub("runs", "runs")
        seen = connection.snapshots("counts", "runs")
        counted = seen["counts"]["item"]["runs"]["pending"]
        assert seen["counts"]["item"]["workers"] is None
        assert {run["project"] for run in seen["runs"]["items"]} == {OWN}
        world.rig.trigger(project=OTHER)
        mine = world.rig.trigger()["identifier"]
        told = connection.type("upsert", "runs")["items"]
        assert [run["identifier"] for run in told] == [mine]
        assert connection.type("upsert", "counts")["item"]["runs"]["pending"] == counted + 1


@pytest.mark.parametrize("text", ["w1", "operator", "admin", OTHER])
def test_s11_a_search_finds_only_what_the_caller_may_see(world: World, text: str) -> None:
    """Workers and users lie outside projects; of other projects nothing is found."""
    assert world.clients["administrator"].get("/api/v1/search", params={"q": text}).json()["items"]
    found = world.clients["viewer-of-core"].get("/api/v1/search", params={"q": text}).json()["items"]
    assert [one for one in found if one["type"] in ("worker", "user") or one["project"] not in (OWN, None)] == []
    assert OTHER not in json.dumps(found)


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize("kind", ["project", "job"])
def test_s11_a_tag_does_not_tell_that_something_exists(world: World, header: str, kind: str) -> None:
    path = "/api/v1/projects/{project}" + ("/jobs/build" if kind == "job" else "")
    tag = world.rig.api.get(path.format(project=OTHER)).headers["ETag"]
    method = "GET" if header == "If-None-Match" else "DELETE"
    client = world.clients["administrator-of-core"]
    hidden, missing = (
        client.request(method, path.format(project=project), headers={header: tag}) for project in (OTHER, NOWHERE)
    )
    assert hidden.status_code == 404
    assert _told(hidden) == _told(missing)


# S-12: nobody orders or filters by what they do not see -------------------------------------------------


def test_names_of_users_are_for_viewers_and_everything_else_for_administrators(world: World) -> None:
    assert set(world.clients["viewer"].get("/api/v1/users/operator").json()) == {"identifier", "display_name"}
    assert "roles" in world.clients["auditor"].get("/api/v1/users/operator").json()
    assert world.clients["viewer-of-core"].get("/api/v1/users").status_code == 403


@pytest.mark.parametrize("field", ["identifier", "display_name", "creation_date", "update_date", "roles", "is_enabled"])
def test_s12_viewers_order_users_only_by_what_they_see(world: World, field: str) -> None:
    shown = set(world.clients["viewer"].get("/api/v1/users").json()["items"][0])
    for order in (field, f"-{field}"):
        answer = world.clients["viewer"].get("/api/v1/users", params={"order": order})
        assert answer.status_code == (200 if field in shown else 422)


def test_s12_viewers_filter_users_by_nothing_that_they_do_not_see(world: World) -> None:
    document = world.rig.api.get("/api/v1/openapi.json").json()
    shown = set(world.clients["viewer"].get("/api/v1/users").json()["items"][0])
    given = {one["name"]: one for one in document["paths"]["/api/v1/users"]["get"].get("parameters", [])}
    for name in set(given) - {"limit", "cursor", "order", *shown}:
        value = "true" if given[name]["schema"].get("type") == "boolean" or name.startswith("is_") else "Viewer"
        assert world.rig.api.get("/api/v1/users", params={name: value}).status_code == 200
        assert world.clients["viewer"].get("/api/v1/users", params={name: value}).status_code in (403, 422), name


def test_s12_a_page_of_an_administrators_order_is_none_of_a_viewers(world: World) -> None:
    page = {"order": "update_date", "limit": "1"}
    cursor = world.rig.api.get("/api/v1/users", params=page).json()["next_cursor"]
    for params in ({**page, "cursor": cursor}, {"limit": "1", "cursor": cursor}):
        assert world.clients["viewer"].get("/api/v1/users", params=params).status_code == 422


@pytest.mark.parametrize(
    "path", ["users", "users/admin/authentications", "users/admin/sessions", "me/authentications", "workers", "runs"]
)
@pytest.mark.parametrize("field", ["secret", "hash_function", "hash_function_salt", "token_hash", "csrf"])
def test_s12_nobody_orders_or_filters_by_a_secret(world: World, path: str, field: str) -> None:
    for params in ({"order": field}, {"order": f"-{field}"}, {field: "a"}):
        assert world.rig.api.get(f"/api/v1/{path}", params=params).status_code == 422


# S-15: who may change and give what -----------------------------------------------------------------------


def test_s15_an_operator_enables_but_does_not_define(world: World) -> None:
    operator = world.clients["operator-of-core"]
    assert operator.patch(JOB, json={"is_enabled": True}).status_code == 200
    assert operator.patch(JOB, json={"is_enabled": True, "description": "mine"}).status_code == 403
    for field in ("definition", "parameters", "properties", "policy", "group", "display_name"):
        assert operator.patch(JOB, json={field: {}}).status_code == 403
    assert operator.put(JOB, json={"definition": {"type": "commands", "commands": ["id"]}}).status_code == 403
    assert world.clients["administrator-of-core"].patch(JOB, json={"description": "ours"}).status_code == 200
    worker = "/api/v1/workers/w1"
    assert world.clients["operator"].patch(worker, json={"note": "disk is replaced"}).status_code == 200
    assert world.clients["operator"].patch(worker, json={"display_name": "x"}).status_code == 403


@pytest.mark.parametrize("name", [name for name in CALLERS if name != "administrator"])
def test_s15_only_an_administrator_of_everything_changes_roles(world: World, name: str) -> None:
    client = world.clients[name]
    for user in (name, "viewer", "new-one"):
        assert client.put(f"/api/v1/users/{user}", json={"roles": ["Administrator"]}).status_code == 403
        assert client.patch(f"/api/v1/users/{user}", json={"roles": ["Administrator"]}).status_code == 403
        assert client.post(f"/api/v1/users/{user}/authentications", json={}).status_code == 403
        assert client.post(f"/api/v1/users/{user}/link", json={}).status_code == 403
        assert client.put(f"/api/v1/users/{user}/password", json={"password": "a" * 20}).status_code == 403
    files = {"files": [{"name": "user.json", "content": "[]"}]}
    assert client.post("/api/v1/import/job-orchestra", json=files).status_code == 403
    assert client.post("/api/v1/configuration/apply", json={"files": []}).status_code == 403


@pytest.mark.parametrize("name", CALLERS)
@pytest.mark.parametrize("role", [*ASSIGNABLE, *(f"{role}@{OTHER}" for role in ASSIGNABLE if role is not Role.WORKER)])
def test_s15_no_token_gives_more_than_its_owner_has(world: World, name: str, role: str) -> None:
    """Either it is refused, or what it may is a part of what its owner may."""
    made = world.clients[name].post("/api/v1/me/authentications", json={"roles": [role]})
    assert made.status_code in (201, 422)
    if made.status_code == 201:
        assert _may(world.rig.client(made.json()["secret"])) <= _may(world.clients[name])
        path = f"/api/v1/me/authentications/{made.json()['identifier']}"
        assert world.clients[name].delete(path).status_code == 204


def _may(client: httpx.Client) -> set[tuple[str | None, str]]:
    me = client.get("/api/v1/me").json()
    projects = {(project, one) for project, found in me["projects"].items() for one in found}
    everywhere = {(where, one) for where in (None, OWN, OTHER) for one in me["permissions"]}
    return projects | {one for one in everywhere if one[0] is None or Permission(one[1]) not in GLOBAL}


def test_s15_a_token_loses_with_its_owner(service: Rig) -> None:
    service.job()
    ada = service.user("ada", "Operator")
    limited = service.client(
        ada.post("/api/v1/me/authentications", json={"roles": [f"Operator@{OWN}"]}).json()["secret"]
    )
    assert limited.post(f"{JOB}/trigger", json={}).status_code == 201
    service.api.patch("/api/v1/users/ada", json={"roles": ["Viewer"]}).raise_for_status()
    assert limited.post(f"{JOB}/trigger", json={}).status_code == 403
    assert limited.get(JOB).status_code == 200
    service.api.patch("/api/v1/users/ada", json={"roles": [f"Viewer@{OTHER}"]}).raise_for_status()
    assert limited.get(JOB).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/me/authentications", {}),
        ("PUT", "/me/password", {"password": "correct horse battery staple"}),
        ("DELETE", "/me/sessions", None),
        ("POST", "/me/logout", {}),
        ("POST", "/me/reauthenticate", {"token": "x"}),
        ("GET", "/me/sessions", None),
        ("GET", "/me/authentications", None),
    ],
)
def test_s15_a_limited_token_does_not_touch_the_account(world: World, method: str, path: str, body: Any) -> None:
    token = world.rig.token("administrator", roles=["Administrator"])
    limited = world.rig.client(token)
    assert limited.get("/api/v1/me").status_code == 200
    assert limited.request(method, f"/api/v1{path}", json=body).status_code == 403


def test_s15_a_limited_token_does_not_sign_in_to_a_session_that_is_not_limited(world: World) -> None:
    token = world.rig.token("administrator", roles=["Viewer"])
    for body in ({"token": token}, {"user": "administrator", "password": token}):
        answer = world.rig.client().post("/api/v1/me/login", json=body)
        assert answer.status_code in (401, 403)
        assert "set-cookie" not in answer.headers


LOSSES: dict[str, Callable[[httpx.Client, str], httpx.Response]] = {
    "demoted by PATCH": lambda api, user: api.patch(f"/api/v1/users/{user}", json={"roles": ["Operator"]}),
    "demoted by PUT": lambda api, user: api.put(f"/api/v1/users/{user}", json={}),
    "to a project": lambda api, user: api.patch(f"/api/v1/users/{user}", json={"roles": [f"Administrator@{OWN}"]}),
    "disabled by PATCH": lambda api, user: api.patch(f"/api/v1/users/{user}", json={"is_enabled": False}),
    "disabled by PUT": lambda api, user: api.put(
        f"/api/v1/users/{user}", json={"roles": ["Administrator"], "is_enabled": False}
    ),
    "deleted": lambda api, user: api.delete(f"/api/v1/users/{user}"),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_s15_the_last_administrator_stays(service: Rig, loss: str) -> None:
    service.api.put("/api/v1/users/ada", json={"roles": ["Administrator"], "is_enabled": False}).raise_for_status()
    service.api.put("/api/v1/users/bob", json={"roles": [f"Administrator@{OWN}", "Operator"]}).raise_for_status()
    refused = LOSSES[loss](service.api, "admin")
    assert (refused.status_code, "last" in refused.json()["detail"]) == (409, True)
    assert service.api.get("/api/v1/users/admin").json()["roles"] == ["Administrator"]
    service.api.patch("/api/v1/users/ada", json={"is_enabled": True}).raise_for_status()
    assert LOSSES[loss](service.api, "admin").is_success


def test_s15_no_import_and_no_configuration_touches_an_administrator(service: Rig) -> None:
    """An export may hold a user of the same name: the one that is here stays as it is, and gets no secrets."""
    before = service.api.get("/api/v1/users/admin").json()
    tokens = service.api.get("/api/v1/users/admin/authentications").json()
    tables = {
        "user": [exported.user("admin", is_enabled=False)],
        "user_authentication": [exported.password(1, "admin", "a password of long ago")],
    }
    files = [{"name": name, "content": text} for name, text in exported.texts(tables).items()]
    service.api.post("/api/v1/import/job-orchestra", json={"files": files})
    file = {"name": "a.yaml", "content": "users: {admin: {roles: []}}\n"}
    assert service.api.post("/api/v1/configuration/apply", json={"files": [file]}).status_code == 422
    assert service.api.get("/api/v1/users/admin").json() == before
    assert [one["identifier"] for one in service.api.get("/api/v1/users/admin/authentications").json()["items"]] == [
        one["identifier"] for one in tokens["items"]
    ]


@pytest.mark.parametrize("where", ["one server", "two servers on PostgreSQL"])
def test_s15_of_administrators_who_all_leave_at_once_one_stays(
    where: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with ExitStack() as stack:
        url = None if where == "one server" else request.getfixturevalue("postgres_url")
        home = stack.enter_context(running(tmp_path, database=url))
        away = home if url is None else stack.enter_context(running(tmp_path, database=url, beside=home))
        names = ["admin", *(f"a{number}" for number in range(9))]
        clients = {
            name: home.client(home.first.token) if name == "admin" else home.user(name, "Administrator")
            for name in names
        }
        tokens = {name: clients[name].headers["Authorization"].removeprefix("Bearer ") for name in names}
        start = threading.Barrier(len(names))
        answers: dict[str, int] = {}

        def leave(name: str, service: Rig) -> None:
            client = service.client(tokens[name])
            start.wait()
            answers[name] = client.patch(f"/api/v1/users/{name}", json={"roles": []}).status_code

        threads = [
            threading.Thread(target=leave, args=(name, (home, away)[number % 2])) for number, name in enumerate(names)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers.values()) == [200] * 9 + [409]
        (last,) = (name for name, status in answers.items() if status == 409)
        left = {one["identifier"]: one["roles"] for one in clients[last].get("/api/v1/users").json()["items"]}
        assert [name for name, roles in left.items() if "Administrator" in roles] == [last]


# S-16: who triggered --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "forged",
    [
        {"source": {"type": "user", "user": "admin"}},
        {"user": "admin"},
        {"actor": "admin"},
        {"source": {"type": "schedule", "schedule": "nightly", "fire_date": "2026-01-01T00:00:00Z"}},
        {"source": None},
    ],
)
@pytest.mark.parametrize("way", ["trigger", "retry"])
def test_s16_who_triggers_cannot_be_chosen(world: World, forged: dict[str, Any], way: str) -> None:
    operator = world.clients["operator-of-core"]
    run = world.rig.done()
    path = f"{JOB}/trigger" if way == "trigger" else f"/api/v1/runs/{run}/retry"
    assert operator.post(path, json=forged).status_code == 422
    made = operator.post(path, json={}).json()
    assert made["source"].get("user", "operator-of-core") == "operator-of-core"
    events = operator.get(f"/api/v1/runs/{made['identifier']}/events").json()["items"]
    assert events[0]["actor"] == "operator-of-core"
    expected = {"type": "user", "user": "operator-of-core"} if way == "trigger" else {"type": "run", "run": run}
    assert {key: made["source"][key] for key in expected} == expected


@pytest.mark.parametrize("header", ["X-Forwarded-User", "Remote-User", "X-User", "From"])
def test_s16_no_header_says_who_triggers(world: World, header: str) -> None:
    made = world.clients["operator-of-core"].post(f"{JOB}/trigger", json={}, headers={header: "admin"}).json()
    assert made["source"] == {"type": "user", "user": "operator-of-core"}
