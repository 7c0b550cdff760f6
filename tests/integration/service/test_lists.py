"""Lists of what is no run: their filters, and every order that they allow, in pages."""

from __future__ import annotations

from typing import Any

import pytest

from integration.service.rig import Rig

JOBS = "/api/v1/projects/core/jobs"
SCHEDULES = "/api/v1/projects/core/schedules"


@pytest.fixture(scope="module")
def lists(shared: Rig) -> Rig:
    text = "projects: {files: {jobs: {owned: {group: nightly/db, definition: {type: commands, commands: [x]}}}}}"
    body = {"files": [{"name": "f.yaml", "content": text}]}
    shared.api.post("/api/v1/configuration/apply", json=body).raise_for_status()
    for name, group in (("a", "nightly"), ("b", "nightly/db"), ("c", "nightly-2"), ("d", "nightlydb")):
        shared.job(name, group=group)
    shared.api.patch(f"{JOBS}/b", json={"is_enabled": False}).raise_for_status()
    for name, job, enabled in (("s1", "a", True), ("s2", "b", False), ("s3", "a", False)):
        schedule = {"job": job, "expression": "@daily", "is_enabled": enabled}
        shared.api.put(f"{SCHEDULES}/{name}", json=schedule).raise_for_status()
    for name in ("w1", "w2", "w3"):
        shared.worker(name, concurrency=int(name[1]))
    shared.api.patch("/api/v1/workers/w2", json={"is_enabled": False}).raise_for_status()
    for name, roles in (("vera", ["Viewer", "Operator@core"]), ("olga", ["Operator"]), ("otto", ["Viewer@core"])):
        shared.api.put(f"/api/v1/users/{name}", json={"roles": roles}).raise_for_status()
    shared.api.patch("/api/v1/users/otto", json={"is_enabled": False}).raise_for_status()
    return shared


def names(service: Rig, path: str, **params: Any) -> list[str]:
    answer = service.api.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return [one["identifier"] for one in answer.json()["items"]]


FILTERS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("/api/v1/projects", {"managed_by": "files"}, ["files"]),
    ("/api/v1/projects", {"managed_by": "api"}, ["core"]),
    (JOBS, {"group": "nightly"}, ["a", "b"]),
    (JOBS, {"group": "nightly/db"}, ["b"]),
    (JOBS, {"group": "night"}, []),
    (JOBS, {"is_enabled": False}, ["b"]),
    (JOBS, {"is_enabled": True, "group": "nightly"}, ["a"]),
    (JOBS, {"managed_by": "files"}, []),
    ("/api/v1/projects/files/jobs", {"managed_by": "files"}, ["owned"]),
    (SCHEDULES, {"job": "a"}, ["s1", "s3"]),
    (SCHEDULES, {"job": "a", "is_enabled": False}, ["s3"]),
    (SCHEDULES, {"managed_by": "api"}, ["s1", "s2", "s3"]),
    ("/api/v1/workers", {"owner": "admin"}, ["w1", "w2", "w3"]),
    ("/api/v1/workers", {"owner": "vera"}, []),
    ("/api/v1/workers", {"is_enabled": False}, ["w2"]),
    ("/api/v1/workers", {"is_active": True, "is_enabled": True}, ["w1", "w3"]),
    ("/api/v1/workers", {"is_active": False}, []),
    ("/api/v1/users", {"role": "Viewer"}, ["vera"]),
    ("/api/v1/users", {"role": "Operator@core"}, ["vera"]),
    ("/api/v1/users", {"role": '","'}, []),
    ("/api/v1/users", {"is_enabled": False}, ["otto"]),
]


@pytest.mark.parametrize(("path", "params", "expected"), FILTERS)
def test_lists_are_filtered_by_fields(lists: Rig, path: str, params: dict[str, Any], expected: list[str]) -> None:
    assert names(lists, path, **params) == expected


ORDERS = {
    "/api/v1/projects": ("identifier", "display_name", "managed_by", "creation_date", "update_date"),
    JOBS: (
        "identifier",
        "project",
        "display_name",
        "group",
        "revision",
        "managed_by",
        "is_enabled",
        "creation_date",
        "update_date",
    ),
    SCHEDULES: (
        "identifier",
        "project",
        "display_name",
        "job",
        "time_zone",
        "next_fire",
        "managed_by",
        "is_enabled",
        "creation_date",
        "update_date",
    ),
    "/api/v1/workers": (
        "identifier",
        "display_name",
        "owner",
        "version",
        "concurrency",
        "is_enabled",
        "is_active",
        "connection_date",
        "creation_date",
        "update_date",
    ),
    "/api/v1/users": ("identifier", "display_name", "is_enabled", "creation_date", "update_date"),
}


@pytest.mark.parametrize(("path", "order"), [(path, order) for path, orders in ORDERS.items() for order in orders])
def test_every_order_joins_its_pages_to_the_whole_list(lists: Rig, path: str, order: str) -> None:
    whole = lists.api.get(path, params={"order": order}).json()["items"]
    assert [one[order] for one in whole if one[order] is not None] == sorted(
        one[order] for one in whole if one[order] is not None
    )
    for direction, expected in ((order, whole), (f"-{order}", whole[::-1])):
        found: list[str] = []
        cursor = None
        while cursor is not None or not found:
            params: dict[str, Any] = {"order": direction, "limit": 1, **({} if cursor is None else {"cursor": cursor})}
            page = lists.api.get(path, params=params).json()
            found += [one["identifier"] for one in page["items"]]
            cursor = page["next_cursor"]
        assert found == [one["identifier"] for one in expected]


@pytest.mark.parametrize("path", ORDERS)
@pytest.mark.parametrize("order", ["secret", "--identifier", "identifier;", "rowid", "Identifier", "properties"])
def test_s12_an_order_that_is_not_on_the_list_is_422_and_names_the_list(lists: Rig, path: str, order: str) -> None:
    answer = lists.api.get(path, params={"order": order})
    assert answer.status_code == 422
    assert "identifier, -identifier" in answer.json()["errors"][0]["message"]


def test_who_sees_only_names_filters_only_by_names(lists: Rig) -> None:
    viewer = lists.user("vito", "Viewer")
    assert viewer.get("/api/v1/users").status_code == 200
    for params in ({"role": "Operator"}, {"is_enabled": "false"}, {"order": "is_enabled"}):
        assert viewer.get("/api/v1/users", params=params).status_code == 422
