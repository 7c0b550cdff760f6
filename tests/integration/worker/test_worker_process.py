"""The worker as a program: what it says of itself, what it refuses, and how it fits many runs into one machine."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from orchestra.domain.run import CauseCode, RunStatus
from orchestra.wire import messages as m
from orchestra.worker.process import boot_id
from support.protocol_server import TOKEN, ProtocolServer, ServedRun, protocol_server
from support.waiting import is_gone, text_of, until
from support.worker_process import WorkerProcess, worker_process


def play(scenario: Callable[[ProtocolServer, WorkerProcess], Awaitable[None]], **settings: object) -> None:
    async def whole() -> None:
        async with protocol_server() as server, worker_process(server.url, **settings) as worker:
            await scenario(server, worker)

    asyncio.run(whole())


def open_descriptors(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


async def over(server: ProtocolServer, run: ServedRun) -> None:
    await server.until(lambda: run.is_forgotten, "the run is over and forgotten")


def test_the_hello_tells_name_slots_and_the_machine() -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        await server.until_connected()
        (hello,) = server.hellos
        assert (hello.worker, hello.concurrency, hello.held) == ("tester", 4, ())
        assert hello.properties["os"] == "linux"
        assert hello.properties["cores"] == len(os.sched_getaffinity(0))
        assert hello.properties["python"] == "a user's word wins"
        assert hello.properties["gpu"] == ["a100", "h100"]
        assert hello.boot == boot_id()
        assert hello.installation == (worker.data / "installation").read_text()

    play(scenario, properties={"python": "a user's word wins", "gpu": ["a100", "h100"]})


def test_everything_in_the_data_folder_is_private() -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        await server.until_connected()
        server.may_forget = False
        run = await server.assign("echo $PWD; echo '{}' > \"$ORCHESTRA_RESULTS\"; sleep 0")
        await server.until(lambda: run.ends, "the run is over")
        for path in worker.data.rglob("*"):
            if path.name == "results.json" or path.is_symlink():
                continue  # the command's own umask
            mode = path.stat().st_mode & 0o777
            assert mode == (0o700 if path.is_dir() else 0o600) or path.suffix == ".sock", f"{path}: {mode:o}"

    play(scenario)


def test_two_runs_of_one_job_at_once_have_different_workspaces() -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        await server.until_connected()
        together = [await server.assign("mkfifo go; pwd; read -r _ < go") for _ in range(3)]
        await server.until(lambda: all(run.log for run in together), "all three run")
        folders = [Path(run.log.decode().strip()) for run in together]
        assert len(set(folders)) == 3
        for folder in folders:
            await asyncio.to_thread((folder / "go").write_text, "\n")
        for run in together:
            await over(server, run)
        again = await server.assign("pwd")
        await over(server, again)
        assert again.log.decode().strip() in [str(one) for one in folders]

    play(scenario)


def test_two_workers_on_one_machine_share_no_workspace() -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        async with protocol_server() as other, worker_process(other.url) as second:
            await server.until_connected()
            await other.until_connected()
            runs = [await one.assign("mkfifo go; pwd; read -r _ < go") for one in (server, other)]
            await server.until(lambda: runs[0].log, "it runs")
            await other.until(lambda: runs[1].log, "it runs")
            folders = [Path(run.log.decode().strip()) for run in runs]
            assert folders[0].is_relative_to(worker.data)
            assert folders[1].is_relative_to(second.data)
            for one, run, folder in zip((server, other), runs, folders, strict=True):
                await asyncio.to_thread((folder / "go").write_text, "\n")
                await over(one, run)

    play(scenario)


def test_a_worker_gives_runs_back_while_less_disk_is_free_than_it_wants() -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        await server.until_connected()
        run = await server.assign("true")
        await server.abort(run)  # else it keeps it for ten seconds
        await server.until(lambda: run.refused, "it is given back")

    play(scenario, workspace_free_bytes=1 << 62)


def test_more_runs_than_slots_are_given_back() -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        await server.until_connected()
        first = await server.assign("sleep 1000")
        second = await server.assign("true")
        await server.until(lambda: second.refused, "the second is refused")
        assert second.refused is not None and "1 slot" in second.refused.reason
        await server.abort(first)
        await over(server, first)

    play(scenario, concurrency=1)


@pytest.mark.parametrize(
    ("commands", "definition", "code"),
    [
        (["echo {parameters.missing}"], {}, CauseCode.BAD_TEMPLATE),
        (["true"], {"type": "pipeline"}, CauseCode.BAD_DEFINITION),
        (["true"], {"environment": ["no", "table"]}, CauseCode.BAD_DEFINITION),
    ],
)
def test_what_cannot_be_prepared_ends_as_exception_without_a_start(
    commands: list[str], definition: dict[str, Any], code: CauseCode
) -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        await server.until_connected()
        run = await server.assign(*commands, **definition)
        await over(server, run)
        assert (run.finished.status, run.finished.cause.code) == (RunStatus.EXCEPTION, code)
        assert not run.starts
        assert worker.folders() == []

    play(scenario)


def test_a_run_of_another_epoch_is_another_run() -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        await server.until_connected()
        first = await server.assign("echo {run.number}")
        await over(server, first)
        second = await server.give(
            m.Assign(
                run=first.assign.run,
                epoch=2,
                number=7,
                project="tests",
                job="job",
                definition=first.assign.definition,
                parameters={},
            )
        )
        await over(server, second)
        assert (bytes(first.log), bytes(second.log)) == (b"1\n", b"7\n")

    play(scenario)


def test_hundreds_of_runs_leave_no_descriptors_folders_or_executors_behind() -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        await server.until_connected()
        assert worker.process is not None
        counts = []
        for _ in range(3):
            for _ in range(25):
                batch = [await server.assign(f"echo {number}", job=f"job{number}") for number in range(4)]
                for number, run in enumerate(batch):
                    await over(server, run)
                    assert run.log == b"%d\n" % number, "a folder that is used again shows nothing of before"
            counts.append(open_descriptors(worker.process.pid))
        assert counts[0] == counts[-1]
        assert len(worker.executors()) <= 4
        assert worker.folders() == []

    play(scenario)


def test_a_second_worker_on_the_same_folder_is_refused_with_a_clear_sentence() -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        await server.until_connected()
        assert worker.process is not None
        second = WorkerProcess(worker.data, server.url, name="second")
        second.start()
        said = await second.ended()
        assert second.process is not None and second.process.returncode == 1
        assert f"belongs to a running worker (process {worker.process.pid})" in said
        assert "--data DIR" in said

    play(scenario)


def test_a_worker_that_the_server_rejects_says_why_and_ends() -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        worker.kill()
        server.reject = m.Reject(code="name_taken", reason="the name tester belongs to another machine")
        worker.start()
        assert "the name tester belongs to another machine" in await worker.ended()
        assert worker.process is not None and worker.process.returncode == 1

    play(scenario)


def test_a_rejection_that_may_pass_is_tried_again() -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        worker.kill()
        server.reject = m.Reject(code="busy", reason="not now", retry_s=0.05)
        worker.start()
        before = len(server.hellos)
        await server.until(lambda: len(server.hellos) > before + 1, "it tries again")
        server.reject = None
        await server.until_connected()

    play(scenario)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"server": "http://orchestra.example.org"}, "not encrypted"),
        ({"server": "ftp://orchestra.example.org"}, "expected one like https://"),
        ({"server": "http://127.0.0.1:9", "name": "not a name"}, "give --name NAME"),
        ({"server": "http://127.0.0.1:9", "run_as": ["no-such-user"]}, "--run-as"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_once(settings: dict[str, Any], said: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        worker = WorkerProcess(tmp_path, **settings)
        worker.start()
        assert said in await worker.ended()
        assert worker.process is not None and worker.process.returncode == 1

    asyncio.run(scenario())


def test_a_server_that_is_not_there_yet_is_waited_for() -> None:
    async def scenario() -> None:
        async with protocol_server() as server:
            await server.close()
            async with worker_process(server.url) as worker:
                await until((worker.data / "installation").exists, "the worker is up")
                await server.open()
                await server.until_connected()

    asyncio.run(scenario())


def test_the_token_is_in_no_environment_that_a_run_could_read() -> None:
    async def scenario(server: ProtocolServer, worker: WorkerProcess) -> None:
        await server.until_connected()
        run = await server.assign("tr '\\0' '\\n' < /proc/$PPID/environ; env")
        await over(server, run)
        assert TOKEN.encode() not in run.log
        assert b"PATH=" in run.log

    play(scenario)


def test_a_worker_that_belongs_to_its_parent_dies_with_it_and_its_runs_do_not(tmp_path: Path) -> None:
    parent = "import subprocess, sys, time\np = subprocess.Popen(sys.argv[1:])\nprint(p.pid, flush=True)\np.wait()\n"

    async def scenario() -> None:
        async with protocol_server() as server:
            worker = WorkerProcess(tmp_path, server.url, dies_with_parent=True)
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", parent, *worker.command(), stdout=asyncio.subprocess.PIPE
            )
            try:
                assert process.stdout is not None
                pid = int(await process.stdout.readline())
                await server.until_connected()
                run = await server.assign("echo $$ > witness; sleep 1000")
                witness = tmp_path / "workspaces/tests/job/1/witness"
                job = int(await until(lambda: text_of(witness), "the run starts"))
                process.send_signal(signal.SIGKILL)
                await process.wait()
                await until(lambda: is_gone(pid), "the worker follows its parent")
                assert not is_gone(job)
                worker.start()
                await server.until_connected()
                await server.abort(run)
                await over(server, run)
            finally:
                worker.end_everything()

    asyncio.run(scenario())
