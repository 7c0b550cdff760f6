"""Cancel and abort: what the flags mean, exactly; each row of the product's table is a test."""

from dataclasses import replace

import pytest
from sqlalchemy import Connection

from orchestra.domain.errors import NotFound
from orchestra.domain.run import Cause, CauseCode, Expired, GivenBack, Lost, NeverStarted, Run, RunStatus, Started
from orchestra.domain.stop import Stop
from orchestra.storage import events, runs
from orchestra.storage.runs import WishOutcome
from support.stored import assign, at, finished, furnish, insert, run_id


@pytest.fixture(autouse=True)
def furnished(connection: Connection) -> None:
    furnish(connection)


def running(connection: Connection) -> Run:
    run = assign(connection, insert(connection))
    outcome = runs.record(connection, run.identifier, Started(epoch=1, date=at(2)), at(2))
    assert isinstance(outcome, Run)
    return outcome


def types(connection: Connection, run: Run) -> list[str]:
    return [one.type.value for one in events.of_run(connection, run.identifier)]


def test_cancel_of_a_pending_run_ends_it_in_the_same_transaction(connection: Connection) -> None:
    wish = runs.request_cancel(connection, insert(connection).identifier, "ada", at(5))
    assert (wish.outcome, wish.run.status) == (WishOutcome.ACCEPTED, RunStatus.CANCELLED)
    assert (wish.run.should_cancel, wish.run.stop_requested_by) == (True, "ada")
    assert wish.run.cause == Cause(CauseCode.CANCELLED_BY, "cancelled by ada; no command had started")
    assert wish.run.completion_date == at(5)
    assert runs.get(connection, wish.run.identifier) == wish.run
    assert types(connection, wish.run) == ["run.created", "run.cancel_requested", "run.cancelled"]
    assert [one.actor for one in events.of_run(connection, wish.run.identifier)] == ["ada"] * 3


def test_cancel_of_an_assigned_run_is_noted_and_waits_for_the_worker(connection: Connection) -> None:
    run = assign(connection, insert(connection))
    wish = runs.request_cancel(connection, run.identifier, "ada", at(5))
    assert (wish.outcome, wish.run.status, wish.run.should_cancel) == (WishOutcome.ACCEPTED, RunStatus.ASSIGNED, True)
    assert runs.get(connection, run.identifier) == wish.run
    assert types(connection, run)[-1] == "run.cancel_requested"


def test_an_abort_begins_a_receipt_that_the_worker_continues(connection: Connection) -> None:
    run = running(connection)
    wish = runs.request_abort(connection, run.identifier, "ada", at(5))
    assert wish.run.stop == Stop(requested_date=at(5), requested_by="ada")
    told = Stop(requested_date=at(6), requested_by="ada", delivered_date=at(6), terminated_date=at(7))
    assert runs.set_stop(connection, run.identifier, 1, told, at(8))
    assert not runs.set_stop(connection, run.identifier, 1, told, at(8))
    assert not runs.set_stop(connection, run.identifier, 2, replace(told, killed_date=at(8)), at(8))
    after = runs.get(connection, run.identifier)
    assert after is not None
    assert after.stop == replace(told, requested_date=at(5))


def test_a_cancel_of_a_pending_run_has_its_receipt_at_once(connection: Connection) -> None:
    wish = runs.request_cancel(connection, insert(connection).identifier, "ada", at(5))
    assert wish.run.stop == Stop(requested_date=at(5), requested_by="ada", verified_date=at(5))


def test_a_wish_that_waits_may_be_repeated_and_changes_nothing(connection: Connection) -> None:
    run = assign(connection, insert(connection))
    for request in (runs.request_cancel, runs.request_abort):
        first = request(connection, run.identifier, "ada", at(5))
        again = request(connection, run.identifier, "bob", at(6))
        assert (again.outcome, again.run) == (WishOutcome.REPEATED, first.run)
    assert len(types(connection, run)) == 4


def test_cancel_of_a_running_run_is_refused_and_names_abort(connection: Connection) -> None:
    run = running(connection)
    wish = runs.request_cancel(connection, run.identifier, "ada", at(5))
    assert (wish.outcome, wish.run) == (WishOutcome.REFUSED, run)
    assert wish.reason is not None
    assert "abort" in wish.reason


def test_a_cancel_that_came_too_late_is_refused_when_it_is_repeated(connection: Connection) -> None:
    run = assign(connection, insert(connection))
    runs.request_cancel(connection, run.identifier, "ada", at(2))
    runs.record(connection, run.identifier, Started(epoch=1, date=at(3)), at(3))
    assert runs.request_cancel(connection, run.identifier, "ada", at(4)).outcome is WishOutcome.REFUSED


def test_a_fulfilled_cancel_may_be_repeated(connection: Connection) -> None:
    run = insert(connection)
    runs.request_cancel(connection, run.identifier, "ada", at(2))
    assert runs.request_cancel(connection, run.identifier, "ada", at(3)).outcome is WishOutcome.REPEATED


def test_cancel_of_a_run_that_ended_otherwise_is_refused_and_says_how(connection: Connection) -> None:
    expired = insert(connection, 1)
    cause = Cause(CauseCode.EXPIRED, "too late")
    runs.record(connection, expired.identifier, Expired(cause=cause), at(2))
    wish = runs.request_cancel(connection, expired.identifier, "ada", at(3))
    assert wish.outcome is WishOutcome.REFUSED, "cancelled, but not by this wish"
    assert wish.reason is not None
    assert "cancelled" in wish.reason


def test_abort_of_a_pending_run_is_refused_and_names_cancel(connection: Connection) -> None:
    wish = runs.request_abort(connection, insert(connection).identifier, "ada", at(5))
    assert wish.outcome is WishOutcome.REFUSED
    assert wish.reason is not None
    assert "cancel" in wish.reason


@pytest.mark.parametrize("status", [RunStatus.ASSIGNED, RunStatus.RUNNING])
def test_abort_of_an_active_run_is_noted(connection: Connection, status: RunStatus) -> None:
    run = running(connection) if status is RunStatus.RUNNING else assign(connection, insert(connection))
    wish = runs.request_abort(connection, run.identifier, "ada", at(5))
    assert (wish.outcome, wish.run.status, wish.run.should_abort) == (WishOutcome.ACCEPTED, status, True)
    assert runs.get(connection, run.identifier) == wish.run
    assert types(connection, run)[-1] == "run.abort_requested"


def test_a_fulfilled_abort_may_be_repeated(connection: Connection) -> None:
    run = running(connection)
    runs.request_abort(connection, run.identifier, "ada", at(5))
    runs.record(connection, run.identifier, finished(run, RunStatus.ABORTED), at(6))
    assert runs.request_abort(connection, run.identifier, "ada", at(7)).outcome is WishOutcome.REPEATED


def test_an_abort_that_met_a_run_before_its_start_may_be_repeated(connection: Connection) -> None:
    run = assign(connection, insert(connection))
    runs.request_abort(connection, run.identifier, "ada", at(5))
    cause = Cause(CauseCode.ABORTED_BY, "by ada")
    runs.record(connection, run.identifier, NeverStarted(epoch=1, cause=cause), at(6))
    assert runs.request_abort(connection, run.identifier, "ada", at(7)).outcome is WishOutcome.REPEATED


def test_abort_of_a_run_that_ended_first_is_refused(connection: Connection) -> None:
    run = running(connection)
    runs.request_abort(connection, run.identifier, "ada", at(5))
    runs.record(connection, run.identifier, finished(run), at(6))
    assert runs.request_abort(connection, run.identifier, "ada", at(7)).outcome is WishOutcome.REFUSED


def test_a_run_that_is_given_back_while_someone_wishes_to_cancel_it_ends_at_once(connection: Connection) -> None:
    run = assign(connection, insert(connection))
    runs.request_cancel(connection, run.identifier, "ada", at(5))
    ended = runs.record(connection, run.identifier, GivenBack(epoch=1, reason="no slot"), at(6))
    assert isinstance(ended, Run)
    assert (ended.status, ended.cause.code) == (RunStatus.CANCELLED, CauseCode.CANCELLED_BY)
    assert runs.get(connection, run.identifier) == ended
    assert types(connection, run)[-2:] == ["run.given_back", "run.cancelled"]


def test_a_run_that_is_given_back_while_someone_wishes_to_abort_it_ends_cancelled(connection: Connection) -> None:
    run = assign(connection, insert(connection))
    runs.request_abort(connection, run.identifier, "ada", at(5))
    ended = runs.record(connection, run.identifier, GivenBack(epoch=1, reason="no slot"), at(6))
    assert isinstance(ended, Run)
    assert (ended.status, ended.cause.code) == (RunStatus.CANCELLED, CauseCode.ABORTED_BY)
    assert runs.request_abort(connection, run.identifier, "ada", at(7)).outcome is WishOutcome.REPEATED


def test_a_run_that_was_given_back_cancels_like_any_pending_one(connection: Connection) -> None:
    run = assign(connection, insert(connection))
    runs.record(connection, run.identifier, GivenBack(epoch=1, reason="no slot"), at(3))
    wish = runs.request_cancel(connection, run.identifier, "ada", at(4))
    assert (wish.outcome, wish.run.status) == (WishOutcome.ACCEPTED, RunStatus.CANCELLED)


def test_a_lost_run_that_someone_wished_to_abort_is_an_exception_not_aborted(connection: Connection) -> None:
    run = running(connection)
    runs.request_abort(connection, run.identifier, "ada", at(5))
    lost = Lost(epoch=1, cause=Cause(CauseCode.WORKER_LOST, "gone"))
    ended = runs.record(connection, run.identifier, lost, at(6))
    assert isinstance(ended, Run)
    assert ended.status is RunStatus.EXCEPTION
    assert runs.request_abort(connection, run.identifier, "ada", at(7)).outcome is WishOutcome.REFUSED


def test_an_unknown_run_is_not_found(connection: Connection) -> None:
    for request in (runs.request_cancel, runs.request_abort):
        with pytest.raises(NotFound, match=run_id(77)):
            request(connection, run_id(77), "ada", at(1))
