"""Search: what is found, in which order, and by whom."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from integration.service.rig import Rig


def found(client: httpx.Client, q: str, **params: Any) -> list[tuple[str, str, str]]:
    answer = client.get("/api/v1/search", params={"q": q, **params})
    assert answer.status_code == 200, answer.text
    return [(one["type"], one["display_name"], one["path"]) for one in answer.json()["items"]]


@pytest.fixture
def furnished(service: Rig) -> Rig:
    service.job("build", display_name="Build it")
    service.job("Rebuild")
    service.job("test", display_name="Test of the build")
    service.job("build", project="other")
    schedule = {"job": "build", "expression": "@daily"}
    service.api.put("/api/v1/projects/core/schedules/nightly-build", json=schedule).raise_for_status()
    service.worker("builder-1")
    return service


def test_names_are_found_best_first(furnished: Rig) -> None:
    assert found(furnished.api, "BUILD") == [
        ("job", "Build it", "/p/core/jobs/build"),
        ("job", "build", "/p/other/jobs/build"),
        ("worker", "builder-1", "/workers/builder-1"),
        ("job", "Rebuild", "/p/core/jobs/Rebuild"),
        ("job", "Test of the build", "/p/core/jobs/test"),
        ("schedule", "nightly-build", "/p/core/schedules/nightly-build"),
    ]
    assert found(furnished.api, "admin", types="user") == [("user", "Administrator", "/admin/users/admin")]
    assert found(furnished.api, "other") == [("project", "other", "/p/other")]
    assert len(found(furnished.api, "build", limit=2)) == 2
    kinds = {kind for kind, _, _ in found(furnished.api, "build", types=["schedule", "worker"])}
    assert kinds == {"schedule", "worker"}


def test_runs_are_found_by_number_and_by_the_beginning_of_their_identifier(furnished: Rig) -> None:
    furnished.trigger()
    second = furnished.trigger()["identifier"]
    furnished.trigger("test")
    furnished.trigger(project="other")
    first_runs = [name for _, name, _ in found(furnished.api, "#1")]
    assert first_runs == ["other/build#1", "core/test#1", "core/build#1"]
    assert found(furnished.api, "#2") == [("run", "core/build#2", "/p/core/jobs/build/runs/2")]
    assert [name for _, name, _ in found(furnished.api, "build#1")] == ["other/build#1", "core/build#1"]
    assert [name for _, name, _ in found(furnished.api, "core/build#1")] == ["core/build#1"]
    assert found(furnished.api, "#99") == found(furnished.api, "#99999999999") == []
    assert found(furnished.api, second.upper()) == [("run", "core/build#2", "/p/core/jobs/build/runs/2")]
    assert ("run", "core/build#2", "/p/core/jobs/build/runs/2") in found(furnished.api, second[:8])
    furnished.api.post(f"/api/v1/runs/{second}/cancel").raise_for_status()


def test_nothing_is_found_that_the_caller_may_not_see(furnished: Rig) -> None:
    run = furnished.trigger(project="other")["identifier"]
    furnished.trigger()
    vera = furnished.user("vera", "Viewer@core")
    assert {path for _, _, path in found(vera, "build")} == {
        "/p/core/jobs/build",
        "/p/core/jobs/Rebuild",
        "/p/core/jobs/test",
        "/p/core/schedules/nightly-build",
    }
    assert found(vera, "other") == found(vera, "admin") == found(vera, run) == []
    assert [name for _, name, _ in found(vera, "#1")] == ["core/build#1"]
    nobody = furnished.user("nobody")
    assert nobody.get("/api/v1/search", params={"q": "build"}).status_code == 403


@pytest.mark.parametrize("q", ["%", "_", "'", '"', "\\", "*", "#", "/", "a/b/c#1", "#0", "é", "-" * 36])
def test_nothing_in_the_text_is_more_than_text(shared: Rig, q: str) -> None:
    shared.job()
    shared.trigger()
    assert found(shared.api, q) == []


@pytest.mark.parametrize("query", ["", "q=", "q=%20", f"q={'x' * 257}", "q=a&types=nothing", "q=a&limit=0"])
def test_a_question_that_does_not_fit_is_422(shared: Rig, query: str) -> None:
    assert shared.api.get(f"/api/v1/search?{query}").status_code == 422
