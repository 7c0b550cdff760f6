"""Every role × every route: what the table says is what the service does, for the own project and for others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from integration.service.rig import Rig, running
from orchestra.domain.access import GLOBAL, Permission, Principal, can_anonymous
from orchestra.service.app import create_litestar
from orchestra.service.authorization import PERMISSION
from orchestra.storage import users

ROLES = {
    "anonymous": None,
    "none": (),
    "viewer": ("Viewer",),
    "operator": ("Operator",),
    "auditor": ("Auditor",),
    "worker": ("Worker",),
    "administrator": ("Administrator",),
    "viewer-of-core": ("Viewer@core",),
    "operator-of-core": ("Operator@core",),
    "administrator-of-core": ("Administrator@core",),
    "operator-of-other": ("Operator@other",),
    "disabled": ("Administrator",),
}
STREAMS = {"streamEvents"}
"""Routes that answer without an end when they let somebody in."""


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    operation: str
    permission: Permission

    def __str__(self) -> str:
        return self.operation


def _routes() -> list[Route]:
    """Every route, in an order that does not depend on hashes: all processes of a test run must see the same."""
    found = []
    for route in create_litestar().routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if isinstance(handler, HTTPRouteHandler) and PERMISSION in handler.opt:
                    method = next(iter(handler.http_methods))
                    found.append(Route(method, route.path_format, str(handler.operation_id), handler.opt[PERMISSION]))
    return sorted(found, key=str)


@dataclass
class World:
    rig: Rig
    clients: dict[str, httpx.Client]
    run: str


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("matrix")) as rig:
        rig.job()
        rig.job(project="other")
        rig.worker()
        clients = {"anonymous": rig.client()}
        for name, roles in ROLES.items():
            if roles is not None:
                clients[name] = rig.user(name, *roles)
        rig.api.patch("/api/v1/users/disabled", json={"is_enabled": False}).raise_for_status()
        yield World(rig, clients, rig.done(b"x\n"))


@pytest.mark.parametrize("route", _routes(), ids=str)
@pytest.mark.parametrize("name", ROLES)
def test_the_route_opens_exactly_to_those_whom_the_table_names(world: World, name: str, route: Route) -> None:
    path = route.path.format(
        project="core",
        job="build",
        run=world.run,
        number=1,
        schedule="s",
        worker="w9",
        user="u9",
        identifier="i9",
        line=1,
    )
    answer = _answer(world.clients[name], route, path)
    roles = ROLES[name]
    if can_anonymous(route.permission):
        assert answer not in (403, 404), "open to everyone"
        return
    if roles is None:
        assert answer == 401
        return
    principal = Principal(user=name, roles=roles, is_enabled=name != "disabled")
    in_core = "{project}" in route.path or "{run}" in route.path
    sees = principal.can(Permission.PROJECT_READ, "core")
    if in_core and not principal.can(route.permission, "core"):
        # Through a run, whoever has the permission nowhere at all is told so; else the run does not exist for them.
        anywhere = principal.scope(route.permission) != frozenset()
        hidden = not sees and ("{project}" in route.path or anywhere)
        assert answer == (404 if hidden else 403)
    elif not in_core and principal.scope(route.permission) == frozenset():
        assert answer == 403
    else:
        assert answer not in (401, 403)
        assert (route.permission in GLOBAL) <= principal.can(route.permission)


def _answer(client: httpx.Client, route: Route, path: str) -> int:
    """The status, without waiting for the end of streams. Bodies are wrong on purpose: nothing is changed."""
    options = {} if route.method in ("GET", "DELETE") else {"content": b"[]", "headers": {"Content-Type": "text/plain"}}
    if route.operation in ("signOut", "cancelRun", "abortRun", "retryRun"):
        options = {}
    with client.stream(route.method, path, **options) as answer:  # type: ignore[arg-type]
        if route.operation not in STREAMS:
            answer.read()
        return answer.status_code


def test_lists_hold_only_what_the_caller_may_see(world: World) -> None:
    def seen(name: str, path: str, key: str) -> set[str]:
        return {one[key] for one in world.clients[name].get(path).json()["items"]}

    assert seen("viewer", "/api/v1/projects", "identifier") == {"core", "other"}
    assert seen("viewer-of-core", "/api/v1/projects", "identifier") == {"core"}
    world.rig.trigger(project="other")
    assert seen("viewer", "/api/v1/runs", "project") == {"core", "other"}
    assert seen("viewer-of-core", "/api/v1/runs", "project") == {"core"}
    assert seen("operator-of-other", "/api/v1/runs", "project") == {"other"}
    assert seen("viewer-of-core", "/api/v1/runs?project=other", "project") == set()
    assert seen("viewer-of-core", "/api/v1/runs?project=none", "project") == set()


def test_what_lies_in_another_project_does_not_exist(world: World) -> None:
    client = world.clients["operator-of-other"]
    for path in ("/api/v1/projects/core", "/api/v1/projects/core/runs", f"/api/v1/runs/{world.run}/log"):
        hidden, missing = client.get(path), client.get(path.replace("core", "none").replace(world.run, "none"))
        assert hidden.status_code == missing.status_code == 404
        assert hidden.json()["title"] == missing.json()["title"]
    assert client.post("/api/v1/projects/core/jobs/build/trigger").status_code == 404
    assert client.post("/api/v1/projects/other/jobs/build/trigger").status_code == 201


def test_names_of_users_are_for_viewers_and_everything_else_for_administrators(world: World) -> None:
    assert set(world.clients["viewer"].get("/api/v1/users/operator").json()) == {"identifier", "display_name"}
    assert "roles" in world.clients["auditor"].get("/api/v1/users/operator").json()
    assert world.clients["viewer-of-core"].get("/api/v1/users").status_code == 403


def test_an_operator_enables_but_does_not_define(world: World) -> None:
    operator = world.clients["operator-of-core"]
    job = "/api/v1/projects/core/jobs/build"
    assert operator.patch(job, json={"is_enabled": True}).status_code == 200
    assert operator.patch(job, json={"is_enabled": True, "description": "mine"}).status_code == 403
    assert world.clients["administrator-of-core"].patch(job, json={"description": "ours"}).status_code == 200
    worker = "/api/v1/workers/w1"
    assert world.clients["operator"].patch(worker, json={"note": "disk is replaced"}).status_code == 200
    assert world.clients["operator"].patch(worker, json={"display_name": "x"}).status_code == 403


def test_every_permission_that_the_api_needs_is_in_the_table(world: World) -> None:
    me = world.clients["operator-of-core"].get("/api/v1/me").json()
    assert "job.trigger" in me["projects"]["core"]
    assert "job.trigger" not in me["permissions"]
    assert world.rig.read(lambda rows: users.get(rows, "operator-of-core")) is not None
