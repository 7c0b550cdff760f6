"""Search by name and number, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from orchestra.storage import jobs, projects, search
from orchestra.storage.search import FoundType
from support.stored import T0, a_job, a_project, furnish, insert, run_id


@pytest.fixture(autouse=True)
def furnished(connection: Connection) -> None:
    furnish(connection)
    projects.save(connection, a_project("api", display_name="Straße 100%"), T0)
    jobs.save(connection, a_job("build", project="api"), T0)
    jobs.save(connection, a_job("Rebuild", display_name="again"), T0)


def names(connection: Connection, type_: FoundType, text: str, projects: frozenset[str] | None = None) -> list[str]:
    found = search.named(connection, type_, text, projects, 10)
    return [f"{one.rank} {one.project}/{one.identifier}" for one in found]


def test_names_are_found_by_rank_whatever_their_case(connection: Connection) -> None:
    assert names(connection, FoundType.JOB, "BUILD") == ["0 api/build", "0 web/build", "2 web/Rebuild"]
    assert names(connection, FoundType.JOB, "b") == ["1 api/build", "1 web/build", "2 web/Rebuild"]
    assert names(connection, FoundType.JOB, "AGAIN") == ["2 web/Rebuild"]
    assert names(connection, FoundType.JOB, "build", frozenset({"api"})) == ["0 api/build"]
    assert names(connection, FoundType.JOB, "build", frozenset()) == []
    assert names(connection, FoundType.PROJECT, "ß 1") == []
    assert names(connection, FoundType.PROJECT, "ße 100%") == ["2 api/api"]
    assert names(connection, FoundType.WORKER, "w") == ["1 None/w1"]
    assert names(connection, FoundType.USER, "ad") == ["1 None/ada"]
    assert names(connection, FoundType.SCHEDULE, "x") == []


def test_runs_are_found_by_number_and_identifier(connection: Connection) -> None:
    insert(connection, 1)
    insert(connection, 2)
    insert(connection, 3, project="api")

    def found(text: str, projects: frozenset[str] | None = None) -> list[str]:
        return [one.display_name for one in search.numbered(connection, text, projects, 10)]

    assert found("#1") == ["api/build#1", "web/build#1"]
    assert found("#1", frozenset({"web"})) == ["web/build#1"]
    assert found("web/build#2") == ["web/build#2"]
    assert found(run_id(2)) == ["web/build#2"]
    assert found(run_id(2)[:8]) == ["api/build#1", "web/build#2", "web/build#1"]
    for text in ("#0", "#9999999999", "000", "build", "#", "--%-"):
        assert found(text) == []
