"""Statements of the hot path: compiled once, executed by the driver itself, with nothing done twice.

SQLAlchemy prepares each execution with care that our fixed statements do not need: 20 to 60 µs, where
SQLite itself takes 2 to 10. What is left is each column type's own conversion, of parameters and of
results.

Every row brings a value for each parameter that has no value in the statement itself. Errors are
SQLAlchemy's own, so that callers need not know which way was taken.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, Delete, Dialect, Insert, Select, Update, bindparam
from sqlalchemy.exc import DBAPIError

Row = Mapping[str, Any]
Clause = Insert | Update | Delete | Select[Any]
_Converter = Callable[[Any], Any]

LISTED_AT_ONCE: Final = 512
"""Most values in one statement of a `ListStatement`."""


class _Compiled:
    """A clause as one dialect's text, with what its parameters and its results need."""

    def __init__(self, clause: Clause, dialect: Dialect, columns: Sequence[str] | None) -> None:
        compiled = clause.compile(dialect=dialect, column_keys=None if columns is None else list(columns))
        self.text = str(compiled)
        converters: dict[str, _Converter | None] = {
            name: bind.type.dialect_impl(dialect).bind_processor(dialect) for bind, name in compiled.bind_names.items()
        }
        values = _by_place(converters, compiled.positiontup or ()) if compiled.positional else _by_name(converters)
        own = {name: bind.effective_value for bind, name in compiled.bind_names.items() if not bind.required}
        self.values = (lambda row: values({**own, **row})) if own else values
        self._types = [one.type.dialect_impl(dialect) for one in compiled._result_columns]
        self._dialect = dialect
        self._result: Callable[[Sequence[Any]], tuple[Any, ...]] | None = None

    def result(self, cursor: Any) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
        """Return what makes a row's values of what the driver gives; `cursor` has executed this clause."""
        if self._result is None:
            codes = [column[1] for column in cursor.description]
            found = [
                type_.result_processor(self._dialect, code) for type_, code in zip(self._types, codes, strict=True)
            ]
            converters = [(place, convert) for place, convert in enumerate(found) if convert is not None]
            self._result = _converted(converters) if converters else tuple
        return self._result


def _by_place(converters: Mapping[str, _Converter | None], names: Sequence[str]) -> Callable[[Row], Any]:
    pairs = [(name, converters[name]) for name in names]
    return lambda row: tuple([row[name] if convert is None else convert(row[name]) for name, convert in pairs])


def _by_name(converters: Mapping[str, _Converter | None]) -> Callable[[Row], Any]:
    return lambda row: {
        name: row[name] if convert is None else convert(row[name]) for name, convert in converters.items()
    }


def _converted(converters: Sequence[tuple[int, _Converter]]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    def convert(row: Sequence[Any]) -> tuple[Any, ...]:
        values = list(row)
        for place, one in converters:
            values[place] = one(values[place])
        return tuple(values)

    return convert


class Statement:
    """A statement that is executed often.

    `columns` are those that an INSERT without values fills: then they are the names of its parameters.
    """

    def __init__(self, clause: Clause, columns: Sequence[str] | None = None) -> None:
        self._clause = clause
        self._columns = columns
        self._compiled: dict[str, _Compiled] = {}

    def execute(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Execute an INSERT, UPDATE or DELETE for each of `rows`, at least one; return how many rows it hit in all."""
        compiled = self._of(connection)
        values = [compiled.values(row) for row in rows]
        cursor = execute(connection, compiled.text, values[0] if len(values) == 1 else values, many=len(values) > 1)
        hit: int = cursor.rowcount
        cursor.close()
        return hit

    def first(self, connection: Connection, row: Row) -> tuple[Any, ...] | None:
        """Return the first row that is found, or that a RETURNING gives; None when there is none."""
        compiled = self._of(connection)
        cursor = execute(connection, compiled.text, compiled.values(row))
        found = cursor.fetchone()
        value = None if found is None else compiled.result(cursor)(found)
        cursor.close()
        return value

    def all(self, connection: Connection, row: Row) -> list[tuple[Any, ...]]:
        """Return the rows that are found, in their order."""
        compiled = self._of(connection)
        cursor = execute(connection, compiled.text, compiled.values(row))
        found = list(map(compiled.result(cursor), cursor.fetchall()))
        cursor.close()
        return found

    def _of(self, connection: Connection) -> _Compiled:
        found = self._compiled.get(connection.dialect.name)
        if found is None:
            found = self._compiled[connection.dialect.name] = _Compiled(self._clause, connection.dialect, self._columns)
        return found


class ListStatement:
    """A SELECT with `column IN (…)`: `make` gives it for that many parameters.

    It is compiled for 1, 2, 4, 8 … parameters; what is too many repeats the last value.
    """

    def __init__(self, make: Callable[[list[BindParameter[Any]]], Select[Any]]) -> None:
        self._make = make
        self._sizes: dict[int, Statement] = {}

    def all(self, connection: Connection, listed: Iterable[Any]) -> list[tuple[Any, ...]]:
        """Return the rows that are found for the distinct values of `listed`; in no order beyond `LISTED_AT_ONCE`."""
        distinct = list(dict.fromkeys(listed))
        found: list[tuple[Any, ...]] = []
        for start in range(0, len(distinct), LISTED_AT_ONCE):
            part = distinct[start : start + LISTED_AT_ONCE]
            size = 1 << (len(part) - 1).bit_length()
            part += part[-1:] * (size - len(part))
            found += self._of(size).all(connection, {f"listed_{place}": one for place, one in enumerate(part)})
        return found

    def _of(self, size: int) -> Statement:
        found = self._sizes.get(size)
        if found is None:
            parameters: list[BindParameter[Any]] = [bindparam(f"listed_{place}") for place in range(size)]
            found = self._sizes[size] = Statement(self._make(parameters))
        return found


def execute(connection: Connection, text: str, values: Any = (), *, many: bool = False) -> Any:
    """Let the driver execute a fixed `text`; return its cursor. Raises what SQLAlchemy would raise."""
    cursor: Any = None
    try:
        cursor = connection.connection.cursor()
        if many:
            cursor.executemany(text, values)
        else:
            cursor.execute(text, values)
    except connection.dialect.loaded_dbapi.Error as error:
        driver: Any = connection.connection.driver_connection
        raise DBAPIError.instance(
            text,
            values,
            error,
            connection.dialect.loaded_dbapi.Error,
            connection_invalidated=connection.dialect.is_disconnect(error, driver, cursor),
            dialect=connection.dialect,
        ) from error
    return cursor
