"""`orchestra up` ends, by a signal or by force, and what it runs goes on: the next start adopts it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from orchestra.domain.run import CauseCode, RunStatus
from support.installation import Gate, Installation, words_of
from support.waiting import is_gone, text_of, wait_for


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("outlive"), "up", arguments=("--concurrency", "2")) as one:
        yield one


@pytest.fixture
def up(shared: Installation) -> Installation:
    """Running, whatever the test before did to it."""
    if shared.server is None or not shared.server.is_running:
        shared.start()
    return shared


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "gate")


@pytest.fixture
def witness(tmp_path: Path) -> Path:
    """Where the command writes its process id when it starts."""
    return tmp_path / "witness"


def _start_waiting(up: Installation, gate: Gate, witness: Path) -> tuple[str, int]:
    """A run that waits at the gate: its identifier, and the process id of its command."""
    up.put_job("waits", f"echo $$ >> {witness}; echo before; {gate.command}; echo after", definition={"grace": 1})
    run = up.trigger("waits").identifier
    pid = int(wait_for(lambda: text_of(witness), "the command started"))
    up.wait_running(run)
    return run, pid


def _check_adopted(up: Installation, gate: Gate, witness: Path, run: str) -> None:
    pid = int(text_of(witness))
    assert not is_gone(pid)
    gate.open()
    ended = up.wait_end(run)
    assert ended.status is RunStatus.SUCCEEDED, ended
    assert up.client.log(run) == b"before\nafter\n"
    assert text_of(witness) == f"{pid}\n", "it started once"


def _processes(up: Installation, word: str) -> list[psutil.Process]:
    return [one for one in up.processes() if word in words_of(one)]


def test_a_sigterm_says_how_many_runs_go_on_and_the_next_start_adopts_them(
    up: Installation, gate: Gate, witness: Path
) -> None:
    run, pid = _start_waiting(up, gate, witness)
    assert up.server is not None
    assert up.stop() == 0
    assert "1 run goes on" in up.server.err.text
    assert not is_gone(pid)
    up.start()
    assert up.client.run(run).status is RunStatus.RUNNING
    _check_adopted(up, gate, witness, run)


def test_nothing_is_left_when_nothing_runs(up: Installation) -> None:
    up.put_job("short", "echo short")
    assert up.run("short").status is RunStatus.SUCCEEDED
    assert up.stop() == 0
    wait_for(lambda: not up.processes(), "idle executors ended")


def test_open_streams_end_with_the_server(up: Installation, gate: Gate, witness: Path) -> None:
    run, _ = _start_waiting(up, gate, witness)
    http = up.http_as(up.token)
    with ExitStack() as streams:
        streams.enter_context(http)
        lines = []
        for path in ("/events", f"/runs/{run}/log/stream"):
            lines.append(streams.enter_context(http.stream("GET", path, params={"after": 0})).iter_lines())
            next(lines[-1])
        assert up.stop() == 0
        for one in lines:
            for _ in one:
                pass  # It ends, and is not torn: that would raise.
    up.start()
    _check_adopted(up, gate, witness, run)


def test_a_killed_up_takes_its_worker_along_and_no_run(up: Installation, gate: Gate, witness: Path) -> None:
    run, pid = _start_waiting(up, gate, witness)
    (worker,) = _processes(up, "worker")
    up.kill()
    wait_for(lambda: is_gone(worker.pid), "the worker process ended with `up`")
    assert not is_gone(pid)
    up.start()
    _check_adopted(up, gate, witness, run)


def test_a_run_that_ends_while_nothing_of_orchestra_lives_is_reported_at_the_next_start(
    up: Installation, gate: Gate, witness: Path
) -> None:
    run, pid = _start_waiting(up, gate, witness)
    (worker,) = _processes(up, "worker")
    up.kill()
    wait_for(lambda: is_gone(worker.pid), "the worker process ended with `up`")
    gate.open()
    wait_for(lambda: is_gone(pid), "the command ended")
    wait_for(lambda: not up.processes(), "the executor has nothing to wait for")
    up.start()
    ended = up.wait_end(run)
    assert ended.status is RunStatus.SUCCEEDED, ended
    assert up.client.log(run) == b"before\nafter\n"


def test_a_local_worker_that_is_killed_is_started_again_and_adopts(up: Installation, gate: Gate, witness: Path) -> None:
    run, _ = _start_waiting(up, gate, witness)
    (worker,) = _processes(up, "worker")
    worker.kill()
    wait_for(lambda: [one for one in _processes(up, "worker") if one.pid != worker.pid], "another worker process")
    _check_adopted(up, gate, witness, run)


def test_one_ctrl_c_lets_runs_go_on_and_a_second_one_aborts_them(up: Installation, gate: Gate, witness: Path) -> None:
    run, pid = _start_waiting(up, gate, witness)
    assert up.server is not None
    up.server.send_signal(signal.SIGINT)
    up.server.wait_line("Ctrl-C again", stream="err")
    up.server.send_signal(signal.SIGINT)
    assert up.server.wait() == 0
    assert is_gone(pid)
    up.start()
    ended = up.wait_end(run)
    assert (ended.status, ended.cause.code) == (RunStatus.ABORTED, CauseCode.ABORTED_BY)
