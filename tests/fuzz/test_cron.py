"""Firing times, compared with an oracle that asks every minute, in every time zone."""

from __future__ import annotations

from itertools import islice

from fuzz.cron import EXPRESSIONS_PER_MOMENT, ZONES, Tally, cases, difference


def test_firing_times_are_those_of_asking_every_minute_in_every_zone() -> None:
    """`make cron-oracle` compares more."""
    tally = Tally()
    each_zone_once = islice(cases(8, ZONES), 0, len(ZONES) * EXPRESSIONS_PER_MOMENT, EXPRESSIONS_PER_MOMENT)
    assert [wrong for case in each_zone_once if (wrong := difference(case, tally)) is not None] == []
    assert tally.cases == len(ZONES)
    assert tally.shifted > 0
    assert tally.in_real_time > 0
