"""Commands in containers, by a fake engine's command line: what it is asked, and that nothing outlives the run."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from support.executor_rig import Rig, with_rig
from support.fake_engine import FakeEngine
from support.waiting import is_gone, text_of, until

FOREVER = "sleep 1000"


def with_engine(
    scenario: Callable[[Rig, FakeEngine], Awaitable[None]], monkeypatch: pytest.MonkeyPatch, *names: str
) -> None:
    """Run a scenario on a machine with these engines on its PATH."""

    async def whole(rig: Rig) -> None:
        engine = FakeEngine(rig.data / "engine", *names)
        try:
            # The worker's own PATH: what the commands inherit. None but ours, for a real engine may be installed.
            monkeypatch.setenv("PATH", f"{engine.bin}:{_without_engines(rig.data)}")
            await scenario(rig, engine)
        finally:
            engine.end_all()
            engine.close()

    with_rig(whole)


def _without_engines(folder: Path) -> str:
    """A folder with the programs that the tests need, and no engine."""
    tools = folder / "tools"
    tools.mkdir()
    for name in ("sh", "env", "sleep", "cat", "mkfifo"):
        (tools / name).symlink_to(next(path for at in ("/bin", "/usr/bin") if (path := Path(at, name)).exists()))
    return str(tools)


def workspace(rig: Rig) -> Path:
    return rig.data / "workspaces/tests/job/1"


def test_each_command_is_a_container_with_the_runs_name_labels_workspace_and_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario(rig: Rig, engine: FakeEngine) -> None:
        request = rig.request(
            "mkdir sub; pwd; echo $A $ORCHESTRA_RUN",
            {"run": ["sh", "-c", "pwd; echo $B $PATH"], "directory": "sub", "environment": {"B": "b"}},
            environment={"A": "a", "PATH": "/usr/bin:/bin:/own"},
            container={"image": "python:{parameters.version}", "options": ["--network=none"], "engine": "auto"},
            parameters={"version": "3.12"},
            memory_limit=64 << 20,
        )
        run = rig.start(request)
        await run.until(lambda one: one.all("finished"))
        assert run.finished["status"] == "succeeded", rig.log(run)
        home, key = workspace(rig), str(run.key)
        assert rig.log(run).decode().splitlines() == [
            str(home), f"a {run.key.run}", f"{home}/sub", "b /usr/bin:/bin:/own",
        ]  # fmt: skip
        first, second = engine.asked
        given = first["given"]
        assert first["image"] == "python:3.12"
        assert {"--rm", "--init", "--network=none"} <= set(given)
        assert (given["--name"], given["--label"]) == ([f"orchestra-{key}-0"], [f"orchestra.run={key}"])
        assert given["--memory"] == [str(64 << 20)]
        assert given["--volume"] == [f"{home}:{home}", f"{home}.results:{home}.results"]
        assert second["given"]["--workdir"] == [f"{home}/sub"]
        # Values stand in no list of processes, but for those that the engine itself goes by.
        assert [one for one in given["--env"] if "=" in one] == ["PATH=/usr/bin:/bin:/own"]
        assert "HOME" not in given["--env"]

    with_engine(scenario, monkeypatch, "podman", "docker")


def test_exit_codes_results_and_cleanup_are_those_of_the_containers(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(rig: Rig, engine: FakeEngine) -> None:
        run = await rig.run(
            """echo '{"a": 1}' > "$ORCHESTRA_RESULTS" """,
            {"run": "exit {results.a}"},
            cleanup=["echo cleaned"],
            container={"image": "alpine"},
        )
        assert (run.finished["status"], run.finished["code"]) == ("failed", "exit_code")
        assert run.finished["results"].strip() == '{"a": 1}'
        assert rig.log(run) == b"cleaned\n"

    with_engine(scenario, monkeypatch, "docker")


def test_an_abort_ends_the_container_and_asks_the_engine_whether_it_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(rig: Rig, engine: FakeEngine) -> None:
        request = rig.request(f"echo $$ > pid; {FOREVER}", container={"image": "alpine"}, cleanup=["echo cleaned"])
        run = rig.start(request)
        pid = int(await until(lambda: text_of(workspace(rig) / "pid"), "the container runs"))
        rig.executors.abort(run.key, "ada")
        await run.until(lambda one: one.all("finished"))
        assert run.finished["message"] == "aborted by ada"
        assert run.finished["stop"]["verified"] is not None
        assert rig.log(run) == b"cleaned\n"
        assert is_gone(pid)
        assert not engine.containers

    with_engine(scenario, monkeypatch, "podman")


def test_a_container_that_ignores_the_signal_and_outlives_its_client_is_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario(rig: Rig, engine: FakeEngine) -> None:
        stubborn = f"trap '' TERM; echo $$ > pid; while :; do {FOREVER}; done"
        run = rig.start(rig.request(stubborn, container={"image": "alpine"}, grace=0.2))
        pid = int(await until(lambda: text_of(workspace(rig) / "pid"), "the container runs"))
        rig.executors.abort(run.key, "ada")
        await run.until(lambda one: one.all("finished"))
        assert run.finished["stop"]["killed"] is not None
        assert run.finished["stop"]["verified"] is not None
        assert is_gone(pid)

    with_engine(scenario, monkeypatch, "podman")


def test_a_client_that_is_killed_leaves_no_container(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(rig: Rig, engine: FakeEngine) -> None:
        run = rig.start(rig.request(f"echo $$ > pid; {FOREVER}", container={"image": "alpine"}))
        pid = int(await until(lambda: text_of(workspace(rig) / "pid"), "the container runs"))
        (spawned,) = [one for one in rig.spool.look(run.key).records if one["type"] == "spawned"]
        os.kill(spawned["pid"], signal.SIGKILL)
        await run.until(lambda one: one.all("finished"))
        assert (run.finished["status"], run.finished["code"]) == ("failed", "signal")
        assert is_gone(pid)

    with_engine(scenario, monkeypatch, "podman")


def test_a_container_that_cannot_be_removed_is_named_in_the_receipt(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(rig: Rig, engine: FakeEngine) -> None:
        engine.removes = False
        stubborn = f"trap '' TERM; echo $$ > pid; while :; do {FOREVER}; done"
        run = rig.start(rig.request(stubborn, container={"image": "alpine"}, grace=0.1))
        await until(lambda: text_of(workspace(rig) / "pid"), "the container runs")
        rig.executors.abort(run.key, "ada")
        await run.until(lambda one: one.all("finished"))
        stop = run.finished["stop"]
        (identifier,) = engine.containers
        assert stop["verified"] is None
        assert stop["survivors"] == [{"pid": 0, "command": f"container {identifier}"}]
        assert f"still alive after SIGKILL: container {identifier}" in run.finished["message"]

    with_engine(scenario, monkeypatch, "podman")


def test_an_engine_that_does_not_answer_any_more_is_said_in_the_receipt(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(rig: Rig, engine: FakeEngine) -> None:
        run = rig.start(rig.request(f"echo $$ > pid; {FOREVER}", container={"image": "alpine"}, grace=0.1))
        await until(lambda: text_of(workspace(rig) / "pid"), "the container runs")
        engine.close()
        rig.executors.abort(run.key, "ada")
        await run.until(lambda one: one.all("finished"))
        (survivor,) = run.finished["stop"]["survivors"]
        assert "does not answer" in survivor["command"]
        assert run.finished["stop"]["verified"] is None

    with_engine(scenario, monkeypatch, "podman")


def test_a_killed_executor_leaves_no_container(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(rig: Rig, engine: FakeEngine) -> None:
        # Without the mark in its environment only the engine knows whose it is.
        hidden = ["env", "-i", "/bin/sh", "-c", "echo $$ > pid; /bin/sleep 1000"]
        run = rig.start(rig.request(hidden, container={"image": "alpine"}))
        pid = int(await until(lambda: text_of(workspace(rig) / "pid"), "the container runs"))
        os.kill(rig.owner(run).pid, signal.SIGKILL)
        gone = await run.until(lambda one: one.gone)
        assert gone is not None
        assert (gone.survivors, gone.alive) == ("", [])
        assert is_gone(pid)

    with_engine(scenario, monkeypatch, "podman")


def test_an_engine_without_its_daemon_is_told_from_a_command_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(rig: Rig, engine: FakeEngine) -> None:
        engine.close()
        run = await rig.run("true", container={"image": "alpine"})
        assert (run.finished["status"], run.finished["code"]) == ("failed", "exit_code")
        assert "the container engine itself failed, as the log says" in run.finished["message"]
        assert b"Cannot connect to the daemon" in rig.log(run)

    with_engine(scenario, monkeypatch, "podman")


@pytest.mark.parametrize(
    ("wanted", "there", "says"),
    [("auto", (), "neither podman nor docker is on PATH"), ("docker", ("podman",), "no docker is on PATH")],
)
def test_without_an_engine_the_run_ends_with_that_cause(
    wanted: str, there: tuple[str, ...], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(rig: Rig, engine: FakeEngine) -> None:
        run = await rig.run("true", container={"image": "alpine", "engine": wanted})
        assert (run.finished["status"], run.finished["code"]) == ("exception", "no_such_program")
        assert says in run.finished["message"]

    with_engine(scenario, monkeypatch, *there)
