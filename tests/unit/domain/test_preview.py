"""What a preview shows of a schedule, and what it warns of."""

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from orchestra.domain.cron_lint import about, warnings
from orchestra.domain.preview import Preview, preview

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def preview_of(expression: str, zone: str = "Europe/Paris", *, after: datetime = NEW_YEAR, count: int = 10) -> Preview:
    return preview(expression, ZoneInfo(zone), after, identity="p/s", count=count)


def warned(
    expression: str, zone: str = "UTC", *, overlap: str = "skip", usual_s: float | None = None
) -> dict[str, str]:
    found = warnings(expression, ZoneInfo(zone), NEW_YEAR, identity="p/s", overlap=overlap, usual_s=usual_s)
    return {one.code: one.message for one in found}


def test_the_next_firings_are_shown_in_utc_and_in_the_zone() -> None:
    found = preview_of("30 2 * * 5L", count=2)
    assert found.text == "At 02:30 on the last Friday of each month"
    assert [one.fire_date.isoformat() for one in found.items] == [
        "2026-01-30T01:30:00+00:00",
        "2026-02-27T01:30:00+00:00",
    ]
    assert found.items[0].local_date.isoformat() == "2026-01-30T02:30:00+01:00"
    assert found.items[0].note is None


def test_both_days_of_change_are_spelled_out() -> None:
    spring, autumn = preview_of("30 2 * * *").changes
    assert spring.text == "2026-03-29: clocks in Europe/Paris go from 02:00 forward to 03:00"
    assert autumn.text == "2026-10-25: clocks in Europe/Paris go from 03:00 back to 02:00"
    assert [one.note for one in spring.items] == [
        "02:30 does not exist on 2026-03-29 in Europe/Paris: fires at the change, 03:00"
    ]
    assert [one.note for one in autumn.items] == [
        "02:30 comes twice on 2026-10-25 in Europe/Paris: fires the first time only"
    ]


def test_what_follows_real_time_is_spelled_out() -> None:
    spring, autumn = preview_of("*/30 2 * * *").changes
    assert (spring.count, autumn.count) == (0, 4)
    assert [one.note for one in autumn.items] == [
        "02:00 comes twice on 2026-10-25 in Europe/Paris: this is the first time",
        "02:30 comes twice on 2026-10-25 in Europe/Paris: this is the first time",
        "02:00 comes twice on 2026-10-25 in Europe/Paris: this is the second time",
        "02:30 comes twice on 2026-10-25 in Europe/Paris: this is the second time",
    ]


@pytest.mark.parametrize(
    ("zone", "after", "counts"),
    [
        ("Europe/Paris", "2026-01-01", [23, 25]),
        ("Africa/Casablanca", "2026-01-01", [25, 23]),
        ("UTC", "2026-01-01", []),
    ],
)
def test_a_day_of_change_is_counted_whole(zone: str, after: str, counts: list[int]) -> None:
    found = preview_of("0 * * * *", zone, after=datetime.fromisoformat(after).replace(tzinfo=UTC))
    assert [one.count for one in found.changes] == counts


def test_the_day_that_samoa_skipped_is_spelled_out() -> None:
    (found,) = [
        one
        for one in preview_of("0 9 * * *", "Pacific/Apia", after=datetime(2011, 11, 1, tzinfo=UTC)).changes
        if one.date.month == 12
    ]
    assert found.text == "2011-12-30: clocks in Pacific/Apia go from 00:00 forward to 00:00 of 2011-12-31"
    assert [one.local_times for one in found.items] == [
        ("2011-12-29 09:00",),
        ("2011-12-30 09:00",),
        ("2011-12-31 09:00",),
    ]


def test_a_preview_is_bounded() -> None:
    found = preview_of("* * * * *", count=1_000_000)
    assert len(found.items) == 1000
    assert {(after.fire_date - before.fire_date).total_seconds() for before, after in pairwise(found.items)} == {60}
    assert all(len(one.items) == 24 for one in found.changes)


def test_what_never_fires_has_no_items_and_one_warning() -> None:
    found = preview_of("*/5 2 25-31 3 */7")
    assert found.items == ()
    assert [one.code for one in found.warnings] == ["never"]


@pytest.mark.parametrize(
    ("expression", "code", "says"),
    [
        ("0 0 1 * MON", "either_day", "fit day of month 1 or day of week MON, not only on those that fit both"),
        ("0 0 */2 * MON", "both_days", "because the field day of month starts with *"),
        ("0 0 1-7 * */2", "both_days", "because the field day of week starts with *"),
        ("* 2 * * *", "each_minute", "60 times a day, since the minute is *: for once an hour write 0 2"),
        ("*/1 2,3 * * *", "each_minute", "120 times a day"),
        ("*/7 * * * *", "step", "from 56 to 0 it is 4, not 7"),
        ("0 */5 * * *", "step", "hour */5 begins anew in each day: from 20 to 0 it is 4, not 5"),
        ("0 0 */2 * *", "step", "begins anew at day 1 of each month"),
        ("*/90 * * * *", "step", "minute */90 is 0 alone"),
        ("0 0 31 * *", "short_months", "months without a day 31 are passed over"),
        ("0 0 30W * *", "short_months", "months without a day 30 are passed over"),
        ("0 0 29 2 *", "far", "for the first time on 2028-02-29"),
    ],
)
def test_surprises_are_warned_of(expression: str, code: str, says: str) -> None:
    found = warned(expression)
    assert list(found) == [code]
    assert says in found[code]


@pytest.mark.parametrize(
    "expression",
    [
        "* * * * *",
        "*/15 * * * *",
        "0 */6 * * *",
        "30 2 * * *",
        "0 0 L * *",
        "0 0 15W * *",
        "0 9 * * MON-FRI",
        "H H * * *",
    ],
)
def test_what_is_plain_is_not_warned_of(expression: str) -> None:
    assert warned(expression) == {}


def test_times_in_an_hour_that_changes_are_warned_of() -> None:
    assert warned("30 2 * * *", "Europe/Paris") == {
        "skipped_time": "02:30 does not exist on 2026-03-29 in Europe/Paris: fires at the change, 03:00",
        "repeated_time": "02:30 comes twice on 2026-10-25 in Europe/Paris: fires the first time only",
    }
    assert warned("*/30 2 * * *", "Europe/Paris") == {
        "skipped_time": "02:00 and 02:30 do not exist on 2026-03-29 in Europe/Paris: not made up for, since an "
        "expression whose minute or hour starts with * follows real time",
        "repeated_time": "02:00 and 02:30 come twice on 2026-10-25 in Europe/Paris: fire both times, since an "
        "expression whose minute or hour starts with * follows real time",
    }
    assert warned("30 2 * * MON", "Europe/Paris") == {}
    assert warned("*/5 * * * *", "Europe/Paris") == {}


def test_a_schedule_that_overlaps_with_itself_is_warned_of() -> None:
    assert warned("*/5 * * * *", usual_s=299) == {}
    assert warned("*/5 * * * *", usual_s=300) == {}
    assert warned("*/5 * * * *", usual_s=720) == {
        "overlaps_itself": "a run usually takes 12 min, and it fires again after 5 min: "
        "those that come meanwhile are skipped (overlap: skip)"
    }
    assert "aborts the run before it" in warned("0 3 * * *", overlap="abort_other", usual_s=90_000)["overlaps_itself"]
    assert warned("*/5 * * * *", overlap="allow", usual_s=720) == {}
    assert warned("0 0 1 * *", usual_s=40 * 86_400)["overlaps_itself"].startswith("a run usually takes 40 d, ")


@pytest.mark.parametrize(
    ("duration_s", "says"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (3600, "1 h"),
        (9000, "2 h 30 min"),
        (90_000, "1 d 1 h"),
        (86_460, "1 d 1 min"),
    ],
)
def test_durations_are_said_in_two_units(duration_s: float, says: str) -> None:
    assert about(duration_s) == says
