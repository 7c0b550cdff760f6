"""Commands with less priority, less memory, on a terminal: what is asked is what they get."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from orchestra.worker import memory_group
from support.executor_rig import Rig, with_rig
from support.waiting import is_gone, text_of, until

PYTHON = sys.executable
EAT = "x = bytearray(300 << 20); print(len(x))"
HAS_GROUPS = memory_group.find_parent() is not None


def test_nice_lowers_the_priority_of_everything_that_the_commands_start() -> None:
    async def scenario(rig: Rig) -> None:
        own = os.getpriority(os.PRIO_PROCESS, 0)
        run = await rig.run("sh -c 'nice'", ["nice"], nice=7)
        assert rig.log(run) == f"{own + 7}\n{own + 7}\n".encode()
        assert run.finished["status"] == "succeeded"

    with_rig(scenario)


def test_an_address_space_is_limited_where_there_are_no_cgroups(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(rig: Rig) -> None:
        run = await rig.run("ulimit -v", memory_limit=200 << 20)
        assert rig.log(run) == (b"unlimited\n" if HAS_GROUPS else b"204800\n")
        run = await rig.run([PYTHON, "-S", "-c", EAT], memory_limit=200 << 20)
        assert run.finished["status"] == "failed"

    with_rig(scenario)


@pytest.mark.skipif(not HAS_GROUPS, reason="no cgroup of memory can be made here")
def test_a_run_that_uses_more_memory_than_its_cgroup_allows_says_so() -> None:
    async def scenario(rig: Rig) -> None:
        run = await rig.run([PYTHON, "-S", "-c", EAT], memory_limit=100 << 20)
        assert run.finished["status"] == "failed"
        assert f"beyond the memory limit of {100 << 20} bytes" in run.finished["message"]
        # The next run of the same executor has its own limit, and nothing is left behind.
        assert (await rig.run([PYTHON, "-S", "-c", EAT])).finished["status"] == "succeeded"
        parent = memory_group.find_parent()
        assert parent is not None
        assert not (Path(parent.path) / f"orchestra-{rig.owner(run).pid}").exists()

    with_rig(scenario)


def test_a_program_that_is_not_there_is_said_in_the_same_words_as_without_options() -> None:
    async def scenario(rig: Rig) -> None:
        for argv, message in ((["no-such-thing"], "on PATH"), (["/etc/passwd"], "not executable")):
            run = await rig.run(argv, nice=1)
            assert (run.finished["code"], message in run.finished["message"]) == ("no_such_program", True)
        run = await rig.run("printf '#!/no/such/interpreter\\n' > x; chmod +x x", ["./x"], nice=1)
        assert run.finished["code"] == "no_such_program"
        assert "interpreter" in run.finished["message"]

    with_rig(scenario)


def test_commands_with_options_have_no_input_and_default_signals_and_no_stray_descriptors() -> None:
    code = (
        "import os, sys\n"
        "print(sys.stdin.read() == '', sorted(int(f) for f in os.listdir('/proc/self/fd'))[:-1])\n"
        "print(os.getsid(0) == os.getpid())"
    )

    async def scenario(rig: Rig) -> None:
        run = await rig.run([PYTHON, "-S", "-c", code], ["grep", "-E", "Sig(Ign|Blk)", "/proc/self/status"], nice=1)
        lines = rig.log(run).decode().splitlines()
        assert lines[:2] == ["True [0, 1, 2]", "True"]
        internal = 0b11 << 31  # signals 32 and 33 are glibc's own
        assert [int(line.split()[1], 16) & ~internal for line in lines[2:]] == [0, 0]

    with_rig(scenario)


def test_a_terminal_has_a_size_and_passes_bytes_as_they_are_written() -> None:
    code = (
        "import os, sys\n"
        "print(os.isatty(1), os.isatty(2), os.get_terminal_size(1))\n"
        "print(os.ttyname(1) == os.ttyname(os.open('/dev/tty', os.O_RDONLY)) or os.tcgetpgrp(1) == os.getpgrp())\n"
        "print(repr(sys.stdin.read()))\n"
        "sys.stdout.flush()\n"
        "os.write(1, bytes(range(256)))\n"
    )

    async def scenario(rig: Rig) -> None:
        run = await rig.run([PYTHON, "-S", "-c", code], terminal=True)
        expected = b"True True os.terminal_size(columns=120, lines=40)\nTrue\n''\n" + bytes(range(256))
        assert rig.log(run) == expected
        assert run.finished["status"] == "succeeded"

    with_rig(scenario)


def test_everything_that_a_terminal_was_given_is_in_the_log() -> None:
    async def scenario(rig: Rig) -> None:
        run = await rig.run("seq 200000", "seq 10", terminal=True)
        assert rig.log(run) == b"".join(b"%d\n" % n for n in (*range(1, 200_001), *range(1, 11)))
        first, second = run.all("ended")
        assert second["log_end"] - first["log_end"] == len("1 2 3 4 5 6 7 8 9 10 ")

    with_rig(scenario)


STAYS = (
    "import signal, time\n"
    "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    "open('pids', 'w').write(str(__import__('os').getpid()))\n"
    "while True:\n"
    "    time.sleep(0.02)\n"
    "    print('on', flush=True)\n"
)


def test_what_stays_in_the_background_of_a_terminal_is_recorded_and_ended() -> None:
    async def scenario(rig: Rig) -> None:
        (rig.data / "stays.py").write_text(STAYS)
        # The command that left it is over, and its session with it; the next one has a terminal of its own.
        begin = f"{PYTHON} -S {rig.data}/stays.py & until [ -s pids ]; do :; done"
        run = rig.start(rig.request(begin, "mkfifo go; read -r _ < go", terminal=True, grace=0.2))
        await run.until(lambda one: len(one.all("began")) == 2)
        size = run.log_size
        await run.until(lambda one: one.log_size > size + 10)
        (rig.data / "workspaces/tests/job/1/go").write_text("\n")
        await run.until(lambda one: one.all("finished"))
        assert run.finished["status"] == "succeeded"
        assert set(rig.log(run).splitlines()) == {b"on"}
        assert is_gone(int(text_of(rig.data / "workspaces/tests/job/1/pids")))

    with_rig(scenario)


STUBBORN = (
    "trap '' TERM HUP; setsid sh -c 'echo $$ >> pids; sleep 1000' & echo $$ >> pids; while :; do sleep 1000; done"
)


def test_an_abort_on_a_terminal_ends_the_tree() -> None:
    async def scenario(rig: Rig) -> None:
        run = rig.start(rig.request(STUBBORN, grace=0.2, terminal=True))
        file = rig.data / "workspaces/tests/job/1/pids"
        await until(lambda: len(text_of(file).split()) == 2, "it is up")
        pids = text_of(file).split()
        rig.executors.abort(run.key, "ada")
        await run.until(lambda one: one.all("finished"))
        assert run.finished["message"] == "aborted by ada"
        assert run.finished["stop"]["killed"] is not None
        assert all(is_gone(int(pid)) for pid in pids)

    with_rig(scenario)
