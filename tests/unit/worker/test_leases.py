"""Leases of exclusive runs: they reach from the question on, and nothing starts or lives without one."""

from __future__ import annotations

from pathlib import Path

from orchestra.worker.lease_timer import LOOK_S, LeaseTimer
from orchestra.worker.leases import Leases
from orchestra.worker.requests import RunKey
from unit.worker.test_runs import ToldExecutors

KEY, OTHER = RunKey("a", 1), RunKey("b", 1)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_lease_reaches_from_the_question_not_from_the_answer(tmp_path: Path) -> None:
    clock, executors = Clock(), ToldExecutors()
    leases = Leases(executors, clock)
    leases.hold(KEY, 60.0)
    clock.now = 500.0
    leases.confirmed(110.0)
    assert leases.until(KEY) == 170.0
    assert executors.asked == [("renew until 170", KEY)]
    assert not leases.admits(KEY)


def test_an_answer_that_comes_late_takes_nothing_back_and_none_comes_from_the_future() -> None:
    clock = Clock()
    leases = Leases(ToldExecutors(), clock)
    leases.hold(KEY, 60.0)
    leases.confirmed(90.0)
    leases.confirmed(50.0)
    assert leases.until(KEY) == 150.0
    leases.confirmed(1e9)
    assert leases.until(KEY) == 160.0


def test_what_waits_for_an_answer_is_urgent_and_named_once_by_it() -> None:
    leases = Leases(ToldExecutors(), Clock())
    leases.hold(KEY, 60.0)
    assert not leases.admits(KEY)
    assert leases.needed.is_set() and leases.urgent.is_set()
    assert leases.confirmed(100.0) == (KEY,)
    assert (leases.admits(KEY), leases.confirmed(100.0)) == (True, ())


def test_a_welcome_starts_nothing_that_waited_before_it() -> None:
    leases = Leases(ToldExecutors(), Clock())
    leases.hold(KEY, 60.0)
    leases.admits(KEY)
    leases.welcomed(99.0)
    assert (leases.confirmed(100.0), leases.until(KEY)) == ((), 160.0)


def test_runs_that_are_not_exclusive_need_nobody() -> None:
    leases = Leases(ToldExecutors(), Clock())
    leases.hold(KEY, None)
    assert (leases.admits(KEY), leases.until(KEY), leases.needed.is_set()) == (True, None, False)


def test_the_shortest_lease_says_how_often_to_ask_until_no_run_is_left() -> None:
    leases = Leases(ToldExecutors(), Clock())
    leases.hold(KEY, 60.0)
    leases.hold(OTHER, 20.0)
    assert leases.ask_every_s == 5.0
    leases.release(OTHER)
    assert leases.ask_every_s == 15.0
    leases.release(KEY)
    assert not leases.needed.is_set()


def test_a_timer_that_has_lapsed_stays_so() -> None:
    clock = Clock()
    timer = LeaseTimer(60.0, 103.0, clock)
    assert (timer.left_s(), timer.has_lapsed) == (3.0, False)
    timer.renew(200.0)
    assert timer.left_s() == LOOK_S
    clock.now = 200.0
    assert (timer.left_s(), timer.has_lapsed) == (0.0, True)
    timer.renew(900.0)
    assert timer.left_s() == 0.0
    assert LeaseTimer(None, None, clock).left_s() > 1e9
