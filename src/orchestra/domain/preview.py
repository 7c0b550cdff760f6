"""Preview of a schedule: its next firings, the days on which the clock of its zone changes, and what to look at.

Everything is computed by the functions that fire schedules, so that a preview cannot promise what
does not happen. Nothing here looks at a clock: moments are arguments.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

from orchestra.domain import cron, cron_text
from orchestra.domain.cron_lint import Advice, warnings
from orchestra.domain.firing_times import FiringTime, firings, next_firing
from orchestra.domain.zone_clock import DAY_S, Change, changes, clock, date_of, seconds, wall_text, year_of

MOST_ITEMS: Final = 1000
UNNAMED: Final = ""
"""The identity of what has no name yet."""
_CHANGES_WITHIN: Final = timedelta(days=370)
_MOST_CHANGES: Final = 4
"""A zone changes its clock twice a year, with a Ramadan four times."""
_FIRINGS_OF_DAY: Final = 24
"""So many firings of a day of change are spelled out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewItem:
    """One firing."""

    fire_date: datetime
    """UTC."""
    local_date: datetime
    """What the clock of the schedule's zone shows then, with its offset."""
    local_times: tuple[str, ...]
    """The local times that it stands for; others than `local_date` where a change skipped them."""
    note: str | None
    """What a change of the clock does to it, in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockChange:
    """A day on which the clock of the zone changes."""

    date: datetime
    """UTC, the moment of the change."""
    text: str
    count: int
    """How often the schedule fires on that day."""
    items: tuple[PreviewItem, ...]
    """Its first firings of that day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a schedule will do."""

    expression: str
    time_zone: str
    text: str
    items: tuple[PreviewItem, ...]
    changes: tuple[ClockChange, ...]
    warnings: tuple[Advice, ...]


def preview(
    expression: str,
    zone: ZoneInfo,
    after: datetime,
    *,
    identity: str,
    count: int = 10,
    overlap: str = "skip",
    usual_s: float | None = None,
) -> Preview:
    """Return what a good expression will do after `after` (aware, exclusive): `count` firings, at most 1000.

    `identity` is PROJECT/SCHEDULE, or UNNAMED; `usual_s` how long a run of its job usually takes.
    ValueError for an expression that is none.
    """
    return Preview(
        expression=expression.strip(),
        time_zone=zone.key,
        text=cron_text.text(expression, identity=identity),
        items=tuple(
            _item(one, expression, zone, identity)
            for one in islice(_all(expression, zone, after, identity), min(count, MOST_ITEMS))
        ),
        changes=tuple(
            _change(one, expression, zone, identity)
            for one in islice(changes(zone, after, after + _CHANGES_WITHIN), _MOST_CHANGES)
        ),
        warnings=(
            *_unnamed(expression, identity),
            *warnings(expression, zone, after, identity=identity, overlap=overlap, usual_s=usual_s),
        ),
    )


def _unnamed(expression: str, identity: str) -> Iterator[Advice]:
    if identity == UNNAMED and cron.has_spread(expression):
        message = "H is drawn from the schedule's name: under its own, it fires at other times than shown here"
        yield Advice(code="unnamed", message=message)


def _all(expression: str, zone: ZoneInfo, after: datetime, identity: str) -> Iterator[FiringTime]:
    while (found := next_firing(expression, zone, after, identity=identity)) is not None:
        yield found
        after = found.date


def _item(one: FiringTime, expression: str, zone: ZoneInfo, identity: str) -> PreviewItem:
    return PreviewItem(
        fire_date=one.date,
        local_date=one.date.astimezone(zone),
        local_times=one.local_times,
        note=one.shift or _repeated(one, expression, zone, identity),
    )


def _repeated(one: FiringTime, expression: str, zone: ZoneInfo, identity: str) -> str | None:
    """Say that the local time of a firing comes twice, and which one this is."""
    moment = seconds(one.date)
    known = clock(zone, year_of(moment))
    wall = moment + known.offset(moment)
    every = known.moments(wall)
    if len(every) < 2:
        return None
    day, time = wall_text(wall).split()
    said = f"{time} comes twice on {day} in {zone.key}"
    if not cron.compiled(expression, identity).is_real_time:
        return f"{said}: fires the first time only"
    return f"{said}: this is the {'first' if moment == every[0] else 'second'} time"


def _change(one: Change, expression: str, zone: ZoneInfo, identity: str) -> ClockChange:
    # From the midnight that the clock last showed or passed before the change to the one after.
    first = (one.wall_before - 1) // DAY_S * DAY_S
    last = (max(one.wall_before, one.wall_after) // DAY_S + 1) * DAY_S
    begin = date_of(clock(zone, year_of(first)).moment(first)[0] - 1)
    end = date_of(clock(zone, year_of(last)).moment(last)[0] - 1)
    of_day = list(firings(expression, zone, begin, end, identity=identity))
    return ClockChange(
        date=date_of(one.moment),
        text=change_text(one, zone.key),
        count=len(of_day),
        items=tuple(_item(found, expression, zone, identity) for found in of_day[:_FIRINGS_OF_DAY]),
    )


def change_text(one: Change, zone: str) -> str:
    """Say what a clock does: `2026-03-29: clocks in Europe/Paris go from 02:00 forward to 03:00`."""
    day, before = wall_text(one.wall_before).split()
    other_day, after = wall_text(one.wall_after).split()
    direction = "forward" if one.wall_after > one.wall_before else "back"
    of_day = "" if day == other_day else f" of {other_day}"
    return f"{day}: clocks in {zone} go from {before} {direction} to {after}{of_day}"
