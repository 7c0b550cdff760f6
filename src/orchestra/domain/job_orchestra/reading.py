"""JSON text of an export → records, with every problem of all files at once.

What two readers of JSON would understand differently is refused: a key that stands twice, NaN and
infinities. Text that no database keeps (U+0000, halves of surrogate pairs) is a flaw of its record
alone, so that one odd result does not hold up the rest. A record's problems name it by its place.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, NoReturn, TypeVar

from orchestra.domain.errors import InvalidContent, Problem
from orchestra.domain.job_orchestra.exported import (
    Export,
    ExportedAuthentication,
    ExportedJob,
    ExportedProject,
    ExportedRun,
    ExportedSchedule,
    ExportedUser,
    ExportedWorker,
    Kind,
    Record,
    Table,
    kinds,
)
from orchestra.domain.tree import PROBLEMS, expected

DEPTH: Final = 64
"""Deepest nesting of a record; results of commands reach a few levels."""
_INTEGERS: Final = range(-(1 << 63), 1 << 63)
_UNWANTED: Final = re.compile("[\0\ud800-\udfff]")

_TYPES: Final[Mapping[Kind, type]] = {Kind.TEXT: str, Kind.FLAG: bool, Kind.LIST: list, Kind.MAPPING: dict}
_NAMES: Final[Mapping[type, str]] = {
    str: "text",
    bool: "true or false",
    list: "a list",
    dict: "a mapping",
    int: "a number",
    float: "a number",
    type(None): "null",
}

R = TypeVar("R", bound=Record)


def read(files: Mapping[str, str]) -> Export:
    """Return what the files (name → text) say. Raises InvalidContent with all problems of all of them."""
    problems: list[Problem] = []
    names = [table.file for table in Table]
    problems += [Problem("", expected("file", one, names), one) for one in files if one not in names]
    tables = {table: parse(table.file, files[table.file], problems) for table in Table if table.file in files}

    def records(table: Table, kind: type[R], *key: str) -> tuple[R, ...]:
        return _records(table.file, tables.get(table, []), kind, key, problems)

    export = Export(
        users=records(Table.USER, ExportedUser, "identifier"),
        authentications=records(Table.USER_AUTHENTICATION, ExportedAuthentication, "identifier"),
        projects=records(Table.PROJECT, ExportedProject, "identifier"),
        jobs=records(Table.JOB, ExportedJob, "project", "identifier"),
        schedules=records(Table.SCHEDULE, ExportedSchedule, "project", "identifier"),
        workers=records(Table.WORKER, ExportedWorker, "identifier"),
        runs=records(Table.RUN, ExportedRun, "project", "identifier"),
        missing=tuple(table for table in Table if table not in tables),
    )
    if problems:
        count = len(problems)
        told = problems[:PROBLEMS]
        told += [Problem("", f"and {count - PROBLEMS} more problems")] if count > PROBLEMS else []
        raise InvalidContent(f"{count} {'problem' if count == 1 else 'problems'} in the export", tuple(told))
    return export


# JSON ---------------------------------------------------------------------------------------------


class _NotFiniteError(ValueError):
    """NaN or an infinity."""


def parse(file: str, text: str, problems: list[Problem]) -> list[Any]:
    """Return the records in `text`, unchecked; what is wrong goes to `problems`."""
    twice: dict[str, None] = {}

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            keys = [key for key, _ in pairs]
            twice.update(dict.fromkeys(key for key in keys if keys.count(key) > 1))
        return found

    try:
        value = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=unique, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        problems.append(Problem("", f"is no JSON: {error.msg}", file, error.lineno, error.colno))
        return []
    except _NotFiniteError as error:
        problems.append(Problem("", f"is no JSON: {error}", file, _line_of(text, str(error).split()[0])))
        return []
    except ValueError as error:
        problems.append(Problem("", f"is no JSON: {error}", file))
        return []
    except RecursionError:
        problems.append(Problem("", f"expected at most {DEPTH} levels of nesting", file))
        return []
    problems += [
        Problem(key, "stands twice in the same object", file, _line_of(text, json.dumps(key, ensure_ascii=False), 2))
        for key in twice
    ]
    if not isinstance(value, list):
        problems.append(Problem("", f"expected a list of records, got {_name(value)}", file))
        return []
    return value


def _refuse(text: str) -> NoReturn:
    raise _NotFiniteError(f"{text} is no number of JSON")


def _line_of(text: str, what: str, least: int = 1) -> int | None:
    """The line of the first place where `what` stands at least `least` times on or before; None when unsure."""
    begin = -1
    for _ in range(least):
        begin = text.find(what, begin + 1)
    is_only = begin >= 0 and text.find(what, begin + 1) < 0
    return text.count("\n", 0, begin) + 1 if is_only else None


# Records ------------------------------------------------------------------------------------------


def _records(
    file: str, values: Iterable[Any], kind: type[R], key: tuple[str, ...], problems: list[Problem]
) -> tuple[R, ...]:
    found: list[R] = []
    seen: dict[tuple[str, ...], int] = {}
    described = kinds(kind)
    for index, value in enumerate(values):
        made = _record(Problem(f"[{index}]", "", file), value, described, problems)
        if made is None:
            continue
        record = kind(file=file, index=index, **made)
        name = tuple(str(getattr(record, one)) for one in key)
        if seen.setdefault(name, index) != index:
            says = f"a second record is named {'/'.join(name)!r}, as [{seen[name]}] is"
            problems.append(Problem(f"[{index}].{key[-1]}", says, file))
        found.append(record)
    return tuple(found)


def _record(
    where: Problem, value: Any, described: Mapping[str, tuple[Kind, bool]], problems: list[Problem]
) -> dict[str, Any] | None:
    """Return what a record of the class that `described` belongs to is made of, None after problems were told."""
    if not isinstance(value, dict):
        problems.append(replace(where, message=f"expected a mapping, got {_name(value)}"))
        return None
    values: dict[str, Any] = {}
    before = len(problems)
    for name, (holds, is_required) in described.items():
        given = value.get(name)
        if given is not None:
            values[name] = _value(given, holds, replace(where, path=f"{where.path}.{name}"), problems)
        elif is_required:
            says = "is null" if name in value else "is missing"
            problems.append(replace(where, path=f"{where.path}.{name}", message=f"{says}: expected {holds}"))
    if len(problems) > before:
        return None
    unknown = tuple(str(one) for one in value if one not in described)
    return {"unknown": unknown, "flaw": flaw_of(values), **values}


def _value(given: Any, kind: Kind, where: Problem, problems: list[Problem]) -> Any:
    if kind is Kind.ANYTHING or type(given) is _TYPES.get(kind):
        return given
    if kind is Kind.DATE and isinstance(given, str) and (date := date_of(given)) is not None:
        return date
    got = f"the text {given[:60]!r}" if isinstance(given, str) and kind is Kind.DATE else _name(given)
    problems.append(replace(where, message=f"expected {kind}, got {got}"))
    return None


def date_of(text: str) -> datetime | None:
    """Return the aware UTC date that `text` (ISO 8601) means; without a zone it is UTC, as the ancestor writes it."""
    try:
        date = datetime.fromisoformat(text)
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def flaw_of(value: Any, path: str = "", depth: int = 1) -> str:
    """Say what of a JSON value no database keeps; empty when all of it can be stored."""
    if isinstance(value, str):
        unwanted = _UNWANTED.search(value)
        if unwanted is None:
            return ""
        what = "the character U+0000" if unwanted[0] == "\0" else "half of a surrogate pair"
        return f"{path or 'the value'} holds {what}"
    if isinstance(value, bool) or value is None or isinstance(value, datetime):
        return ""
    if isinstance(value, int):
        return "" if value in _INTEGERS else f"{path} is a whole number of more than 64 bits"
    if isinstance(value, float):
        return "" if math.isfinite(value) else f"{path} is a number that no 64-bit float can hold"
    if depth > DEPTH:
        return f"{path[:60]}… is nested deeper than {DEPTH} levels"
    if isinstance(value, dict):
        inside = ((key, one, f"{path}.{key}" if path else str(key)) for key, one in value.items())
        found = (flaw_of(key, "a key") or flaw_of(one, place, depth + 1) for key, one, place in inside)
    else:
        found = (flaw_of(one, f"{path}[{index}]", depth + 1) for index, one in enumerate(value))
    return next((one for one in found if one), "")


def _name(value: Any) -> str:
    return _NAMES.get(type(value), type(value).__name__)
