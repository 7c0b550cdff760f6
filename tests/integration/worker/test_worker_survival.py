"""Runs survive whatever happens to the worker, the connection and the server: one start, one end, every byte."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from orchestra.domain.recovery import Phase
from orchestra.domain.run import CauseCode, RunStatus
from orchestra.wire.master_session import SessionLimits
from orchestra.worker.process import boot_id
from support.protocol_server import ProtocolServer, ServedRun, protocol_server
from support.waiting import is_gone, text_of, until
from support.worker_process import WorkerProcess, worker_process

WRITER = "echo $$ >> witness; i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line $i; done; read -r _ < go; echo end"
"""Says in `witness` that it started, writes, then waits until the test lets it end."""


def play(scenario: Callable[[ProtocolServer, WorkerProcess], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with protocol_server() as server, worker_process(server.url) as worker:
            await server.until_connected()
            await scenario(server, worker)

    asyncio.run(whole())


def workspace(worker: WorkerProcess, number: int = 1) -> Path:
    return worker.data / f"workspaces/tests/job/{number}"


def prepare_gate(worker: WorkerProcess, number: int = 1) -> None:
    folder = workspace(worker, number)
    folder.mkdir(parents=True, exist_ok=True)
    os.mkfifo(folder / "go")


async def let_go(worker: WorkerProcess, number: int = 1) -> None:
    await asyncio.to_thread((workspace(worker, number) / "go").write_text, "\n")


async def ended(server: ProtocolServer, run: ServedRun) -> None:
    await server.until(lambda: run.is_forgotten, "the run is over and forgotten")


def assert_exact(worker: WorkerProcess, run: ServedRun) -> None:
    assert run.finished.status is RunStatus.SUCCEEDED
    assert run.log == b"".join(b"line %d\n" % number for number in range(1, 3001)) + b"end\n"
    assert run.is_exact
    assert len(text_of(workspace(worker) / "witness").split()) == 1, "it started once"


def test_a_worker_that_is_killed_again_and_again_does_not_harm_its_run() -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        prepare_gate(worker)
        run = await server.assign(WRITER)
        pid = await until(lambda: text_of(workspace(worker) / "witness"), "the run starts")
        for _ in range(5):
            worker.kill()
            seen = len(server.hellos)
            worker.start()
            await server.until(lambda seen=seen: len(server.hellos) > seen, "it is back")  # type: ignore[misc]
            assert not is_gone(int(pid))
        assert server.hellos[-1].held[0].phase is Phase.STARTED
        await let_go(worker)
        await ended(server, run)
        assert_exact(worker, run)
        assert worker.folders() == []

    play(scenario)


def test_a_run_that_ends_while_no_worker_lives_is_reported_by_the_next_one() -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        prepare_gate(worker)
        run = await server.assign(WRITER)
        await until(lambda: text_of(workspace(worker) / "witness"), "the run starts")
        worker.kill()
        await let_go(worker)
        await until(lambda: not worker.executors(), "the executor finishes its run and goes")
        worker.start()
        await ended(server, run)
        assert_exact(worker, run)
        assert server.hellos[-1].held[0].phase is Phase.FINISHED

    play(scenario)


def test_a_run_that_ends_while_the_server_is_away_is_reported_when_it_is_back() -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        prepare_gate(worker)
        run = await server.assign(WRITER)
        await until(lambda: text_of(workspace(worker) / "witness"), "the run starts")
        await server.close()
        await let_go(worker)
        (folder,) = worker.folders()
        await until(lambda: '"finished"' in text_of(worker.data / "runs" / folder / "journal"), "the run ends")
        await server.open()
        await ended(server, run)
        assert_exact(worker, run)

    play(scenario)


def test_a_connection_that_breaks_all_the_time_loses_and_repeats_nothing() -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        run = await server.assign(["seq", "3000000"])
        for size in (1 << 20, 4 << 20, 7 << 20, 12 << 20, 16 << 20):
            await server.until(lambda size=size: len(run.log) >= size, "bytes come")  # type: ignore[misc]
            await server.cut()
        await ended(server, run)
        assert run.is_exact
        assert run.log.startswith(b"1\n2\n") and run.log.endswith(b"\n3000000\n")
        assert len(server.hellos) > 5

    play(scenario)


def test_a_stopped_worker_says_how_many_runs_go_on_and_its_idle_executors_end() -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        for _ in range(2):
            await ended(server, await server.assign("true"))
        prepare_gate(worker)
        run = await server.assign(WRITER)
        await until(lambda: text_of(workspace(worker) / "witness"), "the run starts")
        said = await worker.stop(signal.SIGTERM)
        assert "stopped; 1 run goes on and is adopted at the next start" in said
        assert worker.process is not None and worker.process.returncode == 0
        await until(lambda: len(worker.executors()) == 1, "only the executor at work is left")
        assert server.goodbyes[-1] == "the worker is stopped"
        worker.start()
        await server.until_connected()
        await let_go(worker)
        await ended(server, run)
        assert_exact(worker, run)
        assert "nothing was running" in await worker.stop(signal.SIGINT)
        await until(lambda: not worker.executors(), "nothing is left")
        assert not list((worker.data / "executors").glob("*.sock"))

    play(scenario)


def test_a_second_interrupt_aborts_what_would_go_on() -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        run = await server.assign("echo $$ >> witness; sleep 1000")
        pid = int(await until(lambda: text_of(workspace(worker) / "witness"), "the run starts"))
        assert worker.process is not None and worker.process.stderr is not None
        worker.process.send_signal(signal.SIGINT)
        said = ""
        while "Ctrl-C again" not in said:
            said = await asyncio.to_thread(worker.process.stderr.readline)
            assert said, "the worker ended without asking"
        worker.process.send_signal(signal.SIGINT)
        assert "aborted" in await worker.ended()
        assert is_gone(pid)
        worker.start()
        await ended(server, run)
        assert run.finished.status is RunStatus.ABORTED

    play(scenario)


def test_a_killed_executor_ends_its_run_as_exception_and_what_it_had_started() -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        run = await server.assign("echo before; setsid sleep 1000 & echo $$ $! > witness; wait")
        pids = await until(lambda: text_of(workspace(worker) / "witness"), "the run starts")
        await server.until(lambda: run.log, "its first bytes come")
        (executor,) = worker.executors()
        os.kill(executor.pid, signal.SIGKILL)
        await ended(server, run)
        assert run.finished.status is RunStatus.EXCEPTION
        assert run.finished.cause.code is CauseCode.EXECUTOR_LOST
        assert f"process {executor.pid}" in run.finished.cause.message
        assert run.log == b"before\n" and run.is_exact
        assert run.finished.log_error is not None
        assert all(is_gone(int(pid)) for pid in pids.split())
        after = await server.assign("echo works")
        await ended(server, after)
        assert after.log == b"works\n"

    play(scenario)


def test_executor_and_worker_killed_together_end_the_run_as_exception() -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        run = await server.assign("echo before; echo $$ > witness; sleep 1000")
        pid = int(await until(lambda: text_of(workspace(worker) / "witness"), "the run starts"))
        (executor,) = worker.executors()
        worker.kill()
        os.kill(executor.pid, signal.SIGKILL)
        worker.start()
        await ended(server, run)
        assert run.finished.cause.code is CauseCode.EXECUTOR_LOST
        assert is_gone(pid)

    play(scenario)


async def _stopped_executor(server: ProtocolServer, worker: WorkerProcess) -> int:
    """A warm executor that is stopped (SIGSTOP): it will get the next run and not start it."""
    await ended(server, await server.assign("true"))
    (executor,) = worker.executors()
    os.kill(executor.pid, signal.SIGSTOP)
    return executor.pid


def test_an_executor_that_dies_before_its_marker_is_replaced_and_the_run_starts_once() -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        pid = await _stopped_executor(server, worker)
        run = await server.assign("echo $$ >> witness")
        await until(worker.folders, "the run is accepted")
        os.kill(pid, signal.SIGKILL)
        await ended(server, run)
        assert run.finished.status is RunStatus.SUCCEEDED
        assert len(run.starts) == 1
        assert len(text_of(workspace(worker) / "witness").split()) == 1

    play(scenario)


def test_a_slow_executor_that_wakes_up_after_another_took_its_run_starts_nothing() -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        pid = await _stopped_executor(server, worker)
        run = await server.assign("echo $$ >> witness")
        await until(worker.folders, "the run is accepted")
        worker.kill()
        worker.start()
        await ended(server, run)
        os.kill(pid, signal.SIGCONT)
        await until(lambda: is_gone(pid), "the late executor finds nothing to do and ends")
        assert len(text_of(workspace(worker) / "witness").split()) == 1
        assert run.finished.status is RunStatus.SUCCEEDED

    play(scenario)


@pytest.mark.parametrize("wish", ["cancel", "abort"])
def test_a_run_that_is_stopped_before_its_start_provably_never_starts(wish: str) -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        pid = await _stopped_executor(server, worker)
        run = await server.assign("echo $$ >> witness")
        await until(worker.folders, "the run is accepted")
        await (server.cancel(run) if wish == "cancel" else server.abort(run))
        await ended(server, run)
        assert run.finished.status is RunStatus.CANCELLED
        assert run.finished.never_started
        assert "ada" in run.finished.cause.message
        os.kill(pid, signal.SIGCONT)
        after = await server.assign("echo works")
        await ended(server, after)
        assert not (workspace(worker) / "witness").exists()

    play(scenario)


@pytest.mark.parametrize("wish", ["cancel", "abort"])
def test_a_wish_that_comes_while_the_worker_is_away_is_honoured_when_it_is_back(wish: str) -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        prepare_gate(worker)
        run = await server.assign(WRITER)
        await until(lambda: text_of(workspace(worker) / "witness"), "the run starts")
        worker.kill()
        await (server.cancel(run) if wish == "cancel" else server.abort(run))
        worker.start()
        await server.until_connected()
        if wish == "cancel":  # too late: it runs, and goes on
            await let_go(worker)
        await ended(server, run)
        assert run.finished.status is (RunStatus.SUCCEEDED if wish == "cancel" else RunStatus.ABORTED)

    play(scenario)


def test_abort_over_the_connection_ends_the_tree() -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        run = await server.assign("setsid sleep 1000 & echo $! > witness; wait")
        pid = int(await until(lambda: text_of(workspace(worker) / "witness"), "the run starts"))
        await server.abort(run)
        await ended(server, run)
        assert run.finished.status is RunStatus.ABORTED
        assert run.finished.cause.message == "aborted by ada"
        assert is_gone(pid)

    play(scenario)


def reboot(worker: WorkerProcess) -> None:
    """Make everything in the spool look as if it came from before a reboot: nothing lives, the boot id differs."""
    worker.end_everything()
    now = boot_id()
    (folder,) = worker.folders()
    for name in ("request", "marker"):
        path = worker.data / "runs" / folder / name
        if path.exists():
            path.write_bytes(path.read_bytes().replace(now.encode(), now[::-1].encode()))


def test_a_run_that_a_reboot_ended_says_so() -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        run = await server.assign("echo before; echo $$ > witness; sleep 1000")
        await until(lambda: text_of(workspace(worker) / "witness"), "the run starts")
        await server.until(lambda: run.log, "its first bytes come")
        reboot(worker)
        worker.start()
        await ended(server, run)
        assert run.finished.status is RunStatus.EXCEPTION
        assert run.finished.cause.code is CauseCode.HOST_REBOOTED
        # What the disk holds after a loss of power proves nothing: the server keeps the bytes that it has.
        assert (run.finished.log_size, run.finished.log_error is not None) == (0, True)
        assert bytes(run.log) == b"before\n"

    play(scenario)


def test_a_run_whose_marker_a_power_loss_took_is_not_started_again() -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        run = await server.assign("echo $$ >> witness; sleep 1000")
        await until(lambda: text_of(workspace(worker) / "witness"), "the run starts")
        reboot(worker)
        (worker.data / "runs" / worker.folders()[0] / "marker").unlink()
        worker.start()
        await ended(server, run)
        assert run.finished.cause.code is CauseCode.HOST_REBOOTED
        assert len(text_of(workspace(worker) / "witness").split()) == 1

    play(scenario)


@pytest.mark.parametrize("is_torn", [False, True])
def test_a_finished_run_is_delivered_after_a_reboot_with_its_log_if_that_is_proven_whole(is_torn: bool) -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        await server.close()
        worker.kill()
        server.may_forget = False
        await server.open()
        worker.start()
        await server.until_connected()
        run = await server.assign("seq 20000")
        await server.until(lambda: run.ends, "the run is over")
        reboot(worker)
        if is_torn:
            os.truncate(worker.data / "runs" / worker.folders()[0] / "log", 5000)
        run.ends.clear()
        run.log.clear()
        server.may_forget = True
        worker.start()
        await ended(server, run)
        assert run.finished.status is RunStatus.SUCCEEDED
        assert run.is_exact
        assert (run.finished.log_error is not None) == is_torn
        assert len(run.log) == (0 if is_torn else 108894)

    play(scenario)


def test_a_log_that_vanishes_is_reported_and_holds_nothing_up() -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        prepare_gate(worker)
        await server.close()
        worker.kill()
        server.limits = SessionLimits(window_bytes=1 << 16)
        await server.open()
        worker.start()
        await server.until_connected()
        run = await server.assign("echo begun; read -r _ < go; seq 200000")
        await server.until(lambda: run.log, "its first bytes come")
        (folder,) = worker.folders()
        worker.kill()
        (worker.data / "runs" / folder / "log").unlink()
        await let_go(worker)
        worker.start()
        await ended(server, run)
        assert run.finished.status is RunStatus.SUCCEEDED
        assert run.finished.log_error is not None and "the worker" in run.finished.log_error
        assert run.log == b"begun\n"
        after = await server.assign("echo works")
        await ended(server, after)
        assert after.log == b"works\n"

    play(scenario)


def test_a_worker_whose_server_does_not_answer_stops_at_once() -> None:
    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            async with worker_process(f"http://127.0.0.1:{silent.getsockname()[1]}") as worker:
                connection, _ = await asyncio.to_thread(silent.accept)
                with connection:  # and nobody ever answers
                    assert "nothing was running" in await worker.stop(signal.SIGTERM)

    asyncio.run(scenario())
