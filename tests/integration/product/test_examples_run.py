"""The example project, as a stranger meets it: every job of it runs for real and ends as its description says."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from orchestra.client.entities import Run
from orchestra.domain.run import CauseCode, RunStatus
from support.installation import Installation


def _run(up: Installation, job: str, **parameters: object) -> tuple[Run, str]:
    run = up.wait_end(up.client.trigger("examples", job, parameters).identifier)
    return run, up.client.log(run.identifier).decode()


def test_hello_greets_whoever_is_named(up: Installation) -> None:
    run, log = _run(up, "hello", name="Ada $(reboot) \"and\" 'more'")
    assert run.status is RunStatus.SUCCEEDED
    assert log == "Hello, Ada $(reboot) \"and\" 'more'!\n"


def test_the_test_suite_tests_orchestra_itself(up: Installation) -> None:
    run, log = _run(up, "test-suite", select="test_run")
    assert run.status is RunStatus.SUCCEEDED, log
    assert "passed" in log
    assert run.results


def test_the_report_of_the_machine_is_its_results(up: Installation) -> None:
    run, log = _run(up, "machine-report")
    assert run.status is RunStatus.SUCCEEDED, log
    assert run.results["processors"] > 0
    assert run.results["machine"] in log


def test_the_backup_is_a_sound_copy_of_the_database_in_use(up: Installation) -> None:
    runs = [_run(up, "backup", keep=2) for _ in range(3)]
    assert [run.status for run, _ in runs] == [RunStatus.SUCCEEDED] * 3, runs
    copies = [Path(run.results["file"]) for run, _ in runs]
    assert [copy.exists() for copy in copies] == [False, True, True]
    with sqlite3.connect(copies[-1]) as copy:
        (count,) = copy.execute("SELECT count(*) FROM run WHERE job = 'backup'").fetchone()
    copy.close()
    assert count == 3


def test_the_long_run_shows_its_progress_in_steps_and_colours(up: Installation) -> None:
    run, log = _run(up, "long", duration=4)
    assert run.status is RunStatus.SUCCEEDED
    assert [step.name for step in run.steps][:5] == ["download", "compile", "test", "package", "summary"]
    assert "\x1b[36m" in log and "100 %" in log
    assert run.results == {"seconds": 4}


@pytest.mark.parametrize(
    ("how", "status", "code", "says"),
    [
        ("exit_code", RunStatus.FAILED, CauseCode.EXIT_CODE, "3"),
        ("signal", RunStatus.FAILED, CauseCode.SIGNAL, "SIGKILL"),
        ("timeout", RunStatus.EXCEPTION, CauseCode.TIMEOUT, "3 s"),
        ("nothing", RunStatus.SUCCEEDED, CauseCode.SUCCEEDED, ""),
    ],
)
def test_the_failure_fails_as_it_teaches(
    up: Installation, how: str, status: RunStatus, code: CauseCode, says: str
) -> None:
    run, log = _run(up, "failure", how=how)
    assert (run.status, run.cause.code) == (status, code)
    assert says in run.cause.message
    assert ("third check" in log.split("follow")[1]) is (how == "nothing")
    assert run.steps[-1].phase == "finally" and run.steps[-1].exit_code == 0


def test_no_example_is_left_out(up: Installation) -> None:
    assert {job.identifier for job in up.client.jobs("examples")} == {
        "hello",
        "test-suite",
        "machine-report",
        "backup",
        "long",
        "failure",
    }


def test_the_examples_of_the_checkout_are_those_that_were_loaded(up: Installation) -> None:
    folder = Path(__file__).resolve().parents[3] / "examples"
    done = up.orchestra("apply", str(folder), "--dry-run", "--output", "json")
    assert done.code == 0, done
    # Nothing but who owns them: until files do, they are the user's to change on the website.
    changed = {(one["action"], field["path"]) for one in json.loads(done.out)["changes"] for field in one["fields"]}
    assert changed == {("update", "managed_by")}
