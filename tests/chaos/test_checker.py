"""The checker of the chaos test bites: histories with one wrong thing each, and one with nothing wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chaos.checker import violations
from chaos.history import Asked, Ended, Fault, History
from chaos.probe import log_of

RUN = "r1"
ASKED = Asked(key="k", seed="s", blocks=3, pace_ms=1, code=0, trick="plain")
MARKS = "start 7\nblock 0\nblock 1\nblock 2\nend 0\n"
LOG = log_of("s", 3)
STEPS = (("", "pending", 0), ("pending", "assigned", 1), ("assigned", "running", 1), ("running", "succeeded", 1))


def _event(before: str, after: str, epoch: int) -> dict[str, Any]:
    return {"data": {"from": before or None, "to": after, "epoch": epoch}}


def _row(**changes: Any) -> dict[str, Any]:
    row = {
        "status": "succeeded",
        "cause": {"code": "succeeded", "message": "every command exited with code 0"},
        "worker": "east",
        "parameters": ASKED.parameters(),
        "log_size": len(LOG),
        "log_complete": True,
        "log_error": None,
    }
    return row | changes


def _history() -> History:
    ended = Ended(row=_row(), log=LOG, log_problem="", events=[_event(*step) for step in STEPS], marks=MARKS)
    return History(asked={"k": ASKED}, answers={"k": {RUN}}, runs={RUN: ended}, marked={RUN})


def _with(**changes: Any) -> Callable[[History], None]:
    def change(history: History) -> None:
        history.runs[RUN] = replace(history.runs[RUN], **changes)

    return change


def _two_runs(history: History) -> None:
    history.answers["k"].add("r2")
    history.runs["r2"] = history.runs[RUN]


WRONG: dict[str, tuple[Callable[[History], None], str]] = {
    "lost": (lambda history: history.answers["k"].add("r2"), "does not exist"),
    "two for one key": (_two_runs, "answered with"),
    "started twice": (_with(marks="start 7\n" + MARKS), "started 2 times"),
    "started and cancelled": (_with(row=_row(status="cancelled")), "is cancelled, and it started"),
    "never ended": (_with(row=_row(status="running")), "is still running"),
    "a lie about its end": (_with(marks="start 7\nblock 0\nend 3\n"), "its marks end with 3"),
    "no end at all": (_with(marks="start 7\nblock 0\n"), "its marks end with None"),
    "stopped by nobody": (_with(row=_row(status="aborted")), "nobody asked for it"),
    "lost without a reason": (
        _with(row=_row(status="exception", cause={"code": "executor_lost", "message": "?"})),
        "nothing was done that explains it",
    ),
    "a step too many": (_with(events=[*(_event(*step) for step in STEPS), _event("succeeded", "failed", 1)]), "→"),
    "an epoch skipped": (_with(events=[_event(*STEPS[0]), _event("pending", "assigned", 2)]), "epoch 0 → 2"),
    "a byte that nobody wrote": (_with(log=LOG[:-1] + b"?"), "was never written"),
    "a log cut in silence": (_with(log=LOG[:5], row=_row(log_size=5)), "complete with 5 bytes"),
    "another size": (_with(row=_row(log_size=1)), "log_size 1"),
    "incomplete without a word": (_with(row=_row(log_complete=False)), "no log_error"),
    "incomplete without a reason": (
        _with(row=_row(log_complete=False, log_error="gone")),
        "nothing was done that explains it",
    ),
    "unreadable": (_with(log=None, log_problem="503"), "cannot be read"),
    "leaked": (lambda history: history.leaks.append("a process"), "a process"),
}


def test_a_history_with_nothing_wrong_has_no_violations() -> None:
    assert violations(_history()) == []


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_found(name: str) -> None:
    change, expected = WRONG[name]
    history = _history()
    change(history)
    found = violations(history)
    assert any(expected in one for one in found), found


def test_a_fault_that_was_done_explains_what_it_costs() -> None:
    history = _history()
    _with(
        events=[*(_event(*step) for step in STEPS[:-1]), _event("running", "exception", 1)],
        row=_row(
            status="exception",
            cause={"code": "executor_lost", "message": "killed"},
            log_complete=False,
            log_error="the end may be missing",
        ),
    )(history)
    history.faults.append(Fault(1, "kill -9 executor", "east"))
    assert violations(history) == []
