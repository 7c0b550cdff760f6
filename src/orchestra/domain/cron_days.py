"""The days on which a cron expression fires: its fields for days of months, months and days of weeks.

The days of a month depend on two things only: the weekday of its first day, and its length. So each
of the 28 forms that a month can have is computed once, as a set of bits (bit 1 is the first day).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Final

from orchestra.domain.cron_fields import LastDay, NearestWeekday, NthWeekday

DayTerm = LastDay | NearestWeekday | NthWeekday

_LENGTHS: Final = ((31,), (28, 29), (31,), (30,), (31,), (30,), (31,), (31,), (30,), (31,), (30,), (31,))
_CYCLE_YEARS: Final = 400
"""After so many years the calendar repeats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """The days of an expression; `is_both`: day of month and day of week must both fit, else one of them."""

    days: int
    months: int
    weekdays: int
    special_days: tuple[LastDay | NearestWeekday, ...]
    special_weekdays: tuple[NthWeekday, ...]
    is_both: bool
    _forms: dict[int, int] = field(default_factory=dict, compare=False, repr=False)

    def in_month(self, first_weekday: int, length: int) -> int:
        """Return the days of a month whose first day is a `first_weekday` (Sunday is 0) as bits, month aside."""
        form = first_weekday << 5 | length
        found = self._forms.get(form)
        if found is None:
            found = self._forms[form] = self._compute(first_weekday, length)
        return found

    def _compute(self, first_weekday: int, length: int) -> int:
        every = (1 << (length + 1)) - 2
        by_day = self.days
        for one in self.special_days:
            by_day |= _special_day(one, first_weekday, length)
        by_weekday = 0
        for day in range(1, length + 1):
            by_weekday |= (self.weekdays >> ((first_weekday + day - 1) % 7) & 1) << day
        for nth in self.special_weekdays:
            by_weekday |= _nth_weekday(nth, first_weekday, length)
        return every & (by_day & by_weekday if self.is_both else by_day | by_weekday)

    def fires_in(self, month: int) -> bool:
        """Return whether `month` ever has a day that fits."""
        lengths = _LENGTHS[month - 1]
        is_in = self.months >> month & 1
        return bool(is_in) and any(self.in_month(weekday, length) for weekday in range(7) for length in lengths)

    def is_empty(self) -> bool:
        """Return whether no day of any year fits."""
        return not any(self.fires_in(month) for month in range(1, 13))

    def next(self, ordinal: int) -> int | None:
        """Return the first day that fits from a day on, both as proleptic Gregorian ordinals; None: there is none."""
        if ordinal > date.max.toordinal():
            return None
        begin = date.fromordinal(ordinal)
        year, month, day = begin.year, begin.month, begin.day
        last_year = min(year + _CYCLE_YEARS, date.max.year)
        while year <= last_year:
            if self.months >> month & 1:
                first = date(year, month, 1).toordinal()
                fitting = self.in_month(first % 7, _length(year, month)) >> day
                if fitting:
                    return first + day + (fitting & -fitting).bit_length() - 2
            day = 1
            month += 1
            if month > 12:
                month = 1
                year += 1
        return None


def _length(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return _LENGTHS[month - 1][0]


def _special_day(one: LastDay | NearestWeekday, first_weekday: int, length: int) -> int:
    if isinstance(one, LastDay):
        return 1 << (length - one.back) if one.back < length else 0
    day = length if one.day is None else one.day
    if day > length:
        return 0
    weekday = (first_weekday + day - 1) % 7
    if weekday == 6:  # Saturday: the Friday before, unless that is another month
        day += 2 if day == 1 else -1
    elif weekday == 0:  # Sunday: the Monday after, unless that is another month
        day += -2 if day == length else 1
    return 1 << day


def _nth_weekday(one: NthWeekday, first_weekday: int, length: int) -> int:
    day = 1 + (one.weekday - first_weekday) % 7
    if one.nth is None:
        day += (length - day) // 7 * 7
    else:
        day += (one.nth - 1) * 7
    return 1 << day if day <= length else 0


@lru_cache(maxsize=4096)
def days_of(days: int, months: int, weekdays: int, special: Iterable[DayTerm], *, is_both: bool) -> Days:
    """Return the days of an expression, one object for all expressions that have the same."""
    return Days(
        days=days,
        months=months,
        weekdays=(weekdays | weekdays >> 7) & 0x7F,
        special_days=tuple(one for one in special if not isinstance(one, NthWeekday)),
        special_weekdays=tuple(one for one in special if isinstance(one, NthWeekday)),
        is_both=is_both,
    )
