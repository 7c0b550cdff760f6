"""What to look at in a cron expression that is right, and may still surprise."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, pairwise
from typing import Final
from zoneinfo import ZoneInfo

from orchestra.domain.cron import Compiled, compiled, fields, terms
from orchestra.domain.cron_fields import FIELDS, NearestWeekday, Values
from orchestra.domain.cron_text import listed
from orchestra.domain.firing_times import firings, next_firing, next_wall
from orchestra.domain.zone_clock import Change, changes, wall_text

_ALL_DAYS: Final = 0xFFFFFFFE
_ALL_WEEKDAYS: Final = 0x7F
_CHANGES_WITHIN: Final = timedelta(days=370)
_SOON: Final = timedelta(days=366)
_GAPS: Final = 60
"""The shortest time between firings is looked for among so many."""
_REAL_TIME: Final = "since an expression whose minute or hour starts with * follows real time"
_THEN: Final = {
    "skip": "those that come meanwhile are skipped",
    "queue_one": "one of those that come meanwhile waits, and stands for the others",
    "queue_all": "those that come meanwhile wait, and the queue may grow without end",
    "cancel_other": "each takes the place of the one that waits",
    "abort_other": "each aborts the run before it, which may never end well",
}
"""What becomes of firings that come while a run has not ended; nothing is said of `allow`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Something to look at; `code` is for programs."""

    code: str
    message: str


def warnings(
    expression: str,
    zone: ZoneInfo,
    after: datetime,
    *,
    identity: str,
    overlap: str = "skip",
    usual_s: float | None = None,
) -> tuple[Advice, ...]:
    """Return what may surprise in a good expression after `after` (aware); `usual_s`: how long its runs usually take.

    ValueError for an expression that is none.
    """
    meaning = compiled(expression, identity)
    found = next_firing(expression, zone, after, identity=identity)
    if found is None:
        return (Advice(code="never", message=f"it never fires in {zone.key}"),)
    dates = _dates(expression, zone, found.date, identity, reach_s=usual_s or 0)
    return (
        *_far(found.date, after),
        *_days(expression, meaning),
        *_steps(expression),
        *_each_minute(expression, meaning),
        *_short_months(expression, meaning),
        *(() if usual_s is None else _overlaps(dates, overlap, usual_s)),
        *_changes(meaning, zone, after),
    )


def _far(first: datetime, after: datetime) -> Iterator[Advice]:
    if first > after + _SOON:
        yield Advice(code="far", message=f"it fires for the first time on {first:%Y-%m-%d}")


def _days(expression: str, meaning: Compiled) -> Iterator[Advice]:
    _, _, day, _, weekday = fields(expression)
    if day in ("*", "?") or weekday in ("*", "?"):
        return
    if meaning.days.is_both:
        starts = "day of month" if day.startswith("*") else "day of week"
        message = (
            f"it fires only on days that fit day of month {day} and day of week {weekday}, "
            f"because the field {starts} starts with *"
        )
        yield Advice(code="both_days", message=message)
    else:
        message = (
            f"it fires on days that fit day of month {day} or day of week {weekday}, not only on those that fit both; "
            "so cron has it when both are given"
        )
        yield Advice(code="either_day", message=message)


def _steps(expression: str) -> Iterator[Advice]:
    """Steps that do not divide their field: each hour, day or month begins anew."""
    is_by_weekday = fields(expression)[4] not in ("*", "?")
    for rule, part, unit, size in zip(
        FIELDS[:3], fields(expression)[:3], ("hour", "day", "month"), (60, 24, None), strict=True
    ):
        for one in terms(rule, part):
            if not isinstance(one, Values) or not one.is_all or one.step == 1:
                continue
            values = range(one.first, one.last + 1, one.step)
            if len(values) == 1:
                message = f"{rule.name} */{one.step} is {values[0]} alone: the step leads beyond the {unit}"
                yield Advice(code="step", message=message)
            elif size is None and is_by_weekday:
                continue
            elif size is None:
                message = (
                    f"{rule.name} */{one.step} begins anew at day 1 of each month: steps across its end are shorter"
                )
                yield Advice(code="step", message=message)
            elif size % one.step:
                rest = size - values[-1]
                across = f"from {values[-1]} to {values[0]} it is {rest}, not {one.step}"
                message = f"{rule.name} */{one.step} begins anew in each {unit}: {across}"
                yield Advice(code="step", message=message)


def _each_minute(expression: str, meaning: Compiled) -> Iterator[Advice]:
    minute, hour, *_ = fields(expression)
    hours = {time // 60 for time in meaning.times}
    if minute.startswith("*") and len(meaning.times) == 60 * len(hours) and len(hours) < 24:
        message = (
            f"it fires in each minute, {len(meaning.times)} times a day, since the minute is {minute}: "
            f"for once an hour write 0 {hour}"
        )
        yield Advice(code="each_minute", message=message)


def _short_months(expression: str, meaning: Compiled) -> Iterator[Advice]:
    """A day that some of the expression's months do not have."""
    _, _, day, _, weekday = fields(expression)
    if weekday not in ("*", "?"):
        return
    longest = max((number for number in range(32) if meaning.days.days >> number & 1), default=0)
    nearest = [one.day for one in terms(FIELDS[2], day) if isinstance(one, NearestWeekday) and one.day is not None]
    longest = max(longest, *nearest, 0)
    if re.search("[*/-]", day) or longest < 29:
        return
    months = [month for month in range(1, 13) if meaning.days.months >> month & 1]
    lengths = {2: 28, 4: 30, 6: 30, 9: 30, 11: 30}
    if months != [2] and any(lengths.get(month, 31) < longest for month in months):
        message = f"months without a day {longest} are passed over; L is the last day of any month"
        yield Advice(code="short_months", message=message)


def _overlaps(dates: Iterator[datetime], overlap: str, usual_s: float) -> Iterator[Advice]:
    gap_s = min(((after - before).total_seconds() for before, after in pairwise(dates)), default=None)
    if gap_s is None or usual_s <= gap_s or overlap not in _THEN:
        return
    message = (
        f"a run usually takes {about(usual_s)}, and it fires again after {about(gap_s)}: "
        f"{_THEN[overlap]} (overlap: {overlap})"
    )
    yield Advice(code="overlaps_itself", message=message)


def _dates(expression: str, zone: ZoneInfo, first: datetime, identity: str, *, reach_s: float) -> Iterator[datetime]:
    yield first
    until = first + timedelta(days=8, seconds=2 * reach_s)
    yield from (one.date for one in islice(firings(expression, zone, first, until, identity=identity), _GAPS))


def _changes(meaning: Compiled, zone: ZoneInfo, after: datetime) -> Iterator[Advice]:
    """Local times inside an hour that a change within the coming year skips or repeats."""
    is_round_the_clock = len({time // 60 for time in meaning.times}) == 24
    if meaning.is_real_time and is_round_the_clock:
        return
    for one in changes(zone, after, after + _CHANGES_WITHIN):
        times = _between(meaning, min(one.wall_before, one.wall_after), max(one.wall_before, one.wall_after))
        if not times:
            continue
        day = wall_text(min(one.wall_before, one.wall_after))[:10]
        names = listed(times if len(times) <= 3 else [*times[:2], f"{len(times) - 2} more"])
        on = f"on {day} in {zone.key}"
        if one.wall_after > one.wall_before:
            yield _skipped(meaning, one, f"{names} {'do' if len(times) > 1 else 'does'} not exist {on}", len(times))
        else:
            yield _repeated(meaning, f"{names} {'come' if len(times) > 1 else 'comes'} twice {on}", len(times))


def _between(meaning: Compiled, wall: int, end: int) -> list[str]:
    """The local times of an expression from `wall` to before `end`, as `02:30`."""
    times = []
    found = next_wall(meaning, wall)
    while found is not None and found < end:
        times.append(wall_text(found)[11:])
        found = next_wall(meaning, found + 1)
    return times


def _skipped(meaning: Compiled, one: Change, said: str, count: int) -> Advice:
    if meaning.is_real_time:
        then = f"not made up for, {_REAL_TIME}"
    else:
        then = f"{'fire together' if count > 1 else 'fires'} at the change, {wall_text(one.wall_after)[11:]}"
    return Advice(code="skipped_time", message=f"{said}: {then}")


def _repeated(meaning: Compiled, said: str, count: int) -> Advice:
    fires = "fire" if count > 1 else "fires"
    then = f"{fires} both times, {_REAL_TIME}" if meaning.is_real_time else f"{fires} the first time only"
    return Advice(code="repeated_time", message=f"{said}: {then}")


def about(duration_s: float) -> str:
    """Write a duration in two units at most: `45 s`, `12 min`, `2 h 30 min`, `3 d`."""
    if round(duration_s) < 60:
        return f"{round(duration_s)} s"
    minutes = round(duration_s / 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    named = [f"{value} {unit}" for value, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if value]
    return " ".join(named[:2])
