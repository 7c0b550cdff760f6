"""A cron expression in words: `30 2 * * 5L` is "At 02:30 on the last Friday of each month".

The words come from what the expression means, not from how it is written, so that two expressions
that fire alike read alike, and steps that do not divide their field are not called regular.
(cron-descriptor 2.2 reads fields one by one: it says "or" where cron means "and", leaves days
out of lists such as `1W,15W`, and knows neither macros nor `H`.)
"""

from collections.abc import Sequence
from typing import Final

from orchestra.domain.cron import compiled, fields, has_spread, terms
from orchestra.domain.cron_fields import FIELDS, LastDay, NearestWeekday, NthWeekday, Term

MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
WEEKDAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_NUMBERS: Final = tuple(str(number) for number in range(32))
_HOURS: Final = tuple(f"{hour:02d}" for hour in range(24))
_ORDINALS: Final = ("", "first", "second", "third", "fourth", "fifth")
_MOST_TIMES: Final = 6
"""So many times of a day are named each; more are described."""


def text(expression: str, *, identity: str) -> str:
    """Return what a good expression of the schedule `identity` says, in one line; ValueError for another."""
    meaning = compiled(expression, identity)
    drawn = " (H is drawn from the schedule's name)" if has_spread(expression) else ""
    times, days = _times(meaning.times), _days(expression, identity)
    if len(meaning.times) > _MOST_TIMES:
        is_round_the_clock = len({time // 60 for time in meaning.times}) == 24
        days = "" if is_round_the_clock and days == "every day" else f", {days}"
    else:
        days = f" {days}"
    return f"{times}{days}{drawn}"


def _terms(expression: str) -> list[tuple[Term, ...]]:
    return [terms(rule, part) for rule, part in zip(FIELDS, fields(expression), strict=True)]


def listed(words: Sequence[str], last: str = "and") -> str:
    """Join words: `a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def _step(values: Sequence[int]) -> int:
    """Return the step of at least four values in equal steps, else 0."""
    if len(values) < 4:
        return 0
    step = values[1] - values[0]
    return step if list(values) == list(range(values[0], values[-1] + 1, step)) else 0


def _times(times: tuple[int, ...]) -> str:
    if len(times) <= _MOST_TIMES:
        return f"At {listed([_clock(time) for time in times])}"
    hours = sorted({time // 60 for time in times})
    minutes = sorted({time % 60 for time in times})
    step = _step(minutes)
    is_regular = (step and minutes[0] == 0 and minutes[-1] + step == 60) or minutes in ([0, 30], [0, 20, 40])
    every = "Every minute" if step == 1 else f"Every {minutes[1] - minutes[0]} minutes" if len(minutes) > 1 else ""
    if is_regular and len(hours) == 24:
        return every
    if is_regular and (len(hours) == 1 or hours[-1] - hours[0] + 1 == len(hours)):
        return f"{every} from {hours[0]:02d}:00 to {hours[-1]:02d}:59"
    if step and len(hours) == 1:
        return f"{every} from {_clock(times[0])} to {_clock(times[-1])}"
    if is_regular:
        said = every
    elif step:
        said = f"{every} from minute {minutes[0]} to {minutes[-1]}"
    else:
        said = f"At minute{'s' if len(minutes) > 1 else ''} {listed([str(one) for one in minutes])}"
    if len(hours) == 24:
        return f"{said} of every hour"
    return f"{said} of the hour{'s' if len(hours) > 1 else ''} {_ranges(hours, _HOURS)}"


def _clock(minute_of_day: int) -> str:
    return f"{minute_of_day // 60:02d}:{minute_of_day % 60:02d}"


def _days(expression: str, identity: str) -> str:
    meaning = compiled(expression, identity).days
    months = [month for month in range(1, 13) if meaning.months >> month & 1]
    of_months = "each month" if len(months) == 12 else _ranges(months, ("", *MONTHS))
    in_months = "" if len(months) == 12 else f" in {of_months}"
    every = _terms(expression)
    has_all_days = meaning.days == 0xFFFFFFFE
    has_all_weekdays = meaning.weekdays == 0x7F
    if (has_all_days and has_all_weekdays) if meaning.is_both else (has_all_days or has_all_weekdays):
        return f"every day{in_months}"
    by_day = "" if has_all_days else _month_days(meaning.days, every[2], of_months)
    by_weekday = "" if has_all_weekdays else _week_days(meaning.weekdays, every[4], of_months, in_months)
    if not by_day:
        return by_weekday
    if not by_weekday:
        return by_day
    if meaning.is_both:
        only = _week_days(meaning.weekdays, every[4], of_months, "")
        return f"{by_day}, but only {only}"
    return f"{by_day}, and also {by_weekday}"


def _month_days(days: int, field: tuple[Term, ...], of_months: str) -> str:
    numbers = [day for day in range(1, 32) if days >> day & 1]
    said = []
    if numbers:
        said.append(f"day{'s' if len(numbers) > 1 else ''} {_ranges(numbers, _NUMBERS)}")
    for one in field:
        if isinstance(one, LastDay):
            said.append("the last day" if not one.back else f"the day {one.back} before the last")
        elif isinstance(one, NearestWeekday):
            said.append(
                "the last day from Monday to Friday"
                if one.day is None
                else f"the day from Monday to Friday nearest to day {one.day}"
            )
    return f"on {listed(_once(said))} of {of_months}"


def _week_days(weekdays: int, field: tuple[Term, ...], of_months: str, in_months: str) -> str:
    said = []
    # Weeks are read from Monday on.
    numbers = [day for day in range(7) if weekdays >> ((day + 1) % 7) & 1]
    if _step(numbers) == 1 or (len(numbers) == 3 and numbers[2] - numbers[0] == 2):
        said.append(f"from {_weekday(numbers[0] + 1)} to {_weekday(numbers[-1] + 1)}{in_months}")
    elif numbers:
        said.append(f"on {listed([f'{_weekday(day + 1)}s' for day in numbers])}{in_months}")
    nths = [
        f"the {'last' if one.nth is None else _ORDINALS[one.nth]} {WEEKDAYS[one.weekday]}"
        for one in field
        if isinstance(one, NthWeekday)
    ]
    if nths:
        said.append(f"on {listed(_once(nths))} of {of_months}")
    return listed(said)


def _weekday(number: int) -> str:
    return WEEKDAYS[number % 7]


def _once(words: list[str]) -> list[str]:
    return list(dict.fromkeys(words))


def _ranges(numbers: list[int], names: Sequence[str]) -> str:
    """Name numbers, three and more in a row as a range, long equal steps as such."""
    step = _step(numbers)
    if step > 1:
        return f"{names[numbers[0]]}, {names[numbers[1]]}, … {names[numbers[-1]]} (every {step})"
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    said: list[str] = []
    for run in runs:
        said += [f"{names[run[0]]} to {names[run[-1]]}"] if len(run) > 2 else [names[number] for number in run]
    return listed(said)
