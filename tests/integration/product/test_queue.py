"""Who waits, why, and who comes next: disabled jobs and workers, properties, groups, priorities, expiration."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestra.client.entities import Run
from orchestra.domain.run import CauseCode, RunStatus
from support.installation import PROJECT, Gate, Installation
from support.waiting import text_of


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A server with one worker of one slot, so that order can be seen."""
    with Installation(tmp_path_factory.mktemp("queue"), "server") as one:
        one.start()
        one.start_worker("single", "--property", "colour=red", "--property", "gpus=2", concurrency=1)
        yield one


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "gate")


def _occupy(one: Installation, gate: Gate) -> Run:
    """Take the only slot until the gate opens."""
    one.put_job("occupies", gate.command)
    return one.wait_running(one.trigger("occupies").identifier)


def _wait_cause(one: Installation, run: str, code: CauseCode, text: str = "") -> Run:
    return one.wait_run(run, lambda found: found.cause.code == code and text in found.cause.message)


def test_runs_of_a_disabled_job_wait_and_say_so_and_start_when_it_is_enabled(one: Installation) -> None:
    one.put_job("switched", "echo on")
    one.client.set_job_enabled(PROJECT, "switched", False)
    run = one.trigger("switched").identifier
    _wait_cause(one, run, CauseCode.JOB_DISABLED, "switched")
    assert one.explain(run)["cause"]["code"] == "job_disabled"
    one.client.set_job_enabled(PROJECT, "switched", True)
    assert one.wait_end(run).status is RunStatus.SUCCEEDED


def test_putting_a_job_again_does_not_enable_it(one: Installation) -> None:
    one.put_job("stays-off", "echo on")
    one.client.set_job_enabled(PROJECT, "stays-off", False)
    assert one.put_job("stays-off", "echo changed")["is_enabled"] is False


def test_a_disabled_worker_gets_nothing_new_and_finishes_what_it_has(one: Installation, gate: Gate) -> None:
    held = _occupy(one, gate).identifier
    one.client.change_worker("single", is_enabled=False)
    one.put_job("short", "echo short")
    waiting = one.trigger("short").identifier
    gate.open()
    assert one.wait_end(held).status is RunStatus.SUCCEEDED
    _wait_cause(one, waiting, CauseCode.WAITING_FOR_WORKER, "disabled")
    (verdict,) = one.explain(waiting)["workers"]
    assert (verdict["worker"], verdict["verdict"]) == ("single", "disabled")
    one.client.change_worker("single", is_enabled=True)
    assert one.wait_end(waiting).status is RunStatus.SUCCEEDED


def test_a_run_that_no_worker_matches_names_the_nearest_miss(one: Installation) -> None:
    one.put_job("wants", "true", properties={"os": "linux", "colour": "blue", "gpus": ">=2"})
    run = one.trigger("wants").identifier
    waiting = _wait_cause(one, run, CauseCode.WAITING_FOR_WORKER, "colour")
    assert "blue" in waiting.cause.message
    found = one.explain(run)
    assert found["nearest"] == "single"
    (verdict,) = found["workers"]
    assert verdict["verdict"] == "property_differs"
    assert verdict["mismatches"] == ({"property": "colour", "wanted": "blue", "has": "red"},)
    assert one.client.cancel(run).status is RunStatus.CANCELLED


def test_a_run_that_cannot_start_does_not_block_the_others(one: Installation) -> None:
    one.put_job("impossible", "true", properties={"colour": "green"}, policy={"priority": 100})
    one.put_job("possible", "true", properties={"gpus": ">1"})
    blocked = [one.trigger("impossible").identifier for _ in range(20)]
    assert one.run("possible").status is RunStatus.SUCCEEDED
    for run in blocked:
        one.client.cancel(run)


def test_a_full_worker_is_named(one: Installation, gate: Gate) -> None:
    held = _occupy(one, gate).identifier
    one.put_job("short", "echo short")
    run = one.trigger("short").identifier
    _wait_cause(one, run, CauseCode.WAITING_FOR_WORKER, "single")
    found = one.explain(run)
    assert found["position"] == 1
    assert found["workers"][0]["verdict"] == "slots_full"
    gate.open()
    assert one.wait_end(held).status is RunStatus.SUCCEEDED
    assert one.wait_end(run).status is RunStatus.SUCCEEDED


def test_higher_priorities_start_first_and_equals_in_order(one: Installation, gate: Gate, tmp_path: Path) -> None:
    order = tmp_path / "order"
    one.put_job("ordered", f"echo {{parameters.n}} >> {order}", parameters=[{"key": "n"}], policy={"priority": 0})
    held = _occupy(one, gate).identifier
    wanted = [("c", 0), ("b", 5), ("a", 100), ("d", 0), ("e", -100)]
    runs = [one.trigger("ordered", {"n": name}, priority=priority).identifier for name, priority in wanted]
    gate.open()
    for run in (held, *runs):
        assert one.wait_end(run).status is RunStatus.SUCCEEDED
    assert text_of(order).split() == ["a", "b", "c", "d", "e"]


def test_a_run_that_waits_too_long_expires(one: Installation, gate: Gate) -> None:
    held = _occupy(one, gate).identifier
    one.put_job("perishable", "echo never", policy={"expiration": 1})
    run = one.wait_end(one.trigger("perishable").identifier)
    assert (run.status, run.cause.code) == (RunStatus.CANCELLED, CauseCode.EXPIRED)
    assert run.steps == ()
    gate.open()
    assert one.wait_end(held).status is RunStatus.SUCCEEDED


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A server with one worker of four slots."""
    with Installation(tmp_path_factory.mktemp("groups"), "server") as one:
        one.start()
        one.start_worker("wide", concurrency=4)
        yield one


def test_a_group_lets_as_many_start_as_its_limit_says(wide: Installation, tmp_path: Path) -> None:
    gates = {name: Gate(tmp_path / name) for name in ("x", "y")}
    concurrency = {"group": "deploy-{parameters.target}", "limit": 1}
    wide.put_job(
        "grouped",
        f'cat "{tmp_path}/$ORCHESTRA_PARAMETER_TARGET"',
        parameters=[{"key": "target"}],
        policy={"concurrency": concurrency},
    )
    first, second = (wide.trigger("grouped", {"target": "x"}).identifier for _ in range(2))
    other = wide.trigger("grouped", {"target": "y"}).identifier
    wide.wait_running(first)
    wide.wait_running(other)
    _wait_cause(wide, second, CauseCode.GROUP_FULL, "deploy-x")
    gates["x"].open()
    assert wide.wait_end(first).status is RunStatus.SUCCEEDED
    wide.wait_running(second)
    gates["x"].open()
    gates["y"].open()
    assert wide.wait_end(second).status is RunStatus.SUCCEEDED
    assert wide.wait_end(other).status is RunStatus.SUCCEEDED


def test_no_worker_gets_more_than_it_has_slots(wide: Installation, tmp_path: Path) -> None:
    gates = [Gate(tmp_path / str(number)) for number in range(6)]
    wide.put_job("slots", f"cat {tmp_path}/{{parameters.n}}", parameters=[{"key": "n", "type": "integer"}])
    runs = [wide.trigger("slots", {"n": number}).identifier for number in range(6)]
    for run in runs[:4]:
        wide.wait_running(run)
    for run in runs[4:]:
        _wait_cause(wide, run, CauseCode.WAITING_FOR_WORKER, "wide")
    assert wide.http.get("/workers/wide").json()["active_runs"] == 4
    for run, gate in zip(runs, gates, strict=True):
        wide.wait_running(run)
        gate.open()
        assert wide.wait_end(run).status is RunStatus.SUCCEEDED


def test_a_run_waits_for_the_first_worker_of_all(tmp_path: Path) -> None:
    with Installation(tmp_path, "server") as one:
        one.start()
        one.put_job("early", "echo early")
        run = one.trigger("early").identifier
        _wait_cause(one, run, CauseCode.WAITING_FOR_WORKER, "no worker has ever connected")
        assert not one.explain(run)["workers"]
        one.start_worker("first")
        assert one.wait_end(run).status is RunStatus.SUCCEEDED
