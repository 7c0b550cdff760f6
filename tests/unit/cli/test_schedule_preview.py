"""`orchestra schedule preview` of an expression, without a server."""

import json
import time
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from orchestra.cli.app import cli


@pytest.fixture(autouse=True)
def my_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def preview(*words: str) -> Result:
    return CliRunner().invoke(cli, ["schedule", "preview", *words])


def test_firings_are_shown_in_the_schedules_zone_and_in_mine() -> None:
    answer = preview("*/30 2 * * *", "--time-zone", "Europe/Paris", "--count", "1", "--after", "2026-03-01")
    assert answer.exit_code == 0, answer.output
    assert answer.output.splitlines() == [
        "At 02:00 and 02:30 every day, Europe/Paris",
        "warning: 02:00 and 02:30 do not exist on 2026-03-29 in Europe/Paris: not made up for, since an expression "
        "whose minute or hour starts with * follows real time",
        "warning: 02:00 and 02:30 come twice on 2026-10-25 in Europe/Paris: fire both times, since an expression "
        "whose minute or hour starts with * follows real time",
        "",
        "Europe/Paris                YOUR TIME                 NOTE",
        "Sun 2026-03-01 02:00 +0100  Sat 2026-02-28 20:00 EST",
        "",
        "2026-03-29: clocks in Europe/Paris go from 02:00 forward to 03:00; it fires not at all on that day",
        "",
        "2026-10-25: clocks in Europe/Paris go from 03:00 back to 02:00; it fires 4 times on that day",
        "Europe/Paris                YOUR TIME                 NOTE",
        "Sun 2026-10-25 02:00 +0200  Sat 2026-10-24 20:00 EDT  02:00 comes twice on 2026-10-25 in Europe/Paris: "
        "this is the first time",
        "Sun 2026-10-25 02:30 +0200  Sat 2026-10-24 20:30 EDT  02:30 comes twice on 2026-10-25 in Europe/Paris: "
        "this is the first time",
        "Sun 2026-10-25 02:00 +0100  Sat 2026-10-24 21:00 EDT  02:00 comes twice on 2026-10-25 in Europe/Paris: "
        "this is the second time",
        "Sun 2026-10-25 02:30 +0100  Sat 2026-10-24 21:30 EDT  02:30 comes twice on 2026-10-25 in Europe/Paris: "
        "this is the second time",
    ]


def test_json_is_what_the_server_answers() -> None:
    answer = preview("@daily", "--count", "1", "--after", "2026-01-01", "--output", "json")
    assert json.loads(answer.output) == {
        "expression": "@daily",
        "time_zone": "UTC",
        "text": "At 00:00 every day",
        "items": [
            {
                "fire_date": "2026-01-02T00:00:00.000000Z",
                "local_date": "2026-01-02T00:00:00+00:00",
                "local_times": ["2026-01-02 00:00"],
                "note": None,
            }
        ],
        "changes": [],
        "warnings": [],
    }


def test_h_draws_from_a_name() -> None:
    assert "At 11:15 every day" in preview("H H * * *", "--name", "p/s").output
    assert "warning: H is drawn from the schedule's name" in preview("H H * * *").output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("61 24 * * *",), "minute: '61'"),
        (("61 24 * * *",), "hour: '24'"),
        (("@dialy",), "did you mean '@daily'?"),
        (("@daily", "--time-zone", "europe/paris"), "did you mean 'Europe/Paris'?"),
        (("core/nightly", "--time-zone", "UTC"), "a schedule has its own time zone"),
        (("nightly",), "'nightly' is not PROJECT/SCHEDULE"),
        (("@daily", "--after", "never"), "--after never leaves no firing"),
    ],
)
def test_wrong_usage_is_told(words: tuple[str, ...], says: str) -> None:
    answer = preview(*words)
    assert answer.exit_code == 2
    assert says in answer.output
