"""Terms of run queries as conditions of SQL, with the same answers as `domain.run_query.fits`.

Rules: every value is a bound parameter. A term that a missing value makes NULL is false, so that its
negation is true. Text is compared by code point on both databases (`columns`); patterns are GLOB on
SQLite, whose LIKE ignores case, and LIKE on PostgreSQL, with everything escaped that has a meaning
there. Dates are compared as they are stored, durations in whole microseconds.

Which index a list uses is decided in `run_lists`; these conditions only leave rows out.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, assert_never

from sqlalchemy import ColumnElement, and_, bindparam, case, cast, exists, false, func, literal, not_, or_, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import BigInteger, Text, TypeEngine

from orchestra.domain.run_query import (
    CauseTerm,
    Comparison,
    DateBound,
    DateField,
    DateTerm,
    IntegerTerm,
    NameTerm,
    On,
    ParameterTerm,
    Pattern,
    SourcePattern,
    SourceTerm,
    StatusTerm,
    Term,
    TookTerm,
    WordTerm,
    day_of,
    lower,
    microseconds,
    moment_of,
)
from orchestra.storage.columns import string
from orchestra.storage.schema import run

_DATES: Final = {
    DateField.CREATED: run.c.creation_date,
    DateField.STARTED: run.c.start_date,
    DateField.COMPLETED: run.c.completion_date,
}
_COMPARE: Final[Mapping[Comparison, Callable[[Any, Any], ColumnElement[bool]]]] = {
    Comparison.EQUAL: lambda one, other: one == other,
    Comparison.LESS: lambda one, other: one < other,
    Comparison.LESS_OR_EQUAL: lambda one, other: one <= other,
    Comparison.MORE: lambda one, other: one > other,
    Comparison.MORE_OR_EQUAL: lambda one, other: one >= other,
}


def condition(term: Term, now: datetime, dialect: str) -> ColumnElement[bool]:
    """Return the condition on rows of `run`; `dialect` is the name of the connection's, `now` aware UTC."""
    holds = _Conditions(now, dialect == "sqlite").of(term)
    return not_(func.coalesce(holds, false())) if term.is_negated else holds


class _Conditions:
    """The conditions on one kind of database, at one time."""

    def __init__(self, now: datetime, is_sqlite: bool) -> None:
        self._now = now
        self._is_sqlite = is_sqlite

    def of(self, term: Term) -> ColumnElement[bool]:
        """The condition of the term without its negation; may be NULL where it is false."""
        match term:
            case StatusTerm():
                return run.c.status.in_(term.statuses)
            case CauseTerm():
                return self._member(run.c.cause, "code").in_([str(code) for code in term.codes])
            case NameTerm():
                return or_(*(self._fits(run.c[term.field], one) for one in term.patterns))
            case ParameterTerm():
                value = self._parameter(term.key)
                return or_(*(self._fits(value, one) for one in term.patterns))
            case SourceTerm():
                return or_(*(self._source(one) for one in term.sources))
            case IntegerTerm():
                return or_(*(_COMPARE[how](run.c[term.field], number) for how, number in term.bounds))
            case DateTerm():
                return or_(*(self._is_within(_DATES[term.field], bound) for bound in term.bounds))
            case TookTerm():
                took = self._took()
                return or_(*(_COMPARE[how](took, microseconds(bound)) for how, bound in term.bounds))
            case WordTerm():
                return self._has_word(lower(term.word))
        assert_never(term)

    def _fits(self, value: ColumnElement[Any], pattern: Pattern) -> ColumnElement[bool]:
        exact = pattern.exact
        if exact is not None:
            return value == literal(exact, string())
        if self._is_sqlite:
            # A concatenation, for else SQLite finds the beginning in an index and sorts what it found: the whole list.
            return value.concat("").bool_op("GLOB")(literal("*".join(map(_glob, pattern.pieces)), string()))
        return value.like(literal("%".join(map(_like, pattern.pieces)), string()), escape="\\")

    def _member(self, column: ColumnElement[Any], key: str) -> ColumnElement[Any]:
        """The text of a member of a JSON object."""
        return self._json(column, "->>", self._path(key), string())

    def _path(self, key: str) -> str:
        """A key as the operators of JSON take it; SQLite reads the bare key as a path when it looks like one."""
        return f'$."{key}"' if self._is_sqlite else key

    def _json(self, column: ColumnElement[Any], operator: str, key: str, kind: TypeEngine[Any]) -> ColumnElement[Any]:
        plain = cast(column, Text) if self._is_sqlite else cast(column, postgresql.JSON)
        return plain.op(operator, return_type=kind)(literal(key, Text()))

    def _parameter(self, key: str) -> ColumnElement[Any]:
        """The value as `parameter_text` writes it."""
        path = self._path(key)
        text = self._json(run.c.parameters, "->>", path, string())
        raw = cast(self._json(run.c.parameters, "->", path, Text()), Text)
        if self._is_sqlite:
            kind: ColumnElement[Any] = func.json_type(cast(run.c.parameters, Text), path)
            is_text = kind == "text"
        else:
            kind = func.json_typeof(self._json(run.c.parameters, "->", path, postgresql.JSON()))
            is_text = kind == "string"
        whole = func.substr(raw, 1, func.length(raw) - 2)
        return case((is_text, text), (raw.like("%.0"), whole), else_=raw)

    def _source(self, source: SourcePattern) -> ColumnElement[bool]:
        is_type = run.c.source_type == str(source.type)
        return is_type if source.name is None else and_(is_type, self._fits(run.c.source_name, source.name))

    def _is_within(self, column: ColumnElement[Any], bound: DateBound | On) -> ColumnElement[bool]:
        if isinstance(bound, On):
            return column.between(*day_of(bound))
        return _COMPARE[bound.comparison](column, moment_of(bound.moment, self._now))

    def _took(self) -> ColumnElement[int]:
        """Microseconds from start to completion or now; NULL for what has not started."""
        now = bindparam(None, self._now, type_=run.c.update_date.type)
        until = func.coalesce(run.c.completion_date, now)
        if self._is_sqlite:
            return _sqlite_microseconds(until) - _sqlite_microseconds(run.c.start_date)
        spent = until.op("-", return_type=postgresql.INTERVAL())(run.c.start_date)
        return cast(func.extract("epoch", spent) * 1_000_000, BigInteger)

    def _has_word(self, word: str) -> ColumnElement[bool]:
        """Somewhere in the job, the worker, a text of the parameters; or at the beginning of the identifier."""
        places = func.instr if self._is_sqlite else func.strpos

        def has(text: ColumnElement[Any]) -> ColumnElement[bool]:
            return places(func.lower(text), literal(word, string())) > 0

        if self._is_sqlite:
            member: Any = func.json_each(cast(run.c.parameters, Text)).table_valued("value", "type")
            in_parameters = exists(select(1).select_from(member).where(member.c.type == "text", has(member.c.value)))
        else:
            member = func.json_each(cast(run.c.parameters, postgresql.JSON)).table_valued("value")
            text = member.c.value.op("#>>", return_type=Text())(cast(literal("{}", Text()), postgresql.ARRAY(Text)))
            is_text = func.json_typeof(member.c.value) == "string"
            in_parameters = exists(select(1).select_from(member).where(is_text, has(_bytewise(text))))
        begins = self._fits(run.c.identifier, Pattern((word, "")))
        return or_(has(run.c.job), func.coalesce(has(run.c.worker), false()), begins, in_parameters)


def _bytewise(text: ColumnElement[Any]) -> ColumnElement[Any]:
    """With the collation of our columns, by which `lower` changes A to Z alone."""
    return text.collate("C")


def _sqlite_microseconds(date: ColumnElement[Any]) -> ColumnElement[int]:
    """A stored date as microseconds since 1970: SQLite's own functions know milliseconds."""
    text = cast(date, Text)
    seconds = cast(func.strftime("%s", func.substr(text, 1, 19)), BigInteger)
    return seconds * 1_000_000 + cast(func.substr(text, 21, 6), BigInteger)


def _glob(piece: str) -> str:
    """Escape for GLOB, which knows no escape but a set of one."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in piece)


def _like(piece: str) -> str:
    return "".join(f"\\{char}" if char in "%_\\" else char for char in piece)
