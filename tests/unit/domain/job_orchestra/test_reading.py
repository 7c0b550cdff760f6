"""Exports are read strictly, and everything that is wrong with them is told at once."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from orchestra.domain.errors import InvalidContent
from orchestra.domain.job_orchestra.exported import Table
from orchestra.domain.job_orchestra.reading import DEPTH, date_of, read
from support.job_orchestra_export import BORN, dataset, texts, user


def problems(**files: str) -> list[str]:
    with pytest.raises(InvalidContent) as caught:
        read({f"{name}.json": text for name, text in files.items()})
    assert caught.value.detail.startswith(f"{len(caught.value.problems)} problem")
    return [str(one) for one in caught.value.problems]


def rows(*given: Any) -> str:
    return json.dumps(given, default=datetime.isoformat)


def test_a_whole_export_is_read() -> None:
    tables = dataset()
    export = read(texts(tables))
    assert export.missing == ()
    assert [one.identifier for one in export.users] == [one["identifier"] for one in tables["user"]]
    assert len(export.runs) == len(tables["run"])
    assert export.users[0].creation_date == BORN
    assert export.authentications[0].description is None
    assert export.runs[0].results == {"tests": {"passed": 3}}
    assert (export.jobs[2].place, export.jobs[2].unknown) == ("job.json[2]", ())


def test_tables_without_a_file_are_named() -> None:
    assert read({"user.json": "[]"}).missing == tuple(table for table in Table if table is not Table.USER)


def test_syntax_is_told_with_line_and_column() -> None:
    (told,) = problems(user='[\n  {"identifier": "a",}\n]')
    assert told.startswith("user.json:2: is no JSON:")


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '[{"a": -Infinity}]'])
def test_numbers_that_json_does_not_know_are_refused(text: str) -> None:
    (told,) = problems(run=text)
    assert told.startswith("run.json:1: is no JSON: ") and "is no number of JSON" in told


def test_a_key_that_stands_twice_is_refused_with_its_line() -> None:
    told = problems(project='[\n{"identifier": "p",\n"identifier": "q"}]')
    assert told[0] == "project.json:3: identifier: stands twice in the same object"


def test_shapes_are_told_by_their_place_all_at_once() -> None:
    good = user("maya")
    told = problems(
        user=rows(5, {**good, "roles": "Viewer"}, {**good, "is_enabled": 1, "creation_date": "yesterday"}),
        worker='{"identifier": "w"}',
        schedule=rows({"project": None}),
        other="[]",
    )
    assert "user.json: [0]: expected a mapping, got a number" in told
    assert "user.json: [1].roles: expected a list, got text" in told
    assert "user.json: [2].is_enabled: expected true or false, got a number" in told
    assert any(one.startswith("user.json: [2].creation_date: expected a date such as") for one in told)
    assert "worker.json: expected a list of records, got a mapping" in told
    assert "schedule.json: [0].project: is null: expected text" in told
    assert "schedule.json: [0].identifier: is missing: expected text" in told
    assert any(one.startswith("other.json: unknown file 'other.json'") for one in told)


def test_two_records_of_one_name_are_refused() -> None:
    told = problems(user=rows(user("maya"), user("boss"), user("maya")))
    assert told == ["user.json: [2].identifier: a second record is named 'maya', as [0] is"]


def test_nesting_has_an_end() -> None:
    assert "levels of nesting" in problems(run="[" * 100_000)[0]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("a\0b", "U+0000"),
        ("\ud800", "surrogate"),
        ({"\0": 1}, "U+0000"),
        ([1 << 64], "64 bits"),
        (1e999, "64-bit float"),
        (json.loads("[" * DEPTH + "]" * DEPTH), "deeper"),
    ],
)
def test_what_no_database_keeps_is_a_flaw_of_its_record_alone(value: Any, words: str) -> None:
    tables = dataset()
    tables["run"][0]["results"] = {"found": value}
    text = json.dumps(tables["run"], default=datetime.isoformat).replace("Infinity", "1e999")
    first, second, *_ = read({"run.json": text}).runs
    assert words in first.flaw
    assert second.flaw == ""


def test_keys_that_the_data_model_does_not_have_are_remembered() -> None:
    (one,) = read({"user.json": rows({**user("maya"), "email": "m@example.org"})}).users
    assert one.unknown == ("email",)


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2020-01-01T00:00:00+00:00", datetime(2020, 1, 1, tzinfo=UTC)),
        ("2020-01-01T00:00:00Z", datetime(2020, 1, 1, tzinfo=UTC)),
        ("2020-01-01T00:00:00.000250", datetime(2020, 1, 1, 0, 0, 0, 250, tzinfo=UTC)),
        ("2020-01-01T02:00:00+02:00", datetime(2020, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))),
        ("yesterday", None),
        ("0001-01-01T00:00:00+14:00", None),
    ],
)
def test_dates_are_utc(text: str, date: datetime | None) -> None:
    found = date_of(text)
    assert found == date
    assert found is None or found.tzinfo is UTC
