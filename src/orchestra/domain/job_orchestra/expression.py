"""Cron expressions of the ancestor, which pycron reads, in the form and with the meaning that they have here.

What pycron (3.0 to 3.3) does otherwise is told: it wants day of month and day of week both, where cron
fires on either; steps of days and months began at 0 in its older releases; 7 was never a Sunday.
"""

import re
from dataclasses import dataclass
from typing import Final

from orchestra.domain import cron
from orchestra.domain.cron_fields import FIELDS

_DAYS: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_LONG: Final = re.compile("|".join(_DAYS), re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """What became of an expression: `problems` keep it from being one; `fires_more`: on days when it did not."""

    text: str
    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    fires_more: bool = False


def expression_of(given: str) -> Expression:
    """Translate the expression of a schedule."""
    text = _LONG.sub(lambda found: found[0][:3].upper(), given.strip())
    parts = text.split()
    if len(parts) != len(FIELDS):
        return Expression(text=text, problems=(f"expected five fields, got {len(parts)}",))
    if problems := cron.problems(text):
        return Expression(text=text, problems=problems)
    day, month, weekday = parts[2:]
    remarks = []
    fires_more = day != "*" and weekday != "*"
    if fires_more:
        remarks.append(
            "there it fired on days that fit both day of month and day of week, here on days that fit either: "
            "it is disabled; check the expression"
        )
    for name, field in (("day of month", day), ("month", month)):
        if "*/" in field:
            remarks.append(f"{name}: {field} began at 0 in older releases of pycron, and begins at 1 here")
    if re.search(r"(?<![0-9/])7", weekday):
        remarks.append("day of week: 7 is Sunday here, and was no day there")
    return Expression(text=text, remarks=tuple(remarks), fires_more=fires_more)
