"""Matching: does a worker satisfy a job's properties, and if not, which one and by how little.

A job's properties match when the worker satisfies every one of them:

    the job wants            the worker has            satisfied when
    "*"                      anything                  the property is there
    ">=3.11" (>= > <= <)     a number or a version     the comparison holds
    "!=3.11"                 anything                  it is another number, version or text
    a list                   one value                 the list contains the value
    one value                a list                    the list contains the value
    a list                   a list                    they share a value
    one value                one value                 they are equal

A worker's list meets a comparison when one of its values does. A property that the worker lacks
satisfies nothing. Values that come as text (`--property cores=8`) equal the numbers and booleans
that they write. A worker's number compares as a number (15.6 is above 15.25), its text as a version:
part by part, missing parts are zero (3.11 equals 3.11.0), and a pre-release (3.13rc1) comes before
its release.

This module knows no queue: `placement` decides who gets what.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from orchestra.domain.worker import Worker

ANY: Final = "*"
"""Wanted value: the property is present, whatever its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """One property that is not satisfied. `has` is None when the worker lacks it."""

    property: str
    wanted: Any
    has: Any

    def __str__(self) -> str:
        if self.has is None:
            return f"{self.property} is absent, wanted {show(self.wanted)}"
        return f"{self.property} is {show(self.has)}, wanted {show(self.wanted)}"


def match(wanted: Mapping[str, Any], has: Mapping[str, Any]) -> tuple[Mismatch, ...]:
    """Return what of a job's properties `wanted` a worker with the properties `has` does not satisfy.

    Empty means that they match. The order is the job's.
    """
    return tuple(
        Mismatch(property=name, wanted=value, has=has.get(name))
        for name, value in wanted.items()
        if not satisfies(value, has.get(name))
    )


def satisfies(wanted: Any, has: Any) -> bool:
    """Tell whether one property that a job wants is met by the worker's value (None: the worker lacks it)."""
    if has is None:
        return False
    if wanted == ANY:
        return True
    values = has if isinstance(has, list | tuple) else (has,)
    if isinstance(wanted, list | tuple):
        return wanted == has or any(_equal(one, value) for one in wanted for value in values)
    if isinstance(wanted, str) and (comparison := _COMPARISON.fullmatch(wanted)) is not None:
        return any(_compares(comparison[1], comparison[2], value) for value in values)
    return any(_equal(wanted, value) for value in values) or _equal(wanted, has)


class Reason(StrEnum):
    """Why a worker can or cannot take a run now, the most lasting obstacle first."""

    PROPERTY_DIFFERS = "property_differs"
    DISABLED = "disabled"
    OFFLINE = "offline"
    SLOTS_FULL = "slots_full"
    MATCHES = "matches"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerVerdict:
    """What one worker can do for one run: `reasons` holds all that stands in the way, or MATCHES alone.

    `message` says the same for people. `mismatches` has a property each; the worker with the fewest
    is the nearest miss (`nearest`).
    """

    worker: str
    reasons: tuple[Reason, ...]
    message: str
    mismatches: tuple[Mismatch, ...] = ()

    @property
    def can_run(self) -> bool:
        """The worker could take the run at this moment."""
        return self.reasons == (Reason.MATCHES,)


def verdict(properties: Mapping[str, Any], worker: Worker, used: int) -> WorkerVerdict:
    """Say whether `worker`, of whose slots `used` are taken, can run a job that wants `properties`, and if not, why."""
    obstacles: list[tuple[Reason, str]] = []
    mismatches = match(properties, worker.properties)
    if mismatches:
        obstacles.append((Reason.PROPERTY_DIFFERS, "; ".join(map(str, mismatches))))
    if not worker.is_enabled:
        obstacles.append((Reason.DISABLED, "disabled"))
    if not worker.is_active:
        since = worker.last_seen_date
        seen = "never connected" if since is None else f"offline since {since:%Y-%m-%d %H:%M:%S} UTC"
        obstacles.append((Reason.OFFLINE, seen))
    if used >= worker.concurrency:
        obstacles.append((Reason.SLOTS_FULL, f"{used} of {worker.concurrency} slots taken"))
    if not obstacles:
        free = worker.concurrency - used
        obstacles.append((Reason.MATCHES, f"matches; {free} of {worker.concurrency} slots free"))
    return WorkerVerdict(
        worker=worker.identifier,
        reasons=tuple(reason for reason, _ in obstacles),
        message="; ".join(message for _, message in obstacles),
        mismatches=mismatches,
    )


def nearest(verdicts: Iterable[WorkerVerdict]) -> WorkerVerdict | None:
    """Return the worker that comes nearest to running it: fewest wrong properties, then fewest other obstacles."""
    return min(verdicts, key=lambda one: (len(one.mismatches), len(one.reasons), one.worker), default=None)


def show(value: Any) -> str:
    """Write a property's value for people: lists as `a or b`, booleans as in the files."""
    if isinstance(value, list | tuple):
        return " or ".join(show(one) for one in value)
    return _text(value)


_COMPARISON: Final = re.compile(r"\s*(>=|<=|!=|>|<)\s*(\S.*?)\s*")
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?")
_VERSION: Final = re.compile(r"v?(\d+(?:\.\d+)*)(.*)", re.DOTALL)
_PRE_RELEASE: Final = re.compile(r"[-_.]?(dev|alpha|a|beta|b|c|rc|pre|preview)[-_.]?(\d*)(?![A-Za-z])")

_Version = tuple[tuple[int, ...], int, int]


def _equal(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, bool) == isinstance(value, bool) and wanted == value:
        return True
    return isinstance(wanted, str) != isinstance(value, str) and _text(wanted) == _text(value)


def _text(value: Any) -> str:
    """The text that writes `value` in a file or on the command line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _compares(operator: str, bound: str, value: Any) -> bool:
    if isinstance(value, int | float) and not isinstance(value, bool) and _NUMBER.fullmatch(bound):
        return _holds(operator, float(value), float(bound))
    ours, theirs = _version(_text(value)), _version(bound)
    if ours is None or theirs is None:
        return operator == "!=" and _text(value) != bound
    return _holds(operator, ours, theirs)


def _holds(operator: str, ours: Any, theirs: Any) -> bool:
    match operator:
        case ">=":
            return bool(ours >= theirs)
        case "<=":
            return bool(ours <= theirs)
        case ">":
            return bool(ours > theirs)
        case "<":
            return bool(ours < theirs)
        case _:
            return bool(ours != theirs)


@lru_cache(maxsize=4096)
def _version(text: str) -> _Version | None:
    """Read a version as something that compares: (parts without trailing zeros, stage, number in stage).

    Digits in a suffix that is no pre-release count as further parts (5.15.0-91-generic is above
    5.15.0). None: `text` is no version.
    """
    found = _VERSION.fullmatch(text)
    if found is None:
        return None
    parts = [int(part) for part in found[1].split(".")]
    stage = _PRE_RELEASE.match(found[2])
    if stage is None:
        parts += [int(part) for part in re.findall(r"\d+", found[2])]
    while parts and parts[-1] == 0:
        parts.pop()
    if stage is None:
        return tuple(parts), _RELEASED, 0
    return tuple(parts), _STAGES[stage[1]], int(stage[2] or 0)


_RELEASED: Final = 9
_STAGES: Final = {"dev": 0, "alpha": 1, "a": 1, "beta": 2, "b": 2, "c": 3, "rc": 3, "pre": 3, "preview": 3}
