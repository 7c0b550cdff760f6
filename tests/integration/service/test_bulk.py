"""Bulk: one action on many runs, each decided by itself, rehearsed before."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from integration.service.rig import Rig
from orchestra.domain.run import RunStatus
from orchestra.storage import events, hints

BULK = "/api/v1/runs/bulk"
MISSING = "00000000-0000-4000-8000-00000000dead"


def bulk(client: httpx.Client, action: str, **body: Any) -> dict[str, Any]:
    answer = client.post(BULK, json={"action": action, **body})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def outcomes(found: dict[str, Any]) -> dict[str, str]:
    return {one["run"]: one["outcome"] for one in found["items"]}


def status(service: Rig, run: str) -> str:
    return str(service.api.get(f"/api/v1/runs/{run}").json()["status"])


def test_a_rehearsal_says_what_would_be_done_and_changes_nothing(service: Rig) -> None:
    service.job()
    service.worker()
    pending, ended = str(service.trigger()["identifier"]), service.done()
    running = str(service.trigger()["identifier"])
    service.start(running)
    last = service.read(events.last_sequence)
    expected = {
        "cancel": {pending: "would", ended: "refused", running: "refused"},
        "abort": {pending: "refused", ended: "refused", running: "would"},
        "retry": {pending: "refused", ended: "would", running: "refused"},
        "delete": {pending: "refused", ended: "would", running: "refused"},
    }
    for action, wanted in expected.items():
        found = bulk(service.api, action, q="job:build", dry_run=True)
        assert (found["action"], found["dry_run"], found["matched"], found["next_cursor"]) == (action, True, 3, None)
        assert outcomes(found) == wanted
        assert all((one["reason"] is None) == (one["outcome"] == "would") for one in found["items"])
    assert service.read(events.last_sequence) == last


@pytest.mark.parametrize("action", ["cancel", "abort", "retry", "delete"])
def test_what_is_done_is_what_the_rehearsal_said(service: Rig, action: str) -> None:
    service.job()
    service.worker()
    service.trigger()
    service.done()
    service.start(str(service.trigger()["identifier"]))
    before = outcomes(bulk(service.api, action, q="job:build", dry_run=True))
    after = outcomes(bulk(service.api, action, q="job:build"))
    assert after == {run: outcome.replace("would", "done") for run, outcome in before.items()}


def test_pending_runs_are_cancelled_and_running_ones_aborted(service: Rig) -> None:
    service.job()
    service.worker()
    pending = [str(service.trigger()["identifier"]) for _ in range(60)]
    running = str(service.trigger()["identifier"])
    service.start(running)
    with service.hints.subscribe([hints.wish("w1")]) as told:
        assert set(outcomes(bulk(service.api, "cancel", q="status:pending")).values()) == {"done"}
        assert {status(service, run) for run in pending} == {"cancelled"}
        assert outcomes(bulk(service.api, "abort", ids=[running])) == {running: "done"}
        assert set(service.run(told.wait())) == {hints.wish("w1")}
    assert service.api.get(f"/api/v1/runs/{running}").json()["should_abort"] is True
    assert outcomes(bulk(service.api, "abort", ids=[running])) == {running: "done"}, "repeating is no refusal"


def test_retries_name_the_new_runs(service: Rig) -> None:
    service.job()
    service.worker()
    old = service.done(status=RunStatus.FAILED)
    [item] = bulk(service.api, "retry", q="status:failed")["items"]
    new = service.api.get(f"/api/v1/runs/{item['created']}").json()
    assert new["source"] == {"type": "run", "run": old, "reason": "retry"}


def test_a_retry_whose_parameters_no_longer_fit_is_refused_with_the_problem(service: Rig) -> None:
    service.job()
    service.worker()
    service.done()
    service.job(parameters=[{"key": "name", "type": "integer"}])
    for dry_run in (True, False):
        [item] = bulk(service.api, "retry", q="job:build", dry_run=dry_run)["items"]
        assert item["outcome"] == "refused"
        assert "name" in item["reason"]


def test_deleted_runs_are_gone_with_their_logs(service: Rig) -> None:
    service.job()
    service.worker()
    ended = [service.done(b"x" * 100_000) for _ in range(3)]
    pending = str(service.trigger()["identifier"])
    found = bulk(service.api, "delete", ids=[*ended, pending, MISSING, ended[0]])
    assert outcomes(found) == {**dict.fromkeys(ended, "done"), pending: "refused", MISSING: "refused"}
    assert found["matched"] == 5
    assert [one["identifier"] for one in service.api.get("/api/v1/runs").json()["items"]] == [pending]
    assert list(service.data.glob("logs/*/*")) == []


def test_each_run_is_checked_with_the_callers_permission_on_its_own_project(service: Rig) -> None:
    service.job()
    service.job(project="seen")
    service.job(project="hidden")
    runs = {project: str(service.trigger(project=project)["identifier"]) for project in ("core", "seen", "hidden")}
    olga = service.user("olga", "Operator@core", "Viewer@seen")
    assert outcomes(bulk(olga, "cancel", q="status:pending", dry_run=True)) == {
        runs["core"]: "would",
        runs["seen"]: "refused",
    }
    found = bulk(olga, "cancel", ids=list(runs.values()))
    reasons = {one["run"]: one["reason"] for one in found["items"]}
    assert reasons[runs["core"]] is None
    assert "run.cancel" in reasons[runs["seen"]]
    assert reasons[runs["hidden"]] == f"there is no run {runs['hidden']}"
    assert status(service, runs["seen"]) == status(service, runs["hidden"]) == "pending"


def test_who_may_do_it_nowhere_is_told_so_at_once(service: Rig) -> None:
    service.job()
    run = service.trigger()["identifier"]
    for role, action in (("Viewer", "cancel"), ("Operator", "delete")):
        answer = service.user(role.lower(), role).post(BULK, json={"action": action, "ids": [run]})
        assert answer.status_code == 403


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "q"),
        ({"q": "job:x", "ids": []}, "q"),
        ({"q": "  "}, "q"),
        ({"q": "status:bad"}, "q"),
        ({"ids": [MISSING] * 1001}, "ids"),
        ({"ids": [], "cursor": "x"}, "cursor"),
        ({"q": "job:x", "cursor": "x"}, "cursor"),
        ({"q": "job:x", "action": "explode"}, "action"),
        ({"q": "job:x", "more": 1}, "more"),
    ],
)
def test_a_request_that_does_not_fit_is_422_and_names_why(shared: Rig, body: dict[str, Any], path: str) -> None:
    answer = shared.api.post(BULK, json={"action": "cancel", **body})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == path


def test_more_runs_than_one_request_takes_are_counted_and_go_on_by_the_cursor(
    service: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestra.service.routes.bulk.RUNS", 2)
    monkeypatch.setattr("orchestra.service.routes.bulk.COUNTED", 8)
    service.job()
    runs = [str(service.trigger()["identifier"]) for _ in range(5)]
    found = bulk(service.api, "cancel", q="job:build")
    assert (found["matched"], [one["run"] for one in found["items"]]) == (5, runs[:2:-1])
    rest = bulk(service.api, "cancel", q="job:build", cursor=found["next_cursor"])
    assert (rest["matched"], [one["run"] for one in rest["items"]]) == (3, runs[2:0:-1])
    last = bulk(service.api, "cancel", q="job:build", cursor=rest["next_cursor"])
    assert (last["matched"], last["next_cursor"]) == (1, None)


def test_nothing_chosen_is_nothing_done(shared: Rig) -> None:
    assert bulk(shared.api, "delete", ids=[])["items"] == []
    assert bulk(shared.api, "delete", q="job:nothing")["items"] == []
