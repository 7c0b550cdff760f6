"""The example project is accepted without a problem, and its commands do what their descriptions say.

The commands are executed here as a worker prepares them, one after the other, without a server.
"""

import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestra import documents
from orchestra.domain import template
from orchestra.domain.job import Command, commands_definition
from orchestra.domain.manifest import Manifest
from orchestra.domain.parameters import check_parameters


@dataclass(frozen=True)
class Outcome:
    codes: list[int | str]
    cleanup: list[int | str]
    output: str
    results: Any


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return documents.manifest_of(documents.examples())


def carry_out(manifest: Manifest, job: str, folder: Path, given: dict[str, str], *, number: int = 1) -> Outcome:
    """Execute the commands until one fails, then those under `finally`."""
    entry = next(one for one in manifest.jobs if one.identifier == job)
    parameters = check_parameters(entry.parameters, given)
    definition = commands_definition(entry.definition)
    results = folder / "results.json"
    workspace = folder / "workspace"
    workspace.mkdir(exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "ORCHESTRA_RESULTS": str(results),
        "ORCHESTRA_PYTHON": sys.executable,
        "ORCHESTRA_DATA": str(folder),
        **template.parameter_environment(parameters),
    }
    values = {"parameters": parameters, "run": {"number": number}, "environment": environment}
    printed: list[str] = []

    def execute(command: Command) -> int | str:
        prepared = template.prepare(command.run, values)
        try:
            done = subprocess.run(
                prepared.argv,
                env={**environment, **prepared.environment},
                cwd=workspace,
                timeout=command.timeout_s or 120,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "timeout"
        printed.append(done.stdout.decode())
        return done.returncode

    codes: list[int | str] = []
    for command in definition.commands:
        codes.append(execute(command))
        if codes[-1] != 0:
            break
    cleanup = [execute(command) for command in definition.cleanup]
    found = json.loads(results.read_text()) if results.exists() else None
    return Outcome(codes, cleanup, "".join(printed), found)


@pytest.mark.parametrize("name", ["Ada", 'it\'s $(id) "`x`" %s \\ {parameters.name}', "", "two\nlines", "ä€😀"])
def test_hello_greets_whatever_the_name_holds(manifest: Manifest, tmp_path: Path, name: str) -> None:
    outcome = carry_out(manifest, "hello", tmp_path, {"name": name})
    assert (outcome.codes, outcome.output) == ([0], f"Hello, {name}!\n")


def test_the_test_suite_runs_and_counts(manifest: Manifest, tmp_path: Path) -> None:
    outcome = carry_out(manifest, "test-suite", tmp_path, {"select": "ignores_case"})
    assert outcome.codes == [0, 0], outcome.output
    assert outcome.results["tests"]["tests"] > 0
    assert outcome.results["tests"]["failures"] == 0
    assert (tmp_path / "workspace" / "report.xml").is_file()


def test_the_suite_of_an_installation_without_tests_passes(tmp_path: Path) -> None:
    copy = tmp_path / "suite.py"
    copy.write_bytes((documents.examples_folder() / "suite.py").read_bytes())
    environment = {**os.environ, "ORCHESTRA_RESULTS": str(tmp_path / "results.json")}
    done = subprocess.run([sys.executable, copy, ""], env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((tmp_path / "results.json").read_text()) == {
        "tests": {"tests": 5, "failures": 0, "errors": 0, "skipped": 0}
    }


def test_the_machine_report_has_numbers(manifest: Manifest, tmp_path: Path) -> None:
    outcome = carry_out(manifest, "machine-report", tmp_path, {})
    assert outcome.codes == [0], outcome.output
    assert outcome.results["processors"] == os.cpu_count()
    assert outcome.results["disk_free_bytes"] > 0


def test_the_backup_is_a_whole_database_and_old_copies_go(manifest: Manifest, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "orchestra.db") as database:
        database.execute("CREATE TABLE run (identifier TEXT)")
        database.execute("INSERT INTO run VALUES ('one')")
    database.close()
    outcomes = [carry_out(manifest, "backup", tmp_path, {"keep": "2"}, number=number) for number in range(1, 5)]
    assert [outcome.codes for outcome in outcomes] == [[0, 0, 0]] * 4, outcomes
    kept = sorted(path.name for path in (tmp_path / "workspace" / "copies").iterdir())
    assert kept == ["orchestra-000003.db", "orchestra-000004.db"]
    copy = sqlite3.connect(outcomes[-1].results["file"])
    assert copy.execute("SELECT identifier FROM run").fetchall() == [("one",)]
    copy.close()


def test_a_backup_where_there_is_no_database_says_so(manifest: Manifest, tmp_path: Path) -> None:
    outcome = carry_out(manifest, "backup", tmp_path, {})
    assert outcome.codes == [1]
    assert "no orchestra.db" in outcome.output


def test_the_long_run_shows_progress_in_colours_and_ends(manifest: Manifest, tmp_path: Path) -> None:
    outcome = carry_out(manifest, "long", tmp_path, {"duration": "4"})
    assert (outcome.codes, outcome.cleanup, outcome.results) == ([0] * 5, [0], {"seconds": 4})
    assert outcome.output.count("\x1b[36m100 %") == 4


@pytest.mark.parametrize(
    ("how", "codes"), [("exit_code", [0, 3]), ("signal", [0, -9]), ("timeout", [0, "timeout"]), ("nothing", [0, 0, 0])]
)
def test_a_failure_fails_as_chosen_and_cleans_up(
    manifest: Manifest, tmp_path: Path, how: str, codes: list[int | str]
) -> None:
    outcome = carry_out(manifest, "failure", tmp_path, {"how": how})
    assert (outcome.codes, outcome.cleanup) == (codes, [0])


def test_every_example_says_what_it_is_for(manifest: Manifest) -> None:
    assert {job.identifier for job in manifest.jobs} == {
        "hello",
        "test-suite",
        "machine-report",
        "backup",
        "long",
        "failure",
    }
    assert all(job.description and job.display_name != job.identifier for job in manifest.jobs)
    readme = (documents.examples_folder() / "README.md").read_text()
    assert all(f"`{job.identifier}`" in readme for job in manifest.jobs)
