"""Firing times: when a cron expression fires in a time zone.

Two rules, cron's own. An expression whose minute or hour field starts with `*` follows real time:
it fires in every minute that the local clock shows and the expression names, so not at all in an
hour that is skipped, and again in one that is repeated. Any other names fixed local times: each
fires at the first moment at which the local clock shows it or has passed it. So one that a change
of the clock skips fires at the change, all that it skips together, once; one that is shown twice
fires the first time only, as the clock had passed it before. (Vixie's cron does so for changes
below three hours, and takes greater ones for corrections of a wrong clock. A time zone's changes
are no corrections: here the day that Samoa skipped in 2011 is treated as its hours are.)

A zone is asked for its offsets alone, from UTC to local time, which has one answer always; its
changes in a year are found from them and kept. No zone has had two within six days since 1973, as
of tzdata 2026; they are looked for in steps of two.

Inside, moments are seconds since 1970 in UTC, walls are the same number for what a local clock shows.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from orchestra.domain.cron import Compiled, compiled

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_WALL_EPOCH: Final = datetime(1970, 1, 1)
"""What a local clock shows has no zone."""
_EPOCH_ORDINAL: Final = _WALL_EPOCH.toordinal()
_DAY_S: Final = 86_400
_MARGIN_S: Final = 3 * _DAY_S
"""More than two offsets of one zone can differ by (26 hours)."""
_PROBE_S: Final = 2 * _DAY_S
_HORIZON_YEARS: Final = 60
"""How far is searched; Feb 29 on a weekday comes within 40 years. Only a time that its zone always skips is left."""
_NAMED: Final = 4
"""How many skipped times a sentence names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FiringTime:
    """One moment at which an expression fires."""

    date: datetime
    """UTC; a whole minute, or the moment at which the zone's clock changed."""
    local_times: tuple[str, ...]
    """The local times `2026-03-29 02:30` that it stands for, in order; several where a change skipped them."""
    shift: str | None
    """None, or one sentence on the local times that do not exist."""


@dataclass(frozen=True, slots=True)
class _Clock:
    """A zone's local clock in one year of UTC and three days around it: pieces of constant offset."""

    starts: tuple[int, ...]
    """When each piece begins; the first: the beginning of what is known."""
    offsets: tuple[int, ...]
    passed: tuple[int, ...]
    """The first wall that the clock has neither shown nor skipped by the end of each piece."""
    end: int

    def moment(self, wall: int) -> tuple[int, bool]:
        """Return when the clock first shows or has passed `wall`, and whether it was skipped."""
        piece = bisect_right(self.passed, wall)
        at, start = wall - self.offsets[piece], self.starts[piece]
        return (at, False) if at >= start else (start, True)

    def offset(self, moment: int) -> int:
        """Return the seconds by which the clock is ahead of UTC at `moment`."""
        return self.offsets[bisect_right(self.starts, moment) - 1]

    def mark(self, moment: int) -> int:
        """Return the greatest wall that the clock has shown at `moment`."""
        piece = bisect_right(self.starts, moment) - 1
        shown = moment + self.offsets[piece]
        return max(shown, self.passed[piece - 1] - 1) if piece else shown


def next_firing(expression: str, zone: ZoneInfo, after: datetime, *, identity: str) -> FiringTime | None:
    """Return the first firing strictly after `after` (aware); None: it never fires again.

    `identity` is PROJECT/SCHEDULE, from which `H` draws. ValueError for an expression that is none.
    """
    meaning = compiled(expression, identity)
    return _next(meaning, zone, _seconds(after))


def firings(
    expression: str, zone: ZoneInfo, after: datetime, until: datetime, *, identity: str
) -> Iterator[FiringTime]:
    """Yield the firings with `after` < date <= `until` in their order; as `next_firing` otherwise."""
    meaning = compiled(expression, identity)
    now = _seconds(after)
    while (found := _next(meaning, zone, now)) is not None and found.date <= until:
        yield found
        now = _seconds(found.date)


def _next(meaning: Compiled, zone: ZoneInfo, after: int) -> FiringTime | None:
    if meaning.never:
        return None
    try:
        return _next_real(meaning, zone, after) if meaning.is_real_time else _next_fixed(meaning, zone, after)
    except OverflowError:  # the end of the calendar, in the year 9999
        return None


def _next_fixed(meaning: Compiled, zone: ZoneInfo, after: int) -> FiringTime | None:
    wall = _next_wall(meaning, _clock(zone, _year(after)).mark(after) + 1)
    if wall is None or wall - after > _HORIZON_YEARS * 366 * _DAY_S:
        return None
    at, is_skipped = _clock(zone, _year(wall)).moment(wall)
    if not is_skipped:
        return FiringTime(date=_date(at), local_times=(_text(wall),), shift=None)
    walls = []
    shown = at + _clock(zone, _year(at)).offset(at)
    skipped = 0
    while wall is not None and wall <= shown:
        walls.append(wall)
        skipped += wall < shown
        wall = _next_wall(meaning, wall + 1)
    return FiringTime(
        date=_date(at), local_times=tuple(map(_text, walls)), shift=_shift(walls[:skipped], shown, zone.key)
    )


def _next_real(meaning: Compiled, zone: ZoneInfo, after: int) -> FiringTime | None:
    now = after + 1
    horizon = after + _HORIZON_YEARS * 366 * _DAY_S
    while now < horizon:
        clock = _clock(zone, _year(now))
        piece = bisect_right(clock.starts, now) - 1
        offset = clock.offsets[piece]
        wall = _next_wall(meaning, now + offset)
        if wall is None:
            return None
        end = clock.starts[piece + 1] if piece + 1 < len(clock.starts) else clock.end
        if wall - offset < end:
            return FiringTime(date=_date(wall - offset), local_times=(_text(wall),), shift=None)
        # Behind the end of a piece the clock may go back, by less than the margin.
        now = max(end, wall - _MARGIN_S) if end >= now + _MARGIN_S else end
    return None


def _next_wall(meaning: Compiled, wall: int) -> int | None:
    """Return the first wall from `wall` on that the expression names."""
    minute = -(-wall // 60)
    day, minute_of_day = divmod(minute, 1440)
    times = meaning.times
    ordinal = meaning.days.next(day + _EPOCH_ORDINAL)
    if ordinal is None:
        return None
    found = ordinal - _EPOCH_ORDINAL
    if found > day:
        return (found * 1440 + times[0]) * 60
    index = bisect_left(times, minute_of_day)
    if index < len(times):
        return (day * 1440 + times[index]) * 60
    ordinal = meaning.days.next(day + 1 + _EPOCH_ORDINAL)
    return None if ordinal is None else ((ordinal - _EPOCH_ORDINAL) * 1440 + times[0]) * 60


@lru_cache(maxsize=8192)
def _clock(zone: ZoneInfo, year: int) -> _Clock:
    """Return a zone's clock in `year`; found from its offsets every two days, the changes then by bisection."""
    begin = _seconds(datetime(year, 1, 1, tzinfo=UTC)) - _MARGIN_S
    end = begin + 2 * _MARGIN_S + 366 * _DAY_S
    starts, offsets = [begin], [_offset(zone, begin)]
    for low, high in pairwise((*range(begin, end, _PROBE_S), end)):
        if (offset := _offset(zone, high)) != offsets[-1]:
            starts.append(_change(zone, low, high))
            offsets.append(offset)
    passed: list[int] = []
    for piece_end, offset in zip((*starts[1:], end), offsets, strict=True):
        passed.append(max(piece_end + offset, passed[-1] if passed else piece_end + offset))
    return _Clock(tuple(starts), tuple(offsets), tuple(passed), end)


def _change(zone: ZoneInfo, low: int, high: int) -> int:
    """Return the first moment after `low` with the offset of `high`."""
    after = _offset(zone, high)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, middle) == after:
            high = middle
        else:
            low = middle
    return high


def _offset(zone: ZoneInfo, moment: int) -> int:
    offset = _date(moment).astimezone(zone).utcoffset()
    return 0 if offset is None else offset // timedelta(seconds=1)


def _shift(skipped: list[int], shown: int, zone: str) -> str:
    day, change = _text(skipped[0])[:10], _text(shown)
    same_day = all(_text(wall)[:10] == day for wall in (*skipped, shown))
    texts = [_text(wall)[11:] if same_day else _text(wall) for wall in skipped]
    if len(texts) > _NAMED:
        texts = [*texts[: _NAMED - 1], f"{len(texts) - _NAMED + 1} more"]
    names = texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
    on = f" on {day}" if same_day else ""
    at = change[11:] if same_day else change
    if len(texts) == 1:
        return f"{names} does not exist{on} in {zone}: fires at the change, {at}"
    return f"{names} do not exist{on} in {zone}: fire together at the change, {at}"


def _seconds(date: datetime) -> int:
    return (date - _EPOCH) // timedelta(seconds=1)


def _year(seconds: int) -> int:
    return (_EPOCH + timedelta(seconds=seconds)).year


def _date(moment: int) -> datetime:
    return _EPOCH + timedelta(seconds=moment)


def _text(wall: int) -> str:
    return f"{_WALL_EPOCH + timedelta(seconds=wall):%Y-%m-%d %H:%M}"
