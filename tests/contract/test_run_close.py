"""Closing runs whose worker will not come back: each row of the table of `storage.run_close` is a test."""

from dataclasses import replace

import pytest
from sqlalchemy import Connection

from orchestra.domain.errors import Conflict, NotFound
from orchestra.domain.recovery import Action, Held, Phase, reconcile
from orchestra.domain.run import CauseCode, Refusal, Run, RunStatus, Started
from orchestra.storage import events, jobs, log_chunks, run_close, runs, workers
from orchestra.storage.runs import Wish, WishOutcome
from support.stored import T0, a_hello, a_job, assign, at, finished, furnish, insert, known_worker, run_id


@pytest.fixture(autouse=True)
def furnished(connection: Connection) -> None:
    furnish(connection)


def running(connection: Connection, number: int = 1) -> Run:
    run = assign(connection, insert(connection, number))
    outcome = runs.record(connection, run.identifier, Started(epoch=1, date=at(2)), at(2))
    assert isinstance(outcome, Run)
    return outcome


def leave(connection: Connection, seconds: float = 3) -> None:
    assert workers.disconnect(connection, "w1", known_worker(connection).session, at(seconds))


def close(connection: Connection, run: str, *, away_s: float = 0.0, by: str = "maya") -> Wish:
    return run_close.close(connection, run, by, "the machine was sold", at(100), known_away_s=away_s)


def test_a_run_whose_worker_is_away_ends_and_names_who_closed_it(connection: Connection) -> None:
    run = running(connection)
    log_chunks.append_inline(connection, run.identifier, 0, b"half of it")
    leave(connection)
    closed = close(connection, run.identifier)
    assert (closed.outcome, closed.run.status) == (WishOutcome.ACCEPTED, RunStatus.EXCEPTION)
    assert (closed.run.cause.code, closed.run.cause.message) == (
        CauseCode.CLOSED_BY,
        "closed by maya: the machine was sold",
    )
    assert (closed.run.log_complete, closed.run.log_size, closed.run.completion_date) == (False, 10, at(100))
    assert "may still come" in (closed.run.log_error or "")
    told = events.of_run(connection, run.identifier)[-1]
    assert (told.type.value, told.actor, told.worker) == ("run.exception", "maya", "w1")
    assert told.data["cause"]["message"] == "closed by maya: the machine was sold"


def test_an_assigned_run_whose_worker_is_away_can_be_closed(connection: Connection) -> None:
    run = assign(connection, insert(connection))
    leave(connection)
    assert close(connection, run.identifier).run.status is RunStatus.EXCEPTION


def test_closing_again_changes_nothing(connection: Connection) -> None:
    run = running(connection)
    leave(connection)
    first = close(connection, run.identifier)
    again = close(connection, run.identifier, by="noor")
    assert (again.outcome, again.run) == (WishOutcome.REPEATED, first.run)


def test_a_run_that_can_be_stopped_otherwise_is_refused_and_says_how(connection: Connection) -> None:
    pending, active, ended = insert(connection, 1), running(connection, 2), running(connection, 3)
    runs.record(connection, ended.identifier, finished(ended), at(4))
    for run, hint in ((pending, "cancel it"), (active, "w1 is connected; abort"), (ended, "already ended: succeeded")):
        refused = close(connection, run.identifier)
        assert (refused.outcome, hint in (refused.reason or "")) == (WishOutcome.REFUSED, True), refused.reason
    with pytest.raises(NotFound):
        close(connection, run_id(77))


def test_an_exclusive_run_can_be_closed_once_it_is_dead_for_sure(connection: Connection) -> None:
    job = a_job()
    definition = {**job.definition, "grace": 20.0}
    exclusive = {**job.policy, "exclusive": {"lease": 30.0}}
    jobs.save(connection, replace(job, policy=exclusive, definition=definition), T0)
    run = assign(connection, insert(connection, job_revision=2))
    leave(connection)
    refused = close(connection, run.identifier, away_s=60.0)
    assert (refused.outcome, refused.reason) == (
        WishOutcome.REFUSED,
        "the run is exclusive, and may be alive on w1 for 5 s more; close it after that",
    )
    assert close(connection, run.identifier, away_s=65.0).outcome is WishOutcome.ACCEPTED


def test_a_late_return_is_fenced_and_delivers_the_log(connection: Connection) -> None:
    run = running(connection)
    leave(connection)
    closed = close(connection, run.identifier).run
    held = Held(run=run.identifier, epoch=1, phase=Phase.STARTED)
    [verdict] = reconcile("w1", {run.identifier: closed}, {}, [held], same_boot=True, same_installation=True).verdicts
    assert verdict.action is Action.DELIVER
    session = workers.connect(connection, a_hello(), "ada", at(200))[1].session
    late = runs.record(connection, run.identifier, finished(run), at(201), worker="w1", session=session)
    assert late is Refusal.ILLEGAL
    assert runs.complete_log(connection, run.identifier, 1, 20, at(201))
    found = runs.get(connection, run.identifier)
    assert found is not None
    assert (found.status, found.cause, found.log_complete) == (RunStatus.EXCEPTION, closed.cause, True)


def test_a_name_is_free_again_once_the_runs_of_its_machine_are_closed(connection: Connection) -> None:
    run = running(connection)
    leave(connection)
    another = a_hello(installation="a new disk")
    with pytest.raises(Conflict, match="close them"):
        workers.connect(connection, another, "ada", at(50))
    with pytest.raises(Conflict, match="orchestra run close"):
        workers.delete(connection, "w1", at(50))
    close(connection, run.identifier)
    assert workers.connect(connection, another, "ada", at(101))[1].installation == "a new disk"
