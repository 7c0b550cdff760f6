"""Run queries in SQL: the same runs as the plain function says, on both databases; and an index where there is one."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from orchestra.domain.errors import InvalidContent
from orchestra.domain.run import Run, RunStatus
from orchestra.domain.run_query import Query, matches
from orchestra.domain.run_query_parser import parse
from orchestra.storage import jobs, projects, runs
from orchestra.storage.run_lists import narrowed
from orchestra.storage.run_rows import SHAPE
from orchestra.storage.runs import RunFilter
from orchestra.storage.schema import run as run_table
from support.queries import JOBS, NOW, PROJECTS, a_random_run, queries
from support.stored import T0, a_job, a_project, explained


def fill(connection: Connection, seed: int, count: int = 60) -> list[Run]:
    """Random runs, newest first."""
    chance = random.Random(seed)
    for project in PROJECTS:
        projects.save(connection, a_project(project), T0)
        for job in JOBS:
            jobs.save(connection, a_job(job, project=project), T0)
    made = [a_random_run(chance, index) for index in range(count)]
    for one in made:
        kind = str(one.source["type"])
        extra = {"source_type": kind, "source_name": one.source[kind], "concurrency_group": None, "token_hash": None}
        connection.execute(run_table.insert(), SHAPE.values(one) | extra)
    return sorted(made, key=lambda one: (one.creation_date, one.identifier), reverse=True)


@pytest.mark.parametrize("seed", range(3))
def test_a_list_holds_exactly_the_runs_that_the_query_fits(connection: Connection, seed: int) -> None:
    stored = fill(connection, seed)

    @settings(max_examples=120, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(queries(), st.sampled_from((RunFilter(), RunFilter(project="web"), RunFilter(projects=("api", "web")))))
    def holds(query: Query, seen: RunFilter) -> None:
        filter_ = RunFilter(project=seen.project, projects=seen.projects, query=query, now=NOW)
        expected = [
            one.identifier
            for one in stored
            if matches(query, one, NOW)
            and seen.project in (None, one.project)
            and (seen.projects is None or one.project in seen.projects)
        ]
        assert [one.identifier for one in runs.page(connection, filter_).items] == expected

    holds()


def test_pages_of_a_query_join_to_its_list(connection: Connection) -> None:
    stored = fill(connection, 7)
    query = parse("-status:succeeded took:>=0 -job:x*")
    expected = [one.identifier for one in stored if matches(query, one, NOW)]
    found: list[str] = []
    cursor = None
    while True:
        page = runs.page(connection, RunFilter(query=query, now=NOW), None, cursor, 3)
        found += [one.identifier for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == expected
    assert len(expected) > 6


@pytest.mark.parametrize("order", ["creation_date", "-creation_date"])
@pytest.mark.parametrize("stretches", [(3,), (1, 4), (7, 2)])
def test_a_search_that_ends_early_goes_on_from_there(
    connection: Connection, order: str, stretches: tuple[int, ...]
) -> None:
    stored = fill(connection, 11)
    early = 0
    for source in ("project:web,api took:>1h", "status:failed,running parameter.branch:m*", "-job:b* priority:>0"):
        query = parse(source)
        expected = [one.identifier for one in stored if matches(query, one, NOW)]
        found: list[str] = []
        sizes: list[int] = []
        cursor = None
        while cursor is not None or not sizes:
            page = runs.page(connection, RunFilter(query=query, now=NOW), order, cursor, 4, stretches=stretches)
            found += [one.identifier for one in page.items]
            sizes.append(len(page.items))
            cursor = page.next_cursor
        assert found == (expected if order.startswith("-") else expected[::-1])
        early += sum(size < 4 for size in sizes[:-1])
    assert early, "every page was full"


INDEXED = {
    "status:failed": "ix_run_ended",
    "project:web": "ix_run_latest_of_project",
    "project:web job:build": "ix_run_latest_of_job",
    "project:web job:build status:failed took:>5m": "ix_run_ended_of_job",
    "worker:w1 parameter.branch:main": "ix_run_latest_of_worker",
    "worker:w1 status:failed": "ix_run_ended_of_worker",
    "source:user:ada word": "ix_run_latest_of_source",
    "created:>-1h": "ix_run_latest",
    "job:build-* cause:timeout": "ix_run_latest",
}


@pytest.mark.parametrize("source", INDEXED)
def test_exact_terms_use_the_index_of_the_filter_that_says_the_same(connection: Connection, source: str) -> None:
    filter_ = RunFilter(query=parse(source), now=NOW)
    plan = explained(connection, lambda: runs.page(connection, filter_, limit=50))
    if connection.dialect.name == "sqlite":
        assert f"{INDEXED[source]} " in plan
        assert "USE TEMP B-TREE FOR ORDER BY" not in plan, "the whole list is sorted"
    else:
        assert "Sort" not in plan or "Incremental Sort" in plan, plan
        assert "Seq Scan" not in plan


def test_exact_terms_become_part_of_the_filter() -> None:
    query = parse("status:failed,running -status:running project:web job:build worker:w1 source:user:ada took:>5m")
    found = narrowed(RunFilter(query=query, now=NOW))
    assert (found.statuses, found.project, found.job) == ((RunStatus.FAILED,), "web", "build")
    assert (found.worker, found.source_type, found.source_name) == ("w1", "user", "ada")
    assert found.query == parse("took:>5m")


def test_a_query_widens_nothing(connection: Connection) -> None:
    stored = fill(connection, 1)
    seen = RunFilter(projects=("api",), query=parse("project:web,api,Web"), now=NOW)
    assert {one.project for one in runs.page(connection, seen).items} == {"api"}
    nothing = RunFilter(projects=("api",), project="web", query=parse("project:api"), now=NOW)
    assert runs.page(connection, nothing).items == ()
    contrary = RunFilter(query=parse("status:failed -status:failed"), now=NOW)
    assert runs.page(connection, contrary).items == ()
    assert len(stored) == 60


def test_the_order_by_number_needs_one_job_of_one_project_in_a_query_too(connection: Connection) -> None:
    fill(connection, 2)
    found = runs.page(connection, RunFilter(query=parse("project:web job:build"), now=NOW), "number").items
    assert [one.number for one in found] == sorted(one.number for one in found)
    with pytest.raises(InvalidContent):
        runs.page(connection, RunFilter(query=parse("job:build"), now=NOW), "number")
