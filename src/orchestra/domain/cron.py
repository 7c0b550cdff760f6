"""Cron expressions: their grammar. What they mean in time comes with the clock that fires schedules.

    minute 0–59 · hour 0–23 · day of month 1–31 · month 1–12 or JAN–DEC · day of week 0–7 or SUN–SAT (0, 7: Sunday)

Each field is a list of terms with commas: `*` (or `?` for a day), a value, a range `a-b`, each of
these with a step `/n`; `H`, `H(a-b)` and `H/n` spread over jobs by their names; days of month also
`L` (the last), `L-3`, `15W` (the nearest weekday), `LW`; days of week also `5L` (the last Friday)
and `5#2` (the second one). Macros: `@hourly @daily @midnight @weekly @monthly @yearly @annually`.
"""

import re
from dataclasses import dataclass
from typing import Final

from orchestra.domain.tree import expected

MACROS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_LONGEST_MONTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRule:
    """What may stand in one of the five fields."""

    name: str
    least: int
    most: int
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
    FieldRule(name="minute", least=0, most=59),
    FieldRule(name="hour", least=0, most=23),
    FieldRule(name="day of month", least=1, most=31, is_day=True),
    FieldRule(name="month", least=1, most=12, names=_MONTHS, first=1),
    FieldRule(name="day of week", least=0, most=7, names=_WEEKDAYS, is_day=True),
)

_STEP: Final = re.compile(r"(?P<base>[^/]*)/(?P<step>[0-9]{1,4})", re.ASCII)
_RANGE: Final = re.compile(r"(?P<first>[^-]+)-(?P<last>[^-]+)")
_SPREAD: Final = re.compile(r"H(?:\((?P<first>[0-9]{1,2})-(?P<last>[0-9]{1,2})\))?", re.ASCII | re.IGNORECASE)
_DAY_OF_MONTH: Final = re.compile(r"L|LW|WL|L-(?P<back>[0-9]{1,2})|(?P<near>[0-9]{1,2})W", re.ASCII | re.IGNORECASE)
_DAY_OF_WEEK: Final = re.compile(r"(?P<last>[0-7]|[A-Za-z]{3})L|(?P<day>[0-7]|[A-Za-z]{3})#(?P<nth>[0-9])", re.ASCII)


def problems(expression: str) -> tuple[str, ...]:
    """Return all that is wrong with an expression; empty when it is a good one."""
    text = expression.strip()
    if text.startswith("@"):
        return _macro_problems(text)
    parts = text.split()
    if len(parts) != len(FIELDS):
        names = ", ".join(rule.name for rule in FIELDS)
        return (f"expected five fields ({names}) or a macro such as @daily, got {len(parts)}",)
    found = [problem for rule, part in zip(FIELDS, parts, strict=True) for problem in _field_problems(rule, part)]
    if not found and (problem := _never(parts[2], parts[3], parts[4])):
        found.append(problem)
    return tuple(found)


def _macro_problems(text: str) -> tuple[str, ...]:
    if text.lower() in MACROS:
        return ()
    if text.lower() == "@reboot":
        return ("@reboot is no point in time: a schedule fires by the clock, not when a machine starts",)
    return (expected("macro", text, tuple(MACROS)),)


def _field_problems(rule: FieldRule, text: str) -> list[str]:
    found = [problem for term in text.split(",") if (problem := _term_problem(rule, term))]
    return [f"{rule.name}: {problem}" for problem in found]


def _term_problem(rule: FieldRule, term: str) -> str:
    """Return what is wrong with one term of a list, or nothing."""
    base = term
    if "/" in term:
        match = _STEP.fullmatch(term)
        if match is None or int(match["step"]) == 0:
            return f"{term!r}: expected a step of at least 1 behind '/'"
        base = match["base"]
    if base == "*" or (base == "?" and rule.is_day and base == term):
        return ""
    if (spread := _SPREAD.fullmatch(base)) is not None:
        return _spread_problem(rule, spread, term)
    special = _special_problem(rule, term)
    if special is not None:
        return special
    if (span := _RANGE.fullmatch(base)) is not None:
        first, last = rule.value(span["first"]), rule.value(span["last"])
        if first is None or last is None:
            return _not_a_value(rule, term)
        if first > last:
            return f"{term!r}: the range ends before it begins; write it as two, with a comma"
        return ""
    return "" if rule.value(base) is not None else _not_a_value(rule, term)


def _spread_problem(rule: FieldRule, match: re.Match[str], term: str) -> str:
    if match["first"] is None:
        return ""
    first, last = rule.value(match["first"]), rule.value(match["last"])
    return "" if first is not None and last is not None and first <= last else _not_a_value(rule, term)


def _special_problem(rule: FieldRule, term: str) -> str | None:
    """Return what is wrong with a term that only days have ("" for nothing), None for another term."""
    if rule.name == "day of month" and (match := _DAY_OF_MONTH.fullmatch(term)):
        back, near = match["back"], match["near"]
        is_good = (back is None or 1 <= int(back) <= 30) and (near is None or rule.value(near) is not None)
        return "" if is_good else f"{term!r}: there is no such day of a month"
    if rule.name == "day of week" and (match := _DAY_OF_WEEK.fullmatch(term)):
        if rule.value(match["last"] or match["day"]) is None:
            return _not_a_value(rule, term)
        is_good = match["nth"] is None or 1 <= int(match["nth"]) <= 5
        return "" if is_good else f"{term!r}: a month has at most five of a weekday: expected #1 to #5"
    return None


def _not_a_value(rule: FieldRule, term: str) -> str:
    names = f" or {rule.names[0]}-{rule.names[-1]}" if rule.names else ""
    return f"{term!r}: expected a value from {rule.least} to {rule.most}{names}, a range, '*' or a list of these"


def _never(day: str, month: str, weekday: str) -> str:
    """Say that no month has the day, as in `0 0 31 4 *`; with a weekday given, that one fires it as well."""
    if weekday not in ("*", "?") or not re.fullmatch("[0-9,]+", day, re.ASCII):
        return ""
    rule = FIELDS[3]
    months = [rule.value(one) for one in month.split(",")]
    if None in months or not months:
        return ""
    earliest = min(int(one) for one in day.split(","))
    if any(earliest <= _LONGEST_MONTHS[one - 1] for one in months if one is not None):
        return ""
    return f"it never fires: no month of {month} has a day {earliest}"
