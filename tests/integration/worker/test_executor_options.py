"""How commands are executed: output limits, working directories, the order of their environment."""

from __future__ import annotations

import pytest

from support.executor_rig import Rig, with_rig


def test_an_output_limit_that_fails_stops_the_run_and_keeps_what_came_before() -> None:
    async def scenario(rig: Rig) -> None:
        run = await rig.run(
            "yes", "echo never", cleanup=["touch cleaned"], output_limit={"size": 100_000, "action": "fail"}
        )
        assert (run.finished["status"], run.finished["code"]) == ("exception", "output_limit")
        assert "the run printed more than 100000 bytes" in run.finished["message"]
        assert rig.log(run) == b"y\n" * 50_000
        assert "reached its limit" in run.finished["log_error"]
        assert run.finished["stop"]["by"] == "the limit output_limit"
        assert (rig.data / "workspaces/tests/job/1/cleaned").exists()

    with_rig(scenario)


def test_an_output_limit_is_found_exceeded_also_when_the_command_was_quicker() -> None:
    async def scenario(rig: Rig) -> None:
        limit = {"size": 5, "action": "fail"}
        run = await rig.run("printf 123456", output_limit=limit)
        assert (run.finished["status"], run.finished["code"]) == ("exception", "output_limit")
        run = await rig.run("printf 12345", output_limit=limit)
        assert run.finished["status"] == "succeeded"

    with_rig(scenario)


def test_an_output_limit_that_cuts_lets_the_run_go_on() -> None:
    async def scenario(rig: Rig) -> None:
        run = await rig.run("printf 123456", "echo more", output_limit={"size": 5, "action": "cut"})
        assert run.finished["status"] == "succeeded"
        assert rig.log(run) == b"12345"
        assert run.finished["log_error"] == "the log reached its limit and ends after 5 bytes"

    with_rig(scenario)


def test_commands_run_in_the_directory_of_the_job_or_their_own() -> None:
    async def scenario(rig: Rig) -> None:
        run = await rig.run(
            {"run": "mkdir -p source/docs; pwd", "directory": "."},
            "pwd",
            {"run": ["pwd"], "directory": "source/docs"},
            directory="{parameters.part}",
            parameters={"part": "source"},
            cleanup=["pwd"],
        )
        root = f"{rig.data}/workspaces/tests/job/1"
        assert rig.log(run).decode().split() == [root, f"{root}/source", f"{root}/source/docs", f"{root}/source"]

    with_rig(scenario)


@pytest.mark.parametrize(("prepare", "why"), [("true", "No such file"), ("touch source", "Not a directory")])
def test_a_directory_that_is_not_there_ends_the_run_with_a_clear_cause(prepare: str, why: str) -> None:
    async def scenario(rig: Rig) -> None:
        run = await rig.run(prepare, {"run": "true", "name": "build", "directory": "source"})
        assert (run.finished["status"], run.finished["code"]) == ("exception", "cannot_start")
        assert run.finished["message"].startswith(f"build: the directory source of the workspace: {why}")

    with_rig(scenario)


def test_a_value_cannot_lead_out_of_the_workspace(tmp_path: object) -> None:
    async def scenario(rig: Rig) -> None:
        with pytest.raises(Exception, match="not below the workspace"):
            rig.request("pwd", directory="a/{parameters.part}", parameters={"part": "../../.."})

    with_rig(scenario)


def test_variables_come_in_their_order_worker_job_command_and_orchestra_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "worker")
    monkeypatch.setenv("TZ", "worker")
    show = "echo $LANG $TZ $A $B $ORCHESTRA_RUN_NUMBER"

    async def scenario(rig: Rig) -> None:
        run = await rig.run(
            {"run": show, "environment": {"B": "command {environment.A}", "TZ": "command"}},
            show,
            environment={"LANG": "job", "TZ": "job", "A": "job", "B": "job"},
        )
        assert rig.log(run) == b"job command job command job 1\njob job job job 1\n"

    with_rig(scenario)


def test_a_variable_of_a_command_may_hold_what_an_earlier_one_left_as_results() -> None:
    async def scenario(rig: Rig) -> None:
        run = await rig.run(
            """echo '{"version": "1.2"}' > "$ORCHESTRA_RESULTS" """,
            {"run": "echo $VERSION", "environment": {"VERSION": "v{results.version}"}},
        )
        assert rig.log(run) == b"v1.2\n"

    with_rig(scenario)
