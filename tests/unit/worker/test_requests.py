"""From an assignment to a request: values in their places, the environment as promised, refusals with their cause."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestra.domain.run import CauseCode
from orchestra.wire.messages import Assign
from orchestra.worker.requests import (
    Request,
    RunKey,
    Surroundings,
    UnusableAssignmentError,
    build,
    is_safe,
)

RUN = "00000000-0000-7000-8000-000000000001"
SURROUNDINGS = Surroundings(
    inherited={"PATH": "/bin", "LC_ALL": "C"},
    worker="builder",
    properties={"os": "linux"},
    server="https://orchestra.example.org",
    python="/usr/bin/python3",
)


def assignment(*commands: Any, **fields: Any) -> Assign:
    definition = {
        "type": "commands",
        "commands": [{"name": f"step {number}", "run": one} for number, one in enumerate(commands, start=1)],
        **fields.pop("definition", {}),
    }
    standard: dict[str, Any] = {"run": RUN, "epoch": 3, "number": 42, "project": "p", "job": "j", "parameters": {}}
    return Assign(**{**standard, **fields}, definition=definition)


def built(*commands: Any, **fields: Any) -> Request:
    return build(assignment(*commands, **fields), SURROUNDINGS, Path("/data/runs/x"), "/data/workspaces/p/j/1")


def test_vectors_get_values_verbatim_and_strings_get_variables() -> None:
    request = built(["echo", "{parameters.who}!"], "echo {parameters.who}", parameters={"who": "$(id) 'x'"})
    vector, text = request.commands
    assert (vector.argv, vector.environment) == (["echo", "$(id) 'x'!"], {})
    assert text.argv == ["/bin/sh", "-c", 'echo "${ORCHESTRA_VALUE_1}"']
    assert text.environment == {"ORCHESTRA_VALUE_1": "$(id) 'x'"}
    assert text.run == "echo {parameters.who}", "people see what the author wrote"


def test_every_root_has_its_values() -> None:
    context = {"services": {"db": {"host": "h"}}, "project": {"display_name": "P"}}
    names = "{project.identifier} {project.display_name} {job.identifier} {run.number} {worker.properties.os}"
    request = built(
        ["echo", f"{names} {{services.db.host}} {{environment.CI}}"],
        context=context,
        definition={"environment": {"CI": "yes"}},
    )
    assert request.commands[0].argv == ["echo", "p P j 42 linux h yes"]


def test_the_environment_is_what_is_promised_and_nothing_lies_about_the_run() -> None:
    request = built(
        "true",
        parameters={"my.key": 5, "flag": True},
        environment={"ORCHESTRA_TOKEN": "orcr_x"},
        definition={"environment": {"CI": "{parameters.flag}", "ORCHESTRA_RUN": "forged", "PATH": "/opt/bin"}},
    )
    seen = request.environment
    assert next(iter(seen)) == "ORCHESTRA_RUN"
    assert seen["ORCHESTRA_RUN"] == RUN
    assert (seen["CI"], seen["PATH"], seen["LC_ALL"]) == ("true", "/opt/bin", "C")
    assert (seen["ORCHESTRA_PARAMETER_MY_KEY"], seen["ORCHESTRA_TOKEN"]) == ("5", "orcr_x")
    assert (seen["ORCHESTRA_PROJECT"], seen["ORCHESTRA_JOB"], seen["ORCHESTRA_RUN_NUMBER"]) == ("p", "j", "42")
    assert seen["ORCHESTRA_SERVER"] == "https://orchestra.example.org"
    assert seen["ORCHESTRA_RESULTS"] == "/data/runs/x/results.json"
    assert seen["ORCHESTRA_WORKSPACE"] == "/data/workspaces/p/j/1"
    assert seen["ORCHESTRA_PYTHON"] == "/usr/bin/python3"


def test_only_commands_that_use_results_wait_for_their_start() -> None:
    request = built("echo {parameters.x}", "echo {results.y}", ["echo", "{{results.y}}"], parameters={"x": 1})
    assert [one.argv is None for one in request.commands] == [False, True, False]
    assert request.values is not None and request.values["parameters"] == {"x": 1}
    assert built("true").values is None


def test_cleanup_follows_the_commands() -> None:
    request = built(
        "one",
        definition={"finally": [{"name": "last", "run": "two", "timeout": 3.0}], "workspace": "clean", "grace": 2},
    )
    assert [(one.name, one.phase, one.timeout) for one in request.commands] == [
        ("step 1", "commands", None),
        ("last", "finally", 3.0),
    ]
    assert (request.clean, request.grace) == (True, 2.0)


@pytest.mark.parametrize(
    ("assign", "code"),
    [
        (assignment("echo {parameters.missing}"), CauseCode.BAD_TEMPLATE),
        (assignment(["echo", "a\0b"]), CauseCode.BAD_TEMPLATE),
        (assignment("true", definition={"environment": {"X": "{parameters.missing}"}}), CauseCode.BAD_TEMPLATE),
        (assignment("true", definition={"type": "pipeline"}), CauseCode.BAD_DEFINITION),
        (assignment("true", definition={"commands": [{"run": "true"}]}), CauseCode.BAD_DEFINITION),
        (assignment("true", definition={"commands": "true"}), CauseCode.BAD_DEFINITION),
        (assignment("true", definition={"commands": []}), CauseCode.BAD_DEFINITION),
        (assignment("true", definition={"grace": "soon"}), CauseCode.BAD_DEFINITION),
    ],
)
def test_what_cannot_be_executed_is_refused_with_its_cause(assign: Assign, code: CauseCode) -> None:
    with pytest.raises(UnusableAssignmentError) as caught:
        build(assign, SURROUNDINGS, Path("/x"), "/w")
    assert caught.value.code is code


@pytest.mark.parametrize("fields", [{"project": "../etc"}, {"job": "a/b"}, {"job": ""}, {"epoch": -1}])
def test_names_that_are_no_names_never_become_folders(fields: dict[str, Any]) -> None:
    assert is_safe(assignment("true"))
    assert not is_safe(assignment("true", **fields))


def test_a_key_reads_what_it_writes() -> None:
    key = RunKey(RUN, 12)
    assert RunKey.parse(str(key)) == key
    assert [RunKey.parse(text) for text in ("", "x", ".1", "x.", "x.y")] == [None] * 5
