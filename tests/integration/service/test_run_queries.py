"""The query `q` in every place that takes it: three lists and the live topic."""

from __future__ import annotations

from typing import Any

import pytest

from integration.service.rig import Rig
from integration.service.test_live import has, live
from orchestra.domain.run import RunStatus


def numbers(service: Rig, path: str, q: str, **more: Any) -> list[int]:
    answer = service.api.get(path, params={"q": q, **more})
    assert answer.status_code == 200, answer.text
    return [one["number"] for one in answer.json()["items"]]


def test_lists_take_a_query_in_all_three_places(service: Rig) -> None:
    service.job()
    service.job("deploy")
    service.job(project="other")
    service.worker()
    service.done(status=RunStatus.FAILED)
    service.trigger(parameters={"name": "moon", "count": 7})
    service.trigger("deploy")
    service.trigger(project="other", priority=5)
    everything, core, build = "/api/v1/runs", "/api/v1/projects/core/runs", "/api/v1/projects/core/jobs/build/runs"
    assert numbers(service, everything, "") == [1, 1, 2, 1]
    assert numbers(service, everything, "priority:>0 project:oth*") == [1]
    assert numbers(service, everything, "job:dep* created:>-1h") == [1]
    assert numbers(service, core, "parameter.name:mo*n -parameter.count:1") == [2]
    assert numbers(service, core, "project:other") == []
    assert numbers(service, build, "status:failed worker:w1 took:<1m") == [1]
    assert numbers(service, build, "MOON") == [2]
    assert numbers(service, build, "status:failed", status="pending") == []
    assert numbers(service, build, "-status:failed", limit=1) == [2]


def test_a_query_sees_no_further_than_its_caller(service: Rig) -> None:
    service.job()
    service.job(project="other")
    service.trigger()
    service.trigger(project="other")
    viewer = service.user("vera", "Viewer@core")
    found = viewer.get("/api/v1/runs", params={"q": "project:core,other"}).json()["items"]
    assert [one["project"] for one in found] == ["core"]
    assert viewer.get("/api/v1/runs", params={"q": "project:other"}).json()["items"] == []


def test_every_problem_of_a_query_is_told_with_its_column(shared: Rig) -> None:
    answer = shared.api.get("/api/v1/runs", params={"q": "status:bad job:x nope:1", "created_after": "soon"})
    assert answer.status_code == 422
    assert [(one["path"], one.get("column")) for one in answer.json()["errors"]] == [
        ("created_after", None),
        ("q", 8),
        ("q", 18),
    ]


@pytest.mark.parametrize("q", ["'; DROP TABLE run; --", "%", "_", "job:%", 'job:"[a-z]*"', "parameter.a.b:x", "\\"])
def test_nothing_in_a_query_is_more_than_text(shared: Rig, q: str) -> None:
    shared.job()
    shared.trigger()
    answer = shared.api.get("/api/v1/runs", params={"q": q})
    if answer.status_code == 200:
        assert answer.json()["items"] == []
    else:
        assert answer.status_code == 422


def test_a_live_list_follows_a_query(service: Rig) -> None:
    service.job()
    service.job("deploy")
    service.worker()
    with live(service) as page:
        page.sub("runs", args={"q": "job:bui* -status:running"})
        assert page.type("snapshot")["items"] == []
        service.trigger("deploy")
        run = service.trigger()["identifier"]
        page.until(has(run, status="pending"))
        service.start(run)
        gone = page.type("remove")
        assert gone["identifiers"] == [run]
        service.finish(run)
        page.until(has(run, status="succeeded"))
        jobs = {one["job"] for message in page.received for one in message.get("items", [])}
        assert jobs == {"build"}, "a change of another job's run was told"


def test_a_live_list_with_a_wrong_query_is_refused_with_its_columns(shared: Rig) -> None:
    with live(shared) as page:
        page.sub("runs", args={"q": "status:bad"})
        problem = page.type("error")["problem"]
        assert (problem["status"], problem["errors"][0]["column"]) == (422, 8)
