"""Firing times: when a cron expression fires in a time zone.

Two rules, cron's own. An expression whose minute or hour field starts with `*` follows real time:
it fires in every minute that the local clock shows and the expression names, so not at all in an
hour that is skipped, and again in one that is repeated. Any other names fixed local times: each
fires at the first moment at which the local clock shows it or has passed it. So one that a change
of the clock skips fires at the change, all that it skips together, once; one that is shown twice
fires the first time only, as the clock had passed it before. (Vixie's cron does so for changes
below three hours, and takes greater ones for corrections of a wrong clock. A time zone's changes
are no corrections: here the day that Samoa skipped in 2011 is treated as its hours are.)

Inside, moments are seconds since 1970 in UTC, walls are the same number for what a local clock shows.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from orchestra.domain.cron import Compiled, compiled
from orchestra.domain.zone_clock import DAY_S, EPOCH_ORDINAL, MARGIN_S, clock, date_of, seconds, wall_text, year_of

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


def next_firing(expression: str, zone: ZoneInfo, after: datetime, *, identity: str) -> FiringTime | None:
    """Return the first firing strictly after `after` (aware); None: it never fires again.

    `identity` is PROJECT/SCHEDULE, from which `H` draws. ValueError for an expression that is none.
    """
    meaning = compiled(expression, identity)
    return _next(meaning, zone, seconds(after))


def firings(
    expression: str, zone: ZoneInfo, after: datetime, until: datetime, *, identity: str
) -> Iterator[FiringTime]:
    """Yield the firings with `after` < date <= `until` in their order; as `next_firing` otherwise."""
    meaning = compiled(expression, identity)
    now = seconds(after)
    while (found := _next(meaning, zone, now)) is not None and found.date <= until:
        yield found
        now = seconds(found.date)


def _next(meaning: Compiled, zone: ZoneInfo, after: int) -> FiringTime | None:
    if meaning.never:
        return None
    try:
        return _next_real(meaning, zone, after) if meaning.is_real_time else _next_fixed(meaning, zone, after)
    except OverflowError:  # the end of the calendar, in the year 9999
        return None


def _next_fixed(meaning: Compiled, zone: ZoneInfo, after: int) -> FiringTime | None:
    wall = next_wall(meaning, clock(zone, year_of(after)).mark(after) + 1)
    if wall is None or wall - after > _HORIZON_YEARS * 366 * DAY_S:
        return None
    at, is_skipped = clock(zone, year_of(wall)).moment(wall)
    if not is_skipped:
        return FiringTime(date=date_of(at), local_times=(wall_text(wall),), shift=None)
    walls = []
    shown = at + clock(zone, year_of(at)).offset(at)
    skipped = 0
    while wall is not None and wall <= shown:
        walls.append(wall)
        skipped += wall < shown
        wall = next_wall(meaning, wall + 1)
    return FiringTime(
        date=date_of(at), local_times=tuple(map(wall_text, walls)), shift=_shift(walls[:skipped], shown, zone.key)
    )


def _next_real(meaning: Compiled, zone: ZoneInfo, after: int) -> FiringTime | None:
    now = after + 1
    horizon = after + _HORIZON_YEARS * 366 * DAY_S
    while now < horizon:
        known = clock(zone, year_of(now))
        piece = bisect_right(known.starts, now) - 1
        offset = known.offsets[piece]
        wall = next_wall(meaning, now + offset)
        if wall is None:
            return None
        end = known.starts[piece + 1] if piece + 1 < len(known.starts) else known.end
        if wall - offset < end:
            return FiringTime(date=date_of(wall - offset), local_times=(wall_text(wall),), shift=None)
        # Behind the end of a piece the clock may go back, by less than the margin.
        now = max(end, wall - MARGIN_S) if end >= now + MARGIN_S else end
    return None


def next_wall(meaning: Compiled, wall: int) -> int | None:
    """Return the first wall from `wall` on that the expression names."""
    minute = -(-wall // 60)
    day, minute_of_day = divmod(minute, 1440)
    times = meaning.times
    ordinal = meaning.days.next(day + EPOCH_ORDINAL)
    if ordinal is None:
        return None
    found = ordinal - EPOCH_ORDINAL
    if found > day:
        return (found * 1440 + times[0]) * 60
    index = bisect_left(times, minute_of_day)
    if index < len(times):
        return (day * 1440 + times[index]) * 60
    ordinal = meaning.days.next(day + 1 + EPOCH_ORDINAL)
    return None if ordinal is None else ((ordinal - EPOCH_ORDINAL) * 1440 + times[0]) * 60


def _shift(skipped: list[int], shown: int, zone: str) -> str:
    day, change = wall_text(skipped[0])[:10], wall_text(shown)
    same_day = all(wall_text(wall)[:10] == day for wall in (*skipped, shown))
    texts = [wall_text(wall)[11:] if same_day else wall_text(wall) for wall in skipped]
    if len(texts) > _NAMED:
        texts = [*texts[: _NAMED - 1], f"{len(texts) - _NAMED + 1} more"]
    names = texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
    on = f" on {day}" if same_day else ""
    at = change[11:] if same_day else change
    if len(texts) == 1:
        return f"{names} does not exist{on} in {zone}: fires at the change, {at}"
    return f"{names} do not exist{on} in {zone}: fire together at the change, {at}"
