"""How long runs usually take, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection

from orchestra.domain.run import Run, RunStatus, Started
from orchestra.storage import run_durations, runs
from support.stored import assign, at, explained, finished, furnish, insert


@pytest.fixture(autouse=True)
def furnished(connection: Connection) -> None:
    furnish(connection)


def ended(connection: Connection, number: int, seconds: float, status: RunStatus = RunStatus.SUCCEEDED) -> None:
    run = assign(connection, insert(connection, number), seconds=number)
    runs.record(connection, run.identifier, Started(epoch=1, date=at(number)), at(number))
    fact = replace(finished(run, status, log_size=0, log_complete=True), date=at(number + seconds))
    assert isinstance(runs.record(connection, run.identifier, fact, at(number + seconds)), Run)


def test_the_usual_duration_is_the_median_of_what_succeeded(connection: Connection) -> None:
    assert run_durations.usual_s(connection, "web", "build") is None
    for number, seconds in ((1, 10), (2, 2000), (3, 30)):
        ended(connection, number, seconds)
    ended(connection, 4, 1, RunStatus.FAILED)
    insert(connection, 5)
    assert run_durations.usual_s(connection, "web", "build") == 30
    assert run_durations.usual_s(connection, "web", "other") is None


def test_only_the_latest_runs_are_read(connection: Connection) -> None:
    found = explained(connection, lambda: run_durations.usual_s(connection, "web", "build"))
    # Of a table this small PostgreSQL takes the index of the project as well.
    assert "ix_run_latest_of_" in found
    assert "TEMP B-TREE" not in found
    assert "Sort" not in found
