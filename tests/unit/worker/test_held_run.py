"""A held run is a fold over its journal: the same records, live or read from the folder, give the same messages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from orchestra.domain.recovery import Phase
from orchestra.domain.run import Cause, CauseCode, RunStatus
from orchestra.worker.held_run import HeldRun, date_of, finished_record
from orchestra.worker.record import EMPTY_SHA256
from orchestra.worker.requests import Request, RequestedCommand, RunKey


def command(name: str, phase: str = "commands") -> RequestedCommand:
    return RequestedCommand(name=name, run=["do", name], phase=phase, argv=["do", name], environment={}, timeout=None)


def held() -> HeldRun:
    key = RunKey("00000000-0000-7000-8000-000000000001", 2)
    request = Request(
        run=key.run,
        epoch=key.epoch,
        workspace="/w",
        clean=False,
        environment={},
        commands=[command("one"), command("two", "finally")],
        values=None,
        timeout=None,
        silence_timeout=None,
        grace=1.0,
    )
    return HeldRun(key=key, request=request)


RECORDS: list[dict[str, Any]] = [
    {"type": "started", "date": 1_000_001},
    {"type": "began", "step": 0, "date": 1_000_001, "log_start": 0},
    {"type": "spawned", "step": 0, "pid": 9, "ticks": [1, 2]},
    {"type": "ended", "step": 0, "date": 2_000_000, "log_end": 10, "exit_code": 3},
    {"type": "began", "step": 1, "date": 2_000_000, "log_start": 10},
    {"type": "ended", "step": 1, "date": 3_000_000, "log_end": 12, "exit_code": 0},
    {
        "type": "finished",
        "status": "failed",
        "code": "exit_code",
        "message": "one: exited with code 3",
        "date": 3_000_000,
        "log_size": 12,
        "log_sha256": "ab" * 32,
        "log_error": None,
        "results": '{"é": 1}',
        "result_error": None,
    },
]


def test_phases_follow_the_journal() -> None:
    run = held()
    phases = [run.phase]
    for record in RECORDS:
        run.absorb([record])
        phases.append(run.phase)
    assert phases == [Phase.ACCEPTED] + [Phase.STARTED] * 6 + [Phase.FINISHED]
    assert (run.held.run, run.held.epoch, run.held.log_size) == (run.key.run, 2, 12)


def test_the_messages_carry_what_was_recorded() -> None:
    run = held()
    run.absorb(RECORDS)
    started, finished = run.started_message(), run.finished_message()
    assert started is not None and started.date == datetime(1970, 1, 1, 0, 0, 1, 1, tzinfo=UTC)
    assert finished is not None
    assert (finished.status, finished.cause) == (
        RunStatus.FAILED,
        Cause(CauseCode.EXIT_CODE, "one: exited with code 3"),
    )
    assert (finished.log_size, finished.log_sha256, finished.results) == (12, "ab" * 32, '{"é": 1}'.encode())
    assert not finished.never_started
    first, second = finished.steps
    assert (first.name, first.command, first.phase) == ("one", ("do", "one"), "commands")
    assert (first.exit_code, first.log_start, first.log_end) == (3, 0, 10)
    assert (second.name, second.phase, second.log_start, second.log_end) == ("two", "finally", 10, 12)
    assert second.completion_date == date_of(3_000_000)


def test_records_that_come_twice_change_nothing() -> None:
    once, twice = held(), held()
    once.absorb(RECORDS)
    for record in RECORDS:
        twice.absorb([record, record])
    twice.absorb(RECORDS)
    assert twice.finished_message() == once.finished_message()
    assert twice.stepped_message() == once.stepped_message()


def test_an_end_before_any_start_is_told_as_such() -> None:
    run = held()
    run.absorb([finished_record(RunStatus.CANCELLED, Cause(CauseCode.CANCELLED_BY, "stopped by ada"), 5)])
    finished = run.finished_message()
    assert finished is not None and finished.never_started
    assert (finished.log_size, finished.log_sha256) == (0, EMPTY_SHA256)
    assert run.started_message() is None


def test_a_damaged_log_is_reported_as_empty_with_the_reason() -> None:
    run = held()
    run.absorb(RECORDS)
    run.damage = "the worker lost the log"
    finished = run.finished_message()
    assert finished is not None
    assert (finished.log_size, finished.log_sha256, finished.log_error) == (0, EMPTY_SHA256, "the worker lost the log")
    assert finished.status is RunStatus.FAILED
