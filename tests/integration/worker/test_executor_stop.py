"""Stopping with a receipt: when each step was taken, at every moment of a run at which a stop can come."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.executor_rig import Rig, with_rig
from support.waiting import is_gone, text_of, until

FOREVER = "sleep 1000"


def _pids(rig: Rig) -> list[int]:
    return [int(line) for line in text_of(rig.data / "workspaces/tests/job/1/pids").split()]


def test_the_receipt_of_an_abort_says_when_each_step_was_taken() -> None:
    async def scenario(rig: Rig) -> None:
        run = rig.start(rig.request(f"echo begun; exec {FOREVER}", cleanup=["echo cleaned"]))
        await run.until(lambda one: one.log_size)
        rig.executors.abort(run.key, "ada")
        await run.until(lambda one: one.all("finished"))
        stop = run.finished["stop"]
        assert (stop["by"], stop["killed"], stop["survivors"]) == ("ada", None, [])
        assert stop["delivered"] <= stop["terminated"] <= run.all("began")[1]["date"] <= stop["verified"]
        assert stop["verified"] <= run.finished["date"]
        # Each step was told when it was taken, not only with the end.
        assert [one["terminated"] is None for one in run.all("stop")] == [True, False]

    with_rig(scenario)


def test_the_receipt_says_when_a_tree_that_ignored_the_signal_was_killed() -> None:
    async def scenario(rig: Rig) -> None:
        run = rig.start(rig.request(f"trap '' TERM; echo $$ >> pids; while :; do {FOREVER}; done", grace=0.2))
        pids = await until(lambda: _pids(rig), "the job writes its pid")
        rig.executors.abort(run.key, "ada")
        await run.until(lambda one: one.all("finished"))
        stop = run.finished["stop"]
        assert stop["terminated"] < stop["killed"] <= stop["verified"]
        assert all(is_gone(pid) for pid in pids)

    with_rig(scenario)


@pytest.mark.parametrize(
    ("limit", "name"), [({"timeout": 0.2}, "timeout"), ({"silence_timeout": 0.2}, "silence_timeout")]
)
def test_the_receipt_of_a_limit_names_the_limit(limit: dict[str, Any], name: str) -> None:
    async def scenario(rig: Rig) -> None:
        run = await rig.run(FOREVER, **limit)
        stop = run.finished["stop"]
        assert stop["by"] == f"the limit {name}"
        assert stop["requested"] <= stop["terminated"] <= stop["verified"]

    with_rig(scenario)


FREEZER = Path("/sys/fs/cgroup/freezer")


@contextmanager
def frozen_group() -> Iterator[Path]:
    """A cgroup (version 1) whose processes can be frozen: then not even SIGKILL ends them."""
    group = FREEZER / f"orchestra-test-{os.getpid()}"
    group.mkdir()
    try:
        yield group
    finally:
        (group / "freezer.state").write_text("THAWED")
        deadline = time.monotonic() + 30
        while (group / "cgroup.procs").read_text() and time.monotonic() < deadline:
            os.sched_yield()
        group.rmdir()


@pytest.mark.skipif(not os.access(FREEZER / "tasks", os.W_OK), reason="no process can be frozen here")
def test_who_survives_even_the_kill_signal_is_named_by_pid_and_command() -> None:
    async def scenario(rig: Rig) -> None:
        with frozen_group() as group:
            run = rig.start(rig.request("sleep 1234 & echo $! >> pids; wait", grace=0.1))
            (pid,) = await until(lambda: _pids(rig), "the job writes its pid")
            (group / "cgroup.procs").write_text(str(pid))
            (group / "freezer.state").write_text("FROZEN")
            rig.executors.abort(run.key, "ada")
            await run.until(lambda one: one.all("finished"))
            stop = run.finished["stop"]
            assert stop["survivors"] == [{"pid": pid, "command": "sleep 1234"}]
            assert (stop["verified"], stop["killed"] is not None) == (None, True)
            assert run.finished["status"] == "aborted"
            assert f"still alive after SIGKILL: {pid} (sleep 1234)" in run.finished["message"]
        await until(lambda: is_gone(pid), "the kernel ends it once it may")

    with_rig(scenario)


def test_a_run_that_nobody_stopped_has_no_receipt() -> None:
    async def scenario(rig: Rig) -> None:
        run = await rig.run(f"{FOREVER} &", "true")
        assert run.finished["status"] == "succeeded"
        assert run.finished["stop"] is None

    with_rig(scenario)


def test_an_abort_that_meets_the_end_of_a_command_starts_no_further_one() -> None:
    async def scenario(rig: Rig) -> None:
        run = rig.start(rig.request("mkfifo go; echo begun; read -r _ < go", "echo never", grace=0.2))
        await run.until(lambda one: one.log_size)
        rig.executors.abort(run.key, "ada")
        # Open for both: the abort may have ended the reader already, and a writer alone would wait for ever.
        with (rig.data / "workspaces/tests/job/1/go").open("r+b", buffering=0) as go:
            go.write(b"\n")
        await run.until(lambda one: one.all("finished"))
        assert (run.finished["status"], run.finished["code"]) == ("aborted", "aborted_by")
        assert b"never" not in rig.log(run)

    with_rig(scenario)


@pytest.mark.parametrize(("first", "status"), [("true", "aborted"), ("exit 3", "failed")])
def test_an_abort_during_the_cleanup_ends_it_and_keeps_an_earlier_verdict(first: str, status: str) -> None:
    async def scenario(rig: Rig) -> None:
        run = rig.start(rig.request(first, cleanup=[f"echo cleaning; {FOREVER}", "echo never"]))
        await run.until(lambda one: one.log_size)
        rig.executors.abort(run.key, "ada")
        await run.until(lambda one: one.all("finished"))
        assert run.finished["status"] == status
        assert run.finished["stop"]["by"] == "ada"
        assert run.finished["stop"]["verified"] is not None
        assert rig.log(run) == b"cleaning\n"

    with_rig(scenario)


def test_a_wish_takes_the_place_of_the_limit_that_was_quicker() -> None:
    async def scenario(rig: Rig) -> None:
        run = rig.start(rig.request(FOREVER, cleanup=[f"echo cleaning; {FOREVER}"], timeout=0.1))
        await run.until(lambda one: one.log_size)
        rig.executors.abort(run.key, "ada")
        await run.until(lambda one: one.all("finished"))
        assert (run.finished["status"], run.finished["code"]) == ("exception", "timeout")
        assert next(one["by"] for one in run.all("stop")) == "the limit timeout"
        assert run.finished["stop"]["by"] == "ada"

    with_rig(scenario)


def test_an_abort_that_races_the_normal_end_gives_one_end_and_a_fitting_receipt() -> None:
    async def scenario(rig: Rig) -> None:
        for _ in range(20):
            run = rig.start(rig.request("echo ran"))
            await run.until(lambda one: one.all("began"))
            rig.executors.abort(run.key, "ada")
            await run.until(lambda one: one.all("finished"))
            stop = run.finished["stop"]
            assert run.finished["status"] in ("succeeded", "aborted")
            if run.finished["status"] == "aborted":
                assert stop["terminated"] is not None
            assert stop is None or stop["verified"] is not None

    with_rig(scenario)
