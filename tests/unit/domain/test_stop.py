"""The receipt of a stop: whose word counts for what, and how it is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestra.domain.run import Cause, CauseCode, Finished, GivenBack, NeverStarted, Run, RunStatus, apply
from orchestra.domain.stop import Stop, Survivor, describe, merged


def at(seconds: float) -> datetime:
    return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=seconds)


ASKED = Stop(requested_date=at(0), requested_by="ada")
TOLD = Stop(
    requested_date=at(1.5), requested_by="ada", delivered_date=at(1.5), terminated_date=at(2), verified_date=at(3)
)
STOPPING = replace(TOLD, verified_date=None)
LIMIT = Stop(requested_date=at(1), requested_by="the limit timeout", delivered_date=at(1), verified_date=at(3))
SURVIVORS = (Survivor(pid=9, command="dd"), Survivor(pid=0, command="a container"))


def test_when_it_was_requested_is_the_servers_word_and_the_rest_the_workers() -> None:
    assert merged(ASKED, TOLD, is_end=False) == replace(TOLD, requested_date=at(0))
    assert merged(ASKED, None, is_end=True) == ASKED
    assert merged(None, None, is_end=True) is None


def test_a_limit_that_was_quicker_than_the_wish_counts_at_the_end_for_what_is_alive() -> None:
    assert merged(ASKED, LIMIT, is_end=False) == ASKED
    assert merged(ASKED, LIMIT, is_end=True) == replace(ASKED, verified_date=at(3))


def test_a_worker_cannot_say_that_somebody_asked_who_did_not() -> None:
    told = merged(None, TOLD, is_end=True)
    assert told is not None
    assert told.requested_by == "the worker itself"
    assert merged(None, LIMIT, is_end=True) == LIMIT


def run(status: RunStatus) -> Run:
    return Run(
        project="p",
        identifier="r",
        number=1,
        job="j",
        job_revision=1,
        worker="w",
        status=status,
        epoch=1,
        stop=ASKED,
        should_abort=True,
        creation_date=at(-9),
        update_date=at(-9),
    )


def test_the_end_of_a_run_brings_its_receipt() -> None:
    cause = Cause(CauseCode.ABORTED_BY, "aborted by ada")
    fact = Finished(epoch=1, status=RunStatus.ABORTED, cause=cause, date=at(3), stop=TOLD)
    after = apply(run(RunStatus.RUNNING), fact, at(4))
    assert isinstance(after, Run)
    assert after.stop == replace(TOLD, requested_date=at(0))


def test_nothing_is_alive_of_what_never_started() -> None:
    cause = Cause(CauseCode.CANCELLED_BY, "stopped")
    after = apply(run(RunStatus.ASSIGNED), NeverStarted(epoch=1, cause=cause), at(4))
    assert isinstance(after, Run)
    assert after.stop == replace(ASKED, verified_date=at(4))
    given_back = apply(run(RunStatus.ASSIGNED), GivenBack(epoch=1, reason="full"), at(4))
    assert isinstance(given_back, Run)
    assert given_back.stop == ASKED


@pytest.mark.parametrize(
    ("stop", "options", "said"),
    [
        (ASKED, {"is_connected": False}, "not delivered yet: worker w1 is offline; it is told when it comes back"),
        (ASKED, {}, "not delivered yet: w1 is being told"),
        (ASKED, {"has_ended": True}, "the run ended before its processes were told"),
        (replace(ASKED, delivered_date=at(1)), {"is_connected": False}, "delivered to w1; nothing was signalled yet"),
        (STOPPING, {}, "told to end; its processes have their grace period, then its cleanup runs"),
        (replace(STOPPING, killed_date=at(2)), {}, "killed; waits for the last processes to end"),
        (TOLD, {"has_ended": True}, "nothing of the run is alive"),
        (replace(STOPPING, survivors=SURVIVORS), {}, "still alive after the kill signal: 9 (dd), a container"),
    ],
)
def test_it_is_told_how_far_it_came(stop: Stop, options: dict[str, Any], said: str) -> None:
    assert describe(stop, worker="w1", **{"is_connected": True, "has_ended": False, **options}) == said
