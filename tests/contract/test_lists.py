"""Lists: every page by keyset, every filter, every order, and an index for what must be fast."""

from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from orchestra.domain.errors import InvalidContent
from orchestra.domain.run import Run, RunStatus, Started
from orchestra.storage import jobs, projects, runs, workers
from orchestra.storage.paging import Asked, Page
from orchestra.storage.runs import RunFilter
from support.stored import T0, a_job, a_new_run, a_project, assign, at, explained, finished, furnish, insert, run_id


@pytest.fixture(autouse=True)
def furnished(connection: Connection) -> None:
    furnish(connection)
    projects.save(connection, a_project("api"), T0)
    jobs.save(connection, a_job("build", project="api"), T0)
    jobs.save(connection, a_job("deploy"), T0)


def numbers(page: Page[Run]) -> list[int]:
    return [int(one.identifier[:8], 16) << 16 | int(one.identifier[9:13], 16) for one in page.items]


def walk(page_at: Callable[[str | None], Page[Run]]) -> list[int]:
    """All pages, one after the other."""
    found: list[int] = []
    cursor = None
    while True:
        page = page_at(cursor)
        found += numbers(page)
        cursor = page.next_cursor
        if cursor is None:
            return found


def end(connection: Connection, run: Run, status: RunStatus) -> None:
    won = assign(connection, run)
    runs.record(connection, run.identifier, Started(epoch=1, date=at(2)), at(2))
    runs.record(connection, run.identifier, finished(won, status), at(3))


def test_the_latest_runs_come_first(connection: Connection) -> None:
    for number in range(1, 6):
        insert(connection, number)
    assert numbers(runs.page(connection)) == [5, 4, 3, 2, 1]
    assert numbers(runs.page(connection, order="creation_date")) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("order", ["creation_date", "-creation_date"])
@pytest.mark.parametrize("statuses", [(), (RunStatus.PENDING,), (RunStatus.PENDING, RunStatus.CANCELLED)])
def test_pages_join_to_the_whole_list(connection: Connection, order: str, statuses: tuple[RunStatus, ...]) -> None:
    for number in range(1, 24):
        runs.insert(connection, a_new_run(number), at(number // 5))
    for number in (3, 4, 11, 17):
        runs.request_cancel(connection, run_id(number), "ada", at(99))
    every = [number for number in range(1, 24) if statuses != (RunStatus.PENDING,) or number not in (3, 4, 11, 17)]
    for limit in (1, 4, 22, 23, 1_000):
        found = walk(
            lambda cursor, limit=limit: runs.page(connection, RunFilter(statuses=statuses), order, cursor, limit)  # type: ignore[misc]
        )
        assert found == (every if order == "creation_date" else every[::-1])


def test_rows_that_come_meanwhile_neither_repeat_nor_hide_others(connection: Connection) -> None:
    for number in range(1, 5):
        insert(connection, number)
    first = runs.page(connection, limit=2)
    insert(connection, 9)
    assert numbers(runs.page(connection, cursor=first.next_cursor, limit=2)) == [2, 1]


def test_a_list_that_fits_has_no_next_cursor(connection: Connection) -> None:
    insert(connection, 1)
    assert runs.page(connection, limit=1).next_cursor is None
    assert runs.page(connection, RunFilter(job="deploy")).items == ()


def test_every_filter_narrows_the_list(connection: Connection) -> None:
    insert(connection, 1)
    insert(connection, 2, job="deploy", source={"type": "user", "user": "bob"})
    insert(connection, 3, project="api", source={"type": "schedule", "schedule": "nightly", "fire_date": "x"})
    end(connection, insert(connection, 4), RunStatus.FAILED)
    runs.request_cancel(connection, run_id(2), "ada", at(9))
    cases: dict[RunFilter, list[int]] = {
        RunFilter(): [4, 3, 2, 1],
        RunFilter(project="web"): [4, 2, 1],
        RunFilter(project="web", job="build"): [4, 1],
        RunFilter(job="build"): [4, 3, 1],
        RunFilter(projects=("api",)): [3],
        RunFilter(projects=("api", "web")): [4, 3, 2, 1],
        RunFilter(projects=()): [],
        RunFilter(projects=("api",), project="web"): [],
        RunFilter(statuses=(RunStatus.PENDING,)): [3, 1],
        RunFilter(statuses=(RunStatus.PENDING, RunStatus.PENDING)): [3, 1],
        RunFilter(statuses=(RunStatus.FAILED, RunStatus.PENDING), project="web"): [4, 1],
        RunFilter(statuses=(RunStatus.FAILED,), project="web", job="build"): [4],
        RunFilter(worker="w1"): [4],
        RunFilter(worker="w1", statuses=(RunStatus.FAILED,)): [4],
        RunFilter(worker="w1", statuses=(RunStatus.SUCCEEDED,)): [],
        RunFilter(source_type="user"): [4, 2, 1],
        RunFilter(source_type="user", source_name="bob"): [2],
        RunFilter(source_type="schedule", source_name="nightly"): [3],
        RunFilter(created_after=at(2)): [4, 3],
        RunFilter(created_before=at(2)): [1],
        RunFilter(created_after=at(1), created_before=at(4)): [3, 2],
    }
    for filter_, expected in cases.items():
        assert numbers(runs.page(connection, filter_)) == expected, filter_


def test_runs_of_one_job_may_be_ordered_by_number(connection: Connection) -> None:
    for number in (1, 2, 3):
        insert(connection, number)
    of_job = RunFilter(project="web", job="build")
    found = walk(lambda cursor: runs.page(connection, of_job, "-number", cursor, 1))
    assert found == [3, 2, 1]
    with pytest.raises(InvalidContent) as refused:
        runs.page(connection, order="number")
    assert refused.value.problems[0].path == "order"


def test_everything_wrong_with_a_list_is_said_at_once(connection: Connection) -> None:
    with pytest.raises(InvalidContent) as refused:
        runs.page(connection, order="token_hash", limit=0)
    assert [problem.path for problem in refused.value.problems] == ["order", "limit"]
    assert "-creation_date" in refused.value.problems[0].message
    with pytest.raises(InvalidContent):
        runs.page(connection, limit=1_001)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "äöü",
        "AAAA",
        "bnVsbA",  # null
        "W10",  # []
        "WyItY3JlYXRpb25fZGF0ZSIsMSwyXQ",  # ["-creation_date",1,2]
        "WyItY3JlYXRpb25fZGF0ZSIsIm5vIGRhdGUiLCJ4Il0",  # ["-creation_date","no date","x"]
        "WyItY3JlYXRpb25fZGF0ZSJd",  # ["-creation_date"]
        "WyJpZGVudGlmaWVyIiwieCIsInkiXQ",  # ["identifier","x","y"]
        "-" * 10_000,
    ],
)
def test_a_bad_cursor_is_invalid_content(connection: Connection, cursor: str) -> None:
    with pytest.raises(InvalidContent) as refused:
        runs.page(connection, cursor=cursor)
    assert refused.value.problems[0].path == "cursor"


def test_a_cursor_of_another_order_is_refused(connection: Connection) -> None:
    for number in (1, 2):
        insert(connection, number)
    cursor = runs.page(connection, order="creation_date", limit=1).next_cursor
    with pytest.raises(InvalidContent, match="cannot be read"):
        runs.page(connection, cursor=cursor)


def test_other_lists_page_by_their_orders_too(connection: Connection) -> None:
    for name in ("c", "a", "b"):
        jobs.save(connection, a_job(name, group="nightly" if name == "c" else ""), T0)
    names: list[str] = []
    cursor = None
    while True:
        page = jobs.page(connection, ("web",), Asked(order="-group", cursor=cursor, limit=2))
        names += [one.identifier for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert names == ["c", "deploy", "build", "b", "a"]
    enabled = jobs.page(connection, ("web",), Asked(order="is_enabled", limit=1))
    assert enabled.next_cursor is not None
    assert len(jobs.page(connection, ("web",), Asked(order="is_enabled", cursor=enabled.next_cursor)).items) == 4
    assert [one.identifier for one in jobs.page(connection).items] == ["a", "b", "build", "build", "c", "deploy"]
    assert [one.identifier for one in projects.page(connection, asked=Asked(order="-identifier")).items] == [
        "web",
        "api",
    ]
    assert [one.identifier for one in projects.page(connection, ("api",)).items] == ["api"]
    assert [one.identifier for one in workers.page(connection).items] == ["w1"]


INDEXED = {
    "ix_run_latest": RunFilter(),
    "ix_run_latest_of_project": RunFilter(project="web"),
    "ix_run_latest_of_job": RunFilter(project="web", job="build"),
    "ix_run_live": RunFilter(statuses=(RunStatus.RUNNING,)),
    "ix_run_ended": RunFilter(statuses=(RunStatus.FAILED,)),
    "ix_run_ended_of_project": RunFilter(project="web", statuses=(RunStatus.FAILED,)),
    "ix_run_ended_of_job": RunFilter(project="web", job="build", statuses=(RunStatus.FAILED,)),
    "ix_run_latest_of_worker": RunFilter(worker="w1"),
    "ix_run_ended_of_worker": RunFilter(worker="w1", statuses=(RunStatus.FAILED,)),
    "ix_run_latest_of_source": RunFilter(source_type="user", source_name="ada"),
}


@pytest.mark.parametrize("index", INDEXED)
def test_each_index_serves_the_query_that_it_names(connection: Connection, index: str) -> None:
    plan = _plan(connection, INDEXED[index])
    if connection.dialect.name == "sqlite":
        assert f"USING INDEX {index} " in plan
        assert "USE TEMP B-TREE FOR ORDER BY" not in plan, "the whole list is sorted"
    else:
        assert "Sort" not in plan or "Incremental Sort" in plan, plan
        assert "Seq Scan" not in plan


def test_a_list_of_several_statuses_uses_one_index_for_each(connection: Connection) -> None:
    plan = _plan(connection, RunFilter(statuses=(RunStatus.FAILED, RunStatus.RUNNING)))
    assert "ix_run_ended" in plan
    assert "ix_run_live" in plan


def test_a_list_of_several_projects_uses_their_index_for_each(connection: Connection) -> None:
    plan = _plan(connection, RunFilter(projects=("api", "web")))
    assert plan.count("ix_run_latest_of_project") == 2
    both = _plan(connection, RunFilter(projects=("api", "web"), statuses=(RunStatus.FAILED, RunStatus.ABORTED)))
    assert both.count("_of_project") == 4, "on a small table PostgreSQL may prefer the other one"


def test_a_list_of_more_combinations_than_are_merged_says_so(connection: Connection) -> None:
    many = tuple(f"p{number}" for number in range(401))
    assert runs.page(connection, RunFilter(projects=many[:400])).items == ()
    with pytest.raises(InvalidContent) as refused:
        runs.page(connection, RunFilter(projects=many))
    assert refused.value.problems[0].path == "project"
    assert runs.page(connection, RunFilter(projects=many, project="p1")).items == ()


def _plan(connection: Connection, filter_: RunFilter) -> str:
    return explained(connection, lambda: runs.page(connection, filter_, limit=50))
