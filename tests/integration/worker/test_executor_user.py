"""Runs as another OS user: what they may, what they own, and who refuses."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any

import pytest

from orchestra.worker.requests import UnusableAssignmentError
from support.executor_rig import Rig, with_rig
from support.waiting import is_gone, text_of, until

OTHER = "nobody"
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run jobs as another user")


def open_to_others(rig: Rig) -> None:
    """What a worker does that is started with --run-as."""
    rig.run_as = (OTHER,)
    for folder in (rig.data, rig.data / "workspaces"):
        folder.chmod(0o711)


def workspace(rig: Rig) -> Path:
    return rig.data / f"workspaces/tests/job/1.{OTHER}"


def test_commands_run_as_the_user_with_its_groups_home_and_name() -> None:
    async def scenario(rig: Rig) -> None:
        open_to_others(rig)
        found = pwd.getpwnam(OTHER)
        run = await rig.run(
            "id -u; id -g; id -G; echo $HOME $USER $LOGNAME; pwd; touch made; echo x > /dev/stdout", user=OTHER
        )
        lines = rig.log(run).decode().splitlines()
        assert run.finished["status"] == "succeeded", run.finished
        assert lines[:2] == [str(found.pw_uid), str(found.pw_gid)]
        assert set(map(int, lines[2].split())) == set(os.getgrouplist(OTHER, found.pw_gid))
        assert lines[3:] == [f"{found.pw_dir} {OTHER} {OTHER}", str(workspace(rig)), "x"]
        for path in (workspace(rig), workspace(rig) / "made"):
            assert path.stat().st_uid == found.pw_uid
        assert workspace(rig).stat().st_mode & 0o777 == 0o700

    with_rig(scenario)


def test_the_user_sees_nothing_of_the_worker_and_leaves_results() -> None:
    async def scenario(rig: Rig) -> None:
        open_to_others(rig)
        run = await rig.run(
            f"! ls {rig.data}; ! ls {rig.data}/runs; ! cat {rig.data}/runs/*/request",
            """echo '{"a": 1}' > "$ORCHESTRA_RESULTS" """,
            {"run": "echo {results.a}"},
            user=OTHER,
        )
        assert run.finished["status"] == "succeeded", rig.log(run)
        assert run.finished["results"].strip() == '{"a": 1}'
        assert rig.log(run).endswith(b"1\n")
        # The next run finds none of it.
        again = await rig.run("true", user=OTHER)
        assert again.finished["results"] is None

    with_rig(scenario)


def test_results_that_are_another_ones_file_are_not_read() -> None:
    async def scenario(rig: Rig) -> None:
        open_to_others(rig)
        secret = rig.data / "workspaces" / "secret.json"
        run = rig.start(rig.request("mkfifo go; echo up; read -r _ < go", user=OTHER))
        await run.until(lambda one: one.log_size)
        secret.write_text('{"secret": 1}')
        os.link(secret, f"{workspace(rig)}.results/results.json")  # where protected_hardlinks is off, the user could
        (workspace(rig) / "go").write_text("\n")
        await run.until(lambda one: one.all("finished"))
        assert run.finished["results"] is None
        assert "not an ordinary file of the run's user" in run.finished["result_error"]

    with_rig(scenario)


def test_an_abort_reaches_the_processes_of_the_user() -> None:
    async def scenario(rig: Rig) -> None:
        open_to_others(rig)
        run = rig.start(
            rig.request("trap '' TERM; echo $$ > pids; while :; do sleep 1000; done", user=OTHER, grace=0.2)
        )
        pid = int(await until(lambda: text_of(workspace(rig) / "pids"), "it is up"))
        rig.executors.abort(run.key, "ada")
        await run.until(lambda one: one.all("finished"))
        assert run.finished["stop"]["verified"] is not None
        assert is_gone(pid)

    with_rig(scenario)


def test_a_clean_workspace_and_a_terminal_work_as_another_user_too() -> None:
    async def scenario(rig: Rig) -> None:
        open_to_others(rig)
        await rig.run("mkdir -p deep/er; touch deep/er/x; chmod 0 deep", user=OTHER)
        run = await rig.run("ls; test -t 1 && echo t > /dev/tty", user=OTHER, workspace="clean", terminal=True)
        assert rig.log(run) == b"t\n"

    with_rig(scenario)


def test_a_data_folder_that_the_user_cannot_pass_is_named() -> None:
    async def scenario(rig: Rig) -> None:
        open_to_others(rig)
        rig.data.chmod(0o700)
        run = await rig.run("true", user=OTHER)
        assert (run.finished["status"], run.finished["code"]) == ("exception", "cannot_start")
        assert "may not enter the workspace" in run.finished["message"]

    with_rig(scenario)


@pytest.mark.parametrize(
    ("user", "allowed", "says"),
    [
        (OTHER, (), "start the worker as root with --run-as nobody"),
        (OTHER, ("daemon",), "tester runs jobs as daemon"),
        ("no-such-user", ("no-such-user",), "which this machine does not have"),
    ],
)
def test_a_user_that_is_not_allowed_or_not_there_is_refused(user: str, allowed: tuple[str, ...], says: str) -> None:
    async def scenario(rig: Rig) -> None:
        rig.run_as = allowed
        with pytest.raises(UnusableAssignmentError, match=says):
            rig.request("true", user=user)

    with_rig(scenario)


def test_the_workers_own_user_may_always_be_named() -> None:
    async def scenario(rig: Rig) -> None:
        options: dict[str, Any] = {"user": pwd.getpwuid(os.geteuid()).pw_name}
        run = await rig.run("id -u", **options)
        assert rig.log(run) == f"{os.geteuid()}\n".encode()

    with_rig(scenario)
