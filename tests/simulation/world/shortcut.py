"""A connection that knows the statements it has seen: no fourth of a world's time goes into preparing them again.

SQLAlchemy compiles a statement once, but prepares each of its executions with care that costs more than SQLite
takes for it. Here the second execution of a statement says how it is done: its text, where each value comes from
and what makes it fit, what its columns are. The third one does just that. What is special (several rows at once,
defaults of columns, errors) goes the long way, and so does everything that is made anew for each execution. A world
has the same history with and without (`test_worlds`).
"""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, CursorResult, Executable, Result
from sqlalchemy.engine.result import IteratorResult, ResultMetaData

_PLANS: Final = "_plans_of_the_simulation"
"""Where a statement carries its `_Plans`."""


@dataclass(frozen=True, slots=True)
class _Plan:
    texts: dict[tuple[int, ...], str]
    """By how many elements each of `lists` has."""
    lists: tuple[str, ...]
    pieces: Sequence[tuple[str | None, Callable[[Any], Any] | None, Sequence[Any]]]
    """(name of the value, what makes it fit, values that never change) for each place or list of places."""
    columns: ResultMetaData | None
    """None: it finds no rows."""

    def fill(self, values: Mapping[str, Any]) -> Sequence[Any]:
        """What stands at each place of the text."""
        found: list[Any] = []
        for name, convert, fixed in self.pieces:
            if name is None:
                found += fixed
            elif name in self.lists:
                found += values[name] if convert is None else convert(values[name])
            else:
                found.append(values[name] if convert is None else convert(values[name]))
        return found


@dataclass(frozen=True, slots=True)
class _Plans:
    """`by_names`: by the names of the values that the statement is given; True: it was executed once."""

    statement: weakref.ref[Executable]
    """Whose they are: what is derived from a statement inherits all that it carries."""
    by_names: dict[tuple[str, ...], _Plan | bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Changed:
    """What a statement without rows answers."""

    rowcount: int


class Shortcut:
    """Stands for `connection` wherever a function of storage wants one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sqlite: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
        self._texts: dict[str, ResultMetaData | None] = {}
        self.dialect = connection.dialect

    def execute(self, statement: Executable, values: Any = None) -> Any:
        """See `Connection`."""
        if values is None:
            values = {}
        if type(values) is not dict:
            return self._connection.execute(statement, values)
        plans = _plans(statement)
        names = tuple(values)
        plan = plans.get(names, False)
        lengths: tuple[int, ...] = ()
        if isinstance(plan, _Plan):
            lengths = tuple([len(values[name]) for name in plan.lists])
            text = plan.texts.get(lengths)
            if text is not None:
                try:
                    return _answer(self._sqlite.execute(text, plan.fill(values)), plan.columns)
                except (sqlite3.Error, ValueError, TypeError):
                    # What went wrong is said as it always is.
                    return self._connection.execute(statement, values)
        result = self._connection.execute(statement, values)
        if plan is False:
            plans[names] = True
        elif plan is True:
            plans[names] = _plan(result, values)
        elif plan is not None:
            plan.texts[lengths] = result.context.statement
        return result

    def exec_driver_sql(self, text: str, values: Any = ()) -> Any:
        """See `Connection`."""
        if type(values) is tuple and text in self._texts:
            try:
                return _answer(self._sqlite.execute(text, values), self._texts[text])
            except sqlite3.Error:
                return self._connection.exec_driver_sql(text, values)
        result = self._connection.exec_driver_sql(text, values)
        if type(values) is tuple:
            self._texts[text] = result._metadata if result.returns_rows else None
        return result


def _plans(statement: Executable) -> dict[tuple[str, ...], _Plan | bool | None]:
    plans: _Plans | None = statement.__dict__.get(_PLANS)
    if plans is None or plans.statement() is not statement:
        plans = statement.__dict__[_PLANS] = _Plans(weakref.ref(statement))
    return plans.by_names


def _answer(cursor: sqlite3.Cursor, columns: ResultMetaData | None) -> Result[Any] | _Changed:
    if columns is None:
        return _Changed(cursor.rowcount)
    return IteratorResult(columns, iter(cursor.fetchall()))


def _plan(result: CursorResult[Any], values: Mapping[str, Any]) -> _Plan | None:
    """How the statement that gave this result is executed with values of these names; None: the long way."""
    context: Any = result.context
    compiled = context.compiled
    if compiled.literal_execute_params or compiled.insert_prefetch or compiled.update_prefetch:
        return None
    all_values = compiled.construct_params(values, extracted_parameters=context.extracted_parameters)
    pieces, lists = [], []
    for name in compiled._pre_expanded_positiontup or compiled.positiontup:
        bind = compiled.binds[name]
        given = bind.key if bind.key in values else name
        is_list = bind in compiled.post_compile_params
        convert = compiled._bind_processors.get(name)
        if is_list:
            convert = _of_list(convert, is_of_tuples=bind.type._is_tuple_type)
        if given not in values:
            value = all_values[name] if convert is None else convert(all_values[name])
            pieces.append((None, None, value if is_list else [value]))
            continue
        pieces.append((given, convert, ()))
        if is_list and given not in lists:
            lists.append(given)
    lengths = tuple(len(values[name]) for name in lists)
    columns = result._metadata if result.returns_rows else None
    return _Plan({lengths: context.statement}, tuple(lists), pieces, columns)


def _of_list(convert: Any, *, is_of_tuples: bool) -> Callable[[Any], Sequence[Any]]:
    """What makes all elements of a list fit; those of tuples each by their own."""
    if not is_of_tuples:
        return list if convert is None else lambda value: [convert(one) for one in value]

    def flatten(value: Sequence[Sequence[Any]]) -> Sequence[Any]:
        each = convert or [None] * len(value[0])
        return [
            element if fit is None else fit(element) for one in value for element, fit in zip(one, each, strict=True)
        ]

    return flatten
