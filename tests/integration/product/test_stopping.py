"""Stopping runs: abort, cancel, timeouts. Whatever ends a run, nothing of it lives on."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from orchestra.domain.run import CauseCode, RunStatus
from support.installation import PROJECT, Gate, Installation
from support.waiting import is_gone, text_of, wait_for

# Each process writes its id into the file `pids` of its workspace before it waits.
SAY = 'echo $$ >> "$ORCHESTRA_WORKSPACE/pids"'
BEGIN = "import os, signal, sys\n"
WAIT = "os.write(os.open('pids', os.O_WRONLY | os.O_APPEND | os.O_CREAT), f'{os.getpid()}\\n'.encode())\n"
GRANDCHILDREN = f"{BEGIN}for _ in range(2):\n    if os.fork(): break\n{WAIT}signal.pause()\n"
STUBBORN = f"{BEGIN}signal.signal(signal.SIGTERM, signal.SIG_IGN)\nos.fork()\n{WAIT}signal.pause()\n"
ESCAPEE = (
    f"{BEGIN}"
    "if os.fork(): os._exit(0)\n"
    "os.setsid()\n"
    "if os.fork(): os._exit(0)\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    f"{WAIT}"
    "os.closerange(0, 100)\n"
    "os.chdir('/')\n"
    "os.execve('/bin/sleep', ['sleep', '300'], {})\n"
)
KINDS: dict[str, tuple[list[Any], int]] = {
    "grandchildren": ([[sys.executable, "-c", GRANDCHILDREN]], 3),
    "ignores-sigterm": ([[sys.executable, "-c", STUBBORN]], 2),
    "escapee-in-its-own-session": ([[sys.executable, "-c", ESCAPEE], f"{SAY}; sleep 300"], 2),
}


def _pids(up: Installation, job: str) -> list[int]:
    return [int(one) for path in up.data.rglob("pids") if job in path.parts for one in text_of(path).split()]


@pytest.mark.parametrize("kind", KINDS)
def test_an_aborted_run_leaves_no_process(up: Installation, kind: str) -> None:
    commands, count = KINDS[kind]
    up.put_job(kind, *commands, definition={"grace": 0.5, "workspace": "clean"})
    run = up.trigger(kind)
    wait_for(lambda: len(_pids(up, kind)) == count, "every process of the run waits")
    up.wait_running(run.identifier)
    asked = up.client.abort(run.identifier)
    assert asked.should_abort
    ended = up.wait_end(run.identifier)
    assert (ended.status, ended.cause.code) == (RunStatus.ABORTED, CauseCode.ABORTED_BY), ended
    assert "admin" in ended.cause.message
    # Terminal means: the tree was verified empty before.
    assert [pid for pid in _pids(up, kind) if not is_gone(pid)] == []
    # Asking again is no error; cancel is.
    assert up.client.abort(run.identifier).status is RunStatus.ABORTED
    assert up.http.post(f"/runs/{run.identifier}/cancel").status_code == 409


def test_the_receipt_of_an_abort_is_stored_and_shown(up: Installation) -> None:
    up.put_job("receipt", f"trap '' TERM; {SAY}; while :; do sleep 1; done", definition={"grace": 0.3})
    run = up.trigger("receipt")
    wait_for(lambda: _pids(up, "receipt"), "the run waits")
    up.wait_running(run.identifier)
    assert up.client.run(run.identifier).stop is None
    asked = up.client.abort(run.identifier)
    assert asked.stop is not None
    assert asked.stop.requested_by == "admin"
    stop = up.wait_end(run.identifier).stop
    assert stop is not None
    assert stop.requested_date == asked.stop.requested_date
    dates = [stop.delivered_date, stop.terminated_date, stop.killed_date, stop.verified_date]
    assert dates == sorted(one for one in dates if one is not None)
    assert stop.survivors == ()
    shown = up.orchestra("run", "show", run.identifier).out.decode()
    assert all(word in shown for word in ("requested", "by admin", "killed", "verified", "nothing of the run is alive"))


def test_an_abort_of_a_run_whose_worker_is_away_says_so_and_is_honoured_when_it_is_back(tmp_path: Path) -> None:
    with Installation(tmp_path, "server") as one:
        one.start()
        worker = one.start_worker("w1")
        one.put_job("away", f"{SAY}; sleep 300", definition={"grace": 0.3})
        run = one.trigger("away")
        one.wait_running(run.identifier)
        worker.stop()
        one.wait_worker("w1", is_active=False)
        for command in (("abort",), ("run", "show"), ("explain",)):
            said = one.orchestra(*command, run.identifier).out.decode()
            assert "not delivered yet: worker w1 is offline" in said
        before = one.client.run(run.identifier).stop
        assert before is not None
        assert before.delivered_date is None
        one.start_worker("w1")
        ended = one.wait_end(run.identifier)
        assert ended.status is RunStatus.ABORTED
        assert ended.stop is not None
        assert ended.stop.delivered_date is not None
        assert ended.stop.verified_date is not None


def test_an_aborted_run_executes_its_cleanup_and_keeps_its_log(up: Installation, tmp_path: Path) -> None:
    gate = Gate(tmp_path / "gate")
    up.put_job("cleans-up", f"echo begins; {gate.command}", definition={"finally": ["echo cleans up"], "grace": 0.5})
    run = up.trigger("cleans-up")
    wait_for(lambda: up.client.log(run.identifier) == b"begins\n", "it waits")
    up.client.abort(run.identifier)
    ended = up.wait_end(run.identifier)
    assert ended.status is RunStatus.ABORTED
    assert [(step.phase, step.exit_code) for step in ended.steps] == [("commands", 128 + 15), ("finally", 0)]
    assert up.client.log(run.identifier) == b"begins\ncleans up\n"


def test_cleanup_runs_after_a_failure_and_the_failure_is_the_verdict(up: Installation) -> None:
    up.put_job("fails", "echo one", "echo two; exit 7", "echo never", definition={"finally": ["echo cleanup; exit 9"]})
    ended = up.run("fails")
    assert (ended.status, ended.cause.code) == (RunStatus.FAILED, CauseCode.EXIT_CODE)
    assert "7" in ended.cause.message
    assert [(step.name, step.phase, step.exit_code) for step in ended.steps] == [
        ("echo one", "commands", 0),
        ("echo two; exit 7", "commands", 7),
        ("echo cleanup; exit 9", "finally", 9),
    ]
    assert up.client.log(ended.identifier) == b"one\ntwo\ncleanup\n"


def test_a_signal_is_named(up: Installation) -> None:
    up.put_job("signal", "kill -SEGV $$")
    ended = up.run("signal")
    assert (ended.status, ended.cause.code) == (RunStatus.FAILED, CauseCode.SIGNAL)
    assert "SIGSEGV" in ended.cause.message
    assert ended.steps[0].exit_code == 128 + 11


@pytest.mark.parametrize(
    ("name", "definition", "code"),
    [
        ("whole", {"timeout": 0.3}, CauseCode.TIMEOUT),
        ("silence", {"silence_timeout": 0.3}, CauseCode.SILENCE_TIMEOUT),
    ],
)
def test_a_timeout_ends_the_run_as_exception_and_leaves_no_process(
    up: Installation, name: str, definition: dict[str, object], code: CauseCode
) -> None:
    job = f"timeout-{name}"
    up.put_job(job, f"{SAY}; echo said; sh -c '{SAY}; sleep 300'", definition={"grace": 0.5, **definition})
    ended = up.run(job)
    assert (ended.status, ended.cause.code) == (RunStatus.EXCEPTION, code), ended
    assert "0.3 s" in ended.cause.message
    assert up.client.log(ended.identifier) == b"said\n"
    assert [pid for pid in _pids(up, job) if not is_gone(pid)] == []


def test_the_timeout_of_one_command_names_it(up: Installation) -> None:
    up.put_job("timeout-command", {"name": "slow part", "run": "sleep 300", "timeout": 0.3}, definition={"grace": 0.5})
    ended = up.run("timeout-command")
    assert (ended.status, ended.cause.code) == (RunStatus.EXCEPTION, CauseCode.TIMEOUT)
    assert "slow part" in ended.cause.message


@pytest.mark.parametrize("command", [["/no/such/program", "x"], ["no-such-program"]])
def test_a_program_that_is_not_there_ends_the_run_as_exception(up: Installation, command: list[str]) -> None:
    up.put_job("no-program", command)
    ended = up.run("no-program")
    assert (ended.status, ended.cause.code) == (RunStatus.EXCEPTION, CauseCode.NO_SUCH_PROGRAM)
    assert command[0] in ended.cause.message


def test_a_killed_executor_ends_the_run_as_exception_and_takes_its_commands_along(
    up: Installation, tmp_path: Path
) -> None:
    witness = tmp_path / "pid"
    up.put_job("loses-executor", f"echo said; echo $$ > {witness}; sleep 300")
    run = up.trigger("loses-executor")
    pid = int(wait_for(lambda: text_of(witness), "the command started"))
    up.wait_running(run.identifier)
    executor = psutil.Process(pid).parent()
    assert executor is not None and executor.pid != os.getpid()
    executor.kill()
    ended = up.wait_end(run.identifier)
    assert (ended.status, ended.cause.code) == (RunStatus.EXCEPTION, CauseCode.EXECUTOR_LOST), ended
    assert is_gone(pid)
    assert up.client.log(run.identifier) == b"said\n"
    # The slot is free again, and the next run is unharmed.
    up.put_job("after", "echo after")
    assert up.run("after").status is RunStatus.SUCCEEDED


def test_invalid_results_are_said_and_change_no_verdict(up: Installation) -> None:
    up.put_job("bad-results", 'printf \'{"half": \' > "$ORCHESTRA_RESULTS"')
    ended = up.run("bad-results")
    assert ended.status is RunStatus.SUCCEEDED
    assert ended.results is None
    assert ended.result_error
    assert up.http.get(f"/runs/{ended.identifier}/results").json() is None


def test_any_json_value_can_be_the_results(up: Installation) -> None:
    value = {"text": 'żółć "quoted"', "list": [1, 2.5, None, True], "big": 2**53 - 1, "empty": {}}
    program = f"import json, os; json.dump({value!r}, open(os.environ['ORCHESTRA_RESULTS'], 'w'))"
    up.put_job("good-results", [sys.executable, "-c", program])
    ended = up.run("good-results")
    assert ended.results == value
    assert up.http.get(f"/runs/{ended.identifier}/results").json() == value


def test_a_running_run_cannot_be_cancelled_and_a_pending_one_not_aborted(up: Installation, tmp_path: Path) -> None:
    gate = Gate(tmp_path / "gate")
    up.put_job("runs", gate.command)
    up.put_job("waits", "echo never", properties={"planet": "mars"})
    running, pending = up.trigger("runs").identifier, up.trigger("waits").identifier
    up.wait_running(running)
    refused = up.http.post(f"/runs/{running}/cancel")
    assert refused.status_code == 409
    assert "abort" in refused.json()["detail"]
    refused = up.http.post(f"/runs/{pending}/abort")
    assert refused.status_code == 409
    assert "cancel" in refused.json()["detail"]
    cancelled = up.client.cancel(pending)
    assert (cancelled.status, cancelled.cause.code) == (RunStatus.CANCELLED, CauseCode.CANCELLED_BY)
    assert "admin" in cancelled.cause.message
    assert up.client.cancel(pending).status is RunStatus.CANCELLED
    assert [one["type"] for one in up.events(pending)][-1] == "run.cancelled"
    gate.open()
    assert up.wait_end(running).status is RunStatus.SUCCEEDED


def test_the_job_of_a_run_may_be_deleted_while_it_runs(up: Installation, tmp_path: Path) -> None:
    gate = Gate(tmp_path / "gate")
    up.put_job("vanishes", f"{gate.command}; echo done")
    run = up.trigger("vanishes")
    up.wait_running(run.identifier)
    answer = up.http.delete(f"/projects/{PROJECT}/jobs/vanishes")
    assert answer.status_code in (204, 409), answer.text
    gate.open()
    assert up.wait_end(run.identifier).status is RunStatus.SUCCEEDED
    assert up.client.log(run.identifier) == b"done\n"
