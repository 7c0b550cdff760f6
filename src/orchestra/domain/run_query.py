"""Run queries: the one grammar in which people say which runs they mean, `q` of the API, as typed terms.

    status:failed,exception job:build-* created:>-24h -parameter.branch:main "out of memory"

    query  = [ term { space term } ]                   all terms must fit
    term   = [ "-" ] ( field ":" value { "," value } | word )     "-": must not fit; ",": one of them
    value  = [ "<" | "<=" | ">" | ">=" | "=" ] text    text and words: "…" takes everything literally, with
                                                       \\" and \\\\; outside of quotes `*` stands for any text

`docs/query.md` has the table of fields. `run_query_parser` reads the grammar, `run_query_text` writes it; here are the
terms, and what each means for one run. Rules: terms hold what was meant, not what was typed. That a
database gives the same answers is tested, not assumed. Comparisons of text are by code point; a word
ignores the case of A to Z, for that much every database agrees on.

It does not know who may see which run, nor tables. Time is an argument: `-24h` counts from `now`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final, assert_never

from orchestra.domain.run import CauseCode, Run, RunStatus


class Comparison(StrEnum):
    """How a value stands to the one that is written."""

    EQUAL = "="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    MORE = ">"
    MORE_OR_EQUAL = ">="


class NameField(StrEnum):
    """Fields that hold an identifier."""

    PROJECT = "project"
    JOB = "job"
    WORKER = "worker"


class IntegerField(StrEnum):
    """Fields that hold a whole number."""

    NUMBER = "number"
    PRIORITY = "priority"


class DateField(StrEnum):
    """Fields that hold a date."""

    CREATED = "created"
    STARTED = "started"
    COMPLETED = "completed"


class SourceType(StrEnum):
    """What may trigger a run."""

    USER = "user"
    SCHEDULE = "schedule"
    RUN = "run"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Pattern:
    """Text with `*` between its `pieces`; one piece alone is the exact text."""

    pieces: tuple[str, ...]

    @property
    def exact(self) -> str | None:
        """The text, None where there is a `*`."""
        return self.pieces[0] if len(self.pieces) == 1 else None

    def fits(self, value: str) -> bool:
        """Tell whether all of `value` fits."""
        first, last = self.pieces[0], self.pieces[-1]
        if len(self.pieces) == 1:
            return value == first
        if not value.startswith(first) or not value.endswith(last):
            return False
        at, end = len(first), len(value) - len(last)
        for piece in self.pieces[1:-1]:
            found = value.find(piece, at, max(end, at))
            if found < 0:
                return False
            at = found + len(piece)
        return at <= end


@dataclass(frozen=True, slots=True)
class StatusTerm:
    """One of these statuses."""

    statuses: tuple[RunStatus, ...]
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class CauseTerm:
    """One of these causes."""

    codes: tuple[CauseCode, ...]
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class NameTerm:
    """An identifier that fits one of the patterns."""

    field: NameField
    patterns: tuple[Pattern, ...]
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class ParameterTerm:
    """A parameter `key` whose value, written by `parameter_text`, fits one of the patterns."""

    key: str
    patterns: tuple[Pattern, ...]
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class SourcePattern:
    """What triggered the run, and which one of them (None: any)."""

    type: SourceType
    name: Pattern | None = None


@dataclass(frozen=True, slots=True)
class SourceTerm:
    """One of these sources."""

    sources: tuple[SourcePattern, ...]
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class IntegerTerm:
    """A whole number that fits one of the comparisons."""

    field: IntegerField
    bounds: tuple[tuple[Comparison, int], ...]
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class Ago:
    """So many seconds before now."""

    seconds: float


@dataclass(frozen=True, slots=True)
class On:
    """Any time of a day, UTC."""

    day: date


@dataclass(frozen=True, slots=True)
class DateBound:
    """Before or after a moment, aware UTC or relative; never EQUAL."""

    comparison: Comparison
    moment: datetime | Ago


@dataclass(frozen=True, slots=True)
class DateTerm:
    """A date that fits one of these."""

    field: DateField
    bounds: tuple[DateBound | On, ...]
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class TookTerm:
    """Seconds from start to completion, or until now while it runs, that fit one of the comparisons."""

    bounds: tuple[tuple[Comparison, float], ...]
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class WordTerm:
    """Text that stands in the job, the worker or a parameter's text, or begins the run's identifier."""

    word: str
    is_negated: bool = False


Term = StatusTerm | CauseTerm | NameTerm | ParameterTerm | SourceTerm | IntegerTerm | DateTerm | TookTerm | WordTerm


@dataclass(frozen=True, slots=True)
class Query:
    """All of `terms` must fit; without any, every run does."""

    terms: tuple[Term, ...] = ()


EVERY_RUN: Final = Query()


# What terms mean ------------------------------------------------------------------------------------


def matches(query: Query, run: Run, now: datetime) -> bool:
    """Tell whether every term fits the run as it is at `now` (aware UTC)."""
    return all(fits(term, run, now) for term in query.terms)


def fits(term: Term, run: Run, now: datetime) -> bool:
    """Tell whether one term fits, its negation included; a field without a value fits nothing but a negation."""
    return _holds(term, run, now) != term.is_negated


def is_settled(term: Term) -> bool:
    """Tell whether what the term says of a run can never change."""
    match term:
        case NameTerm():
            return term.field is not NameField.WORKER
        case DateTerm():
            moments = [bound.moment for bound in term.bounds if isinstance(bound, DateBound)]
            return term.field is DateField.CREATED and not any(isinstance(one, Ago) for one in moments)
        case ParameterTerm() | SourceTerm() | IntegerTerm():
            return True
        case StatusTerm() | CauseTerm() | TookTerm() | WordTerm():
            return False
    assert_never(term)


def moment_of(moment: datetime | Ago, now: datetime) -> datetime:
    """Return the date that is meant; `now` is aware UTC."""
    if isinstance(moment, datetime):
        return moment
    return now - timedelta(seconds=moment.seconds)


def day_of(on: On) -> tuple[datetime, datetime]:
    """Return the day's first instant, and the last microsecond of it."""
    start = datetime.combine(on.day, time(tzinfo=UTC))
    return start, datetime.combine(on.day, time.max.replace(tzinfo=UTC))


_COMPARE: Final[Mapping[Comparison, Callable[[int, int], bool]]] = {
    Comparison.EQUAL: lambda one, other: one == other,
    Comparison.LESS: lambda one, other: one < other,
    Comparison.LESS_OR_EQUAL: lambda one, other: one <= other,
    Comparison.MORE: lambda one, other: one > other,
    Comparison.MORE_OR_EQUAL: lambda one, other: one >= other,
}
MICROSECOND: Final = timedelta(microseconds=1)
_LOWER: Final = str.maketrans({chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)})


def lower(text: str) -> str:
    """Write A to Z in lower case, and nothing else: databases disagree on the rest."""
    return text.translate(_LOWER)


def microseconds(seconds: float) -> int:
    """Round seconds to the microseconds in which dates are stored."""
    return round(seconds * 1e6)


def _holds(term: Term, run: Run, now: datetime) -> bool:
    match term:
        case StatusTerm():
            return run.status in term.statuses
        case CauseTerm():
            return run.cause.code in term.codes
        case NameTerm():
            name = {NameField.PROJECT: run.project, NameField.JOB: run.job, NameField.WORKER: run.worker}[term.field]
            return name is not None and any(one.fits(name) for one in term.patterns)
        case ParameterTerm():
            if term.key not in run.parameters:
                return False
            value = parameter_text(run.parameters[term.key])
            return any(one.fits(value) for one in term.patterns)
        case SourceTerm():
            kind = run.source.get("type")
            name = str(run.source.get(str(kind), ""))
            return any(one.type == kind and (one.name is None or one.name.fits(name)) for one in term.sources)
        case IntegerTerm():
            number = run.number if term.field is IntegerField.NUMBER else run.priority
            return any(_COMPARE[how](number, bound) for how, bound in term.bounds)
        case DateTerm():
            dates = {
                DateField.CREATED: run.creation_date,
                DateField.STARTED: run.start_date,
                DateField.COMPLETED: run.completion_date,
            }
            found = dates[term.field]
            return found is not None and any(_is_within(found, bound, now) for bound in term.bounds)
        case TookTerm():
            if run.start_date is None:
                return False
            took = ((run.completion_date or now) - run.start_date) // MICROSECOND
            return any(_COMPARE[how](took, microseconds(bound)) for how, bound in term.bounds)
        case WordTerm():
            return _has_word(run, lower(term.word))
    assert_never(term)


def _is_within(found: datetime, bound: DateBound | On, now: datetime) -> bool:
    if isinstance(bound, On):
        first, last = day_of(bound)
        return first <= found <= last
    return _COMPARE[bound.comparison]((found - moment_of(bound.moment, now)) // MICROSECOND, 0)


def _has_word(run: Run, word: str) -> bool:
    if lower(run.identifier).startswith(word):
        return True
    texts: Iterable[object] = (run.job, run.worker, *run.parameters.values())
    return any(isinstance(text, str) and word in lower(text) for text in texts)


def parameter_text(value: object) -> str:
    """Write a parameter's value as people write it: text as it is, `true`, `3`, `0.5`; a whole number without `.0`."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case float():
            return _number(value)
    return str(value)


def _number(value: float) -> str:
    """The shortest digits that mean `value`, in the form in which the database's JSON has them."""
    digits, e, exponent = repr(value).partition("e")
    if not e:
        return digits.removesuffix(".0")
    if exponent == "-05":
        sign, mantissa = ("-", digits[1:]) if digits.startswith("-") else ("", digits)
        return f"{sign}0.0000{mantissa.replace('.', '')}"
    return f"{digits}e{int(exponent)}"
