"""Sections of a log: which lines each step wrote."""

from __future__ import annotations

from integration.service.rig import Rig
from orchestra.domain.run import Cause, CauseCode, Finished, Run, RunStatus, Step
from orchestra.storage import runs


def test_each_step_has_its_lines_and_one_that_wrote_nothing_has_none(service: Rig) -> None:
    service.job()
    run = str(service.trigger()["identifier"])
    service.worker()
    service.start(run)
    service.append(run, b"one\ntwo\nthree\n")
    now = service.clock.now()
    steps = (
        Step(name="first", command="a", exit_code=0, log_start=0, log_end=8),
        Step(name="silent", command="b", exit_code=0, log_start=8, log_end=8),
        Step(name="last", command="c", exit_code=0, log_start=8, log_end=14),
    )
    cause = Cause(CauseCode.SUCCEEDED, "succeeded")
    fact = Finished(epoch=1, status=RunStatus.SUCCEEDED, cause=cause, date=now, steps=steps, log_size=14)
    assert isinstance(service.write(lambda rows: runs.record(rows, run, fact, now)), Run)
    items = service.api.get(f"/api/v1/runs/{run}/log/sections").json()["items"]
    assert [(one["id"], one["name"], one["first"], one["last"]) for one in items] == [
        ("0", "first", 1, 2),
        ("1", "silent", 3, 2),
        ("2", "last", 3, 3),
    ]
    assert all(one["parent"] is None for one in items)


def test_a_step_that_runs_has_no_last_line_yet(service: Rig) -> None:
    service.job()
    run = str(service.trigger()["identifier"])
    service.worker()
    service.start(run)
    service.append(run, b"one\n")
    step = Step(name="only", command="a", log_start=0)
    service.write(lambda rows: runs.set_steps(rows, run, 1, (step,), service.clock.now()))
    items = service.api.get(f"/api/v1/runs/{run}/log/sections").json()["items"]
    assert [(one["first"], one["last"]) for one in items] == [(1, None)]


def test_a_run_without_steps_has_no_sections_and_an_unknown_run_is_not_found(service: Rig) -> None:
    service.job()
    run = str(service.trigger()["identifier"])
    assert service.api.get(f"/api/v1/runs/{run}/log/sections").json() == {"items": [], "next_cursor": None}
    assert service.api.get("/api/v1/runs/00000000-0000-4000-8000-000000000000/log/sections").status_code == 404
