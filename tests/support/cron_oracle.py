"""What cron expressions must fire at: every minute of UTC asked in turn, by rules written a second time.

Nothing of the program is used here, and nothing is clever. A term of a field is a question about one
date or number, asked anew; the day nearest to the 15th is found by comparing all weekdays of its
month. A local clock is watched minute by minute. The only shortcut: days whose neighbours fit no
date either are not walked through.

The rules for changes of the clock: an expression whose minute or hour field starts with `*` fires in
each minute whose local time it names; any other when the clock first shows or passes a time it names.
"""

import hashlib
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
NAMES = {
    "month": ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    "day of week": ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
}
RANGES = {"minute": (0, 59), "hour": (0, 23), "day of month": (1, 31), "month": (1, 12), "day of week": (0, 7)}


def _number(text: str, name: str) -> int:
    if text.upper() in NAMES.get(name, []):
        return NAMES[name].index(text.upper()) + (1 if name == "month" else 0)
    return int(text)


def _drawn(identity: str, name: str, count: int) -> int:
    """What H draws, as docs/schedules.md describes it."""
    digest = hashlib.sha256(f"{name} {identity}".encode()).hexdigest()
    return int(digest[:16], 16) % count


@lru_cache(maxsize=1024)
def _plain(term: str, name: str, identity: str) -> list[int]:
    """All values that a term without L, W and # names."""
    low, high = RANGES[name]
    base, _, step = term.partition("/")
    if base[0] in "Hh":
        if "(" in base:
            low, high = (int(end) for end in base[2:-1].split("-"))
        elif name == "day of month":
            high = 28
        elif name == "day of week":
            high = 6
        count = high - low + 1
        if not step:
            return [low + _drawn(identity, name, count)]
        begin = low + _drawn(identity, name, min(count, int(step)))
        return [value for value in range(begin, high + 1) if (value - begin) % int(step) == 0]
    if base in "*?":
        pass
    elif "-" in base:
        first, last = base.split("-")
        low, high = _number(first, name), _number(last, name)
        if last.upper() == "SUN":
            high = 7
    else:
        low = _number(base, name)
        high = high if step else low
    return [value for value in range(low, high + 1) if (value - low) % int(step or 1) == 0]


def _weekday(day: date) -> int:
    return day.isoweekday() % 7


def _month_of(day: date) -> list[date]:
    return _month(day.year, day.month)


@lru_cache(maxsize=1024)
def _month(year: int, month: int) -> list[date]:
    every = [date(year, month, number) for number in range(1, 29)]
    while (every[-1] + DAY).month == month:
        every.append(every[-1] + DAY)
    return every


def _fits_day_of_month(term: str, day: date, identity: str) -> bool:
    term = term.upper()
    month = _month_of(day)
    working = [one for one in month if one.isoweekday() <= 5]
    if term in ("LW", "WL"):
        return day == working[-1]
    if term == "L":
        return day == month[-1]
    if term.startswith("L-"):
        return (month[-1] - day).days == int(term[2:])
    if term.endswith("W"):
        wanted = int(term[:-1])
        return wanted <= len(month) and day == min(working, key=lambda one: abs(one.day - wanted))
    return day.day in _plain(term, "day of month", identity)


def _fits_day_of_week(term: str, day: date, identity: str) -> bool:
    if "#" in term:
        wanted, _, nth = term.partition("#")
        alike = [one for one in _month_of(day) if _weekday(one) == _number(wanted, "day of week") % 7]
        return len(alike) >= int(nth) and day == alike[int(nth) - 1]
    if len(term) > 1 and term[-1] in "Ll" and "/" not in term:
        wanted = term[:-1]
        alike = [one for one in _month_of(day) if _weekday(one) == _number(wanted, "day of week") % 7]
        return day == alike[-1]
    return _weekday(day) in [value % 7 for value in _plain(term, "day of week", identity)]


class Oracle:
    """One expression of one schedule."""

    def __init__(self, expression: str, identity: str) -> None:
        text = expression.strip()
        fields = MACROS.get(text.lower(), text).split()
        minute, hour, self.day, self.month, self.weekday = fields
        self.identity = identity
        self.follows_real_time = minute[0] == "*" or hour[0] == "*"
        self.needs_both = self.day[0] in "*?" or self.weekday[0] in "*?"
        self.minutes = {value for term in minute.split(",") for value in _plain(term, "minute", identity)}
        self.hours = {value for term in hour.split(",") for value in _plain(term, "hour", identity)}
        self._days: dict[date, bool] = {}

    def names_day(self, day: date) -> bool:
        if day not in self._days:
            self._days[day] = self._names_day(day)
        return self._days[day]

    def _names_day(self, day: date) -> bool:
        if not any(day.month in _plain(term, "month", self.identity) for term in self.month.split(",")):
            return False
        by_day = any(_fits_day_of_month(term, day, self.identity) for term in self.day.split(","))
        by_weekday = any(_fits_day_of_week(term, day, self.identity) for term in self.weekday.split(","))
        return by_day and by_weekday if self.needs_both else by_day or by_weekday

    def names(self, local: datetime) -> bool:
        return local.minute in self.minutes and local.hour in self.hours and self.names_day(local.date())

    def next(self, zone: ZoneInfo, after: datetime, days: int) -> tuple[datetime, list[datetime]] | None:
        """The first firing after `after` and its local times; None when `days` bring none."""
        begin = _whole_minute(after) + MINUTE
        for number in range(days):
            now = begin + number * DAY
            today = local_time(zone, now).date()
            if any(self.names_day(today + near * DAY) for near in (-1, 0, 1, 2)) and (found := self._walk(zone, now)):
                return found
        return None

    def _walk(self, zone: ZoneInfo, now: datetime) -> tuple[datetime, list[datetime]] | None:
        """The first firing of the 24 hours from `now` on; no change is longer than a day."""
        passed = max(*_shown_from(zone, now - DAY), *_shown_from(zone, now - 2 * DAY))
        for local in _shown_from(zone, now):
            if self.follows_real_time:
                if self.names(local):
                    return now, [local]
            else:
                found = []
                while passed < local:
                    passed += MINUTE
                    if self.names(passed):
                        found.append(passed)
                if found:
                    return now, found
            now += MINUTE
        return None


def local_time(zone: ZoneInfo, moment: datetime) -> datetime:
    """What a clock on the wall shows."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


@lru_cache(maxsize=256)
def _shown_from(zone: ZoneInfo, now: datetime) -> list[datetime]:
    """What the clock shows in each minute of the 24 hours from `now` on."""
    return [local_time(zone, now + number * MINUTE) for number in range(24 * 60)]


def _whole_minute(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(second=0, microsecond=0)
