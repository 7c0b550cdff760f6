"""Writes run queries, as they are read by `run_query_parser`."""

import re
from typing import Final, assert_never

from orchestra.domain import duration
from orchestra.domain.run_query import (
    Ago,
    CauseTerm,
    Comparison,
    DateBound,
    DateTerm,
    IntegerTerm,
    NameTerm,
    On,
    ParameterTerm,
    Pattern,
    Query,
    SourcePattern,
    SourceTerm,
    StatusTerm,
    Term,
    TookTerm,
    WordTerm,
)

_SAFE: Final = re.compile(r"[\w./@+-]+", re.ASCII)


def text(query: Query) -> str:
    """Write a query so that `parse` reads the same one, if it is no longer than `LENGTH`."""
    return " ".join(f"{'-' if term.is_negated else ''}{_written(term)}" for term in query.terms)


def _written(term: Term) -> str:
    match term:
        case StatusTerm():
            return f"status:{','.join(term.statuses)}"
        case CauseTerm():
            return f"cause:{','.join(term.codes)}"
        case NameTerm():
            return f"{term.field}:{','.join(map(_pattern_text, term.patterns))}"
        case ParameterTerm():
            return f"parameter.{term.key}:{','.join(map(_pattern_text, term.patterns))}"
        case SourceTerm():
            return f"source:{','.join(map(_source_text, term.sources))}"
        case IntegerTerm():
            return f"{term.field}:{','.join(f'{_sign(how)}{number}' for how, number in term.bounds)}"
        case DateTerm():
            return f"{term.field}:{','.join(map(_date_text, term.bounds))}"
        case TookTerm():
            return f"took:{','.join(f'{_sign(how)}{_seconds(bound)}' for how, bound in term.bounds)}"
        case WordTerm():
            return _literal(term.word)
    assert_never(term)


def _literal(part: str) -> str:
    if _SAFE.fullmatch(part) and not part.startswith("-"):
        return part
    escaped = part.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _pattern_text(pattern: Pattern) -> str:
    if pattern.exact is not None:
        return _literal(pattern.exact)
    return "*".join(_literal(piece) if piece else "" for piece in pattern.pieces)


def _source_text(source: SourcePattern) -> str:
    return source.type if source.name is None else f"{source.type}:{_pattern_text(source.name)}"


def _date_text(bound: DateBound | On) -> str:
    if isinstance(bound, On):
        return bound.day.isoformat()
    if isinstance(bound.moment, Ago):
        return f"{bound.comparison}-{_seconds(bound.moment.seconds)}"
    return f"{bound.comparison}{bound.moment.isoformat().replace('+00:00', 'Z')}"


def _sign(comparison: Comparison) -> str:
    return "" if comparison is Comparison.EQUAL else comparison


def _seconds(seconds: float) -> str:
    """The shortest form that means the same; microseconds at the finest, as dates have them."""
    found = duration.text(seconds)
    return found if duration.parse(found) == seconds else f"{seconds:.6f}s"
