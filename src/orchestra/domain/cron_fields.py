"""The five fields of a cron expression: what each term of their lists means.

One reader serves the check of an expression and its firing times, so that what is accepted also
fires. Values are sets of bits: bit 5 of the hours is 05. Sunday is bit 0 of the weekdays, however
it was written. Steps count from the beginning of their range: `*/2` of days is 1, 3, 5 …; a value
with a step goes on to the field's end: `5/20` of minutes is 5, 25, 45; both as cron has it.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRule:
    """What may stand in one of the five fields."""

    name: str
    least: int
    most: int
    most_spread: int
    """The greatest value that `H` alone draws: a day that every month has, each weekday once."""
    names: tuple[str, ...] = ()
    """Names of the values from `first` on."""
    first: int = 0
    is_day: bool = False

    def value(self, text: str) -> int | None:
        """Return the number that `text` means, None if it is none of the field."""
        if text.upper() in self.names:
            return self.names.index(text.upper()) + self.first
        if re.fullmatch("[0-9]{1,4}", text, re.ASCII) and self.least <= int(text) <= self.most:
            return int(text)
        return None


FIELDS: Final = (
    FieldRule(name="minute", least=0, most=59, most_spread=59),
    FieldRule(name="hour", least=0, most=23, most_spread=23),
    FieldRule(name="day of month", least=1, most=31, most_spread=28, is_day=True),
    FieldRule(name="month", least=1, most=12, most_spread=12, names=_MONTHS, first=1),
    FieldRule(name="day of week", least=0, most=7, most_spread=6, names=_WEEKDAYS, is_day=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """Values of a field from `first` to `last`, each `step`th; `is_all` when written `*` or `?`."""

    first: int
    last: int
    step: int = 1
    is_all: bool = False

    def bits(self) -> int:
        """Return the values as a set of bits."""
        return sum(1 << value for value in range(self.first, self.last + 1, self.step))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """`H`: one value from `first` to `last`, or with a step each `step`th from a drawn beginning."""

    first: int
    last: int
    step: int | None = None

    def bits(self, identity: str, field_name: str) -> int:
        """Return the values that `identity` draws: for ever the same, and even over many identities."""
        drawn = int.from_bytes(sha256(f"{field_name} {identity}".encode()).digest()[:8], "big")
        span = self.last - self.first + 1
        if self.step is None:
            return 1 << (self.first + drawn % span)
        begin = self.first + drawn % min(self.step, span)
        return Values(first=begin, last=self.last, step=self.step).bits()


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDay:
    """`L`: the last day of a month, or so many days before it."""

    back: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NearestWeekday:
    """`15W`: the day from Monday to Friday nearest to a day, in the same month; `LW`: to its last (None)."""

    day: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NthWeekday:
    """`5#2`: the second Friday of a month; `5L`: the last one (None). Sunday is 0."""

    weekday: int
    nth: int | None


Term = Values | Spread | LastDay | NearestWeekday | NthWeekday

_STEP: Final = re.compile(r"(?P<base>[^/]*)/(?P<step>[0-9]{1,4})", re.ASCII)
_RANGE: Final = re.compile(r"(?P<first>[^-]+)-(?P<last>[^-]+)")
_SPREAD: Final = re.compile(r"H(?:\((?P<first>[0-9]{1,2})-(?P<last>[0-9]{1,2})\))?", re.ASCII | re.IGNORECASE)
_DAY_OF_MONTH: Final = re.compile(
    r"(?P<weekday>LW|WL)|L(?:-(?P<back>[0-9]{1,2}))?|(?P<near>[0-9]{1,2})W", re.ASCII | re.IGNORECASE
)
_DAY_OF_WEEK: Final = re.compile(
    r"(?P<last>[0-7]|[A-Za-z]{3})L|(?P<day>[0-7]|[A-Za-z]{3})#(?P<nth>[0-9])", re.ASCII | re.IGNORECASE
)


def read_term(rule: FieldRule, term: str) -> Term | str:
    """Return what one term of a field's list means, or in words why it means nothing."""
    base, step = term, None
    if "/" in term:
        match = _STEP.fullmatch(term)
        if match is None or int(match["step"]) == 0:
            return f"{term!r}: expected a step of at least 1 behind '/'"
        base, step = match["base"], int(match["step"])
    if base == "*" or (base == "?" and rule.is_day and step is None):
        return Values(first=rule.least, last=rule.most, step=step or 1, is_all=True)
    if (spread := _SPREAD.fullmatch(base)) is not None:
        return _read_spread(rule, spread, term, step)
    special = _read_special(rule, term)
    if special is not None:
        return special
    if (span := _RANGE.fullmatch(base)) is not None:
        return _read_range(rule, span, term, step)
    value = rule.value(base)
    if value is None:
        return _not_a_value(rule, term)
    return Values(first=value, last=value if step is None else rule.most, step=step or 1)


def _read_range(rule: FieldRule, match: re.Match[str], term: str, step: int | None) -> Values | str:
    first, last = rule.value(match["first"]), rule.value(match["last"])
    if first is None or last is None:
        return _not_a_value(rule, term)
    if match["last"].upper() == "SUN":
        last = 7
    if first > last:
        return f"{term!r}: the range ends before it begins; write it as two, with a comma"
    return Values(first=first, last=last, step=step or 1)


def _read_spread(rule: FieldRule, match: re.Match[str], term: str, step: int | None) -> Spread | str:
    if match["first"] is None:
        return Spread(first=rule.least, last=rule.most_spread, step=step)
    first, last = rule.value(match["first"]), rule.value(match["last"])
    if first is None or last is None or first > last:
        return _not_a_value(rule, term)
    return Spread(first=first, last=last, step=step)


def _read_special(rule: FieldRule, term: str) -> Term | str | None:
    """Return what a term that only days have means, or why nothing; None for another term."""
    if rule.name == "day of month" and (match := _DAY_OF_MONTH.fullmatch(term)):
        if match["weekday"] is not None:
            return NearestWeekday(day=None)
        if (near := match["near"]) is not None:
            return NearestWeekday(day=int(near)) if rule.value(near) is not None else _no_such_day(term)
        if (back := match["back"]) is not None:
            return LastDay(back=int(back)) if 1 <= int(back) <= 30 else _no_such_day(term)
        return LastDay()
    if rule.name == "day of week" and (match := _DAY_OF_WEEK.fullmatch(term)):
        day = rule.value(match["last"] or match["day"])
        if day is None:
            return _not_a_value(rule, term)
        nth = match["nth"]
        if nth is not None and not 1 <= int(nth) <= 5:
            return f"{term!r}: a month has at most five of a weekday: expected #1 to #5"
        return NthWeekday(weekday=day % 7, nth=None if nth is None else int(nth))
    return None


def _no_such_day(term: str) -> str:
    return f"{term!r}: there is no such day of a month"


def _not_a_value(rule: FieldRule, term: str) -> str:
    names = f" or {rule.names[0]}-{rule.names[-1]}" if rule.names else ""
    return f"{term!r}: expected a value from {rule.least} to {rule.most}{names}, a range, '*' or a list of these"
