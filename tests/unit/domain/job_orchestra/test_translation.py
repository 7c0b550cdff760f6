"""What each record becomes, and that nothing of it is lost without a word."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest

from orchestra.domain.job_orchestra.definition import Definition, definition_of
from orchestra.domain.job_orchestra.exported import Export
from orchestra.domain.job_orchestra.expression import expression_of
from orchestra.domain.job_orchestra.history import run_of
from orchestra.domain.job_orchestra.plan import Action, Item, Plan, Present, plan
from orchestra.domain.job_orchestra.reading import read
from orchestra.domain.job_orchestra.translation import Support, authentication_of, job_of, project_of, schedule_of
from orchestra.domain.run import RunStatus
from support.job_orchestra_export import (
    BORN,
    Dataset,
    Row,
    commands,
    dataset,
    element,
    job,
    password,
    project,
    run,
    schedule,
    texts,
    token,
    user,
    uuid_of,
    worker,
)


def export(**tables: list[Row]) -> Export:
    return read(texts(tables))


def planned(**tables: list[Row]) -> Plan:
    return plan(export(**tables), Present())


def items(**tables: list[Row]) -> dict[str, Item]:
    return {one.path: one for one in planned(**tables).items}


def whole(**tables: list[Row]) -> Dataset:
    return {**dataset(), **tables}


# Definitions --------------------------------------------------------------------------------------

ONE = [["echo", "{parameters[x]}"]]


def test_setup_comes_first_and_teardown_is_under_finally() -> None:
    made = definition_of({"type": "job", "setup_commands": [["a"]], "commands": [["b"]], "teardown_commands": [["c"]]})
    assert made.value is not None
    assert (made.value["commands"], made.value["finally"]) == ([["a"], ["b"]], [["c"]])
    assert [one.split()[0] for one in made.remarks] == ["setup_commands", "teardown_commands"]


@pytest.mark.parametrize("given", [{}, {"commands": []}, {"commands": None, "setup_commands": []}])
def test_a_job_that_did_nothing_still_does_nothing(given: Row) -> None:
    made = definition_of({"type": "job", **given})
    assert made.value is not None and made.value["commands"] == [["true"]]
    assert "no commands" in made.remarks[0]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "the definition has no type"),
        ({"type": "script"}, "is of the type 'script'"),
        ({"type": "job", "commands": "echo"}, "commands: expected a list of commands"),
        ({"type": "job", "commands": ["echo"]}, "commands[0]: expected a list of at least one argument"),
        ({"type": "job", "commands": [[]]}, "commands[0]: expected a list of at least one argument"),
        ({"type": "job", "commands": [["sleep", 5]]}, "commands[0][1]: expected a text"),
        ({"type": "job", "commands": [["a"], ["{}"]], "teardown_commands": [["{0}"]]}, "teardown_commands[0][0]: {0}"),
        ({"type": "pipeline"}, "elements: expected a list"),
        ({"type": "pipeline", "elements": [5]}, "elements[0]: expected a mapping"),
        ({"type": "pipeline", "elements": [{"after": [5]}]}, "elements[0].after: expected a list of mappings"),
        (
            {"type": "pipeline", "elements": [{"parameters": {"x": "{result_file_path}"}}]},
            "elements[0].parameters.x: {result_file_path}",
        ),
    ],
)
def test_a_definition_that_cannot_run_here_says_why(given: Row, words: str) -> None:
    made = definition_of(given)
    assert made.value is None
    assert any(one.startswith(words) or words in one for one in made.reasons), made.reasons


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"type": "job", "commands": ONE, "timeout": 5}, "definition: the key 'timeout' has no meaning here"),
        ({"type": "pipeline", "elements": [{"condition": 1}]}, "elements[0]: the key 'condition'"),
        ({"type": "pipeline", "elements": [{"after": [{"delay": 1}]}]}, "elements[0].after[0]: the key 'delay'"),
    ],
)
def test_keys_without_a_meaning_are_told(given: Row, words: str) -> None:
    made: Definition = definition_of(given)
    assert any(one.startswith(words) for one in made.remarks), made.remarks


def test_settings_of_the_machine_become_variables_from_the_workers_properties() -> None:
    made = definition_of(
        {"type": "job", "commands": [["{environment[python3]}", "{environment[a-b]}", "{{{run_identifier}}}"]]}
    )
    assert made.value is not None
    assert made.value["environment"] == {"OPENING_BRACE": "{", "python3": "{worker.properties.python3}"}
    assert made.value["commands"][0][:2] == ["{environment.python3}", "{worker.properties.a-b}"]
    assert "--property python3=VALUE --property a-b=VALUE" in made.remarks[0]


# Jobs ---------------------------------------------------------------------------------------------


def the_job(definition: Row, **values: Any) -> Any:
    return job_of(export(job=[job("p", "j", definition, **values)]).jobs[0])


def test_parameters_that_are_used_are_declared() -> None:
    made = the_job(
        commands(["echo", "{parameters[a]}", "{parameters[b]}"]), parameters=[{"key": "a", "description": "A"}]
    )
    assert [(one.key, one.description) for one in made.value.parameters] == [("a", "A"), ("b", "")]
    assert made.support is Support.PARTIAL


def test_keys_of_parameters_that_have_no_equal_are_told() -> None:
    parameters = [{"key": "1st"}, {"key": "ok", "type": "string"}, {"key": "ok"}, {"description": "no key"}]
    made = the_job(commands(["true"]), parameters=parameters[:3])
    assert [one.key for one in made.value.parameters] == ["ok"]
    assert len(made.reasons) == 3 and "'1st'" in made.reasons[0]
    assert the_job(commands(["true"]), parameters=parameters).support is Support.NOT_SUPPORTED
    shared = the_job(commands(["true"]), parameters=[{"key": "a.b"}, {"key": "a_b"}])
    assert shared.value is None and "would share the variable" in shared.reasons[0]


def test_properties_match_as_they_did() -> None:
    given = {"is_controller": False, "operating_system": ["linux"], "include_in_status": True, "nested": {"a": 1}}
    made = the_job(commands(["true"]), properties=given)
    assert made.value.properties == {"is_controller": False, "operating_system": ["linux"]}
    assert len(made.reasons) == 2


def test_a_pipeline_that_would_do_something_else_is_disabled() -> None:
    plain = {
        "type": "pipeline",
        "elements": [element("a", "j"), element("b", "j", "a", parameters={"x": "{parameters[y]}"})],
    }
    made = the_job(plain)
    assert made.value.is_enabled
    assert made.value.definition["elements"][1]["parameters"] == {"x": "{parameters.y}"}
    assert made.value.definition["elements"][1]["after"] == [{"element": "a", "status": ["succeeded"]}]
    assert not the_job({**plain, "setup_commands": [["a"]]}).value.is_enabled
    assert not the_job({**plain, "elements": [element("a", "j", parameters={"x": "{results[y]}"})]}).value.is_enabled
    circle = {**plain, "elements": [element("a", "j", "b"), element("b", "j", "a")]}
    assert the_job(circle).support is Support.NOT_SUPPORTED
    status = {**plain, "elements": [element("a", "j"), element("b", "j", after=[{"element": "a", "status": ["done"]}])]}
    assert the_job(status).support is Support.NOT_SUPPORTED


def test_a_job_with_a_name_that_cannot_be_is_told() -> None:
    made = job_of(export(job=[job("p", "_j", commands(["true"]))]).jobs[0])
    assert made.value is None and "'_j' is no identifier here" in made.reasons[0]


def test_services_that_do_not_fit_are_left_out_one_by_one() -> None:
    (record,) = export(project=[project("p", {"good": {"url": "x"}, "bad": "text", "1": {}})]).projects
    made = project_of(record)
    assert made.value is not None and made.value.services == {"good": {"url": "x"}}
    assert len(made.reasons) == 2


# Schedules ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "text", "remarks"),
    [
        ("0 0 * * *", "0 0 * * *", 0),
        ("*/15 8-18 * * monday", "*/15 8-18 * * MON", 0),
        ("0 0 * * mon,Friday", "0 0 * * mon,FRI", 0),
        ("0 0 */5 * *", "0 0 */5 * *", 1),
        ("0 0 * */3 *", "0 0 * */3 *", 1),
        ("0 0 * * 7", "0 0 * * 7", 1),
        ("0 0 * * 5-7", "0 0 * * 5-7", 1),
        ("0 0 13 * 5", "0 0 13 * 5", 1),
    ],
)
def test_expressions_mean_the_same_or_say_what_differs(given: str, text: str, remarks: int) -> None:
    made = expression_of(given)
    assert (made.text, made.problems, len(made.remarks)) == (text, (), remarks)
    assert made.fires_more == (given == "0 0 13 * 5")


@pytest.mark.parametrize("given", ["", "* * * *", "61 * * * *", "0 0 * * fri-mon", "@daily", "x y z a b"])
def test_expressions_that_are_none_are_told(given: str) -> None:
    assert expression_of(given).problems


def test_a_schedule_is_checked_against_its_job() -> None:
    (record,) = export(schedule=[schedule("p", "s", "j", "0 0 * * *", parameters={"other": "x"})]).schedules
    assert "is not there" in schedule_of(record, {}).reasons[0]
    assert "unknown parameter 'other'" in schedule_of(record, {"j": ()}).reasons[0]


# Users --------------------------------------------------------------------------------------------


def an_authentication(row: Row) -> Any:
    return authentication_of(export(user_authentication=[row]).authentications[0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"type": "certificate"}, "the type 'certificate' is unknown"),
        ({"identifier": "first"}, "no UUID"),
        ({"hash_function": "scrypt"}, "hash function is unknown"),
        ({"hash_function_parameters": {"hash_name": "md5", "iterations": 1_000_000}}, "hash function is unknown"),
        ({"hash_function_parameters": {"hash_name": "sha256", "iterations": 1000}}, "1000 iterations"),
        ({"hash_function_parameters": {"hash_name": "sha256", "iterations": 10**9}}, "iterations"),
        ({"hash_function_parameters": {"hash_name": "sha256"}}, "parameters do not fit"),
        ({"hash_function_salt": "xyz"}, "salt"),
        ({"hash_function_salt": None}, "salt"),
        ({"secret": "ab"}, "secret"),
        ({"expiration_date": BORN}, "expires"),
    ],
)
def test_passwords_that_could_not_be_verified_are_not_taken(change: Row, words: str) -> None:
    made = an_authentication({**_PASSWORD, **change})
    assert made.value is None
    assert any(words in one for one in made.reasons), made.reasons
    assert not any(_PASSWORD[name] in one for one in made.reasons for name in ("secret", "hash_function_salt"))


_PASSWORD = password(1, "maya", "x", iterations=1)
_PASSWORD["hash_function_parameters"] = {"hash_name": "sha256", "iterations": 1_000_000}


def test_tokens_are_taken_as_they_are() -> None:
    row = token(1, "maya", "ab" * 32, BORN)
    assert an_authentication(row).support is Support.FULL
    assert an_authentication({**row, "expiration_date": None}).support is Support.PARTIAL
    for change in ({"secret": "zz" * 32}, {"hash_function": "md5"}, {"hash_function_salt": "00"}):
        assert an_authentication({**row, **change}).support is Support.NOT_SUPPORTED


def test_authentications_and_workers_need_their_user() -> None:
    found = items(
        user=[user("maya")],
        user_authentication=[token(3, "nobody", "ab" * 32, None), _PASSWORD, {**_PASSWORD, "identifier": uuid_of(9)}],
        worker=[worker("w", "nobody", {}), worker("v", "maya", {"executor_limit": "many"})],
    )
    assert "'nobody' is not there" in found[f"nobody/{uuid_of(3)}"].reasons[-1]
    assert found[f"maya/{uuid_of(1)}"].support is Support.FULL
    assert "has a password already" in found[f"maya/{uuid_of(9)}"].reasons[0]
    assert (found["w"].support, found["v"].action) == (Support.NOT_SUPPORTED, Action.CREATE)


# Runs ---------------------------------------------------------------------------------------------


def the_run(status: str = "succeeded", **values: Any) -> Any:
    return run_of(export(run=[run(1, "p", "j", status, **values)]).runs[0], 1, 1)


@pytest.mark.parametrize("status", ["succeeded", "failed", "aborted", "cancelled", "exception"])
def test_ends_stay_what_they_were(status: str) -> None:
    made = the_run(status)
    assert made.value.status is RunStatus(status)
    assert made.value.completion_date >= (made.value.start_date or made.value.creation_date)
    assert made.support is Support.FULL
    assert (made.value.log_error is None) == (status == "cancelled")


@pytest.mark.parametrize("status", ["pending", "running"])
def test_what_had_not_ended_never_starts_here(status: str) -> None:
    made = the_run(status)
    assert made.value.status is RunStatus.EXCEPTION
    assert f"was {status} when it was exported" in made.value.cause.message
    assert made.support is Support.PARTIAL


def test_a_status_that_nobody_knows_is_told() -> None:
    assert "the status 'unknown' is unknown" in the_run("unknown").reasons[0]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"type": "user", "identifier": "maya"}, {"type": "user", "user": "maya"}),
        (
            {"type": "schedule", "identifier": "s"},
            {"type": "schedule", "schedule": "s", "fire_date": "2021-03-13T10:30:00Z"},
        ),
        (
            {"type": "run", "project": "p", "identifier": uuid_of(7)},
            {"type": "run", "run": uuid_of(7), "reason": "token"},
        ),
        ({"type": "robot", "name": "x"}, {"type": "robot", "name": "x"}),
        ({}, {"type": "imported"}),
    ],
)
def test_sources_say_who_it_was(source: Row, expected: Row) -> None:
    made = the_run(source=source)
    assert made.value.source == expected
    assert made.support is (Support.FULL if "identifier" in source else Support.PARTIAL)


def test_identifiers_of_another_kind_get_the_same_uuid_each_time() -> None:
    first, second = the_run(identifier="my_run"), the_run(identifier="my_run")
    assert first.value.identifier == second.value.identifier != "my_run"
    assert first.support is Support.PARTIAL


def test_one_identifier_in_two_projects_is_one_run() -> None:
    rows = [run(1, "p", "j"), {**run(2, "q", "j"), "identifier": uuid_of(1001)}]
    found = items(project=[project("p"), project("q")], run=rows)
    assert found[f"p/{uuid_of(1001)}"].action is Action.CREATE
    assert found[f"q/{uuid_of(1001)}"].action is Action.CONFLICT


# Nothing silently ---------------------------------------------------------------------------------


def test_every_record_is_in_the_report_and_every_loss_has_a_reason() -> None:
    tables = whole()
    made = planned(**tables)
    assert len(made.items) == sum(map(len, tables.values()))
    assert all(one.reasons for one in made.items if one.support is not Support.FULL or one.action is not Action.CREATE)
    for table, counts in made.counts().items():
        assert counts["full"] + counts["partial"] + counts["not_supported"] == len(tables[table])


def test_a_flaw_or_an_unknown_key_is_told_for_any_record() -> None:
    found = items(user=[{**user("maya"), "email": "x"}, {**user("boss"), "display_name": "a\0b"}])
    assert found["maya"].reasons == ("the key 'email' has no meaning here and is left out",)
    assert (found["boss"].support, found["boss"].action) == (Support.NOT_SUPPORTED, Action.NONE)
    assert "U+0000" in found["boss"].reasons[0]


def test_what_stands_in_a_project_that_is_not_there_is_told() -> None:
    found = items(
        job=[job("p", "j", commands(["true"]))],
        schedule=[schedule("p", "s", "j", "0 0 * * *")],
        run=[run(1, "p", "j")],
    )
    assert {one.support for one in found.values()} == {Support.NOT_SUPPORTED}


def test_planning_is_a_pure_function() -> None:
    first, second = planned(**whole()), planned(**whole())
    assert asdict(first) == asdict(second)
    assert all(one.update_date < datetime(2024, 1, 1, tzinfo=UTC) for one in first.jobs)
