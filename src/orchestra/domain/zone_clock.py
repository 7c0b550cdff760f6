"""The clock on the wall of a time zone: what it shows, when it changes, and when it first shows a time.

A zone is asked for its offsets alone, from UTC to local time, which has one answer always; its
changes in a year are found from them and kept. No zone has had two within six days since 1973, as
of tzdata 2026; they are looked for in steps of two.

Moments are seconds since 1970 in UTC, walls are the same number for what the local clock shows.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_WALL_EPOCH: Final = datetime(1970, 1, 1)
"""What a local clock shows has no zone."""
EPOCH_ORDINAL: Final = _WALL_EPOCH.toordinal()
DAY_S: Final = 86_400
MARGIN_S: Final = 3 * DAY_S
"""More than two offsets of one zone can differ by (26 hours)."""
_PROBE_S: Final = 2 * DAY_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of a zone's clock: at `moment` it goes from `wall_before` to `wall_after`."""

    moment: int
    wall_before: int
    wall_after: int


@dataclass(frozen=True, slots=True)
class Clock:
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

    def moments(self, wall: int) -> tuple[int, ...]:
        """Return each moment at which the clock shows `wall`: one, none when it is skipped, two when repeated."""
        ends = (*self.starts[1:], self.end)
        pieces = zip(self.starts, self.offsets, ends, strict=True)
        return tuple(wall - offset for start, offset, end in pieces if start <= wall - offset < end)

    def offset(self, moment: int) -> int:
        """Return the seconds by which the clock is ahead of UTC at `moment`."""
        return self.offsets[bisect_right(self.starts, moment) - 1]

    def mark(self, moment: int) -> int:
        """Return the greatest wall that the clock has shown at `moment`."""
        piece = bisect_right(self.starts, moment) - 1
        shown = moment + self.offsets[piece]
        return max(shown, self.passed[piece - 1] - 1) if piece else shown


@lru_cache(maxsize=8192)
def clock(zone: ZoneInfo, year: int) -> Clock:
    """Return a zone's clock in `year`; found from its offsets every two days, the changes then by bisection."""
    begin = seconds(datetime(year, 1, 1, tzinfo=UTC)) - MARGIN_S
    end = begin + 2 * MARGIN_S + 366 * DAY_S
    starts, offsets = [begin], [_offset(zone, begin)]
    for low, high in pairwise((*range(begin, end, _PROBE_S), end)):
        if (offset := _offset(zone, high)) != offsets[-1]:
            starts.append(_change(zone, low, high))
            offsets.append(offset)
    passed: list[int] = []
    for piece_end, offset in zip((*starts[1:], end), offsets, strict=True):
        passed.append(max(piece_end + offset, passed[-1] if passed else piece_end + offset))
    return Clock(tuple(starts), tuple(offsets), tuple(passed), end)


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
    offset = date_of(moment).astimezone(zone).utcoffset()
    return 0 if offset is None else offset // timedelta(seconds=1)


def changes(zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[Change]:
    """Yield the changes of a zone's clock with `after` < moment <= `until`."""
    first, last = seconds(after), seconds(until)
    for year in range(after.year, until.year + 1):
        known = clock(zone, year)
        for (before, offset), start in zip(pairwise(known.offsets), known.starts[1:], strict=True):
            if first < start <= last and year_of(start) == year:
                yield Change(moment=start, wall_before=start + before, wall_after=start + offset)


def seconds(date: datetime) -> int:
    """Return a moment's whole seconds since 1970."""
    return (date - _EPOCH) // timedelta(seconds=1)


def date_of(moment: int) -> datetime:
    """Return the moment as a date in UTC."""
    return _EPOCH + timedelta(seconds=moment)


def year_of(moment: int) -> int:
    """Return the year of a moment in UTC, or of a wall."""
    return date_of(moment).year


def wall_text(wall: int) -> str:
    """Write a wall: `2026-03-29 02:30`."""
    return f"{_WALL_EPOCH + timedelta(seconds=wall):%Y-%m-%d %H:%M}"
