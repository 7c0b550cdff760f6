"""Each cell of the recovery table: what the server's row says × what the worker holds."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest

from orchestra.domain.recovery import Action, Held, Phase, reconcile
from orchestra.domain.run import (
    ACTIVE,
    TERMINAL,
    CauseCode,
    GivenBack,
    Lost,
    Refusal,
    Run,
    RunStatus,
    apply,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
RUN = "0192f3a0-0000-7000-8000-000000000000"


def a_row(
    status: RunStatus,
    *,
    worker: str = "here",
    epoch: int = 1,
    log_complete: bool = True,
    artifacts_complete: bool = True,
) -> Run:
    started = NOW if status is RunStatus.RUNNING or status in TERMINAL else None
    return Run(
        project="core",
        identifier=RUN,
        number=1,
        job="build",
        job_revision=1,
        status=status,
        worker=worker,
        epoch=epoch,
        start_date=started,
        log_complete=log_complete,
        artifacts_complete=artifacts_complete,
        creation_date=NOW,
        update_date=NOW,
    )


def verdict_for(row: Run | None, held: Held, log_offset: int = 0) -> Action:
    rows = {} if row is None else {RUN: row}
    result = reconcile("here", rows, {RUN: log_offset}, [held], same_boot=True, same_installation=True)
    assert len(result.verdicts) == 1
    assert result.facts == () or row is not None
    return result.verdicts[0].action


@pytest.mark.parametrize(("status", "phase"), list(product(sorted(ACTIVE), Phase)))
def test_an_active_run_that_is_held_goes_on(status: RunStatus, phase: Phase) -> None:
    held = Held(run=RUN, epoch=1, phase=phase, log_size=7)
    result = reconcile("here", {RUN: a_row(status)}, {RUN: 5}, [held], same_boot=True, same_installation=True)
    assert [(one.action, one.log_offset) for one in result.verdicts] == [(Action.RESUME, 5)]
    assert result.facts == ()


def test_wishes_that_wait_come_with_the_verdict() -> None:
    row = replace(a_row(RunStatus.RUNNING), should_abort=True, stop_requested_by="maya")
    held = Held(run=RUN, epoch=1, phase=Phase.STARTED)
    verdict = reconcile("here", {RUN: row}, {}, [held], same_boot=True, same_installation=True).verdicts[0]
    assert (verdict.should_abort, verdict.should_cancel, verdict.stop_requested_by) == (True, False, "maya")


@pytest.mark.parametrize(("status", "phase"), list(product(sorted(TERMINAL), Phase)))
def test_an_ended_run_is_forgotten_and_one_whose_log_may_still_come_is_delivered(
    status: RunStatus, phase: Phase
) -> None:
    held = Held(run=RUN, epoch=1, phase=phase)
    assert verdict_for(a_row(status, log_complete=True), held) is Action.FORGET
    assert verdict_for(a_row(status, log_complete=False), held) is Action.DELIVER
    assert verdict_for(a_row(status, artifacts_complete=False), held) is Action.DELIVER


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("status", list(RunStatus))
def test_what_belongs_to_another_epoch_or_worker_is_forgotten(status: RunStatus, phase: Phase) -> None:
    old = Held(run=RUN, epoch=1, phase=phase)
    assert verdict_for(a_row(status, epoch=2), old) is Action.FORGET
    assert verdict_for(a_row(status, worker="elsewhere"), old) is Action.FORGET


@pytest.mark.parametrize("phase", list(Phase))
def test_a_pending_run_that_is_held_is_forgotten(phase: Phase) -> None:
    row = replace(a_row(RunStatus.PENDING), worker=None)
    assert verdict_for(row, Held(run=RUN, epoch=1, phase=phase)) is Action.FORGET


@pytest.mark.parametrize("phase", list(Phase))
def test_a_run_that_the_server_does_not_know_is_quarantined(phase: Phase) -> None:
    assert verdict_for(None, Held(run=RUN, epoch=1, phase=phase)) is Action.QUARANTINE


@pytest.mark.parametrize(
    ("status", "same_boot", "same_installation", "expected"),
    [
        (RunStatus.ASSIGNED, True, True, None),
        (RunStatus.ASSIGNED, False, True, CauseCode.HOST_REBOOTED),
        (RunStatus.ASSIGNED, True, False, CauseCode.WORKER_LOST),
        (RunStatus.ASSIGNED, False, False, CauseCode.WORKER_LOST),
        (RunStatus.RUNNING, True, True, CauseCode.WORKER_LOST),
        (RunStatus.RUNNING, False, True, CauseCode.HOST_REBOOTED),
        (RunStatus.RUNNING, True, False, CauseCode.WORKER_LOST),
        (RunStatus.RUNNING, False, False, CauseCode.WORKER_LOST),
    ],
)
def test_an_active_run_that_is_not_held_goes_back_only_where_that_proves_that_it_never_started(
    status: RunStatus, same_boot: bool, same_installation: bool, expected: CauseCode | None
) -> None:
    row = a_row(status)
    result = reconcile("here", {RUN: row}, {}, [], same_boot=same_boot, same_installation=same_installation)
    assert result.verdicts == ()
    ((run, fact),) = result.facts
    assert run == RUN
    if expected is None:
        assert isinstance(fact, GivenBack)
    else:
        assert isinstance(fact, Lost)
        assert fact.cause.code is expected
    assert not isinstance(apply(row, fact, NOW), Refusal)


def test_a_run_held_by_an_old_epoch_is_fenced_and_the_present_assignment_counts_as_not_held() -> None:
    held = Held(run=RUN, epoch=1, phase=Phase.FINISHED)
    row = a_row(RunStatus.ASSIGNED, epoch=2)
    result = reconcile("here", {RUN: row}, {}, [held], same_boot=True, same_installation=True)
    assert [one.action for one in result.verdicts] == [Action.FORGET]
    assert [type(fact) for _, fact in result.facts] == [GivenBack]


def test_runs_of_other_workers_are_left_alone() -> None:
    rows = {RUN: a_row(RunStatus.RUNNING, worker="elsewhere")}
    assert reconcile("here", rows, {}, [], same_boot=False, same_installation=True).facts == ()
