"""A long history is sent in parts, in the order in which its runs get their numbers."""

import json

import pytest

from orchestra.cli import importing
from support.job_orchestra_export import dataset, run, texts, uuid_of


def test_runs_come_oldest_first_in_parts_with_their_projects_and_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "RUNS_AT_ONCE", 2)
    files = texts({**dataset(), "run": [run(number, "example", "hello") for number in (3, 1, 5, 2, 4)]})
    first, *history = importing._parts(files)
    assert [one["name"] for one in first] == [name for name in files if name != "run.json"]
    assert [[one["name"] for one in part] for part in history] == [["project.json", "job.json", "run.json"]] * 3
    sent = [[one["identifier"] for one in json.loads(part[-1]["content"])] for part in history]
    assert sent == [[uuid_of(1001), uuid_of(1002)], [uuid_of(1003), uuid_of(1004)], [uuid_of(1005)]]


def test_parts_have_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BYTES_AT_ONCE", 100)
    assert len(list(importing._parts(texts({"run": dataset()["run"]})))) == len(dataset()["run"])


def test_an_empty_history_is_sent_as_it_is() -> None:
    assert list(importing._parts({"run.json": "[]"})) == [[{"name": "run.json", "content": "[]"}]]
