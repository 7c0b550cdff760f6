"""Full disks, reboots, damaged folders: what is lost is said, and what is said is true."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestra.worker import record
from orchestra.worker.executors import Gone, ProcessExecutors
from orchestra.worker.process import Identity, all_processes, stat
from orchestra.worker.spool import FolderSpool
from orchestra.worker.tree import ZYGOTE_NAME
from orchestra.worker.zygote_link import Zygote
from support.executor_rig import Rig, rig, with_rig
from support.waiting import is_gone, text_of, until

FLOOD = [sys.executable, "-c", "import sys\nfor i in range(400): sys.stdout.write('x' * 65535 + '\\n')"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB. Only root may mount one; everybody else tests the same with a limit on file sizes."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system takes root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", tmp_path], check=True)
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", "--lazy", tmp_path], check=True)


def test_a_full_disk_cuts_the_log_and_nothing_else(small_disk: Path) -> None:
    async def scenario() -> None:
        async with rig(small_disk) as made:
            run = await made.run(FLOOD, "echo more; exit 3")
            log = made.log(run)
            assert (run.finished["status"], run.finished["code"]) == ("failed", "exit_code")
            assert run.finished["log_error"].startswith("no space left for logs on the worker")
            assert 500_000 < len(log) == run.finished["log_size"] < 2 << 20
            assert run.finished["log_sha256"] == hashlib.sha256(log).hexdigest()
            kept = [one for one in made.spool.look(run.key).records if one["type"] != "spawned"]
            assert kept == run.records, "the journal's end went to the reserve"
            made.spool.forget(run.key, is_reusable=True)
            after = await made.run("echo works")
            assert made.log(after) == b"works\n"
            assert after.finished["log_error"] is None

    asyncio.run(scenario())


def test_a_disk_that_is_full_before_the_run_refuses_it_and_keeps_nothing(small_disk: Path) -> None:
    async def scenario() -> None:
        async with rig(small_disk) as made:
            await made.run("true")
            with (small_disk / "filler").open("wb", buffering=0) as file, pytest.raises(OSError) as caught:
                while True:
                    file.write(bytes(4096))
            assert caught.value.errno == errno.ENOSPC
            with pytest.raises(OSError, match="No space left"):
                made.start(made.request("true", parameters={"x": "y" * 100_000}))
            (small_disk / "filler").unlink()
            assert (await made.run("true")).finished["status"] == "succeeded"

    asyncio.run(scenario())


def test_a_log_that_cannot_grow_is_cut_and_the_run_goes_on() -> None:
    async def scenario(made: Rig) -> None:
        run = made.start(made.request("mkfifo go; echo begun; read -r _ < go; seq 100000; echo $? > code"))
        await run.until(lambda one: one.log_size)
        # What a full disk does, for everybody: this process may write no file beyond 100,000 bytes.
        resource.prlimit(made.owner(run).pid, resource.RLIMIT_FSIZE, (100_000, 100_000))
        (made.data / "workspaces/tests/job/1/go").write_text("\n")
        await run.until(lambda one: one.all("finished"))
        assert run.finished["status"] == "succeeded"
        assert run.finished["log_size"] == 100_000
        assert (
            run.finished["log_error"]
            == "the worker cannot write the log (File too large): the log ends after 100000 bytes"
        )
        assert (made.data / "workspaces/tests/job/1/code").read_text() == "0\n"

    with_rig(scenario)


def test_a_workspace_that_cannot_be_made_ends_the_run_before_its_start() -> None:
    async def scenario(made: Rig) -> None:
        (made.data / "workspaces").rmdir()
        (made.data / "workspaces").write_text("a file where a folder should be")
        run = await made.run("true")
        assert (run.finished["status"], run.finished["code"]) == ("exception", "cannot_start")
        assert "the workspace cannot be prepared: Not a directory" in run.finished["message"]
        assert not run.all("started")

    with_rig(scenario)


def test_a_killed_executors_run_is_swept_even_without_its_journal() -> None:
    async def scenario(made: Rig) -> None:
        run = made.start(made.request("mkfifo go; echo begun; sleep 1000"))
        await run.until(lambda one: one.log_size)
        folder = made.spool.folder(run.key)
        pid = next(one["pid"] for one in made.spool.look(run.key).records if one["type"] == "spawned")
        (folder / record.JOURNAL).unlink()
        os.kill(made.owner(run).pid, signal.SIGKILL)
        gone = await run.until(lambda one: one.gone)
        assert gone is not None and gone.survivors == ""
        assert is_gone(pid)

    with_rig(scenario)


HIDES = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    with open(sys.argv[1], "w") as file:
        file.write(str(os.getpid()))
    os.closerange(0, 256)
    os.chdir("/")
    os.execve("/bin/sleep", ["unseen", "1000"], {})
os.wait()
print("hidden", flush=True)
time.sleep(1000)
"""


def test_what_hides_from_a_killed_executor_in_every_way_is_found_and_ended(tmp_path: Path) -> None:
    async def scenario(made: Rig) -> None:
        other = made.start(made.request("echo begun; read -r _ < /dev/null; sleep 1000"))
        run = made.start(made.request([sys.executable, "-c", HIDES, str(tmp_path / "pid")]))
        await run.until(lambda one: one.log_size)
        await other.until(lambda one: one.log_size)
        hidden = int(await until(lambda: text_of(tmp_path / "pid"), "it hides"))
        await until(lambda: text_of(Path(f"/proc/{hidden}/cmdline")).startswith("unseen"), "its environment is empty")
        os.kill(made.owner(run).pid, signal.SIGKILL)
        gone = await run.until(lambda one: one.gone)
        assert gone is not None and gone.survivors == ""
        assert is_gone(hidden)
        assert other.gone is None and not other.all("finished"), "runs of other executors go on"
        made.executors.abort(other.key, "the test")
        await other.until(lambda one: one.all("finished"))

    with_rig(scenario)


def test_a_killed_zygote_costs_no_run_and_another_one_takes_its_place() -> None:
    async def scenario(made: Rig) -> None:
        run = made.start(made.request("mkfifo go; echo begun; read -r _ < go; echo through"))
        await run.until(lambda one: one.log_size)
        zygotes = [one.pid for one in all_processes() if one.parent == os.getpid() and one.name == ZYGOTE_NAME]
        for pid in zygotes:
            os.kill(pid, signal.SIGKILL)
        assert zygotes
        other = await made.run("echo others go on")
        assert made.log(other) == b"others go on\n"
        (made.data / "workspaces/tests/job/1/go").write_text("\n")
        await run.until(lambda one: one.all("finished"))
        assert made.log(run) == b"begun\nthrough\n"

    with_rig(scenario)


def test_a_stopped_executor_is_not_taken_for_dead() -> None:
    async def scenario(made: Rig) -> None:
        run = made.start(made.request("mkfifo go; echo begun; read -r _ < go; echo through"))
        await run.until(lambda one: one.log_size)
        executor = made.owner(run).pid
        os.kill(executor, signal.SIGSTOP)
        (made.data / "workspaces/tests/job/1/go").write_text("\n")
        other = await made.run("echo others go on")
        assert made.log(other) == b"others go on\n"
        assert run.gone is None
        os.kill(executor, signal.SIGCONT)
        await run.until(lambda one: one.all("finished"))
        assert made.log(run) == b"begun\nthrough\n"

    with_rig(scenario)


def test_a_job_that_stops_its_executor_can_be_aborted_all_the_same() -> None:
    async def scenario(made: Rig) -> None:
        run = made.start(made.request("mkfifo stopped; kill -STOP $PPID; : > stopped; sleep 1000"))
        stopped = made.data / "workspaces/tests/job/1/stopped"
        # Not its log: nobody tells of that any more.
        await until(stopped.exists, "the command made the pipe")
        # Whoever opens the pipe meets the command behind its signal.
        await asyncio.to_thread(stopped.read_bytes)
        made.executors.abort(run.key, "ada")
        await run.until(lambda one: one.all("finished"))
        assert (run.finished["status"], run.finished["message"]) == ("aborted", "aborted by ada")

    with_rig(scenario)


def test_what_cannot_be_read_is_set_aside_and_the_rest_is_read() -> None:
    async def scenario(made: Rig) -> None:
        good, torn = await made.run("echo good"), await made.run("echo torn")
        (made.spool.folder(torn.key) / record.REQUEST).write_bytes(b"700\n{torn")
        (made.data / "runs/not-a-run").mkdir()
        made.spool.close()
        again = FolderSpool(made.data, made.boot, lambda: "other")
        try:
            assert [one.request.key for one in again.held()] == [good.key]
            assert (made.data / f"runs/.unreadable-{torn.key}").is_dir()
        finally:
            made.spool = again

    with_rig(scenario)


def test_a_run_that_ended_just_before_its_adoption_is_not_waited_for() -> None:
    async def scenario(made: Rig) -> None:
        run = await made.run("echo over")
        unused = Zygote(socket.socket(), socket.socket)
        later = ProcessExecutors(made.data, made.boot, unused, spare=1, records=lambda _: [])
        reports: asyncio.Queue[object] = asyncio.Queue()
        later.on_report = lambda _, report: reports.put_nowait(report)
        later.adopt(run.key, made.owner(run), {})
        assert isinstance(await reports.get(), Gone)
        await later.close()

    with_rig(scenario)


def test_c20_whoever_has_a_dead_executors_pid_or_session_now_is_left_alone() -> None:
    async def scenario(made: Rig) -> None:
        run = await made.run("echo over")
        stranger = await asyncio.create_subprocess_exec("/bin/sleep", "1000", start_new_session=True, env={})
        found = stat(stranger.pid)
        assert found is not None
        try:
            # What a journal would say if both numbers were the stranger's by now, which started a little later.
            owner, ticks = Identity(stranger.pid, found.start - 5, made.boot), (found.start - 5, found.start - 4)
            unused = Zygote(socket.socket(), socket.socket)
            later = ProcessExecutors(made.data, made.boot, unused, spare=1, records=lambda _: [])
            reports: asyncio.Queue[object] = asyncio.Queue()
            later.on_report = lambda _, report: reports.put_nowait(report)
            later.adopt(run.key, owner, {stranger.pid: ticks})
            gone = await reports.get()
            assert isinstance(gone, Gone) and gone.survivors == ""
            await later.close()
            assert stranger.returncode is None and not is_gone(stranger.pid), "it lives"
        finally:
            stranger.kill()
            await stranger.wait()

    with_rig(scenario)
