"""Cron expressions: their grammar, and what it means. When they fire is in `firing_times`.

    minute 0–59 · hour 0–23 · day of month 1–31 · month 1–12 or JAN–DEC · day of week 0–7 or SUN–SAT (0, 7: Sunday)

Each field is a list of terms with commas: `*` (or `?` for a day), a value, a range `a-b`, each of
these with a step `/n`; `H`, `H(a-b)` and `H/n` spread over schedules by their names; days of month also
`L` (the last), `L-3`, `15W` (the nearest weekday), `LW`; days of week also `5L` (the last Friday)
and `5#2` (the second one). Macros: `@hourly @daily @midnight @weekly @monthly @yearly @annually`.

Both fields for days given, an expression fires on days that fit either; when one of the two starts
with `*` (or `?`), on days that fit both (cron's own rule, so `0 0 */2 * MON` is odd Mondays).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from orchestra.domain.cron_days import Days, DayTerm, days_of
from orchestra.domain.cron_fields import FIELDS, FieldRule, Spread, Term, Values, read_term
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """What an expression means for one schedule."""

    times: tuple[int, ...]
    """The minutes of a day at which it fires, in order; never empty."""
    days: Days
    is_real_time: bool
    """Its minute or hour field starts with `*`: it follows real time through changes of the clock."""
    never: bool
    """No day of any year fits."""


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
    if not found and (problem := _never(parts)):
        found.append(problem)
    return tuple(found)


def fields(expression: str) -> tuple[str, ...]:
    """Return the five fields of a good expression, those that a macro stands for included."""
    text = expression.strip()
    return tuple((MACROS[text.lower()] if text.startswith("@") else text).split())


def terms(rule: FieldRule, text: str) -> tuple[Term, ...]:
    """Return the terms of a good field; ValueError for another."""
    found = [read_term(rule, term) for term in text.split(",")]
    if wrong := [one for one in found if isinstance(one, str)]:
        raise ValueError(f"{rule.name}: {'; '.join(wrong)}")
    return tuple(one for one in found if not isinstance(one, str))


def has_spread(expression: str) -> bool:
    """Return whether a good expression has an `H`, so that it depends on the schedule's name."""
    every = (terms(rule, part) for rule, part in zip(FIELDS, fields(expression), strict=True))
    return any(isinstance(one, Spread) for field in every for one in field)


def compiled(expression: str, identity: str) -> Compiled:
    """Return what a good expression means for the schedule `identity` (PROJECT/SCHEDULE, for `H`).

    ValueError with all problems for another. What no day fits is compiled all the same.
    """
    return _compiled(expression, identity if "H" in expression.upper().replace("THU", "") else "")


@lru_cache(maxsize=16_384)
def _compiled(expression: str, identity: str) -> Compiled:
    if expression.strip().startswith("@") and (wrong := problems(expression)):
        raise ValueError("; ".join(wrong))
    parts = fields(expression)
    if len(parts) != len(FIELDS):
        raise ValueError("; ".join(problems(expression)))
    every = [terms(rule, part) for rule, part in zip(FIELDS, parts, strict=True)]
    minutes, hours, days, months, weekdays = (
        _bits(rule, field, identity) for rule, field in zip(FIELDS, every, strict=True)
    )
    special: tuple[DayTerm, ...] = tuple(
        one for field in (every[2], every[4]) for one in field if not isinstance(one, Values | Spread)
    )
    is_both = parts[2].startswith(("*", "?")) or parts[4].startswith(("*", "?"))
    found = days_of(days, months, weekdays, special, is_both=is_both)
    return Compiled(
        times=_times(minutes, hours),
        days=found,
        is_real_time=parts[0].startswith("*") or parts[1].startswith("*"),
        never=found.is_empty(),
    )


def _bits(rule: FieldRule, field: tuple[Term, ...], identity: str) -> int:
    found = 0
    for one in field:
        if isinstance(one, Values):
            found |= one.bits()
        elif isinstance(one, Spread):
            found |= one.bits(identity, rule.name)
    return found


@lru_cache(maxsize=4096)
def _times(minutes: int, hours: int) -> tuple[int, ...]:
    return tuple(
        hour * 60 + minute for hour in range(24) if hours >> hour & 1 for minute in range(60) if minutes >> minute & 1
    )


def _macro_problems(text: str) -> tuple[str, ...]:
    if text.lower() in MACROS:
        return ()
    if text.lower() == "@reboot":
        return ("@reboot is no point in time: a schedule fires by the clock, not when a machine starts",)
    return (expected("macro", text, tuple(MACROS)),)


def _field_problems(rule: FieldRule, text: str) -> list[str]:
    found = [problem for term in text.split(",") if isinstance(problem := read_term(rule, term), str)]
    return [f"{rule.name}: {problem}" for problem in found]


def _never(parts: list[str]) -> str:
    """Say that no day ever fits, as in `0 0 31 4 *`."""
    if not compiled(" ".join(parts), "").never:
        return ""
    day, month, weekday = parts[2:]
    if weekday in ("*", "?"):
        in_months = "no month" if month == "*" else f"no month of {month}"
        return f"it never fires: {in_months} has a day {day}"
    return f"it never fires: no day of any year fits day of month {day}, month {month} and day of week {weekday}"
