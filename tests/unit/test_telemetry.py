"""Log lines: each is an event of the catalogue with its fields, and nobody can forge one."""

import ast
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestra import telemetry
from orchestra.telemetry import CATALOGUE, LogEvent, emit

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """The logger as it was."""
    handlers, level, propagate = telemetry.LOGGER.handlers[:], telemetry.LOGGER.level, telemetry.LOGGER.propagate
    yield
    telemetry.LOGGER.handlers[:] = handlers
    telemetry.LOGGER.setLevel(level)
    telemetry.LOGGER.propagate = propagate


def lines(style: str, level: str = "debug") -> io.StringIO:
    stream = io.StringIO()
    telemetry.configure(level, style, stream)
    return stream


def test_every_event_is_in_the_catalogue() -> None:
    assert set(CATALOGUE) == set(LogEvent)


def test_every_event_is_said_somewhere_with_exactly_its_fields() -> None:
    said: set[LogEvent] = set()
    for path in (ROOT / "src").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if not isinstance(call, ast.Call) or not ast.unparse(call.func).endswith("emit") or not call.args:
                continue
            event = ast.unparse(call.args[0]).rpartition("LogEvent.")[2]
            if event not in LogEvent.__members__:
                continue
            fields = tuple(keyword.arg for keyword in call.keywords)
            assert fields == CATALOGUE[LogEvent[event]].fields, f"{path}:{call.lineno}"
            said.add(LogEvent[event])
    assert said == set(LogEvent)


def test_a_line_is_json_where_no_person_reads() -> None:
    stream = lines("auto")
    emit(LogEvent.RUN_EXPIRED, run="r1")
    line = json.loads(stream.getvalue())
    assert (line["level"], line["event"], line["run"]) == ("info", "run.expired", "r1")
    assert line["date"].endswith("Z")


def test_a_line_is_text_for_people() -> None:
    stream = lines("text")
    emit(LogEvent.WORKER_REJECTED, worker="w1", code="name_taken", reason="another one has it")
    assert stream.getvalue()[20:] == (
        'warning worker rejected      worker=w1 code=name_taken reason="another one has it"\n'
    )


@pytest.mark.parametrize("style", ["text", "json"])
def test_nobody_forges_a_line(style: str) -> None:
    stream = lines(style)
    emit(LogEvent.RUN_EXPIRED, run="x\n2026-01-01 00:00:00 info server stopped\x1b[2J\u2028y\x85z")
    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("style", ["text", "json"])
def test_lines_of_other_code_and_tracebacks_are_shown_too(style: str) -> None:
    stream = lines(style)
    try:
        raise ValueError("boom")
    except ValueError:
        telemetry.LOGGER.exception("it %s", "failed")
    assert "it failed" in stream.getvalue()
    assert "ValueError: boom" in stream.getvalue()


def test_an_unexpected_error_is_shown_with_its_traceback() -> None:
    stream = lines("json")
    try:
        raise KeyError("who")
    except KeyError as error:
        emit(LogEvent.TASK_FAILED, task="reaper", error=error)
    line = json.loads(stream.getvalue())
    assert line["error"] == "KeyError('who')"
    assert "test_telemetry.py" in line["traceback"]


def test_what_is_below_the_level_is_not_said() -> None:
    stream = lines("text", "warning")
    emit(LogEvent.RUN_EXPIRED, run="r1")
    assert stream.getvalue() == ""
    assert telemetry.LOGGER.level == logging.WARNING
