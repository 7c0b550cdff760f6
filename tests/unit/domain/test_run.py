"""The one table of transitions, over all statuses and facts, and what each fact leaves behind."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from orchestra.domain.run import (
    ACTIVE,
    TERMINAL,
    TRANSITIONS,
    Assigned,
    Cancelled,
    Cause,
    CauseCode,
    Expired,
    Fact,
    Finished,
    GivenBack,
    Lost,
    NeverStarted,
    Refusal,
    Run,
    RunStatus,
    Started,
    apply,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = NOW + timedelta(seconds=9)
CAUSE = Cause(CauseCode.SUCCEEDED, "every command exited with code 0")


def a_run(status: RunStatus, **fields: object) -> Run:
    run = Run(
        project="core",
        identifier="0192f3a0-0000-7000-8000-000000000000",
        number=1,
        job="build",
        job_revision=3,
        status=status,
        epoch=2,
        worker=None if status is RunStatus.PENDING else "here",
        creation_date=NOW,
        update_date=NOW,
    )
    return replace(run, **fields)  # type: ignore[arg-type]


def facts(epoch: int) -> list[Fact]:
    return [
        Assigned(worker="here", worker_properties={"os": "linux"}),
        GivenBack(epoch=epoch, reason="no slot"),
        Started(epoch=epoch, date=NOW),
        *(Finished(epoch=epoch, status=status, cause=CAUSE, date=NOW) for status in RunStatus),
        NeverStarted(epoch=epoch, cause=Cause(CauseCode.CANCELLED_BY, "cancelled by maya")),
        Lost(epoch=epoch, cause=Cause(CauseCode.WORKER_LOST, "away for a day")),
        Cancelled(cause=Cause(CauseCode.CANCELLED_BY, "cancelled by maya")),
        Expired(cause=Cause(CauseCode.EXPIRED, "waited for a day")),
    ]


@pytest.mark.parametrize(("status", "fact"), list(product(RunStatus, facts(2))), ids=str)
def test_a_fact_leads_where_the_table_says_or_nowhere(status: RunStatus, fact: Fact) -> None:
    after = apply(a_run(status), fact, LATER)
    allowed = TRANSITIONS.get((status, type(fact)), frozenset())
    if isinstance(after, Refusal):
        assert after is Refusal.ILLEGAL
        assert not allowed or (isinstance(fact, Finished) and fact.status not in allowed)
    else:
        assert after.status in allowed
        assert after.update_date == LATER


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_no_fact_leaves_a_terminal_status(status: RunStatus) -> None:
    assert [apply(a_run(status), fact, LATER) for fact in facts(2)] == [Refusal.ILLEGAL] * len(facts(2))


@pytest.mark.parametrize("epoch", [0, 1, 3])
@pytest.mark.parametrize("status", sorted(ACTIVE))
def test_a_worker_that_speaks_of_another_epoch_is_fenced(status: RunStatus, epoch: int) -> None:
    from_worker = [fact for fact in facts(epoch) if not isinstance(fact, Assigned | Cancelled | Expired)]
    assert {apply(a_run(status), fact, LATER) for fact in from_worker} == {Refusal.FENCED}


def test_the_epoch_grows_by_one_exactly_at_assignment() -> None:
    for status, fact in product(RunStatus, facts(2)):
        after = apply(a_run(status), fact, LATER)
        if not isinstance(after, Refusal):
            assert after.epoch == 2 + isinstance(fact, Assigned)


def test_a_run_that_is_given_back_belongs_to_no_worker() -> None:
    after = apply(
        a_run(RunStatus.ASSIGNED, worker_properties={"os": "linux"}), GivenBack(epoch=2, reason="full"), LATER
    )
    assert isinstance(after, Run)
    assert (after.worker, after.worker_properties, after.start_date) == (None, None, None)
    assert after.cause == Cause(CauseCode.WAITING_FOR_WORKER, "full")


def test_only_a_run_that_never_started_becomes_cancelled() -> None:
    ways = {source for (source, _), targets in TRANSITIONS.items() if RunStatus.CANCELLED in targets}
    assert ways == {RunStatus.PENDING, RunStatus.ASSIGNED}


def test_an_ended_run_keeps_what_the_worker_reported() -> None:
    ended = Finished(
        epoch=2,
        status=RunStatus.FAILED,
        cause=Cause(CauseCode.EXIT_CODE, "command 1 exited with code 7"),
        date=LATER,
        results={"tests": 3},
        log_size=1234,
    )
    after = apply(a_run(RunStatus.RUNNING, start_date=NOW), ended, LATER)
    assert isinstance(after, Run)
    assert (after.status, after.completion_date, after.results) == (RunStatus.FAILED, LATER, {"tests": 3})
    assert (after.log_size, after.log_complete, after.cause.code) == (1234, True, CauseCode.EXIT_CODE)


def test_a_lost_run_says_that_its_log_may_not_be_whole() -> None:
    lost = Lost(epoch=2, cause=Cause(CauseCode.WORKER_LOST, "away for a day"), log_error="the worker is away")
    after = apply(a_run(RunStatus.RUNNING), lost, LATER)
    assert isinstance(after, Run)
    assert (after.status, after.log_complete, after.log_error) == (RunStatus.EXCEPTION, False, "the worker is away")


def test_each_status_but_the_pipelines_own_can_be_reached() -> None:
    reached = {target for targets in TRANSITIONS.values() for target in targets}
    assert reached == frozenset(RunStatus) - {RunStatus.SKIPPED}
