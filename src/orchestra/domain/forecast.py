"""Load forecast: how often schedules fire in each hour to come, and how much of the slots their runs will take.

Firings are counted exactly. While a zone's clock does not change, a day's firings are its times of
day moved by one offset, so that hours are counted and not firings: ten thousand schedules and a week
take a second or two. Durations are expected ones, and a run is taken to start
when it is due: the forecast tells where the load is, not when runs end. Runs of one schedule do not
overlap unless its `overlap` is `allow`, so that together they take at most one slot.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from heapq import nlargest
from typing import Final
from zoneinfo import ZoneInfo

from orchestra.domain.cron import Compiled, compiled
from orchestra.domain.firing_times import firings
from orchestra.domain.zone_clock import EPOCH_ORDINAL, MARGIN_S, changes, clock, date_of, seconds, year_of

_HOUR_S: Final = 3600
_HEAVIEST: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastSchedule:
    """What a forecast knows of a schedule: `name` is PROJECT/SCHEDULE, `usual_s` the expected duration of a run."""

    name: str
    expression: str
    zone: ZoneInfo
    overlap: str
    usual_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heavy:
    """A schedule that takes much."""

    name: str
    firings: int
    busy_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """For each hour from `begin` on: firings, and the seconds of slots that runs take, begun before or in it."""

    begin: datetime
    firings: tuple[int, ...]
    busy_s: tuple[float, ...]
    heaviest: tuple[Heavy, ...]
    """The schedules that take most, at most ten."""
    without_duration: int
    """Schedules that fire and whose runs nobody can tell the duration of: they count as firings alone."""


@dataclass(frozen=True, slots=True)
class _Hour:
    """Firings of one schedule in one hour; `start_s` is their mean distance from its beginning."""

    index: int
    count: int
    start_s: float


def forecast(schedules: Iterable[ForecastSchedule], begin: datetime, hours: int) -> Forecast:
    """Return what the schedules will do in `hours` from `begin` (aware, a whole hour)."""
    fired = [0] * hours
    load = _Load(hours)
    heavy: list[Heavy] = []
    without = 0
    for one in schedules:
        count, busy_s = 0, 0.0
        for hour in _hours(one, begin, hours):
            count += hour.count
            fired[hour.index] += hour.count
            if one.usual_s is not None:
                busy_s += load.add(hour, one.usual_s, overlaps=one.overlap == "allow")
        without += count > 0 and one.usual_s is None
        if busy_s > 0:
            heavy.append(Heavy(name=one.name, firings=count, busy_s=busy_s))
    return Forecast(
        begin=begin,
        firings=tuple(fired),
        busy_s=load.each_hour(),
        heaviest=tuple(nlargest(_HEAVIEST, heavy, key=lambda one: one.busy_s)),
        without_duration=without,
    )


class _Load:
    """Seconds of slots in each hour; what a run takes is added in constant time, however long it is."""

    def __init__(self, hours: int) -> None:
        self._parts = [0.0] * hours
        self._steps = [0] * (hours + 1)
        """Where the number of runs that take the whole of an hour changes."""

    def add(self, hour: _Hour, usual_s: float, *, overlaps: bool) -> float:
        """Add the runs that start in an hour; return the seconds that they take within what is forecast."""
        total = hour.count * usual_s
        if hour.count > 1 and not overlaps and total > _HOUR_S:
            self._parts[hour.index] += _HOUR_S
            return _HOUR_S
        ends_s = hour.start_s + usual_s
        last, rest_s = divmod(ends_s, _HOUR_S)
        hours = len(self._parts)
        end = hour.index + int(last)
        if end == hour.index:
            self._parts[hour.index] += total
            return total
        self._parts[hour.index] += hour.count * (_HOUR_S - hour.start_s)
        self._steps[min(hour.index + 1, hours)] += hour.count
        self._steps[min(end, hours)] -= hour.count
        if end < hours:
            self._parts[end] += hour.count * rest_s
        return hour.count * (min(ends_s, (hours - hour.index) * _HOUR_S) - hour.start_s)

    def each_hour(self) -> tuple[float, ...]:
        found, whole = [], 0
        for part, step in zip(self._parts, self._steps, strict=False):
            whole += step
            found.append(part + whole * _HOUR_S)
        return tuple(found)


def _hours(one: ForecastSchedule, begin: datetime, hours: int) -> Iterator[_Hour]:
    meaning = compiled(one.expression, one.name)
    if meaning.never:
        return
    first = seconds(begin)
    for low, high, changes_here in _pieces(one.zone, first // _HOUR_S, hours):
        if changes_here:
            yield from _exact(one, low, high, first // _HOUR_S)
        else:
            yield from _regular(meaning, one.zone, low, high, first // _HOUR_S)


@lru_cache(maxsize=1024)
def _pieces(zone: ZoneInfo, first: int, hours: int) -> tuple[tuple[int, int, bool], ...]:
    """Cut hours (counted since 1970) where the zone's clock changes: into those that know one offset, and the others.

    The others are the hour of the change, and those in which the clock shows again what it has shown.
    """
    begin, end = date_of(first * _HOUR_S - MARGIN_S), date_of((first + hours) * _HOUR_S)
    found: list[tuple[int, int, bool]] = []
    at = first
    for one in changes(zone, begin, end):
        low = max(at, one.moment // _HOUR_S)
        repeated_s = max(0, one.wall_before - one.wall_after)
        high = min(first + hours, max(one.moment // _HOUR_S + 1, -(-(one.moment + repeated_s) // _HOUR_S)))
        if low > at:
            found.append((at, low, False))
        if high > low:
            found.append((low, high, True))
        at = max(at, high)
    if at < first + hours:
        found.append((at, first + hours, False))
    return tuple(found)


def _exact(one: ForecastSchedule, low: int, high: int, first: int) -> Iterator[_Hour]:
    counts: dict[int, list[int]] = {}
    # A firing at the end itself is the next hour's.
    after, until = date_of(low * _HOUR_S - 1), date_of(high * _HOUR_S - 1)
    for firing in firings(one.expression, one.zone, after, until, identity=one.name):
        hour, second = divmod(seconds(firing.date), _HOUR_S)
        counts.setdefault(hour - first, []).append(second)
    for index, starts in counts.items():
        yield _Hour(index, len(starts), sum(starts) / len(starts))


def _regular(meaning: Compiled, zone: ZoneInfo, low: int, high: int, first: int) -> Iterator[_Hour]:
    """The hours of a piece in which the zone has one offset."""
    moment = low * _HOUR_S
    offset_s = clock(zone, year_of(moment)).offset(moment)
    of_day = _of_day(meaning.times, offset_s)
    day = (moment + offset_s) // 86_400 - 1
    last = (high * _HOUR_S + offset_s) // 86_400 + 1
    while (ordinal := meaning.days.next(day + EPOCH_ORDINAL)) is not None:
        day = ordinal - EPOCH_ORDINAL
        if day > last:
            return
        for hour, count, start_s in of_day:
            index = day * 24 + hour
            if low <= index < high:
                yield _Hour(index - first, count, start_s)
        day += 1


@lru_cache(maxsize=4096)
def _of_day(times: tuple[int, ...], offset_s: int) -> tuple[tuple[int, int, float], ...]:
    """Return a local day's firings by the hours of UTC, counted from the day's midnight as if it were one of UTC."""
    counts: dict[int, list[int]] = {}
    for time in times:
        hour, second = divmod(time * 60 - offset_s, _HOUR_S)
        counts.setdefault(hour, []).append(second)
    return tuple((hour, len(starts), sum(starts) / len(starts)) for hour, starts in counts.items())
