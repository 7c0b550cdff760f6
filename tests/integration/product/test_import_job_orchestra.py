"""`orchestra import job-orchestra`: an installation of the ancestor moves here, and its jobs run as they did."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestra.domain.run import CauseCode, RunStatus
from support.installation import Installation
from support.job_orchestra_export import TOKEN, Row, dataset, jobs, write

PROPERTIES = {
    "operating_system": "linux",
    "is_controller": "false",
    "orchestra_worker_python_executable": sys.executable,
    "orchestra_worker_configuration": "/etc/worker configuration.json",
}


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A server and a worker after the import, which was made by command line."""
    folder = tmp_path_factory.mktemp("moved")
    with Installation(folder / "one", "server") as one:
        one.start()
        directory = write(dataset(), folder / "export")
        before = _run(one, directory, "--dry-run", "--output", "json")
        assert before["counts"]["job"] == {
            "full": 5,
            "partial": 7,
            "not_supported": 2,
            "create": 12,
            "unchanged": 0,
            "conflict": 0,
        }
        assert not list(one.client.projects())
        after = _run(one, directory, "--output", "json")
        assert after == {**before, "dry_run": False}
        options = [part for key, value in PROPERTIES.items() for part in ("--property", f"{key}={value}")]
        one.start_worker("mover", *options)
        yield one


def _run(one: Installation, directory: Path, *options: str) -> Any:
    done = one.orchestra("import", "job-orchestra", str(directory), *options)
    assert done.code == 0, done
    return json.loads(done.out)


def _record(job: str) -> Row:
    return next(one for one in jobs() if one["identifier"] == job)


def _end(one: Installation, job: str, **parameters: str) -> tuple[Any, str]:
    ended = one.wait_end(one.client.trigger("example", job, parameters).identifier)
    return ended, one.client.log(ended.identifier).decode()


@pytest.mark.parametrize("text", ["a text", "it's {results.x} $(id) {{x}} %s é", ""])
def test_an_imported_job_gets_the_arguments_that_the_ancestor_would_give(moved: Installation, text: str) -> None:
    ended, log = _end(moved, "show", text_to_print=text)
    assert ended.status is RunStatus.SUCCEEDED, (ended, log)
    values = {"parameters": {"text_to_print": text}, "project_identifier": "example", "job_identifier": "show"}
    (command,) = _record("show")["definition"]["commands"]
    expected = [one.format(**values, run_identifier=ended.identifier) for one in command]
    assert log == "".join(f"{one}|" for one in expected[2:])


def test_results_reach_the_next_command(moved: Installation) -> None:
    ended, log = _end(moved, "result")
    assert (ended.status, log) == (RunStatus.SUCCEEDED, "c d|")
    assert moved.http.get(f"/runs/{ended.identifier}/results").json() == {"a": {"b": "c d"}}


def test_what_was_in_environment_json_comes_from_the_workers_properties(moved: Installation) -> None:
    ended, log = _end(moved, "setting")
    assert (ended.status, log) == (RunStatus.SUCCEEDED, "/etc/worker configuration.json\n")


def test_a_parameter_that_was_never_declared_and_a_variable_of_the_machine_are_there(moved: Installation) -> None:
    ended, log = _end(moved, "bare", branch="main")
    assert ended.status is RunStatus.SUCCEEDED
    assert log.split() == ["main", str(moved.home)]


def test_numbers_go_on_behind_the_history(moved: Installation) -> None:
    ended, log = _end(moved, "hello")
    assert (ended.number, log) == (8, "hello\n")
    imported = next(iter(moved.client.runs(project="example", job="hello", order="creation_date")))
    assert (imported.number, imported.cause.code) == (1, CauseCode.IMPORTED)


def test_an_old_token_triggers_by_basic_authentication(moved: Installation) -> None:
    with httpx.Client(base_url=moved.address, auth=("maya", TOKEN)) as old:
        answer = old.post("/api/v1/projects/example/jobs/hello/trigger", json={})
        assert answer.status_code == 201
        assert answer.json()["source"]["user"] == "maya"
    moved.wait_end(answer.json()["identifier"])


def test_people_read_what_is_lost_and_why(moved: Installation, tmp_path: Path) -> None:
    directory = write({**dataset(), "run": []}, tmp_path / "export")
    (directory / "worker.json").unlink()
    (directory / "notes.txt").write_text("mine")
    log = directory / "projects/example/runs/1/run.log"
    log.parent.mkdir(parents=True)
    log.write_text("x")
    done = moved.orchestra("import", "job-orchestra", str(directory), "--dry-run")
    assert done.code == 0, done
    for words in (
        "job example/exception: not supported\n    commands[0][2]: {undefined}",
        "user custom: partial\n    the role 'Deployer' is unknown here",
        "no worker.json: nothing of that table is imported",
        "note: not supported: 1 log of a run",
        "note: not read: notes.txt",
        "nothing was changed (dry run)",
    ):
        assert words in done.text, (words, done.text)


def test_every_problem_of_all_files_is_told_before_anything_is_sent(moved: Installation, tmp_path: Path) -> None:
    directory = write(dataset(), tmp_path / "export")
    (directory / "user.json").write_text('[\n{"identifier": "x",\n}]')
    (directory / "project.json").write_bytes(b"\xff")
    (directory / "worker.json").write_text('[{"identifier": "w"}]')
    done = moved.orchestra("import", "job-orchestra", str(directory))
    assert done.code == 1
    for words in ("user.json:3", "project.json: is not UTF-8", "worker.json: [0].owner: is missing"):
        assert words in done.err, (words, done.err)


def test_a_folder_without_an_export_is_said(moved: Installation, tmp_path: Path) -> None:
    done = moved.orchestra("import", "job-orchestra", str(tmp_path))
    assert done.code == 1
    assert "there is no export" in done.err and "user.json" in done.err
    assert moved.orchestra("import", "job-orchestra", str(tmp_path / "none")).code == 2
