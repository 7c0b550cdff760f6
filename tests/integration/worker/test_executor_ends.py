"""How runs end: exit codes, programs that are not there, limits, wishes, and process trees that do not want to."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from support.executor_rig import Rig, with_rig
from support.waiting import is_gone, text_of, until

PYTHON = sys.executable
FOREVER = "sleep 1000"


def _pids(rig: Rig) -> list[int]:
    """The pids that a job wrote into `pids` of its workspace, one a line."""
    return [int(line) for line in text_of(rig.data / "workspaces/tests/job/1/pids").split()]


@pytest.mark.parametrize(
    ("commands", "status", "code", "message", "exit_code"),
    [
        pytest.param(["true"], "succeeded", "succeeded", "every command exited with code 0", 0, id="success"),
        pytest.param(["exit 3"], "failed", "exit_code", "exit 3: exited with code 3", 3, id="exit code"),
        pytest.param(["no-such-thing"], "failed", "exit_code", "code 127", 127, id="unknown to the shell"),
        pytest.param(["kill -SEGV $$"], "failed", "signal", "signal 11 (SIGSEGV)", 139, id="signal"),
        pytest.param(["kill -9 $$"], "failed", "signal", "may have run out of memory", 137, id="killed"),
        pytest.param([["no-such-thing"]], "exception", "no_such_program", "on PATH", None, id="no program"),
        pytest.param([["./missing"]], "exception", "no_such_program", "no such program", None, id="no file"),
        pytest.param([["/etc/passwd"]], "exception", "no_such_program", "not executable", None, id="not executable"),
        pytest.param([["/"]], "exception", "no_such_program", "is a folder", None, id="a folder"),
        pytest.param([[""]], "exception", "no_such_program", "is empty", None, id="empty name"),
        pytest.param(
            ["printf '#!/no/such/interpreter\\n' > x; chmod +x x", ["./x"]],
            "exception", "no_such_program", "interpreter", None, id="bad interpreter",
        ),
        pytest.param(
            ["echo true > x; chmod +x x", ["./x"]], "exception", "no_such_program", "#! line", None, id="no magic"
        ),
    ],
)  # fmt: skip
def test_a_run_ends_with_the_cause_that_fits(
    commands: list[Any], status: str, code: str, message: str, exit_code: int | None
) -> None:
    async def scenario(rig: Rig) -> None:
        run = await rig.run(*commands, ["echo", "never"] if status != "succeeded" else "true")
        assert (run.finished["status"], run.finished["code"]) == (status, code)
        assert message in run.finished["message"]
        assert run.all("ended")[len(commands) - 1]["exit_code"] == exit_code
        assert b"never" not in rig.log(run)

    with_rig(scenario)


def test_a_program_is_looked_up_on_the_commands_own_path() -> None:
    async def scenario(rig: Rig) -> None:
        own = rig.data / "bin"
        own.mkdir()
        (own / "special").write_text("#!/bin/sh\necho found\n")
        (own / "special").chmod(0o755)
        assert (await rig.run(["special"])).finished["code"] == "no_such_program"
        run = await rig.run(["special"], environment={"PATH": f"{own}:/usr/bin:/bin"})
        assert rig.log(run) == b"found\n"

    with_rig(scenario)


def test_arguments_that_the_kernel_refuses_end_the_run_as_bad_definition() -> None:
    async def scenario(rig: Rig) -> None:
        big = {f"p{number}": "x" * 100_000 for number in range(40)}
        run = await rig.run(["true"], parameters=big)
        assert (run.finished["status"], run.finished["code"]) == ("exception", "bad_definition")
        assert "longer than the system allows" in run.finished["message"]

    with_rig(scenario)


def test_commands_have_no_input_and_default_signals_and_no_stray_descriptors() -> None:
    code = (
        "import os, signal, sys\n"
        "print(sys.stdin.read() == '', sorted(int(f) for f in os.listdir('/proc/self/fd'))[:-1])\n"
        "status = open('/proc/self/status').read()\n"
        "print([line.split()[1] for line in status.splitlines() if line.startswith(('SigBlk', 'SigIgn'))])\n"
        "print(os.getsid(0) == os.getpid())"
    )

    async def scenario(rig: Rig) -> None:
        # Python itself ignores SIGPIPE (bit 12) and SIGXFSZ (bit 24); a plain program shows what it was given.
        run = await rig.run([PYTHON, "-S", "-c", code], ["grep", "SigIgn", "/proc/self/status"])
        lines = rig.log(run).decode().splitlines()
        assert lines[0] == "True [0, 1, 2]", lines
        assert "'0000000000000000'" in lines[1]
        assert lines[2] == "True"
        internal = 0b11 << 31  # signals 32 and 33 are glibc's own, and posix_spawn leaves them ignored
        assert int(lines[3].split()[1], 16) & ~internal == 0

    with_rig(scenario)


@pytest.mark.parametrize(
    ("definition", "code", "message"),
    [
        pytest.param({"timeout": 0.3}, "timeout", "the run took longer than 0.3 s", id="of the run"),
        pytest.param({"silence_timeout": 0.3}, "silence_timeout", "wrote nothing for 0.3 s", id="of silence"),
        pytest.param({"command_timeout": 0.3}, "timeout", "step: took longer than 0.3 s", id="of a command"),
    ],
)
def test_a_limit_ends_the_run_as_exception(definition: dict[str, Any], code: str, message: str) -> None:
    async def scenario(rig: Rig) -> None:
        command = {"run": f"echo begun; {FOREVER}", "timeout": definition.pop("command_timeout", None)}
        run = await rig.run(command, "echo never", cleanup=["echo cleaned"], **definition)
        assert (run.finished["status"], run.finished["code"]) == ("exception", code)
        assert message in run.finished["message"]
        assert rig.log(run) == b"begun\ncleaned\n"
        assert run.all("ended")[0]["exit_code"] == 128 + signal.SIGTERM

    with_rig(scenario)


def test_output_keeps_a_silence_timeout_away() -> None:
    async def scenario(rig: Rig) -> None:
        run = await rig.run("for i in 1 2 3 4 5 6; do sleep 0.1; echo $i; done", silence_timeout=5)
        assert run.finished["status"] == "succeeded"

    with_rig(scenario)


@pytest.mark.parametrize("first", ["true", "exit 1", ["no-such-program"]])
def test_cleanup_runs_whatever_happened_and_all_of_it(first: Any) -> None:
    async def scenario(rig: Rig) -> None:
        run = await rig.run(first, cleanup=["echo one; exit 1", "echo two"])
        assert rig.log(run) == b"one\ntwo\n"
        expected = {"true": ("failed", "exit_code"), "exit 1": ("failed", "exit_code")}
        status = expected.get(str(first), ("exception", "no_such_program"))
        assert (run.finished["status"], run.finished["code"]) == status

    with_rig(scenario)


@pytest.mark.parametrize(
    ("first", "end"),
    [
        ("true", ("exception", "timeout", "slow: took longer than 0.3 s")),
        ("exit 3", ("failed", "exit_code", "exit 3:")),
    ],
)
def test_each_command_of_the_cleanup_has_its_own_limit(first: str, end: tuple[str, str, str]) -> None:
    async def scenario(rig: Rig) -> None:
        slow = {"name": "slow", "run": f"echo begun; {FOREVER}", "timeout": 0.3}
        run = await rig.run(first, cleanup=[slow, "echo next"], timeout=60)
        assert rig.log(run) == b"begun\nnext\n"
        status, code, message = end
        assert (run.finished["status"], run.finished["code"]) == (status, code), "the first failure is the verdict"
        assert message in run.finished["message"]

    with_rig(scenario)


def test_an_abort_ends_the_command_runs_the_cleanup_and_says_who_wanted_it() -> None:
    async def scenario(rig: Rig) -> None:
        run = rig.start(rig.request(f"echo begun; {FOREVER}", "echo never", cleanup=["echo cleaned"]))
        await run.until(lambda one: one.log_size)
        rig.executors.abort(run.key, "ada")
        await run.until(lambda one: one.all("finished"))
        assert (run.finished["status"], run.finished["code"]) == ("aborted", "aborted_by")
        assert run.finished["message"] == "aborted by ada"
        assert rig.log(run) == b"begun\ncleaned\n"

    with_rig(scenario)


def test_a_second_abort_also_ends_the_cleanup() -> None:
    async def scenario(rig: Rig) -> None:
        run = rig.start(rig.request(FOREVER, cleanup=[f"echo cleaning; {FOREVER}", "echo never"]))
        await run.until(lambda one: one.all("began"))
        rig.executors.abort(run.key, "ada")
        await run.until(lambda one: one.log_size)
        rig.executors.abort(run.key, "ada")
        await run.until(lambda one: one.all("finished"))
        assert run.finished["status"] == "aborted"
        assert rig.log(run) == b"cleaning\n"

    with_rig(scenario)


def test_cancel_does_nothing_to_a_run_that_runs() -> None:
    async def scenario(rig: Rig) -> None:
        run = rig.start(rig.request("mkfifo go; echo begun; read -r _ < go; echo through"))
        await run.until(lambda one: one.log_size)
        rig.executors.cancel(run.key, "ada")
        (rig.data / "workspaces/tests/job/1/go").write_text("\n")
        await run.until(lambda one: one.all("finished"))
        assert run.finished["status"] == "succeeded"
        assert rig.log(run) == b"begun\nthrough\n"

    with_rig(scenario)


def test_an_abort_that_comes_with_the_request_proves_that_nothing_started() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.run("true")  # so that an executor is warm and both messages reach it together
        run = rig.start(rig.request("touch started"))
        rig.executors.abort(run.key, "ada")
        await run.until(lambda one: one.all("finished"))
        if run.finished["status"] == "cancelled":
            assert not (rig.data / "workspaces/tests/job/1/started").exists()
            assert not run.all("started")
        else:
            assert run.finished["status"] in ("aborted", "succeeded")

    with_rig(scenario)


TREES = {
    "a child": f"{FOREVER} & echo $! >> pids; wait",
    "a grandchild": f"sh -c '{FOREVER} & echo $! >> pids; wait' & wait",
    "an orphan": f"(({FOREVER}) & echo $! >> pids) & wait; {FOREVER}",
    "a session of its own": f"setsid sh -c 'echo $$ >> pids; {FOREVER}' & {FOREVER}",
    "a double fork": f"setsid sh -c '(setsid sh -c \"echo \\$\\$ >> pids; {FOREVER}\" &) ; exit' ; {FOREVER}",
    "who ignores TERM": f"trap '' TERM; echo $$ >> pids; while :; do {FOREVER}; done",
    "who clears its environment": f"env -i setsid /bin/sh -c 'echo $$ >> pids; /bin/{FOREVER}' & {FOREVER}",
}


@pytest.mark.parametrize("tree", TREES.values(), ids=TREES)
def test_an_abort_leaves_nothing_alive(tree: str) -> None:
    async def scenario(rig: Rig) -> None:
        run = rig.start(rig.request(tree, grace=0.3))
        pids = await until(lambda: _pids(rig), "the job writes its pid")
        rig.executors.abort(run.key, "ada")
        await run.until(lambda one: one.all("finished"))
        assert all(is_gone(pid) for pid in pids)
        assert run.finished["status"] == "aborted"
        assert run.finished["message"] == "aborted by ada"

    with_rig(scenario)


@pytest.mark.parametrize(
    "tree", [one.replace("; wait", "").replace(f"; {FOREVER}", "") for one in list(TREES.values())[:3]]
)
def test_what_is_left_after_the_last_command_is_ended(tree: str) -> None:
    async def scenario(rig: Rig) -> None:
        run = await rig.run(tree, "while [ ! -s pids ]; do :; done", grace=0.3)
        assert run.finished["status"] == "succeeded"
        assert _pids(rig)
        assert all(is_gone(pid) for pid in _pids(rig))

    with_rig(scenario)


def test_background_processes_live_until_the_last_command_has_ended() -> None:
    async def scenario(rig: Rig) -> None:
        run = await rig.run(
            f"{FOREVER} & echo $! > pids",
            "kill -0 $(cat pids) && echo alive",
            cleanup=["kill -0 $(cat pids) && echo still"],
        )
        assert rig.log(run) == b"alive\nstill\n"
        assert is_gone(_pids(rig)[0])

    with_rig(scenario)


def test_a_tree_that_forks_without_end_is_ended_too() -> None:
    code = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('up', flush=True)\n"
        "while os.fork() == 0:\n"
        "    time.sleep(0.005)\n"
        "time.sleep(1000)\n"
    )

    async def scenario(rig: Rig) -> None:
        run = rig.start(rig.request([PYTHON, "-c", code], grace=0.1))
        await run.until(lambda one: one.log_size)
        rig.executors.abort(run.key, "ada")
        await run.until(lambda one: one.all("finished"))
        assert run.finished["message"] == "aborted by ada"

    with_rig(scenario)


def test_zombies_of_orphans_are_collected_while_a_command_runs() -> None:
    async def scenario(rig: Rig) -> None:
        run = rig.start(
            rig.request("for i in 1 2 3 4 5 6 7 8; do (true & ) ; done; mkfifo go; echo made; read -r _ < go")
        )
        await run.until(lambda one: one.log_size)
        executor = rig.owner(run).pid

        def zombies() -> list[str]:
            states = (path.read_text().rpartition(")")[2].split() for path in Path("/proc").glob("[0-9]*/stat"))
            return [one[0] for one in states if one[1] == str(executor) and one[0] == "Z"]

        await until(lambda: not zombies(), "the executor collects orphans")
        (rig.data / "workspaces/tests/job/1/go").write_text("\n")
        await run.until(lambda one: one.all("finished"))

    with_rig(scenario)


def test_a_termination_signal_to_an_executor_aborts_its_run() -> None:
    async def scenario(rig: Rig) -> None:
        run = rig.start(rig.request(FOREVER))
        await run.until(lambda one: one.all("began"))
        os.kill(rig.owner(run).pid, signal.SIGTERM)
        await run.until(lambda one: one.all("finished"))
        assert run.finished["status"] == "aborted"
        assert "termination signal" in run.finished["message"]

    with_rig(scenario)


def test_executors_are_used_again_and_start_one_run_each_at_a_time() -> None:
    async def scenario(rig: Rig) -> None:
        owners = set()
        for _ in range(5):
            run = await rig.run("true")
            owners.add(rig.owner(run).pid)
        assert len(owners) == 1
        slow = rig.start(rig.request("mkfifo go; echo made; read -r _ < go"))
        await slow.until(lambda one: one.log_size)
        together = [slow, *(rig.start(rig.request("true")) for _ in range(2))]
        for run in together[1:]:
            await run.until(lambda one: one.all("finished"))
        assert len({rig.owner(run).pid for run in together}) >= 2
        (rig.data / "workspaces/tests/job/1/go").write_text("\n")
        await slow.until(lambda one: one.all("finished"))

    with_rig(scenario)
