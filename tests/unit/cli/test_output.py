"""What people read: durations, sizes, and the words for a run."""

from datetime import UTC, datetime, timedelta

import click
import msgspec
import pytest

from orchestra.cli import output, run_words
from orchestra.client.entities import Cause, Run, Step
from orchestra.domain.run import RunStatus

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def a_run(**fields: object) -> Run:
    values: dict[str, object] = {
        "project": "core",
        "identifier": "0192f3a0-0000-7000-8000-000000000000",
        "number": 7,
        "job": "build",
        "job_revision": 1,
        "parameters": {},
        "source": {"type": "user", "user": "maya"},
        "worker": None,
        "status": RunStatus.PENDING,
        "cause": Cause(code="waiting_for_worker", message="waits for a worker"),
        "priority": 0,
        "start_date": None,
        "completion_date": None,
        "results": None,
        "result_error": None,
        "should_cancel": False,
        "should_abort": False,
        "stop": None,
        "steps": (),
        "worker_properties": None,
        "log_size": 0,
        "log_complete": False,
        "log_error": None,
        "expiration_date": None,
        "creation_date": NOW,
        "update_date": NOW,
    }
    return msgspec.convert(values | fields, Run)


def a_step(command: str | tuple[str, ...]) -> Step:
    return Step(
        name="a",
        command=command,
        phase="commands",
        start_date=None,
        completion_date=None,
        exit_code=None,
        log_start=0,
        log_end=None,
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.96, "10.0 s"),
        (41, "41 s"),
        (401, "6m 41s"),
        (3600 * 3 + 300, "3h 05m"),
        (86_400 * 2 + 3600 * 4, "2d 04h"),
        (-5, "0.0 s"),
        (None, ""),
    ],
)
def test_a_duration_has_two_units_at_most(seconds: float | None, text: str) -> None:
    assert output.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (12_400, "12.4 kB"), (1_100_000_000, "1.1 GB"), (10**13, "10000.0 GB")],
)
def test_a_size_is_in_powers_of_a_thousand(count: int, text: str) -> None:
    assert output.size(count) == text


@pytest.mark.parametrize("status", list(RunStatus))
def test_each_status_has_a_shape_and_its_word(status: RunStatus) -> None:
    shown = click.unstyle(run_words.status(a_run(status=status)))
    assert shown.endswith(f" {status}")
    assert len({shape for shape, _ in run_words.STATUS_STYLE.values()}) == len(RunStatus)


def test_a_wish_that_waits_is_shown_instead_of_the_status() -> None:
    assert "aborting" in run_words.status(a_run(status=RunStatus.RUNNING, should_abort=True))
    assert "cancelling" in run_words.status(a_run(status=RunStatus.ASSIGNED, should_cancel=True))
    assert "aborted" in run_words.status(a_run(status=RunStatus.ABORTED, should_abort=True))


def test_how_long_ago_becomes_a_day_once_nobody_counts_any_more() -> None:
    assert output.ago(NOW, NOW + timedelta(seconds=12)) == "12 s ago"
    assert output.ago(NOW, NOW + timedelta(days=2, hours=4)) == "2d 04h ago"
    assert output.ago(NOW, NOW + timedelta(days=2000)) == "2026-01-02"
    assert output.ago(None) == ""


def test_time_taken_goes_on_until_the_end() -> None:
    assert output.taken(NOW, NOW + timedelta(seconds=41)) == "41 s"
    assert output.taken(None, None) == ""


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ({"type": "user", "user": "maya"}, "maya"),
        ({"type": "schedule", "schedule": "nightly"}, "schedule nightly"),
        ({"type": "run", "run": "0192f3a0-1111-7000-8000-000000000000", "reason": "retry"}, "retry of 0192f3a0"),
        ({"type": "webhook"}, "webhook"),
    ],
)
def test_the_source_is_told_in_a_few_words(source: dict[str, str], text: str) -> None:
    assert run_words.source(a_run(source=source)) == text


def test_a_command_is_one_line_of_at_most_60_characters() -> None:
    assert run_words.command_text(a_step(("echo", "two words"))) == "echo 'two words'"
    assert run_words.command_text(a_step("set -e\n  make")) == "set -e make"
    assert len(run_words.command_text(a_step("x" * 500))) == 60


def test_columns_align_whatever_their_colours(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(("A", "B"), [(click.style("x", fg="red"), "1"), ("long", "2")], empty="nothing")
    assert capsys.readouterr().out == "A     B\nx     1\nlong  2\n"


def test_an_empty_table_says_so_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(("A",), [], empty="no runs yet")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "no runs yet\n")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        (click.style("red", fg="red"), "\x1b[31mred\x1b[0m"),
        ("two\nlines", "two lines"),
        ("\x1b]0;title\x07", "\ufffd]0;title\ufffd"),
        ("\x1b[2J\x1b[1;1Hgone", "\ufffd[2J\ufffd[1;1Hgone"),
        ("back\rward\x08", "back\ufffdward\ufffd"),
        ("c1 \x9b31m", "c1 \ufffd31m"),
    ],
)
def test_what_somebody_wrote_into_a_name_does_not_move_the_cursor(text: str, shown: str) -> None:
    assert output.harmless(text) == shown


def test_json_has_dates_as_the_api_writes_them(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json({"date": NOW, "more": [NOW.replace(microsecond=5)], "none": None})
    assert '"2026-01-02T03:04:05.000000Z"' in (out := capsys.readouterr().out)
    assert '"2026-01-02T03:04:05.000005Z"' in out and '"none": null' in out


def test_facts_that_are_not_there_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_facts("core", [("name", "Core"), ("note", ""), ("services", "one\ntwo")])
    assert capsys.readouterr().out == "core\n  name      Core\n  services  one\n            two\n"
