"""Firing times against an oracle that asks every minute: random expressions, all zones, moments near changes.

    make cron-oracle ARGS="SEED COUNT"

A case is an expression, a zone and a moment; the first firing after the moment must be the oracle's, its
local times too. Most moments lie near a change of their zone's clock.
"""

from __future__ import annotations

import random
import sys
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from orchestra.domain.firing_times import FiringTime, next_firing
from support.cron_oracle import Oracle, local_time

ZONES = sorted(zoneinfo.available_timezones())
FIRST_YEAR, LAST_YEAR = 1973, 2100
"""Since 1973 all offsets are whole minutes, so that asking every minute of UTC misses none."""
HORIZON_DAYS = 800
FAR_DAYS = 41 * 366
EXPRESSIONS_PER_MOMENT = 40


@dataclass(frozen=True, slots=True)
class Case:
    expression: str
    zone: ZoneInfo
    after: datetime
    identity: str
    days: int


def _number(chance: random.Random, low: int, high: int, names: str) -> str:
    value = chance.randint(low, high)
    if names and value < len(names.split()) + low and chance.random() < 0.3:
        name = names.split()[value - low]
        return chance.choice((name, name.lower(), name.capitalize()))
    return str(value)


def _term(chance: random.Random, low: int, high: int, names: str = "") -> str:
    kind = chance.random()
    if kind < 0.5:
        return _number(chance, low, high, names)
    step = f"/{chance.choice((1, 2, 3, 5, 7, 10, 15, 20, 25, 30, 45, 99))}"
    if kind < 0.65:
        first = chance.randint(low, high)
        return f"{first}-{chance.randint(first, high)}{chance.choice(('', step))}"
    if kind < 0.75:
        return f"*{step}"
    if kind < 0.82:
        return f"{chance.randint(low, high)}{step}"
    if kind < 0.9:
        first = chance.randint(low, min(high, 28))
        return chance.choice(("H", f"H{step}", f"H({first}-{chance.randint(first, high)})", f"h({first}-{high}){step}"))
    return "*"


def _field(chance: random.Random, low: int, high: int, names: str = "") -> str:
    return ",".join(_term(chance, low, high, names) for _ in range(chance.choice((1, 1, 1, 1, 2, 3))))


def _days(chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.55:
        return chance.choice(("*", "*", "*", "?"))
    if kind < 0.75:
        return _field(chance, 1, 31)
    special = (
        "L",
        "l",
        "LW",
        "WL",
        f"L-{chance.randint(1, 30)}",
        f"{chance.randint(1, 31)}W",
        f"{chance.choice((1, 2, 28, 29, 30, 31))}w",
    )
    return ",".join(chance.choice(special) for _ in range(chance.choice((1, 1, 1, 2))))


def _weekdays(chance: random.Random) -> str:
    names = "SUN MON TUE WED THU FRI SAT"
    kind = chance.random()
    if kind < 0.55:
        return chance.choice(("*", "*", "*", "?"))
    if kind < 0.75:
        return _field(chance, 0, 7, names)
    day = _number(chance, 0, 7, names)
    special = (f"{day}L", f"{day}l", f"{day}#{chance.randint(1, 5)}", "FRI-SUN", "mon-fri")
    return ",".join(chance.choice(special) for _ in range(chance.choice((1, 1, 1, 2))))


def expression(chance: random.Random, near: int) -> str:
    """A random expression; its hour is often `near`, or one beside it."""
    if chance.random() < 0.03:
        return chance.choice(("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@Midnight", "@hourly"))
    minutes = (
        _field(chance, 0, 59),
        f"{chance.randint(0, 59)}",
        f"{chance.choice((0, 1, 15, 29, 30, 31, 59))}",
        "*",
        "*/15",
    )
    minute = chance.choice(minutes)
    beside = (near + chance.choice((-1, 0, 0, 1))) % 24
    hours = (
        _field(chance, 0, 23),
        f"{beside}",
        f"{near},{beside}",
        f"{min(near, beside)}-{max(near, beside)}",
        f"{near}/3",
    )
    hour = chance.choice(hours)
    month = chance.choice(("*", "*", "*", _field(chance, 1, 12, "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC")))
    days, weekdays = _days(chance), _weekdays(chance)
    if chance.random() < 0.3:
        days = weekdays = "*"
    return f"{minute} {hour} {days} {month} {weekdays}"


def _changes(zone: ZoneInfo, year: int) -> list[datetime]:
    """Half days of a year in which a zone's clock gets another offset."""
    half_days = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(hours=12 * number) for number in range(732)]
    offsets = [local_time(zone, one) - one.replace(tzinfo=None) for one in half_days]
    return [one for one, before, after in zip(half_days, offsets, offsets[1:], strict=False) if before != after]


def _minute_of_change(zone: ZoneInfo, half_day: datetime) -> datetime:
    minutes = [half_day + timedelta(minutes=number) for number in range(721)]
    offsets = [local_time(zone, one) - one.replace(tzinfo=None) for one in minutes]
    return next(one for one, before, after in zip(minutes[1:], offsets, offsets[1:], strict=False) if before != after)


def moment(chance: random.Random, zone: ZoneInfo) -> datetime:
    """A moment, mostly near a change of the zone's clock (when the drawn year has one)."""
    year = chance.choice((chance.randint(FIRST_YEAR, LAST_YEAR), chance.randint(2024, 2037)))
    if chance.random() < 0.8 and (changes := _changes(zone, year)):
        change = _minute_of_change(zone, chance.choice(changes))
        spread = chance.choice((1, 60, 3600, 3 * 3600, 30 * 3600))
        return change + timedelta(seconds=chance.randint(-spread, spread) - spread // 2)
    return datetime(year, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(366 * 86_400))


def cases(seed: int, zones: list[str]) -> Iterator[Case]:
    """Cases without end, the zones in turn."""
    chance = random.Random(seed)
    while True:
        for name in zones:
            zone = ZoneInfo(name)
            after = moment(chance, zone)
            for _ in range(EXPRESSIONS_PER_MOMENT):
                days = FAR_DAYS if chance.random() < 0.003 else HORIZON_DAYS
                near = (local_time(zone, after) + timedelta(minutes=chance.randint(0, 90))).hour
                yield Case(expression(chance, near), zone, after, f"p/s{chance.randrange(1000)}", days)


@dataclass(slots=True)
class Tally:
    """What was compared."""

    cases: int = 0
    differ: int = 0
    shifted: int = 0
    in_real_time: int = 0
    never: int = 0

    def __str__(self) -> str:
        return (
            f"{self.cases} cases, {self.differ} differ ({self.in_real_time} in real time; "
            f"{self.shifted} shifted by a change, {self.never} without a firing)"
        )


def difference(case: Case, tally: Tally) -> str | None:
    """What the program answers otherwise than the oracle."""
    oracle = Oracle(case.expression, case.identity)
    expected = oracle.next(case.zone, case.after, case.days)
    tally.cases += 1
    tally.in_real_time += oracle.follows_real_time
    tally.never += expected is None
    tally.shifted += expected is not None and expected[1][0] < local_time(case.zone, expected[0])
    got = next_firing(case.expression, case.zone, case.after, identity=case.identity)
    if got is not None and expected is None and got.date > case.after + timedelta(days=case.days - 1):
        return None
    if _told(got) == _expected(expected, case.zone):
        return None
    tally.differ += 1
    return f"{case}: got {got}, expected {expected}"


def _told(got: FiringTime | None) -> tuple[datetime, list[str], bool] | None:
    return None if got is None else (got.date, list(got.local_times), got.shift is not None)


def _expected(found: tuple[datetime, list[datetime]] | None, zone: ZoneInfo) -> tuple[datetime, list[str], bool] | None:
    if found is None:
        return None
    shown = local_time(zone, found[0])
    return found[0], [f"{one:%Y-%m-%d %H:%M}" for one in found[1]], found[1][0] < shown


def main() -> int:
    """Compare as many as the arguments say: seed, count."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.SystemRandom().randrange(1 << 32)
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 20_000
    tally = Tally()
    zones = random.Random(seed).sample(ZONES, len(ZONES))
    for case in cases(seed, zones):
        if (wrong := difference(case, tally)) is not None:
            print(wrong, flush=True)
        if tally.cases % 10_000 == 0:
            print(tally, flush=True)
        if tally.cases >= count:
            break
    print(f"seed {seed}, {min(len(zones), count // EXPRESSIONS_PER_MOMENT)} zones: {tally}")
    return 1 if tally.differ else 0


if __name__ == "__main__":
    sys.exit(main())
