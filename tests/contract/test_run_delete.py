"""Deletion of ended runs, on both databases: what goes, what stays, and what is left to do for the log's files."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection, func, select

from orchestra.domain.errors import Conflict, NotFound
from orchestra.domain.run import Run, RunStatus, Started
from orchestra.storage import events, jobs, log_chunks, projects, run_delete, runs, schema
from orchestra.storage.event_type import EventType
from orchestra.storage.runs import IdempotencyKey
from support.stored import assign, at, finished, furnish, insert, run_id


@pytest.fixture(autouse=True)
def furnished(connection: Connection) -> None:
    furnish(connection)


def ended(connection: Connection, number: int = 1, *, log_complete: bool = True) -> Run:
    run = assign(connection, insert(connection, number))
    runs.record(connection, run.identifier, Started(epoch=1, date=at(2)), at(2))
    log_chunks.append_inline(connection, run.identifier, 0, b"hello\n", [(0, 1)], limit=1 << 16)
    fact = finished(run, RunStatus.FAILED, log_size=6, log_complete=log_complete)
    after = runs.record(connection, run.identifier, fact, at(3))
    assert isinstance(after, Run)
    return after


def rows(connection: Connection, run: str) -> dict[str, int]:
    """How many rows of each table speak of the run."""
    columns = (schema.run.c.identifier, schema.log_chunk.c.run, schema.idempotency_key.c.run, schema.event.c.run)
    return {
        column.table.name: connection.execute(select(func.count()).where(column == run)).scalar_one()
        for column in columns
    }


def test_a_deleted_run_leaves_one_event(connection: Connection) -> None:
    run = ended(connection)
    key = IdempotencyKey(principal="ada", project="web", job="build", key="k")
    runs.remember_idempotent(connection, key, {}, run.identifier, at(1))
    assert rows(connection, run.identifier) == {"run": 1, "log_chunk": 1, "idempotency_key": 1, "event": 4}
    assert run_delete.remove(connection, [run.identifier], at(9), actor="ada") == [run]
    assert rows(connection, run.identifier) == {"run": 0, "log_chunk": 0, "idempotency_key": 0, "event": 1}
    [told] = events.of_run(connection, run.identifier)
    assert (told.type, told.project, told.job, told.actor) == (EventType.RUN_DELETED, "web", "build", "ada")
    assert told.data == {"number": 1, "status": "failed"}
    assert runs.find_idempotent(connection, key, {}) is None


def test_a_number_is_never_given_again(connection: Connection) -> None:
    run = ended(connection)
    run_delete.remove(connection, [run.identifier], at(9))
    assert insert(connection, 2).number == 2


def test_runs_that_have_not_ended_stay_and_say_why(connection: Connection) -> None:
    pending, running, over = insert(connection, 1), assign(connection, insert(connection, 2)), ended(connection, 3)
    names = [pending.identifier, running.identifier, over.identifier, run_id(9)]
    first, second, third, fourth = run_delete.remove(connection, names, at(9))
    assert isinstance(first, Conflict)
    assert "it is pending" in first.detail
    assert isinstance(second, Conflict)
    assert "it is assigned" in second.detail
    assert isinstance(third, Run)
    assert isinstance(fourth, NotFound)
    assert set(runs.get_many(connection, names)) == {pending.identifier, running.identifier}


def test_the_log_of_a_deleted_run_is_marked_until_its_files_are_removed(connection: Connection) -> None:
    run = ended(connection)
    late = ended(connection, 2, log_complete=False)
    run_delete.remove(connection, [run.identifier, late.identifier], at(9))
    assert run_delete.marked(connection, 10) == {
        run.identifier: at(9),
        late.identifier: at(9) + timedelta(hours=1),
    }
    assert len(run_delete.marked(connection, 1)) == 1
    run_delete.forget(connection, [run.identifier])
    assert list(run_delete.marked(connection, 10)) == [late.identifier]


def test_a_project_whose_runs_are_deleted_may_go(connection: Connection) -> None:
    run = ended(connection)
    jobs.delete(connection, "web", "build", at(4))
    run_delete.remove(connection, [run.identifier], at(5))
    projects.delete(connection, "web", at(6))
    assert projects.get(connection, "web") is None
