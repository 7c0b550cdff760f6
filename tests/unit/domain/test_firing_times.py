"""When expressions fire, through the changes of clocks; `fuzz/test_cron.py` compares many more with an oracle."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from orchestra.domain.cron import compiled
from orchestra.domain.firing_times import FiringTime, firings, next_firing

PARIS = "Europe/Paris"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def fired(expression: str, zone: str, after: str, until: str) -> list[str]:
    """The firings between two moments of UTC, as `moment of UTC = local times`."""
    found = firings(expression, ZoneInfo(zone), moment(after), moment(until), identity="p/s")
    return [f"{one.date:%d %H:%M} = {', '.join(time[8:] for time in one.local_times)}" for one in found]


def first(expression: str, zone: str, after: str) -> FiringTime:
    found = next_firing(expression, ZoneInfo(zone), moment(after), identity="p/s")
    assert found is not None
    return found


def test_a_skipped_time_fires_once_at_the_change() -> None:
    assert fired("30 2 * * *", PARIS, "2026-03-28", "2026-03-31") == [
        "28 01:30 = 28 02:30",
        "29 01:00 = 29 02:30",
        "30 00:30 = 30 02:30",
    ]
    assert first("30 2 * * *", PARIS, "2026-03-29").shift == (
        "02:30 does not exist on 2026-03-29 in Europe/Paris: fires at the change, 03:00"
    )


def test_times_that_one_change_skips_fire_together() -> None:
    found = first("0,30 2-3 * * *", PARIS, "2026-03-29")
    assert found.date == moment("2026-03-29 01:00")
    assert found.local_times == ("2026-03-29 02:00", "2026-03-29 02:30", "2026-03-29 03:00")
    assert (
        found.shift == "02:00 and 02:30 do not exist on 2026-03-29 in Europe/Paris: fire together at the change, 03:00"
    )
    assert fired("0,30 2-3 * * *", PARIS, "2026-03-29 00:00", "2026-03-29 02:00") == [
        "29 01:00 = 29 02:00, 29 02:30, 29 03:00",
        "29 01:30 = 29 03:30",
    ]


def test_a_repeated_time_fires_the_first_time_only() -> None:
    assert fired("30 2 * * *", PARIS, "2026-10-24 12:00", "2026-10-26 12:00") == [
        "25 00:30 = 25 02:30",
        "26 01:30 = 26 02:30",
    ]
    assert fired("30 2 * * *", PARIS, "2026-10-25 00:45", "2026-10-26 12:00") == ["26 01:30 = 26 02:30"]


def test_what_starts_with_a_star_follows_real_time() -> None:
    assert fired("*/30 2 * * *", PARIS, "2026-03-28 12:00", "2026-03-29 12:00") == []
    assert fired("*/30 2 * * *", PARIS, "2026-10-24 12:00", "2026-10-25 12:00") == [
        "25 00:00 = 25 02:00",
        "25 00:30 = 25 02:30",
        "25 01:00 = 25 02:00",
        "25 01:30 = 25 02:30",
    ]
    assert len(fired("30 * * * *", PARIS, "2026-03-28 23:00", "2026-03-29 22:00")) == 23
    assert len(fired("30 * * * *", PARIS, "2026-10-24 22:00", "2026-10-25 23:00")) == 25


@pytest.mark.parametrize(
    ("expression", "zone", "after", "until", "expected"),
    [
        # A change by half an hour.
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03", "2026-10-04", ["03 15:30 = 04 02:15"]),
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-04", "2026-04-05", ["04 14:45 = 05 01:45"]),
        (
            "*/15 2 * * *",
            "Australia/Lord_Howe",
            "2026-10-03",
            "2026-10-04",
            ["03 15:30 = 04 02:30", "03 15:45 = 04 02:45"],
        ),
        # A day that never was.
        (
            "0 9,10 * * *",
            "Pacific/Apia",
            "2011-12-30",
            "2011-12-31",
            ["30 10:00 = 30 09:00, 30 10:00", "30 19:00 = 31 09:00", "30 20:00 = 31 10:00"],
        ),
        ("0 9 30 12 *", "Pacific/Apia", "2011-12-01", "2012-01-01", ["30 10:00 = 30 09:00"]),
        ("*/30 9 30 12 *", "Pacific/Apia", "2011-12-01", "2012-01-01", []),
        # Midnight is skipped.
        ("0 0 * * 0", "America/Sao_Paulo", "2018-11-03", "2018-11-05", ["04 03:00 = 04 00:00"]),
        ("@daily", "Asia/Beirut", "2026-03-28", "2026-03-29", ["28 22:00 = 29 00:00"]),
        # Summer is the standard time, and winter the exception.
        ("30 1 * * *", "Europe/Dublin", "2026-03-28 12:00", "2026-03-29 12:00", ["29 01:00 = 29 01:30"]),
        ("30 1 * * *", "Europe/Dublin", "2026-10-24 12:00", "2026-10-25 12:00", ["25 00:30 = 25 01:30"]),
        ("30 2 * * *", "Africa/Casablanca", "2026-02-15", "2026-02-16", ["15 01:30 = 15 02:30"]),
        ("30 2 * * *", "Africa/Casablanca", "2026-03-22", "2026-03-23", ["22 02:00 = 22 02:30"]),
        # Beyond the table of the database, by its rule.
        ("30 2 * * *", PARIS, "2090-03-26", "2090-03-27", ["26 01:00 = 26 02:30"]),
        # Two offsets at a new year.
        ("59 23 31 12 *", "Pacific/Kiritimati", "2026-12-31", "2027-01-01", ["31 09:59 = 31 23:59"]),
    ],
)
def test_zones_with_odd_changes(expression: str, zone: str, after: str, until: str, expected: list[str]) -> None:
    assert fired(expression, zone, after, until) == expected


def test_the_search_goes_on_for_decades() -> None:
    assert first("0 12 29 2 */7", "UTC", "2072-03-01").date == moment("2088-02-29 12:00")
    assert first("0 12 29 2 */7", "UTC", "2088-03-01").date == moment("2128-02-29 12:00")


def test_what_never_fires_again_is_told() -> None:
    assert next_firing("0 0 30 2 *", ZoneInfo("UTC"), moment("2026-01-01"), identity="p/s") is None
    assert next_firing("0 0 31 12 *", ZoneInfo("UTC"), moment("9999-12-31 12:00"), identity="p/s") is None
    # The hour is skipped on each last Sunday of March, and real time knows no skipped hour.
    assert next_firing("*/5 2 25-31 3 */7", ZoneInfo(PARIS), moment("2026-01-01"), identity="p/s") is None


def test_the_moment_itself_is_not_after_it() -> None:
    assert first("0 * * * *", "UTC", "2026-01-01 10:00").date == moment("2026-01-01 11:00")
    assert first("0 * * * *", "UTC", "2026-01-01 09:59:59.5").date == moment("2026-01-01 10:00")
    assert first("30 2 * * *", PARIS, "2026-03-29 01:00").date == moment("2026-03-30 00:30")


def test_a_skipped_day_full_of_times_is_said_in_one_sentence() -> None:
    found = first("0 0-23 * * *", "Pacific/Apia", "2011-12-30 09:30")
    assert len(found.local_times) == 25
    assert found.shift == (
        "2011-12-30 00:00, 2011-12-30 01:00, 2011-12-30 02:00 and 21 more do not exist in Pacific/Apia: "
        "fire together at the change, 2011-12-31 00:00"
    )


def test_h_spreads_by_identity_and_stays() -> None:
    draws = {compiled("H H * * *", f"p/s{number}").times for number in range(500)}
    assert len(draws) > 300
    assert compiled("H H * * *", "p/s").times == (11 * 60 + 15,)
    quarters = compiled("H/15 3 * * *", "website/nightly").times
    assert len(quarters) == 4
    assert {after - before for before, after in pairwise(quarters)} == {15}
    assert all(compiled("0 0 H * *", f"p/s{number}").days.days < 1 << 29 for number in range(100))
    assert compiled("H(3-3) H(5-5)/90 * * *", "p/s").times == (5 * 60 + 3,)


def test_expressions_without_h_do_not_depend_on_identity() -> None:
    assert compiled("5 4 * * THU", "a") is compiled("5 4 * * THU", "b")


def test_what_is_no_expression_is_refused() -> None:
    for wrong in ("@reboot", "* * * *", "61 * * * *"):
        with pytest.raises(ValueError, match=r"no point in time|expected five fields|minute"):
            next_firing(wrong, ZoneInfo("UTC"), moment("2026-01-01"), identity="p/s")


def test_a_firing_is_found_again_from_any_moment_before_it() -> None:
    zone = ZoneInfo(PARIS)
    expected = list(firings("20,40 1-3 * * *", zone, moment("2026-10-23"), moment("2026-10-27"), identity="p/s"))
    now = moment("2026-10-23")
    for one in expected:
        while now < one.date:
            assert next_firing("20,40 1-3 * * *", zone, now, identity="p/s") == one
            now += timedelta(minutes=7)
