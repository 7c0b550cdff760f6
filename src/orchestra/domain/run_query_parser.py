"""Reads run queries (`run_query` has the grammar and the terms).

    text ──► terms as typed: characters, each with its column and whether it was quoted ──► typed terms

Every problem is reported at once, with the column (from 1) of what is wrong; nothing but InvalidContent
is raised. `run_query_text` writes a query so that it is read as the same one.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final, TypeVar

from orchestra.domain import duration
from orchestra.domain.errors import InvalidContent, Problem
from orchestra.domain.job import PRIORITY_HIGHEST, PRIORITY_LOWEST
from orchestra.domain.parameters import KEY, KEY_SAYS
from orchestra.domain.run import CauseCode, RunStatus
from orchestra.domain.run_query import (
    Ago,
    CauseTerm,
    Comparison,
    DateBound,
    DateField,
    DateTerm,
    IntegerField,
    IntegerTerm,
    NameField,
    NameTerm,
    On,
    ParameterTerm,
    Pattern,
    Query,
    SourcePattern,
    SourceTerm,
    SourceType,
    StatusTerm,
    Term,
    TookTerm,
    WordTerm,
)

T = TypeVar("T")
S = TypeVar("S", bound=StrEnum)

LENGTH: Final = 2_000
"""Most characters of a query: an address line holds little more."""
TERMS: Final = 50
VALUES: Final = 50
"""Most values of one term."""
NUMBER_HIGHEST: Final = (1 << 31) - 1
"""A number beyond is none that a database holds."""

FIELDS: Final = (
    "status",
    "cause",
    *NameField,
    "source",
    *IntegerField,
    *DateField,
    "took",
    "parameter.KEY",
)


class _Wrong(Exception):
    """One problem; `column` is where."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message)
        self.message = message
        self.column = column


@dataclass(frozen=True, slots=True)
class _Char:
    """One character as typed; a quoted part that is empty is one character without text."""

    text: str
    column: int
    is_quoted: bool = False

    def is_plain(self, text: str) -> bool:
        return self.text == text and not self.is_quoted


@dataclass(frozen=True, slots=True)
class _Value:
    """One of the values of a term; `column` is where it begins."""

    chars: tuple[_Char, ...]
    column: int

    @property
    def text(self) -> str:
        return "".join(one.text for one in self.chars)

    def pattern(self) -> Pattern:
        """Its pieces between the `*` that are not quoted."""
        pieces = [""]
        for one in self.chars:
            if one.is_plain("*"):
                pieces.append("")
            else:
                pieces[-1] += one.text
        # What stands between two `*` may be nothing: then they are one.
        inner = [piece for piece in pieces[1:-1] if piece]
        return Pattern((pieces[0], *inner, pieces[-1])) if len(pieces) > 1 else Pattern((pieces[0],))

    def compared(self) -> "tuple[Comparison | None, _Value]":
        """The comparison in front, None without one, and the rest."""
        for sign in (">=", "<=", ">", "<", "="):
            if self.text.startswith(sign) and not any(one.is_quoted for one in self.chars[: len(sign)]):
                return Comparison(sign), _Value(self.chars[len(sign) :], self.column + len(sign))
        return None, self


def parse(source: str) -> Query:
    """Read a query. Raises InvalidContent with every problem, each with the path `q` and its column."""
    problems: list[_Wrong] = []
    terms: list[Term] = []
    if len(source) > LENGTH:
        raise _refused([_Wrong(f"expected at most {LENGTH} characters, got {len(source)}", LENGTH + 1)])
    for typed in _split(source, problems):
        if len(terms) == TERMS:
            problems.append(_Wrong(f"expected at most {TERMS} terms", typed[0].column))
            break
        try:
            terms.append(_term(typed, problems))
        except _Wrong as wrong:
            problems.append(wrong)
    if problems:
        raise _refused(problems)
    return Query(tuple(terms))


def _refused(problems: list[_Wrong]) -> InvalidContent:
    found = sorted(problems, key=lambda one: one.column)
    return InvalidContent(
        "the query cannot be read", tuple(Problem("q", one.message, column=one.column) for one in found)
    )


# Characters and terms ---------------------------------------------------------------------------------


def _split(source: str, problems: list[_Wrong]) -> Iterator[list[_Char]]:
    """Give the characters of each term."""
    typed: list[_Char] = []
    at = 0
    while at < len(source):
        char = source[at]
        if char == '"':
            part, at = _quoted(source, at, problems)
            typed += part
            continue
        at += 1
        if char.isspace():
            if typed:
                yield typed
            typed = []
        elif _is_storable(char):
            typed.append(_Char(char, at))
        else:
            problems.append(_Wrong(f"the character {char!r} cannot stand in a query", at))
    if typed:
        yield typed


def _quoted(source: str, start: int, problems: list[_Wrong]) -> tuple[list[_Char], int]:
    """The characters of a quoted part, and where it ends."""
    found: list[_Char] = []
    at = start + 1
    while at < len(source):
        char = source[at]
        if char == '"':
            return found or [_Char("", start + 1, is_quoted=True)], at + 1
        if char == "\\" and source[at + 1 : at + 2] in ('"', "\\"):
            at += 1
            char = source[at]
        if not _is_storable(char):
            problems.append(_Wrong(f"the character {char!r} cannot stand in a query", at + 1))
        found.append(_Char(char, at + 1, is_quoted=True))
        at += 1
    problems.append(_Wrong('the quote is not closed: expected another "', start + 1))
    return found, at


def _is_storable(char: str) -> bool:
    """No database has NUL in a text; other control characters are slips; halves of surrogate pairs are no text."""
    return (char >= " " or char in "\t\n\r") and char != "\x7f" and not "\ud800" <= char <= "\udfff"


def _term(typed: list[_Char], problems: list[_Wrong]) -> Term:
    column = typed[0].column
    is_negated = typed[0].is_plain("-")
    if is_negated:
        typed = typed[1:]
    if not typed:
        raise _Wrong("expected a term after -", column)
    colon = next((index for index, one in enumerate(typed) if one.is_plain(":")), None)
    if colon is None:
        return WordTerm(_word(typed), is_negated)
    name = "".join(one.text for one in typed[:colon])
    values = _values(typed[colon + 1 :], typed[colon].column + 1)
    return _fielded(name, typed[0].column, values, is_negated, problems)


def _word(typed: list[_Char]) -> str:
    star = next((one for one in typed if one.is_plain("*")), None)
    if star is not None:
        raise _Wrong('a word is found anywhere in a text: expected it without *, or in "quotes"', star.column)
    word = "".join(one.text for one in typed)
    if not word:
        raise _Wrong("expected a word, got an empty one", typed[0].column)
    return word


def _values(typed: list[_Char], column: int) -> list[_Value]:
    """Cut at the commas that are not quoted."""
    found: list[_Value] = []
    part: list[_Char] = []
    begin = column
    for one in typed:
        if one.is_plain(","):
            found.append(_Value(tuple(part), begin))
            part, begin = [], one.column + 1
        else:
            part.append(one)
    return [*found, _Value(tuple(part), begin)]


def _fielded(name: str, column: int, values: list[_Value], is_negated: bool, problems: list[_Wrong]) -> Term:
    """Read the values of a term with a field; each that is wrong is one problem."""
    if len(values) > VALUES:
        raise _Wrong(f"expected at most {VALUES} values, got {len(values)}", values[VALUES].column)

    def each(read: Callable[[_Value], T]) -> tuple[T, ...]:
        return tuple(_each(values, read, problems))

    field, dot, key = name.partition(".")
    field = name if field != "parameter" else field
    if field == "parameter":
        if not dot or KEY.fullmatch(key) is None:
            raise _Wrong(f"expected parameter.KEY, KEY being {KEY_SAYS}, got {name!r}", column)
        return ParameterTerm(key, each(_Value.pattern), is_negated)
    if field == "status":
        return StatusTerm(each(_member(RunStatus)), is_negated)
    if field == "cause":
        return CauseTerm(each(_member(CauseCode)), is_negated)
    if field == "source":
        return SourceTerm(each(_source), is_negated)
    if field == "took":
        return TookTerm(each(_took), is_negated)
    if field in tuple(NameField):
        return NameTerm(NameField(field), each(_name), is_negated)
    if field in tuple(IntegerField):
        of = IntegerField(field)
        return IntegerTerm(of, each(lambda value: _integer(value, *_INTEGERS[of])), is_negated)
    if field in tuple(DateField):
        return DateTerm(DateField(field), each(_date), is_negated)
    says = f'there is no field {name!r}: expected one of {", ".join(FIELDS)}; text with a colon stands in "quotes"'
    raise _Wrong(says, column)


def _each(values: list[_Value], read: Callable[[_Value], T], problems: list[_Wrong]) -> Iterator[T]:
    for value in values:
        try:
            if not value.chars:
                raise _Wrong("expected a value", value.column)
            yield read(value)
        except _Wrong as wrong:
            problems.append(wrong)


# Values -----------------------------------------------------------------------------------------------

_INTEGERS: Final = {
    IntegerField.NUMBER: (1, NUMBER_HIGHEST),
    IntegerField.PRIORITY: (PRIORITY_LOWEST, PRIORITY_HIGHEST),
}
_INTEGER: Final = re.compile(r"-?[0-9]{1,10}")


def _member(kind: type[S]) -> Callable[[_Value], S]:
    def read(value: _Value) -> S:
        try:
            return kind(value.text)
        except ValueError:
            raise _Wrong(f"expected one of {', '.join(kind)}, got {value.text!r}", value.column) from None

    return read


def _name(value: _Value) -> Pattern:
    if not value.text:
        raise _Wrong("expected a name, got an empty one", value.column)
    return value.pattern()


def _source(value: _Value) -> SourcePattern:
    colon = next((index for index, one in enumerate(value.chars) if one.is_plain(":")), None)
    type_, rest = (value.chars, None) if colon is None else (value.chars[:colon], value.chars[colon + 1 :])
    kind = _member(SourceType)(_Value(type_, value.column))
    if rest is None:
        return SourcePattern(kind)
    if not rest:
        raise _Wrong(f"expected a name after {kind}:", value.column + len(type_) + 1)
    return SourcePattern(kind, _Value(rest, rest[0].column).pattern())


def _integer(value: _Value, lowest: int, highest: int) -> tuple[Comparison, int]:
    comparison, rest = value.compared()
    number = int(rest.text) if _INTEGER.fullmatch(rest.text) else None
    if number is None or not lowest <= number <= highest:
        says = f"expected a whole number from {lowest} to {highest}, after <, <=, >, >= or nothing, got {value.text!r}"
        raise _Wrong(says, value.column)
    return comparison or Comparison.EQUAL, number


def _took(value: _Value) -> tuple[Comparison, float]:
    comparison, rest = value.compared()
    seconds = _seconds(rest.text)
    if seconds is None:
        says = f"expected a duration such as 90s, 15m, 2h or 1d, after <, <=, > or >=, got {value.text!r}"
        raise _Wrong(says, value.column)
    return comparison or Comparison.EQUAL, seconds


def _seconds(text: str) -> float | None:
    """A duration, to the microsecond: dates have no finer."""
    seconds = duration.parse(text)
    return None if seconds is None else round(seconds, 6)


def _date(value: _Value) -> DateBound | On:
    comparison, rest = value.compared()
    text = rest.text
    if text.startswith("-"):
        seconds = _seconds(text[1:])
        if seconds is not None and comparison in (None, Comparison.EQUAL):
            raise _Wrong(f"expected a comparison: >{text} is the time since then, <{text} before it", value.column)
        if seconds is not None and comparison is not None:
            return DateBound(comparison, Ago(seconds))
    day, moment = _day(text), _moment(text)
    if day is None and moment is None:
        says = "expected a day such as 2026-01-31, a time such as 2026-01-31T12:00:00Z, or a time ago such as >-24h"
        raise _Wrong(f"{says}, got {value.text!r}", value.column)
    if comparison in (None, Comparison.EQUAL):
        if day is None:
            raise _Wrong("expected <, <=, > or >= before a time; a day may stand alone", value.column)
        return On(day)
    assert comparison is not None and moment is not None
    return DateBound(comparison, moment)


_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT: Final = re.compile(
    rf"{_DAY.pattern}(T[0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}(\.[0-9]{{1,6}})?)?(Z|[-+][0-9:]{{5}})?)?"
)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


def _moment(text: str) -> datetime | None:
    """A date and time, UTC where it names no zone; a day is its first instant."""
    try:
        found = datetime.fromisoformat(text) if _MOMENT.fullmatch(text) else None
        return None if found is None else found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
