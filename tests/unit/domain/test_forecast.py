"""The load to come: firings are counted exactly, durations are spread over the hours."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from fuzz.cron import ZONES, expression
from orchestra.domain.firing_times import firings
from orchestra.domain.forecast import Forecast, ForecastSchedule, forecast

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


def a_schedule(
    expression: str, usual_s: float | None = None, zone: str = "UTC", overlap: str = "skip", name: str = "p/s"
) -> ForecastSchedule:
    return ForecastSchedule(name=name, expression=expression, zone=ZoneInfo(zone), overlap=overlap, usual_s=usual_s)


def busy(*schedules: ForecastSchedule, hours: int = 6) -> list[float]:
    return list(forecast(schedules, BEGIN, hours).busy_s)


def counted(one: ForecastSchedule, begin: datetime, hours: int) -> list[int]:
    """The firings of each hour, one by one."""
    second = timedelta(seconds=1)
    every = firings(one.expression, one.zone, begin - second, begin + hours * HOUR - second, identity=one.name)
    found = Counter((firing.date - begin) // HOUR for firing in every)
    return [found[hour] for hour in range(hours)]


def test_firings_are_counted_by_the_hour_of_utc() -> None:
    found = forecast([a_schedule("*/20 2-3 * * *", zone="Asia/Kolkata")], BEGIN - timedelta(hours=5), 4)
    # 02:00 to 03:40 there are 20:30 to 22:10 here.
    assert found.firings == (0, 2, 3, 1)
    assert found.without_duration == 1


def test_any_expression_in_any_zone_is_counted_as_it_fires() -> None:
    chance = random.Random(5)
    for number in range(150):
        zone = chance.choice(ZONES)
        begin = datetime(2026, chance.choice((3, 4, 9, 10, 11)), 1, tzinfo=UTC) + HOUR * chance.randrange(700)
        one = a_schedule(expression(chance, chance.randrange(4)), zone=zone, name=f"p/s{number}")
        assert list(forecast([one], begin, 48).firings) == counted(one, begin, 48), (one, begin)


@pytest.mark.parametrize(
    ("zone", "begin"),
    [
        ("Europe/Paris", "2026-03-28"),
        ("Europe/Paris", "2026-10-24"),
        ("Australia/Lord_Howe", "2026-04-04"),
        ("Australia/Lord_Howe", "2026-10-03"),
        ("Pacific/Apia", "2011-12-29"),
        ("Pacific/Chatham", "2026-09-26"),
        ("America/Sao_Paulo", "2018-11-03"),
    ],
)
@pytest.mark.parametrize("times", ["30 * * * *", "*/7 2 * * *", "0,15,45 0-3 * * *", "59 23 * * *", "0-59 0-23 * * *"])
def test_changes_of_the_clock_are_counted_exactly(zone: str, begin: str, times: str) -> None:
    one = a_schedule(times, zone=zone)
    for hours_later in (0, 13, 24, 25):
        start = datetime.fromisoformat(begin).replace(tzinfo=UTC) + hours_later * HOUR
        assert list(forecast([one], start, 60).firings) == counted(one, start, 60)


def test_a_run_takes_the_hours_that_it_lasts() -> None:
    assert busy(a_schedule("0 1 * * *", 600)) == [0, 600, 0, 0, 0, 0]
    assert busy(a_schedule("45 1 * * *", 1800)) == [0, 900, 900, 0, 0, 0]
    assert busy(a_schedule("45 1 * * *", 9000)) == [0, 900, 3600, 3600, 900, 0]
    assert busy(a_schedule("45 1 * * *", 90_000)) == [0, 900, 3600, 3600, 3600, 3600]
    assert busy(a_schedule("0 1 * * *", 3600)) == [0, 3600, 0, 0, 0, 0]


def test_runs_of_one_schedule_share_a_slot_unless_they_may_overlap() -> None:
    assert busy(a_schedule("*/5 2 * * *", 600)) == [0, 0, 3600, 0, 0, 0]
    assert sum(busy(a_schedule("*/5 2 * * *", 600, overlap="allow"))) == 12 * 600
    assert busy(*[a_schedule("*/5 2 * * *", 600)] * 3)[2] == 3 * 3600


def test_the_heaviest_schedules_are_named() -> None:
    found: Forecast = forecast(
        [a_schedule("0 * * * *", 60 * number, name=f"p/s{number}") for number in range(1, 15)], BEGIN, 24
    )
    assert [one.name for one in found.heaviest] == [f"p/s{number}" for number in range(14, 4, -1)]
    assert (found.heaviest[0].firings, found.heaviest[0].busy_s) == (24, 24 * 14 * 60)


def test_what_does_not_fire_has_no_part() -> None:
    found = forecast([a_schedule("0 0 30 2 *", 60), a_schedule("0 0 1 2 *")], BEGIN, 24)
    assert (sum(found.firings), sum(found.busy_s), found.heaviest, found.without_duration) == (0, 0, (), 0)
